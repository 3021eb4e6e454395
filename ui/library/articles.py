"""What the models learn from: sources, prepared corpora, their figures, and a reader."""

import textwrap
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.core import paths
from engine.corpus import lookup
from engine.corpus import store as corpus
from engine.corpus.store import Corpus, StoredSection
from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer
from engine.runs import plans
from ui import (
    address,
    corpus_view,
    errors,
    importing_view,
    near_copies_view,
    present,
    server_paths,
    sources,
    tables,
    words,
)
from ui.charts import article_figures
from ui.components.figure import live
from ui.components.tokens import token_view
from ui.i18n import _, _n
from ui.readers import folders, statistics

SHOWN_TOKENS = 1500  # of one article at a time, coloured
TOKENS_BEFORE = 200  # shown before a passage that a link leads to
TUTORIAL_TOKENS = 128  # what the usual tutorial takes of each article
SHOWN_SECTIONS, SHOWN_WORDS = 10, 12
PRESENTED_ROWS, PRESENTED_CHARACTERS = 6, 280  # what is read from afar


@dataclass(frozen=True)
class Place:
    """A passage, or an article, that a link leads to.

    Attributes:
        corpus: how the content hash of the articles begins. article, token: from 1. length: 0 where the whole article is meant.
    """

    corpus: str
    split: str
    article: int
    token: int
    length: int


def all_prepared() -> None:
    """Every prepared corpus that this session may see, whatever its vocabulary, a row each."""
    found = sources.prepared()
    one_of_each = sources.distinct(found)
    known = [found[path] for path in one_of_each]
    if not known:
        return
    with st.expander(_n("{n} prepared corpus on this machine", "{n} prepared corpora on this machine", len(known))):
        totals = [corpus.summary(c.card) for c in known]
        tables.show(
            pd.DataFrame(
                {
                    "source": [
                        ", ".join(
                            dict.fromkeys(server_paths.shown(s) for path in same for s in lookup.sources(found[path]))
                        )
                        for same in one_of_each.values()
                    ],
                    "articles": [t["articles"] for t in totals],
                    "words": [t["words"] for t in totals],
                    "tokens": [t["tokens"] for t in totals],
                    "skipped": [c.skipped.count for c in known],
                    "vocabulary": [c.card["vocabulary_size"] for c in known],
                    "size": [words.size(sum(f["bytes"] for f in c.card["files"].values())) for c in known],
                }
            ),
            column_config={
                "source": st.column_config.TextColumn(_("source")),
                **corpus_view.count_columns(),
                "skipped": st.column_config.NumberColumn(_("skipped")),
                "vocabulary": st.column_config.NumberColumn(_("vocabulary")),
                "size": st.column_config.TextColumn(_("size")),
            },
        )


def figures(c: Corpus, split: str, tokenizer: Tokenizer) -> None:
    """Lengths, coverage, sections, words."""
    tokens = c.token_counts(split)
    curve = statistics.curve(c.content_hash, split, c)
    of = c.content_hash, split
    with present.aside("coverage"):
        st.header(_("How much of the text a setting sees"))
        left, right = st.columns([1, 2])
        taken = left.number_input(
            _("Tokens taken of each article"),
            1,
            10_000_000,
            TUTORIAL_TOKENS,
            32,
            help=_("The usual tutorial takes the first 128 of each article: the rest is never seen."),
        )
        share = statistics.coverage(tokens, taken)
        left.metric(
            _("Covered by the first {n} tokens of each article", n=words.grouped(taken)),
            words.percent(share),
            border=True,
        )
        left.metric(
            _("Covered by Atelier's packed windows"),
            words.percent(1.0),
            help=_("Articles follow one another in windows without a gap: every token is learned from once an epoch."),
            border=True,
        )
    if present.screen("coverage"):
        drawn = live.cached(lambda: article_figures.coverage(*curve, taken, share), "coverage", *of, taken)
        with present.place(right):
            live.chart(drawn, key="coverage")
    if not present.on():
        st.header(_("Lengths, sections, words"))
    left, right = st.columns(2)
    if present.screen("words"):
        drawn = live.cached(lambda: article_figures.lengths(c.words(split), _("words in an article")), "words", *of)
        with present.place(left):
            live.chart(drawn, key="words")
    if present.screen("tokens"):
        drawn = live.cached(lambda: article_figures.lengths(tokens, _("tokens in an article")), "tokens", *of)
        with present.place(right):
            live.chart(drawn, key="tokens")
    left, right = st.columns(2)
    if present.screen("sections"):
        with present.place(left):
            names = [
                tuple(item) for item in c.card["section_names"][: PRESENTED_ROWS if present.on() else SHOWN_SECTIONS]
            ]
            total = corpus.summary(c.card)["articles"]
            drawn = live.cached(lambda: article_figures.sections(names, total), "sections", *of)
            live.chart(drawn, key="sections")
    if present.screen("keywords"):
        with present.place(right):
            _keywords(c, split, tokenizer)


