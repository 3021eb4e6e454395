"""Loss and accuracy are those of Keras, on the same part of validation every time."""

import math

import numpy as np
import pytest

from engine.corpus import preparation, windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.runs import references

pytestmark = pytest.mark.slow


def test_loss_and_accuracy_equal_keras_evaluate(tiny_preset, sample_folder, root):
    model, tokenizer = loading.load(references.resolve(str(tiny_preset)))
    stream = preparation.prepare(sample_folder, tokenizer).tokens("test")
    scores = scoring.evaluate(scoring.Scorer(model), stream, tokenizer.token_bytes, 32)
    batch = windows.take(stream, np.arange(windows.count(len(stream), 32)), 32)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    x = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
    by_keras = keras.Model.evaluate(
        model, x, batch.targets, sample_weight=batch.weights, batch_size=len(batch.targets), return_dict=True, verbose=0
    )
    assert scores.evaluated_tokens == len(stream) - 1
    assert scores.loss == pytest.approx(by_keras["loss"] / (len(stream) - 1), rel=1e-5)
    assert scores.accuracy == pytest.approx(by_keras["accuracy"], abs=1e-6)
    size = len(tokenizer.decode(stream).replace("<|endoftext|>", "").encode())
    assert scores.bits_per_byte == pytest.approx(scores.loss * scores.evaluated_tokens / math.log(2) / size, rel=1e-6)
    assert scores.perplexity == pytest.approx(math.exp(scores.loss))


def test_the_part_of_validation_is_the_same_every_time():
    stream = np.zeros(10_000, dtype=np.uint16)
    assert np.array_equal(scoring.part(stream, 32, 640, 5), scoring.part(stream, 32, 640, 5))
    assert len(scoring.part(stream, 32, 640, 5)) == 20
    assert scoring.part(stream, 32, 0, 5) is None
