"""Evaluation that can be trusted: each token scored once, sums that agree with Keras, baselines by hand."""

import json
import math
import shutil

import numpy as np
import pytest

from engine.cli.app import main
from engine.core.errors import EngineError
from engine.core.progress import Cancelled, Progress, ignore
from engine.corpus import preparation, windows
from engine.corpus.baselines import Baselines
from engine.corpus.token_kinds import TokenKinds
from engine.evaluation import breakdown, cache, intervals, keras_check, measure, scoring
from engine.evaluation.cache import PassSettings
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, references
from engine.runs.references import ModelReference
from engine.runs.settings import RunSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny(tiny_preset):
    return loading.load(references.resolve(str(tiny_preset)))


@pytest.fixture(scope="module")
def corpus(tiny, sample_folder, tmp_path_factory):
    return preparation.prepare(sample_folder, tiny[1], tmp_path_factory.mktemp("corpora"))


def examined(tiny, corpus, length=32, stride=32, chosen=None, on_progress=ignore, split="test"):
    model, tokenizer = tiny
    return breakdown.run(
        scoring.Scorer(model, False),
        corpus,
        split,
        tokenizer,
        TokenKinds(tokenizer),
        Baselines(corpus.tokens("train"), tokenizer.vocabulary_size),
        breakdown.Pass(length, stride, 8, chosen),
        on_progress,
    )


@pytest.fixture(scope="module")
def figures(tiny, corpus):
    return examined(tiny, corpus)