def _keywords(c: Corpus, split: str, tokenizer: Tokenizer) -> None:
    """The words that these articles use most above English prose."""
    found, articles = statistics.over_represented(c.content_hash, split, c, tokenizer)
    if not found:
        st.caption(_("Too few words to compare with English prose."))
        return
    most = PRESENTED_ROWS if present.on() else SHOWN_WORDS
    drawn = live.cached(lambda: article_figures.keywords(found[:most]), "keywords", c.content_hash, split)
    live.chart(drawn, key="keywords")
    if not present.on():
        st.caption(
            _(
                "The words that these articles use most above English prose (× = times as often), from {n} articles spread over the split, against 44 public-domain books. Log-odds with a Dirichlet prior, Monroe et al. 2008.",
                n=words.grouped(articles),
            )
        )


def stages(c: Corpus) -> None:
    """A plan's stages as ranges over this corpus."""
    st.header(_("Stages over these articles"))
    shipped = {path.stem: path for path in plans.shipped()}
    with present.aside("plan"):
        chosen = st.selectbox(_("Plan"), list(shipped), format_func=lambda name: f"plans/{name}.toml")
    plan = plans.load(shipped[chosen])
    articles = c.articles("train")
    if articles < plan.articles and not present.on():
        st.caption(
            _(
                "The plan is written for {wanted} training articles; here its ranges shrink in proportion to {n}.",
                wanted=words.grouped(plan.articles),
                n=words.grouped(articles),
            )
        )
    scaled = plan.scaled(articles)
    drawn = live.cached(lambda: article_figures.stages(scaled), "stages", chosen, repr(scaled))
    live.chart(drawn, key="stages")


def _choose_article(c: Corpus, split: str) -> int | None:
    """An article by number or identifier; None where no article has that."""
    left, right = st.columns([1, 3])
    if not 1 <= st.session_state.get(f"number_{split}", 0) <= c.articles(split):  # of an address, or of other articles
        st.session_state[f"number_{split}"] = 1
    number = left.number_input(_("Number"), 1, c.articles(split), key=f"number_{split}")
    by_id = right.text_input(_("or by identifier"), key=f"id_{split}", placeholder=c.identifier(split, 1))
    if not by_id:
        return number
    found = c.number_of(split, by_id)
    if found is None:
        st.warning(_("No article of this split has the identifier {id}.", id=words.plain(by_id)))
    return found


def _present_article(sections: list[StoredSection]) -> None:
    """The title of an article and how it begins: as much as is read from afar."""
    for section in sections:
        if section.kind == "title":
            st.markdown(f"**{words.plain(section.name)}**")
    first = next((" ".join(section.paragraphs) for section in sections if section.paragraphs), "")
    st.text(textwrap.shorten(first, PRESENTED_CHARACTERS, placeholder=" …"))


def read(c: Corpus, split: str, tokenizer: Tokenizer, place: Place | None) -> int | None:
    """One article by number or identifier: its sections, and its tokens as the model sees them; its number, where it is there.

    Args:
        place: the passage that a link leads to, in these articles.
    """
    with present.aside("article"):
        st.header(_("Read an article"))
        number = _choose_article(c, split)
    if number is None or not present.screen("article"):
        return number
    sections = c.sections(split, number, tokenizer)
    ids = c.tokens(split, number, number)[1:]
    st.caption(
        _(
            "Article {number}, {id}: {words} words, {tokens} tokens",
            number=words.grouped(number),
            id=words.plain(c.identifier(split, number)),
            words=words.grouped(int(c.words(split)[number - 1])),
            tokens=words.grouped(len(ids)),
        )
    )
    if present.on():
        _present_article(sections)
        return number
    here = place if place and place.article == number and place.length else None
    titles = [_("Text"), _("As the model sees it")]
    text_tab, token_tab = st.tabs(titles, default=titles[1] if here else None)
    with text_tab:
        for section in sections:
            if section.kind == "title":
                st.markdown(f"### {words.plain(section.name)}")
            elif section.name:
                st.markdown(f"#### {words.plain(section.name)}")
            # The abstract comes a sentence an item: it reads as one paragraph.
            paragraphs = [" ".join(section.paragraphs)] if section.kind == "abstract" else section.paragraphs
            for paragraph in paragraphs:
                st.text(paragraph)
    with token_tab:
        st.caption(
            _(
                "Each field is one token, the model's unit of text: a word or a piece of one. Rare words fall into pieces."
            )
        )
        # A key an article and a place, and so a widget: each begins where it should.
        tokens_of(ids, tokenizer, here, key=f"first_{c.content_hash[:8]}_{split}_{number}_{here and here.token}")
    return number


