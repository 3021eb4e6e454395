"""A grid of runs as a form: numbers of articles, learning rates and seeds, queued together and compared in one table."""

import re

import streamlit as st

from engine.core import numbers, paths
from engine.core.errors import EngineError
from engine.runs import lifecycle, sweeps
from engine.runs.settings import RunSettings
from engine.services.launchers import launching
from ui import access, address, decimals, rooms, stages_form, words
from ui.i18n import _, _n, language

_MOST_CHARACTERS = 200


def form(preset: str, articles: str) -> None:
    """The whole form.

    Raises:
        EngineError: what a person can act on.
    """
    there = stages_form.training_articles(preset, articles)
    st.caption(
        _(
            "A run for each number of articles, each learning rate and each seed; which settings are best is chosen on validation. Here are {n} training articles.",
            n=words.grouped(there),
        )
    )
    left, right = st.columns(2)
    sizes = left.text_input(
        _("Numbers of training articles"), _usual_sizes(there), max_chars=_MOST_CHARACTERS, key="sweep_sizes"
    )
    rates = right.text_input(
        _("Learning rates"), "", placeholder=_("automatic"), max_chars=_MOST_CHARACTERS, key="sweep_rates"
    )
    seeds = left.number_input(
        _("Seeds of each"), 1, 20, 3, key="sweep_seeds", help=_("Their spread tells what is chance.")
    )
    epochs = decimals.field(right, _("Epochs of each"), "sweep_epochs", 3.0, example=0.5)
    name = st.text_input(_("The runs' names begin with (empty = date and time)"), "", key="sweep_name").strip()
    if decimals.is_wrong(epochs):
        return
    ranges = [(1, size) for size in _sizes(sizes, there)]
    varied = {"learning_rate": found} if (found := _rates(rates)) else {}
    common = RunSettings(
        preset=preset,
        articles=articles,
        name=name or lifecycle.fresh_name("sweep"),
        epochs=decimals.of_unit("epochs", epochs),
    )
    settings = sweeps.grid(common, ranges, varied, int(seeds))
    st.caption(_n("{n} run, one after the other.", "{n} runs, one after the other.", len(settings)))
    if not st.button(_("Queue the runs"), type="primary", icon=":material/grid_on:", key="sweep_queue"):
        return
    if not access.is_owner():
        raise EngineError("Visitors train one short run at a time: the owner's code lifts the limit.")
    sweeps.enter(settings, common.name, paths.checkpoints_root())
    launching.wake()
    st.session_state["sweep"] = common.name
    address.go(rooms.LIBRARY, rooms.RUNS)


def _usual_sizes(there: int) -> str:
    return " ".join(str(size) for size in (10, 100, 1_000, 10_000, 100_000) if size < there) + f" {there}"


def _sizes(text: str, there: int) -> list[int]:
    """The numbers of articles that a text names, each once.

    Raises:
        EngineError: it names none, or more than there are.
    """
    parts = re.split(r"[\s;,]+", text.strip())
    if not all(part.isdecimal() and 0 < int(part) <= there for part in parts):
        raise EngineError(
            "“{text}” is no list of numbers of articles from 1 to {most}: write them with spaces, as in 10 100.",
            text=text,
            most=there,
        )
    return sorted({int(part) for part in parts})


def _rates(text: str) -> list[float]:
    """The learning rates that a text names, each once; a comma may be the decimal sign.

    Raises:
        EngineError: it names something else.
    """
    found = set()
    for part in re.split(r"[\s;]+", text.strip()) if text.strip() else ():
        try:
            rate = numbers.parsed(part, language())
        except ValueError:
            rate = 0.0
        if not 0 < rate <= 0.1:  # as RunSettings has it
            raise EngineError(
                "“{text}” is no list of learning rates above 0 and at most 0.1: write them with spaces, as in 0.001 0.0003.",
                text=text,
            )
        found.add(rate)
    return sorted(found)
