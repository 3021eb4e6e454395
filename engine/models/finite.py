"""Whether what a model computes are numbers: asked where its answers leave TensorFlow, so that no figure is made of others."""

import numpy as np

from engine.core.errors import EngineError


class NoNumbers(EngineError):
    """A model computes NaN or infinity."""


def require(values: np.ndarray) -> np.ndarray:
    """The values themselves.

    Raises:
        NoNumbers: some are NaN or infinite.
    """
    if not np.isfinite(values).all():
        raise NoNumbers(
            "This model computes no numbers any more: its weights have grown beyond what its precision holds. An earlier "
            "checkpoint, a lower learning rate or the precision float32 helps."
        )
    return values
