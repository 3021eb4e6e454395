"""What of a text was copied, in words: the text with its copied passages marked, where they stand, and what chance explains."""

import itertools
import re

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from engine.memorisation import copying, search
from engine.memorisation.search import LENGTHS, Copied
from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer
from ui import address, rooms, texts, words
from ui.charts import colours, style
from ui.i18n import _, _n, error_text
from ui.texts import Stretch

_LEVELS = (copying.FEWEST_WORDS, 6, 10)  # words of a passage from which its ground is the next deeper one
_WORD = re.compile(r"\w+")
_AROUND = 16  # tokens of the article shown before and behind a passage
SHOWN_PASSAGES = 5


def stretches(tokenizer: Tokenizer, ids: list[int], copied: Copied) -> list[Stretch]:
    """A text, parted where another passage begins: each with the words of the longest passage that it is part of.

    Whole words are marked: one of which a passage holds a piece is not.
    """
    in_words = np.zeros(len(ids), np.int64)
    for passage in copied.passages:
        own = in_words[passage.first : passage.last]
        np.maximum(own, passage.words(tokenizer), out=own)
    pieces = list(tokenizers.spans(tokenizer, ids))
    text = "".join(pieces)
    of_character = np.repeat(in_words, [len(piece) for piece in pieces])
    for word in _WORD.finditer(text):
        own = of_character[word.start() : word.end()]
        own[:] = own.min()
    cuts = [0, *(np.flatnonzero(np.diff(of_character)) + 1).tolist(), len(text)]
    found: list[Stretch] = []
    for first, last in itertools.pairwise(cuts):
        count = int(of_character[first]) if first < last else 0
        level = sum(count >= n for n in _LEVELS)
        inner = text[first:last]
        body = inner.strip()
        if not level or not body:
            found.append(Stretch(inner))
            continue
        at = inner.index(body)
        fact = _n("{n} word in a row, word for word", "{n} words in a row, word for word", count)
        found += [Stretch(inner[:at]), Stretch(body, level, fact), Stretch(inner[at + len(body) :])]
    return [stretch for stretch in found if stretch.text]


def legend() -> None:
    """Shows what the grounds of copied passages mean."""
    texts.legend([_("{n} words in a row and more", n=_LEVELS[0]), *(_("from {n} on", n=n) for n in _LEVELS[1:])])


def marked(tokenizer: Tokenizer, prompt: str, ids: list[int], copied: Copied, colour: str) -> None:
    """The text behind its prompt, with what was copied marked."""
    found = stretches(tokenizer, ids, copied)
    texts.show(prompt, found, colour)
    if any(stretch.level for stretch in found):
        legend()


def passages(tokenizer: Tokenizer, copied: Copied, articles: dict[str, str], readable: bool = True) -> None:
    """The longest passages as they stand in their articles, each with a link.

    Args:
        articles: content hash of a corpus → what Library › Articles calls it; none = no link.
        readable: whether this session may see the articles.
    """
    if not readable:
        if copied.passages:
            st.caption(_("Where they stand is not shown: the articles are the owner's."))
        return
    in_words = [(passage.words(tokenizer), passage) for passage in copied.passages]
    long_enough = [(count, passage) for count, passage in in_words if count >= _LEVELS[0]]
    for count, passage in long_enough[:SHOWN_PASSAGES]:
        text, link = st.columns([5, 2], vertical_alignment="center")
        said = _n("{n} word", "{n} words", count)
        text.html(f"<small>{said}</small><br>{words.excerpt(*passage.context(tokenizer, _AROUND))}")
        name = articles.get(passage.corpus.content_hash)
        label = _("Article {n}", n=words.grouped(passage.article))
        if name is None:
            link.caption(label)
            continue
        link.page_link(
            rooms.PAGES[rooms.LIBRARY],
            label=label,
            icon=":material/article:",
            query_params=address.query_of(
                rooms.ARTICLES,
                articles=name,
                split="train",
                article=passage.article,
                corpus=address.short(passage.corpus.content_hash),
                token=passage.token,
                length=passage.length,
            ),
        )
    if (more := len(long_enough) - SHOWN_PASSAGES) > 0:
        st.caption(_n("and {n} shorter passage", "and {n} shorter passages", more))


