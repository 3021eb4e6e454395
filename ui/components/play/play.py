"""A training as it is played in the browser: the point moves along its curve, and the sentence below types itself."""

from pathlib import Path
from typing import Any

import streamlit as st

_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_component = None


def show(data: dict[str, Any], key: str) -> None:
    """Shows what `ui.lab.play.content` has put together; the same `id` goes on where it is, another begins anew."""
    global _component
    if _component is None:
        _component = st.components.v2.component("atelier_play", html='<div class="play"></div>', css=_CSS, js=_JS)
    _component(data=data, key=key)
