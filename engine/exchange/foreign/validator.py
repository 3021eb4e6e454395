"""Has files of weights looked through in child processes, under limits of memory and time, and starts a crashed one anew."""

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.child_process import Child, Died, Limits
from engine.core.errors import CheckpointError, EngineError, StorageError
from engine.core.files import full
from engine.core.progress import OnProgress, Phase, Progress, ignore
from engine.exchange.foreign.child_main import PLAIN, TENSORFLOW
from engine.exchange.foreign.layout import Sizes, float32_bytes
from engine.presets.catalogue import Preset

# Resident, watched from here; and of data, set in the child where the system has such a limit.
MEMORY_BYTES = {PLAIN: 400 << 20, TENSORFLOW: 1200 << 20}
HARD_MEMORY_BYTES = {PLAIN: 800 << 20, TENSORFLOW: 3000 << 20}
SILENT_SECONDS = 8.0
FULL_BYTES = 1 << 20  # a disk with less room than that is full
_ROOM_PER_WEIGHT = 6  # an unpacked archive may hold float64, and an optimizer's two moments in float32, for each weight


@dataclass(frozen=True)
class Inspection:
    """What the inspection of a file of weights found.

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
        self._children: dict[str, Child] = {}
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
        on_progress: OnProgress = ignore,
    ) -> Inspection:
        """Looks a file of weights through and writes its numbers as a clean `.weights.h5`.

        Args:
            path: a Hugging Face or keras-hub folder, .safetensors, a .ckpt folder or prefix, a zip of one of these,
                .keras, .weights.h5 or .h5.
            presets: those that it may fit.
            scratch: an empty folder for what is unpacked. out: the file to write.

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
                answer = self._ask(PLAIN, request, on_progress)
                if answer["kind"] == "ckpt":
                    answer = self._ask(TENSORFLOW, {**request, "prefix": answer["prefix"]}, on_progress)
            finally:
                self._end_when_idle()
        names = ("form", "program", "files", "fits", "largest", "zeros", "left_out")
        return Inspection(sizes=Sizes(**answer["sizes"]), **{name: answer[name] for name in names})

    def _end_when_idle(self) -> None:
        if self._idle_seconds is not None:
            self._idle = threading.Timer(self._idle_seconds, self.close)
            self._idle.daemon = True
            self._idle.start()

    def peak_bytes(self, kind: str) -> int:
        """The most resident memory of the child of that kind that is alive."""
        return self._children[kind].watchdog.peak_bytes if kind in self._children else 0

    def _ask(self, kind: str, request: dict[str, Any], on_progress: OnProgress) -> dict[str, Any]:
        if kind not in self._children:
            self._children[kind] = _start(kind)
        answer: dict[str, Any] = {}
        whole = False
        try:
            for message, _body in self._children[kind].ask(request):
                if message["kind"] == "progress":
                    on_progress(Progress(message["done"], message["total"], Phase(message["phase"])))
                else:
                    answer = message
            whole = True
        except Died as died:
            raise _why(died, kind, Path(request["out"]).parent) from None
        finally:
            if not whole:  # it ended, or whoever asked gave up: what it still says would be taken for the next answer
                self._children.pop(kind).close()
        if answer["kind"] == "error":
            raise (StorageError if answer["storage"] else CheckpointError).from_json(answer)
        return answer


def _start(kind: str) -> Child:
    child = Child(
        "engine.exchange.foreign.child_main",
        kind,
        limits=Limits(MEMORY_BYTES[kind], HARD_MEMORY_BYTES[kind], SILENT_SECONDS),
        environment={
            "HDF5_PLUGIN_PRELOAD": "::",  # HDF5 would load a filter that a file names from its folder of plugins
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "-1",
        },
    )
    if not child.wait_until_started():
        child.close()
        raise CheckpointError("The process that looks through files of weights did not start: try again.")
    return child


def _why(died: Died, kind: str, folder: Path) -> EngineError:
    """What is said of a file that ended the process which read it."""
    if died.broke == "memory":
        return CheckpointError(
            "Reading it took more than {limit} MB of memory: it is damaged, or made to do so.",
            limit=MEMORY_BYTES[kind] >> 20,
        )
    if died.broke == "silence":
        return CheckpointError(
            "Reading it stood still for {seconds} seconds and was given up.", seconds=round(SILENT_SECONDS)
        )
    if shutil.disk_usage(folder).free < FULL_BYTES:  # HDF5's writer crashes there
        return full(folder)
    return CheckpointError("The process that read it crashed (exit code {code}): the file is damaged.", code=died.code)
