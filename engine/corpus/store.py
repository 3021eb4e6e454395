"""A prepared corpus: token ids on disk, memory-mapped, addressable by article and by section.

tokens.bin    ids of all splits, one split behind the other, uint16 (uint32 above 65,536 entries), little-endian; each
              article is opened by `<|endoftext|>`
articles.idx  one ARTICLE record an article, in the same order, and one more that marks the end
sections.idx  one SECTION record a section
ids.txt       the articles' identifiers, a line each
near_copies.idx  one PAIR record a pair of articles that are nearly the same text; not there where none were looked for
card.json     source, tokenizer, splits, counts, and the SHA-256 of each file; written last, so its existence means
              complete
"""

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.articles.article import KINDS, TITLE
from engine.articles.source import Skipped
from engine.core import checked, fields, paths
from engine.core.errors import ArticlesError, EngineError, RangeError
from engine.core.files import read_json, sha256
from engine.presets.tokenizers import Tokenizer

SCHEMA_VERSION = 2
TOKENS, ARTICLES, SECTIONS, IDS, CARD = "tokens.bin", "articles.idx", "sections.idx", "ids.txt", "card.json"
NEAR_COPIES = "near_copies.idx"

# start: index of the article's first token; section: of its first section record; words: of its abstract and body;
# bytes: of its text; digest: 64 bits of its text's hash; id_digest: of its identifier's, 0 where the source gave none.
ARTICLE = np.dtype(
    [
        ("start", "<u8"),
        ("section", "<u8"),
        ("words", "<u4"),
        ("bytes", "<u4"),
        ("digest", "<u8"),
        ("id_digest", "<u8"),
    ]
)
# start: index of the section's first token; kind: engine.articles.article's; named: whether its first line is its name.
SECTION = np.dtype([("start", "<u8"), ("kind", "u1"), ("named", "u1")])
# first, second: places of two articles in the corpus, from 0, the lower one first; likeness: 0..1.
PAIR = np.dtype([("first", "<u4"), ("second", "<u4"), ("likeness", "<f4")])


@dataclass(frozen=True)
class StoredSection:
    """A section as a corpus gives it back.

    Attributes:
        name: "" where text stands outside any section. kind: one of `engine.articles.article.KINDS`.
        paragraphs: its text, a paragraph (or sentence) each. first, last: its tokens, counted in the article, last excluded.
    """

    name: str
    kind: str
    paragraphs: tuple[str, ...]
    first: int
    last: int


