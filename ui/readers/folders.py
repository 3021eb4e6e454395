"""Reads of run folders for the pages."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.core.errors import EngineError
from engine.corpus import store
from engine.presets import catalogue
from engine.runs import checkpoints, inputs, lifecycle, looks, references, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.history.events import Sample
from engine.runs.history.follower import History
from engine.runs.history.snapshots import Snapshot
from engine.runs.looks import Look
from engine.runs.references import ModelReference
from engine.runs.settings import IMPORTED
from ui import words
from ui.i18n import _
from ui.readers import comparison, polling

_MOST_ASKED_FOR_SPEED = 20  # runs that say no speed are short ones, or have only begun
_MOST_TAKEN_FOR_SPEED = 5  # whose middle is taken: during one of them the machine may have been busy


def history(run: Run) -> History:
    """What a run has reported; shared by all sessions."""
    return shared.of(run.folder)


def window_of(run: Run, event: Mapping[str, Any]) -> int:
    """Tokens of a window in a run's evaluation; where an older event does not say it, by the run's settings.

    Raises:
        PresetError: it depends on a preset that is gone.
    """
    if length := event.get("sequence_length"):
        return int(length)
    preset = catalogue.find(run.settings.preset)
    return inputs.shape_of(run, preset.max_sequence_length, preset.vocabulary_size)[0]


def newest_samples(run: Run) -> dict[str, dict[str, Sample]]:
    """model → prompt → the newest sample; model is "base", "parent" or "run"."""
    found = history(run)
    newest = {(p.event["model"], p.event["prompt"]): p for p in found.placed if p.event["kind"] == "sample"}
    samples: dict[str, dict[str, Sample]] = {}
    for sample in found.complete(newest.values()):
        samples.setdefault(sample["model"], {})[sample["prompt"]] = sample
    return samples


def looked() -> list[Look]:
    """Every run, the newest first, as it stands: one look for all that a page asks of them."""
    return polling.shared("runs", looks.of_all)


def recorded_names() -> set[str]:
    """The names of the runs that ship with the project."""
    return polling.once("recorded", lambda: {found.run.name for found in looked() if found.recorded})


def all_runs() -> list[Run]:
    """Every run, the broken ones too, the newest first."""
    return [found.run for found in looked()]


def anything_under_way() -> bool:
    """Whether any run waits, works, or was left by its trainer."""
    return any(found.state.state not in looks.AT_REST for found in looked())


def anything_waits() -> bool:
    """Whether any run waits, here or in Slurm's queue."""
    return any(found.state.state == states.QUEUED for found in looked())


def active_run() -> Run | None:
    """The run that is running, or the next that waits, or None."""
    found = [(one.run, one.state) for one in looked()]
    for run, state in found:
        if state.state == states.RUNNING:
            return run
    waiting = sorted((state.queued_at, run.name, run) for run, state in found if state.state == states.QUEUED)
    return waiting[0][2] if waiting else None


def models() -> list[ModelReference]:
    """Every model that can be loaded: shipped presets, then checkpoints, the newest run first."""
    return references.models(found=looked())


def title(model: ModelReference) -> str:
    """The short name of a model on every page: `base · gpt2_mini_en` or `RUN · step 400`."""
    if model.checkpoint is None:
        return f"base · {model.preset.title}"
    return f"{model.checkpoint.run} · {_('step {n}', n=model.checkpoint.step)}"


def snapshot_title(snapshot: Snapshot) -> str:
    """A moment of one run in a few words."""
    if snapshot.is_base:
        return _("base model")
    if snapshot.is_parent and snapshot.run.settings.parent is None:
        return _("random weights")
    if snapshot.is_parent:
        return _("its parent, {name}", name=snapshot.run.settings.parent)
    return _("step {n}", n=words.grouped(snapshot.step))


def last_step(run_name: str) -> int:
    """The step of a run's newest checkpoint, 0 where there is none."""
    try:
        found = checkpoints.of_run(lifecycle.find(run_name))
    except EngineError:  # deleted while it is shown
        return 0
    return found[-1].step if found else 0


def preset_choices() -> list[str]:
    """The references of the presets that ship."""
    return [preset.reference for preset in catalogue.shipped()]


def preset_title(reference: str) -> str:
    """The short name of a preset, also of one that is no longer there."""
    try:
        return catalogue.find(reference).title
    except EngineError:
        return reference.rstrip("/").rsplit("/", 1)[-1]


def vocabulary_hash(preset: str) -> str:
    """The hash of a preset's vocabulary, or "" where it is not on this machine."""
    try:
        return catalogue.tokenizer(catalogue.find(preset)).hash
    except EngineError:
        return ""


def runs_with_events() -> list[Run]:
    """The runs whose configuration can be read, the newest first."""
    return [found.run for found in looked() if found.problem is None]


def trained_runs() -> list[Run]:
    """Those of them that were trained here, neither imported nor converted."""
    return [run for run in runs_with_events() if run.settings.method != IMPORTED]


def columns(run: Run, every: bool = False) -> comparison.Columns:
    """What of a run can be laid over others (`comparison.columns`)."""
    return comparison.columns(history(run), every)


def articles_of(run: Run) -> int | None:
    """How many training articles are in a run's range; None where nothing here says it."""
    settings = run.settings
    if settings.last_article:
        return settings.last_article - (settings.first_article or 1) + 1
    found = checkpoints.of_run(run)
    wanted = found[-1].manifest.get("corpus") if found else None
    for prepared in store.all_corpora():
        if prepared.content_hash == wanted:
            return prepared.articles("train") - (settings.first_article or 1) + 1
    return None


def usual_speed(preset: str) -> float | None:
    """Tokens a second of the newest runs of that preset on this machine: the middle of theirs, or None."""
    here = (run for run in runs_with_events() if run.settings.preset == preset and not run.recorded)
    found: list[float] = []
    for run in itertools.islice(here, _MOST_ASKED_FOR_SPEED):
        speeds = history(run).steps["tokens_per_second"]
        if len(speeds := speeds[speeds > 0]):
            found.append(float(np.median(speeds)))
    return float(np.median(found[:_MOST_TAKEN_FOR_SPEED])) if found else None