def longest(groups: list[tuple[str, str, list[int]]], chance: list[int]) -> go.Figure:
    """How many words the longest copied passage of each text has: a point a text, beside those of unseen articles.

    Args:
        groups: (title, colour, words of each text). chance: words of each unseen article.
    """
    rows = [*groups, *([(_("articles it never read"), colours.TRUE_TEXT, chance)] if chance else [])]
    figure = go.Figure()
    for row, (title, colour, counts) in enumerate(rows):
        beside = [0.5 * ((7 * n) % 11) / 10 - 0.25 for n in range(len(counts))]  # so that equal ones are told apart
        figure.add_scatter(
            x=counts,
            y=[row + shift for shift in beside],
            mode="markers",
            name=title,
            marker={
                "size": 13,
                "color": colour,
                "symbol": "diamond" if row == len(groups) else "circle",
                "opacity": 0.8,
            },
            hovertemplate=_("%{x} words in a row") + "<extra>%{fullData.name}</extra>",
        )
    if chance:
        figure.add_vline(max(chance) + 0.5, line={"color": colours.TRUE_TEXT, "width": 2, "dash": "dash"})
        figure.add_annotation(
            x=max(chance) + 0.5, xanchor="left", y=1, yref="y domain", yanchor="bottom", showarrow=False,
            text=_("from here on: copied"), font={"color": colours.TRUE_TEXT},
        )  # fmt: skip
    most = max([6, *chance, *(n for _t, _c, counts in groups for n in counts)])
    figure.update_xaxes(range=[-0.5, 1.15 * most + 1], title=_("longest passage found, in words"))
    figure.update_yaxes(
        range=[len(rows) - 0.5, -0.5],
        tickvals=list(range(len(rows))),
        ticktext=[title for title, *_rest in rows],
        automargin=True,
    )
    figure.update_layout(template=style.template(), height=120 + 52 * len(rows), hovermode="closest", showlegend=False)
    return figure


def shares(groups: list[tuple[str, str, list[Copied]]], unseen: list[Copied]) -> go.Figure:
    """The shares of copied n-grams: of texts, and of articles that nobody was trained on; the range as a line.

    Args:
        groups: (title, colour, what was found of each text).
    """
    figure = go.Figure()
    for title, hue, copied in [*groups, (_("unseen articles"), colours.TRUE_TEXT, unseen)]:
        found = [[100 * s for c in copied if (s := c.share(n)) is not None] for n in LENGTHS]
        drawn = [(n, values) for n, values in zip(LENGTHS, found, strict=True) if values]
        if not drawn:
            continue
        means = [sum(values) / len(values) for _length, values in drawn]
        figure.add_bar(
            x=[_("{n} tokens", n=n) for n, _values in drawn],
            y=means,
            name=title,
            marker_color=hue,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [max(values) - mean for (_n, values), mean in zip(drawn, means, strict=True)],
                "arrayminus": [mean - min(values) for (_n, values), mean in zip(drawn, means, strict=True)],
                "thickness": 1.5,
            },
            texttemplate="%{y:.1f} %",
            textposition="inside",
            insidetextanchor="start",
            hovertemplate="%{y:.2f} %",
        )
    figure.update_layout(
        template=style.template(),
        height=320,
        barmode="group",
        xaxis_title=_("passages of so many tokens in a row"),
        yaxis_title=_("stand in the articles read (%)"),
        showlegend=True,
    )
    figure.update_yaxes(rangemode="tozero")
    return figure


def yardstick_in_words(chance: list[int]) -> str:
    """What counts as copied, and how often that is wrong, so that whoever has never heard of a test understands it.

    Args:
        chance: words of the longest passage of each unseen article.
    """
    if not chance:
        return _(copying.NO_YARDSTICK)
    n = len(chance)
    return (
        _n(
            "**What is chance?** Any two articles share a few words in a row. {n} article that this run has never read was looked up in the same way: the longest passage it shares has {most} words. Only what is longer counts as copied.",
            "**What is chance?** Any two articles share a few words in a row. {n} articles that this run has never read were looked up in the same way: the longest passage that one of them shares has {most} words. Only what is longer counts as copied.",
            n,
            most=max(chance),
        )
        + " "
        + _(
            "Of texts that copy nothing this rule accuses at most 1 in {in_all}; tried on the unseen articles themselves, each against the others, it accused {wrong} of {n}.",
            in_all=n + 1,
            wrong=search.counted_alarms(chance),
            n=n,
        )
    )


def verdict(own_words: int, chance: list[int]) -> str:
    """Whether a text copies more than real writing does by chance."""
    return error_text(copying.verdict(own_words, chance))


def certain(unseen: list[Copied]) -> str:
    """What unseen articles share with the training articles, with its intervals; "" of too few."""
    sentences = []
    for n in LENGTHS:
        found = search.shared(unseen, n)
        if found is not None and (interval := found[1]) is not None:
            share, (low, high) = found[0], interval
            values = {"share": words.percent(share), "low": words.percent(low), "high": words.percent(high)}
            sentences.append(_("{n} tokens: {share} (95 % interval {low} to {high})", n=n, **values))
    return (
        _("These shares of their passages stand in the training articles: {told}.", told=words.listed(sentences))
        if sentences
        else ""
    )
