"""What a report says of a run: the recorded one with its real figures, and runs that lack something."""

import csv
import io
import shutil

import numpy as np
import pytest
from pages_helpers import READ_ALL, a_run
from project import PROJECT

from engine.classroom import curve_table, report_page, reports
from engine.core.errors import RunError
from engine.core.wording import Wording
from engine.evaluation import evidence, measured_on
from engine.presets import tokenizers
from engine.runs import articles_read, lifecycle, states
from engine.runs.history import shared
from engine.runs.settings import RunSettings

ENGLISH = Wording("en")


@pytest.fixture
def recorded(root, prepared_sample):
    shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", root / "recorded-mini")
    return lifecycle.find("recorded-mini")


def test_the_recorded_runs_figures_are_those_of_its_events_and_its_hash_that_of_its_weights(recorded):
    found = reports.of_run(recorded)
    measured = {(e["model"], e["split"]): e for e in recorded.events("evaluation") if e["whole"]}
    before, after = measured["base", "validation"], measured["run", "validation"]
    assert found.measured.split == "validation" and found.measured.on == measured_on.PARTS[measured_on.WHOLE]
    assert found.measured.before.accuracy == before["accuracy"] and found.measured.after.accuracy == after["accuracy"]
    assert found.curve.result == found.texts.step == found.checkpoint.step == 200
    assert found.curve.base == found.curve.validation[0][1] and found.curve.validation[-1][0] == 200
    assert found.checkpoint.hash == "e209534813b328b5db0416402de8e59de520042f67dab1e9ac3fe2213ec62fe8"
    assert found.english.change.accuracy < 0 and found.english.change.interval[1] < 0
    samples = {(e["model"], e["step"], e["prompt"]): e["text"] for e in recorded.events("sample")}
    assert found.texts.own == samples["run", 200, found.texts.prompt]
    assert found.texts.base == samples["base", 0, found.texts.prompt]
    assert found.copying.articles == 100 and len(found.copying.unseen_words) > 5
    assert found.copying.longest_words == 2 and found.copying.passages == ()  # of two words nothing is told
    assert [finding.code for finding in found.findings] == ["learned", "forgot"]


@pytest.fixture
def copying_run(root, prepared_sample):
    """A run that has written what stands in an article that it has read."""
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    article = np.asarray(seen.ranges[0].corpus.tokens("train", 3, 3)[1:])
    text = tokenizers.excerpt(seen.tokenizer, article, 100, 160, 0)[1]
    run.append_event("sample", step=4, model="run", prompt="The", text=f" {text}", seed=1)
    return run


def test_what_was_copied_is_counted_in_words_and_told_by_the_title_and_its_part(copying_run):
    found = reports.of_run(copying_run)
    (first, *_rest) = found.copying.passages
    assert first.article == 3 and first.text.strip() in found.texts.own
    assert first.words == found.copying.longest_words > max(found.copying.unseen_words)
    assert 20 < first.words <= len(first.text.split()) < 60
    assert [finding.code for finding in found.findings] == ["too_short", "copied"]
    page = report_page.html(found, "en")
    assert f"Copied: {first.words} words in a row" in page and f"({first.words} words, article 3)" in page


def test_who_may_not_see_the_articles_is_not_told_where_a_passage_stands(copying_run):
    found = reports.of_run(copying_run, may_read=lambda seen: False)
    assert found.copying.passages and {passage.article for passage in found.copying.passages} == {None}


def test_articles_that_may_not_be_indexed_now_are_left_out_and_why_is_said(recorded):
    found = reports.of_run(recorded, may_index=lambda seen: False)
    assert found.copying is None and "not indexed" in str(found.not_searched)
    assert "not indexed" in report_page.html(found, "en")


