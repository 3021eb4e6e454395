"""The Lab: what it plays, the cards of the experiments, the question before each, and what a press trains."""

import json
import shutil

import pytest
from pages_helpers import a_run, go_to, new_session, open_page, played, texts
from project import PLACES, PROJECT

from engine.classroom.experiments import EXPERIMENTS, RECORDED
from engine.core.errors import EngineError
from engine.core.locks import Lock
from engine.runs import lifecycle, queue, states
from engine.runs.folder import Run
from ui import little_memory

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    from engine.services import dispatcher

    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


def opened(code: str, language: str = "en", **more: str):
    """The Lab with an experiment open, as its address opens it."""
    app = new_session()
    app.session_state["language"] = language
    app.query_params.update({"experiment": code, **more})
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def keys(app) -> list[str]:
    return [button.key for button in app.button]


def test_where_nothing_is_trained_the_recorded_run_plays_and_says_so(root):
    shown = played(open_page("lab"))
    assert shown["badge"] == "recorded" and len(shown["own"]["points"]) >= 6
    assert shown["base"] == shown["own"]["points"][0][1] and shown["base_text"]
    assert not shown["live"]


def test_a_run_without_a_point_of_its_own_is_no_empty_axis(root):
    run = a_run(root, state=states.QUEUED)
    (run.folder / "events.jsonl").write_text("")
    shown = played(open_page("lab"))
    assert shown["live"] and shown["own"]["points"] == []
    assert shown["ghost"]["label"] == "recorded" and len(shown["ghost"]["points"]) >= 6
    assert shown["base_text"] and "(0" not in shown["summary"]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", EXPERIMENTS)
def test_an_experiment_asks_first_and_answers_with_the_figures_of_its_run(code, language, root):
    app = opened(code, language)
    assert played(app) is None
    assert [key for key in keys(app) if key.startswith("lab_answer")] == [
        *(f"lab_answer_{answer}" for answer in EXPERIMENTS[code].answers), "lab_answer_skip",
    ]  # fmt: skip
    answer = EXPERIMENTS[code].answers[0]
    app.button(key=f"lab_answer_{answer}").click().run()
    assert not app.exception
    shown = played(app)
    verdict = dict(map(tuple, shown["verdict"]))
    assert set(verdict) == {"said", "why", "own"}
    last = f"{shown['own']['points'][-1][1]:.1f}".replace(".", "," if language == "fr" else ".")
    assert last in verdict["said"]
    assert not any("None" in text or "{" in text for text in verdict.values())
    assert shown["badge"]
    assert app.query_params["experiment"] in (code, [code])


def test_a_question_may_be_skipped_and_a_link_with_an_answer_opens_at_once(root):
    app = opened("break")
    app.button(key="lab_answer_skip").click().run()
    assert "own" not in dict(map(tuple, played(app)["verdict"]))
    right = dict(map(tuple, played(opened("break", answer="less"))["verdict"]))["own"]
    wrong = dict(map(tuple, played(opened("break", answer="more"))["verdict"]))["own"]
    assert right == "Your answer: less often than before. So it came."
    assert wrong == "Your answer: more often than before. It came otherwise: less often than before."
    assert played(opened("break", answer="30")) is None  # an answer to another question


def test_a_card_opens_an_experiment_another_one_asks_anew_and_close_leads_back(root):
    app = open_page("lab")
    app.button(key="lab_card_learn").click().run()
    app.button(key="lab_answer_more").click().run()
    assert played(app)["beside"][0]["label"] == "from random weights"
    app.button(key="lab_card_forget").click().run()
    assert played(app) is None and "lab_answer_less" in keys(app)
    app.button(key="lab_close").click().run()
    assert played(app) is not None and "experiment" not in app.query_params


@pytest.mark.parametrize("code", EXPERIMENTS)
def test_a_press_queues_the_training_of_the_experiment_and_shows_it(code, root):
    app = opened(code, answer=EXPERIMENTS[code].answers[0])
    app.button(key="lab_start").click().run()
    assert not app.exception and not app.error
    runs = queue.waiting(root)
    assert len(runs) == len(lifecycle.all_runs(root)) == len(EXPERIMENTS[code].trained)
    for run, training in zip(runs, EXPERIMENTS[code].trained, strict=True):
        assert run.settings.to_json() == training.settings.to_json() | {"name": run.name}
    assert pair_in_view(app) == runs[0].name
    shown = played(app)
    assert shown["live"] and shown["own"]["points"] == [] and shown["ghost"]
    assert shown["verdict"] == []


def pair_in_view(app) -> str:
    """The run that the header names."""
    return app.session_state["run"]


