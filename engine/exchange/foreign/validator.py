"""Has files of weights looked through in child processes, under limits of memory and time, and starts a crashed one anew."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine.core import frames, paths
from engine.core.errors import CheckpointError, EngineError, StorageError
from engine.core.files import full
from engine.core.limits import Watchdog
from engine.exchange.foreign.child import PLAIN, TENSORFLOW
from engine.exchange.foreign.layout import Sizes, float32_bytes
from engine.presets.catalogue import Preset

# Resident, watched from here; and of data, set in the child where the system has such a limit.
MEMORY_BYTES = {PLAIN: 400 << 20, TENSORFLOW: 1200 << 20}
HARD_MEMORY_BYTES = {PLAIN: 800 << 20, TENSORFLOW: 3000 << 20}
SILENT_SECONDS = 8.0
FULL_BYTES = 1 << 20  # a disk with less room than that is full
START_SECONDS = 60.0  # importing TensorFlow on a slow disk
_ROOM_PER_WEIGHT = 6  # an unpacked archive may hold float64, and an optimizer's two moments in float32, for each weight


@dataclass(frozen=True)
class Report:
    """What a file of weights was found to be.

    Attributes:
        form: h5, keras, ckpt or safetensors. program: whose names its arrays have (engine.exchange.foreign.naming). files: SHA-256 of each file that was given. sizes: its architecture. fits: references of the presets of that architecture.
        largest: the largest absolute weight. zeros: the share of weights that are 0.
        left_out: arrays that are none of a GPT-2's, twenty of them at most.
    """

    form: str
    program: str
    files: dict[str, str]
    sizes: Sizes
    fits: list[str]
    largest: float
    zeros: float
    left_out: list[str] = field(default_factory=list)


class Validator:
    """Looks through one file after the other, whoever asks; used as a context, which ends the children.

    Threads may share it: they wait for one another.
    """

    def __init__(self, idle_seconds: float | None = None) -> None:
        """Args: idle_seconds: after how long without a file the children end, to be started anew by the next; None = never."""
        self._children: dict[str, _Child] = {}
        self._turn = threading.Lock()
        self._idle_seconds, self._idle = idle_seconds, threading.Timer(0, lambda: None)

    def __enter__(self) -> "Validator":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the children; the next file starts new ones."""
        with self._turn:
            self._idle.cancel()
            for child in self._children.values():
                child.close()
            self._children.clear()

    def check(
        self,
        path: Path,
        presets: Sequence[Preset],
        scratch: Path,
        out: Path,
        progress: Callable[[int], object] = lambda done: None,
    ) -> Report:
        """Looks a file of weights through and writes its numbers as a clean `.weights.h5`.

        Args:
            path: a Hugging Face or keras-hub folder, .safetensors, a .ckpt folder or prefix, a zip of one of these,
                .keras, .weights.h5 or .h5.
            presets: those that it may fit.
            scratch: an empty folder for what is unpacked. out: the file to write.
            progress: told the bytes read so far.

        Raises:
            CheckpointError: it is not what it should be, in one sentence. StorageError: no room for its numbers.
        """
        known = [
            {
                "reference": p.reference,
                "title": p.title,
                "folder": str(p.folder) if p.folder else None,
                "sizes": Sizes.of(p).to_json(),
            }
            for p in presets
        ]
        most = max((float32_bytes(Sizes.of(preset)) for preset in presets), default=0)
        request = {
            "path": str(path),
            "scratch": str(scratch),
            "out": str(out),
            "presets": known,
            "most_bytes": _ROOM_PER_WEIGHT * most + (64 << 20),
        }
        with self._turn:
            self._idle.cancel()
            try:
                answer = self._ask(PLAIN, request, progress)
                if answer["kind"] == "ckpt":
                    answer = self._ask(TENSORFLOW, {**request, "prefix": answer["prefix"]}, progress)
            finally:
                self._end_when_idle()
        names = ("form", "program", "files", "fits", "largest", "zeros", "left_out")
        return Report(sizes=Sizes(**answer["sizes"]), **{name: answer[name] for name in names})

    def _end_when_idle(self) -> None:
        if self._idle_seconds is not None:
            self._idle = threading.Timer(self._idle_seconds, self.close)
            self._idle.daemon = True
            self._idle.start()

    def peak_bytes(self, kind: str) -> int:
        """The most resident memory of the child of that kind that is alive."""
        return self._children[kind].watchdog.peak_bytes if kind in self._children else 0

    def _ask(self, kind: str, request: dict[str, Any], progress: Callable[[int], object]) -> dict[str, Any]:
        if kind not in self._children:
            self._children[kind] = _Child(kind)
        answered = False
        try:
            answer = self._children[kind].ask(request, progress)
            answered = True
            return answer
        except EngineError:
            answered = True
            raise
        except _Ended as ended:
            raise ended.reason from None
        finally:
            if (
                not answered
            ):  # it ended, or whoever asked gave up: what it still says would be taken for the next answer
                self._children.pop(kind).close()


