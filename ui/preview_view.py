"""What a source is before it is prepared: its files and first articles, and how it is to be read."""

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.articles import Options, isolation
from engine.articles.isolation import Preview
from engine.articles.options import BLANK_LINES, FILE, LINE, NO_COLUMN, SECTIONS
from engine.articles.unread import PARTS
from engine.core import paths
from engine.corpus import reading
from ui import errors, words
from ui.i18n import _, _n

_PREVIEW_CHARACTERS = 700  # of each article
_BESIDE = 3  # articles in a row
_FORMS = {
    "jsonl": "JSON lines",
    "json": "JSON",
    "csv": "CSV",
    "parquet": "Parquet",
    "jats": "JATS XML",
    "pubmed-xml": "PubMed XML",
    "docx": "Word",
    "pdf": "PDF",
}


@st.cache_data(max_entries=16, ttl="10m", show_spinner=False)  # no longer: uploads are deleted
def preview(path: str, fingerprint: list[Any], options: dict[str, Any]) -> Preview:
    """The first articles of a source and how it is read, looked at once for all sessions."""
    return isolation.preview(paths.locate(path), Options(**options))


def name_of(chosen: str) -> str:
    """What stands for a source in the names of a page's elements, which the browser is told: no folder of the server."""
    return hashlib.sha256(chosen.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def chosen_options(seen: Preview, key: str) -> Options | None:
    """What only a person can say of a source: the columns of a table, what an article is in plain text; None = not yet.

    What would be chosen anyway is no choice, so that a corpus is the same whoever prepares it.
    """
    options = _columns(seen, key) if seen.columns else Options()
    if options is not None and "text" in seen.forms:
        units = {
            FILE: _("a file"),
            BLANK_LINES: _("what stands between blank lines"),
            LINE: _("a line"),
        }
        unit = st.segmented_control(
            _("One article is") if set(seen.forms) == {"text"} else _("In plain text files, one article is"),
            list(units),
            default=seen.text_unit,
            required=True,
            format_func=lambda name: units[name],
            key=f"unit_{name_of(key)}",
        )
        return options if unit == seen.text_unit else replace(options, text_unit=unit)
    return options


def _columns(seen: Preview, key: str) -> Options | None:
    if sum(seen.forms.values()) > 1:
        st.caption(_("The columns of {path}:", path=words.plain(seen.table)))
    if seen.forms.get("csv", 0) + seen.forms.get("parquet", 0) > 1:
        st.caption(_("A choice made here goes for the other tables too: one without a chosen column is not read."))
    st.dataframe(
        {name: [row[i] for row in seen.rows] for i, name in enumerate(seen.columns)}, hide_index=True, height=180
    )
    likely = seen.likely
    one, two, three = st.columns(3)
    text = one.selectbox(
        _("Which column holds the text?"),
        seen.columns,
        index=seen.columns.index(likely.text_column) if likely.text_column in seen.columns else None,
        placeholder=_("choose one"),
        key=f"text_column_{name_of(key)}",
    )
    if text is None:
        if likely.text_column == SECTIONS:
            st.caption(
                _("Each section has a column of its own: they are joined, in their order, to one article a row.")
            )
        else:
            st.caption(_("None of the columns is called as texts usually are: look at the rows and choose one."))
        return Options() if seen.articles else None  # other files can be read without it
    rest = [NO_COLUMN, *(name for name in seen.columns if name != text)]

    def offered(name: str) -> int:
        return rest.index(name) if name in rest else 0

    def shown(name: str) -> str:
        return _("none") if name == NO_COLUMN else name

    abstract = two.selectbox(
        _("Abstract"),
        rest,
        index=offered(likely.abstract_column),
        format_func=shown,
        key=f"abstract_column_{name_of(key)}",
    )
    identifier = three.selectbox(
        _("Identifier"), rest, index=offered(likely.id_column), format_func=shown, key=f"id_column_{name_of(key)}"
    )
    chosen = Options(text, abstract, identifier)
    usual = Options(likely.text_column, likely.abstract_column or NO_COLUMN, likely.id_column or NO_COLUMN)
    return Options() if chosen == usual and seen.table_read else chosen


def describe(seen: Preview) -> None:
    """Says which files a source holds, and what of them is not read."""
    forms = ", ".join(f"{_form(form)} ({words.grouped(n)})" for form, n in seen.forms.items())
    st.caption(
        _(
            "Found: {forms}; splits: {splits}; {size} of text to read.",
            forms=forms,
            splits=", ".join(words.split_name(s) for s in seen.splits),
            size=words.size(seen.size),
        )
    )
    for remark in seen.remarks[:5]:
        st.info(errors.markdown(remark))
    for problem in seen.refused[:5]:
        st.warning(errors.markdown(problem))
    if len(seen.refused) > 5:
        more = len(seen.refused) - 5
        st.caption(_n("{n} more file is not read.", "{n} more files are not read.", more))


def _form(form: str) -> str:
    others = {
        "text": _("text"),
        "marked": _("text with marks between articles (gpt-2-simple)"),
        "pubmed-text": _("abstracts saved from PubMed"),
        "pubmed-nbib": _("records saved from PubMed"),
    }
    return _FORMS.get(form) or others[form]


def first_articles(seen: Preview) -> None:
    """The first articles as they would be read, before anything is prepared."""
    if seen.problem is not None:
        st.warning(errors.markdown(seen.problem))
    if not seen.articles:
        return
    if reading.is_guessed(seen.forms):
        st.info(
            _(
                "What a PDF or Word file shows is not how its text is kept: columns, headings and hyphens are put together as well as can be told. Read the beginnings below before you use it."
            )
        )
    st.caption(_("The first articles as they will be read:"))
    for first in range(0, len(seen.articles), _BESIDE):
        for column, article in zip(st.columns(min(_BESIDE, len(seen.articles))), seen.articles[first:], strict=False):
            text = article["text"]
            names = [article["file"]] if seen.files > 1 else []
            names += [article["id"]] if article["id"] else []
            with column.container(border=True, height=260):
                st.caption(words.plain(" · ".join(names) or "—"))
                st.text(text[:_PREVIEW_CHARACTERS] + ("…" if len(text) > _PREVIEW_CHARACTERS else ""))
    if 1 < seen.files != len(seen.articles):
        shown, files = words.grouped(len(seen.articles)), words.grouped(seen.files)
        st.caption(_("The beginnings of {n} of {files} files are shown.", n=shown, files=files))
    left = Counter[str]()
    for article in seen.articles:
        left.update(dict(article["left_out"]))
    beside(dict(left))


def beside(left: dict[str, int]) -> None:
    """What files hold beside the articles and was not read, counted."""
    if left:
        parts = ", ".join(words.labelled(_(PARTS[part]), words.grouped(n)) for part, n in left.items() if part in PARTS)
        st.caption(_("Beside the text, and not read: {parts}.", parts=parts))
