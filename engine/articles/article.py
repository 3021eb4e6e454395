"""An article: an abstract and sections of paragraphs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A section: its name ("" where text stands outside any) and its paragraphs (sentences in the PubMed release)."""

    name: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """One scientific article.

    Attributes:
        id: the identifier its source gives it.
        abstract: paragraphs or sentences of the abstract.
        sections: the body in reading order.
    """

    id: str
    abstract: tuple[str, ...]
    sections: tuple[Section, ...]

    def all_sections(self) -> tuple[Section, ...]:
        """The abstract as a first section (where there is one), then the body."""
        return ((Section("Abstract", self.abstract),) if self.abstract else ()) + self.sections

    def text(self) -> str:
        """The text a model sees: each section's name on a line of its own, then its paragraphs, a line each."""
        parts = []
        for section in self.all_sections():
            lines = [section.name] if section.name else []
            parts.append("\n".join([*lines, *section.paragraphs]))
        return "\n\n".join(parts) + "\n"

    @property
    def words(self) -> int:
        """Words of abstract and body, separated by white space."""
        return sum(len(text.split()) for section in self.all_sections() for text in section.paragraphs)
