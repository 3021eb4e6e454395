"""A sweep: a grid of runs of one name, over ranges of articles, settings and seeds; its table, and what it says of scaling."""

import dataclasses
import itertools
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.errors import EngineError, SettingsError
from engine.core.splits import TEST
from engine.runs import checkpoints, lifecycle, submission
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import RunSettings

MOST_RUNS = 1_000
_SHORT = {"learning_rate": "lr", "lora_rank": "lora", "batch_size": "batch", "weight_decay": "wd"}  # in runs' names
FIGURES = ("accuracy", "bits_per_byte", "loss")


@dataclass(frozen=True)
class Row:
    """A run of a sweep.

    Attributes:
        articles: how many it was trained on; None = not known yet. first: of them, from 1. varied: the settings in which the sweep's runs differ.
        validation, test: FIGURES of its result on the whole split; empty until they are measured. base, base_validation: those of the base on test and on validation.
    """

    run: str
    state: str
    step: int
    steps: int
    articles: int | None
    seed: int
    varied: dict[str, Any]
    validation: dict[str, float]
    test: dict[str, float]
    base: dict[str, float]
    first: int = 1  # of its articles
    base_validation: dict[str, float] = field(default_factory=dict)

    def of(self, split: str) -> dict[str, float]:
        """FIGURES of its result on validation or test."""
        return self.test if split == TEST else self.validation


@dataclass(frozen=True)
class Point:
    """What so many articles give, over the seeds of the settings that are best there on validation.

    Attributes:
        mean, low, high: of FIGURES on one split, over the seeds. spread: their standard deviation; 0 of one seed.
        seeds: how many. varied: the settings.
    """

    articles: int
    mean: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    spread: dict[str, float]
    seeds: int
    varied: dict[str, Any]


def grid(
    common: RunSettings,
    ranges: Iterable[tuple[int | None, int | None]],
    settings: dict[str, list[Any]],
    seeds: int,
) -> list[RunSettings]:
    """The settings of every run: each range with each combination of settings and each seed, named by what differs.

    Args:
        common: of all runs; its name opens theirs, and its seed is the first. settings: of a setting's name its values.

    Raises:
        SettingsError: what is wrong with any of them, all at once; or they are too many.
    """
    names = list(settings)
    cells = list(itertools.product(list(ranges) or [(None, None)], *settings.values(), range(seeds)))
    if len(cells) > MOST_RUNS or not cells:
        raise SettingsError(
            [EngineError("A sweep has 1 to {most} runs; this one has {count}.", most=MOST_RUNS, count=len(cells))]
        )
    found, problems = [], list[EngineError]()
    for (first, last), *values, number in cells:
        parts = [common.name]
        if last is not None:
            parts.append(f"{first}-{last}")
        chosen = dict(zip(names, values, strict=True))
        parts += [
            f"{_SHORT.get(name) or _initials(name)}{value!r}"
            for name, value in chosen.items()
            if len(settings[name]) > 1
        ]
        parts += [f"s{number + 1}"] if seeds > 1 else []
        try:
            found.append(
                replace(
                    common,
                    **chosen,
                    first_article=first,
                    last_article=last,
                    seed=common.seed + number,
                    name="_".join(parts).replace("+", ""),
                )
            )
        except SettingsError as error:
            problems += [problem for problem in error.problems if str(problem) not in map(str, problems)]
    if problems:
        raise SettingsError(problems)
    return found


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split("_"))


def enter(settings: list[RunSettings], sweep: str, root: Path | None = None) -> list[Run]:
    """Queues the runs of a grid, all of them or none.

    Raises:
        SettingsError: everything that stands against any of them. TakenError, StorageError: one cannot be made.
    """
    root = root or paths.checkpoints_root()
    checked, problems = [], list[EngineError]()
    for one in settings:
        try:
            checked.append(submission.check(one))
        except SettingsError as error:
            problems += [problem for problem in error.problems if str(problem) not in map(str, problems)]
    if problems:
        raise SettingsError(problems)
    made: list[Run] = []
    with lifecycle.naming(root):
        try:
            for one in checked:
                made.append(submission.make(one, root, {"sweep": sweep}))
        except EngineError:
            for run in made:
                lifecycle.discard(run)
            raise
    return made


def name_of(run: Run) -> str:
    """The sweep of which a run is; "" = of none."""
    try:
        return str(run.config.get("sweep", ""))
    except EngineError:
        return ""


def names(root: Path | None = None, among: list[Run] | None = None) -> list[str]:
    """All sweeps, the newest first; `among` all runs, where somebody has just looked."""
    every = lifecycle.all_runs(root) if among is None else among
    return list(dict.fromkeys(name for run in every if (name := name_of(run))))


def rows(sweep: str, root: Path | None = None) -> list[Row]:
    """The table of a sweep: its runs by articles, settings and seed; broken ones left out."""
    runs = [run for run in lifecycle.all_runs(root) if name_of(run) == sweep and run.problem is None]
    tables = [dataclasses.asdict(run.settings) for run in runs]
    apart = ("name", "seed", "first_article", "last_article")
    differing = [
        name for name in (tables[0] if tables else ()) if name not in apart and len({str(t[name]) for t in tables}) > 1
    ]
    found = [_row(run, {name: table[name] for name in differing}) for run, table in zip(runs, tables, strict=True)]
    return sorted(found, key=lambda row: (row.articles or 0, str(row.varied), row.seed))


def _row(run: Run, varied: dict[str, Any]) -> Row:
    state, settings, whole = run.state(), run.settings, shared.of(run.folder).on_whole_splits()

    def of(model: str, split: str) -> dict[str, float]:
        event: Any = whole.get((model, split))
        return {name: event[name] for name in FIGURES} if event is not None else {}

    return Row(
        run.name,
        state.state,
        state.step,
        state.steps,
        _articles(run),
        settings.seed,
        varied,
        of("run", "validation"),
        of("run", "test"),
        of("base", "test"),
        settings.first_article or 1,
        of("base", "validation"),
    )


def _articles(run: Run) -> int | None:
    settings = run.settings
    if settings.last_article is not None:
        return settings.last_article - (settings.first_article or 1) + 1
    result = checkpoints.result_of(run, unread=False)
    first, last = ((result.manifest.get("articles") if result else None) or [None, None])[:2]
    return last - first + 1 if first and last else None


def scaling(found: list[Row], split: str = TEST) -> list[Point]:
    """Of each number of articles the figures, on test or on validation, of the settings whose loss on validation is lowest, over
    all seeds; by articles. Test plays no part in the choice."""
    points = []
    measured = [row for row in found if row.articles and row.validation and row.of(split)]
    # Other articles of the same number are no other seed: they are a point of their own.
    for (articles, _first), group in itertools.groupby(
        sorted(measured, key=lambda row: (row.articles or 0, row.first)), lambda row: (row.articles, row.first)
    ):
        by_settings: dict[str, list[Row]] = {}
        for row in group:
            by_settings.setdefault(str(row.varied), []).append(row)
        best = min(by_settings.values(), key=lambda rows: statistics.fmean(row.validation["loss"] for row in rows))
        values = {name: [row.of(split)[name] for row in best] for name in FIGURES}
        points.append(
            Point(
                articles or 0,
                {name: statistics.fmean(of) for name, of in values.items()},
                {name: min(of) for name, of in values.items()},
                {name: max(of) for name, of in values.items()},
                {name: statistics.stdev(of) if len(of) > 1 else 0.0 for name, of in values.items()},
                len(best),
                best[0].varied,
            )
        )
    return points
