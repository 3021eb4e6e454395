"""Ways to train that need no setting: a minute, an evening, a GPU, the original report's way; each with one button."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.core import machine
from engine.core.errors import EngineError
from engine.presets import catalogue
from engine.runs import queue
from engine.runs.settings import EVERYTHING, FIRST_TOKENS, RunSettings
from ui import access, errors, present, words
from ui.i18n import _

EVENING_MINUTES = 180.0
REPORT_TOKENS = 128  # of each article, as plans/report.toml has it
_GPU_BASE = "gpt2_base_en"


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Attributes:
        code: in keys. icon, title, said: its name and a sentence. settings: those of a run that are not the usual ones.
        stem: how the name of its runs begins. missing: why it cannot be had here; "" = it can.
    """

    code: str
    icon: str
    title: str
    said: str
    settings: dict[str, Any]
    stem: str
    missing: str = ""


def recipes(preset: str, parent: str | None = None) -> list[Recipe]:
    """The recipes, the shortest first.

    Args:
        preset: the base model that is chosen. parent: the checkpoint of it to start from.
    """
    base = gpu_base(preset, parent)
    gpu_said = _("{name}, three passes over all articles, in windows as long as it can read.", name=_title(base))
    if base != preset:  # the form below has the other one
        gpu_said = _(
            "{name} in place of {small}: three passes over all articles, in windows as long as it can read.",
            name=_title(base),
            small=_title(preset),
        )
    gpu = "" if machine.gpus() and machine.gpu_problem() is None else _("This machine has no GPU that it can use.")
    owners = "" if access.is_owner() else _("Visitors train one short run at a time.")
    return [
        Recipe(
            "minute",
            ":material/timer:",
            _("A minute"),
            _("See how training works: the model reads for a minute, and curve and samples move as it learns."),
            {"minutes": 1.0, "minutes_of": EVERYTHING},
            "minute",
        ),
        Recipe(
            "evening",
            ":material/bedtime:",
            _("An evening"),
            _("The best that this machine makes of these articles: three hours at most, and less where it stops getting better."),
            {"minutes": EVENING_MINUTES},
            "evening",
            owners,
        ),
        Recipe(
            "gpu",
            ":material/memory:",
            _("A GPU"),
            gpu_said,
            {"preset": base, "epochs": 3.0, "device": "gpu:0"},
            "gpu",
            gpu or owners,
        ),
        Recipe(
            "report",
            ":material/history_edu:",
            _("The report's way"),
            _(
                "As the original project did: only the first {n} tokens of each article, through Keras's fit, one pass. Compare it with the others.",
                n=REPORT_TOKENS,
            ),
            {"method": FIRST_TOKENS, "epochs": 1.0, "sequence_length": REPORT_TOKENS, "batch_size": 32},
            "report",
            owners,
        ),
    ]  # fmt: skip


def gpu_base(preset: str, parent: str | None) -> str:
    """What a GPU is worth: GPT-2 itself instead of the small model, where models may be fetched by name; of a checkpoint that
    is gone on from, its own base."""
    if parent is not None:
        return preset
    shipped = [one.reference for one in catalogue.shipped()]
    return _GPU_BASE if preset in shipped and access.paths_allowed() else preset


def _title(preset: str) -> str:
    try:
        return catalogue.find(preset).title
    except EngineError:
        return preset


def choose(preset: str, parent: str | None, articles: str | None) -> tuple[RunSettings, str] | None:
    """Cards, one a recipe; the settings of the one whose button was pressed, and how its runs' names begin.

    Args:
        parent: the checkpoint to start from. articles: None = they are not prepared yet, and nothing can be started.
    """
    pressed = None
    found = recipes(preset, parent)
    columns = st.columns(len(found))
    for recipe, column in zip(found, columns, strict=True):
        if not present.screen(f"recipe {recipe.code}"):
            continue
        with present.place(column).container(border=True, height="stretch"):
            st.markdown(f"**{recipe.icon} {recipe.title}**")
            st.markdown(recipe.said)
            if recipe.missing:
                st.caption(recipe.missing)
            if st.button(
                _("Start: {recipe}", recipe=recipe.title),
                icon=":material/play_arrow:",
                key=f"recipe_{recipe.code}",
                type="primary" if recipe.code == "minute" else "secondary",
                disabled=articles is None or bool(recipe.missing),
                width="stretch",
            ):
                pressed = recipe
    if pressed is None or articles is None:
        return None
    with errors.shown():
        common = {"preset": preset, "articles": articles, "name": queue.UNNAMED, "parent": parent}
        return RunSettings(**common | pressed.settings), pressed.stem
    return None


def on_what(preset: str, parent: str | None, articles: str) -> str:
    """What the recipes train, and on which articles, in a sentence."""
    start, base = words.plain(parent or _title(preset)), gpu_base(preset, parent)
    if base == preset:
        return _(
            "These runs start from {start} and read {articles}. Both can be changed below.",
            start=start,
            articles=articles,
        )
    return _(
        "These runs start from {start}, that on a GPU from {base}, and read {articles}. All of it can be changed below.",
        start=start,
        base=words.plain(_title(base)),
        articles=articles,
    )
