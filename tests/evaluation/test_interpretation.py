"""What happened in a run: every rule on made series, on both sides of its border."""

import dataclasses
import itertools
import string

import numpy as np
import pytest

from engine.core import wording
from engine.evaluation import interpretation
from engine.evaluation.interpretation import (
    BEATEN_BY_BIGRAM,
    BEATS_BIGRAM,
    BELOW,
    BROKEN,
    COPIED,
    DIVERGED,
    FEW_STEPS,
    FORGOT,
    LEARNED,
    LEARNED_LITTLE,
    MIXED,
    OTHERS,
    OVERFITTED,
    STOPPED_EARLY,
    TOO_SHORT,
    UNDECIDED,
    VERDICTS,
    findings,
)
from engine.evaluation.measured_on import WHOLE
from engine.evaluation.run_figures import Bigram, Copying, Evidence, Figures

ARTICLES, TOKENS = 12, 700  # about the part of validation that a run measures


def figures(accuracy, loss, spread=0.0, seed=1):
    """Figures on articles whose own lie around the whole's, each drawn with a standard deviation of `spread` (accuracy) and of
    ten times that (nats)."""
    draws = np.random.default_rng(seed).standard_normal((2, ARTICLES))
    draws -= draws.mean(1, keepdims=True)
    right = np.clip(accuracy + spread * draws[0], 0, 1) * TOKENS
    losses = (loss + 10 * spread * draws[1]) * TOKENS
    sums = {
        "article": list(range(1, ARTICLES + 1)),
        "tokens": [TOKENS] * ARTICLES,
        "bytes": [3 * TOKENS] * ARTICLES,
        "top_1": right.tolist(),
        "loss": losses.tolist(),
    }
    return Figures(accuracy, loss, loss / np.log(2) / 3, ARTICLES * TOKENS, sums)


BASE = figures(0.16, 5.2)


def run(own, start=BASE, **more):
    """A run of 200 steps whose training loss fell; measured on the part alone."""
    training = tuple((step, 5.2 - 0.01 * step) for step in range(1, 201, 10))
    known = {"own": own, "start": start, "own_part": own, "start_part": start, "training": training, **more}
    return Evidence(known.pop("step", 200), **known)


def codes(evidence):
    return [finding.code for finding in findings(evidence)]


def without_sums(figures):
    return dataclasses.replace(figures, by_article=None)


def test_nothing_is_said_where_nothing_was_measured():
    assert findings(Evidence(200)) == findings(Evidence(200, own=BASE)) == []


@pytest.mark.parametrize(
    ("own", "code"),
    [
        (figures(0.30, 3.8, 0.01), LEARNED),
        (figures(0.175, 5.21, 0.003), LEARNED),  # right more often by more than a point; the loss may be chance
        (figures(0.16, 5.05, 0.003), LEARNED),  # in bits: right as often
        (figures(0.166, 5.18, 0.001), LEARNED_LITTLE),
        (figures(0.163, 5.16, 0.03), UNDECIDED),
        (figures(0.20, 5.9, 0.005), MIXED),  # right more often, and surer of what is wrong
        (figures(0.13, 5.0, 0.002), MIXED),
        (figures(0.20, 5.25, 0.002), LEARNED),  # the loss is worse by less than a tenth of the perplexity
        (figures(0.155, 4.8, 0.001), LEARNED),  # right less often by less than a point
        (figures(0.164, 5.26, 0.001), MIXED),  # both are little
        (figures(0.13, 5.6, 0.005), BELOW),
        (figures(0.16, 5.6, 0.003), BELOW),
    ],
)
def test_whether_it_learned_is_told_by_the_intervals_of_the_differences(own, code):
    assert codes(run(own)) == [code]
    assert findings(run(own))[0].basis  # with the interval in words


@pytest.mark.parametrize("below", [0.0, -0.0005])
def test_an_interval_that_reaches_zero_tells_nothing(below):
    """Moved so that the lower end of the difference's interval lies just above, and just below, nothing."""
    spread = figures(0.16, 5.2, 0.02)
    low = interpretation._paired(spread, BASE)["accuracy"][0]
    moved = figures(0.16 - low + below + 1e-6, 5.2, 0.02)
    assert codes(run(moved)) == [LEARNED if not below else UNDECIDED]


