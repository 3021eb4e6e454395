"""Options that several commands have, and what their values mean."""

import argparse
import functools
import sys
from collections.abc import Callable, Container
from typing import Any

from engine.core.errors import RunError, SchedulerError
from engine.runs import checkpoints, lifecycle, references
from engine.runs.fields import FIELDS
from engine.runs.folder import Run
from engine.runs.settings import LENGTHS, current
from engine.services.launchers import launching

# What a subject registers its commands with: a name and its function, whose docstring is the command's help.
Command = Callable[[str, Callable[[argparse.Namespace], int]], argparse.ArgumentParser]


def add_lengths(p: argparse.ArgumentParser, unless_given: str = " (default: 3)") -> None:
    """Adds how long to train: one of three."""
    p.add_argument("--steps", type=int, help="length in steps")
    p.add_argument("--epochs", type=float, help=f"length in passes over the articles{unless_given}")
    p.add_argument("--minutes", type=float, help="length in minutes of training alone; planned again as it goes")


def add_settings(p: argparse.ArgumentParser, several: Container[str] = ()) -> None:
    """Adds the options that are a run's settings; what is not given is None, so that it differs from any value.

    Args:
        several: the names of those that may be given more than once.
    """
    for field in FIELDS:
        more: dict[str, Any] = {"action": "append", "metavar": "TEXT"} if field.singular else {}
        if field.name in several:
            more = {"action": "append"}
        p.add_argument(
            as_options([field.option]),
            dest=field.name,
            type=functools.partial(current, field.name) if field.choices else field.kind,
            choices=field.choices,
            help=field.help,
            **more,
        )


def add_changes(p: argparse.ArgumentParser) -> None:
    """Adds the options for a run that has from another what is not given."""
    add_lengths(p, "")
    p.add_argument("--articles", help="other articles than its run had")
    p.add_argument("--range", metavar="A-B", help="training articles A to B")
    p.add_argument("--name", help="the new run's name (default: the other's and the date)")
    add_settings(p)


def given(a: argparse.Namespace, *others: str) -> dict[str, Any]:
    """The lengths, settings and `others` that were given, also where a value equals its default."""
    values = {name: getattr(a, name) for name in (*LENGTHS, *others, *(field.name for field in FIELDS))}
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not None
    }


def article_range(text: str | None) -> tuple[int | None, int | None]:
    """The first and the last article of `A-B`; None, None = all.

    Raises:
        RunError: it is another text.
    """
    if text is None:
        return None, None
    first, dash, last = text.partition("-")
    if not dash or not first.isdigit() or not last.isdigit():
        raise RunError("--range is two article numbers such as 1-10000; received {text}.", text=text)
    return int(first), int(last)


def have_started() -> None:
    """Has what waits trained; where a scheduler does not answer, what was queued stays so, and that is said."""
    try:
        launching.start()
    except SchedulerError as error:
        print(f"engine: {error} What waits is submitted at the next look: python -m engine runs", file=sys.stderr)


def have_cancelled(run: Run) -> None:
    """Takes a run that is to end from where it waits; where a scheduler does not answer, that is said."""
    try:
        launching.cancel(run)
    except SchedulerError as error:
        print(f"engine: {error} The job of {run.name} ends by itself when it starts.", file=sys.stderr)


def as_options(names: list[str]) -> str:
    """Names as they are typed: `--text-column, --limit`."""
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def resolve(reference: str) -> references.ModelReference:
    """The model of that name; says which newer checkpoints of its run are damaged, where the newest one is meant."""
    model = references.resolve(reference)
    if model.checkpoint is not None and reference.strip("/") == model.checkpoint.run:
        for problem in checkpoints.newest_and_damaged(lifecycle.find(model.checkpoint.run))[1]:
            print(f"engine: {problem}", file=sys.stderr)
    return model


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 on is needed; received {text}")
    return int(text)
