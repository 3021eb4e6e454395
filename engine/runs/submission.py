"""A request to train → a run in the queue, once everything that can be checked beforehand has been."""

import contextlib
import functools
import json
import math
import platform
import threading
import time
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from engine import __version__
from engine.articles import hub, isolation, on_disk
from engine.core import framework, lab_settings, machine, paths
from engine.core.errors import ArticlesError, EngineError, RangeError, ResourcesError, SettingsError
from engine.corpus import lookup, preparation, reading, windows
from engine.presets import catalogue, memory
from engine.runs import checkpoints, devices, gpu_room, lifecycle, nodes
from engine.runs.folder import Run
from engine.runs.inputs import articles_path, on_gpu, window_shape
from engine.runs.settings import FIRST_TOKENS, RunSettings, current

T = TypeVar("T")

LORA_RATE_FACTOR, MOST_LORA_RATE = 15, 3e-2
INTERVALS = 10  # of a run, by default,
INTERVAL_SECONDS = 10.0  # of training, at least, of a run in minutes: a save is 1 to 3 % of it (benchmarks/saving.py)
SMALL_CHECKPOINT_BYTES = 200_000_000
SAVING_SHARE = 0.05
BEST_SHARE = 0.25  # of the training since the measurement before, at most, for the save of the best so far
SAVE_BYTES_PER_SECOND = 250e6  # until a save has been timed (benchmarks/saving.py)
_COUNTED_BYTES = 64 << 20  # of articles that are read through to check a range


@dataclass(frozen=True)
class Estimate:
    """What a run will need, estimated before it starts.

    Attributes:
        memory_bytes: of the trainer. checkpoint_bytes: of one checkpoint on disk. checkpoints: how many stand there at
            most at a time.
        step_tokens: useful targets of a full step.
    """

    memory_bytes: int
    checkpoint_bytes: int
    checkpoints: int
    step_tokens: int


def peak_learning_rate(settings: RunSettings, hidden_dim: int) -> float:
    """The learning rate with the automatic value filled in: 2e-3 at a width of 192, falling with its square; LoRA's higher.

    With 2e-3 the mini model reaches the figures of benchmarks/README.md; the square law gives GPT-2 base 1.25e-4, within
    the usual range for fine-tuning it. LoRA's factor is measured on the mini model alone: of 3e-3, 1e-2, 3e-2 and 1e-1,
    60 steps with 3e-2 end best at rank 8, and as good as with 1e-1 at rank 4 (benchmarks/lora_rates.py). It agrees with
    what is reported of large models: about ten times the rate of full fine-tuning, fifteen in short runs, whatever the
    rank (Schulman et al. 2025, "LoRA Without Regret").
    """
    automatic = 2e-3 * (192 / hidden_dim) ** 2
    if settings.lora_rank:
        automatic = min(LORA_RATE_FACTOR * automatic, MOST_LORA_RATE)
    return settings.learning_rate or automatic


def estimate(settings: RunSettings) -> Estimate:
    """Memory and disk of a run.

    Raises:
        PresetError: no such preset.
    """
    preset = catalogue.find(settings.preset)
    length, batch_size = window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    size = checkpoint_bytes(preset.parameters, settings.lora_rank)
    if on_gpu(settings):
        needed = memory.beside_gpu_bytes(preset)
    else:
        whole_logits = settings.method == FIRST_TOKENS
        needed = memory.training_bytes(preset, length, batch_size, settings.lora_rank, whole_logits)
    saves = _saves(settings, steps_of(settings, preset, length, batch_size), size)
    if settings.keep_checkpoints:  # the best beside the newest, and one that is written before another goes
        saves = min(saves, settings.keep_checkpoints + 2)
    return Estimate(needed, size, saves, length * batch_size)


def checkpoint_bytes(parameters: int, lora_rank: int) -> int:
    """The size of a checkpoint: the weights in float32, and AdamW's two moments of all that is trained; adapters are small."""
    return 4 * parameters * (1 if lora_rank else 3)


def interval(settings: RunSettings, steps: int) -> int:
    """Steps between two evaluations of a run of so many steps, each with a sample and, where it is worth it, a save."""
    return settings.evaluate_steps or max(1, math.ceil(steps / _intervals(settings)))


