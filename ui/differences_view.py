"""Where two models differ most, as lists: what stands there, by how many bits, and a link where it is in an article."""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.corpus.store import Corpus
from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer
from ui import address, rooms, words
from ui.i18n import _

GAINED_TOKENS, LOST_TOKENS = "gained_tokens", "lost_tokens"
GAINED_SENTENCES, LOST_SENTENCES = "gained_sentences", "lost_sentences"
_SHOWN = 10
_AROUND = 24  # tokens shown before and behind one
_LEAD = 60  # tokens before a place at which its link opens the article


@dataclass(frozen=True)
class Shown:
    """A place as it is shown: `own`, and of a token what stands `before` and `after` it.

    Attributes:
        bits: how much it gained, or lost.
        article, first: where it is in the test articles, both from 1; article 0 = in no article.
    """

    bits: float
    before: str
    own: str
    after: str
    article: int = 0
    first: int = 0


def of_articles(found: dict[str, list[dict[str, Any]]], corpus: Corpus, tokenizer: Tokenizer) -> dict[str, list[Shown]]:
    """The places that the studio found in the test articles, those that changed at all."""

    def shown(place: dict[str, Any], around: int) -> Shown:
        text = corpus.tokens("test", place["article"], place["article"])[1:]  # behind the mark that opens it
        said = tokenizers.excerpt(tokenizer, text, place["first"] - 1, place["last"] - 1, around)
        return Shown(place["bits"], *said, article=place["article"], first=place["first"])

    return {
        name: [shown(p, _AROUND if name.endswith("tokens") else 0) for p in found[name][:_SHOWN] if p["bits"] > 0]
        for name in (GAINED_SENTENCES, LOST_SENTENCES, GAINED_TOKENS, LOST_TOKENS)
    }


def of_text(pieces: list[str], bits: list[float]) -> dict[str, list[Shown]]:
    """The tokens of one text that gained and lost most.

    Args:
        pieces: joined they are the text; a character that is split over tokens stands with the last of them.
        bits: how much better the second model expected each token.
    """

    def shown(at: int) -> Shown:
        end = at + 1
        while end < len(pieces) and not pieces[end - 1]:
            end += 1
        before, after = pieces[max(0, at - _AROUND) : at], pieces[end : end + _AROUND]
        return Shown(abs(bits[at]), "".join(before), "".join(pieces[at:end]), "".join(after))

    def most(tokens: Iterable[int]) -> list[Shown]:
        return [shown(at) for at in sorted(tokens, key=lambda at: -abs(bits[at]))[:_SHOWN]]

    return {
        GAINED_TOKENS: most(at for at, gained in enumerate(bits) if gained > 0),
        LOST_TOKENS: most(at for at, gained in enumerate(bits) if gained < 0),
    }


def show(groups: dict[str, list[Shown]], articles: str = "") -> None:
    """A tab a group.

    Args:
        articles: what the places are in, for their links.
    """
    titles = {
        GAINED_SENTENCES: _("Sentences that gained most"),
        LOST_SENTENCES: _("Sentences that lost most"),
        GAINED_TOKENS: _("Tokens that gained most"),
        LOST_TOKENS: _("Tokens that lost most"),
    }
    for tab, (name, differences) in zip(st.tabs([titles[name] for name in groups]), groups.items(), strict=True):
        with tab:
            if not differences:
                st.caption(_("There is none."))
            sign = "+" if name.startswith("gained") else "−"
            for place in differences:
                _line(place, sign, articles)


def _line(place: Shown, sign: str, articles: str) -> None:
    text, link = st.columns([5, 1], vertical_alignment="center") if place.article else (st, None)
    said = (
        words.excerpt(place.before, place.own, place.after)
        if place.before or place.after
        else html.escape(place.own.strip()).replace("\n", " ")
    )
    text.html(f"<code>{sign}{words.decimal(place.bits, 1)} bits</code>\u2002{said}")
    if link is not None:
        link.page_link(
            rooms.PAGES[rooms.EXPLORE],
            label=_("Article {n}", n=place.article),
            icon=":material/search:",
            query_params=address.query_of(
                rooms.WORDS, articles=articles, article=place.article, token=max(1, place.first - _LEAD)
            ),
        )
