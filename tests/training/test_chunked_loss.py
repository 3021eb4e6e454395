"""The loss in chunks is Keras's, in value and in gradient, whatever the chunks, the precision and what learns."""

import numpy as np
import pytest
import tensorflow as tf
from training_helpers import stepped

from engine.corpus import windows
from engine.models import loading
from engine.models.backend import keras
from engine.runs import references
from engine.training import chunked_loss, chunked_loss_tensorflow, step_tensorflow

pytestmark = pytest.mark.slow

ROWS, LENGTH = 5, 32
SEVERAL = 400 * 37  # logits: chunks of 32 positions; with 33 the last one is padded


def model_of(preset, dtype="float32", lora_rank=0):
    model, _ = loading.load(references.resolve(str(preset)), 0.0, dtype)
    if lora_rank:
        model.backbone.enable_lora(lora_rank)
        for variable in model.trainable_variables:
            if "lora_kernel_b" in variable.path:  # zeros at first, and nothing would reach the other half
                variable.assign(np.random.default_rng(1).normal(0, 0.02, variable.shape))
    # Plain descent: Adam would make a full step of the rounding of gradients that are zero (the keys' biases).
    model.compile(
        optimizer=keras.optimizers.SGD(0.5, global_clipnorm=0.5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def batch_of(seed=1, likely=None) -> windows.Batch:
    """Windows with weights that differ, and padding; `likely`: a model whose choice is the target in half of the places."""
    rng = np.random.default_rng(seed)
    ids, targets = rng.integers(0, 399, (2, ROWS, LENGTH), dtype=np.int32)
    if likely is not None:
        best = np.argmax(likely({"token_ids": ids, "padding_mask": np.ones_like(ids)}).numpy(), axis=-1)
        targets = np.where(rng.random(targets.shape) < 0.5, best, targets).astype(np.int32)
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], (ROWS, LENGTH)).astype(np.float32)
    weights[4, 7:] = 0
    return windows.Batch(ids, targets, weights)


def dense(gradients):
    return [tf.cast(tf.convert_to_tensor(gradient), tf.float64).numpy() for gradient in gradients]


def of_keras(model, batch):
    """Loss and gradients, those of the scaled loss divided by the scale."""
    inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
    with tf.GradientTape() as tape:
        logits = model(inputs, training=True)
        loss = model.compute_loss(inputs, batch.targets, logits, batch.weights, training=True)
        scaled = model.optimizer.scale_loss(loss)
    scale = float(model.optimizer.scale_loss(1.0))
    gradients = tape.gradient(scaled, [v.value for v in model.trainable_variables])
    return float(loss), [gradient / scale for gradient in dense(gradients)]


