"""The address in the browser, changed without a new entry in its history; the language, kept by the browser."""

from collections.abc import Collection, Mapping
from pathlib import Path

import streamlit as st

_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_component = None


def write(
    language: str,
    page: str = "",
    query: Mapping[str, str] | None = None,
    names: Collection[str] = (),
    pages: Collection[str] = (),
    to: str = "",
    key: str = "history",
) -> None:
    """Writes the query of the address that stands in the browser, as long as it is that of `page`.

    Args:
        query: None = the address stays as it is. names: parameters that are taken out where `query` has them not.
        pages: all that have an address of their own; any other is that of the page "".
        to: the page to go to instead, which is then run. key: of the part of the page that writes it.
    """
    global _component
    if _component is None:
        _component = st.components.v2.component("atelier_history", html="<span></span>", js=_JS, isolate_styles=False)
    data = {"language": language, "page": page, "names": list(names), "pages": list(pages), "to": to}
    _component(key=key, data={**data, "query": None if query is None else dict(query)})
