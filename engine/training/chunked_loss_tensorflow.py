"""Next-token cross-entropy in chunks (engine.training.chunked_loss) on TensorFlow."""

import tensorflow as tf

from engine.models.protocols import Tensor
from engine.presets.memory import CHUNK_LOGITS
from engine.training.chunked_loss import chunks


def cross_entropy(
    hidden: Tensor,
    embedding: Tensor,
    targets: Tensor,
    weights: Tensor,
    factor: Tensor,
    most: int = CHUNK_LOGITS,
    embedding_learns: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted next-token cross-entropy of hidden states under a tied embedding, with its gradient.

    Logits are made in the type of the hidden states and the loss from them in float32, as Keras does. In float16
    gradients are small numbers: what they are scaled with must be known while they are made, hence `factor`.

    Args:
        hidden: (batch, length, dim), in the type that computes.
        embedding: float32 (vocabulary, dim).
        targets: int32 (batch, length). weights: float32 (batch, length).
        factor: float32 (): what the sum of weighted losses is multiplied with, the scale of the loss included.
        most: logits worked on at a time.
        embedding_learns: whether its gradient is wanted; under LoRA it is not, and costs as much as the logits.

    Returns:
        factor times the sum, which is what to differentiate; then without a gradient the sum, and the sum of weights
        where the target has the highest logit (of equal ones the lowest id counts, as in argmax): float32 () each.
    """
    batch, length, dim = hidden.shape
    positions, vocabulary_size, compute = batch * length, embedding.shape[0], hidden.dtype
    number, size = chunks(positions, vocabulary_size, most)
    padding = number * size - positions

    def in_chunks(values: Tensor, *width: int) -> Tensor:  # (batch, length, ...) → (number, size, ...)
        flat = tf.reshape(values, (positions, *width))
        return tf.reshape(tf.pad(flat, [(0, padding)] + [(0, 0)] * len(width)), (number, size, *width))

    @tf.custom_gradient
    def summed(hidden: Tensor, embedding: Tensor, factor: Tensor) -> tuple[Tensor, ...]:
        states, ids, weight = in_chunks(hidden, dim), in_chunks(targets), in_chunks(weights)
        kernel = tf.cast(embedding, compute)  # (vocabulary, dim)

        def chunk(states: Tensor, ids: Tensor, weight: Tensor) -> tuple[Tensor, ...]:  # (size, dim), (size), (size)
            logits = tf.cast(tf.matmul(states, kernel, transpose_b=True), tf.float32)  # (size, vocabulary)
            losses, slopes = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=logits, labels=ids)
            of_target = tf.gather(logits, ids[:, None], batch_dims=1)  # (size, 1)
            lower_id = tf.range(vocabulary_size) < ids[:, None]
            before = (logits > of_target) | ((logits == of_target) & lower_id)
            right = tf.cast(~tf.reduce_any(before, axis=-1), tf.float32)
            slopes = tf.cast(slopes * (weight * factor)[:, None], compute)
            for_states = tf.matmul(slopes, kernel)  # (size, dim)
            for_embedding = tf.matmul(slopes, states, transpose_a=True) if embedding_learns else tf.zeros((), compute)
            sums = tf.stack([tf.reduce_sum(losses * weight), tf.reduce_sum(right * weight)])
            return sums, for_states, tf.cast(for_embedding, tf.float32)

        if number == 1:
            sums, for_states, for_embedding = chunk(states[0], ids[0], weight[0])
        else:

            def add(i: Tensor, sums: Tensor, for_states: Tensor, for_embedding: Tensor) -> tuple[Tensor, ...]:
                more, of_chunk, more_embedding = chunk(states[i], ids[i], weight[i])
                return i + 1, sums + more, for_states.write(i, of_chunk), for_embedding + more_embedding

            gradients = tf.TensorArray(compute, number, element_shape=(size, dim))
            nothing = tf.zeros((vocabulary_size, dim) if embedding_learns else ())
            _, sums, gradients, for_embedding = tf.while_loop(
                lambda i, *_: i < number,
                add,
                (tf.constant(0), tf.zeros(2), gradients, nothing),
                parallel_iterations=1,  # more would hold the logits of several chunks
                maximum_iterations=number,  # XLA wants to know
            )
            for_states = gradients.stack()
        for_states = tf.reshape(tf.reshape(for_states, (number * size, dim))[:positions], (batch, length, dim))

        def gradient(upstream: Tensor, _sum: Tensor, _right: Tensor) -> tuple[Tensor, ...]:
            of_embedding = upstream * for_embedding if embedding_learns else None
            return tf.cast(upstream, compute) * for_states, of_embedding, None

        return (factor * sums[0], sums[0], sums[1]), gradient

    found: tuple[Tensor, Tensor, Tensor] = summed(hidden, embedding, factor)
    return found