def in_chunks(model, batch, most, jit_compile=False):
    embedding = model.backbone.token_embedding.embeddings
    scale = float(model.optimizer.scale_loss(1.0))

    @tf.function(jit_compile=jit_compile)
    def work(token_ids, targets, weights):
        with tf.GradientTape() as tape:
            hidden = model.backbone({"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids)}, training=True)
            scaled, total, right = chunked_loss_tensorflow.cross_entropy(
                hidden,
                tf.convert_to_tensor(embedding.value),
                targets,
                weights,
                tf.constant(scale / batch.targets.size),
                most,
                embedding_learns=any(v is embedding for v in model.trainable_variables),
            )
        gradients = tape.gradient(scaled, [v.value for v in model.trainable_variables])
        return total, right, [tf.convert_to_tensor(gradient) for gradient in gradients]

    total, right, gradients = work(*map(tf.constant, (batch.token_ids, batch.targets, batch.weights)))
    found = [gradient / scale for gradient in dense(gradients)]
    return float(total) / batch.targets.size, float(right) / batch.weights.sum(), found


def distance(gradients, exact):
    """The length of the difference of all gradients, as a share of theirs."""
    length = np.sqrt(sum(np.sum(e**2) for e in exact))
    return np.sqrt(sum(np.sum((g - e) ** 2) for g, e in zip(gradients, exact, strict=True))) / length


@pytest.mark.parametrize(
    ("lora_rank", "most"),
    [
        (0, SEVERAL - 400 * 3),
        (4, SEVERAL),
        *(pytest.param(0, most, marks=pytest.mark.long) for most in (1 << 24, SEVERAL)),
        *(pytest.param(4, most, marks=pytest.mark.long) for most in (1 << 24, SEVERAL - 400 * 3)),
    ],
)
def test_loss_accuracy_and_every_gradient_are_keras_s(tiny_preset, most, lora_rank):
    """Sums of 160 positions in another order: each addition rounds by 6e-8 of the sum, and 160 of them, through a
    layer, by 1e-5 of the largest value at the very most."""
    model = model_of(tiny_preset, lora_rank=lora_rank)
    batch = batch_of(likely=model)
    expected, gradients = of_keras(model, batch)
    logs = model.test_on_batch(
        {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)},
        batch.targets,
        sample_weight=batch.weights,
        return_dict=True,
    )
    loss, accuracy, found = in_chunks(model, batch, most)
    assert loss == pytest.approx(expected, rel=1e-6)
    assert accuracy == pytest.approx(float(logs["accuracy"]), rel=1e-6)
    assert 0.3 < accuracy < 0.7
    for variable, one, other in zip(model.trainable_variables, found, gradients, strict=True):
        assert np.abs(one - other).max() <= 1e-5 * max(np.abs(other).max(), 1e-4), variable.path


@pytest.mark.parametrize(
    ("dtype", "jit_compile"),
    [
        ("float32", True),
        ("mixed_bfloat16", False),
        ("mixed_float16", True),
        pytest.param("float32", False, marks=pytest.mark.long),
        pytest.param("mixed_bfloat16", True, marks=pytest.mark.long),
        pytest.param("mixed_float16", False, marks=pytest.mark.long),
    ],
)
def test_in_every_precision_the_gradient_is_as_near_to_the_exact_one_as_keras_s(tiny_preset, dtype, jit_compile):
    """The exact one is that of float64. A quarter is left for luck: roundings that happen to cancel out in one of the two."""
    batch = batch_of()
    _, exact = of_keras(model_of(tiny_preset, "float64"), batch)
    model = model_of(tiny_preset, dtype)
    expected, gradients = of_keras(model, batch)
    loss, _, found = in_chunks(model, batch, SEVERAL, jit_compile)
    error = {"float32": 1e-6, "mixed_bfloat16": 2**-8, "mixed_float16": 2**-11}[dtype]
    assert loss == pytest.approx(expected, rel=error)
    keras_s = distance(gradients, exact)
    assert distance(found, exact) <= 1.25 * max(keras_s, 1e-6)
    assert 0 < keras_s < 16 * error  # or both would be wrong


def test_in_float16_a_gradient_too_small_for_it_survives_by_the_scale_of_the_loss(tiny_preset):
    """Weights of 1e-5: what each position adds to a gradient is below float16's smallest number, 6e-8, but for the scale."""
    batch = batch_of()
    batch = windows.Batch(batch.token_ids, batch.targets, batch.weights * np.float32(1e-5))
    _, exact = of_keras(model_of(tiny_preset, "float64"), batch)
    _, _, found = in_chunks(model_of(tiny_preset, "mixed_float16"), batch, SEVERAL)
    assert distance(found, exact) < 0.02


def test_of_equal_logits_the_lowest_id_is_the_model_s_choice():
    hidden = tf.zeros((1, 3, 2))
    targets, weights = tf.constant([[0, 1, 4]]), tf.constant([[1.0, 2.0, 4.0]])
    _, _, right = chunked_loss_tensorflow.cross_entropy(hidden, tf.ones((5, 2)), targets, weights, tf.constant(1.0), 5)
    assert float(right) == 1.0


@pytest.mark.parametrize(
    "positions, vocabulary_size", [(1, 50257), (7, 399), (1280, 50257), (2048, 4096), (997, 50257)]
)
def test_chunks_hold_all_positions_and_no_more_logits_than_are_allowed(positions, vocabulary_size):
    for most in (1, 50257, 1 << 20, 1 << 24):
        number, size = chunked_loss.chunks(positions, vocabulary_size, most)
        assert (number - 1) * size < positions <= number * size
        assert size == 1 or size * vocabulary_size <= most


@pytest.mark.parametrize(
    ("lora_rank", "rows"),
    [
        (0, 2),
        (4, 8),
        *(pytest.param(0, rows, marks=pytest.mark.long) for rows in (ROWS, 8)),
        *(pytest.param(4, rows, marks=pytest.mark.long) for rows in (ROWS, 2)),
    ],
)
def test_a_step_is_that_of_train_on_batch(tiny_preset, rows, lora_rank):
    """Whole (also a batch smaller than what is worked on at a time) and in pieces of 2, 2 and 1, over three steps."""
    whole, chunked = (model_of(tiny_preset, lora_rank=lora_rank) for _ in range(2))
    chunked.set_weights(start := whole.get_weights())  # adapters begin at random
    stepper = step_tensorflow.Accumulator(chunked, rows, jit_compile=False, chunk_logits=SEVERAL)
    for seed in range(3):
        batch = batch_of(seed, likely=whole)
        expected = whole.train_on_batch(
            {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)},
            batch.targets,
            sample_weight=batch.weights,
            return_dict=True,
        )
        assert stepped(stepper, batch, 0.5) == pytest.approx(
            {n: float(expected[n]) for n in ("loss", "accuracy")}, rel=1e-5
        )
    moved = 0.0
    for first, expected, found in zip(start, whole.get_weights(), chunked.get_weights(), strict=True):
        assert np.allclose(found, expected, atol=2e-6)
        moved = max(moved, np.abs(found - first).max())
    assert moved > 1e-3


def test_with_dropout_the_same_units_are_dropped_as_by_train_on_batch(tiny_preset):
    """So that a run that was begun by one goes on by the other."""
    losses = []
    for way in ("keras", "chunks"):
        keras.utils.set_random_seed(3)
        model, _ = loading.load(references.resolve(str(tiny_preset)), 0.1)
        model.compile(
            optimizer=keras.optimizers.SGD(0.1),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        model.optimizer.build(model.trainable_variables)
        stepper, steps = step_tensorflow.Accumulator(model, ROWS, jit_compile=False), []
        for seed in range(3):
            batch = batch_of(seed)
            inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
            if way == "chunks":
                steps.append(stepped(stepper, batch, 0.1)["loss"])
            else:
                logs = model.train_on_batch(inputs, batch.targets, sample_weight=batch.weights, return_dict=True)
                steps.append(float(logs["loss"]))
        losses.append(steps)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
