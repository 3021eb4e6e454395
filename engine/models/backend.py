"""The one door to TensorFlow and Keras: imports them in the right order and sets what every process needs.

TensorFlow comes first: on macOS, pandas or pyarrow imported before it can hang it (keras#23083).
"""

import ctypes
import gc
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


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


if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow  # noqa: F401  (first, see above)

import keras  # noqa: E402
import keras_hub  # noqa: E402
import numpy  # noqa: E402

from engine import __version__  # noqa: E402
from engine.core import machine  # noqa: E402


def versions() -> dict[str, str]:
    """The versions of what computes: a checkpoint was made with them, a sample written."""
    import tensorflow

    return {
        "atelier": __version__,
        "python": sys.version.split()[0],
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "keras_hub": keras_hub.__version__,
        "numpy": numpy.__version__,
    }


def device() -> str:
    """The device that computes: the first GPU, or the processor and its cores, on whose number sums depend too."""
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if gpus:
        return str(tensorflow.config.experimental.get_device_details(gpus[0]).get("device_name", gpus[0].name))
    return machine.processor()


__all__ = ["device", "keras", "keras_hub", "release_memory", "versions"]
