"""Curves, settings and figures of several runs, laid beside one another: histories → columns, pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.runs.folder import Run
from engine.runs.history.follower import History
from ui import setting_names

STEPS, TOKENS, ARTICLES, MINUTES = "steps", "tokens", "articles", "minutes"
# A figure's name → the kind of event that holds it, its field, and what multiplies it.
FIGURES = {
    "accuracy": ("evaluation", "accuracy", 100.0),
    "bits_per_byte": ("evaluation", "bits_per_byte", 1.0),
    "loss": ("evaluation", "loss", 1.0),
    "training_loss": ("step", "loss", 1.0),
    "training_accuracy": ("step", "accuracy", 100.0),
    "learning_rate": ("step", "learning_rate", 1.0),
    "tokens_per_second": ("step", "tokens_per_second", 1.0),
}


@dataclass(frozen=True)
class Columns:
    """What a run reported, as arrays: of each kind of event, float64 (events,) by field; NaN where one lacks it.

    Attributes:
        base: the base's figures on the same part of validation, by field.
        epochs_a_step: how many passes over the articles one step makes; 0 where it is not known.
    """

    evaluation: dict[str, np.ndarray]
    step: dict[str, np.ndarray]
    base: dict[str, float]
    epochs_a_step: float


_FIELDS = ("step", "tokens", "seconds", "accuracy", "bits_per_byte", "loss")


def columns(history: History, every: bool = False) -> Columns:
    """The reports of a run as arrays.

    Args:
        every: all of a long run, which is read anew for them, and not those that are enough to draw it.
    """
    bases, own = history.on_validation()
    steps = history.every_step() if every else history.steps
    evaluation = {
        name: np.array([np.nan if e.get(name) is None else e[name] for e in own], dtype=float) for name in _FIELDS
    }
    passed = float(steps["epoch"][-1] / steps["step"][-1]) if len(steps["step"]) else 0.0
    return Columns(
        evaluation,
        steps,
        {name: float(bases[0][name]) for name in ("accuracy", "bits_per_byte", "loss")} if bases else {},
        passed if np.isfinite(passed) else 0.0,
    )


def curve(found: Columns, figure: str, axis: str, articles: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of a run's figure over an axis, both float64 (points,).

    Args:
        articles: in the run's range; None where it is not known, and then a curve over ARTICLES is empty.
    """
    kind, name, factor = FIGURES[figure]
    of = found.evaluation if kind == "evaluation" else found.step
    if axis == ARTICLES:
        xs = of["step"] * found.epochs_a_step * articles if articles and found.epochs_a_step else of["step"] * np.nan
    elif axis == MINUTES:
        xs = of["seconds"] / 60
    else:
        xs = of["step" if axis == STEPS else "tokens"]
    whole = np.isfinite(xs) & np.isfinite(of[name])
    return xs[whole], of[name][whole] * factor


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """An exponential moving average that begins at the first value: each point keeps `weight` of what came before.

    Its early values are divided by the sum of their weights, so that they do not lean on a zero (Kingma and Ba 2015,
    section 3).
    """
    smooth: np.ndarray = pd.Series(values).ewm(alpha=1 - weight, adjust=True).mean().to_numpy()
    return smooth


_NOT_COMPARED = ("schema_version", "name")


def settings(runs: list[Run]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The settings of runs: those in which they differ, with each run's value, and those in which they do not."""
    tables = [run.settings.to_json() for run in runs]
    different, equal = {}, {}
    for name in tables[0]:
        if name in _NOT_COMPARED:
            continue
        values = [setting_names.value(name, table[name]) for table in tables]
        if len(set(values)) > 1:
            different[name] = values
        else:
            equal[name] = values[0]
    return different, equal


def best(found: Columns) -> dict[str, float]:
    """Of the points on validation that it trained for, the figures where the loss is lowest; empty where there is none."""
    losses = np.where(found.evaluation["step"] > 0, found.evaluation["loss"], np.nan)
    if not np.isfinite(losses).any():
        return {}
    at = int(np.nanargmin(losses))
    return {name: float(found.evaluation[name][at]) for name in ("step", "loss", "accuracy", "bits_per_byte")}
