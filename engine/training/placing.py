"""Where a run computes, and in which precision: its device as the framework sees it, which may be another than the driver shows."""

from engine.core import framework, gpu_use, machine
from engine.core.errors import ResourcesError
from engine.models import backend
from engine.runs.devices import say_unused
from engine.runs.folder import Run


def place(run: Run, wanted: str) -> tuple[str, str]:
    """Chooses the device and the precision of a run; a GPU's memory grows as it is needed.

    A GPU that the driver shows and the framework does not see is kept for the pages, and said in an event of the run where
    it would have been used.

    Args:
        wanted: cpu or gpu:N, which the trainer's lock is for.

    Returns:
        The device by TensorFlow's name, and a Keras dtype policy.

    Raises:
        ResourcesError: a GPU that the settings name, and the framework does not see.
    """
    settings, found = run.settings, backend.gpus()
    gpu_use.saw(len(found), machine.gpus(), run.folder.parent)
    if settings.device == "auto" and not found:
        wanted = "cpu"
        say_unused(run)
    if wanted == "cpu" and settings.precision == "mixed_float16" and framework.uses_jax():
        raise ResourcesError("JAX has no attention in float16 on a CPU: choose float32 or mixed_bfloat16.")
    if wanted == "cpu":
        return "/device:CPU:0", "float32" if settings.precision == "auto" else settings.precision
    number = int(wanted[4:])
    if number >= len(found):
        if framework.uses_jax():
            raise ResourcesError(
                "JAX sees no {device} here ({count} GPU(s)): install jax[cuda13] or jax[cuda12], or choose cpu.",
                device=wanted,
                count=len(found),
            )
        raise ResourcesError(
            "TensorFlow sees no {device} here ({count} GPU(s)): install tensorflow[and-cuda], or choose cpu.",
            device=wanted,
            count=len(found),
        )
    backend.let_memory_grow()
    precision = _best_precision(found[number]) if settings.precision == "auto" else settings.precision
    return f"/device:GPU:{number}", precision


def _best_precision(gpu: object) -> str:
    """bfloat16 from compute capability 8.0 on, float16 from 7.0 (its tensor cores), else float32."""
    capability = backend.capability(gpu)
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"
