"""The ways to make a step, alone: Keras's fit and packed steps count the same, and what is no number or no memory ends them."""

import numpy as np
import pytest
import tensorflow as tf

from engine.core.errors import ResourcesError
from engine.corpus import windows
from engine.models import loading
from engine.models.backend import keras
from engine.runs import references
from engine.training import keras_fit, step_tensorflow, steppers

pytestmark = pytest.mark.slow
LENGTH, BATCH = 16, 4
SIGNATURE = [
    *(tf.TensorSpec((BATCH, LENGTH), kind) for kind in (tf.int32, tf.int32, tf.float32)),
    tf.TensorSpec((), tf.float32),
]


@pytest.fixture
def stream():
    return np.random.default_rng(1).integers(0, 399, 40 * LENGTH).astype(np.uint16)


def model_of(preset):
    keras.utils.set_random_seed(1)
    model, _ = loading.load(references.resolve(str(preset)), 0.0)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def outcomes(stepper, stream, steps=3, first=0):
    found = []
    batches = windows.Shuffled(stream, LENGTH, BATCH, seed=1)
    stepper.train(steppers.Course(batches, first, lambda: steps, lambda: steps, lambda step: 1e-3, found.extend))
    return found


def test_whole_batches_pieces_and_keras_fit_make_the_same_steps(tiny_preset, stream):
    ways = [
        steppers.Packed(model_of(tiny_preset), BATCH, False),
        steppers.Packed(model_of(tiny_preset), 3, False),
        steppers.KerasFit(model_of(tiny_preset), BATCH),
    ]
    whole, pieces, fit = ([(o.loss, o.accuracy, o.tokens) for o in outcomes(way, stream)] for way in ways)
    assert len(whole) == 3
    assert np.allclose(whole, pieces, rtol=1e-4)
    assert np.allclose(whole, fit, rtol=1e-4)


def test_steps_that_are_given_to_a_gpu_together_are_the_same_steps(tiny_preset, stream, monkeypatch):
    """As many at a time as half a second holds, and none beyond the step at which something else is due."""
    alone = outcomes(steppers.Packed(model_of(tiny_preset), BATCH, False), stream, steps=12)
    stepper, given = steppers.Packed(model_of(tiny_preset), BATCH, False), []
    stepper._ahead_seconds = 1000.0
    batches = windows.Shuffled(stream, LENGTH, BATCH, seed=1)
    done = []

    def take(found):
        given.append(len(found))
        done.extend(found)

    course = steppers.Course(batches, 0, lambda: 12, lambda: 5 if len(done) < 5 else 9 if len(done) < 9 else 99,
                             lambda step: 1e-3, take)  # fmt: skip
    stepper.train(course)
    assert given == [1, 1, 3, 4, 3], "the first two are timed alone, then up to the steps 5, 9 and 12"
    assert [(o.loss, o.accuracy, o.tokens) for o in done] == [(o.loss, o.accuracy, o.tokens) for o in alone]


def test_a_stepper_begins_where_it_is_told_and_asks_for_the_end_as_it_goes(tiny_preset, stream):
    assert len(outcomes(steppers.Packed(model_of(tiny_preset), BATCH, False), stream, steps=3, first=2)) == 1
    assert outcomes(steppers.KerasFit(model_of(tiny_preset), BATCH), stream, steps=3, first=3) == []


def test_a_loss_that_is_no_number_names_its_step(tiny_preset, stream):
    model = model_of(tiny_preset)
    model.backbone.token_embedding.embeddings.assign_add(
        tf.fill(model.backbone.token_embedding.embeddings.shape, float("inf"))
    )
    with pytest.raises(steppers.NonFiniteLoss) as caught:
        outcomes(steppers.Packed(model, BATCH, False), stream, first=1)
    assert caught.value.step == 2


def test_memory_that_runs_out_is_told_apart(tiny_preset, stream, monkeypatch):
    def runs_out(self, *rest):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(step_tensorflow.Accumulator, "dispatch", runs_out)
    with pytest.raises(steppers.OutOfMemory):
        outcomes(steppers.Packed(model_of(tiny_preset), BATCH, False), stream)
    fit = steppers.KerasFit(model_of(tiny_preset), BATCH)
    monkeypatch.setattr(keras_fit, "fit", runs_out)
    with pytest.raises(ResourcesError, match="set batch_size to 2 or less"):
        outcomes(fit, stream)


def test_adamw_with_shared_values_is_keras_adamw_to_the_last_bit(tiny_preset, stream, monkeypatch):
    """And half as many operations: each costs the person who waits for the first step."""

    def trained():
        model = model_of(tiny_preset)
        stepper = steppers.Packed(model, BATCH, False)
        found = outcomes(stepper, stream, steps=4)
        operations = len(stepper._accumulator._whole.get_concrete_function(*SIGNATURE).graph.get_operations())
        values = [v.numpy() for v in (*model.trainable_variables, *model.optimizer.variables)]
        return [o.loss for o in found], values, operations

    losses, values, operations = trained()
    monkeypatch.setattr(step_tensorflow.adamw_tensorflow, "share", lambda optimizer: None)
    keras_losses, keras_values, keras_operations = trained()
    assert losses == keras_losses
    assert all(np.array_equal(*pair) for pair in zip(values, keras_values, strict=True))
    assert operations < 0.8 * keras_operations


@pytest.mark.parametrize("wish", [{"use_ema": True}, {"amsgrad": True}, {"gradient_accumulation_steps": 2}])
def test_an_optimizer_with_other_wishes_stays_keras_own(wish):
    optimizer = keras.optimizers.AdamW(1e-3, **wish)
    step_tensorflow.adamw_tensorflow.share(optimizer)
    assert "_backend_apply_gradients" not in vars(optimizer)
