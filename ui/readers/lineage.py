"""Which checkpoint came from which, as a tree: base models, runs, and the step that each run started from."""

import json

import streamlit as st

from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.settings import IMPORTED, RANDOM
from ui import words
from ui.charts import colours
from ui.i18n import _
from ui.readers import folders

_FEW = 4


def dot(runs: list[Run]) -> str:
    """The tree in Graphviz's language; names are quoted, so that nothing in them is taken for it."""
    lines = [
        "digraph {",
        'rankdir=LR bgcolor="transparent" nodesep=0.15',
        'node [shape=box style="rounded,filled" fontname="sans-serif" fontsize=11 color="transparent"]',
        'edge [fontname="sans-serif" fontsize=10 color="#7F868D" fontcolor="#7F868D"]',
    ]
    bases: dict[str, None] = {}  # in order
    for run in runs:
        settings = run.settings
        found = checkpoints.of_run(run)
        figures = found[-1].manifest.get("metrics", {}).get("validation", {}) if found else {}
        label = run.name + (f"\n{words.percent(figures['accuracy'])}" if figures else "")
        if "converted" in run.config:
            label += "\n" + _("converted to {format}", format=settings.checkpoint_format)
        elif settings.method == IMPORTED:
            label += "\n" + _("imported")
        first, last = settings.first_article, settings.last_article
        if last:
            label += "\n" + _("articles {first}-{last}", first=words.grouped(first or 1), last=words.grouped(last))
        lines.append(f"{_id('run', run.name)} [label={_quoted(label)} {_filled(colours.of_run(run.name))}]")
        if settings.parent:
            parent, _slash, step = settings.parent.partition("/")
            title = _("step {step}", step=step) if step else _("not there yet")
            lines.append(f"{_id('run', parent)} -> {_id('run', run.name)} [label={_quoted(title)}]")
        else:
            bases[settings.preset] = None
            title = _("random weights") if settings.initial_weights == RANDOM else ""
            label = f" [label={_quoted(title)}]" if title else ""
            lines.append(f"{_id('base', settings.preset)} -> {_id('run', run.name)}{label}")
    for reference in bases:
        title = _quoted(folders.preset_title(reference))
        lines.append(f"{_id('base', reference)} [label={title} {_filled(colours.BASE)}]")
    return "\n".join([*lines, "}"])


def _id(kind: str, name: str) -> str:
    return _quoted(f"{kind} {name}")


def _filled(ground: str) -> str:
    return f'fillcolor="{ground}" fontcolor="{colours.ink(ground)}"'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def tree(runs: list[Run]) -> None:
    """Draws the tree."""
    st.graphviz_chart(dot(runs), width="stretch" if len(runs) > _FEW else "content")  # a few would be huge
