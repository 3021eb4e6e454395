"""The forgetting meter: the text that ships, and what a run gained and lost by its events."""

import json

import numpy as np
import pytest

from engine.core import paths
from engine.corpus import english
from engine.evaluation import forgetting
from engine.presets import tokenizers
from engine.runs.history import lines, shared
from engine.runs.history.events import FILE
from engine.runs.history.follower import Follower
from ui import forgetting_view


def event(model, step, split, accuracy, whole=False):
    figures = {"accuracy": accuracy, "bits_per_byte": 3 - accuracy, "evaluated_tokens": 2048}
    return {"kind": "evaluation", "model": model, "step": step, "split": split, "whole": whole, **figures}


def test_what_changed_has_an_interval_over_the_texts_and_chance_is_called_so():
    def scored(step, split, shares):
        sums = {"article": [1, 2, 3, 4, 5, 6], "tokens": [100] * 6, "bytes": [300] * 6, "loss": [500.0] * 6}
        return event("run" if step else "base", step, split, sum(shares) / 600) | {
            "by_article": {**sums, "top_1": shares}
        }

    events = [scored(0, "validation", [10, 12, 14, 11, 13, 12]), scored(0, "english", [30, 31, 29, 33, 30, 30])]
    events += [scored(9, "validation", [20, 23, 23, 21, 22, 23]), scored(9, "english", [29, 33, 28, 30, 31, 31])]
    found = forgetting.of_events(events)
    gained, lost = forgetting.change(found.science), forgetting.change(found.english)
    assert gained.accuracy == pytest.approx(0.1) and 0.08 < gained.interval[0] < 0.1 < gained.interval[1] < 0.12
    assert lost.interval[0] < 0 < lost.interval[1]
    said = forgetting_view.in_words(found)
    assert "(+10.0 points, 95 % interval +" in said and "points, which may be chance: 95 % interval" in said
    older = [{**event, "by_article": None} for event in events]
    assert forgetting.change(forgetting.of_events(older).science).interval is None
    assert "(+10.0 points)" in forgetting_view.in_words(forgetting.of_events(older))


def accuracies(points):
    return [(point.step, point.accuracy) for point in points]


def test_a_run_from_the_base_begins_with_it():
    events = [event("base", 0, "validation", 0.1), event("base", 0, "english", 0.3), {"kind": "sample", "step": 0}]
    events += [event("run", 5, "validation", 0.2), event("run", 5, "english", 0.25)]
    events += [
        event("run", 5, "test", 0.9, whole=True),
        event("run", 5, "english", 0.24),
    ]  # the last was measured again
    found = forgetting.of_events(events)
    assert accuracies(found.science) == [(0, 0.1), (5, 0.2)]
    assert accuracies(found.english) == [(0, 0.3), (5, 0.24)]
    assert found.base_english.accuracy == 0.3
    assert "against the base" not in forgetting_view.in_words(found)


def test_a_run_from_a_checkpoint_begins_with_its_parent_and_keeps_the_base_as_a_level():
    events = [event(m, 0, s, a) for m, s, a in (("base", "validation", 0.1), ("base", "english", 0.3))]
    events += [event("parent", 0, "validation", 0.2), event("parent", 0, "english", 0.25)]
    events += [event("run", 9, "validation", 0.22), event("run", 9, "english", 0.2)]
    found = forgetting.of_events(events)
    assert accuracies(found.science) == [(0, 0.2), (9, 0.22)]
    assert accuracies(found.english) == [(0, 0.25), (9, 0.2)]
    assert (found.base_science.accuracy, found.base_english.accuracy) == (0.1, 0.3)
    assert forgetting_view.in_words(found).endswith(
        "against the base model, science +12.0 points, general English −10.0 points."
    )


def test_a_run_that_scored_no_english_has_no_meter():
    assert forgetting.of_events([event("base", 0, "validation", 0.1), event("run", 5, "validation", 0.2)]) is None


def test_the_text_that_ships_is_long_enough_free_and_in_the_form_of_articles(vocabulary):
    texts = english.articles()
    words = sum(article.words for article in texts)
    assert 2500 <= words <= 3500
    card = (paths.ENGLISH / "README.md").read_text(encoding="utf-8")
    assert f"{words:,} words" in card and "CC0" in card and "written for this project" in card
    keys = {"article_id", "article_text", "abstract_text", "labels", "section_names", "sections"}
    lines = (paths.ENGLISH / "english.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(set(json.loads(line)) == keys for line in lines)
    tokenizer = tokenizers.Tokenizer(*vocabulary)
    stream = english.stream(tokenizer)
    marks = np.flatnonzero(stream == tokenizer.end_of_text)
    assert len(marks) == len(texts) and english.starts(tokenizer).tolist() == [*marks.tolist(), len(stream)]
    assert tokenizer.decode(stream[1 : marks[1]]) == texts[0].text()


def test_the_meter_of_a_run_reads_the_sums_of_its_first_and_last_points_alone(tmp_path, monkeypatch):
    """They are most of what a long run reports, and stay in its file."""
    sums = {"article": [1, 2, 3, 4, 5, 6], "tokens": [100] * 6, "bytes": [300] * 6, "loss": [500.0] * 6}
    path = tmp_path / FILE
    with open(path, "w", encoding="utf-8") as file:
        for step in range(0, 50):
            for split in ("validation", "english"):
                shares = {"top_1": [10 + step, 11, 12, 13 + step, 14, 15]}
                scored = event("run" if step else "base", step, split, sum(shares["top_1"]) / 600)
                file.write(json.dumps(scored | {"perplexity": 2.0, "loss": 5.0, "by_article": sums | shares}) + "\n")
    history, read = shared.of_file(path), []
    complete = Follower.complete
    monkeypatch.setattr(Follower, "complete", lambda self, placed: read.append(placed) or complete(self, placed))
    found = forgetting.of_history(history)
    assert len(found.science) == 50 and {placed.event["step"] for placed in read} == {0, 1, 49} and len(read) == 6
    whole = forgetting.of_events(lines.all_events(path))
    assert forgetting.change(found.science) == forgetting.change(whole.science)
    assert forgetting.change(found.science).interval is not None
