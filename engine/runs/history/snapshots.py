"""Snapshots of a run, or of a chain of stages: what was measured at a step, figures, samples and a fixed passage. No model is loaded."""

from dataclasses import dataclass, field

from engine.runs.folder import Run
from engine.runs.history.blocks import Placed
from engine.runs.history.events import Evaluation, Passage, Sample, is_measured
from engine.runs.history.follower import History

BASE, PARENT = "base", "parent"


@dataclass
class Snapshot:
    """What a trainer measured at one step of its run.

    Attributes:
        run: whose; step: in it. at: training steps since the chain begins, which is the base or a parent that is not in it.
        is_parent: measured before the first step of a chain that does not begin with the base.
        figures: split → accuracy, loss, bits_per_byte on a fixed part; "validation", and "english" where it is measured.
        samples: prompt → where the sample stands. passage: where the passage stands, or None.
    """

    run: Run
    history: History = field(compare=False, repr=False)
    step: int
    at: int
    is_base: bool = False
    is_parent: bool = False
    figures: dict[str, Evaluation] = field(default_factory=dict)
    samples: dict[str, Placed] = field(default_factory=dict)
    passage: Placed | None = None

    def complete_samples(self) -> list[Sample]:
        """Reads the samples with their texts."""
        return self.history.complete(self.samples.values())

    def expected(self) -> Passage | None:
        """The passage, token by token; None where none was recorded."""
        return next(iter(self.history.complete([self.passage] if self.passage else [])), None)


def of_run(run: Run, history: History, before: int = 0, first: bool = True) -> list[Snapshot]:
    """Lists the snapshots of one run, in order.

    Args:
        before: training steps of the stages before it.
        first: whether it begins the chain; else the base, and the parent that the stage before ends with, are left out.
            A parent that no stage before shows is where such a run begins: without it the base would seem to be.
    """
    found: dict[tuple[str, int], Snapshot] = {}
    for placed in history.placed:
        event = placed.event
        if not is_measured(event):
            continue
        model = event["model"]
        if model in (BASE, PARENT) and not first:
            continue
        step = event["step"]
        snapshot = found.setdefault(
            (model, step), Snapshot(run, history, step, before + step, model == BASE, model == PARENT)
        )
        if event["kind"] == "evaluation":
            snapshot.figures[event["split"]] = event
        elif event["kind"] == "sample":
            snapshot.samples[event["prompt"]] = placed
        else:
            snapshot.passage = placed
    return sorted(found.values(), key=lambda snapshot: (not snapshot.is_base, not snapshot.is_parent, snapshot.step))


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


def of_chain(stages: list[Run], histories: dict[str, History]) -> list[Snapshot]:
    """Lists the snapshots of all stages; each goes on where its parent's checkpoint stands, which need not be that run's last.

    Args:
        histories: of each run, by its name.
    """
    found: list[Snapshot] = []
    before = 0
    for number, run in enumerate(stages):
        found += of_run(run, histories[run.name], before, first=number == 0)
        if number + 1 < len(stages):
            parent = (stages[number + 1].settings.parent or "").partition("/")[2]
            if parent.isdecimal():
                before += int(parent)
                found = [snapshot for snapshot in found if snapshot.at <= before]
    return found


def equally_sampled(all_snapshots: list[Snapshot]) -> bool:
    """Whether every sample was written from the same prompts, with the same seed and sampler."""
    names = ("seed", "temperature", "top_k")
    ways = {
        frozenset((prompt, *(sample.event.get(name) for name in names)) for prompt, sample in snapshot.samples.items())
        for snapshot in all_snapshots
        if snapshot.samples
    }
    lengths = {snapshot.run.settings.sample_tokens for snapshot in all_snapshots if snapshot.samples}
    return len(ways) <= 1 and len(lengths) <= 1
