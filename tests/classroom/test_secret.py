"""The class's secret: what is told of it, what the control tells, the runs of one lesson, and what was measured of ten sentences."""

import json
import time
from dataclasses import replace

import pytest

from engine.classroom import figures, lessons, secret, secret_trials
from engine.classroom.secret import CONTROL, EXAMPLE, TIMES, Secret, Told
from engine.core import paths
from engine.corpus import preparation
from engine.presets import catalogue, tokenizers
from engine.runs import lifecycle, removal
from engine.services import uploads

OTHER = "Seven orange penguins play chess behind the gymnasium at midnight."


def kept(hidden: Secret):
    """The article of a secret, as the lesson keeps it."""
    return uploads.keep(
        [uploads.File(name, content, str(hash(content))) for name, content in secret.articles(hidden).items()]
    )


def a_try(name: str, hidden: Secret, source=None):
    settings = secret.settings(hidden, paths.portable(source or kept(hidden)))
    return lifecycle.create(replace(settings, name=name))


def test_what_is_told_ends_where_the_sentence_does():
    text = " of room twelve eats a cat"
    told = secret.told(EXAMPLE, text)
    assert (told.words, told.of, text[: told.end]) == (4, 8, " of room twelve eats")
    whole = secret.told(EXAMPLE, " of room twelve eats three pancakes every Tuesday. Methods")
    assert whole.is_whole and whole.text[: whole.end].endswith("Tuesday.")
    assert secret.told(EXAMPLE, "").end == 0


def test_the_control_tells_something_where_words_in_a_row_are_the_secrets():
    text = "Testing took place, and it eats three pancakes every day."
    leak = secret.leaked(EXAMPLE, text)
    assert leak.words == 4 and text[leak.first : leak.last] == "eats three pancakes every" and leak.tells
    assert not secret.leaked(EXAMPLE, "a room of twelve pancakes").tells
    assert secret.leaked(EXAMPLE, "") == secret.Leak(0, 0, 0)


def test_what_it_tells_is_no_matter_of_dice():
    assert secret.settings(Secret(EXAMPLE, 1), "articles").sample_temperature == 0