@pytest.mark.parametrize(
    ("accuracy", "loss", "code"),
    [
        (0.16 + interpretation.CLEAR_SHARE + 1e-6, 5.2, LEARNED),
        (0.16 + interpretation.CLEAR_SHARE - 1e-3, 5.2, UNDECIDED),
        (0.16, 5.2 - interpretation.CLEAR_NATS - 1e-6, LEARNED),
        (0.16, 5.2 - interpretation.CLEAR_NATS + 1e-3, UNDECIDED),
        (0.16, 5.2 + interpretation.CLEAR_NATS + 1e-6, BELOW),
        (0.16 - interpretation.CLEAR_SHARE - 1e-6, 5.2, BELOW),
    ],
)
def test_without_sums_of_the_articles_a_difference_must_be_larger_than_articles_lie_apart(accuracy, loss, code):
    found = findings(run(without_sums(figures(accuracy, loss)), without_sums(BASE)))
    assert [f.code for f in found] == [code] and not found[0].basis


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("code", [LEARNED_LITTLE, UNDECIDED])
def test_a_difference_that_is_not_seen_in_the_figures_is_none(sign, code):
    # On both sides of the border: of the accuracy, of the bits, and of both, which then say otherwise than each other.
    least = 1 + (1e-6 if code == LEARNED_LITTLE else -1e-6)
    right, nats = sign * least * interpretation.SEEN_SHARE, sign * least * interpretation.SEEN_BITS * 3 * np.log(2)
    told = BELOW if sign < 0 and code == LEARNED_LITTLE else code
    for own in (figures(0.16 + right, 5.2), figures(0.16, 5.2 - nats), figures(0.16 + right, 5.2 - nats)):
        assert codes(run(own)) == [told]
    either = figures(0.16 + right, 5.2 + nats)
    assert codes(run(either)) == [MIXED if code == LEARNED_LITTLE else UNDECIDED]


def test_figures_of_the_whole_are_said_where_they_are_there_and_the_interval_is_that_of_the_part():
    part = figures(0.30, 3.8, 0.01)
    whole, start = (Figures(a, loss, loss / 2, 20_000) for a, loss in ((0.31, 3.7), (0.17, 5.1)))
    said, sure = findings(run(whole, start, measured=WHOLE, own_part=part, start_part=BASE))[0].said(wording.of("en"))
    assert said == "It learned: on the whole of validation it is right 31.0\u00a0% of the time, its base 17.0\u00a0%."
    assert sure.startswith(
        "Difference on the part of validation that is measured at each interval (8,400 tokens): +14.0 points"
    )
    said, sure = findings(run(part))[0].said(wording.of("en"))
    assert sure.startswith("Difference: +14.0 points, 95 % interval +")  # of the same tokens
    assert "on the part of validation that is measured at each interval it is right 30.0\u00a0%" in said


def test_where_the_whole_says_otherwise_than_the_part_nothing_is_claimed():
    part, whole = figures(0.17, 5.2, 0.001), without_sums(figures(0.155, 5.2))
    found = findings(run(whole, without_sums(BASE), measured=WHOLE, own_part=part, start_part=BASE))
    assert [f.code for f in found] == [UNDECIDED] and not found[0].basis


def test_a_run_from_a_checkpoint_is_held_against_that():
    said, _sure = findings(run(figures(0.30, 3.8, 0.01), from_base=False))[0].said(wording.of("en"))
    assert said.endswith("the checkpoint that it started from 16.0\u00a0%.")


def test_what_is_too_short_says_what_to_do():
    for own in (figures(0.163, 5.16, 0.03), figures(0.3, 3.8, 0.01)):  # undecided, and learned for all that
        said = [finding.said(wording.of("en"))[0] for finding in findings(run(own, step=6))]
        assert any("it ended at step 6" in one.lower() and "Train longer: before step 20 " in one for one in said), said


@pytest.mark.parametrize(("steps", "told"), [(19, TOO_SHORT), (20, UNDECIDED)])
def test_a_run_of_fewer_steps_than_its_rate_climbs_for_is_too_short_to_tell(steps, told):
    assert codes(run(figures(0.163, 5.16, 0.03), step=steps)) == [told]


@pytest.mark.parametrize(("steps", "more"), [(19, [FEW_STEPS]), (20, [])])
def test_of_a_short_run_that_learned_it_is_said_that_it_was_short(steps, more):
    assert codes(run(figures(0.30, 3.8, 0.01), step=steps)) == [LEARNED, *more]


