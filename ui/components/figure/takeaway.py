"""The figures of a page as files: PNG and SVG as they stand there, and their data as CSV; made by the browser."""

from pathlib import Path

import streamlit as st

from ui.components.figure import live
from ui.i18n import _

_HERE = Path(__file__)
_JS = live.LOADER + _HERE.with_suffix(".js").read_text(encoding="utf-8")
_CSS = _HERE.with_suffix(".css").read_text(encoding="utf-8")
_component = None


def show() -> None:
    """Offers each figure that stands on the page now."""
    global _component
    if _component is None:
        html = '<div class="figures" aria-live="polite"></div>'
        _component = st.components.v2.component("atelier_takeaway", html=html, css=_CSS, js=_JS)
    said = {
        "none": _("There is no figure on this page."),
        "figure": _("Figure {n}"),
        "failed": _("The browser could not make this file."),
        "as": _("{figure} as {form}"),
    }
    _component(data={"said": said, "address": live.ADDRESS}, key="takeaway")
