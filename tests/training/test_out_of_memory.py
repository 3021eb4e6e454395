"""Where memory runs out, a batch or an evaluation goes on in pieces to the same end, or what to change is said."""

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from training_helpers import settings_of, stepped

from engine.core import machine
from engine.core.errors import ResourcesError
from engine.corpus import windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue, memory
from engine.runs import checkpoints, lifecycle, references, states, submission
from engine.runs.references import ModelReference
from engine.runs.settings import RunSettings
from engine.services import worker
from engine.training import chunked_loss, fine_tuning, step_tensorflow
from engine.training.saver import Saver

pytestmark = pytest.mark.slow


def compiled(preset, dropout=0.0):
    model, _ = loading.load(references.resolve(str(preset)), dropout)
    # Plain descent: Adam would make a full step of the rounding of gradients that are zero (the keys' biases).
    model.compile(
        optimizer=keras.optimizers.SGD(0.5, global_clipnorm=0.5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    model.optimizer.build(model.trainable_variables)
    return model


def test_a_batch_in_pieces_makes_the_stepped_the_whole_batch(tiny_preset):
    """Five windows in pieces of 2, 2 and 1, with weights that differ and padding, over three steps."""
    whole, pieces = compiled(tiny_preset), compiled(tiny_preset)
    start = whole.get_weights()
    accumulator = step_tensorflow.Accumulator(pieces, 2, jit_compile=False)
    rng = np.random.default_rng(1)
    for _ in range(3):
        ids, targets = rng.integers(0, 399, (2, 5, 32), dtype=np.int32)
        weights = rng.choice([0.0, 0.5, 1.0, 3.0], (5, 32)).astype(np.float32)
        weights[4, 7:] = 0
        whole.reset_metrics()
        expected = whole.train_on_batch(
            {"token_ids": ids, "padding_mask": np.ones_like(ids)}, targets, sample_weight=weights, return_dict=True
        )
        pieces.reset_metrics()
        assert stepped(accumulator, windows.Batch(ids, targets, weights), 0.5) == pytest.approx(
            {name: float(expected[name]) for name in ("loss", "accuracy")}, rel=1e-5
        )
    moved = 0.0
    for first, expected, found in zip(start, whole.get_weights(), pieces.get_weights(), strict=True):
        assert np.allclose(found, expected, atol=2e-6)
        moved = max(moved, np.abs(found - first).max())
    assert moved > 1e-2


def test_a_full_disk_is_no_memory_that_ran_out():
    """TensorFlow has one name for both: its cache of compiled functions ended a run so."""
    says = "/runs/.compiled/x.pb; No space left on device"
    assert not memory.ran_out(tf.errors.ResourceExhaustedError(None, None, says))
    assert memory.ran_out(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"))


def runs_out(monkeypatch, too_large, at_step=0):
    """Steps on that many windows or more at a time end as TensorFlow ends them where memory runs out."""

    done = itertools.count()

    dispatch = step_tensorflow.Accumulator.dispatch

    def limited(self, batch, learning_rate):
        if next(done) >= at_step and self._rows >= too_large:
            raise tf.errors.ResourceExhaustedError(None, None, "Out of memory while trying to allocate 1.85GiB.")
        return dispatch(self, batch, learning_rate)

    monkeypatch.setattr(step_tensorflow.Accumulator, "dispatch", limited)


def test_a_run_whose_memory_runs_out_goes_on_in_pieces_to_the_same_end(
    tiny_preset, sample_folder, root, monkeypatch, only_trains
):
    short = {"dropout": 0.0, "steps": 4, "evaluate_steps": 2}
    whole = submission.submit(settings_of(tiny_preset, sample_folder, **short, name="whole"))
    worker.work(whole)
    assert not whole.events("memory")
    runs_out(monkeypatch, 3, at_step=2)
    run = submission.submit(settings_of(tiny_preset, sample_folder, **short))
    with pytest.raises(memory.RestartNeeded):
        worker.work(run)
    assert (run.state().state, run.state().starts) == (states.QUEUED, 0)
    worker.work(run)
    assert run.state().state == states.FINISHED
    (event,) = run.events("memory")
    assert {"step": 2, "failed_step": 3, "micro_batch": 2, "batch_size": 4}.items() <= event.items()
    losses, expected = ([e["loss"] for e in r.events("step")] for r in (run, whole))
    assert len(losses) == 4
    assert losses == pytest.approx(expected, rel=1e-4)
    assert losses[:2] == expected[:2]


def test_a_run_in_pieces_resumes_bit_for_bit(tiny_preset, sample_folder, root, monkeypatch, only_trains):
    """With dropout, and more memory free when it resumes: it keeps to its pieces."""

    preset = catalogue.find(tiny_preset)
    found = machine.look(root)
    short = replace(found, available_bytes=memory._bytes(preset, 32, 2, 4, 0))
    ends = []
    for name in ("whole", "cut"):
        run = submission.submit(
            settings_of(tiny_preset, sample_folder, dropout=0.1, name=name, steps=2, evaluate_steps=1)
        )
        with monkeypatch.context() as patch:
            patch.setattr(machine, "look", lambda folder: short)
            if name == "cut":
                save = Saver.save

                def cut_off(self, save=save):
                    save(self)
                    raise KeyboardInterrupt

                patch.setattr(Saver, "save", cut_off)
                with pytest.raises(KeyboardInterrupt):
                    worker.work(run)
            else:
                worker.work(run)
        if name == "cut":
            assert checkpoints.newest_verified(run).manifest["micro_batch"] == 2
            (run.folder / "events.jsonl").write_text("")  # what the checkpoint keeps is enough
            keras.backend.clear_session()
            worker.work(run)
        else:
            (event,) = run.events("memory")
            assert {"step": -1, "failed_step": None, "micro_batch": 2, "batch_size": 4}.items() <= event.items()
        model, _ = loading.load(ModelReference(preset, checkpoints.of_run(run)[-1]))
        ends.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("method", ["packed", "first-tokens"])
def test_where_one_window_does_not_fit_the_failure_says_what_to_change(
    tiny_preset, sample_folder, root, monkeypatch, method, only_trains
):
    from engine.training import keras_fit

    def never_fits(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    runs_out(monkeypatch, 1)
    monkeypatch.setattr(keras_fit, "fit", never_fits)
    run = submission.submit(settings_of(tiny_preset, sample_folder, batch_size=1, method=method))
    said = {
        "packed": r"one window of 32 tokens at a time: set sequence_length to 16 or less \(about \d+ MB less\), train LoRA",
        "first-tokens": "batches of 1 windows.*set batch_size to 1 or less",
    }[method]
    with pytest.raises(ResourcesError, match=said):
        worker.work(run)
    assert run.state().state == states.FAILED
    assert not run.events("memory")


def test_what_to_change_is_computed():
    preset = catalogue.find("checkpoints/presets/gpt2_mini_en")
    batch = memory.training_bytes(preset, 256, 8)
    assert memory.micro_batch(preset, 256, 8, 0, batch) == 8
    assert memory.micro_batch(preset, 256, 8, 0, batch - 1) == 4
    for rank, available, said in (
        (0, memory.training_bytes(preset, 64, 1), "set sequence_length to 64 or less"),
        (4, machine.FRAMEWORK_BYTES, "smaller preset than gpt2_mini_en"),
    ):
        with pytest.raises(ResourcesError, match=said) as caught:
            memory.micro_batch(preset, 256, 8, rank, available)
        assert caught.value.values["available"] == available >> 20
        assert caught.value.values.get("less", 0) <= available >> 20
    base = replace(preset, hidden_dim=768, num_layers=12, num_heads=12, vocabulary_size=50_257)
    free = memory.training_bytes(base, 256, 1, 1)  # far less than the weights' gradients and moments take
    with pytest.raises(ResourcesError, match=rf"LoRA adapters \(lora_rank 4, about {free >> 20} MB\)"):
        memory.micro_batch(base, 256, 8, 0, free)


def test_the_estimate_counts_the_logits_that_are_there_at_a_time():
    """Measured of two steps of GPT-2 base in the automatic batch: 5.5 GB."""
    assert memory.CHUNK_LOGITS == chunked_loss.CHUNK_LOGITS
    preset = catalogue.find("checkpoints/presets/gpt2_mini_en")
    base = replace(preset, hidden_dim=768, num_layers=12, num_heads=12, vocabulary_size=50_257)
    assert 5.2e9 < memory.training_bytes(base, 256, 5) < 6e9
    more = memory.training_bytes(base, 256, 5, whole_logits=True) - memory.training_bytes(base, 256, 5)
    assert more == 4 * 4 * (5 * 256 * 50_257 - memory.CHUNK_LOGITS)


@pytest.mark.parametrize("large", [True, False])
def test_a_large_model_on_a_cpu_leaves_no_freed_memory_with_tensorflow(root, monkeypatch, large):
    monkeypatch.setenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "")  # so that it is put back
    monkeypatch.delenv("TF_ONEDNN_USE_SYSTEM_ALLOCATOR")
    if large:
        monkeypatch.setattr(memory, "LARGE_PARAMETERS", 1_000_000)
    run = lifecycle.create(RunSettings("checkpoints/presets/gpt2_mini_en", "articles/sample", "one", steps=4))
    monkeypatch.setattr(fine_tuning, "train", lambda *rest: {})
    for device, expected in (("gpu:0", None), ("cpu", "1" if large else None)):
        worker._train_until_stopped(run, device, None, None, None)
        assert os.environ.get("TF_ONEDNN_USE_SYSTEM_ALLOCATOR") == expected


def test_an_evaluation_whose_memory_runs_out_scores_fewer_windows_at_a_time(tiny_preset):
    model, _ = loading.load(references.resolve(str(tiny_preset)))
    scorer = scoring.Scorer(model, jit_compile=False)
    stream = np.random.default_rng(0).integers(0, 399, 5 * 32 + 1)
    batch = windows.take(stream, np.arange(5), 32)
    expected, score, most = scorer.batch(batch), scorer._score, [2]

    def limited(token_ids, targets):
        if len(token_ids) > most[0]:
            raise tf.errors.ResourceExhaustedError(None, None, "Out of memory")
        return score(token_ids, targets)

    scorer._score = limited
    for found, whole in zip(scorer.batch(batch), expected, strict=True):
        assert np.allclose(found, whole, atol=1e-5)
    most[0] = 0
    with pytest.raises(ResourcesError, match="one window of 32 tokens was scored: set sequence_length to 16 or less"):
        scorer.batch(batch)
