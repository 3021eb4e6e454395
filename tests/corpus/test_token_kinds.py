"""Which kind of token each is: by the rules, and as part of its word."""

import numpy as np
import pytest

from engine.core import paths
from engine.corpus.token_kinds import KINDS, TokenKinds
from engine.presets import catalogue
from engine.presets.tokenizers import spans


@pytest.mark.parametrize(
    "marked",
    [
        "The·function word| patients·other word| were·function word| ill·other word",
        " insulin·domain term| resistance·other word",
        " of·function word| 0.05·number|.·punctuation",
        " it·function word|'s·function word| 1,200·number",
        " seen·other word| [1, 2]·citation| and·function word| [7–9]·citation",
        " as·function word| @xcite·citation| and·function word",
        " (·punctuation|n·other word| ·punctuation|=·punctuation| 12·number|)·punctuation|\n·punctuation",
        " β·other word|-·punctuation|cells·other word",
        " ·punctuation|[·punctuation|see·other word| text·other word|]·punctuation",
    ],
)
def test_a_token_is_what_the_rules_say(marked):
    """With the mini model's vocabulary; the pieces of a word, a number and a citation are put together here."""

    tokenizer = catalogue.tokenizer(catalogue.find(paths.MINI_PRESET))
    expected = [tuple(part.split("·")) for part in marked.split("|")]
    ids = tokenizer.encode("".join(text for text, _kind in expected))
    found: list[tuple[str, str]] = []
    for piece, number in zip(spans(tokenizer, ids), TokenKinds(tokenizer).of(np.array(ids)), strict=True):
        kind = KINDS[number]
        if kind == "piece of a word" or (found and found[-1][1] == kind and kind in ("number", "citation")):
            found[-1] = (found[-1][0] + piece, found[-1][1])
        else:
            found.append((piece, kind))
    assert found == expected


def test_the_first_token_of_a_word_is_the_word_and_the_rest_are_pieces_of_it(vocabulary):
    from engine.presets.tokenizers import Tokenizer

    tokenizer = Tokenizer(*vocabulary)
    ids = np.array(tokenizer.encode(" zymogens"))
    assert len(ids) > 2
    assert [KINDS[k] for k in TokenKinds(tokenizer).of(ids)] == ["domain term"] + ["piece of a word"] * (len(ids) - 1)
    word = np.array(tokenizer.encode(" cells"))
    assert KINDS[TokenKinds(tokenizer).of(word)[0]] == "other word"
    assert KINDS[TokenKinds(tokenizer, {"cells"}).of(word)[0]] == "domain term"
