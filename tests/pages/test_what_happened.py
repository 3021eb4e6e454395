"""What happened in a run, as pages say it: over the Curve, in the Lab, and in the Library's table."""

import shutil
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from pages_helpers import a_run, look_at, open_page
from project import PROJECT

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
