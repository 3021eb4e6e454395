"""A training step of the packed way on TensorFlow: gradients of a batch, or of its pieces where it does not fit at once, then the optimizer."""

import numpy as np
import tensorflow as tf

from engine.corpus.windows import Batch
from engine.models.protocols import CausalLM, Tensor
from engine.presets.memory import CHUNK_LOGITS
from engine.training import adamw_tensorflow, chunked_loss_tensorflow


class Accumulator:
    """Makes steps of which loss, gradient and accuracy are those of `train_on_batch`, with no logits of a whole batch.

    Keras divides the sum of a batch's weighted losses by the number of its targets, padding included. So do the pieces
    here, by the number of the whole batch's: their sum is what Keras would have had, whatever the weights and however
    short the last piece.
    """

    def __init__(
        self,
        model: CausalLM,
        rows: int,
        jit_compile: bool,
        chunk_logits: int = CHUNK_LOGITS,
        update_apart: bool = False,
    ) -> None:
        """
        Args:
            model: a GPT-2, compiled with its optimizer, which is built.
            rows: windows worked on at a time; where that is a whole batch nothing is summed up.
            update_apart: makes the optimizer's step outside of XLA, variable by variable: inside, XLA on a CPU holds the new
                weights and moments beside the old ones, three more copies of a model.
        """
        self._rows = rows
        backbone, optimizer, variables = model.backbone, model.optimizer, model.trainable_variables
        embedding = backbone.token_embedding.embeddings
        learns = any(variable is embedding for variable in variables)
        adamw_tensorflow.share(optimizer)

        def gradients(
            token_ids: Tensor, targets: Tensor, weights: Tensor, share: Tensor
        ) -> tuple[list[Tensor], Tensor]:  # (rows, length) three times, ()
            inputs = {"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)}
            with tf.GradientTape() as tape:
                hidden = backbone(inputs, training=True)  # (rows, length, dim)
                scaled, loss, right = chunked_loss_tensorflow.cross_entropy(
                    hidden,
                    tf.convert_to_tensor(embedding.value),
                    targets,
                    weights,
                    optimizer.scale_loss(share),
                    chunk_logits,
                    embedding_learns=learns,
                )
            found = tape.gradient(scaled, [v.value for v in variables])
            return found, tf.stack([share * loss, right, tf.reduce_sum(weights)])

        def update(found: list[Tensor]) -> None:
            optimizer.apply_gradients(zip(found, variables, strict=True))

        if update_apart:
            apart = tf.function(update, autograph=False)

            @tf.function(jit_compile=jit_compile, autograph=False)
            def whole_gradients(
                token_ids: Tensor, targets: Tensor, weights: Tensor, share: Tensor
            ) -> tuple[list[Tensor], Tensor]:
                found, figures = gradients(token_ids, targets, weights, share)
                return [tf.convert_to_tensor(gradient) for gradient in found], figures  # an embedding's comes as slices

            def whole(token_ids: Tensor, targets: Tensor, weights: Tensor, share: Tensor) -> Tensor:
                found, figures = whole_gradients(token_ids, targets, weights, share)
                apart(found)
                return figures

        else:

            @tf.function(jit_compile=jit_compile, autograph=False)
            def whole(token_ids: Tensor, targets: Tensor, weights: Tensor, share: Tensor) -> Tensor:
                found, figures = gradients(token_ids, targets, weights, share)
                update(found)
                return figures

        self._whole = whole
        self._sums: list[tf.Variable] = []

        @tf.function(jit_compile=jit_compile, autograph=False)
        def add(token_ids: Tensor, targets: Tensor, weights: Tensor, share: Tensor) -> Tensor:
            found, figures = gradients(token_ids, targets, weights, share)
            for total, gradient in zip(self._sums, found, strict=True):
                total.assign_add(tf.convert_to_tensor(gradient))  # an embedding's comes as slices
            return figures

        @tf.function(jit_compile=jit_compile and not update_apart, autograph=False)
        def apply() -> None:
            update(self._sums)
            for total in self._sums:
                total.assign(tf.zeros_like(total))

        self._add, self._apply = add, apply
        self._variables, self._optimizer = variables, optimizer

    def dispatch(self, batch: Batch, learning_rate: float) -> Tensor:
        """Makes one step of the optimizer, without waiting for a GPU; what `figures` reads of it."""
        self._optimizer.learning_rate = learning_rate
        share = tf.constant(1 / batch.targets.size, tf.float32)
        if self._rows >= len(batch.token_ids):
            return self._whole(
                tf.constant(batch.token_ids), tf.constant(batch.targets), tf.constant(batch.weights), share
            )
        if not self._sums:
            self._sums += [tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False) for v in self._variables]
        figures = tf.zeros(3)
        for first in range(0, len(batch.token_ids), self._rows):
            piece = [part[first : first + self._rows] for part in (batch.token_ids, batch.targets, batch.weights)]
            figures += self._add(*map(tf.constant, piece), share)
        self._apply()
        return figures

    def figures(self, dispatched: list[Tensor]) -> np.ndarray:
        """Waits for steps: loss as Keras has it, weight of the right and of all targets of each, float32 (steps, 3)."""
        found: np.ndarray = tf.stack(dispatched).numpy()
        return found

    def settle(self) -> None:
        """Nothing: the model's variables are what is trained."""
