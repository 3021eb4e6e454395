"""What happened in a run, as pages say it: over the Curve, in the Lab, and in the Library's table."""

import shutil
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from pages_helpers import a_run, go_to, look_at, open_page
from project import PROJECT

from engine.core.locks import Lock
from engine.evaluation import evidence
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history import shared
from ui import interpretation_view

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.fixture
def recorded(root):
    """The run that ships, as the only one."""
    return Run(Path(shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", root / "recorded-mini")))


def headlines(app):
    return [heading.value for heading in app.header]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "It learned: on the whole of validation it is right {own} of the time, its base {base}."),
        (
            "fr",
            "Le modèle a appris\u00a0: sur toute la validation, il a raison dans {own} des cas, contre {base} pour son modèle de base.",
        ),
    ],
)
@pytest.mark.parametrize("place", ["curve", "lab"])
def test_a_finished_run_has_its_verdict_as_a_headline(recorded, language, said, place):
    app = look_at(open_page(place, language), recorded.name)
    whole = shared.of(recorded.folder).on_whole_splits()

    def percent(model):
        text = f"{100 * whole[model, 'validation']['accuracy']:.1f}\u00a0%"
        return text.replace(".", ",") if language == "fr" else text

    assert said.format(own=percent("run"), base=percent("base")) in headlines(app)


@pytest.mark.parametrize("state", [states.PAUSED, states.INTERRUPTED])
def test_over_a_run_that_may_go_on_nothing_is_said(root, state):
    run = a_run(root, state=state)
    app = look_at(open_page("curve"), run.name)
    assert headlines(app) == []


def test_what_is_found_elsewhere_links_to_the_tab_that_shows_it(recorded):
    assert [f.code for f in evidence.of_run(recorded, shared.of(recorded.folder))] == ["learned", "forgot"]
    app = look_at(open_page("curve"), recorded.name)
    links = [link.proto for link in app.get("page_link") if link.proto.label == "Score"]
    assert [dict(parse_qsl(link.query_string)) for link in links] == [{"run": recorded.name, "tab": "score"}]


def test_overfitting_leads_from_the_lab_to_the_curve_and_from_the_curve_to_the_moment_of_the_lowest_loss(root):
    run = a_run(root)
    steps = range(5, 60, 5)
    for step in steps:
        run.append_event("step", step=step, loss=4.0 - 0.02 * step, accuracy=0.3, tokens=step, seconds=float(step))
        loss = 3.5 + abs(step - 30) / 50
        run.append_event("evaluation", step=step, model="run", split="validation", whole=False, loss=loss, accuracy=0.3,
                         bits_per_byte=loss / 2, perplexity=20.0, evaluated_tokens=1000)  # fmt: skip
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(step=55, steps=55, result=55)
    app = look_at(open_page("curve"), run.name)
    links = [dict(parse_qsl(link.proto.query_string)) for link in app.get("page_link") if link.proto.label == "Time"]
    assert [(link["tab"], link["moment"]) for link in links] == [("time", f"{run.name}/30")]
    app = look_at(open_page("lab"), run.name)
    assert "Curve" in [link.proto.label for link in app.get("page_link")]
    app = go_to(open_page("lab"), "time", run=run.name, moment=f"{run.name}/30")
    assert not app.exception and not app.error
    assert app.session_state["time_moment"] == f"{run.name}/30"


def test_the_table_of_runs_says_it_in_two_words(root):
    a_run(root)
    app = open_page("runs")
    table = next(t.value for t in app.dataframe if "verdict" in t.value)
    assert "too short" in table["verdict"].tolist()


def test_every_verdict_has_a_short_name_and_every_finding_a_tab_and_a_sign():
    from engine.evaluation.interpretation import GOOD, NOTE, OTHERS, VERDICTS, WARNING

    assert {*interpretation_view._TABS} == {*VERDICTS, *OTHERS}
    assert {*interpretation_view._ICONS} == {GOOD, NOTE, WARNING}
    assert {*interpretation_view.SHORT} == {*VERDICTS}
