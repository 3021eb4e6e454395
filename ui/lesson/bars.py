"""The choices of a question as rows: letter, text and a bar for whoever chose it, or for how likely a model holds it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from engine.classroom import votes
from ui.i18n import _


@dataclass(frozen=True)
class Bar:
    """One bar. said: what stands behind it. share: its length, 0..1. kind: "class", "base" or "run", which is its colour."""

    said: str
    share: float
    kind: str = "class"
    label: str = ""


@dataclass(frozen=True)
class Row:
    """A choice. picture: of a shape, as a data URI, "" without one."""

    text: str
    bars: Sequence[Bar] = ()
    right: bool = False
    picture: str = ""


def written(rows: Sequence[Row], lettered: bool = True) -> str:
    """Writes rows as HTML in which each text is text.

    Args:
        lettered: whether each bears the letter of its card.
    """
    name = "ballot" if lettered else "ballot plain"
    return f'<ol class="{name}">{"".join(_row(row, n if lettered else None) for n, row in enumerate(rows))}</ol>'


def _row(row: Row, number: int | None) -> str:
    letter = "" if number is None else f'<span class="letter">{votes.letter(number)}</span>'
    picture = f'<img class="shape" src="{html.escape(row.picture)}" alt="">' if row.picture else ""
    right = f' <span class="tick" role="img" aria-label="{html.escape(_("right"))}">✓</span>' if row.right else ""
    bars = "".join(_bar(bar) for bar in row.bars)
    kinds = " ".join(["right"] * row.right + ["counted"] * bool(row.bars))
    bars = f'<div class="bars">{bars}</div>' if bars else ""
    text = f"<div>{html.escape(row.text)}{right}</div>"
    return f'<li class="{kinds}">{letter}{picture}<div class="choice">{text}{bars}</div></li>'


def _bar(bar: Bar) -> str:
    label = f'<span class="whose">{html.escape(bar.label)}</span>' if bar.label else ""
    width = 100 * min(1.0, max(0.0, bar.share))
    return (
        f'<div class="bar">{label}<span class="track"><span class="{bar.kind}" style="width:{width:.1f}%"></span></span>'
        f'<span class="said">{html.escape(bar.said)}</span></div>'
    )
