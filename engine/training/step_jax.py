"""A training step of the packed way on JAX: one compiled function of all that is trained, on one device or on several.

Keras's own `train_on_batch` waits for the device and copies the state at every step. Here the state is given away to each
step and taken back from it, and nothing is waited for until somebody asks for the figures.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from engine.corpus.windows import Batch
from engine.models.backend import jax_device, keras
from engine.models.protocols import CausalLM
from engine.presets.memory import CHUNK_LOGITS
from engine.training.chunked_loss_jax import cross_entropy

_AXIS = "windows"  # of the batch, over which several devices share it
Values = list[jax.Array]


class Accumulator:
    """Makes steps of which loss, gradient and accuracy are those of `train_on_batch`, with no logits of a whole batch.

    Keras divides the sum of a batch's weighted losses by the number of its targets, padding included. So do the pieces
    here, by the number of the whole batch's: their sum is what Keras would have had, whatever the weights.

    Between `dispatch` and `settle` the model's variables hold nothing: what they held was given to the step.
    """

    def __init__(
        self,
        model: CausalLM,
        rows: int,
        chunk_logits: int = CHUNK_LOGITS,
        devices: Sequence[str] = (),
    ) -> None:
        """
        Args:
            model: a GPT-2, compiled with its optimizer, which is built.
            rows: windows that a device works on at a time; where that is its whole part of a batch nothing is summed up.
            devices: that share each batch, by TensorFlow's names; what they find is summed, so that each holds the same
                weights.
        """
        self._rows, self._chunk_logits = rows, chunk_logits
        self._backbone, self._optimizer = model.backbone, model.optimizer
        self._trained, self._others = model.trainable_variables, model.non_trainable_variables
        self._rate_at = next(
            i for i, v in enumerate(model.optimizer.variables) if v.path.rpartition("/")[2] == "learning_rate"
        )
        self._embedding = model.backbone.token_embedding.embeddings
        self._learns = any(variable is self._embedding for variable in self._trained)
        shared = len(devices) > 1
        self._mesh = Mesh(np.array([jax_device(name) for name in devices]), (_AXIS,)) if shared else None
        self._state: tuple[Values, Values, Values] | None = None
        self._step = jax.jit(self._make_step, donate_argnums=(0, 1, 2))

    def _loss(self, trained: Values, others: Values, factor: jax.Array, batch: tuple[jax.Array, ...]) -> Any:
        """What to differentiate; beside it the figures, and the new random states."""
        token_ids, targets, weights = batch  # (rows, length) each
        variables = [*self._trained, *self._others]
        mapping = list(zip(variables, [*trained, *others], strict=True))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            hidden = self._backbone({"token_ids": token_ids, "padding_mask": jnp.ones_like(token_ids)}, training=True)
            embedding = scope.get_current_value(self._embedding)
            after = [scope.get_current_value(variable) for variable in self._others]
        scaled, loss, right = cross_entropy(
            hidden, embedding, targets, weights, factor, self._chunk_logits, self._learns
        )
        return scaled, (jnp.stack([loss, right, jnp.sum(weights)]), after)

    def _gradients(
        self, trained: Values, others: Values, factor: jax.Array, batch: tuple[jax.Array, ...]
    ) -> tuple[Values, jax.Array, Values]:
        """Gradients, figures and random states of a device's part of a batch, in pieces of `rows` windows."""
        found = jax.grad(self._loss, has_aux=True)
        windows, length = batch[0].shape
        if windows <= self._rows:
            gradients, (figures, others) = found(trained, others, factor, batch)
            return gradients, figures, others
        pieces = -(-windows // self._rows)
        padding = pieces * self._rows - windows  # windows of no weight

        def in_pieces(values: jax.Array) -> jax.Array:
            return jnp.pad(values, [(0, padding), (0, 0)]).reshape(pieces, self._rows, length)

        def add(sums: tuple[Values, jax.Array, Values], piece: tuple[jax.Array, ...]) -> Any:
            total, figures, others = sums
            gradients, (more, others) = found(trained, others, factor, piece)
            return ([a + b for a, b in zip(total, gradients, strict=True)], figures + more, others), None

        nothing = [jnp.zeros_like(value) for value in trained]
        (total, figures, others), _ = jax.lax.scan(
            add, (nothing, jnp.zeros(3), others), tuple(in_pieces(values) for values in batch)
        )
        return total, figures, others

    def _of_all_devices(
        self, trained: Values, others: Values, factor: jax.Array, batch: tuple[jax.Array, ...]
    ) -> tuple[Values, jax.Array, Values]:
        """As `_gradients`, each device on its part of the batch, with other random numbers than its neighbours."""
        if self._mesh is None:
            return self._gradients(trained, others, factor, batch)
        random = ["seed_generator" in variable.path for variable in self._others]

        def part(trained: Values, others: Values, factor: jax.Array, batch: tuple[jax.Array, ...]) -> Any:
            own = jax.lax.axis_index(_AXIS)
            apart = [v.at[0].add(own.astype(v.dtype)) if r else v for v, r in zip(others, random, strict=True)]
            gradients, figures, after = self._gradients(trained, apart, factor, batch)
            after = [v.at[0].add(-own.astype(v.dtype)) if r else v for v, r in zip(after, random, strict=True)]
            return jax.lax.psum(gradients, _AXIS), jax.lax.psum(figures, _AXIS), after

        everywhere, parted = PartitionSpec(), PartitionSpec(_AXIS)
        found: tuple[Values, jax.Array, Values] = jax.shard_map(
            part,
            mesh=self._mesh,
            in_specs=(everywhere, everywhere, everywhere, parted),
            out_specs=everywhere,
            check_vma=False,
        )(trained, others, factor, batch)
        return found

    def _make_step(
        self,
        trained: Values,
        others: Values,
        optimizer: Values,
        rate: jax.Array,
        share: jax.Array,
        batch: tuple[jax.Array, ...],
    ) -> tuple[tuple[Values, Values, Values], jax.Array]:
        optimizer = list(optimizer)
        optimizer[self._rate_at] = rate.astype(optimizer[self._rate_at].dtype)
        with keras.StatelessScope(state_mapping=list(zip(self._optimizer.variables, optimizer, strict=True))):
            factor = self._optimizer.scale_loss(share)
        gradients, figures, others = self._of_all_devices(trained, others, factor, batch)
        trained, optimizer = self._optimizer.stateless_apply(optimizer, gradients, trained)
        return (trained, others, optimizer), figures * jnp.stack([share, jnp.ones(()), jnp.ones(())])

    def dispatch(self, batch: Batch, learning_rate: float) -> jax.Array:
        """Makes one step of the optimizer, without waiting for the device; what `figures` reads of it."""
        if self._state is None:
            groups = (self._trained, self._others, self._optimizer.variables)
            trained, others, optimizer = ([self._placed(v.value) for v in group] for group in groups)
            self._state = trained, others, optimizer
        share = np.float32(1 / batch.targets.size)
        arrays = self._parted(batch)
        self._state, figures = self._step(*self._state, np.float32(learning_rate), share, arrays)
        return figures

    def _placed(self, value: jax.Array) -> jax.Array:
        """A value on every device that shares the batches."""
        if self._mesh is None:
            return value
        return jax.device_put(value, NamedSharding(self._mesh, PartitionSpec()))

    def _parted(self, batch: Batch) -> tuple[jax.Array, ...]:
        """A batch on its way to the devices, filled up with windows of no weight where it does not divide."""
        arrays = (batch.token_ids, batch.targets, batch.weights)
        if self._mesh is None:
            return tuple(jnp.asarray(array) for array in arrays)
        padding = -len(batch.token_ids) % self._mesh.size
        sharding = NamedSharding(self._mesh, PartitionSpec(_AXIS))
        return tuple(jax.device_put(np.pad(array, [(0, padding), (0, 0)]), sharding) for array in arrays)

    def figures(self, dispatched: list[jax.Array]) -> np.ndarray:
        """Waits for steps: loss as Keras has it, weight of the right and of all targets of each, float32 (steps, 3)."""
        return np.stack([np.asarray(figures) for figures in dispatched])

    def settle(self) -> None:
        """Gives the model's variables what the steps have made of them."""
        if self._state is None:
            return
        groups = (self._trained, self._others, self._optimizer.variables)
        for group, values in zip(groups, self._state, strict=True):
            for variable, value in zip(group, values, strict=True):
                # Of several devices one measures and saves; the next step shares with the others what it has then.
                variable.assign(value if self._mesh is None else value.addressable_data(0))
        self._state = None