def test_a_press_on_more_data_trains_all_three_says_how_long_and_shows_ones_own_beside_one_another(root):
    app = opened("more-data", answer="100")
    assert app.button(key="lab_start").label == "Train all 3 here"
    assert "One after the other they take about " in texts(app)
    app.button(key="lab_start").click().run()
    runs = queue.waiting(root)
    assert [run.settings.last_article for run in runs] == [10, 30, None]
    assert [run.name.rsplit("-", 2)[0] for run in runs] == ["more-data-10", "more-data-30", "more-data-100"]
    for run, (articles, accuracy) in zip(runs, ((10, 0.1), (30, 0.3), (100, 0.2)), strict=True):
        shown = played(app.run())
        labels = [line["label"] for line in shown["beside"]]
        assert labels == ["30 articles", "100 articles"] and shown["verdict"] == []
        recorded = Run(PROJECT / "checkpoints" / f"recorded-articles-{articles}")
        (run.folder / "events.jsonl").write_text(
            "".join(
                json.dumps(event | ({"accuracy": accuracy} if event.get("split") == "validation" else {})) + "\n"
                for event in map(json.loads, (recorded.folder / "events.jsonl").read_text().splitlines())
            )
        )
        with Lock(run.folder / "lock") as lock:
            assert lock.acquire()
            run.write_state(state=states.FINISHED, step=120, steps=120)
    shown = played(app.run())
    assert [line["points"][-1][1] for line in shown["beside"]] == [30, 20] and shown["own"]["points"][-1][1] == 10
    assert "Most often right is the one with 30 articles." in dict(map(tuple, shown["verdict"]))["said"]
    app.session_state["run_chosen"] = runs[2].name  # whichever of them is in view
    assert played(app.run())["own"]["points"][-1][1] == 10


def test_a_visitor_trains_the_one_that_the_button_names(root, monkeypatch):
    from ui import access

    monkeypatch.setattr(access, "is_owner", lambda: False)
    app = opened("more-data", answer="100")
    assert [key for key in keys(app) if key.startswith("lab_start")] == [f"lab_start_{n}" for n in (10, 30, 100)]
    assert app.button(key="lab_start_30").label == "Train the one with 30 articles"
    app.button(key="lab_start_30").click().run()
    (run,) = queue.waiting(root)
    assert run.settings.last_article == 30
    shown = played(app)
    assert [line["label"] for line in shown["beside"]] == ["30 articles", "100 articles, recorded"]


def test_a_picture_of_another_run_than_the_header_names_says_whose_it_is(root):
    a_run(root, "mine")
    assert played(open_page("lab"))["badge"] == ""
    shown = played(opened("break", answer="less"))
    assert shown["badge"] == "the recorded run recorded-break, not mine"
    assert shown["title"].startswith("recorded-break: right guesses")


def test_two_who_press_the_same_share_one_run(root):
    for _person in range(2):
        opened("memorise", answer="skip").button(key="lab_start").click().run()
    assert len(lifecycle.all_runs(root)) == 1


def test_a_visitors_press_is_held_to_the_budget(root, monkeypatch):
    from ui import budget

    asked = []

    def refuse(settings, stem, join):
        asked.append((settings.steps, stem, join))
        raise EngineError("Not now.")

    monkeypatch.setattr(budget, "enter", refuse)
    app = opened("break", answer="skip")
    app.button(key="lab_start").click().run()
    assert asked == [(40, "break", True)]
    assert any("Not now." in error.value for error in app.error)
    assert played(app) is not None  # the recorded one plays all the same
    assert not lifecycle.all_runs(root)


def test_where_nothing_can_be_trained_the_recorded_ones_play_without_a_button(root, monkeypatch):
    monkeypatch.setattr(little_memory, "nothing_trains", lambda: True)
    app = opened("more-data", answer="100")
    assert "lab_start" not in keys(app)
    assert [line["label"] for line in played(app)["beside"]] == ["30 articles", "100 articles"]


def test_a_recording_that_was_deleted_is_a_sentence(root, monkeypatch):
    from engine.classroom import experiments

    monkeypatch.setattr(experiments, "recorded_run", lambda training: None)
    assert "is not here" in texts(opened("break", answer="skip"))
    open_page("lab")


@pytest.mark.parametrize("place", PLACES)
def test_recorded_runs_without_weights_open_everywhere(place, root):
    for name in RECORDED:
        if name != "recorded-mini":
            shutil.copytree(PROJECT / "checkpoints" / name, root / name)
    app = open_page(place)
    app = go_to(app, place, run="recorded-memorise")
    assert not app.exception, [e.message for e in app.exception]
    if place in ("write", "words"):
        assert "ships as its curves and texts alone" in texts(app)
    if place == "copied":
        assert "damaged" not in texts(app)
