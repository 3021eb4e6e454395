"""Which framework Keras computes with here: TensorFlow, or JAX where KERAS_BACKEND says so. Imports neither."""

import importlib.util
import os

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


def require() -> None:
    """Makes sure that the framework is one that Atelier can use and is installed.

    Raises:
        ResourcesError: it is not.
    """
    if name() not in FRAMEWORKS:
        raise ResourcesError(
            "{variable} is “{value}”: Atelier computes with {known}. Set it to one of these, or leave it out for "
            "TensorFlow.",
            variable=VARIABLE,
            value=name()[:80],
            known=" or ".join(FRAMEWORKS),
        )
    if importlib.util.find_spec(name()) is None:
        if uses_jax():
            raise ResourcesError(
                "{variable} asks for JAX, which is not installed: pip install -r requirements-jax.txt, or leave "
                "{variable} out for TensorFlow.",
                variable=VARIABLE,
            )
        raise ResourcesError("TensorFlow is not installed: pip install -r requirements.txt.")


def require_tensorflow(what: str) -> None:
    """Makes sure that TensorFlow computes, which something needs.

    Args:
        what: needs it, as the beginning of a sentence.

    Raises:
        EngineError: JAX does.
    """
    if uses_jax():
        raise needs_tensorflow(what)


def needs_tensorflow(what: str) -> EngineError:
    """The sentence for what JAX cannot do here."""
    return EngineError(
        "{what} needs TensorFlow, and {variable} asks for JAX here: leave {variable} out.", what=what, variable=VARIABLE
    )
