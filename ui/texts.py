"""Texts that models write, the same on every page: the prompt bold on a tint, the model's words behind a rule in its colour."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui.i18n import _

NOTHING_YET = "…"
# Of Okabe and Ito's vermilion, deeper the longer the passage; the ink that is read on each, and a line that tells them apart
# without colour.
GROUNDS = (
    ("transparent", "inherit", "none"),
    ("rgb(250,220,195)", "#000", "1px dotted #000"),
    ("rgb(240,165,105)", "#000", "1px solid #000"),
    ("rgb(213,94,0)", "#fff", "3px double #fff"),
)


@dataclass(frozen=True)
class Stretch:
    """A part of a text.

    Attributes:
        level: on which of GROUNDS it stands; 0 = on none. fact: what is said of it where somebody points at it.
    """

    text: str
    level: int = 0
    fact: str = ""


def written(prompt: str, own: str | Sequence[Stretch], colour: str) -> str:
    """What a model wrote behind a prompt, as HTML that shows it as it is: nothing in it is run or formatted.

    Args:
        own: the model's words, or these in stretches, some of them marked. colour: the model's.
    """
    stretches = [Stretch(own)] if isinstance(own, str) else own
    opening = f'<b title="{html.escape(_("the prompt"))}">{html.escape(prompt)}</b>' if prompt else ""
    return f'<div class="written" style="--author:{colour}">{opening}{"".join(map(_marked, stretches))}</div>'


def _marked(stretch: Stretch) -> str:
    text = html.escape(stretch.text)
    if not stretch.level:
        return text
    ground, ink, line = GROUNDS[stretch.level]
    style = f"background:{ground};color:{ink};border-bottom:{line}"
    return f'<mark style="{style}" title="{html.escape(stretch.fact)}">{text}</mark>'


def show(prompt: str, own: str | Sequence[Stretch], colour: str) -> None:
    """Shows what a model wrote behind a prompt, as `written` has it."""
    st.html(written(prompt, own, colour))


def legend(levels: Sequence[str]) -> None:
    """Shows what the grounds mean.

    Args:
        levels: of each ground but the first, in words.
    """
    shown = " ".join(
        f'<mark style="background:{ground};color:{ink};border-bottom:{line};border-radius:2px;padding:0 .4em">{html.escape(said)}</mark>'
        for (ground, ink, line), said in zip(GROUNDS[1:], levels, strict=True)
    )
    st.html(f"<small>{shown}</small>")
