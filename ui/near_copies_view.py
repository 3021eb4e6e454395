"""Near-copies on pages: which articles are nearly the same text, with their likeness, and what they mean for figures."""

import streamlit as st

from engine.corpus import near_copies
from engine.corpus.store import Corpus
from ui import address, rooms, words
from ui.i18n import _, _n

SHOWN = 20  # pairs


def said(count: int | None, split: str, left_out: bool) -> str:
    """What articles of a split that are nearly training articles do to its figures; "" where there are none."""
    if not count:
        return ""
    values = {"split": words.split_name(split)}
    if left_out:
        return _n(
            "{n} {split} article that is nearly the same text as a training article is left out of the figures.",
            "{n} {split} articles that are nearly the same text as a training article are left out of the figures.",
            count,
            **values,
        )
    return _n(
        "{n} {split} article is nearly the same text as a training article: the figures look better than they are. Library › Articles shows the pair.",
        "{n} {split} articles are nearly the same text as a training article: the figures look better than they are. Library › Articles shows the pairs.",
        count,
        **values,
    )


def show(c: Corpus, articles: str) -> bool:
    """The near-copies of a corpus, those between two splits first; False where they were not looked for.

    Args:
        articles: what Library › Articles calls the corpus.
    """
    found = c.near_copies()
    if found is None:
        return False
    if not len(found):
        st.caption(
            _(
                "No two articles were found to be nearly the same text, that is to share {percent} of their passages of five words, or more. What is less alike is not told.",
                percent=words.percent(near_copies.LEAST, 0),
            )
        )
        return True
    across = c.card["near_copies"]["across_splits"]
    sentences = [
        _n("{n} pair of articles is nearly the same text", "{n} pairs of articles are nearly the same text", len(found))
    ]
    if across:
        sentences.append(_n("{n} of them in two splits", "{n} of them in two splits", across))
    warning = _(
        "A test article that is nearly a training article makes the test look better than it is: figures can leave it out."
    )
    (st.warning if across else st.info)(f"{', '.join(sentences)}. {warning if across else ''}".strip())
    pairs = [(c.place(int(p["first"])), c.place(int(p["second"])), float(p["likeness"])) for p in found]
    pairs.sort(key=lambda pair: (pair[0][0] == pair[1][0], -pair[2]))
    with st.expander(_("Which ones, and how alike")):
        for first, second, likeness in pairs[:SHOWN]:
            alike, one, other = st.columns([1, 3, 3], vertical_alignment="center")
            alike.markdown(f"**{words.percent(likeness)}**")
            for column, (split, number) in ((one, first), (other, second)):
                column.page_link(
                    rooms.PAGES[rooms.LIBRARY],
                    label=_(
                        "{split} {n} ({id})",
                        split=words.split_name(split),
                        n=words.grouped(number),
                        id=words.plain(c.identifier(split, number)),
                    ),
                    icon=":material/article:",
                    query_params=address.query_of(
                        rooms.ARTICLES,
                        articles=articles,
                        split=split,
                        article=number,
                        corpus=address.short(c.content_hash),
                    ),
                )
        if len(pairs) > SHOWN:
            st.caption(_n("and {n} more pair", "and {n} more pairs", len(pairs) - SHOWN))
        st.caption(
            _(
                "Likeness: of all passages of five words that either article holds, the share that both hold (capitals, punctuation and ways of typing quotes, hyphens and accents do not count; in Chinese, Japanese or Thai each character is a word). Found by MinHash from {percent} on, where one pair of eight is missed; from {sure} on hardly any is. What is less alike is not told.",
                percent=words.percent(near_copies.LEAST, 0),
                sure=words.percent(near_copies.SURE, 0),
            )
        )
    return True
