"""The microscope: the numbers are the model's own, whatever the length of the text; what changed is found where it is."""

import numpy as np
import pytest

from engine.core.errors import CheckpointError, EngineError
from engine.core.progress import Cancelled, Progress
from engine.corpus import preparation
from engine.evaluation.scoring import Scorer
from engine.inference import differences, token_scores
from engine.inference.token_scores import Microscope, Passage
from engine.models import loading
from engine.presets import catalogue, tokenizers
from engine.runs import checkpoints, references
from engine.runs.references import ModelReference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tiny(tiny_preset):
    return loading.load(ModelReference(catalogue.find(tiny_preset)))


@pytest.fixture(scope="module")
def other(tiny_preset):
    """The same architecture with other weights."""
    model, _ = loading.load(ModelReference(catalogue.find(tiny_preset)))
    rng = np.random.default_rng(1)
    model.backbone.set_weights([w + rng.normal(0, 0.3, w.shape) for w in model.backbone.get_weights()])
    return model


def expected(model, ids: list[int]) -> np.ndarray:
    """float64 (len(ids) - 1, vocabulary): the distribution at each token behind the first."""
    token_ids = np.array(ids[:-1])[None]
    logits = np.asarray(model({"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}))[0].astype("f8")
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def test_every_number_is_the_models_own(tiny):
    model, tokenizer = tiny
    taken = token_scores.typed(tokenizer, "the cells were treated with insulin and lower levels of protein")
    look = Microscope(model).look(taken)
    shares = expected(model, [*taken.before, *taken.ids])
    of_target = shares[np.arange(len(taken.ids)), taken.ids]
    np.testing.assert_allclose(look.probabilities, of_target, rtol=1e-4)
    np.testing.assert_array_equal(look.ranks, 1 + (shares > of_target[:, None]).sum(-1))
    np.testing.assert_allclose(look.entropies, -(shares * np.log2(shares)).sum(-1), rtol=1e-4)
    np.testing.assert_allclose(look.shares, -np.sort(-shares, axis=-1)[:, :10], rtol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(shares, look.alternatives, 1), look.shares, rtol=1e-4)


def test_a_text_longer_than_the_context_is_looked_at_to_its_end(tiny):
    """Context 64: up to there as in one window, behind it with at least half a context before each token."""
    model, tokenizer = tiny
    ids = (tokenizer.encode("the patients showed lower glucose in blood after twelve weeks ") * 20)[:150]
    look = Microscope(model).look(Passage(ids, [tokenizer.end_of_text]))
    assert len(look.probabilities) == len(look.alternatives) == 150
    whole = [tokenizer.end_of_text, *ids]
    np.testing.assert_allclose(look.probabilities[:64], expected(model, whole[:65])[np.arange(64), ids[:64]], rtol=1e-4)
    shares = expected(model, whole[-65:])
    np.testing.assert_allclose(look.probabilities[-22:], shares[np.arange(42, 64), ids[-22:]], rtol=1e-4)


def test_a_passage_of_an_article_has_what_stands_before_it(tiny, sample_folder, root):
    model, tokenizer = tiny
    prepared = preparation.prepare(sample_folder, tokenizer, root.parent / "corpora")
    whole = token_scores.of_article(prepared, "test", 2, 1, 60)
    behind = token_scores.of_article(prepared, "test", 2, 11, 50)
    assert behind.ids == whole.ids[10:] and behind.before[0] == tokenizer.end_of_text
    scope = Microscope(model)
    np.testing.assert_allclose(scope.look(behind).probabilities, scope.look(whole).probabilities[10:], rtol=1e-4)
    with pytest.raises(EngineError, match="there is none at 100000"):
        token_scores.of_article(prepared, "test", 2, 100_000, 50)
    with pytest.raises(EngineError, match="no text"):
        token_scores.typed(tokenizer, "  \n")


def test_pieces_joined_are_the_text(tiny):
    _, tokenizer = tiny
    text = "<b>β-cells</b> 细胞 🙂 *bold*"
    assert "".join(token_scores.pieces(tokenizer, token_scores.typed(tokenizer, text).ids)) == text


def test_changes_are_the_largest_of_the_whole_split(tiny, other, sample_folder, root):
    """Against a plain computation over every token; in small windows, so that articles take several."""
    model, tokenizer = tiny
    prepared = preparation.prepare(sample_folder, tokenizer, root.parent / "corpora")
    scorers = (Scorer(model, False), Scorer(other, False))
    found = token_scores.changes(scorers, prepared, "test", tokenizer, 64, most=5)
    bits = {}
    for number in range(1, prepared.articles("test") + 1):
        stream = prepared.tokens("test", number, number).astype(int)
        for first in range(0, len(stream) - 1, 64):
            piece = stream[first : first + 65]
            at = np.arange(len(piece) - 1)
            one, two = (np.log2(expected(m, piece.tolist())[at, piece[1:]]) for m in (model, other))
            bits |= {(number, first + 1 + int(i)): (two - one)[i] for i in at}
    ordered = sorted(bits, key=bits.get)
    assert [(p.article, p.first) for p in found["gained_tokens"]] == ordered[:-6:-1]
    assert [(p.article, p.first) for p in found["lost_tokens"]] == ordered[:5]
    np.testing.assert_allclose([p.bits for p in found["lost_tokens"]], [-bits[k] for k in ordered[:5]], atol=1e-3)
    best = found["gained_sentences"][0]
    mean = np.mean([bits[best.article, at] for at in range(best.first, best.last)])
    np.testing.assert_allclose(best.bits, mean, atol=1e-3)

    def end(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        token_scores.changes(scorers, prepared, "test", tokenizer, 64, on_progress=end)


@pytest.mark.parametrize(
    "text, parts",
    [
        ("It was low. It rose, as was seen.\nThe next.", ["It was low.", "It rose, as was seen.", "The next."]),
        ("values of 0.05 were taken as a limit", ["values of 0.05 were taken as a limit"]),
    ],
)
def test_sentences_end_at_stops_and_lines(text, parts):
    import re

    pieces = re.findall(r" ?\w|[^\w ]", text)
    assert ["".join(pieces[a:b]).strip() for a, b in token_scores.sentences(pieces)] == parts


def test_places_are_told_with_what_stands_around_them_and_kept(
    tiny_preset, tiny, other, sample_folder, root, monkeypatch
):
    from engine.runs import lifecycle
    from engine.runs.settings import RunSettings

    run = lifecycle.create(RunSettings(str(tiny_preset), str(sample_folder), "changed", steps=1), root=root)
    facts = {"preset": catalogue.json_of(catalogue.find(tiny_preset)), "tokens": 0, "steps": 1, "metrics": {}}
    with checkpoints.commit(run, 1, facts) as staging:
        loading.save_weights(other, staging / checkpoints.WEIGHTS)
    pair = (ModelReference(catalogue.find(tiny_preset)), references.resolve("changed", root))
    found = differences.largest_differences(pair, str(sample_folder), "test")
    place = found["gained_tokens"][0]
    prepared = preparation.prepare(sample_folder, tiny[1])
    stream = prepared.tokens("test", place["article"], place["article"])
    assert tokenizers.Tokenizer.decode(tiny[1], stream[place["first"] : place["last"]]) == place["text"]
    monkeypatch.setattr(token_scores, "changes", None)  # kept: not computed again
    assert differences.largest_differences(pair, str(sample_folder), "test") == found


def test_models_of_two_vocabularies_are_not_laid_over_one_another(tiny_preset, sample_folder, root):
    pair = (ModelReference(catalogue.find(tiny_preset)), references.resolve("gpt2_mini_en", root))
    with pytest.raises(CheckpointError, match="different vocabularies"):
        differences.largest_differences(pair, str(sample_folder), "test")