@pytest.mark.parametrize(("rise", "code"), [(0.119, BELOW), (0.121, BROKEN)])
def test_it_broke_where_it_became_worse_on_what_it_trains_on_too(rise, code):
    training = ((1, 5.2), *((step, 5.2 + rise) for step in range(10, 60, 10)))
    assert codes(run(figures(0.10, 6.4, 0.01), training=training)) == [code]


def test_a_loss_that_is_no_number_is_all_that_is_said():
    more = {"no_number_at": 17, "early_end": {"step": 100, "steps": 200, "patience": 3, "best_step": 40}}
    found = findings(run(figures(0.30, 3.8, 0.01), **more))
    assert [(f.code, f.values) for f in found] == [(DIVERGED, {"step": 17})]


def course(*losses, spread=0.0):
    """Measurements every 40 steps from the start on."""
    return tuple((40 * n, figures(0.2, loss, spread, seed=n)) for n, loss in enumerate(losses))


RISES = course(5.2, 4.4, 4.1, 4.2, 4.3)


def test_it_overfitted_from_where_validation_is_lowest():
    found = findings(run(figures(0.25, 4.3, 0.01), validation=RISES))
    assert [f.code for f in found] == [LEARNED, OVERFITTED]
    assert (found[1].values["step"], found[1].values["lowest"], found[1].values["last"]) == (80, 4.1, 4.3)
    assert "from step 80 on" in found[1].said(wording.of("en"))[0]
    at_once = findings(run(figures(0.16, 5.6, 0.003), validation=course(5.2, 5.3, 5.6)))
    assert "from the beginning" in at_once[1].said(wording.of("en"))[0]


@pytest.mark.parametrize(
    ("validation", "told"),
    [
        (course(5.2, 4.1, 4.3), False),  # one measurement behind the lowest
        (course(5.2, 4.1, 4.3, 4.3), True),
        (course(5.2, 4.1, 4.1, 4.1 + interpretation.RISE_NATS - 1e-3), False),
        (course(5.2, 4.1, 4.1001, 4.1 + interpretation.RISE_NATS + 1e-3), True),
        (course(5.2, 4.1, 4.15, 4.15, spread=0.03), False),  # may be chance
        (course(5.2, 4.8, 4.4, 4.0), False),
    ],
)
def test_overfitting_is_a_rise_that_lasts_and_is_no_chance(validation, told):
    assert (OVERFITTED in codes(run(figures(0.25, 4.3, 0.01), validation=validation))) == told


@pytest.mark.parametrize(("rise", "told"), [(0.119, False), (0.121, True)])
def test_without_sums_the_rise_must_be_larger(rise, told):
    validation = tuple((step, without_sums(f)) for step, f in course(5.2, 4.1, 4.1 + rise / 2, 4.1 + rise))
    assert (OVERFITTED in codes(run(figures(0.25, 4.3, 0.01), validation=validation))) == told


@pytest.mark.parametrize(("fall", "told"), [(0.019, False), (0.021, True)])
def test_where_training_does_not_fall_either_it_is_no_overfitting(fall, told):
    training = tuple((step, 4.0 if step <= 80 else 4.0 - fall) for step in range(10, 201, 10))
    assert (OVERFITTED in codes(run(figures(0.25, 4.3, 0.01), validation=RISES, training=training))) == told


@pytest.mark.parametrize(("steps", "told"), [(19, False), (20, True)])
def test_a_run_of_a_few_steps_overfits_nothing(steps, told):
    training = ((1, 5.0), *((step, 4.0) for step in range(6, 20)))
    validation = tuple((number, f) for number, (_step, f) in enumerate(RISES))
    short = run(figures(0.25, 4.3, 0.01), validation=validation, training=training, step=steps)
    assert (OVERFITTED in codes(short)) == told


@pytest.mark.parametrize(
    ("bigram", "more"),
    [(0.27, [BEATS_BIGRAM]), (0.281, []), (0.319, []), (0.33, [BEATEN_BY_BIGRAM])],
)
def test_a_bigram_is_beaten_or_beats_where_it_lies_outside_the_interval(bigram, more):
    own = Bigram(bigram, 0.3, [0.28, 0.32])
    assert codes(run(figures(0.3, 3.8, 0.01), bigram=own)) == [LEARNED, *more]


@pytest.mark.parametrize(
    ("bigram", "more"), [(0.22, [BEATS_BIGRAM]), (0.24, []), (0.36, []), (0.38, [BEATEN_BY_BIGRAM])]
)
def test_without_an_interval_a_bigram_must_lie_further_off(bigram, more):
    assert codes(run(figures(0.3, 3.8, 0.01), bigram=Bigram(bigram, 0.3))) == [LEARNED, *more]


