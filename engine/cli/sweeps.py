"""Sweeps: queue a grid of runs, and show their table and what it says of scaling."""

import argparse
import dataclasses
from typing import Any

from engine.cli import options
from engine.cli.output import ProgressLine, print_result
from engine.core import lab_settings, paths
from engine.core.errors import EngineError
from engine.corpus import preparation
from engine.runs import inputs, lifecycle, sweeps
from engine.runs.settings import LENGTHS, RunSettings

_VARIED = ("learning_rate", "batch_size", "lora_rank", "weight_decay")


def register(command: options.Command) -> None:
    """Adds the command of this module."""
    p = command("sweep", sweep)
    p.add_argument("--show", metavar="SWEEP", help="show the table of a sweep and what it says of scaling")
    p.add_argument("--name", help="what the names of its runs begin with (default: sweep-DATE-TIME)")
    p.add_argument("--preset", help="where to start (default: the mini model)")
    p.add_argument("--articles", help="a corpus, or a file or folder of articles (default: the sample)")
    p.add_argument("--range", metavar="A-B", action="append", help="training articles A to B; once for each range")
    p.add_argument("--seeds", type=int, default=1, help="so many runs of each, with seeds that count up from --seed")
    p.add_argument("--from", dest="parent", metavar="RUN[/STEP]", help="start from a checkpoint")
    options.add_lengths(p)
    options.add_settings(p, _VARIED)


def sweep(a: argparse.Namespace) -> int:
    """Queues a grid of runs: each --range with each --learning-rate and each seed; --show compares them."""
    if a.show:
        return _show(a.show, a.json)
    chosen = options.given(a)
    varied: dict[str, list[Any]] = {name: list(chosen.pop(name)) for name in _VARIED if name in chosen}
    if not set(chosen) & {*LENGTHS}:
        chosen["epochs"] = 3.0
    name = a.name or lifecycle.fresh_name("sweep")
    preset, articles = str(a.preset or paths.MINI_PRESET), str(a.articles or paths.SAMPLE_ARTICLES)
    common = RunSettings(preset=preset, articles=articles, name=name, parent=a.parent, **chosen)
    settings = sweeps.grid(common, [options.article_range(text) for text in a.range or ()], varied, a.seeds)
    if lab_settings.launcher() == lab_settings.SLURM:
        _prepare(articles, preset)
    made = sweeps.enter(settings, name)
    options.have_started()
    lines = [f"{len(made)} runs wait; they are compared by: python -m engine sweep --show {name}"]
    print_result({"sweep": name, "runs": [run.name for run in made]}, a.json, lines)
    return 0


def _prepare(articles: str, preset: str) -> None:
    """Prepares the articles before any trainer would: those of all runs would do it at once, and a node fetches nothing."""
    from engine.models import vocabulary

    line = ProgressLine()
    try:
        preparation.prepare(inputs.articles_path(articles), vocabulary.vocabulary(preset), on_progress=line)
    finally:
        line.close()


def _show(name: str, as_json: bool) -> int:
    rows = sweeps.rows(name)
    if not rows:
        raise EngineError(
            "There is no sweep {name}. There are: {sweeps}.", name=name, sweeps=", ".join(sweeps.names()) or "–"
        )
    points = sweeps.scaling(rows)
    varied = list(rows[0].varied)
    heads = ["run", "state", "articles", *varied, "seed", "validation loss", "test accuracy", "test bits/byte"]
    table = [heads]
    for row in rows:
        figures = [
            _figure(row.validation, "loss", "{:.3f}"),
            _figure(row.test, "accuracy", "{:.1%}"),
            _figure(row.test, "bits_per_byte", "{:.3f}"),
        ]
        articles = "–" if row.articles is None else f"{row.articles:,}"
        table.append([row.run, row.state, articles, *(str(row.varied[v]) for v in varied), str(row.seed), *figures])
    lines = _aligned(table)
    if points:
        lines += ["", "the best settings on validation, on test over their seeds (mean, lowest to highest):"]
        lines += _aligned(
            [["articles", "seeds", "accuracy", "", "bits/byte", "", *varied]]
            + [
                [
                    f"{p.articles:,}",
                    str(p.seeds),
                    f"{p.mean['accuracy']:.1%}",
                    f"{p.low['accuracy']:.1%}–{p.high['accuracy']:.1%}",
                    f"{p.mean['bits_per_byte']:.3f}",
                    f"{p.low['bits_per_byte']:.3f}–{p.high['bits_per_byte']:.3f}",
                    *(str(p.varied[v]) for v in varied),
                ]
                for p in points
            ]
        )
    result = {
        "sweep": name,
        "rows": list(map(dataclasses.asdict, rows)),
        "scaling": list(map(dataclasses.asdict, points)),
    }
    print_result(result, as_json, lines)
    return 0


def _figure(figures: dict[str, float], name: str, form: str) -> str:
    return form.format(figures[name]) if name in figures else "–"


def _aligned(table: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