def distribution(model, token_ids: np.ndarray) -> np.ndarray:
    """float64 (windows, length, vocabulary)."""
    logits = np.asarray(model({"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)})).astype("f8")
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


# The pass


def test_the_headline_equals_keras_evaluate(tiny, corpus, figures):
    model, _ = tiny
    stream = corpus.tokens("test")
    batch = windows.take(stream, np.arange(windows.count(len(stream), 32)), 32)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(5, name="top_5"),
            keras.metrics.SparseTopKCategoricalAccuracy(10, name="top_10"),
        ],
    )
    x = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
    said = keras.Model.evaluate(
        model, x, batch.targets, sample_weight=batch.weights, batch_size=len(batch.targets), return_dict=True, verbose=0
    )
    assert figures["evaluated_tokens"] == len(stream) - 1
    assert figures["loss"] == pytest.approx(said["loss"] / (len(stream) - 1), abs=1e-5)
    for name in ("accuracy", "top_5", "top_10"):
        assert figures[name] == pytest.approx(said[name], abs=1e-6)
    assert figures["perplexity"] == pytest.approx(math.exp(figures["loss"]))


@pytest.mark.parametrize("stride", [32, 20])
def test_keras_evaluate_agrees_with_the_passes_own_sums_of_the_same_windows(
    tiny_preset, sample_folder, root, stride, monkeypatch
):
    """Of the first windows alone, the rest of a long split is not gone through twice."""
    monkeypatch.setattr(scoring, "BATCH_TOKENS", 4 * 32)
    monkeypatch.setattr(breakdown, "CHECKED_TARGETS", 8 * 32)
    model = references.resolve(str(tiny_preset))
    found = measure.examine(model, str(sample_folder), way=PassSettings(sequence_length=32, stride=stride))
    said, own = found["keras"], found["checked"]
    assert said["tokens"] == own["tokens"] == 32 + 7 * stride < found["evaluated_tokens"]
    assert said["loss"] == pytest.approx(own["loss"], abs=1e-5)
    assert said["accuracy"] == pytest.approx(own["accuracy"], abs=1e-6)


def test_a_split_shorter_than_what_keras_is_asked_for_is_checked_as_a_whole(tiny_preset, sample_folder, root):
    found = measure.examine(
        references.resolve(str(tiny_preset)), str(sample_folder), way=PassSettings(sequence_length=32)
    )
    assert found["keras"]["tokens"] == found["evaluated_tokens"] < breakdown.CHECKED_TARGETS
    assert found["keras"]["loss"] == pytest.approx(found["loss"], abs=1e-5)


def test_where_memory_does_not_suffice_for_keras_the_pass_is_not_lost(tiny_preset, sample_folder, root, monkeypatch):
    def evaluate_batches(*arguments):
        raise MemoryError

    monkeypatch.setattr(keras_check, "evaluate_batches", evaluate_batches)
    found = measure.examine(
        references.resolve(str(tiny_preset)), str(sample_folder), way=PassSettings(sequence_length=32)
    )
    assert found["keras"] is None and found["evaluated_tokens"]


def test_every_group_adds_up_to_the_whole(corpus, figures):
    whole = figures["evaluated_tokens"]
    for name in ("by_section", "by_position", "by_kind"):
        assert sum(group["tokens"] for group in figures[name]) == whole
        assert sum(g["loss"] * g["tokens"] for g in figures[name]) / whole == pytest.approx(figures["loss"])
    assert sum(b["tokens"] for b in figures["calibration"]["bins"]) == whole
    lengths = corpus.token_counts("test") + 1
    assert figures["by_article"]["tokens"] == [int(lengths[0]) - 1, *lengths[1:].tolist()]


def test_sections_are_those_of_the_articles(tiny, corpus, figures):
    _, tokenizer = tiny
    expected = dict.fromkeys(breakdown.SECTIONS, 0)
    for number in range(1, corpus.articles("test") + 1):
        for section in corpus.sections("test", number, tokenizer):
            expected[section.kind] += section.last - section.first
    expected["other"] += corpus.articles("test") - 1  # the marks; nothing precedes the first
    assert {g["name"]: g["tokens"] for g in figures["by_section"]} == {k: n for k, n in expected.items() if n}


def test_calibration_is_of_the_most_probable_token(tiny, corpus, figures):
    stream = corpus.tokens("test")
    batch = windows.take(stream, np.arange(windows.count(len(stream), 32)), 32)
    shares, real = distribution(tiny[0], batch.token_ids), batch.weights > 0
    confidence, right = shares.max(-1)[real], (shares.argmax(-1) == batch.targets)[real]
    bins = np.minimum((confidence * 15).astype(int), 14)
    error = sum(abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    assert figures["calibration"]["error"] == pytest.approx(error, abs=1e-5)


@pytest.mark.parametrize("stride", [32, 20, 8, 1])
def test_each_token_is_scored_once_whatever_the_stride(stride):
    stream = np.arange(1, 151)
    seen, before = [], []
    for starts, batch in windows.sliding(stream, 32, stride, 4):
        assert batch.token_ids.shape == (4, 32)
        rows, columns = np.nonzero(batch.weights)
        seen += batch.targets[rows, columns].tolist()
        before += [int(c) + 1 for start, c in zip(starts[rows], columns, strict=True) if start]
    assert seen == list(range(2, 151))
    assert min(before) == 32 - stride + 1


def test_a_smaller_stride_gives_the_loss_of_tokens_with_that_context(tiny, corpus):
    model, _ = tiny
    found = examined(tiny, corpus, stride=8)
    stream = np.asarray(corpus.tokens("test"), dtype=np.int32)
    losses = []
    for at in range(1, len(stream)):
        start = max(0, -(-(at - 32) // 8)) * 8  # the first window that reaches it
        losses.append((start, at))
    starts = sorted({start for start, _at in losses})
    rows = np.stack([np.pad(stream[s : s + 32], (0, max(0, 32 - len(stream[s : s + 32])))) for s in starts])
    shares = distribution(model, rows)
    picked = [-math.log(shares[starts.index(start), at - start - 1, stream[at]]) for start, at in losses]
    assert found["evaluated_tokens"] == len(stream) - 1
    assert found["loss"] == pytest.approx(np.mean(picked), abs=1e-5)


def test_padding_counted_is_what_a_plain_mean_over_all_positions_says(tiny, corpus, figures):
    model, tokenizer = tiny
    by_paragraph = next(p for p in figures["padding"] if p["windows"] == "paragraph")
    batch = breakdown._padded_windows(corpus, "test", tokenizer, 32)["paragraph"]
    right = distribution(model, batch.token_ids).argmax(-1) == batch.targets
    real = batch.weights > 0
    assert by_paragraph["length"] == 32
    assert by_paragraph["accuracy"] == pytest.approx(right[real].mean())
    assert by_paragraph["accuracy_with_padding"] == pytest.approx(right.mean())
    assert by_paragraph["accuracy_learnt"] == pytest.approx((right[real].sum() + (~real).sum()) / real.size)
    assert by_paragraph["padding_share"] > 0


def test_a_pass_is_given_up_when_whoever_asked_says_so(tiny, corpus):
    def refuse(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        examined(tiny, corpus, on_progress=refuse)


# Kept, and asked for


def test_a_report_is_kept_by_weights_articles_and_stride(tiny_preset, sample_folder, root, monkeypatch):
    model = references.resolve(str(tiny_preset))
    found = measure.examine(model, str(sample_folder), way=PassSettings(sequence_length=32))
    assert found["stride"] == 32 and found["hash"] == model.hash
    with monkeypatch.context() as patch:
        patch.setattr(breakdown, "run", None)  # kept: not computed again
        assert measure.examine(model, str(sample_folder), way=PassSettings(sequence_length=32)) == found
    other = measure.examine(model, str(sample_folder), way=PassSettings(sequence_length=32, stride=16))
    assert other["evaluated_tokens"] == found["evaluated_tokens"] and other["loss"] != found["loss"]
    assert measure.measure(model, str(sample_folder), sequence_length=32)["loss"] == pytest.approx(found["loss"])
    for changes, words in (
        ({"stride": 33, "sequence_length": 32}, "1 to 32"),
        ({"sequence_length": 65}, "64 tokens"),
        ({"sequence_length": 32, "stride": 8, "tokens": 64}, "whole split"),
    ):
        with pytest.raises(EngineError, match=words):
            measure.examine(model, str(sample_folder), way=PassSettings(**changes))


def test_a_kept_report_is_given_before_the_model_is_loaded(tiny_preset, sample_folder, root, monkeypatch):
    model = references.resolve(str(tiny_preset))
    found = measure.examine(model, str(sample_folder))
    monkeypatch.setattr(loading, "load", None)
    assert measure.examine(model, str(sample_folder)) == json.loads(json.dumps(found))


def test_a_reports_key_changes_with_the_articles(tiny_preset, sample_folder, root, tmp_path):
    model, copy = references.resolve(str(tiny_preset)), tmp_path / "copy"
    shutil.copytree(sample_folder, copy)
    assert cache.key_if_prepared(model, str(copy), "test", PassSettings()) is None
    measure.measure(model, str(copy))
    before = cache.key_if_prepared(model, str(copy), "test", PassSettings())
    (copy / "test.jsonl").write_text((sample_folder / "validation.jsonl").read_text(), encoding="utf-8")
    assert cache.key_if_prepared(model, str(copy), "test", PassSettings()) is None
    measure.measure(model, str(copy))
    assert before != cache.key_if_prepared(model, str(copy), "test", PassSettings()) is not None


def test_the_command_line_tells_intervals_and_what_changed_against_another_model(
    tiny, tiny_preset, vocabulary, sample_folder, root, tmp_path, capsys
):
    other = loading.new(loading.Architecture(tiny[1].vocabulary_size, 2, 2, 32, 64))
    loading.save_preset(other, *vocabulary, tmp_path / "other", "# Another\n")
    command = [
        "evaluate",
        "--checkpoint",
        str(tmp_path / "other"),
        "--articles",
        str(sample_folder),
        "--split",
        "train",
    ]
    assert main([*command, "--against", str(tiny_preset), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["against"]["hash"] == references.resolve(str(tiny_preset)).hash != result["hash"]
    for name in intervals.FIGURES:
        low, high = result["intervals"][name]
        change = result["against"]["differences"][name]
        assert low <= result[name] <= high
        assert change["change"] == pytest.approx(result[name] - result["against"][name])
        assert change["interval"][0] <= change["change"] <= change["interval"][1]
    assert main([*command, "--against", "base"]) == 0
    said = capsys.readouterr().out
    assert "accuracy       +0.0 points (95 %: +0.0 to +0.0 points)" in said
    assert (
        "loss           +0.000 (95 %: +0.000 to +0.000)" in said
        and "95 % intervals over the articles: accuracy" in said
    )
    assert main([*command[:-1], "test"]) == 0
    assert "no interval can be told of fewer than 5 articles" in capsys.readouterr().out
    mini = ["--against", "checkpoints/presets/gpt2_mini_en"]
    assert main([*command, *mini]) == 1
    assert "different vocabularies" in capsys.readouterr().err


def test_a_kept_report_is_given_without_the_model_and_for_its_settings_alone(tiny_preset, sample_folder, root):
    model = references.resolve(str(tiny_preset))
    assert cache.read_breakdown(model, str(sample_folder), "test", PassSettings()) is None
    found = measure.examine(model, str(sample_folder))
    assert cache.read_breakdown(model, str(sample_folder), "test", PassSettings()) == json.loads(json.dumps(found))
    assert cache.read_breakdown(model, str(sample_folder), "test", PassSettings(stride=16)) is None
    assert cache.read_breakdown(model, str(sample_folder), "test", PassSettings(tokens=128)) is None
    assert cache.read_breakdown(model, str(sample_folder), "validation", PassSettings()) is None


# Baselines


def test_bigram_and_most_frequent_token_by_hand():
    """After 1: twice 2, once 3. After 2: always 1. 4 never seen."""
    found = Baselines(np.array([1, 2, 1, 2, 1, 3]), 5)
    assert (found.most_frequent, found.tokens) == (1, 6)
    np.testing.assert_allclose(found.unigram(np.array([1])).losses, -math.log(4 / 11))
    previous, targets = np.array([1, 1, 2, 4]), np.array([2, 3, 1, 1])
    uni = {1: 4 / 11, 2: 3 / 11, 3: 2 / 11}
    expected = [1.25 / 3 + 1.5 / 3 * uni[2], 0.25 / 3 + 1.5 / 3 * uni[3], 1.25 / 2 + 0.75 / 2 * uni[1], uni[1]]
    np.testing.assert_allclose(found.probabilities(previous, targets), expected)
    assert found.bigram(previous, targets).correct.tolist() == [True, False, True, True]


def test_the_bigram_is_a_distribution_and_its_best_is_its_most_probable(tiny, corpus):
    size = tiny[1].vocabulary_size
    found = Baselines(corpus.tokens("train"), size)
    for previous in (0, 40, 300, size - 1):
        shares = found.probabilities(np.full(size, previous), np.arange(size))
        assert shares.sum() == pytest.approx(1)
        assert found.bigram(np.array([previous]), np.array([shares.argmax()])).correct.all()


def test_a_runs_bigram_is_counted_on_what_the_run_could_read(root, tiny_preset, sample_folder, corpus, tiny):
    settings = RunSettings(
        preset=str(tiny_preset), articles=str(sample_folder), name="part", first_article=2, last_article=3, steps=1
    )
    run = lifecycle.create(settings, {})
    with checkpoints.commit(run, 1, {"preset": catalogue.json_of(catalogue.find(tiny_preset))}) as at:
        (at / checkpoints.WEIGHTS).write_bytes(b"weights")
    model = references.resolve("part")
    found = measure._baselines(model, corpus, tiny[1])
    assert (found.tokens, found.counted_on) == (len(corpus.tokens("train", 2, 3)), "run")
    base = measure._baselines(ModelReference(model.preset), corpus, tiny[1])
    assert (base.tokens, base.counted_on) == (len(corpus.tokens("train")), "split")


def test_sums_by_article_are_those_of_the_whole(tiny, corpus):
    model, tokenizer = tiny
    stream, starts = corpus.tokens("test"), corpus.starts("test")
    scorer = scoring.Scorer(model, scoring.JIT_COMPILE)
    chosen = scoring.part(stream, 16, 200, 1)
    scores = scoring.evaluate(scorer, stream, tokenizer.token_bytes, 16, chosen, article_starts=starts)
    sums = {name: sum(values) for name, values in scores.by_article.items()}
    assert sums["tokens"] == scores.evaluated_tokens and sums["top_1"] / sums["tokens"] == pytest.approx(
        scores.accuracy
    )
    assert sums["loss"] / sums["tokens"] == pytest.approx(scores.loss, abs=1e-5)
    assert set(scores.by_article["article"]) <= set(range(1, corpus.articles("test") + 1))
    assert "by_article" not in scores.to_json()


def test_every_training_token_counts_up_to_the_limit(monkeypatch):
    from engine.corpus import baselines

    monkeypatch.setattr(baselines, "MOST_TOKENS", 4)
    assert Baselines(np.array([1, 1, 2, 1, 2, 2, 2]), 3).most_frequent == 1


# Kinds of tokens


def test_a_word_cut_by_a_window_is_seen_whole(tiny, corpus):
    kinds = TokenKinds(tiny[1])
    stream = corpus.tokens("test")
    starts = np.arange(0, len(stream) - 1, 7)
    found = kinds.of_windows(stream, starts, 7).ravel()[: len(stream) - 1]
    np.testing.assert_array_equal(found, kinds.of(stream)[1:])


def test_base_and_checkpoint_are_scored_on_the_same_tokens(tiny, tiny_preset, corpus):
    _model, tokenizer = tiny
    first = examined(tiny, corpus, split="train")
    other, _ = loading.load(ModelReference(catalogue.find(tiny_preset)))
    rng = np.random.default_rng(1)
    other.backbone.set_weights([w + rng.normal(0, 0.3, w.shape) for w in other.backbone.get_weights()])
    second = examined((other, tokenizer), corpus, split="train")
    assert second["by_article"]["tokens"] == first["by_article"]["tokens"]
    assert second["baselines"] == first["baselines"]
    low, high = intervals.intervals(second["by_article"], first["by_article"])["loss"]
    assert low <= second["loss"] - first["loss"] <= high
