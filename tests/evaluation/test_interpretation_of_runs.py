"""What real runs are said to have done, by the figures of their events."""

import pytest
from project import PROJECT

from engine.core import wording
from engine.evaluation import evidence
from engine.evaluation.interpretation import (
    DIVERGED,
    FORGOT,
    LEARNED,
    findings,
)
from engine.evaluation.measured_on import AT_END, AT_INTERVALS
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.history.follower import History
from engine.runs.states import State

RECORDED = Run(PROJECT / "checkpoints" / "recorded-mini")


@pytest.fixture
def history():
    return shared.of(RECORDED.folder)


def test_of_the_run_that_ships_it_is_said_that_it_learned_and_forgot_with_the_figures_of_its_events(history):
    learned, forgot = evidence.of_run(RECORDED, history)
    assert (learned.code, forgot.code) == (LEARNED, FORGOT)
    whole, (base, own) = history.on_whole_splits(), history.on_validation()
    reached, begun = (100 * whole[model, "validation"]["accuracy"] for model in ("run", "base"))
    said, sure = learned.said(wording.of("en"))
    assert (
        said
        == f"It learned: on the whole of validation it is right {reached:.1f}\u00a0% of the time, its base {begun:.1f}\u00a0%."
    )
    gain = 100 * (own[-1]["accuracy"] - base[0]["accuracy"])
    assert f"({own[-1]['evaluated_tokens']:,} tokens): +{gain:.1f} points, 95 % interval +" in sure
    texts = [event["accuracy"] for event in history.at_intervals("english")]
    assert forgot.values["at_start"] == texts[0] and forgot.values["own"] == texts[-1]


def state(name, **more):
    return State(name, 0.0, **{"step": 200, "steps": 200, **more})


@pytest.mark.parametrize(
    "name", [states.QUEUED, states.RUNNING, states.PAUSED, states.INTERRUPTED, states.COPIED, states.BROKEN]
)
def test_nothing_is_said_of_a_run_that_may_go_on_or_is_damaged(name, history):
    assert evidence.gather(state(name), history) is None


def test_of_a_stopped_run_the_last_measurement_counts(history):
    """Its figures on whole splits, where it has any, are those of an earlier end."""
    found = evidence.gather(state(states.STOPPED, step=150, steps=200), history)
    assert found.own == found.own_part and found.measured == AT_INTERVALS


def test_a_run_that_failed_has_a_sentence_where_its_loss_was_no_number_alone(history):
    for template in (states.NO_NUMBER, states.NO_NUMBER_BEHIND):
        reason = {"template": template, "values": {"step": 17, "rate": 1.0, "saved": 10}}
        found = findings(evidence.gather(state(states.FAILED, reason=reason), history))
        assert [(f.code, f.values["step"]) for f in found] == [(DIVERGED, 17)]
    full = {"template": "The disk is full.", "values": {}}
    assert evidence.gather(state(states.FAILED, reason=full), history) is None


def test_of_a_run_that_measures_a_part_at_its_end_no_more_is_claimed(history):
    (verdict, *_others) = findings(evidence.gather(state(states.FINISHED), history, limited=True))
    assert verdict.to_json()["measured"] == AT_END
    assert "on the part of validation that is measured at the end it is right" in verdict.said(wording.of("en"))[0]


def test_a_run_without_measurements_has_none():
    assert evidence.gather(state(states.FINISHED), History({})) is None
