"""What happened in a run, as findings: rules over its figures, each threshold with its reason, nothing read and nothing loaded.

One finding is the verdict, which leads; of the others none contradicts it or another. Whether a difference is one is told
by its 95 % interval over articles; where the sums of the articles were not kept, it must be larger than two articles of a
real run lie apart (CLEAR_NATS, CLEAR_SHARE).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.core.errors import EngineError, sentence
from engine.core.wording import BITS, COUNT, NATS, POINTS, SHARE, Wording
from engine.evaluation import intervals, measured_on
from engine.evaluation.measured_on import AT_INTERVALS
from engine.evaluation.run_figures import Evidence, Figures

GOOD, NOTE, WARNING = "good", "note", "warning"

# Verdicts: every run that was measured has exactly one of them.
LEARNED, LEARNED_LITTLE, UNDECIDED, TOO_SHORT = "learned", "learned_little", "undecided", "too_short"
MIXED, BELOW, BROKEN, DIVERGED = "mixed", "below", "broken", "diverged"
VERDICTS = (LEARNED, LEARNED_LITTLE, UNDECIDED, TOO_SHORT, MIXED, BELOW, BROKEN, DIVERGED)
# What else may be found, the most important first.
STOPPED_EARLY, OVERFITTED, FEW_STEPS, BEATEN_BY_BIGRAM = "stopped_early", "overfitted", "few_steps", "beaten_by_bigram"
COPIED, FORGOT, BEATS_BIGRAM = "copied", "forgot", "beats_bigram"
OTHERS = (STOPPED_EARLY, OVERFITTED, FEW_STEPS, BEATEN_BY_BIGRAM, COPIED, FORGOT, BEATS_BIGRAM)
MOST_SHOWN = 4  # the verdict and three more: what a person reads

FEWEST_STEPS = 20  # a run's learning rate climbs for so many (RunSettings.warmup_steps): before, it has hardly begun
LITTLE_SHARE, LITTLE_NATS = 0.01, 0.1  # a point, and a tenth of the perplexity: less is little, however sure it is
# One of the last digit that a person reads: with less, both sides of a comparison may be written as the same number.
SEEN_SHARE, SEEN_BITS = 0.001, 0.01
# Single articles of the recorded run gain, each, 1.32 nats with a standard deviation of 0.30, and 14.2 points with one of 3.3:
# what is more than two of these is no matter of which articles were measured.
CLEAR_NATS, CLEAR_SHARE = 0.6, 0.07
RISE_NATS = 0.02  # 2 % of the perplexity: less is not seen on a curve
# From one measurement of that run to the next, articles differ with a standard deviation of up to 0.06 nats.
CLEAR_RISE_NATS = 0.12
FEWEST_BEHIND = (
    2  # measurements behind the lowest loss: one alone may be chance, and the lowest of several always looks low
)
TRAINING_REPORTS = 5  # whose mean is taken as the training loss at a step: single batches scatter
COPIED_SHARE = 0.1  # of the samples' tokens, in copied passages: less is a name, a formula or a phrase of the field


# In which unit a value of a finding is, and so how it is written.
UNITS = {
    **dict.fromkeys(("own", "at_start", "bigram", "share"), SHARE),
    **dict.fromkeys(("gain", "low", "high"), POINTS),
    **dict.fromkeys(
        ("step", "steps", "tokens", "patience", "best", "fewest", "longest_words", "unseen_longest_words"), COUNT
    ),
    **dict.fromkeys(("lowest", "last", "training_then", "training_last"), NATS),
    **dict.fromkeys(("bits", "bits_at_start"), BITS),
}


@dataclass(frozen=True)
class Finding:
    """Something that happened in a run.

    Attributes:
        code: one of VERDICTS or OTHERS. template: its English sentence. values: what is filled in, numbers in UNITS or
            parts of the sentence. basis: a finding's template of how sure it is, with the same values; "" = none.
    """

    code: str
    severity: str
    template: str
    values: dict[str, float | EngineError] = field(default_factory=dict)
    basis: str = ""

    def said(self, wording: Wording) -> tuple[str, str]:
        """Its sentence in a language, and how sure that is ("" where nothing tells it)."""
        filled = {
            name: wording.error(value) if isinstance(value, EngineError) else wording.figure(UNITS[name], value)
            for name, value in self.values.items()
        }
        return wording.say(self.template, **filled), wording.say(self.basis, **filled) if self.basis else ""

    def to_json(self) -> dict[str, Any]:
        """Code, severity, numbers, and what was measured against what."""
        values = {n: _CODES[v.template] if isinstance(v, EngineError) else v for n, v in self.values.items()}
        return {"code": self.code, "severity": self.severity, **values}


def findings(evidence: Evidence) -> list[Finding]:
    """What happened: the verdict, then the others in the order of OTHERS; [] where nothing was measured."""
    verdict = _verdict(evidence)
    if verdict is None:
        return []
    if verdict.code == DIVERGED:  # what was measured before says nothing of what the run has become
        return [verdict]
    found = [verdict]
    for rule in (_stopped_early, _overfitted, _few_steps, _bigram, _copied, _forgot):
        if (finding := rule(evidence, verdict)) is not None:
            found.append(finding)
    return sorted(found, key=lambda f: -1 if f.code in VERDICTS else OTHERS.index(f.code))


# Verdicts


_LEARNED = sentence("It learned: on {measured} it is right {own} of the time, {start} {at_start}.")
_LEARNED_IN_BITS = sentence(
    "It learned: on {measured} it needs {bits} bits for a byte of text, {start} {bits_at_start}."
)
_LEARNED_LITTLE = sentence(
    "It learned a little: on {measured} it is right {own} of the time, {start} {at_start}, and needs {bits} bits for a byte of text instead of {bits_at_start}."
)
_UNDECIDED = sentence(
    "Whether it learned cannot be told: on {measured} it is right {own} of the time, {start} {at_start}, and with so few articles this may be chance."
)
_TOO_SHORT = sentence(
    "It was too short to tell whether it learned: it ended at step {steps}, and on {measured} it is right {own} of the time, {start} {at_start}. Train longer: before step {fewest} a run has hardly begun."
)
_MIXED = sentence(
    "It changed, for better and for worse: on {measured} it is right {own} of the time, {start} {at_start}, but it needs {bits} bits for a byte of text, {start} {bits_at_start}."
)
_BELOW = sentence("It ended worse than it began: on {measured} it is right {own} of the time, {start} {at_start}.")
_BELOW_IN_BITS = sentence(
    "It ended worse than it began: on {measured} it needs {bits} bits for a byte of text, {start} {bits_at_start}."
)
_BROKEN = sentence(
    "It broke: on {measured} it is right {own} of the time, {start} {at_start}, and even on what it trains on it became worse. A lower learning rate helps."
)
_BROKEN_IN_BITS = sentence(
    "It broke: on {measured} it needs {bits} bits for a byte of text, {start} {bits_at_start}, and even on what it trains on it became worse. A lower learning rate helps."
)
_DIVERGED = sentence("It broke: at step {step} its loss became infinite or no number. A lower learning rate helps.")
_INTERVAL = sentence(
    "Difference on the part of validation that is measured at each interval ({tokens} tokens): {gain} points, 95 % interval {low} to {high}."
)
_STARTS = {
    True: EngineError(sentence("its base")),
    False: EngineError(sentence("the checkpoint that it started from")),
}
_CODES = {
    **{part.template: measured for measured, part in measured_on.PARTS.items()},
    _STARTS[True].template: "base",
    _STARTS[False].template: "checkpoint",
}


def _verdict(e: Evidence) -> Finding | None:
    if e.no_number_at is not None:
        return Finding(DIVERGED, WARNING, _DIVERGED, {"step": e.no_number_at})
    if e.own is None or e.start is None:
        return None
    found = _paired(e.own_part, e.start_part)
    gained, saved = e.own.accuracy - e.start.accuracy, e.start.loss - e.own.loss
    seen_right, seen_sure = _seen(e)
    right = _sign(gained, found.get("accuracy"), CLEAR_SHARE) if seen_right else 0
    sure = -_sign(-saved, found.get("loss"), CLEAR_NATS) if seen_sure else 0  # 1 = better, as with `right`
    if right * sure < 0:  # where one of the two is little, the other decides
        little_right, little_sure = abs(gained) < LITTLE_SHARE, abs(saved) < LITTLE_NATS
        if little_right != little_sure:
            right, sure = (0, sure) if little_right else (right, 0)
    if right * sure < 0:
        code, severity, template = MIXED, NOTE, _MIXED
    elif right < 0 or sure < 0:
        broken = _training_became_worse(e)
        code, severity = BROKEN if broken else BELOW, WARNING
        in_shares, in_bits = (_BROKEN, _BROKEN_IN_BITS) if broken else (_BELOW, _BELOW_IN_BITS)
        template = in_shares if right < 0 else in_bits
    elif right > 0 and gained >= LITTLE_SHARE:
        code, severity, template = LEARNED, GOOD, _LEARNED
    elif sure > 0 and saved >= LITTLE_NATS:
        code, severity, template = LEARNED, GOOD, _LEARNED_IN_BITS
    elif right > 0 or sure > 0:
        code, severity, template = LEARNED_LITTLE, NOTE, _LEARNED_LITTLE
    elif e.step < FEWEST_STEPS:
        code, severity, template = TOO_SHORT, WARNING, _TOO_SHORT
    else:
        code, severity, template = UNDECIDED, NOTE, _UNDECIDED
    values: dict[str, float | EngineError] = {
        "measured": measured_on.PARTS[e.measured],
        "start": _STARTS[e.from_base],
        "steps": e.step,
        "fewest": FEWEST_STEPS,
        "own": e.own.accuracy,
        "at_start": e.start.accuracy,
        "bits": e.own.bits_per_byte,
        "bits_at_start": e.start.bits_per_byte,
    }
    basis = ""
    if "accuracy" in found and e.own_part is not None and e.start_part is not None:
        low, high = found["accuracy"]
        sign = int(low > 0) - int(high < 0)
        # Else the whole says otherwise than the part and neither is relied on, or the difference is too small to be seen.
        if sign * gained >= 0 and (seen_right or not sign):
            same = e.measured == AT_INTERVALS or e.own_part.tokens == e.own.tokens
            basis = _INTERVAL_OF_SAME if same else _INTERVAL
            gain = e.own_part.accuracy - e.start_part.accuracy
            values |= {"gain": gain, "low": low, "high": high, "tokens": e.own_part.tokens}
    return Finding(code, severity, template, values, basis)


def _seen(e: Evidence) -> tuple[bool, bool]:
    """Whether accuracies, and bits, differ by as much as can be seen: of what is measured, and of the part as far as it is
    known, whose difference stands beside them."""
    pairs = [(e.own, e.start), (e.own_part, e.start_part)]
    known = [(own, start) for own, start in pairs if own is not None and start is not None]
    return (
        all(round(abs(own.accuracy - start.accuracy), 9) >= SEEN_SHARE for own, start in known),
        all(round(abs(own.bits_per_byte - start.bits_per_byte), 9) >= SEEN_BITS for own, start in known),
    )


def _paired(own: Figures | None, other: Figures | None) -> dict[str, list[float]]:
    """The intervals of the differences of two models, paired by article; {} where they cannot be told."""
    if own is None or other is None or not own.by_article or not other.by_article:
        return {}
    if any(own.by_article[name] != other.by_article[name] for name in ("article", "tokens")):  # edited by hand
        return {}
    return intervals.intervals(own.by_article, other.by_article)


def _sign(difference: float, interval: list[float] | None, clear: float) -> int:
    """Whether a difference is one: 1 or -1, and 0 where it may be chance, or where the whole says otherwise than the part
    whose interval it is."""
    if interval is None:
        return int(difference >= clear) - int(difference <= -clear)
    of_part = int(interval[0] > 0) - int(interval[1] < 0)
    return of_part if of_part * difference > 0 else 0


def _training_loss(e: Evidence, at: int) -> float | None:
    """The mean of the newest reports up to a step; at the beginning that of the first; None where there are none."""
    losses = [loss for step, loss in e.training if step <= at][-TRAINING_REPORTS:]
    if not losses:
        losses = [loss for _step, loss in e.training[:1]]
    return float(np.mean(losses)) if losses else None


def _training_became_worse(e: Evidence) -> bool:
    first, last = _training_loss(e, 0), _training_loss(e, e.step)
    return first is not None and last is not None and last - first > CLEAR_RISE_NATS


# What else happened


_STOPPED_EARLY = sentence(
    "It ended early, at step {step} of {steps}: the last {patience} measurements on validation were no better than the one at step {best}."
)
_OVERFITTED = sentence(
    "It overfitted from step {step} on: there its loss on validation is lowest ({lowest}), and at the end it is {last}, while on what it trains on it fell from {training_then} to {training_last}."
)
_OVERFITTED_AT_ONCE = sentence(
    "It overfitted from the beginning: its loss on validation rose from {lowest} to {last}, while on what it trains on it fell from {training_then} to {training_last}."
)
_FEW_STEPS = sentence(
    "It ended at step {steps} already. Train longer: before step {fewest} a run has hardly begun, and how far it would come is not told."
)
_BEATEN_BY_BIGRAM = sentence(
    "A bigram, a table of which token follows which in its training articles, still guesses better: {bigram} against {own}."
)
_BEATS_BIGRAM = sentence(
    "It beats a bigram, a table of which token follows which in its training articles: {own} against {bigram}."
)
_COPIED = sentence(
    "It copied: {share} of what its samples say stands word for word in its training articles, in passages longer than chance explains. The longest has {longest_words} words; articles that it never read share {unseen_longest_words} at most."
)
_FORGOT = sentence("It forgot some everyday English: there it is right {own} of the time, {start} {at_start}.")
_INTERVAL_OF_SAME = sentence("Difference: {gain} points, 95 % interval {low} to {high}.")


def _stopped_early(e: Evidence, verdict: Finding) -> Finding | None:
    if (early := e.early_end) is None:
        return None
    values: dict[str, float | EngineError] = {name: early[name] for name in ("step", "steps", "patience")}
    return Finding(STOPPED_EARLY, NOTE, _STOPPED_EARLY, {**values, "best": early["best_step"]})


def _overfitted(e: Evidence, verdict: Finding) -> Finding | None:
    """Where the loss on validation rises behind its lowest point while that of training goes on falling."""
    if len(e.validation) <= FEWEST_BEHIND or e.step < FEWEST_STEPS or verdict.code == BROKEN:
        return None
    at = min(range(len(e.validation)), key=lambda n: e.validation[n][1].loss)
    if len(e.validation) - 1 - at < FEWEST_BEHIND:
        return None
    (step, lowest), (_last_step, last) = e.validation[at], e.validation[-1]
    rise, interval = last.loss - lowest.loss, _paired(last, lowest).get("loss")
    if rise < (CLEAR_RISE_NATS if interval is None else RISE_NATS) or (interval is not None and interval[0] <= 0):
        return None
    then, now = _training_loss(e, step), _training_loss(e, e.step)
    if then is None or now is None or then - now < RISE_NATS:
        return None
    template = _OVERFITTED if step else _OVERFITTED_AT_ONCE
    values: dict[str, float | EngineError] = {"step": step, "lowest": lowest.loss, "last": last.loss}
    return Finding(OVERFITTED, WARNING, template, {**values, "training_then": then, "training_last": now})


def _few_steps(e: Evidence, verdict: Finding) -> Finding | None:
    if e.step >= FEWEST_STEPS or verdict.code == TOO_SHORT:  # which says so
        return None
    return Finding(FEW_STEPS, NOTE, _FEW_STEPS, {"steps": e.step, "fewest": FEWEST_STEPS})


def _bigram(e: Evidence, verdict: Finding) -> Finding | None:
    if e.bigram is None:
        return None
    b = e.bigram
    low, high = b.interval or (b.own - CLEAR_SHARE, b.own + CLEAR_SHARE)
    values: dict[str, float | EngineError] = {"own": b.own, "bigram": b.accuracy}
    if b.accuracy < low:
        return Finding(BEATS_BIGRAM, GOOD, _BEATS_BIGRAM, values)
    if b.accuracy > high:
        return Finding(BEATEN_BY_BIGRAM, WARNING, _BEATEN_BY_BIGRAM, values)
    return None


def _copied(e: Evidence, verdict: Finding) -> Finding | None:
    c = e.copying
    if c is None or c.unseen_longest_words is None or c.share < COPIED_SHARE:
        return None
    if c.longest_words <= c.unseen_longest_words:
        return None
    values: dict[str, float | EngineError] = {"share": c.share, "longest_words": c.longest_words}
    return Finding(COPIED, WARNING, _COPIED, {**values, "unseen_longest_words": c.unseen_longest_words})


def _forgot(e: Evidence, verdict: Finding) -> Finding | None:
    if e.english is None or e.start_english is None or verdict.code == BROKEN:  # which has lost everything
        return None
    change = e.english.accuracy - e.start_english.accuracy
    interval = _paired(e.english, e.start_english).get("accuracy")
    if change > -LITTLE_SHARE or _sign(change, interval, 2 * CLEAR_SHARE) >= 0:  # its short texts differ twice as much
        return None
    values: dict[str, float | EngineError] = {
        "own": e.english.accuracy,
        "at_start": e.start_english.accuracy,
        "start": _STARTS[e.from_base],
    }
    if interval is None:
        return Finding(FORGOT, NOTE, _FORGOT, values)
    values |= {"gain": change, "low": interval[0], "high": interval[1]}
    return Finding(FORGOT, NOTE, _FORGOT, values, _INTERVAL_OF_SAME)
