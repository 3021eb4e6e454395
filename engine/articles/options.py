"""How a source is to be read where its content does not say so."""

from dataclasses import asdict, dataclass

# How far a file has been read, in numbers that its reader alone understands; () is its beginning. Reading from a place
# gives the same items as reading from the beginning up to it and on.
Place = tuple[int, ...]

FILE, BLANK_LINES = "file", "blank-lines"


@dataclass(frozen=True)
class Options:
    """What only a person can say of a source.

    Attributes:
        text_column, abstract_column, id_column: of a table (CSV, Parquet) or of JSON lines; "" = the usual names.
        text_unit: what one article is in plain text: FILE, BLANK_LINES, or "" = a file where there are several,
            else what stands between blank lines.
    """

    text_column: str = ""
    abstract_column: str = ""
    id_column: str = ""
    text_unit: str = ""

    def to_json(self) -> dict[str, str]:
        """What was said, as a card keeps it."""
        return {name: value for name, value in asdict(self).items() if value}