def worth_saving(size_bytes: int, save_seconds: float, since_seconds: float, left_seconds: float) -> bool:
    """Whether a save at an interval that nobody chose is worth its time.

    A small model's always is, so that its run has the same checkpoints on every machine. A large one's may take
    `SAVING_SHARE` of the training since the last one, and of what is left until the last one of all, which is always written.

    Args:
        size_bytes, save_seconds: what a save writes, and how long it takes.
        since_seconds, left_seconds: of training, since the last save and until the end.
    """
    return size_bytes <= SMALL_CHECKPOINT_BYTES or save_seconds <= SAVING_SHARE * min(since_seconds, left_seconds)


def interval_seconds(settings: RunSettings, size_bytes: int, save_seconds: float) -> float:
    """Seconds of training between two measurements, at least, of a run in minutes where nobody chose their steps.

    A large model whose best checkpoint is the result is measured no more often than its save allows: so what is the best
    so far can always be saved, and takes no more than `BEST_SHARE` of the time.

    Args:
        size_bytes, save_seconds: as `worth_saving` takes them.
    """
    if size_bytes <= SMALL_CHECKPOINT_BYTES or not settings.takes_best:
        return INTERVAL_SECONDS
    return max(INTERVAL_SECONDS, save_seconds / BEST_SHARE)


def intervals_of(settings: RunSettings, steps: int | None, least_seconds: float = INTERVAL_SECONDS) -> int:
    """How many intervals a run has; of one in minutes so many at most, where nobody chose their steps.

    Args:
        least_seconds: between two measurements, as `interval_seconds` has them.
    """
    return _intervals(settings, least_seconds) if steps is None else math.ceil(steps / interval(settings, steps))


def _intervals(settings: RunSettings, least_seconds: float = INTERVAL_SECONDS) -> int:
    if settings.minutes is None:
        return INTERVALS
    return min(INTERVALS, max(1, int(60 * settings.minutes / least_seconds)))


def _saves(settings: RunSettings, steps: int | None, size_bytes: int) -> int:
    """How many checkpoints a run writes, the last one included; of a large model about, since its saves are timed."""
    if steps is not None:
        return intervals_of(settings, steps)
    if settings.minutes is None or settings.evaluate_steps:
        return _intervals(settings)
    total, saved, saves, seconds = 60 * settings.minutes, 0.0, 1, size_bytes / SAVE_BYTES_PER_SECOND
    intervals = _intervals(settings, interval_seconds(settings, size_bytes, seconds))
    for at in (total * n / intervals for n in range(1, intervals)):
        if settings.takes_best or worth_saving(
            size_bytes, seconds, at - saved, total - at
        ):  # each may be the best so far
            saved, saves = at, saves + 1
    return saves


def steps_of(settings: RunSettings, preset: catalogue.Preset, length: int, batch_size: int) -> int | None:
    """How many steps a run takes; None where that is known only when it has begun."""
    if settings.steps is not None:
        return settings.steps
    if settings.epochs is None or preset.folder is None:
        return None
    with contextlib.suppress(EngineError):  # `check` says what is wrong with the articles
        prepared = lookup.find(articles_path(settings.articles), catalogue.tokenizer(preset))
        if prepared is not None:
            chosen = "train", settings.first_article, settings.last_article
            first_tokens = settings.method == FIRST_TOKENS
            found = (
                len(prepared.starts(*chosen)) if first_tokens else windows.count(len(prepared.tokens(*chosen)), length)
            )
            return steps_of_epochs(settings.epochs, found / batch_size)
    return None


def steps_of_epochs(epochs: float, steps_per_epoch: float) -> int:
    """How many steps so many epochs take: a batch that is begun is taken whole, so that every window is visited."""
    return max(1, math.ceil(round(epochs * steps_per_epoch, 6)))


def steps(settings: RunSettings, preset: catalogue.Preset) -> int | None:
    """How many steps a run will take; None where that is known only when it has begun.

    Raises:
        EngineError: its articles are gone.
    """
    return steps_of(settings, preset, *window_shape(settings, preset.max_sequence_length, preset.vocabulary_size))


def works_in_pieces(settings: RunSettings) -> bool:
    """Whether a batch that does not fit is worked off in pieces from the start: where the estimate is of the device."""
    return settings.method != FIRST_TOKENS and machine.resolve_device(settings.device) == "cpu"


def micro_batch(settings: RunSettings, available_bytes: int) -> tuple[int, int]:
    """(windows to work on at a time, windows in a batch) in so much memory.

    Raises:
        ResourcesError: not even one window fits; says what to change and by how much.
    """
    preset = catalogue.find(settings.preset)
    length, batch_size = window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    return memory.micro_batch(preset, length, batch_size, settings.lora_rank, available_bytes), batch_size


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
