"""Tokens side by side, alternately coloured, shown as text alone: nothing in them can be run."""

import streamlit as st

_CSS = """
.tokens { font-family: var(--st-code-font); font-size: 0.85rem; line-height: 1.9; white-space: pre-wrap; overflow-wrap: anywhere; }
.tokens span { border-radius: 3px; padding: 2px 0; color: var(--st-text-color); }
.tokens span:nth-child(odd) { background: color-mix(in srgb, var(--st-primary-color) 26%, transparent); }
.tokens span:nth-child(even) { background: color-mix(in srgb, var(--st-primary-color) 9%, transparent); }
"""
_JS = """
export default function ({ parentElement, data }) {
  const box = parentElement.querySelector(".tokens");
  box.replaceChildren(...data.pieces.map(([text, id]) => {
    const span = document.createElement("span");
    span.textContent = text.replaceAll("\\n", "↵\\n");
    span.title = String(id);
    return span;
  }));
}
"""


_component = st.components.v2.component("atelier_tokens", html='<div class="tokens"></div>', css=_CSS, js=_JS)


def tokens(pieces: list[str], token_ids: list[int], key: str) -> None:
    """Draws the pieces of a text in turn on two grounds; the id of each under the pointer."""
    _component(data={"pieces": list(zip(pieces, token_ids, strict=True))}, key=key)