@pytest.mark.parametrize(
    ("copying", "told"),
    [
        (Copying(0.1, 30, 9), True),
        (Copying(0.099, 30, 9), False),
        (Copying(0.5, 9, 9), False),  # no longer than articles share by chance
        (Copying(0.5, 30, None), False),  # nothing to compare with
    ],
)
def test_it_copied_where_much_stands_in_longer_passages_than_articles_share(copying, told):
    assert (COPIED in codes(run(figures(0.3, 3.8, 0.01), copying=copying))) == told


ENGLISH = figures(0.26, 3.9)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (figures(0.21, 4.4, 0.02), True),
        (figures(0.255, 3.95, 0.001), False),  # less than a point, however sure
        (figures(0.24, 4.0, 0.05), False),  # may be chance
        (figures(0.30, 3.5, 0.01), False),
        (without_sums(figures(0.13, 4.4)), False),
        (without_sums(figures(0.119, 4.4)), True),
    ],
)
def test_it_forgot_where_english_is_worse_by_a_point_and_no_chance(now, told):
    learned = run(figures(0.3, 3.8, 0.01), english=now, start_english=ENGLISH)
    assert codes(learned) == [LEARNED, *([FORGOT] if told else [])]


def test_what_a_broken_run_forgot_is_not_told():
    training = ((1, 5.2), *((step, 7.0) for step in range(10, 60, 10)))
    broken = run(figures(0.05, 7.0, 0.01), training=training, english=figures(0.05, 7.0), start_english=ENGLISH)
    assert codes(broken) == [BROKEN]


def test_patience_is_told():
    early = {"step": 160, "steps": 400, "patience": 3, "best_step": 40, "kind": "early_end"}
    assert codes(run(figures(0.3, 3.8, 0.01), early_end=early)) == [LEARNED, STOPPED_EARLY]


def everything():
    """Evidence of many kinds, each with each."""
    owns = (figures(0.3, 3.8, 0.01), figures(0.1, 6.4, 0.01), figures(0.163, 5.16, 0.03), figures(0.2, 5.9, 0.005))
    trainings = (
        tuple((s, 5.2 - 0.01 * s) for s in range(1, 200, 10)),
        ((1, 5.2), *((s, 7.0) for s in range(10, 200, 10))),
    )
    rest = {
        "validation": ((), RISES),
        "bigram": (None, Bigram(0.1, 0.3), Bigram(0.5, 0.3)),
        "copying": (None, Copying(0.5, 30, 9)),
        "english": (None, figures(0.1, 4.4, 0.01)),
        "early_end": (None, {"step": 160, "steps": 400, "patience": 3, "best_step": 40}),
        "no_number_at": (None, 9),
        "step": (6, 200),
    }
    for own, training, *values in itertools.product(owns, trainings, *rest.values()):
        yield run(own, training=training, start_english=ENGLISH, **dict(zip(rest, values, strict=True)))


EXCLUDED = [
    {BEATS_BIGRAM, BEATEN_BY_BIGRAM},
    {BROKEN, OVERFITTED},
    {BROKEN, FORGOT},
    {TOO_SHORT, FEW_STEPS},
    {TOO_SHORT, OVERFITTED},
    {FEW_STEPS, OVERFITTED},
]


def test_one_verdict_leads_and_no_two_findings_contradict_each_other():
    seen = set()
    for each in everything():
        found = codes(each)
        assert found[0] in VERDICTS and not set(found[1:]) & {*VERDICTS}
        assert [OTHERS.index(code) for code in found[1:]] == sorted(OTHERS.index(code) for code in found[1:])
        assert not any(pair <= {*found} for pair in EXCLUDED), found
        if DIVERGED in found:
            assert found == [DIVERGED]
        seen |= {*found}
    assert seen >= {LEARNED, BELOW, BROKEN, MIXED, UNDECIDED, TOO_SHORT, DIVERGED, *OTHERS}


def test_every_value_of_a_sentence_has_a_unit_and_is_a_number_in_json():
    for each in everything():
        for finding in findings(each):
            named = {name for _text, name, *_rest in string.Formatter().parse(finding.template + finding.basis) if name}
            assert named <= {*finding.values}
            assert "{" not in "".join(finding.said(wording.of("en")))
            for name, value in finding.to_json().items():
                assert name in ("code", "severity", "measured", "start") or (
                    name in interpretation.UNITS and isinstance(value, int | float)
                )