class Corpus:
    """A prepared corpus, open for reading. Opening reads the card alone; everything else is mapped when it is asked for.

    Attributes:
        folder: where it lies.
        card: what it was made from, and its counts.
        notices: what a person should know of its preparation: that a source or vocabulary had changed.

    Raises:
        ArticlesError: not a corpus of this version, or one whose files have lost bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.card = read_json(self.folder / CARD)
        self.notices: list[EngineError] = []
        if self.card.get("schema_version") != SCHEMA_VERSION:
            raise ArticlesError("{folder} is not a prepared corpus of this version.", folder=folder)
        if wrong := fields.wrong(self.card, checked.CARD):
            raise ArticlesError(
                "The corpus {folder} is damaged: its card.json lacks {fields}, or holds what it must not. Prepare it again.",
                folder=self.folder,
                fields=", ".join(wrong),
            )
        records = self.card["files"].get(ARTICLES, {"bytes": 0})["bytes"] // ARTICLE.itemsize
        known = {TOKENS, ARTICLES, SECTIONS, IDS} <= set(self.card["files"])
        consistent = (NEAR_COPIES in self.card["files"]) == ("near_copies" in self.card)
        if not (known and consistent) or any(
            c["first"] + c["articles"] >= records for c in self.card["splits"].values()
        ):
            raise ArticlesError(
                "The corpus {folder} is damaged: its card.json lacks {fields}, or holds what it must not. Prepare it again.",
                folder=self.folder,
                fields="files, splits, near_copies",
            )
        for name, file in self.card["files"].items():
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != file["bytes"]:
                raise ArticlesError(
                    "The corpus {folder} is damaged: {file} is not as long as its card says. Prepare it again.",
                    folder=self.folder,
                    file=name,
                )

    def verify(self) -> None:
        """Reads every file and compares it with the card.

        Raises:
            ArticlesError: a file that differs.
        """
        for name, file in self.card["files"].items():
            if sha256(self.folder / name) != file["sha256"]:
                raise ArticlesError(
                    "The corpus {folder} is damaged: {file} differs from its card. Prepare it again.",
                    folder=self.folder,
                    file=name,
                )

    @property
    def skipped(self) -> Skipped:
        """What of the source was not used."""
        return Skipped.from_json(self.card["skipped"])

    @property
    def remarks(self) -> list[ArticlesError]:
        """How files of the source were read that a person should know of, such as their encoding."""
        return Skipped.from_json(self.card.get("remarks") or Skipped().to_json()).examples

    @property
    def left_out(self) -> dict[str, int]:
        """What the source's files hold beside the articles and was not read, by the keys of `articles.unread.PARTS`."""
        parts: dict[str, int] = self.card.get("left_out", {})
        return parts

    @property
    def content_hash(self) -> str:
        """SHA-256 of the tokens: the same for the same articles in the same order and vocabulary."""
        sha256: str = self.card["files"][TOKENS]["sha256"]
        return sha256

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold articles."""
        return tuple(split for split, counts in self.card["splits"].items() if counts["articles"])

    def articles(self, split: str) -> int:
        """How many articles a split holds."""
        count: int = self.card["splits"][split]["articles"]
        return count

    def _index(self) -> np.ndarray:
        return np.memmap(self.folder / ARTICLES, dtype=ARTICLE, mode="r")

    def _records(self, split: str, first: int | None = None, last: int | None = None) -> np.ndarray:
        """The records of articles `first` to `last` of a split (from 1), and the one behind them.

        Raises:
            RangeError: the range lies outside the split.
        """
        articles = self.articles(split)
        first, last = first or 1, last or articles
        if not 1 <= first <= last <= articles:
            raise RangeError(
                "Articles {first}-{last} lie outside the corpus: its {split} split holds 1-{articles}.",
                first=first,
                last=last,
                split=split,
                articles=articles,
            )
        base = self.card["splits"][split]["first"]
        return self._index()[base + first - 1 : base + last + 1]

    def starts(self, split: str, first: int | None = None, last: int | None = None) -> np.ndarray:
        """int64 (articles + 1,): where each article of a range starts in the range's tokens, and where the last ends."""
        starts = self._records(split, first, last)["start"].astype(np.int64)
        from_zero: np.ndarray = starts - starts[0]
        return from_zero

    def tokens(self, split: str, first: int | None = None, last: int | None = None) -> np.ndarray:
        """The token ids of articles `first` to `last` (from 1, both included), mapped, not copied.

        Raises:
            RangeError: the range lies outside the split.
        """
        records = self._records(split, first, last)
        stream = np.memmap(self.folder / TOKENS, dtype=np.dtype(self.card["dtype"]).newbyteorder("<"), mode="r")
        return stream[int(records["start"][0]) : int(records["start"][-1])]

    def words(self, split: str) -> np.ndarray:
        """uint32 (articles,): words of each article."""
        return self._records(split)["words"][:-1]

    def token_counts(self, split: str, first: int | None = None, last: int | None = None) -> np.ndarray:
        """int64 (articles,): tokens of each article, the mark before it not counted."""
        return np.diff(self.starts(split, first, last)) - 1

    def digests(self, split: str) -> np.ndarray:
        """uint64 (articles,): 64 bits of the hash of each article's text."""
        return self._records(split)["digest"][:-1].copy()

    def near_copies(self) -> np.ndarray | None:
        """PAIR records of articles that are nearly the same text (engine.corpus.near_copies); None where none were looked for, or what
        was found is damaged."""
        if NEAR_COPIES not in self.card["files"]:
            return None
        found = np.fromfile(self.folder / NEAR_COPIES, dtype=PAIR)
        count = summary(self.card)["articles"]
        right = (found["first"] < found["second"]) & (found["second"] < count) & (found["likeness"] <= 1)
        return found if right.all() and (found["likeness"] >= 0).all() else None

    def place(self, position: int) -> tuple[str, int]:
        """The split of an article by its place in the corpus, from 0, and its number there, from 1."""
        return place_in(self.card["splits"], position)

    def section_marks(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Where each section of a split starts in its tokens, int64, and its kind, uint8; both (sections,)."""
        records = self._records(split)
        marks = np.memmap(self.folder / SECTIONS, dtype=SECTION, mode="r")[
            int(records["section"][0]) : int(records["section"][-1])
        ]
        return marks["start"].astype(np.int64) - int(records["start"][0]), marks["kind"].copy()

    # Single articles

    def identifier(self, split: str, number: int) -> str:
        """The identifier of an article by its number in the split, from 1."""
        self._records(split, number, number)
        wanted = self.card["splits"][split]["first"] + number - 1
        with open(self.folder / IDS, "rb") as file:
            if not self.card["files"][IDS]["bytes"]:
                return ""
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines:
                at = -1
                for _ in range(wanted):
                    at = lines.find(b"\n", at + 1)
                return lines[at + 1 : lines.find(b"\n", at + 1)].decode()

    def number_of(self, split: str, identifier: str) -> int | None:
        """The number of the first article of a split that bears an identifier, or None."""
        needle = b"\n" + identifier.strip().encode() + b"\n"
        counts: dict[str, int] = self.card["splits"][split]
        with open(self.folder / IDS, "rb") as file:
            content = b"\n" + file.read()
        at = -1
        while (at := content.find(needle, at + 1)) >= 0:
            number = content.count(b"\n", 0, at + 1)
            if counts["first"] < number <= counts["first"] + counts["articles"]:
                return number - counts["first"]
        return None

    def sections(self, split: str, number: int, tokenizer: Tokenizer) -> list[StoredSection]:
        """An article's sections, decoded from its tokens."""
        records = self._records(split, number, number)
        marks = np.memmap(self.folder / SECTIONS, dtype=SECTION, mode="r")[
            int(records["section"][0]) : int(records["section"][1])
        ]
        ids = self.tokens(split, number, number)
        base = int(records["start"][0])
        found = []
        bounds = [*(int(mark["start"]) - base for mark in marks), len(ids)]
        for mark, first, last in zip(marks, bounds[:-1], bounds[1:], strict=True):
            lines = tuple(line for line in tokenizer.decode(ids[first:last]).split("\n") if line)
            name = lines[0] if mark["named"] and lines else ""
            kind = KINDS[mark["kind"]] if mark["kind"] < len(KINDS) else "other"
            title = mark["kind"] == TITLE
            found.append(StoredSection(name, kind, () if title else lines[bool(mark["named"]) :], first, last))
        return found

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r})"


def place_in(counts: dict[str, dict[str, Any]], position: int) -> tuple[str, int]:
    """The split of an article by its place in a corpus, from 0, and its number there, from 1; `counts` as a card has them."""
    split = next(s for s, c in counts.items() if c["first"] <= position < c["first"] + c["articles"])
    return split, position - counts[split]["first"] + 1


def is_corpus(path: Path | str) -> bool:
    """Whether a path is the folder of a prepared corpus."""
    return (Path(path) / CARD).is_file() and (Path(path) / ARTICLES).is_file()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def all_corpora(root: Path | None = None) -> list[Corpus]:
    """Every whole corpus in the folder of all corpora, the newest first."""
    cards = [card for card in (root or paths.corpora_root()).glob(f"*/{CARD}") if card.is_file()]
    found = []
    for card in sorted(cards, key=_changed, reverse=True):
        if card.parent.name.startswith("."):  # one that is being prepared
            continue
        try:
            found.append(Corpus(card.parent))
        except EngineError:
            continue
    return found


def summary(card: dict[str, Any]) -> dict[str, int]:
    """Articles, words, tokens and bytes of text over all splits."""
    names = ("articles", "words", "tokens", "bytes")
    return {name: sum(counts[name] for counts in card["splits"].values()) for name in names}
