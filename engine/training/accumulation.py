"""A training step on a batch that does not fit at once: gradients of its pieces, summed, then one step of the optimizer."""

import numpy as np
import tensorflow as tf

from engine.corpus.windows import Batch


class Accumulator:
    """Works a batch off in pieces such that loss, gradient and accuracy are those of the whole batch.

    Keras divides the sum of a batch's weighted losses by the number of its targets, padding included. A piece's loss,
    and with it its gradient, therefore counts as the piece's share of the windows: the sum over pieces is what Keras
    would have had for the whole, whatever the weights and however short the last piece.
    """

    def __init__(self, model, rows: int, jit_compile: bool) -> None:
        """
        Args:
            model: compiled, with its optimizer built.
            rows: windows worked on at a time.
        """
        self._model, self._rows = model, rows
        variables = model.trainable_variables
        sums = [tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False) for v in variables]

        @tf.function(jit_compile=jit_compile)
        def add(token_ids, targets, weights, share):  # (rows, length) three times, ()
            inputs = {"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)}
            with tf.GradientTape() as tape:
                logits = model(inputs, training=True)  # (rows, length, vocabulary)
                loss = share * model.compute_loss(inputs, targets, logits, weights, training=True)
                scaled = model.optimizer.scale_loss(loss)
            for total, gradient in zip(sums, tape.gradient(scaled, [v.value for v in variables]), strict=True):
                total.assign_add(tf.convert_to_tensor(gradient))  # an embedding's comes as slices
            return loss, model.compute_metrics(inputs, targets, logits, weights)["accuracy"]

        @tf.function(jit_compile=jit_compile)
        def apply():
            model.optimizer.apply_gradients(zip(sums, variables, strict=True))
            for total in sums:
                total.assign(tf.zeros_like(total))

        self._add, self._apply = add, apply

    def step(self, batch: Batch) -> dict[str, float]:
        """One step of the optimizer: loss and accuracy of the batch, as `train_on_batch` returns them."""
        loss = accuracy = 0.0
        for first in range(0, len(batch.token_ids), self._rows):
            piece = [part[first : first + self._rows] for part in (batch.token_ids, batch.targets, batch.weights)]
            share = np.float32(len(piece[0]) / len(batch.token_ids))
            added, so_far = self._add(*map(tf.constant, piece), tf.constant(share))
            loss, accuracy = loss + float(added), float(so_far)  # the metric counts since it was reset
        self._apply()
        return {"loss": loss, "accuracy": accuracy}
