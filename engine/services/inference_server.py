"""`python -m engine.services.inference_server [ROOT]`: a warm process that generates and scores for the pages, and ends when idle.

Clients connect over a local socket (a named pipe on Windows) with a key and exchange JSON, never pickles. Several may be
connected; texts are written for all who ask for them together, any other work is for one request at a time, and those that
wait are told so (`waiting`, then `begun`). A client that hangs up cancels its request.
"""

import json
import logging
import multiprocessing.connection as mpc
import os
import secrets
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, fields
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import Any, ClassVar

from engine.core import paths, strict_json
from engine.core.errors import EngineError, GoneError, sentence
from engine.core.files import write_bytes
from engine.core.locks import Lock
from engine.core.progress import Cancelled, Progress
from engine.inference.samples.streaming import send_error
from engine.runs import checkpoints, references
from engine.services.writing import Writing

IDLE_SECONDS = float(os.environ.get("ATELIER_STUDIO_IDLE_SECONDS", 15 * 60))
LONGEST_REQUEST_BYTES = 1 << 20
LOADED_MODELS = 4
_LOOK_SECONDS = 0.2  # how often a request that waits looks whether its client is still there
_BUG = sentence("The studio met an error that it did not foresee: {error}. Its log holds the details.")

log = logging.getLogger("atelier.studio")


def lock_path(root: Path) -> Path:
    """The file whose lock means: a studio is alive."""
    return root / ".locks" / "studio.lock"


def address_path(root: Path) -> Path:
    """Where the studio says its phase ("starting", "ready"), address and key; readable by its owner alone."""
    return root / ".locks" / "studio.json"


class Client:
    """The other end of one connection."""

    def __init__(self, connection: mpc.Connection) -> None:
        self._connection = connection

    def send(self, kind: str, **fields: Any) -> None:
        """Sends a message.

        Raises:
            Cancelled: the client is gone.
        """
        if self.gone():
            raise Cancelled
        try:
            self._connection.send_bytes(strict_json.dumps({"kind": kind, **fields}).encode())
        except OSError as error:
            raise Cancelled from error

    def on_progress(self, progress: Progress) -> None:
        """Sends how far the work is.

        Raises:
            Cancelled: the client is gone.
        """
        self.send("progress", **asdict(progress))

    def gone(self) -> bool:
        """Whether the client hung up; a client that waits for answers sends nothing else."""
        try:
            return self._connection.poll(0) and not self._connection.recv_bytes(LONGEST_REQUEST_BYTES)
        except (OSError, EOFError):
            return True