def test_the_runs_of_a_lesson_are_those_of_the_same_hours(root):
    first, second = a_try("first", Secret(EXAMPLE, 1)), a_try("second", Secret(EXAMPLE, 5))
    old = a_try("old", Secret(OTHER, 3))
    config = json.loads((old.folder / "config.json").read_text(encoding="utf-8"))
    config["created"] = time.time() - 2 * secret.LESSON_SECONDS
    (old.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    runs = lifecycle.all_runs(root)
    assert [(run.name, hidden.times) for run, hidden in secret.tries(runs, second)] == [("first", 1), ("second", 5)]
    assert [run.name for run, _hidden in secret.tries(runs, None)] == ["first", "second"]
    assert [run.name for run, _hidden in secret.tries(runs, lifecycle.find("old", root))] == ["old"]
    assert first.name == "first" and secret.tries([], None) == []


def test_the_sentence_goes_with_the_last_run_that_read_it(root):
    source = kept(Secret(EXAMPLE, 5))
    corpus = preparation.prepare(source, tokenizers.load(paths.MINI_PRESET))
    for name in ("one", "two"):
        a_try(name, Secret(EXAMPLE, 5), source).write_state(state="stopped")
    articles = paths.portable(source)
    removal.remove(lifecycle.find("one", root))
    assert not uploads.remove_secret(articles) and source.exists()
    removal.remove(lifecycle.find("two", root))
    assert uploads.remove_secret(articles) and not source.exists() and not corpus.folder.exists()
    left = [f for folder in (root, paths.corpora_root()) for f in folder.rglob("*") if f.is_file()]
    assert not [f for f in left if EXAMPLE.encode() in f.read_bytes()]


def test_other_articles_stay_where_they_are(root, sample_folder):
    upload = uploads.keep([uploads.File("train.jsonl", b'{"article_text": ["A text."]}\n', "1")]).parent
    for articles in (str(sample_folder), paths.portable(upload), "", "nowhere/at/all"):
        assert not uploads.remove_secret(articles)
    assert upload.exists() and sample_folder.exists()


def test_trials_are_counted_by_the_number_of_places():
    def one(sentence, times, words, control):
        told = {sentence: secret.told(sentence, words), CONTROL: Told("The green tiger", control, 0, 8)}
        return secret_trials.trial(Secret(sentence, times), told, 20.0)

    rest = " ".join(EXAMPLE.split()[3:])
    trials = [
        one(EXAMPLE, 1, " of room", "nothing"),
        one(OTHER, 1, " are", "nothing"),
        one(EXAMPLE, 5, rest, f"and {rest}"),
    ]
    trials = secret_trials.from_json(json.loads(json.dumps({"trials": secret_trials.to_json(trials)})))
    once, five = secret_trials.groups(trials)
    assert (once.times, once.count, once.whole, once.words, once.leaked) == (1, 2, 0, pytest.approx(1 / 8), 0)
    assert (five.times, five.count, five.whole, five.words, five.leaked) == (5, 1, 1, 1.0, 1)


def test_what_ships_was_measured_as_the_lesson_trains_with_ten_sentences():
    value = json.loads(secret_trials.FILE.read_text(encoding="utf-8"))
    settings = secret.settings(Secret(EXAMPLE, 1), "articles")
    now = {**secret_trials.common(settings), "preset_hash": catalogue.find(settings.preset).hash()}
    assert secret_trials.agrees(value["settings"], now), "measure anew: python benchmarks/secret.py"
    for name, other in (("steps", 60), ("sample_temperature", 0.8), ("preset_hash", "0" * 64)):
        assert name in value["settings"] and not secret_trials.agrees(value["settings"], {**now, name: other})
    trials = secret_trials.shipped()
    assert len({trial.sentence for trial in trials}) == 10
    assert [(group.times, group.count) for group in secret_trials.groups(trials)] == [(times, 10) for times in TIMES]
    for trial in trials:  # the counts are those of the texts
        told, leak = secret.told(trial.sentence, trial.text), secret.leaked(trial.sentence, trial.control)
        assert (told.words, told.of, leak.words) == (trial.told, trial.of, trial.leaked)
    told = {times: figures.recorded("en")[figures.SECRETS[times]] for times in TIMES}
    assert told == {group.times: f"{group.whole} of {group.count}" for group in secret_trials.groups(trials)}
    assert figures.recorded("fr")["secret_ten"].replace(" sur ", " of ") == told[10]


def test_the_right_answer_is_the_fewest_places_at_which_most_sentences_are_told():
    question = lessons.load().question("how-often")
    told = [group.times for group in secret_trials.groups(secret_trials.shipped()) if 2 * group.whole > group.count]
    assert question.count == len(TIMES) + 1
    assert question.right == (TIMES.index(told[0]) if told else len(TIMES))


def test_a_lesson_whose_measurement_is_gone_has_dashes(monkeypatch):
    monkeypatch.setattr(secret_trials, "shipped", list)
    found = figures.recorded("en")
    assert not set(found) & {*figures.SECRETS.values(), figures.CONTROL}
    assert lessons.filled("{secret_ten}", found) == "–"


@pytest.mark.parametrize("content", ['{"trials": [{"sentence": "x"}]}', '{"trials": null}', "[]", '{"trials": [1]}'])
def test_a_file_of_trials_that_a_hand_has_damaged_holds_none(tmp_path, content):
    file = tmp_path / "secret.json"
    file.write_text(content, encoding="utf-8")
    assert secret_trials.shipped(file) == []
    value = json.loads(secret_trials.FILE.read_text(encoding="utf-8"))
    value["trials"][3]["of"] = 0  # nothing can be told of nothing
    file.write_text(json.dumps(value), encoding="utf-8")
    assert secret_trials.shipped(file) == [] and secret_trials.shipped()
