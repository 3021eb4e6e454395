"""Which framework Keras computes with here: TensorFlow, or JAX where KERAS_BACKEND says so. Imports neither."""

import importlib.util
import os
import re

from engine.core.errors import EngineError, ResourcesError

VARIABLE = "KERAS_BACKEND"
TENSORFLOW, JAX = FRAMEWORKS = ("tensorflow", "jax")
_TITLES = {TENSORFLOW: "TensorFlow", JAX: "JAX"}


def name() -> str:
    """The framework that trainers, evaluations and samples of this process's children compute with."""
    return os.environ.get(VARIABLE) or TENSORFLOW


def title() -> str:
    """Its name as people write it."""
    return _TITLES.get(name(), name())


def uses_jax() -> bool:
    """Whether it is JAX."""
    return name() == JAX


def problem() -> ResourcesError | None:
    """Why nothing can be computed here: the framework is none that Atelier can use, or is not installed. None where it is."""
    if name() not in FRAMEWORKS:
        return ResourcesError(
            "{variable} is “{value}”: Atelier computes with {known}. Set it to one of these, or leave it out for "
            "TensorFlow.",
            variable=VARIABLE,
            value=name()[:80],
            known=" or ".join(FRAMEWORKS),
        )
    if importlib.util.find_spec(name()) is not None:
        return None
    if uses_jax():
        return ResourcesError(
            "{variable} asks for JAX, which is not installed: pip install -r requirements-jax.txt, or leave "
            "{variable} out for TensorFlow.",
            variable=VARIABLE,
        )
    return ResourcesError("TensorFlow is not installed: pip install -r requirements.txt.")


def require() -> None:
    """Makes sure that the framework is one that Atelier can use and is installed.

    Raises:
        ResourcesError: it is not.
    """
    if (missing := problem()) is not None:
        raise missing


def processors() -> int:
    """As how many devices the framework takes the CPU: one, or as many as XLA_FLAGS makes of it for JAX, to try out there
    what several GPUs do."""
    found = re.search(r"--xla_force_host_platform_device_count=(\d{1,3})\b", os.environ.get("XLA_FLAGS", ""))
    return max(1, int(found[1])) if found and uses_jax() else 1


def devices_problem() -> EngineError | None:
    """Why a run cannot share its batches over several devices here; None where it can."""
    if uses_jax():
        return None
    return EngineError(
        "Several devices share a run on JAX alone, and TensorFlow computes here: set {variable} to jax (pip install -r "
        "requirements-jax.txt), or leave devices at 1.",
        variable=VARIABLE,
    )


def ckpt_problem() -> EngineError | None:
    """Why a TensorFlow checkpoint can be neither written nor read here; None where it can."""
    if not uses_jax():
        return None
    return EngineError(
        "A .ckpt checkpoint is TensorFlow's own, and {variable} asks for JAX here: choose weights.h5, which both read "
        "exactly, or leave {variable} out.",
        variable=VARIABLE,
    )


def first_tokens_problem() -> EngineError | None:
    """Why the original report's way cannot be taken here; None where it can."""
    if not uses_jax():
        return None
    return EngineError(
        "The original report's way trains by Keras fit on TensorFlow's data sets, and {variable} asks for JAX here: choose "
        "the packed method, or leave {variable} out.",
        variable=VARIABLE,
    )
