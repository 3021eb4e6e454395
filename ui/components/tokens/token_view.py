"""Tokens side by side, alternately coloured, shown as text alone: nothing in them can be run."""

from pathlib import Path

import streamlit as st

from engine.presets import tokenizers
from engine.presets.tokenizers import Tokenizer

_CSS = Path(__file__).with_suffix(".css").read_text(encoding="utf-8")
_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


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
