"""Muon for a GPT-2: Keras's own, which takes matrices alone, with the kernels of attention as the matrices that they are."""

from keras import ops

from engine.models.backend import keras
from engine.models.protocols import Tensor, Variable


class Muon(keras.optimizers.Muon):
    """Keras's Muon (Jordan et al. 2024; scaled as in Liu et al. 2025, arXiv:2502.16982) that knows keras-hub's attention.

    keras-hub keeps the kernels of query, key, value and output as (width, heads, size) and (heads, size, width), and Keras
    gives what is no matrix to AdamW: a third of a block. Embeddings, biases and norms stay with AdamW.
    """

    def _should_use_adamw(self, variable: Variable) -> bool:
        return "embedding" in variable.path or len(variable.shape) not in (2, 3)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """The orthogonalised update, in the shape of `x`."""
        return ops.reshape(super().zeropower_via_newtonschulz5(_as_matrix(x), steps), x.shape)

    def lr_adjust(self, x: Tensor) -> Tensor:
        """The update scaled by its matrix's size, in the shape of `x`."""
        return ops.reshape(super().lr_adjust(_as_matrix(x)), x.shape)


def _as_matrix(x: Tensor) -> Tensor:
    """(width, heads, size) → (width, heads·size); (heads, size, width) → (heads·size, width); a matrix as it is."""
    if len(x.shape) == 2:
        return x
    first, second, third = x.shape
    return ops.reshape(x, (first, second * third) if first == second * third else (first * second, third))
