"""How a source is to be read where its content does not say so."""

from dataclasses import asdict, dataclass

# How far a file has been read, in numbers that its reader alone understands; () is its beginning. Reading from a place
# gives the same items as reading from the beginning up to it and on.
Place = tuple[int, ...]

UNITS = FILE, BLANK_LINES, LINE = ("file", "blank-lines", "line")
NO_COLUMN = "-"  # what is chosen where a table has none
SECTIONS = "+"  # what stands for the text column of a table that has a column for each section


GUESSED_FORMS = ("docx", "pdf")  # forms whose text a program makes out, so that a person looks at it first


@dataclass(frozen=True)
class Options:
    """What only a person can say of a source.

    Attributes:
        text_column, abstract_column, id_column, title_column: of a table (CSV, Parquet) or of JSON; "" = the usual
            names, NO_COLUMN = none.
        text_unit: what one article is in plain text: FILE, BLANK_LINES, LINE, or "" = a file where there are several,
            else what stands between blank lines, or a line where none is blank.
    """

    text_column: str = ""
    abstract_column: str = ""
    id_column: str = ""
    text_unit: str = ""
    title_column: str = ""

    def to_json(self) -> dict[str, str]:
        """What was said, as a card keeps it."""
        return {name: value for name, value in asdict(self).items() if value}
