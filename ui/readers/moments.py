"""What a run, or a chain of stages, recorded at each moment: figures, samples and a fixed passage. No model is loaded."""

from dataclasses import dataclass, field
from typing import Any

from engine.runs.folder import Run
from ui import words
from ui.i18n import _

BASE, PARENT, RUN = "base", "parent", "run"


@dataclass
class Moment:
    """One point of a run at which its trainer measured.

    Attributes:
        run: whose; step: in it. at: training steps since the chain begins, which is the base or a parent that is not in it.
        is_parent: measured before the first step of a chain that does not begin with the base.
        figures: split → accuracy, loss, bits_per_byte on a fixed part; "validation", and "english" where it is measured.
        samples: prompt → the sample's event. passage: `pieces`, `probabilities`, `ranks`, or nothing.
    """

    run: Run
    step: int
    at: int
    is_base: bool = False
    is_parent: bool = False
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    samples: dict[str, dict[str, Any]] = field(default_factory=dict)
    passage: dict[str, Any] = field(default_factory=dict)


def of_run(run: Run, events: list[dict[str, Any]], before: int = 0, first: bool = True) -> list[Moment]:
    """The moments of one run, in order.

    Args:
        before: training steps of the stages before it.
        first: whether it begins the chain; else the base, and the parent that the stage before ends with, are left out.
            A parent that no stage before shows is where such a run begins: without it the base would seem to be.
    """
    found: dict[tuple[str, int], Moment] = {}
    for event in events:
        kind, model = event["kind"], event.get("model", "")
        if kind not in ("evaluation", "sample", "passage") or event.get("whole"):
            continue
        if model in (BASE, PARENT) and not first:
            continue
        key = (str(model), int(event["step"]))
        moment = found.setdefault(
            key, Moment(run, event["step"], before + event["step"], model == BASE, model == PARENT)
        )
        if kind == "evaluation":
            moment.figures[event["split"]] = event
        elif kind == "sample":
            moment.samples[event["prompt"]] = event
        else:
            moment.passage = event
    return sorted(found.values(), key=lambda moment: (not moment.is_base, not moment.is_parent, moment.step))


def chain(run: Run, runs: list[Run]) -> list[Run]:
    """The runs that lead to a run, the oldest first: its parent's run, that one's parent's, and so on, and itself."""
    by_name = {other.name: other for other in runs}
    found = [run]
    while (parent := found[0].settings.parent) is not None:
        former = by_name.get(parent.partition("/")[0])
        if former is None or former in found:  # deleted since, or a circle in files that were edited
            break
        found.insert(0, former)
    return found


def of_chain(stages: list[Run], events: dict[str, list[dict[str, Any]]]) -> list[Moment]:
    """The moments of all stages; each goes on where its parent's checkpoint stands, which need not be that run's last.

    Args:
        events: of each run, by its name.
    """
    found: list[Moment] = []
    before = 0
    for number, run in enumerate(stages):
        found += of_run(run, events[run.name], before, first=number == 0)
        if number + 1 < len(stages):
            parent = (stages[number + 1].settings.parent or "").partition("/")[2]
            if parent.isdecimal():
                before += int(parent)
                found = [moment for moment in found if moment.at <= before]
    return found


def title(moment: Moment) -> str:
    """A moment of one run in a few words."""
    if moment.is_base:
        return _("base model")
    if moment.is_parent:
        return _("its parent, {name}", name=moment.run.settings.parent)
    return _("step {n}", n=words.grouped(moment.step))


def equally_sampled(all_moments: list[Moment]) -> bool:
    """Whether every sample was written from the same prompts, with the same seed and sampler."""
    names = ("seed", "temperature", "top_k")
    ways = {
        frozenset((prompt, *(sample.get(name) for name in names)) for prompt, sample in moment.samples.items())
        for moment in all_moments
        if moment.samples
    }
    lengths = {moment.run.settings.sample_tokens for moment in all_moments if moment.samples}
    return len(ways) <= 1 and len(lengths) <= 1
