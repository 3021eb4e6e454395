"""A figure that is none is never a number: the model that computes none is refused, files hold null, pages a dash."""

import json
import math

import numpy as np
import pytest
from pages_helpers import a_run, open_page

from engine.core import files, strict_json
from engine.core.errors import EngineError
from engine.corpus import windows
from engine.evaluation import keras_check, scoring
from engine.inference.generation import Generator
from engine.inference.token_scores import Passage
from engine.models import loading
from engine.runs import references
from engine.runs.folder import Run
from ui import words

NONE = (math.nan, math.inf, -math.inf)


@pytest.fixture(scope="module")
def overflowing(two_layer_preset):
    """A model in float16 whose logits are beyond 65,504, the largest number of that type."""
    model, tokenizer = loading.load(references.resolve(str(two_layer_preset)), dtype="mixed_float16")
    norm = model.backbone.layer_norm
    norm.gamma.assign(norm.gamma * 60000.0)
    embedding = model.backbone.token_embedding.embeddings
    embedding.assign(embedding * 1000.0)
    return model, tokenizer


def test_in_float32_the_same_model_computes_numbers(two_layer_preset, overflowing):
    model, _ = loading.load(references.resolve(str(two_layer_preset)))
    model.set_weights(overflowing[0].get_weights())
    ids = np.arange(32, dtype=np.int32)[None]
    losses, _ranks = scoring.Scorer(model, False).batch(windows.Batch(ids, ids, np.ones(ids.shape, np.float32)))
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("way", ["score", "keras", "look", "generate", "search"])
def test_a_model_that_computes_no_numbers_is_refused_wherever_its_answers_are_used(overflowing, way):
    model, tokenizer = overflowing
    ids = np.arange(1, 33, dtype=np.int32)[None]
    batch = windows.Batch(ids, ids, np.ones(ids.shape, np.float32))

    def ask():
        if way == "score":
            scoring.Scorer(model, False).batch(batch)
        elif way == "keras":
            keras_check.compile_to_evaluate(model)
            keras_check.evaluate_batches(model, lambda: iter([batch]), 1)
        elif way == "look":
            Generator(model, tokenizer).microscope.look(Passage([3, 4, 5], [0]))
        elif way == "generate":
            Generator(model, tokenizer).generate("The", 4)
        else:
            list(Generator(model, tokenizer).search("The", 4, 2))

    with pytest.raises(EngineError, match="computes no numbers any more"):
        ask()


def strict(text):
    """What a reader makes of it that follows the standard."""

    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("figure", NONE)
def test_files_hold_null(tmp_path, root, figure):
    files.write_json(tmp_path / "a.json", {"loss": figure, "of": [1.5, (figure, 2)]})
    assert strict((tmp_path / "a.json").read_text()) == {"loss": None, "of": [1.5, [None, 2]]}
    folder = root / "one"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    Run(folder).append_event("step", step=1, loss=figure)
    assert strict((folder / "events.jsonl").read_text())["loss"] is None
    assert [event["loss"] for event in Run(folder).events("step")] == [None]


def test_json_is_as_json_dumps_writes_it_where_all_are_numbers():
    value = {"b": [1, 2.5, None, True, "é"], "a": {"c": -0.0}}
    for options in ({}, {"indent": 2, "ensure_ascii": False}, {"sort_keys": True}):
        assert strict_json.dumps(value, **options) == json.dumps(value, **options)
    circle: list = []
    circle.append(circle)
    with pytest.raises(ValueError, match="Circular"):
        strict_json.dumps(circle)


def test_what_earlier_versions_wrote_is_read_without_such_numbers():
    assert files.parse_json(b'{"loss": NaN, "rate": [Infinity, -Infinity, 1.0]}') == {
        "loss": None,
        "rate": [None, None, 1.0],
    }


@pytest.mark.parametrize("figure", NONE)
def test_a_sentence_has_a_dash_in_its_place(figure):
    error = EngineError("The loss became {loss} at step {step}.", loss=figure, step=4)
    assert str(error) == "The loss became – at step 4."
    assert EngineError.from_json(strict(json.dumps(error.to_json()))).values == {"loss": "–", "step": 4}


@pytest.mark.parametrize("figure", NONE)
def test_pages_show_a_dash(figure):
    writers = (
        words.grouped,
        words.decimal,
        words.shortest,
        words.signed,
        words.percent,
        words.duration,
        words.about,
        words.size,
    )
    assert {tell(figure) for tell in writers} == {"–"}
    assert words.delta(figure) == {"delta": "–", "delta_color": "off", "delta_arrow": "off"}


def test_the_page_of_a_run_with_such_figures_shows_none_of_them(root, no_studio):
    """As an earlier version wrote them."""
    run = a_run(root)
    with (run.folder / "events.jsonl").open("a") as file:
        for step in (5, 6):
            file.write(
                f'{{"kind": "step", "time": 1.0, "step": {step}, "loss": NaN, "accuracy": NaN, "tokens": 100, "seconds": 2.0, '
                '"learning_rate": 0.001, "tokens_per_second": Infinity, "memory_bytes": 1000}\n'
            )
    for page in ("curve", "runs"):
        app = open_page(page)
        shown = [
            *(element.value for kind in (app.markdown, app.caption, app.metric) for element in kind),
            *(frame.value.to_string(na_rep="") for frame in app.dataframe),
        ]
        assert shown
        for text in shown:
            assert not {"nan", "inf", "infinity"} & set(str(text).lower().replace("%", " ").split()), text