def tokens_of(ids: np.ndarray, tokenizer: Tokenizer, place: Place | None, key: str) -> None:
    """The tokens of an article, a part at a time where it is long; the passage that a link names stands out."""
    first = 1
    if len(ids) > SHOWN_TOKENS:
        begin = max(1, min(place.token, len(ids)) - TOKENS_BEFORE) if place else 1
        first = st.number_input(_("From token"), 1, len(ids), begin, SHOWN_TOKENS, key=key, help=_("Counted from 1."))
    shown = ids[first - 1 : first - 1 + SHOWN_TOKENS].tolist()
    marked = (place.token - first, place.token - first + place.length) if place else (0, 0)
    pieces = token_view.pieces(tokenizer.hash, tuple(shown), tokenizer)
    token_view.tokens(pieces, shown, key="article_tokens", marked=marked)
    if len(shown) < len(ids):
        st.caption(
            _(
                "Tokens {first} to {last} of {n}.",
                first=words.grouped(first),
                last=words.grouped(first + len(shown) - 1),
                n=words.grouped(len(ids)),
            )
        )
    if place:
        st.caption(_n("Marked: {n} token from token {first} on.", "Marked: {n} tokens from token {first} on.", place.length, first=words.grouped(place.token)))  # fmt: skip


def follow_address() -> None:
    """Puts the article that the address names into the widgets, and notes the passage in it."""
    if not address.arrived():
        return
    state = st.session_state
    link = address.given("articles_path_shown", "articles_split", "articles_number")
    source = state.get("articles_path_shown") or paths.portable(paths.SAMPLE_ARTICLES)
    split, number = state.get("articles_split") or "train", state.get("articles_number") or 1
    state.pop("articles_place", None)
    known = sources.prepared()
    # Names are compared: no path of an address is looked for.
    if source in known:
        if split not in known[source].splits or number > known[source].articles(split):
            address.refuse("article")
            return
        state["articles_source"], state["articles_prepared"] = "prepared", sources.listed(source)
    elif source == paths.portable(paths.SAMPLE_ARTICLES):
        if link:
            state["articles_source"] = "sample"
    else:
        address.refuse("articles")
        return
    state[f"number_{split}"] = number
    if state.get("articles_corpus"):
        token, length = state.get("articles_token") or 0, state.get("articles_length") or 0
        state["articles_place"] = Place(state["articles_corpus"], split, number, token, length if token else 0)


def note_address(chosen: str, number: int | None, place: Place | None) -> None:
    """Notes for the address which article is read, and the passage in it that a link led to."""
    sample = paths.locate(chosen) == paths.SAMPLE_ARTICLES
    here = place if place and place.article == number else None
    st.session_state.update(
        articles_path_shown=None if sample or chosen not in sources.prepared() else chosen,
        articles_number=number,
        articles_corpus=here and here.corpus,
        articles_token=(here and here.token) or None,
        articles_length=(here and here.length) or None,
    )


def show() -> None:
    """Shows the articles that are chosen: their card, their figures, and one of them to read."""
    follow_address()
    if not present.on():
        st.markdown(
            _("What the model learns from: how much text there is, how it is built, and how the model sees it.")
        )

    choices = folders.preset_choices()
    preset = paths.portable(paths.MINI_PRESET)
    with present.aside("vocabulary"):
        if len(choices) > 1:
            preset = (
                st.selectbox(_("Vocabulary of"), choices, format_func=lambda reference: reference.rsplit("/", 1)[-1])
                or preset
            )
    with errors.shown():
        tokenizer = catalogue.tokenizer(catalogue.find(preset))
        with present.aside("source"):
            chosen = sources.choose_articles("articles", tokenizer.hash, with_hub=True)
        if not present.on() and paths.locate(chosen) == paths.SAMPLE_ARTICLES:
            st.info(
                _(
                    "These articles ship with Atelier. They were written for it: studies and figures in them are invented for teaching."
                )
            )
        prepared = importing_view.corpus_of(chosen, preset, tokenizer)
        corpus_view.card(prepared)
        sample = paths.locate(chosen) == paths.SAMPLE_ARTICLES
        if not present.on():
            articles = paths.portable(paths.SAMPLE_ARTICLES if sample else prepared.folder)
            if not near_copies_view.show(prepared, articles):
                importing_view.near_copies(prepared, preset)
            all_prepared()
        if (
            st.session_state.get("articles_split", "train") not in prepared.splits
        ):  # of an address, or of other articles
            del st.session_state["articles_split"]
        address.default("articles_split", prepared.splits[0])
        with present.aside("split"):
            split = st.segmented_control(
                _("Split"), prepared.splits, required=True, format_func=words.split_name, key="articles_split"
            )
        assert split is not None  # it is required
        place = st.session_state.get("articles_place")
        if place and (place.split, place.corpus) != (split, address.short(prepared.content_hash)):
            place = None
        if place:
            number = read(prepared, split, tokenizer, place)  # first: it is what the address leads to
        figures(prepared, split, tokenizer)
        if present.screen("stages"):
            stages(prepared)
        if not place:
            number = read(prepared, split, tokenizer, None)
        note_address(chosen, number, place)
