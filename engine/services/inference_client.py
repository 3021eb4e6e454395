"""How a page talks to the studio: make sure it is there, ask, and read what it streams. No TensorFlow here."""

import json
import multiprocessing.connection as mpc
import time
from collections.abc import Generator
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import Any

from engine.core import launch, machine, paths
from engine.core.errors import EngineError, ResourcesError
from engine.core.files import read_json
from engine.core.locks import held
from engine.runs import lifecycle, states
from engine.services import inference_server

LONGEST_ANSWER_BYTES = 16 << 20


def _root(root: Path | None) -> Path:
    return root or paths.checkpoints_root()


def phase(root: Path | None = None) -> str:
    """ "ready", "starting", or "" where no studio is alive."""
    root = _root(root)
    if not held(inference_server.lock_path(root)):
        return ""
    return str(read_json(inference_server.address_path(root)).get("phase", "starting"))


def ready(root: Path | None = None) -> bool:
    """Whether a studio answers."""
    return phase(root) == "ready"


def ensure(root: Path | None = None) -> None:
    """Starts a studio where none is alive, one however many ask; it is ready when `phase` says so.

    Raises:
        ResourcesError: the memory does not suffice, with the reason where a run takes it.
    """
    root = _root(root)
    if phase(root):
        return
    launch.ensure_one(
        "engine.services.inference_server",
        root,
        inference_server.lock_path(root),
        root / ".locks" / "studio.log",
        lambda: _prepare_start(root),
    )


def _prepare_start(root: Path) -> None:
    inference_server.address_path(root).unlink(missing_ok=True)
    try:
        machine.require_memory(machine.STUDIO_BYTES, root)
    except ResourcesError as error:
        if machine.look(root).usable_bytes < machine.STUDIO_BYTES:
            raise
        running = [run.name for run in lifecycle.all_runs(root) if run.state().state == states.RUNNING]
        if running:
            raise ResourcesError(
                "There is not enough memory to generate while {run} trains: samples by hand wait until it has ended.",
                run=running[0],
            ) from error
        raise


def wait_until_ready(root: Path | None = None, timeout_seconds: float = 120.0) -> None:
    """Waits for a studio that was started.

    Raises:
        EngineError: it ended, or did not answer in time.
    """
    end, seen = time.monotonic() + timeout_seconds, False
    while not ready(root):
        alive = bool(phase(root))
        if (seen and not alive) or time.monotonic() > end:
            raise EngineError("The studio did not start: .locks/studio.log beside the runs says why.")
        seen = seen or alive
        time.sleep(0.1)


def stream(request: dict[str, Any], root: Path | None = None) -> Generator[dict[str, Any], None, None]:
    """The studio's messages for a request, until it says "end"; closing the iterator cancels the work.

    Raises:
        EngineError: no studio, or it died while it worked.
    """
    where = read_json(inference_server.address_path(_root(root)))
    if not isinstance(where.get("address"), str) or not isinstance(where.get("key"), str):
        raise EngineError("The studio is not ready yet: try again in a moment.")
    try:
        key = bytes.fromhex(where["key"])
        with mpc.Client(where["address"]) as connection:
            mpc.answer_challenge(connection, key)
            mpc.deliver_challenge(connection, key)
            connection.send_bytes(json.dumps(request).encode())
            while (message := json.loads(connection.recv_bytes(LONGEST_ANSWER_BYTES)))["kind"] != "end":
                yield message
    except (OSError, EOFError, ValueError, AuthenticationError) as error:
        raise EngineError("The studio ended while it was working: try again, it starts anew.") from error


def answers(request: dict[str, Any], root: Path | None = None) -> Generator[dict[str, Any], None, None]:
    """The studio's messages for a request, the studio started and waited for where it is not there.

    Raises:
        EngineError: no studio, it died while it worked, or what it says is against the request.
    """
    ensure(root)
    wait_until_ready(root)
    for message in stream(request, root):
        if message["kind"] == "error":
            raise EngineError(message["template"], **message["values"])
        yield message
