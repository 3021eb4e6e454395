"""The one door to Keras and what it computes with, TensorFlow or JAX: imports them in the right order, sets what every
process needs, and hides what differs.

TensorFlow comes first: on macOS, pandas or pyarrow imported before it can hang it (keras#23083).
"""

import contextlib
import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from engine.core import framework, machine
from engine.models import compiled_results
from engine.models.protocols import CausalLM, Tensor

framework.require()
os.environ[framework.VARIABLE] = framework.name()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if framework.uses_jax():
    # Memory is taken as it is needed, as with TensorFlow: the samples of a page may need the same card.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if (_most := machine.gpu_limit_bytes()) and (_of_card := machine.card_memory(0)):  # of cards that are alike
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{min(1.0, _most / _of_card[0]):.4f}"


def _keep_freed_memory() -> None:
    """Lets glibc keep the large blocks that a training step frees and takes again.

    By default each goes back to the system and costs page faults: a fifth of a CPU training step
    (benchmarks/README.md, "malloc"). Other C libraries need no such hint.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3  # malloc.h
        libc.mallopt(m_mmap_threshold, 32 << 20)  # the largest that glibc takes
        libc.mallopt(m_trim_threshold, (1 << 31) - 1)
        libc.mallopt(m_top_pad, 16 << 20)


_keep_freed_memory()


def release_memory() -> None:
    """Gives what was freed back to the system, once a large model is no longer needed."""
    gc.collect()
    if sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)


if machine.gpus():
    # Trying out Triton's matrix products takes most of the time in which XLA compiles; cuBLAS's are as fast
    # (benchmarks/gpu.py).
    os.environ["XLA_FLAGS"] = f"--xla_gpu_enable_triton_gemm=false {os.environ.get('XLA_FLAGS', '')}".strip()
compiled_results.use()
_NOT_NEEDED = () if framework.uses_jax() else ("jax", "pandas")


@contextlib.contextmanager
def _quick_imports() -> Iterator[None]:
    """Spares the imports inside a good part of their time, for which somebody waits.

    TensorFlow and Keras import JAX and pandas where they are installed, for converters and tables that nothing here makes;
    both go without. Nothing that is imported becomes garbage, so collecting it is put off, and left out of later rounds.
    """
    there = {name: sys.modules[name] for name in _NOT_NEEDED if name in sys.modules}
    missing = [name for name in _NOT_NEEDED if name not in there]
    collects = gc.isenabled()
    gc.disable()
    for name in missing:
        sys.modules[name] = None  # type: ignore[assignment]  # an ImportError, as where it is not installed
    try:
        yield
    finally:
        for name in missing:
            sys.modules.pop(name, None)
        gc.freeze()
        if collects:
            gc.enable()


with _quick_imports():
    if not framework.uses_jax():
        import tensorflow  # noqa: F401  (first, see above)

    import keras
    import keras_hub
compiled_results.wait()
import numpy  # noqa: E402

from engine import __version__  # noqa: E402


def versions() -> dict[str, str]:
    """The versions of what computes: a checkpoint was made with them, a sample written."""
    computes = __import__(framework.name())

    return {
        "atelier": __version__,
        "python": sys.version.split()[0],
        framework.name(): computes.__version__,
        "keras": keras.__version__,
        "keras_hub": keras_hub.__version__,
        "numpy": numpy.__version__,
    }


def gpus() -> list[Any]:
    """The GPUs that the framework can use, in its own objects."""
    if not framework.uses_jax():
        import tensorflow

        return list(tensorflow.config.list_physical_devices("GPU"))
    import jax

    try:
        return list(jax.devices("gpu"))
    except RuntimeError:  # JAX's way to say that there is none
        return []


def capability(gpu: Any) -> tuple[int, int]:
    """The compute capability of one of `gpus`; (0, 0) where it is not told."""
    if framework.uses_jax():
        major, _, minor = str(getattr(gpu, "compute_capability", "0.0")).partition(".")
        return (int(major), int(minor or 0)) if (major + minor).isdecimal() else (0, 0)  # AMD's have names
    import tensorflow

    found: tuple[int, int] = tensorflow.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
    return found


def device() -> str:
    """The device that computes: the first GPU, or the processor and its cores, on whose number sums depend too."""
    found = gpus()
    if not found:
        return machine.processor()
    if framework.uses_jax():
        return str(found[0].device_kind)
    import tensorflow

    return str(tensorflow.config.experimental.get_device_details(found[0]).get("device_name", found[0].name))


def on_device(name: str) -> AbstractContextManager[Any]:
    """Surrounds what is to compute on a device, by TensorFlow's name: "/device:CPU:0" or "/device:GPU:N"."""
    found: AbstractContextManager[Any]
    if framework.uses_jax():
        import jax

        found = jax.default_device(jax_device(name))
    else:
        import tensorflow

        found = tensorflow.device(name)
    return found


