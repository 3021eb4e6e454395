"""A request to train → a run in the queue, once everything that can be checked beforehand has been."""

import functools
import json
import platform
import threading
import time
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from engine import __version__
from engine.articles import hub, isolation, on_disk
from engine.core import framework, lab_settings, machine, paths
from engine.core.errors import ArticlesError, EngineError, RangeError, ResourcesError, SettingsError
from engine.corpus import lookup, preparation, reading
from engine.presets import catalogue, memory
from engine.runs import checkpoints, devices, gpu_room, lifecycle, nodes
from engine.runs.folder import Run
from engine.runs.inputs import articles_path
from engine.runs.needs import estimate, micro_batch, works_in_pieces
from engine.runs.settings import FIRST_TOKENS, RunSettings, current

T = TypeVar("T")

_COUNTED_BYTES = 64 << 20  # of articles that are read through to check a range


def check(settings: RunSettings, planned: Container[str] = ()) -> RunSettings:
    """The settings with paths made portable and the parent frozen to the checkpoint that it means now.

    Args:
        planned: the names of runs that will be made together with it, of which it may wait for one.

    Raises:
        SettingsError: everything that stands against it, all at once.
    """
    problems: list[EngineError] = []

    def attempt(action: Callable[[], T]) -> T | None:
        try:
            return action()
        except SettingsError as error:
            problems.extend(error.problems)
        except EngineError as error:
            problems.append(error)
        return None

    preset = attempt(lambda: catalogue.find(settings.preset))
    if preset is not None:
        attempt(lambda: catalogue.check_available(preset))
    wanted, former = settings.parent, settings.after
    parent = attempt(lambda: checkpoints.find(wanted)) if wanted and not former else None
    if former and former not in planned:
        attempt(lambda: lifecycle.find(former))
    if preset is not None and parent is not None:
        attempt(lambda: _check_parent(parent, preset))
    if preset is not None and settings.sequence_length > (preset.max_sequence_length or 1024):
        problems.append(
            EngineError(
                "sequence_length {value} is longer than the context of {preset}, {context} tokens.",
                value=settings.sequence_length,
                preset=preset.title,
                context=preset.max_sequence_length,
            )
        )
    attempt(lambda: _check_framework(settings, parent))
    attempt(lambda: _check_articles(settings, preset))
    if (
        attempt(lab_settings.launcher) == lab_settings.SLURM
    ):  # what this machine has says nothing of a node: its trainer looks
        if preset is not None:
            attempt(lambda: nodes.require_fetched(settings, preset))
    else:
        attempt(framework.require)
        attempt(lambda: devices.suiting(settings))
        if preset is not None:
            attempt(lambda: _check_memory(settings))
    if preset is not None:
        attempt(lambda: _check_disk(settings))
    if problems:
        raise SettingsError(problems)
    assert preset is not None  # or its absence were a problem
    articles = settings.articles if hub.is_name(settings.articles) else paths.portable(paths.locate(settings.articles))
    reference = preset.reference
    return replace(
        settings, articles=articles, preset=reference, parent=parent.reference if parent is not None else settings.after
    )


def _check_framework(settings: RunSettings, parent: checkpoints.Checkpoint | None) -> None:
    """Makes sure that what is asked for can be done on the framework that computes here.

    Raises:
        EngineError: it needs TensorFlow.
    """
    ckpt = settings.checkpoint_format == checkpoints.CKPT or (parent is not None and parent.format == checkpoints.CKPT)
    problem = framework.first_tokens_problem() if settings.method == FIRST_TOKENS else None
    problem = problem or (framework.ckpt_problem() if ckpt else None)
    if problem is not None:
        raise problem


def _check_parent(parent: checkpoints.Checkpoint, preset: catalogue.Preset) -> None:
    if checkpoints.preset_of(parent)["hash"] != preset.hash():
        raise EngineError(
            "The checkpoint {parent} was trained from another preset than {preset}.",
            parent=parent.reference,
            preset=preset.reference,
        )


_previewing = threading.Lock()


@functools.lru_cache(maxsize=16)
def _previewed(path: Path, fingerprint: str) -> isolation.Preview:
    return isolation.preview(path)


def _preview(path: Path) -> isolation.Preview:
    """A look at a source, one at a time: of thirty who ask for the same at once, one looks for all.

    Raises:
        ArticlesError: it cannot be read.
    """
    with _previewing:
        return _previewed(path, json.dumps(on_disk.fingerprint(path)))


