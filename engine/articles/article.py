"""An article: a title where one is known, an abstract, and sections of paragraphs."""

import hashlib
from dataclasses import dataclass, field

from engine.articles.names import ABSTRACT, DISCUSSION, INTRODUCTION, METHODS, OTHER, RESULTS, TITLE, kind_of

__all__ = [
    "ABSTRACT", "DISCUSSION", "INTRODUCTION", "KINDS", "METHODS", "MOST_SECTIONS", "OTHER", "RESULTS", "TITLE",
    "Article", "Mark", "Section", "clean", "digest", "kind_of",
]  # fmt: skip

KINDS = ("other", "abstract", "introduction", "methods", "results", "discussion", "title")

MOST_SECTIONS = 10_000  # of one article; each costs more than its text


@dataclass(frozen=True)
class Section:
    """A section: its name ("" where text stands outside any) and its paragraphs (sentences in the PubMed release)."""

    name: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """Where a section starts in an article's text.

    Attributes:
        offset: bytes of UTF-8 before it. kind: one of the constants above.
        named: whether its first line is its name.
    """

    offset: int
    kind: int
    named: bool


@dataclass(frozen=True)
class Article:
    """One scientific article.

    Attributes:
        id: the identifier its source gives it, or "" where it gives none.
        abstract: paragraphs or sentences of the abstract.
        sections: the body in reading order.
        title: "" where the source has none (the PubMed release has none).
        left_out: what its file holds and is not read, counted: (a key of `unread.PARTS`, how many).
        formulas: of the source's formulas how many became text, and how many a mark.
    """

    id: str
    abstract: tuple[str, ...]
    sections: tuple[Section, ...]
    title: str = ""
    left_out: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    formulas: tuple[int, int] = (0, 0)

    def all_sections(self) -> tuple[Section, ...]:
        """The abstract as a first section (where there is one), then the body."""
        return ((Section("Abstract", self.abstract),) if self.abstract else ()) + self.sections

    def text(self) -> str:
        """The text a model sees: the title, each section's name on a line of its own, its paragraphs, a line each."""
        return self.laid_out()[0]

    def laid_out(self) -> tuple[str, tuple[Mark, ...]]:
        """The text a model sees, and where its sections start in it."""
        parts, marks, offset = [], [], 0
        if self.title:
            parts.append(self.title)
            marks.append(Mark(0, TITLE, True))
            offset = len(self.title.encode()) + 2
        for section in self.all_sections():
            lines = [section.name] if section.name else []
            part = "\n".join([*lines, *section.paragraphs])
            parts.append(part)
            marks.append(Mark(offset, kind_of(section.name), bool(section.name)))
            offset += len(part.encode()) + 2
        return "\n\n".join(parts) + "\n", tuple(marks)

    @property
    def words(self) -> int:
        """Words of abstract and body, separated by white space."""
        return sum(len(text.split()) for section in self.all_sections() for text in section.paragraphs)


def clean(text: str) -> str:
    """One paragraph as one line: breaks become spaces, what no encoding or display can hold is replaced.

    Lone surrogates are legal in JSON and in no encoding: they become U+FFFD. NUL bytes become spaces.
    """
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join(text.splitlines()).strip()


def digest(text: bytes) -> int:
    """A 64-bit number by which equal texts are found."""
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
