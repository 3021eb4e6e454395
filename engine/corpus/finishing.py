"""Finishes a corpus that has been read: near-copies, a validation part where there is none, the card."""

from pathlib import Path

import numpy as np

from engine.core.errors import ArticlesError, sentence
from engine.core.files import (
    write_json,
)
from engine.core.splits import SPLITS
from engine.corpus import dividing, near_copies
from engine.corpus.lookup import (
    SIGNATURES,
    described,
)
from engine.corpus.reading import DATA_FILES, Growing, most_common
from engine.corpus.repeats import add_near_copies, duplicates, template_share
from engine.corpus.store import (
    ARTICLE,
    ARTICLES,
    CARD,
    NEAR_COPIES,
)

_SHOWN_NAMES = 40
_DIVIDED = "divided"  # the whole corpus in its final order, where a validation part is drawn

FEW_READ = sentence(
    "Of {all} texts in {path} only {articles} can be read; the others are left out, such as: {reason} Mend the file, or say "
    "that the part is enough (prepare --accept-part on the command line)."
)


class FewRead(ArticlesError):
    """Less than half of a source could be read: whoever prepares it has to be asked first."""


def finish(grown: Growing, accept_part: bool) -> Path:
    """Finishes the files that were read and writes the card.

    Returns:
        The folder that is to be the corpus.

    Raises:
        ArticlesError: no article can be used, or one alone. FewRead: less than half could be read, and nobody said yes to that.
        Cancelled: a person asked.
    """
    splits = {split: grown.state["splits"][split] for split in SPLITS if split in grown.state["splits"]}
    if not splits or not splits.get("train", {}).get("articles"):
        if not grown.skipped.examples:
            raise ArticlesError("{path} holds no article that can be used.", path=grown.path)
        reason = grown.skipped.examples[0]
        raise ArticlesError("{path} holds no article that can be used. {reason}", path=grown.path, reason=reason)
    if grown.state["unread"] > grown.articles and not accept_part:
        raise FewRead(
            FEW_READ,
            all=grown.state["unread"] + grown.articles,
            path=grown.path,
            articles=grown.articles,
            reason=grown.skipped.examples[0],
        )
    end = np.array([(grown.state["tokens"], grown.state["sections"], 0, 0, 0, 0)], dtype=ARTICLE)
    with open(grown.staging / ARTICLES, "r+b") as file:  # an interruption here may have left the mark already
        file.truncate(grown.state["written"][ARTICLES])
        file.seek(0, 2)
        file.write(end.tobytes())
    counts, first = {}, 0
    for split, s in splits.items():
        counts[split] = {"first": first, **{k: s[k] for k in ("articles", "words", "tokens", "bytes")}}
        first += s["articles"]
    set_aside = not counts.get("validation", {}).get("articles")
    if set_aside and counts["train"]["articles"] < 2:
        raise ArticlesError("One article alone cannot be trained on and validated with: give at least two.")
    pairs = add_near_copies(grown.staging, grown.dtype, grown.tokenizer, grown.staging / SIGNATURES, grown.compared)
    made = grown.staging
    if set_aside:
        drawn = dividing.draw(near_copies.groups(pairs, first)[: counts["train"]["articles"]])
        made = grown.staging / _DIVIDED
        counts, pairs = dividing.divide(grown.staging, made, grown.dtype, counts, drawn, pairs)
    (made / NEAR_COPIES).write_bytes(pairs.tobytes())
    index = np.fromfile(made / ARTICLES, dtype=ARTICLE)
    card = {
        **grown.identity,
        "vocabulary_size": grown.tokenizer.vocabulary_size,
        "dtype": "uint16" if grown.dtype.itemsize == 2 else "uint32",
        "splits": counts,
        "validation_set_aside": set_aside,
        **({"set_aside_seed": dividing.SEED} if set_aside else {}),
        "template_share": template_share(made, grown.dtype, counts, index, grown.tokenizer.vocabulary_size),
        "skipped": grown.skipped.to_json(),
        "left_out": grown.state["left_out"],
        "remarks": grown.state["remarks"],
        "forms": grown.state["forms"],
        "duplicates": duplicates(made, index, counts, grown.dtype),
        "near_copies": near_copies.summary(pairs, counts),
        "formulas": dict(zip(("text", "mark"), grown.state["formulas"], strict=True)),
        "section_names": most_common(grown.names)[:_SHOWN_NAMES],
        "files": {name: described(made / name) for name in (*DATA_FILES, NEAR_COPIES)},
    }
    write_json(made / CARD, card)
    return made
