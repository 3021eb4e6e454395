"""The few members of a GPT-2 of keras-hub that the engine uses: Keras itself has no types to check against."""

from pathlib import Path
from typing import Any, Protocol, TypeAlias

Tensor: TypeAlias = Any  # TensorFlow has no types for its tensors


class Variable(Protocol):
    """A Keras variable.

    Attributes:
        path: its name in the model. value: what the backend holds. shape, dtype: as the backend has them.
    """

    path: str
    value: Any
    shape: Any
    dtype: Any

    def assign(self, value: Any) -> Any:
        """Gives it another value."""


class Backbone(Protocol):
    """The network below the logits.

    Attributes:
        max_sequence_length, hidden_dim, vocabulary_size, num_layers, num_heads: its shape. dropout: 0..1. token_embedding: the layer whose
            `embeddings` are tied to the logits. position_embedding: the layer that holds `position_embeddings`; embeddings_add
            adds both. transformer_layers: its blocks. layer_norm: the layer behind them.
    """

    max_sequence_length: int
    hidden_dim: int
    vocabulary_size: int
    num_layers: int
    num_heads: int
    dropout: float
    token_embedding: Any
    position_embedding: Any
    embeddings_add: Any
    layer_norm: Any
    transformer_layers: list[Any]
    weights: list[Variable]
    trainable_variables: list[Variable]

    def __call__(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Hidden states, (batch, length, hidden_dim)."""

    def count_params(self) -> int:
        """How many parameters it has, adapters included."""

    def enable_lora(self, rank: int) -> None:
        """Puts adapters on the query and value matrices, and freezes all else."""

    def get_weights(self) -> list[Any]:
        """The values of its weights."""

    def set_weights(self, weights: list[Any]) -> None:
        """Takes such values."""

    def get_config(self) -> dict[str, Any]:
        """Gives what `from_config` makes one like it from."""

    def save(self, path: Path) -> None:
        """Writes it as Keras's archive."""

    def save_weights(self, path: Path) -> None:
        """Writes its weights, adapters merged."""

    def load_weights(self, path: Path) -> None:
        """Reads them back."""


class CausalLM(Protocol):
    """A GPT-2 that trains and scores.

    Attributes:
        optimizer, train_function: what `compile` made; None where they were let go.
        compute_dtype: the type that it computes in.
    """

    backbone: Backbone
    optimizer: Any
    train_function: Any
    compute_dtype: str
    variables: list[Variable]
    trainable_variables: list[Variable]
    non_trainable_variables: list[Variable]

    def __call__(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Logits, (batch, length, vocabulary_size)."""

    def call_with_cache(
        self, token_ids: Tensor, cache: Tensor, cache_update_index: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, hidden states and the cache, of tokens that stand behind those in the cache."""

    def compile(self, **options: Any) -> None:
        """Gives it its optimizer, loss and metrics."""

    def count_params(self) -> int:
        """How many parameters it has."""

    def reset_metrics(self) -> None:
        """Begins a new mean."""

    def train_on_batch(self, *batch: Any, **options: Any) -> dict[str, Any]:
        """Makes a step as Keras does."""

    def save_weights(self, path: Path) -> None:
        """Writes weights and optimizer."""

    def load_weights(self, path: Path) -> None:
        """Reads them back."""
