"""To which split a file of a source belongs, by the names of all of them; and which are about the others."""

import re
from collections.abc import Sequence

from engine.articles import names
from engine.articles.member import Member
from engine.core.splits import TEST, TRAIN

_STRICT = re.compile(r"(train|val|valid|validation|dev|test)(?:[-_.].*)?", re.IGNORECASE)
# A word of its own in a name, as the Hugging Face hub tells splits: https://huggingface.co/docs/hub/datasets-file-names-and-splits
_WORDS = {
    **names.SPLIT_OF,
    **dict.fromkeys(("training", "entrainement", "apprentissage"), "train"),
    **dict.fromkeys(("testing", "eval", "evaluation"), "test"),
}
_BETWEEN = re.compile(r"[\W_\d]+")
_DATA = re.compile(r"\.(?:jsonl|ndjson|jl|json|csv|tsv|tab|parquet|arrow|tokens|raw)(?:\.gz)?$", re.IGNORECASE)
_OF_PAPERS = r"(?:[ ._-][a-z]{2})?(?:\.(?:md|markdown|txt|text|rst|cff|docx|pdf|html?))?"
# What lies beside articles to say what they are. Beside files with names of splits nobody takes it for one, so it is not
# counted there; beside others it looks like one more article.
_CARD = re.compile(
    r"(?:read[ _-]?me|lisez[ _-]?moi|liesmich|l[eé]eme|leiame|licen[cs]es?|copying|copyright|change[ _-]?log|contributing|citation|"
    rf"(?:md5|sha\d*)sums?|checksums?){_OF_PAPERS}",
    re.IGNORECASE,
)
# What articles may be called too, where most files are called so.
_NOTE = re.compile(
    rf"(?:notices?|changes|contributors|authors|credits|notes?|todo|requirements|install|about){_OF_PAPERS}",
    re.IGNORECASE,
)


def splits_of(found: Sequence[Member]) -> list[str]:
    """The split that each file is called after, by its own name or a folder's; "" of those that name none.

    A file of data (articles_train.jsonl) is told by the word anywhere in its name. Of a document it may be what it is about
    (Blood test.docx): there the word counts alone, or where there are training files and names differ in this word only, or all
    have one.
    """
    strict = [_strict(m.split_name) for m in found]
    words = [of_name or _by_word(m.split_name) for of_name, m in zip(strict, found, strict=True)]
    of_data = {word for word, m in zip(words, found, strict=True) if _DATA.search(m.split_name)}
    if of_data & {TRAIN, TEST}:  # “val” and “dev” alone are words of other things too
        return words
    others = [(word, m) for word, m in zip(words, found, strict=True) if not is_card(m) and not is_note(m)]
    rests: dict[str, set[str]] = {}
    for word, m in others:
        rests.setdefault(_without_words(m.split_name), set()).add(word)
    pairs = any(TRAIN in parts and len(parts - {""}) > 1 for parts in rests.values())
    return words if pairs or (TRAIN in words and all(word for word, _ in others)) else strict


def is_card(m: Member) -> bool:
    """Whether a file is called as those are that say what lies beside them."""
    return bool(_CARD.fullmatch(m.split_name.rsplit("/", 1)[-1]))


def is_note(m: Member) -> bool:
    """Whether a file may say what lies beside it, and may be an article where most are called so."""
    return bool(_NOTE.fullmatch(m.split_name.rsplit("/", 1)[-1]))


def about_others(found: Sequence[Member]) -> list[Member]:
    """The files that are about the others, where there are others."""
    cards, rest = [m for m in found if is_card(m)], [m for m in found if not is_card(m)]
    notes = [m for m in rest if is_note(m)]
    if 2 * len(notes) > len(rest):  # these are the articles: notes, one in each folder
        notes = []
    return cards + notes if rest else []


def _strict(name: str) -> str:
    for part in reversed(name.split("/")):
        if match := _STRICT.fullmatch(part):
            return names.SPLIT_OF[match.group(1).lower()]
    return ""


def _by_word(name: str) -> str:
    for part in reversed(name.split("/")):
        found = {_WORDS[word] for word in _BETWEEN.split(names.plain(part)) if word in _WORDS}
        if len(found) == 1:
            return found.pop()
    return ""


def _without_words(name: str) -> str:
    return " ".join(word for word in _BETWEEN.split(names.plain(name)) if word not in _WORDS)