def jax_device(name: str) -> Any:
    """JAX's object of a device, by TensorFlow's name."""
    import jax

    kind, _, number = name.removeprefix("/device:").lower().partition(":")
    return jax.devices(kind)[int(number)]


def let_memory_grow() -> None:
    """Lets TensorFlow take a GPU's memory as it needs it, before its first use; JAX is told so when it is imported.

    `ATELIER_GPU_MEGABYTES` bounds it, where a card is shared.
    """
    if framework.uses_jax():
        return
    import tensorflow

    most = machine.gpu_limit_bytes()
    for gpu in gpus():
        if most:
            limit = tensorflow.config.LogicalDeviceConfiguration(memory_limit=most >> 20)
            tensorflow.config.set_logical_device_configuration(gpu, [limit])
        else:
            tensorflow.config.experimental.set_memory_growth(gpu, True)


def peak_device_bytes(number: int) -> int:
    """The most memory of a GPU that this process has held at a time; 0 where that is not told.

    Args:
        number: of `gpus`.
    """
    if not framework.uses_jax():
        import tensorflow

        return int(tensorflow.config.experimental.get_memory_info(f"GPU:{number}")["peak"])
    return int((gpus()[number].memory_stats() or {}).get("peak_bytes_in_use", 0))


def compiled(function: Callable[..., Any], model: CausalLM, jit_compile: bool = False) -> Callable[..., Any]:
    """A function of tensors, compiled; what the model holds is read at each call.

    Args:
        function: computes with `model`, by Keras's operations alone.
        jit_compile: by XLA too; JAX knows no other way.
    """
    if not framework.uses_jax():
        import tensorflow

        found: Callable[..., Any] = tensorflow.function(
            function, jit_compile=jit_compile, reduce_retracing=False, autograph=False
        )
        return found
    import jax

    variables = model.variables

    @jax.jit
    def pure(values: Sequence[Tensor], *arguments: Tensor) -> Any:
        # Values that a function closes over become constants of it: they would stay what they were at the first call.
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: pure([_at_home(variable.value) for variable in variables], *arguments)


_home: Any = None  # JAX's device to which all that is measured is bound, where several share a run


def bind(device: str) -> None:
    """Binds what models hold to a device, by TensorFlow's name, whenever a compiled function of JAX reads it.

    What several devices have computed stays bound to them, what was loaded is bound to none: of the two JAX would compile each
    function twice.
    """
    global _home
    _home = jax_device(device)


def _at_home(value: Any) -> Any:
    if _home is None or value.committed:
        return value
    import jax

    return jax.device_put(value, _home)  # no copy where it lies there already


def tensor(value: Any) -> Tensor:
    """An array as the framework's."""
    return keras.ops.convert_to_tensor(value)


__all__ = [
    "bind",
    "capability",
    "compiled",
    "device",
    "gpus",
    "jax_device",
    "keras",
    "keras_hub",
    "let_memory_grow",
    "on_device",
    "peak_device_bytes",
    "release_memory",
    "tensor",
    "versions",
]
