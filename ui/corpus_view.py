"""A prepared corpus on a page: what it holds, what was left out of it, and what it was made of."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.core import paths
from engine.corpus import store as corpus
from engine.corpus.store import Corpus
from ui import errors, importing_view, present, preview_view, server_paths, tables, words
from ui.i18n import _, _n, error_text


def count_columns() -> dict[str, Any]:
    """How a table of articles shows what was counted."""
    titles = {"articles": _("articles"), "words": _("words"), "tokens": _("tokens")}
    return {name: st.column_config.NumberColumn(title) for name, title in titles.items()}


def card(c: Corpus) -> None:
    """What a corpus was made from, and what of its source was not used."""
    totals = corpus.summary(c.card)
    if present.screen("card"):
        one, two, three, four = st.columns(4)
        one.metric(_("Articles"), words.grouped(totals["articles"]), border=True)
        two.metric(_("Words"), words.grouped(totals["words"]), border=True)
        three.metric(
            _("Tokens"),
            words.grouped(totals["tokens"]),
            help=_("In the vocabulary of the base model: words or pieces of words."),
            border=True,
        )
        four.metric(_("Skipped"), words.grouped(c.skipped.count), border=True)
    if present.screen("splits"):
        tables.show(
            pd.DataFrame(
                [
                    {"split": words.split_name(split), **{k: counts[k] for k in ("articles", "words", "tokens")}}
                    for split, counts in c.card["splits"].items()
                ]
            ),
            column_config={
                "split": st.column_config.TextColumn(_("split")),
                **count_columns(),
            },
        )
    if present.on():
        return
    if c.card["validation_set_aside"]:
        st.caption(
            _(
                "The source has no validation part: a tenth of its training articles was set aside for it, drawn at random with seed {seed}; articles that are nearly the same text stay together.",
                seed=c.card["set_aside_seed"],
            )
            if "set_aside_seed" in c.card
            else _("The source has no validation part: the last tenth of its training articles was set aside for it.")
        )
    formulas = c.card.get("formulas", {})
    if formulas.get("text") and not formulas.get("mark"):
        n = formulas["text"]
        st.caption(_n("{n} formula became text.", "{n} formulas became text.", n, n=words.grouped(n)))
    elif formulas.get("mark") and not formulas.get("text"):
        n = formulas["mark"]
        st.caption(
            _n(
                "{n} formula, of which the source holds only a picture, became “[formula]”.",
                "{n} formulas, of which the source holds only a picture, became “[formula]”.",
                n,
                n=words.grouped(n),
            )
        )
    elif any(formulas.values()):
        st.caption(
            _(
                "Formulas: {text} became text, {mark} of which the source holds only a picture became “[formula]”.",
                text=words.grouped(formulas["text"]),
                mark=words.grouped(formulas["mark"]),
            )
        )
    for remark in c.remarks:
        st.info(errors.markdown(remark))
    preview_view.beside(c.left_out)
    d = c.card["duplicates"]
    if d["repeated"] or d["across_splits"] or d["same_id"]:
        st.warning(
            _(
                "{repeated} articles repeat an earlier one of their split word for word, {across} stand in two splits, and {same} share an identifier with another text of another split. They are used as they are; an article that stands in train and test makes the test look better than it is.",
                repeated=words.grouped(d["repeated"]),
                across=words.grouped(d["across_splits"]),
                same=words.grouped(d["same_id"]),
            )
        )
        if d["examples"]:
            with st.expander(_("Which ones")):
                st.text("\n".join(_same(c, *pair) for pair in d["examples"]))
    importing_view.show_notices(c)
    if c.skipped.count:
        with st.expander(
            _n(
                "{count} item of the source was not used",
                "{count} items of the source were not used",
                c.skipped.count,
                count=words.grouped(c.skipped.count),
            )
        ):
            for problem in c.skipped.examples:
                st.text(error_text(problem))
    with st.expander(_("Card: source, vocabulary, files")):
        st.text(
            "\n".join(
                [
                    _("source: {source}", source=server_paths.shown(c.card["source"])),
                    _("folder: {folder}", folder=server_paths.shown(paths.portable(c.folder))),
                    _(
                        "vocabulary: {n} entries, hash {hash}",
                        n=c.card["vocabulary_size"],
                        hash=c.card["tokenizer"][:16],
                    ),
                    *(
                        words.labelled(name, f"{words.size(f['bytes'])}, SHA-256 {f['sha256'][:16]}…")
                        for name, f in c.card["files"].items()
                    ),
                ]
            )
        )
        if st.button(_("Verify the files"), icon=":material/verified:"):
            with errors.shown():
                c.verify()
                st.success(_("Every file is what was written."))


def _same(c: Corpus, earlier: list[Any], later: list[Any]) -> str:
    """Two places, (split, number) each, that hold the same text, in words."""
    first, second = (
        _("{split} {n} ({id})", split=words.split_name(split), n=words.grouped(number), id=c.identifier(split, number))
        for split, number in (earlier, later)
    )
    return _("{second} is {first} again", first=first, second=second)
