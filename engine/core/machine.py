"""What this machine can do: cores, memory (within the limits of control groups), GPUs, disk. No TensorFlow here."""

import contextlib
import math
import os
import platform
import shutil
import socket
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil

from engine.core import cgroups, gpu_use, paths
from engine.core.errors import ResourcesError

# TensorFlow, Keras and keras-hub imported: 753 MB, and room for what the first compilation takes. The command:
# python -c "import engine.models.backend, psutil; print(psutil.Process().memory_info().rss >> 20)"
FRAMEWORK_BYTES = 900 << 20
GPU_MEGABYTES = "ATELIER_GPU_MEGABYTES"
STUDIO_BYTES = FRAMEWORK_BYTES + (200 << 20)
# The dashboard with a few sessions, or the command, and the dispatcher: they are there as long as work is.
BESIDE_BYTES = 250 << 20


def addresses() -> list[str]:
    """The IPv4 addresses under which others of its networks reach this machine; read from the system, nobody is asked."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return [
        one.address
        for name, found in psutil.net_if_addrs().items()
        if name in up
        for one in found
        if one.family == socket.AF_INET and not one.address.startswith("127.")
    ]


@dataclass(frozen=True)
class Machine:
    """What was found.

    Attributes:
        cores: CPU cores that this process may use.
        memory_bytes: memory in all, or the smallest limit of the control groups around this process where that is lower.
        available_bytes: memory that can be had now.
        gpus: names of NVIDIA GPUs, as the driver gives them.
        free_disk_bytes: free space where the runs are kept.
    """

    cores: int
    memory_bytes: int
    available_bytes: int
    gpus: tuple[str, ...]
    free_disk_bytes: int

    @property
    def usable_bytes(self) -> int:
        """What a trainer or the studio can have at most, when everything else that can be closed is."""
        return max(0, self.memory_bytes - BESIDE_BYTES)


def look(folder: Path) -> Machine:
    """Looks at the machine now; `folder` is where runs are kept."""
    existing = next(place for place in (folder, *folder.resolve().parents) if place.exists())
    memory, limits = psutil.virtual_memory(), cgroups.memory()
    total = min([memory.total, *(limit.limit_bytes for limit in limits), *_of_job()])
    available = min([memory.available, *(limit.free_bytes for limit in limits), *_of_job()])
    return Machine(_cores(), total, available, gpus(), shutil.disk_usage(existing).free)


def _of_job() -> list[int]:
    """The memory that Slurm gives the job in which this process runs; on many clusters no control group says it."""
    given = os.environ.get("SLURM_MEM_PER_NODE", "")  # MB; 0 = all of the node's
    return [int(given) << 20] if given.isdecimal() and int(given) else []


def _cores() -> int:
    # Linux alone has an affinity of this form.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("SLURM_CPUS_ON_NODE", "")  # which no control group may say
    of_job = int(given) if given.isdecimal() and int(given) else allowed
    return min(allowed, cgroups.cores() or allowed, of_job)


def processor() -> str:
    """The processor's name, where the system tells it, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):  # Linux alone has it
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {_cores()} cores"


@lru_cache(maxsize=1)
def gpus() -> tuple[str, ...]:
    """The NVIDIA GPUs, as `nvidia-smi` names them; none where it is absent."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        answer = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    found = tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # TensorFlow numbers those alone, from 0
    if visible is None:
        return found
    return found[: len([number for number in visible.split(",") if number.strip() not in ("", "-1")])]


def gpu_memory(number: int) -> tuple[int, int] | None:
    """Bytes of a GPU's memory in all and free now, at most `ATELIER_GPU_MEGABYTES` of them; None where nobody tells.

    Args:
        number: of `gpus`.

    Raises:
        ResourcesError: `ATELIER_GPU_MEGABYTES` is no number.
    """
    most, found = gpu_limit_bytes(), card_memory(number)
    if found is None or not most:
        return found
    return min(found[0], most), min(found[1], most)


def card_memory(number: int) -> tuple[int, int] | None:
    """Bytes of a GPU's memory in all and free now, as `nvidia-smi` says; None where it is absent.

    Args:
        number: of `gpus`.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    wanted = [part.strip() for part in visible.split(",")] if visible else []
    try:
        answer = subprocess.run(
            [
                program,
                "--query-gpu=memory.total,memory.free",
                "--format=csv,noheader,nounits",
                "-i",
                wanted[number] if number < len(wanted) else str(number),
            ],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        total, free = (int(part) << 20 for part in answer.stdout.split("\n")[0].split(","))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return total, free


def gpu_limit_bytes() -> int:
    """The most that may be taken of a GPU's memory, where a card is shared; 0 = all.

    Raises:
        ResourcesError: `ATELIER_GPU_MEGABYTES` is no number.
    """
    text = os.environ.get(GPU_MEGABYTES, "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise ResourcesError(
            "{variable} is “{value}”: write a whole number of megabytes, as in 8000, or leave it out.",
            variable=GPU_MEGABYTES,
            value=text[:80],
        )
    return int(text) << 20


def gpu_problem() -> ResourcesError | None:
    """Why TensorFlow cannot use the GPUs that the driver shows, and what to do; None where it can, or there are none."""
    return gpu_use.problem(gpus(), paths.checkpoints_root())


def resolve_device(device: str) -> str:
    """The device that "auto" means here where nothing else is at work: the first GPU that can be used, or the CPU.

    Raises:
        ResourcesError: a GPU that is not there.
    """
    return devices(device)[0]


def devices(device: str) -> tuple[str, ...]:
    """The devices on any of which a run may train: "auto" is every GPU, or the CPU where there is none or none can be used.

    Raises:
        ResourcesError: a GPU that is not there.
    """
    found = gpus()
    if device == "auto":
        if gpu_problem() is not None:
            return ("cpu",)
        return tuple(f"gpu:{number}" for number in range(len(found))) or ("cpu",)
    if device.startswith("gpu:") and int(device[4:]) >= len(found):
        raise ResourcesError(
            "The device {device} is not there: this machine has {count} GPU(s). Choose cpu or auto.",
            device=device,
            count=len(found),
        )
    return (device,)


def require_memory(needed: int, folder: Path, least: int | None = None) -> None:
    """Makes sure that so much memory can be had.

    Args:
        least: what the same work needs with the smallest settings; None = as much.

    Raises:
        ResourcesError: it cannot; says how much is missing.
    """
    found = look(folder)
    available = found.available_bytes
    if available < needed:
        if (needed if least is None else least) > found.usable_bytes:
            raise never(needed, found)
        raise ResourcesError(
            "This needs about {needed} MB of memory and {available} MB are free: close other programs, wait for the "
            "run or the samples under way to end, or choose a smaller model or batch.",
            needed=needed >> 20,
            available=available >> 20,
        )


def never(needed: int, found: Machine) -> ResourcesError:
    """The sentence where no closing of programs and no other setting gives so much memory."""
    return ResourcesError(
        "This needs about {needed} MB of memory beside the dashboard, and here are {total} MB in all: the machine, or the "
        "container or slice that it runs in, has no more. It works where there are {wanted} GB: on another computer, or "
        "with a higher limit. What has been recorded can be looked at here.",
        needed=round(needed / 1e6),  # as pages tell the memory there is
        total=round(found.memory_bytes / 1e6),
        wanted=math.ceil((needed + BESIDE_BYTES) / (1 << 30)),
    )
