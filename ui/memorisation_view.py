"""What of a text was copied: the text with its copied passages marked, where they stand, and the yardstick."""

import plotly.graph_objects as go
import streamlit as st

from engine.memorisation import search
from engine.memorisation.search import LENGTHS, Copied, Passage
from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer
from ui import address, rooms, words
from ui.charts import colours, style
from ui.components.tokens import microscope_view
from ui.i18n import _, _n

# Of Okabe and Ito's vermilion, deeper the longer the passage; the ink that is read on each.
_GROUNDS = (
    ("transparent", "inherit"),
    ("rgb(250,220,195)", "#000"),
    ("rgb(240,165,105)", "#000"),
    ("rgb(213,94,0)", "#fff"),
)
_AROUND = 16  # tokens of the article shown before and behind a passage
SHOWN_PASSAGES = 5


def marked(tokenizer: Tokenizer, ids: list[int], copied: Copied, title: str, colour: str, key: str) -> None:
    """The text, each token on the ground of the longest passage that it is part of."""
    covering = copied.covering().tolist()
    levels = [sum(length >= n for n in LENGTHS) for length in covering]
    stops = ", ".join(f"{ground} {25 * at}% {25 * at + 25}%" for at, (ground, _ink) in enumerate(_GROUNDS))
    ticks = [[0.25 * (at + 1), str(n)] for at, n in enumerate(LENGTHS)]
    ticks[-1][1] = _("{n} tokens in a row", n=LENGTHS[-1])
    microscope_view.text(
        list(tokenizers.spans(tokenizer, ids)),
        {
            "title": title,
            "colour": colour,
            "wide": True,
            "legend": {"gradient": f"linear-gradient(to right, {stops})", "ticks": ticks},
            "colours": [list(_GROUNDS[level]) for level in levels],
            "facts": [_fact(length) for length in covering],
        },
        key=key,
    )


def _fact(length: int) -> str:
    if length < LENGTHS[0]:
        return _("not copied")
    return _n("{n} token in a row, word for word", "{n} tokens in a row, word for word", length)


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
    for passage in copied.passages[:SHOWN_PASSAGES]:
        text, link = st.columns([5, 1], vertical_alignment="center")
        text.html(f"<small>{_tokens(passage.length)}</small><br>{words.excerpt(*context(tokenizer, passage))}")
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
    if (more := len(copied.passages) - SHOWN_PASSAGES) > 0:
        st.caption(_n("and {n} shorter passage", "and {n} shorter passages", more))


def _tokens(length: int) -> str:
    return _n("{n} token", "{n} tokens", length)


def context(tokenizer: Tokenizer, passage: Passage) -> tuple[str, str, str]:
    """What stands in the article before a passage, the passage, and what stands behind it."""
    text = passage.corpus.tokens("train", passage.article, passage.article)[1:]  # behind the mark that opens it
    return tokenizers.excerpt(tokenizer, text, passage.token - 1, passage.token - 1 + passage.length, _AROUND)


def yardstick(samples: list[Copied], colour: str, title: str, unseen: list[Copied]) -> go.Figure:
    """The shares of copied n-grams: of the samples, and of articles that nobody was trained on; the range as a line.

    Args:
        samples, unseen: at least one of `samples`; without `unseen` these alone are drawn.
    """
    figure = go.Figure()
    groups = [(samples, title, colour), (unseen, _("unseen articles"), colours.TRUE_TEXT)]
    for found, name, hue in groups:
        shares = [[100 * s for c in found if (s := c.share(n)) is not None] for n in LENGTHS]
        drawn = [(n, values) for n, values in zip(LENGTHS, shares, strict=True) if values]
        if not drawn:
            continue
        means = [sum(values) / len(values) for _length, values in drawn]
        figure.add_bar(
            x=[_("{n} tokens", n=n) for n, _values in drawn],
            y=means,
            name=name,
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
        yaxis_title=_("stand in the training articles (%)"),
        showlegend=True,
    )
    figure.update_yaxes(rangemode="tozero")
    return figure


def verdict(sample: Copied, unseen: list[Copied]) -> str:
    """Whether a sample copies more than real writing does by chance, and how often that is said without reason."""
    values = {
        "n": sample.longest,
        "most": max((other.longest for other in unseen), default=0),
        "others": len(unseen),
        "rate": words.percent(search.false_alarms(unseen)),
    }
    if search.copies_more(sample, unseen):
        return _(
            "Copies a passage of {n} tokens, longer than in any of {others} unseen articles ({most} at most). Of a text that copies no more than they do, this is said in at most {rate} of cases.",
            **values,
        )
    if not sample.longest:
        return _("Nothing of {n} tokens or more stands word for word in the training articles.", n=LENGTHS[0])
    return _(
        "No more than unseen articles share with the training articles by chance: the longest passage has {n} tokens, theirs up to {most}.",
        **values,
    )


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
