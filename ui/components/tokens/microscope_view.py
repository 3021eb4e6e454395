"""The same tokens under two models, coloured, with what each model would have written instead; shown as text alone."""

import math
from pathlib import Path
from typing import Any

import streamlit as st

from ui import present, words
from ui.charts.token_colours import Scale, coloured
from ui.i18n import _

PRESENTED_TOKENS = 32
PROBABILITY, RANK, ENTROPY = "probability", "rank", "entropy"
BETTER, WORSE = "better", "worse"  # classes of microscope_view.css: a straight line below, and a wavy one

_HTML = '<div class="scope"><div class="blocks"></div><div class="panel" aria-live="polite"></div></div>'
_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_component = st.components.v2.component("atelier_microscope", html=_HTML, css=_CSS, js=_JS)


def scale(what: str, vocabulary_size: int) -> Scale:
    """The scale of PROBABILITY (by powers of ten), RANK (likewise) or ENTROPY (bits)."""
    if what == PROBABILITY:
        return Scale(
            -4, 0, ((-4, words.percent(1e-4, 2)), (-3, words.decimal(0.1, 1)), (-2, "1"), (-1, "10"), (0, "100\u00a0%"))
        )
    if what == RANK:
        return Scale(-3, 0, ((-3, words.grouped(1000)), (-2, "100"), (-1, "10"), (0, "1")))
    most = math.log2(vocabulary_size)
    return Scale(-most, 0, ((-most, _("{n} bits: anything", n=words.grouped(most))), (0, _("0: certain"))))


def difference_scale(what: str) -> Scale:
    """The scale of what changed from the first model to the second in PROBABILITY (bits), RANK (powers of ten) or ENTROPY (bits)."""
    ends = {
        PROBABILITY: (6.0, _("64 times less"), _("64 times more")),
        RANK: (2.0, _("100 times further back"), _("100 times further ahead")),
        ENTROPY: (4.0, _("{n} bits less certain", n=4), _("{n} bits more certain", n=4)),
    }
    most, low, high = ends[what]
    return Scale(-most, most, ((-most, low), (0, _("alike")), (most, high)), diverging=True)


def difference_title(what: str, name: str) -> str:
    """What the difference shows; `name` is the second model's."""
    return {
        PROBABILITY: _("What changed in probability: blue where {name} expected the token better", name=name),
        RANK: _("What changed in rank: blue where {name} has the token further ahead", name=name),
        ENTROPY: _("What changed in entropy: blue where {name} is more certain, whatever stands there", name=name),
    }[what]


def values(what: str, scores: dict[str, Any]) -> list[float]:
    """The number of each token that `scale` places: the better the expectation, the higher."""
    if what == PROBABILITY:
        return [math.log10(max(p, 1e-12)) for p in scores["probabilities"]]
    if what == RANK:
        return [-math.log10(rank) for rank in scores["ranks"]]
    return [-entropy for entropy in scores["entropies"]]


def differences(what: str, first: dict[str, Any], second: dict[str, Any]) -> list[float]:
    """The number of each token that `difference_scale` places: above 0 where the second model did better.

    Of PROBABILITY it is log2 of how many times more probable the token is to the second, of RANK log10 of how many times
    further ahead, of ENTROPY how many bits less undecided it is.
    """
    unit = math.log2(10) if what == PROBABILITY else 1.0
    return [unit * (b - a) for a, b in zip(values(what, first), values(what, second), strict=True)]


_CLEAR = 1 / 6  # of what the scale shows at most: of a probability a doubling; what changed less bears no sign


def signs(values_: list[float], shown: Scale) -> list[str]:
    """What each token bears beside its colour, for whoever does not tell blue from red: BETTER, WORSE, or nothing."""
    clear = _CLEAR * shown.high
    return [BETTER if value >= clear else WORSE if value <= -clear else "" for value in values_]


def signs_legend(what: str) -> list[list[str]]:
    """What the signs of `signs` mean, each with its class."""
    better, worse = {
        PROBABILITY: (_("expected better"), _("expected worse")),
        RANK: (_("further ahead"), _("further back")),
        ENTROPY: (_("more certain"), _("less certain")),
    }[what]
    return [[BETTER, better], [WORSE, worse]]


def facts(scores: dict[str, Any]) -> list[str]:
    """One line a token: its probability, its rank, the entropy."""
    return [
        _(
            "{p} %, rank {rank}, entropy {bits} bits",
            p=words.shortest(100 * p, 3),
            rank=words.grouped(rank),
            bits=words.decimal(entropy, 1),
        )
        for p, rank, entropy in zip(scores["probabilities"], scores["ranks"], scores["entropies"], strict=True)
    ]


def passage(scores: dict[str, Any], key: str) -> None:
    """Draws one model's probabilities of a recorded passage.

    Args:
        scores: `pieces`, `probabilities`, `ranks`.
    """
    shared = scale(PROBABILITY, 0)
    facts_ = [
        _("{p} %, rank {rank}", p=words.shortest(100 * p, 3), rank=words.grouped(rank))
        for p, rank in zip(scores["probabilities"], scores["ranks"], strict=True)
    ]
    block = {
        "title": _("Probability of each token"),
        "colour": "transparent",
        "wide": True,
        "legend": shared.legend(),
        "colours": coloured(values(PROBABILITY, scores), shared),
        "facts": facts_,
    }
    text(scores["pieces"], block, key)


def text(pieces: list[str], block: dict[str, Any], key: str) -> None:
    """Draws tokens on coloured grounds alone.

    Args:
        block: `title`, `colour` of the line above it, `legend`, and of each token `colours` (ground, ink) and `facts`.
    """
    _component(data={"pieces": _in_view(pieces), "blocks": [block], "models": [], "hint": ""}, key=key)


def _in_view(pieces: list[str]) -> list[str]:
    """The tokens that are drawn: where it is presented, as many as a screen has room for."""
    return pieces[:PRESENTED_TOKENS] if present.on() else pieces


def show(pieces: list[str], models: list[dict[str, Any]], what: str, vocabulary_size: int, key: str) -> None:
    """Draws the tokens under each model, and where there are two, their difference.

    Args:
        pieces: the texts of the tokens. models: of each `title`, `colour` and what the studio says it `looked`.
        what: PROBABILITY, RANK or ENTROPY.
    """
    shared = scale(what, vocabulary_size)
    blocks = [
        {
            "title": model["title"],
            "colour": model["colour"],
            "legend": shared.legend(),
            "colours": coloured(values(what, model["looked"]), shared),
        }
        for model in models
    ]
    if len(models) == 2:  # what changed stands first
        diverging = difference_scale(what)
        changes = differences(what, models[0]["looked"], models[1]["looked"])
        changed = {
            "title": difference_title(what, models[1]["title"]),
            "colour": "transparent",
            "wide": True,
            "legend": diverging.legend(),
            "colours": coloured(changes, diverging),
            "marks": signs(changes, diverging),
            "signs": signs_legend(what),
        }
        blocks.insert(0, changed)
    details = [
        {
            "title": model["title"],
            "colour": model["colour"],
            "facts": facts(model["looked"]),
            "alternatives": model["looked"]["alternatives"],
        }
        for model in models
    ]
    _component(
        data={
            "pieces": _in_view(pieces),
            "blocks": blocks[:1] if present.on() else blocks,
            "models": details,
            "token": _("The token"),
            "percent": "\u00a0%",
            "decimal": words.decimal(0.1, 1)[1],
            "hint": ""
            if present.on()
            else _("Point at a token, or tap it: the ten that each model held most probable there appear here."),
        },
        key=key,
    )
