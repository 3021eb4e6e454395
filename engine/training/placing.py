"""Where a run computes, and in which precision: its device as the framework sees it, which may be another than the driver shows."""

from engine.core import framework, gpu_use, machine
from engine.core.errors import ResourcesError
from engine.models import backend
from engine.runs.devices import CPU, parted, say_unused, too_few
from engine.runs.folder import Run


def place(run: Run, wanted: str) -> tuple[tuple[str, ...], str]:
    """Chooses the devices and the precision of a run; a GPU's memory grows as it is needed.

    A GPU that the driver shows and the framework does not see is kept for the pages, and said in an event of the run where
    it would have been used.

    Args:
        wanted: cpu, gpu:N or several of these, which the trainer's locks are for.

    Returns:
        The devices by TensorFlow's names, and a Keras dtype policy.

    Raises:
        ResourcesError: a GPU that the settings name, and the framework does not see.
    """
    settings, found = run.settings, backend.gpus()
    gpu_use.saw(len(found), machine.gpus(), run.folder.parent)
    if settings.device == "auto" and not found:
        wanted = CPU
        say_unused(run)
    if wanted == CPU and settings.precision == "mixed_float16" and framework.uses_jax():
        raise ResourcesError("JAX has no attention in float16 on a CPU: choose float32 or mixed_bfloat16.")
    if wanted == CPU:
        _require(settings.devices, framework.processors())
        every = tuple(f"/device:CPU:{number}" for number in range(settings.devices))
        return every, "float32" if settings.precision == "auto" else settings.precision
    numbers = [int(name[4:]) for name in parted(wanted)]
    if max(numbers) >= len(found):
        if framework.uses_jax():
            raise ResourcesError(
                "JAX sees no {device} here ({count} GPU(s)): install jax[cuda13] or jax[cuda12], or choose cpu.",
                device=f"gpu:{max(numbers)}",
                count=len(found),
            )
        raise ResourcesError(
            "TensorFlow sees no {device} here ({count} GPU(s)): install tensorflow[and-cuda], or choose cpu.",
            device=f"gpu:{max(numbers)}",
            count=len(found),
        )
    backend.let_memory_grow()
    _require(settings.devices, len(numbers))
    precision = _best_precision([found[number] for number in numbers])
    precision = precision if settings.precision == "auto" else settings.precision
    return tuple(f"/device:GPU:{number}" for number in numbers), precision


def _require(wanted: int, count: int) -> None:
    """Makes sure that there are as many devices as are to share a run; of what the driver shows the framework may see less.

    Raises:
        EngineError: there are not, or the framework cannot share a run.
    """
    if wanted > 1 and (problem := framework.devices_problem()) is not None:
        raise problem
    if wanted > count:
        raise too_few(wanted, count, framework.title())


def _best_precision(gpus: list[object]) -> str:
    """What the oldest of them computes best in: bfloat16 from compute capability 8.0 on, float16 from 7.0 (its tensor cores), else float32."""
    capability = min(backend.capability(gpu) for gpu in gpus)
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"
