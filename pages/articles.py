"""What the models learn from: figures of a source, and a reader."""

from ui import frame

frame.within()

from itertools import islice

import pandas as pd
import streamlit as st

from engine import paths, presets, tokenizers
from engine.articles import Article, Source
from engine.errors import EngineError
from ui import article_charts, errors, sources, statistics, token_view, words
from ui.i18n import _, error_text

SHOWN_TOKENS = 1500  # of one article, coloured
TUTORIAL_TOKENS = 128  # what the usual tutorial takes of each article


def article_at(source: Source, split: str, number: int) -> Article | None:
    """The article of that number, counted from 1; the file is read up to it."""
    return next(islice(source.read(split), number - 1, None), None)


st.title(_("Articles"))
st.markdown(_("What the model learns from: how much text there is, how it is built, and how the model sees it."))

path = sources.choose_articles(key="articles")
with errors.shown():
    source = Source(paths.locate(path))
    tokenizer = presets.tokenizer(presets.find(paths.MINI_PRESET))
    if paths.locate(path) == paths.SAMPLE_ARTICLES:
        st.info(
            _(
                "These articles ship with Atelier. They were written for it: studies and figures in them are invented for teaching."
            )
        )
    per_split = {
        split: statistics.figures(str(source.path), split, source.fingerprint(), tokenizer, tokenizer.hash)
        for split in source.splits
    }
    splits = {"train": _("train"), "validation": _("validation"), "test": _("test")}
    st.dataframe(
        pd.DataFrame(
            {
                _("split"): [splits[split] for split in per_split],
                _("articles"): [len(f.ids) for f in per_split.values()],
                _("words"): [sum(f.words) for f in per_split.values()],
                _("tokens (mini vocabulary)"): [sum(f.tokens) for f in per_split.values()],
                _("skipped lines"): [f.skipped for f in per_split.values()],
            }
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="localized")
            for name in (_("articles"), _("words"), _("tokens (mini vocabulary)"), _("skipped lines"))
        },
    )
    for split, f in per_split.items():
        if f.skipped:
            with st.expander(_("{n} lines of {split} were not used", n=words.grouped(f.skipped), split=splits[split])):
                for template, values in f.examples:
                    st.text(error_text(EngineError(template, **values)))
    split = st.segmented_control(
        _("Split"),
        list(per_split),
        default="train",
        required=True,
        format_func=lambda name: splits[name],
        key="articles_split",
    )
    f = per_split[split]
    if not f.ids:
        st.warning(_("There is no article in this split."))
        st.stop()
    covered = sum(min(TUTORIAL_TOKENS, n) for n in f.tokens) / sum(f.tokens)
    left, right = st.columns(2)
    left.metric(
        _("Covered by the first {n} tokens of each article", n=TUTORIAL_TOKENS),
        words.percent(covered),
        help=_("The usual tutorial cuts every article off there: the rest is never seen."),
        border=True,
    )
    right.metric(
        _("Covered by Atelier's packed windows"),
        words.percent(1.0),
        help=_("Articles follow one another in windows without a gap: every token is learned from once an epoch."),
        border=True,
    )
    left, right = st.columns(2)
    left.plotly_chart(article_charts.lengths(f.words), theme="streamlit", key="lengths")
    right.plotly_chart(article_charts.sections(f.sections), theme="streamlit", key="sections")

    st.subheader(_("Read an article"))
    left, right = st.columns([1, 3])
    number = left.number_input(_("Number"), 1, len(f.ids), 1, key=f"number_{split}")
    by_id = right.selectbox(_("or by id"), f.ids, index=None, placeholder=_("choose an id"), key=f"id_{split}")
    chosen = f.ids.index(by_id) + 1 if by_id else number
    article = article_at(source, split, chosen)
    if article is None:
        st.warning(_("The file has changed: reload the page."))
        st.stop()
    st.caption(
        _(
            "Article {number}, {id}: {words} words, {tokens} tokens",
            number=words.grouped(chosen),
            id=words.plain(article.id),
            words=words.grouped(article.words),
            tokens=words.grouped(f.tokens[chosen - 1]),
        )
    )
    text_tab, token_tab = st.tabs([_("Text"), _("As the model sees it")])
    with text_tab:
        for section in article.all_sections():
            if section.name:
                st.markdown(f"##### {words.plain(section.name)}")
            # The abstract comes a sentence an item: it reads as one paragraph.
            paragraphs = [" ".join(section.paragraphs)] if section.name == "Abstract" else section.paragraphs
            for paragraph in paragraphs:
                st.markdown(words.plain(paragraph))
    with token_tab:
        st.caption(
            _(
                "Each field is one token, the model's unit of text: a word or a piece of one. Rare words fall into pieces."
            )
        )
        ids = tokenizer.encode(article.text())[:SHOWN_TOKENS]
        token_view.tokens(list(tokenizers.spans(tokenizer, ids)), ids, key="article_tokens")
        if f.tokens[chosen - 1] > SHOWN_TOKENS:
            st.caption(_("The first {n} tokens are shown.", n=words.grouped(SHOWN_TOKENS)))