def test_what_is_taken_home_names_no_folder_of_this_machine(root, tmp_path):
    run = lifecycle.create(
        RunSettings(
            preset=str(tmp_path / "base" / "tiny"), articles=str(tmp_path / "their articles"), name="a", steps=4
        )
    )
    page = report_page.html(reports.of_run(run), "en")
    assert "tiny" in page and "their articles" in page and str(tmp_path) not in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_title_is_what_the_curve_says_of_the_run(recorded, language):
    found, written = reports.of_run(recorded, may_index=lambda seen: False), Wording(language)
    (verdict, *_others) = evidence.of_run(recorded, shared.of(recorded.folder))
    assert report_page.headline(found, written) == verdict.said(written)[0]
    assert report_page.headline(found, written).startswith(
        "It learned: on the whole of validation"
        if language == "en"
        else "Le modèle a appris\u00a0: sur toute la validation"
    )


def test_what_was_measured_is_named_as_the_curve_names_it(recorded):
    history = shared.of(recorded.folder)
    whole = history.on_whole_splits()["run", "validation"]["evaluated_tokens"]
    page = report_page.html(reports.of_run(recorded, may_index=lambda seen: False), "en")
    assert f"At step 200, on the whole of validation, {whole:,} tokens: " in page
    middle = history.at_intervals()[3]["step"]  # of no step but the last the whole was measured
    of_part = reports._measured(history, middle, False)
    part = history.at_intervals()[0]["evaluated_tokens"]
    assert 0 < of_part.after.step == middle < 200 and of_part.after.tokens == part < whole
    assert report_page._measured_on(of_part, ENGLISH) == f"validation, {part:,} of {whole:,} tokens"


def test_of_a_run_that_goes_on_the_title_claims_nothing(root):
    found = reports.of_run(a_run(root, state=states.PAUSED), may_index=lambda seen: False)
    assert found.findings == () and found.measured is not None
    assert report_page.headline(found, ENGLISH) == "What one has learned cannot be told before it has ended."


def test_a_run_that_has_only_begun_says_so_and_claims_nothing(root):
    run = lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="a", steps=9)
    )
    page = report_page.html(reports.of_run(run), "en")
    assert "a has not been measured against its base model yet." in page
    for said in (
        "not finished",
        "Nothing has been measured yet",
        "not both written",
        "not looked up",
        "no checkpoint yet",
    ):
        assert said in page, said


def test_a_run_of_which_other_figures_are_missing_has_a_report(root):
    run = a_run(root, state=states.STOPPED)  # no general English was measured
    page = report_page.html(reports.of_run(run, may_index=lambda seen: False), "fr")
    assert page.startswith("<!DOCTYPE html>") and '<html lang="fr">' in page


def test_a_run_that_was_not_trained_here_has_none(root):
    from engine.runs.settings import IMPORTED

    run = lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="elsewhere", name="a", steps=1, method=IMPORTED)
    )
    with pytest.raises(RunError, match="not trained here"):
        reports.of_run(run)


def test_the_table_of_a_run_holds_all_its_reports_as_numbers(recorded):
    rows = list(csv.DictReader(io.StringIO(curve_table.as_csv(shared.of(recorded.folder)), newline="")))
    steps = recorded.events("step")
    training = [row for row in rows if row["what"] == "training"]
    assert [int(row["step"]) for row in training] == [event["step"] for event in steps]
    assert [float(row["loss"]) for row in training] == pytest.approx([event["loss"] for event in steps])
    measured = [row for row in rows if row["what"] == "measured"]
    assert [float(row["accuracy"]) for row in measured] == [e["accuracy"] for e in recorded.events("evaluation")]
    assert {row["split"] for row in measured} == {"validation", "test", "english"}


def test_the_command_writes_the_report_whole_or_leaves_what_was_there(root, tmp_path, capsys, monkeypatch):
    from engine.classroom import report_page as page
    from engine.cli.app import main

    a_run(root)
    out = tmp_path / "report.html"
    monkeypatch.setattr(reports, "_copying", lambda *rest: None)
    assert main(["report", "one", "--out", str(out), "--language", "fr"]) == 0
    written = out.read_bytes()
    assert b'<html lang="fr">' in written
    monkeypatch.setattr(page, "html", lambda *rest: "x")
    assert main(["report", "none", "--out", str(out)]) == 1
    assert main(["report", "one", "--out", str(tmp_path / "no" / "r.html")]) == 1
    assert out.read_bytes() == written
    assert "engine: " in capsys.readouterr().err
