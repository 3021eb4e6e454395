"""Tokens side by side, alternately coloured, shown as text alone: nothing in them can be run."""

import streamlit as st

from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer

_CSS = """
.tokens { font-family: var(--st-code-font); font-size: 0.85rem; line-height: 1.9; white-space: pre-wrap; overflow-wrap: anywhere; }
.tokens span { border-radius: 3px; padding: 2px 0; color: var(--st-text-color); }
.tokens span:nth-child(odd) { background: color-mix(in srgb, var(--st-primary-color) 26%, transparent); }
.tokens span:nth-child(even) { background: color-mix(in srgb, var(--st-primary-color) 9%, transparent); }
.tokens span.marked { background: rgb(213,94,0); color: #fff; }
"""
_JS = """
export default function ({ parentElement, data }) {
  const box = parentElement.querySelector(".tokens");
  box.replaceChildren(...data.pieces.map(([text, id], at) => {
    const span = document.createElement("span");
    span.textContent = text.replaceAll("\\n", "↵\\n");
    span.title = String(id);
    if (at >= data.first && at < data.last) span.className = "marked";
    return span;
  }));
  const marked = box.querySelector(".marked"), shown = `${data.first} ${data.last}`;
  if (marked && box.dataset.shown !== shown) marked.scrollIntoView({ block: "center" });  // once: then a person scrolls
  box.dataset.shown = shown;
}
"""


_component = st.components.v2.component("atelier_tokens", html='<div class="tokens"></div>', css=_CSS, js=_JS)


@st.cache_data(max_entries=128, show_spinner=False)
def pieces(vocabulary_hash: str, token_ids: tuple[int, ...], _tokenizer: Tokenizer) -> list[str]:
    """The text of each token, as `tokenizers.spans` gives it: a long article takes a tenth of a second."""
    return list(tokenizers.spans(_tokenizer, list(token_ids)))


def tokens(pieces: list[str], token_ids: list[int], key: str, marked: tuple[int, int] = (0, 0)) -> None:
    """Draws the pieces of a text in turn on two grounds; the id of each under the pointer.

    Args:
        marked: the first and, excluded, the last of the pieces that stand out.
    """
    pairs = list(zip(pieces, token_ids, strict=True))
    _component(data={"pieces": pairs, "first": marked[0], "last": marked[1]}, key=key)
