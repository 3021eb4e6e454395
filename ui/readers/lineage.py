"""Which checkpoint came from which, as a tree: base models, runs, and the step that each run started from."""

import json

import streamlit as st

from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.settings import IMPORTED, RANDOM
from ui import words
from ui.charts import colours
from ui.i18n import _, _n
from ui.readers import folders

_MOST_INCHES = "11,6"  # across and down, of 72 points: a larger tree is drawn smaller
_MOST_ALONE = 12  # runs without a parent and without a child


def dot(runs: list[Run]) -> str:
    """The tree in Graphviz's language; names are quoted, so that nothing in them is taken for it."""
    lines = [
        "digraph {",
        f'rankdir=LR bgcolor="transparent" nodesep=0.15 size="{_MOST_INCHES}"',
        'node [shape=box style="rounded,filled" fontname="sans-serif" fontsize=11 color="transparent"]',
        'edge [fontname="sans-serif" fontsize=10 color="#7F868D" fontcolor="#7F868D"]',
    ]
    bases: dict[str, None] = {}  # in order
    hues = colours.of_runs()
    for run in runs:
        settings = run.settings
        result = checkpoints.result_of(run, unread=False) or next(reversed(checkpoints.of_run(run)), None)
        figures = result.manifest.get("metrics", {}).get("validation", {}) if result else {}
        label = run.name + (f"\n{words.percent(figures['accuracy'])}" if figures else "")
        if "converted" in run.config:
            label += "\n" + _("converted to {format}", format=settings.checkpoint_format)
        elif settings.method == IMPORTED:
            label += "\n" + _("imported")
        first, last = settings.first_article, settings.last_article
        if last:
            label += "\n" + _("articles {first}-{last}", first=words.grouped(first or 1), last=words.grouped(last))
        lines.append(
            f"{_id('run', run.name)} [label={_quoted(label)} {_filled(hues.get(run.name, (colours.BASE, 0))[0])}]"
        )
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


def families(runs: list[Run]) -> list[Run]:
    """The runs that started from another, or from which another started, and the newest of those that stand alone."""
    parents = {run.settings.parent.partition("/")[0] for run in runs if run.settings.parent}
    alone = [run.name for run in runs if not run.settings.parent and run.name not in parents]
    left_out = set(alone[max(0, _MOST_ALONE - (len(runs) - len(alone))) :])
    return [run for run in runs if run.name not in left_out]


def tree(runs: list[Run]) -> None:
    """Draws the tree; of hundreds of runs that nothing came from, only some."""
    shown = families(runs)
    # As large as its text is: stretched over the page, a chain would be read from across the room.
    st.graphviz_chart(dot(shown), width="content")
    if left := len(runs) - len(shown):
        st.caption(
            _n(
                "{n} older run that nothing came from is not drawn.",
                "{n} older runs that nothing came from are not drawn.",
                left,
            )
        )