def _check_articles(settings: RunSettings, preset: catalogue.Preset | None) -> None:
    """Makes sure that the articles are there and, where that can be known soon, that the range lies inside them."""
    path = articles_path(settings.articles)
    prepared = None
    if preset is not None and preset.folder is not None:  # one that must be fetched first has no vocabulary here yet
        prepared = lookup.find(path, catalogue.tokenizer(preset))
    if prepared is not None:
        articles = prepared.articles("train")
    elif settings.last_article is None and settings.first_article is None:
        if path in (paths.SAMPLE_ARTICLES, paths.ENGLISH):
            return  # what ships can be read
        seen = _preview(path)
        if reading.is_guessed(seen.forms):
            raise ArticlesError(reading.GUESSED, path=settings.articles)
        if seen.columns and seen.problem is not None and not seen.articles:  # which column holds the text?
            raise seen.problem
        return
    elif on_disk.total_bytes(path) > _COUNTED_BYTES:
        return  # too much to count here: the trainer says so when it has prepared them
    else:
        articles = preparation.count_training(path)
    if (settings.last_article or 1) > articles or (settings.first_article or 1) > articles:
        raise RangeError(
            "Articles {first}-{last} lie outside the corpus: its {split} split holds 1-{articles}.",
            first=settings.first_article or 1,
            last=settings.last_article or articles,
            split="train",
            articles=articles,
        )


def _check_memory(settings: RunSettings) -> None:
    needed = estimate(settings)
    found = machine.look(paths.checkpoints_root())
    if (nothing := memory.nothing_trains(found)) is not None:
        raise nothing
    if works_in_pieces(settings):
        micro_batch(settings, found.usable_bytes)
        return
    gpu_room.check(settings)
    if found.usable_bytes < needed.memory_bytes:
        raise ResourcesError(
            "This run needs about {needed} MB of memory and the machine has {total} MB: choose a smaller batch or "
            "sequence, LoRA, or a smaller preset.",
            needed=needed.memory_bytes >> 20,
            total=found.memory_bytes >> 20,
        )


def _check_disk(settings: RunSettings) -> None:
    needed, found = estimate(settings), machine.look(paths.checkpoints_root())
    disk = needed.checkpoint_bytes * needed.checkpoints
    if found.free_disk_bytes < disk:
        raise ResourcesError(
            "This run writes about {needed} MB of checkpoints and {free} MB of disk are free: free some space, or set "
            "evaluate_steps higher.",
            needed=disk >> 20,
            free=found.free_disk_bytes >> 20,
        )


def lineage(checkpoint: checkpoints.Checkpoint, root: Path | None = None) -> list[dict[str, Any]]:
    """The chain of checkpoints that leads to a run, the oldest first: each with what it was trained on.

    Returns:
        checkpoint, hash, method, articles, first_article, last_article, epochs, steps, tokens of each; what older
        manifests do not say is None.
    """
    config, manifest = lifecycle.find(checkpoint.run, root).config, checkpoint.manifest
    first, last = (manifest.get("articles") or [None, None])[:2]
    stage = {
        "checkpoint": checkpoint.reference,
        "hash": checkpoint.hash,
        # A conversion was trained as what it was converted from.
        "method": current("method", config.get("converted", {}).get("method", config.get("method"))),
        "articles": config.get("articles"),
        "first_article": first or config.get("first_article"),
        "last_article": last or config.get("last_article"),
        "epochs": manifest.get("epochs"),
        "steps": checkpoint.step,
        "tokens": manifest.get("tokens"),
    }
    return [*config.get("lineage", []), stage]


def settle_parent(run: Run) -> None:
    """Freezes a stage's parent to the last checkpoint of the run it waited for; the caller holds the run's lock.

    Raises:
        RunError, CheckpointError, EngineError: that run left no checkpoint, or one of another preset.
    """
    settings = run.settings
    if not settings.after or not settings.parent or "/" in settings.parent:
        return
    parent = checkpoints.find(settings.parent, run.folder.parent)
    _check_parent(parent, catalogue.find(settings.preset))
    run.change_config(parent=parent.reference, lineage=lineage(parent, run.folder.parent))


def submit(settings: RunSettings, root: Path | None = None, facts: dict[str, Any] | None = None) -> Run:
    """Checks the settings and makes the run's folder, waiting in the queue.

    Args:
        facts: as `make` takes them.

    Raises:
        SettingsError: everything that stands against it. TakenError: the name is taken. StorageError: the disk refuses.
    """
    return make(check(settings), root, facts)


def make(checked: RunSettings, root: Path | None = None, facts: dict[str, Any] | None = None) -> Run:
    """Makes the run's folder of settings that `check` has passed.

    Args:
        facts: what is recorded beside the settings: that a visitor asked for it, and the time it may take.

    Raises:
        TakenError: the name is taken. StorageError: the disk refuses.
    """
    extra = {
        "created": time.time(),
        "preset_hash": catalogue.find(checked.preset).hash(),
        "lineage": lineage(checkpoints.find(checked.parent, root), root)
        if checked.parent and not checked.after
        else [],
        "versions": {"atelier": __version__, "python": platform.python_version(), "system": platform.system()},
        **({"launcher": lab_settings.SLURM} if lab_settings.launcher() == lab_settings.SLURM else {}),
        **(facts or {}),
    }
    return lifecycle.create(checked, extra, root)
