"""What a report says of a run: the recorded one with its real figures, and runs that lack something."""

import csv
import io
import shutil

import pytest
from pages_helpers import a_run
from project import PROJECT

from engine.classroom import curve_table, report_page, reports
from engine.classroom.wording import Wording
from engine.core.errors import RunError
from engine.runs import lifecycle, states
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
    assert found.measured.split == "validation" and found.measured.whole
    assert found.measured.before.accuracy == before["accuracy"] and found.measured.after.accuracy == after["accuracy"]
    assert found.curve.result == found.texts.step == found.checkpoint.step == 200
    assert found.curve.base == found.curve.validation[0][1] and found.curve.validation[-1][0] == 200
    assert found.checkpoint.hash == "e209534813b328b5db0416402de8e59de520042f67dab1e9ac3fe2213ec62fe8"
    assert found.english.change.accuracy < 0 and found.english.change.interval[1] < 0
    samples = {(e["model"], e["step"], e["prompt"]): e["text"] for e in recorded.events("sample")}
    assert found.texts.own == samples["run", 200, found.texts.prompt]
    assert found.texts.base == samples["base", 0, found.texts.prompt]
    assert found.copying.articles == 100 and found.copying.unseen > 5 and not found.copying.more
    assert all(passage.text.strip() in found.texts.own for passage in found.copying.passages)
    assert report_page.headline(found, ENGLISH).startswith("recorded-mini has learned: ")


def test_who_may_not_see_the_articles_is_not_told_where_a_passage_stands(recorded):
    found = reports.of_run(recorded, may_read=lambda seen: False)
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


@pytest.mark.parametrize(
    "before, after, interval, said",
    [
        (0.2, 0.3, None, "has learned"),
        (0.2, 0.3, [0.05, 0.15], "has learned"),
        (0.3, 0.2, [-0.2, -0.05], "has become worse"),
        (0.2, 0.21, [-0.01, 0.03], "chance"),
        (0.2, 0.2, None, "chance"),
        (0.2, 0.2000001, [1e-9, 1e-6], "chance"),  # what is shown is the same
    ],
)
def test_the_title_says_what_came_of_the_run_by_the_change_and_its_interval(root, before, after, interval, said):
    from dataclasses import replace

    from engine.evaluation.forgetting import Change, Point

    found = reports.of_run(a_run(root), may_index=lambda seen: False)
    points = [Point(step, accuracy, 2.0, 100) for step, accuracy in ((0, before), (4, after))]
    measured = reports.Measured("validation", True, *points, Change(after - before, interval))
    title = report_page.headline(replace(found, measured=measured), ENGLISH)
    assert said in title and sum(s in title for s in ("has learned", "has become worse", "chance")) == 1


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