class Models:
    """The models in memory, by the hash of their weights, never by name; the one used longest ago gives way."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._generators: OrderedDict[str, Any] = OrderedDict()

    def get(self, reference: str) -> tuple[references.ModelReference, Any]:
        """What a reference means now, and a generator with exactly those weights.

        Raises:
            EngineError: no such model, or a damaged one.
        """
        from engine.inference.generation import Generator
        from engine.models import loading

        model = references.resolve(reference, self._root)
        key = f"{model.preset.hash()} {model.hash}"
        if model.checkpoint is not None:
            checkpoints.verify(model.checkpoint, model.checkpoint.weights_files)
        if key not in self._generators:
            self._generators[key] = Generator(*loading.load(model))
        self._generators.move_to_end(key)
        while len(self._generators) > LOADED_MODELS:
            self._generators.popitem(last=False)
        return model, self._generators[key]


class Studio:
    """Answers requests: texts for all together, anything else one at a time."""

    def __init__(self, root: Path) -> None:
        self._root, self._models = root, Models(root)
        self.turn, self._waiting, self._counting = threading.Lock(), 0, threading.Lock()
        self._writing = Writing(self.turn, lambda reference: self._models.get(reference), lambda: self._waiting > 0)
        self.last_used = time.monotonic()

    def answer(self, request: dict[str, Any], client: Client) -> None:
        """Answers one request; every way it can end but a hang-up ends in a message."""
        if request.get("kind") == "generate":
            try:
                self._writing.write(request, client)
                client.send("end")
            finally:
                self.last_used = time.monotonic()
            return
        waited = self._take_turn(client)
        try:
            if waited:
                client.send("begun")
            answer = self._ANSWERS.get(str(request.get("kind")))
            if answer is None:
                raise EngineError("The studio does not know the request {kind}.", kind=request.get("kind"))
            answer(self, request, client)
            client.send("end")
        finally:
            self.last_used = time.monotonic()
            self.turn.release()

    def _take_turn(self, client: Client) -> bool:
        """Waits until the model is free; the client is told `waiting` once. Whether it had to wait.

        Raises:
            Cancelled: the client hung up meanwhile.
        """
        if self.turn.acquire(blocking=False):
            return False
        client.send("waiting")
        with self._counting:
            self._waiting += 1
        try:
            while not self.turn.acquire(timeout=_LOOK_SECONDS):
                if client.gone():
                    raise Cancelled
        finally:
            with self._counting:
                self._waiting -= 1
        return True

    def _evaluate(self, request: dict[str, Any], client: Client) -> None:
        from engine.evaluation.cache import PassSettings
        from engine.evaluation.measure import examine

        model = references.resolve(str(request["reference"]), self._root)
        scores = examine(
            model,
            str(request["articles"]),
            str(request["split"]),
            PassSettings(**{field.name: int(request.get(field.name, field.default)) for field in fields(PassSettings)}),
            client.on_progress,
        )
        client.send("result", scores=scores)

    def _look(self, request: dict[str, Any], client: Client) -> None:
        """What one or two models expected at each token of a text, or of a passage of an article."""
        from engine.inference import token_scores
        from engine.inference.differences import passage

        loaded = [self._models.get(str(reference)) for reference in request["references"][:2]]
        if len(loaded) > 1:
            references.check_base(*(model for model, _generator in loaded))
        requested = request.get("passage")
        tokenizer = loaded[0][1].tokenizer
        taken = passage(tokenizer, requested) if requested else token_scores.typed(tokenizer, str(request["text"]))
        client.send("passage", pieces=token_scores.pieces(tokenizer, taken.ids), cut=taken.cut)
        for column, (model, generator) in enumerate(loaded):
            if generator.tokenizer.hash != tokenizer.hash:
                other = EngineError(
                    "{name} has another vocabulary: its tokens cannot be laid over the first model's.",
                    name=model.reference,
                )
                send_error(client.send, other, column)
                continue
            scores = generator.microscope.look(taken)
            client.send("looked", column=column, hash=model.hash, **token_scores.as_json(scores, tokenizer))

    def _differences(self, request: dict[str, Any], client: Client) -> None:
        from engine.inference.differences import largest_differences

        first, second = (references.resolve(str(r), self._root) for r in request["references"][:2])
        found = largest_differences(
            (first, second), str(request["articles"]), str(request["split"]), client.on_progress
        )
        client.send("result", places=found)

    def _parity(self, request: dict[str, Any], client: Client) -> None:
        from engine.evaluation.measure import parity

        checkpoint = checkpoints.find(str(request["reference"]), self._root)
        figures = parity(checkpoint, client.on_progress)
        client.send("result", figures=figures)

    def _export(self, request: dict[str, Any], client: Client) -> None:
        from engine.models import formats

        model = references.resolve(str(request["reference"]), self._root)
        most = request.get("most_bytes")
        exported = formats.pack(model, str(request["format"]), self._root, None if most is None else int(most))
        client.send("exported", file=exported.name)

    def _convert(self, request: dict[str, Any], client: Client) -> None:
        from engine.exchange import conversion

        model = references.resolve(str(request["reference"]), self._root)
        made = conversion.convert(model, str(request["format"]), root=self._root)
        client.send("converted", reference=made.reference)

    _ANSWERS: ClassVar[dict[str, Callable[["Studio", dict[str, Any], Client], None]]] = {
        "evaluate": _evaluate,
        "look": _look,
        "places": _differences,
        "parity": _parity,
        "export": _export,
        "convert": _convert,
    }


def serve(listener_socket: mpc.Listener, key: bytes, studio: Studio) -> None:
    """Accepts clients for ever, each in a thread of its own; authentication happens there too."""
    while True:
        try:
            connection = listener_socket.accept()
        except OSError:
            return
        threading.Thread(target=_attend, args=(connection, key, studio), daemon=True).start()


def _attend(connection: mpc.Connection, key: bytes, studio: Studio) -> None:
    with connection:
        try:
            # Here and not in accept(): a client that says nothing must not keep the others out.
            mpc.deliver_challenge(connection, key)
            mpc.answer_challenge(connection, key)
            while True:
                request = json.loads(connection.recv_bytes(LONGEST_REQUEST_BYTES))
                client = Client(connection)
                try:
                    studio.answer(request, client)
                except EngineError as error:
                    send_error(client.send, error)
                    client.send("end")
                except (Cancelled, EOFError):
                    return
                except Exception as error:
                    log.exception("request %s", request.get("kind") if isinstance(request, dict) else "?")
                    client.send("error", column=None, template=_BUG, values={"error": str(error)[:300]})
                    client.send("end")
        except (Cancelled, EOFError, OSError, ValueError, AuthenticationError):
            return


def main() -> int:
    """Serves until nobody has asked for anything for a quarter of an hour, or the folder of runs is gone."""
    logging.basicConfig(format="%(asctime)s %(message)s")
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.checkpoints_root()
    try:
        return _work(root)
    except GoneError:  # while it was starting
        return 0


def _work(root: Path) -> int:
    with Lock(lock_path(root)) as lock:
        if not lock.acquire(patience_seconds=1):  # a look at the lock takes it for a moment
            return 0
        _say(root, phase="starting")
        from engine.evaluation import measure  # noqa: F401  (the heavy imports, once the lock is held)
        from engine.inference import generation  # noqa: F401  (the heavy imports, once the lock is held)

        key = secrets.token_bytes(32)
        with tempfile.TemporaryDirectory(prefix="atelier-") as folder:  # a socket's path has room for 108 bytes
            address = None if os.name == "nt" else str(Path(folder) / "studio")
            with mpc.Listener(address, family="AF_PIPE" if os.name == "nt" else "AF_UNIX", backlog=16) as listener:
                studio = Studio(root)
                threading.Thread(target=serve, args=(listener, key, studio), daemon=True).start()
                _say(root, phase="ready", address=listener.address, key=key.hex())
                while lock.stands() and (time.monotonic() - studio.last_used < IDLE_SECONDS or studio.turn.locked()):
                    time.sleep(0.2)
        if lock.stands():
            address_path(root).unlink(missing_ok=True)
    return 0


def _say(root: Path, **fields: Any) -> None:
    content = strict_json.dumps({"pid": os.getpid(), **fields}).encode()
    write_bytes(address_path(root), content, durable=False, mode=0o600)


if __name__ == "__main__":
    sys.exit(main())
