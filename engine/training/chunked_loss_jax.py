"""Next-token cross-entropy in chunks (engine.training.chunked_loss) on JAX."""

import functools

import jax
import jax.numpy as jnp

from engine.presets.memory import CHUNK_LOGITS
from engine.training.chunked_loss import chunks


@functools.partial(jax.custom_vjp, nondiff_argnums=(5, 6))
def cross_entropy(
    hidden: jax.Array,
    embedding: jax.Array,
    targets: jax.Array,
    weights: jax.Array,
    factor: jax.Array,
    most: int = CHUNK_LOGITS,
    embedding_learns: bool = True,
) -> tuple[jax.Array, jax.Array, jax.Array]:
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
    return _forward(hidden, embedding, targets, weights, factor, most, embedding_learns)[0]


def _forward(
    hidden: jax.Array,
    embedding: jax.Array,
    targets: jax.Array,
    weights: jax.Array,
    factor: jax.Array,
    most: int,
    embedding_learns: bool,
) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
    batch, length, dim = hidden.shape
    positions, vocabulary_size, compute = batch * length, embedding.shape[0], hidden.dtype
    number, size = chunks(positions, vocabulary_size, most)
    padding = number * size - positions
    kernel = embedding.astype(compute)  # (vocabulary, dim)

    def in_chunks(values: jax.Array, *width: int) -> jax.Array:  # (batch, length, …) → (number, size, …)
        flat = values.reshape(positions, *width)
        return jnp.pad(flat, [(0, padding)] + [(0, 0)] * len(width)).reshape(number, size, *width)

    def add(
        sums: tuple[jax.Array, jax.Array], chunk: tuple[jax.Array, ...]
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        (figures, for_embedding), (states, ids, weight) = sums, chunk  # (size, dim), (size), (size)
        logits = jnp.matmul(states, kernel.T).astype(jnp.float32)  # (size, vocabulary)
        log_sum = jax.nn.logsumexp(logits, axis=-1)
        losses = log_sum - jnp.take_along_axis(logits, ids[:, None], axis=-1)[:, 0]
        right = (jnp.argmax(logits, axis=-1) == ids).astype(jnp.float32)
        hit = jnp.arange(vocabulary_size) == ids[:, None]
        slopes = (jnp.exp(logits - log_sum[:, None]) - hit) * (weight * factor)[:, None]
        slopes = slopes.astype(compute)
        figures += jnp.stack([jnp.sum(losses * weight), jnp.sum(right * weight)])
        if embedding_learns:
            for_embedding += jnp.matmul(slopes.T, states).astype(jnp.float32)
        return (figures, for_embedding), jnp.matmul(slopes, kernel)

    nothing = jnp.zeros((vocabulary_size, dim) if embedding_learns else (), jnp.float32)
    (figures, for_embedding), for_states = jax.lax.scan(
        add, (jnp.zeros(2), nothing), (in_chunks(hidden, dim), in_chunks(targets), in_chunks(weights))
    )
    for_states = for_states.reshape(number * size, dim)[:positions].reshape(batch, length, dim)
    return (factor * figures[0], figures[0], figures[1]), (for_states, for_embedding)


def _backward(
    _most: int, embedding_learns: bool, gradients: tuple[jax.Array, ...], upstream: tuple[jax.Array, ...]
) -> tuple[jax.Array | None, ...]:
    for_states, for_embedding = gradients
    of_embedding = upstream[0] * for_embedding if embedding_learns else None
    return upstream[0].astype(for_states.dtype) * for_states, of_embedding, None, None, None


cross_entropy.defvjp(_forward, _backward)