class _Ended(Exception):
    """The child did not survive the file."""

    def __init__(self, reason: EngineError) -> None:
        self.reason = reason


class _Child:
    """One process, with a thread that takes its messages and one that watches it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        python_path = os.pathsep.join([str(paths.PROJECT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.exchange.foreign.child", kind, str(HARD_MEMORY_BYTES[kind])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=paths.PROJECT,
            # HDF5 would load a filter that a file names from its folder of plugins.
            env={
                **os.environ,
                "PYTHONPATH": python_path,
                "HDF5_PLUGIN_PRELOAD": "::",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "-1",
            },
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._messages: deque[dict[str, Any] | None] = deque()
        self._changed = threading.Condition()
        self._heard: float | None = None  # when something was last heard; None while nothing is expected
        self.watchdog = Watchdog(self._process, MEMORY_BYTES[kind], SILENT_SECONDS, self._silence)
        threading.Thread(target=self._pump, daemon=True).start()
        self._await_ready()

    def _silence(self) -> float:
        heard = self._heard
        return 0.0 if heard is None else time.monotonic() - heard

    def _pump(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        with stream:
            while True:
                try:
                    message = frames.read(stream)
                except (OSError, ValueError):
                    message = None
                with self._changed:
                    self._messages.append(message[0] if message else None)
                    self._changed.notify_all()
                if message is None:
                    return

    def _next(self, timeout: float | None = None) -> dict[str, Any] | None:
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._messages), timeout):
                self._process.kill()
                return None
            return self._messages.popleft()

    def _await_ready(self) -> None:
        if self._next(START_SECONDS) is None:
            self.close()
            raise CheckpointError("The process that looks through files of weights did not start: try again.")

    def ask(self, request: dict[str, Any], progress: Callable[[int], object]) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            CheckpointError: what is wrong with the file. StorageError: no room. _Ended: it ended the process, or broke a limit.
        """
        self._heard = time.monotonic()
        answer: dict[str, Any] = {}
        try:
            frames.write(cast(BinaryIO, self._process.stdin), request)
            cast(BinaryIO, self._process.stdin).flush()
        except OSError:
            raise _Ended(self._why(request)) from None
        while (message := self._next()) is not None:
            self._heard = time.monotonic()
            if message["kind"] == "end":
                self._heard = None
                if answer["kind"] == "error":
                    raise (StorageError if answer["storage"] else CheckpointError).from_json(answer)
                return answer
            if message["kind"] == "progress":
                progress(message["done"])
            else:
                answer = message
        raise _Ended(self._why(request))

    def _why(self, request: dict[str, Any]) -> EngineError:
        self._process.wait()
        if self.watchdog.killed == "memory":
            return CheckpointError(
                "Reading it took more than {limit} MB of memory: it is damaged, or made to do so.",
                limit=MEMORY_BYTES[self._kind] >> 20,
            )
        if self.watchdog.killed == "silence":
            return CheckpointError(
                "Reading it stood still for {seconds} seconds and was given up.", seconds=round(SILENT_SECONDS)
            )
        folder = Path(request["out"]).parent
        if shutil.disk_usage(folder).free < FULL_BYTES:  # HDF5's writer crashes there
            return full(folder)
        return CheckpointError(
            "The process that read it crashed (exit code {code}): the file is damaged.", code=self._process.returncode
        )

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
