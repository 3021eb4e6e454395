"""Word documents (.docx): one article a file, its headings by their styles, read by python-docx.

Tables, pictures, footnotes, text boxes and passages that tracked changes deleted are counted, not read. Nothing outside
the file is fetched; a document that unpacks to more than text can be is not opened.
"""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator

from engine.articles import unread
from engine.articles.article import ABSTRACT, MOST_SECTIONS, Article, Section, clean, kind_of
from engine.articles.member import DAMAGED, Member, is_bomb
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LARGEST_BYTES = 64 << 20
MOST_UNPACKED_BYTES = 128 << 20
MOST_XML_BYTES = 24 << 20  # of one part; a parsed tree takes many times its text
MOST_PARTS = 5_000
DOCUMENT = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"(?:heading|titre|überschrift|título|titolo|kop|nagłówek|заголовок)\s*(\d)", re.IGNORECASE)
_TITLES = ("title", "titre", "titel", "título", "titolo")
_COUNTED = (
    ("pictures", "drawing"),
    ("pictures", "pict"),
    ("notes", "footnoteReference"),
    ("notes", "endnoteReference"),
    ("notes", "commentReference"),
    ("boxes", "txbxContent"),
    ("deleted", "delText"),
)
_SHORT = 80  # characters of a line in bold that is a heading though its style does not say so


def kind(member: Member) -> str | ArticlesError:
    """ "docx" for a Word document, "" for a plain archive, else why it is not read: what a zip file is by its parts.

    Raises:
        ArticlesError: it is damaged.
    """
    if member.size > LARGEST_BYTES:
        return ""
    try:
        with member.open() as file, zipfile.ZipFile(io.BytesIO(file.read(LARGEST_BYTES + 1))) as archive:
            inside = archive.namelist()[: MOST_PARTS + 1]
    except DAMAGED as error:
        raise member.damaged(error) from error
    if DOCUMENT in inside:
        return "docx"
    for beginning, (template, values) in unread.IN_ZIP:
        if any(name.startswith(beginning) for name in inside) and (
            "mimetype" in inside or "[Content_Types].xml" in inside
        ):
            return ArticlesError(template, path=member.name, **values)
    return ""


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """The article, or what is wrong with it."""
    if not start:
        yield (1,), _article(member)


def _article(member: Member) -> Article | ArticlesError:
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            return ArticlesError(sentence("{path}: a document of over 64 MB, more than is read."), path=member.name)
        if problem := _reason_against(content):
            return ArticlesError(problem, path=member.name)
        document = docx.Document(io.BytesIO(content))
    except (PackageNotFoundError, KeyError, AttributeError, SyntaxError, *DAMAGED) as error:
        reason = str(error).strip("'\"")[:200]
        template = sentence("{path} is a Word document that is damaged or cut off ({reason}): save it again.")
        return ArticlesError(template, path=member.name, reason=reason or "no data")
    names = {style.style_id: (style.name or "") for style in document.styles}
    return _Reading(member, names).article(document.element.body)


def _reason_against(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    total = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or total > MOST_UNPACKED_BYTES or is_bomb(total, len(content)):
        return sentence("{path} unpacks to more than a document holds, as a zip bomb does; it was not read.")
    if any(part.file_size > MOST_XML_BYTES and part.filename.lower().endswith((".xml", ".rels")) for part in parts):
        return sentence("{path}: a document whose text alone is over 24 MB, more than is read.")
    if any(part.flag_bits & 1 for part in parts):
        return sentence("{path} is locked with a password; it was not read.")
    return ""


class _Reading:
    """One document: its paragraphs in reading order, and what is left out of it."""

    def __init__(self, member: Member, style_names: dict[str, str]) -> None:
        self._member, self._names = member, style_names
        self._title = ""
        self._sections: list[tuple[str, list[str]]] = []
        self._left: Counter[str] = Counter()

    def article(self, body) -> Article | ArticlesError:
        """The article that a document's body is."""
        self._blocks(body)
        for part, tag in _COUNTED:
            self._left[part] += sum(not _is_fallback(element) for element in body.iter(f"{_W}{tag}"))
        sections = [Section(name, tuple(paragraphs)) for name, paragraphs in self._sections if paragraphs]
        if not sections:
            return ArticlesError(sentence("{path}: a Word document without text."), path=self._member.name)
        if len(sections) > MOST_SECTIONS:
            template = sentence("{path}: an article of more than {most} sections.")
            return ArticlesError(template, path=self._member.name, most=MOST_SECTIONS)
        abstract: tuple[str, ...] = ()
        first = next((i for i, s in enumerate(sections) if s.name and kind_of(s.name) == ABSTRACT), None)
        if first is not None and clean(sections[first].name).lower() == "abstract":  # any other name is kept as it is
            abstract = sections.pop(first).paragraphs
        left = tuple((part, count) for part, count in self._left.items() if count)
        return Article(clean(self._member.stem)[:200], abstract, tuple(sections), self._title, left)

    def _blocks(self, parent) -> None:
        for child in parent:
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if name == "p":
                self._paragraph(child)
            elif name == "tbl":
                self._left["tables"] += 1
            elif name in ("sdt", "sdtContent", "ins", "customXml", "smartTag", "body"):
                self._blocks(child)

    def _paragraph(self, paragraph) -> None:
        text = " ".join(clean(_text(paragraph)).split())
        if not text:
            return
        level = self._level(paragraph, text)
        if level == 0 and not self._title and not self._sections:
            self._title = text
        elif level is not None and level <= 1:
            self._sections.append((text, []))
        else:
            if not self._sections:
                self._sections.append(("", []))
            self._sections[-1][1].append(text)

    def _level(self, paragraph, text: str) -> int | None:
        """0 for a title, from 1 on for a heading, None for a paragraph."""
        properties = paragraph.find(f"{_W}pPr")
        style = properties.find(f"{_W}pStyle") if properties is not None else None
        identifier = style.get(f"{_W}val", "") if style is not None else ""
        name = self._names.get(identifier, identifier)
        if name.lower() in _TITLES:
            return 0
        if match := _HEADING.match(name):
            return int(match[1])
        runs = [run for run in paragraph.iter(f"{_W}r") if _text(run).strip()]
        bold = bool(runs) and all(_is_bold(run) for run in runs)
        if bold and len(text) <= _SHORT and kind_of(text) and not text.endswith((".", ",", ";")):
            return 1
        return None


def _is_fallback(element) -> bool:
    """Whether it stands in the second form that Word keeps of a drawing for older programs."""
    return any(isinstance(a.tag, str) and a.tag.endswith("}Fallback") for a in element.iterancestors())


def _is_bold(run) -> bool:
    properties = run.find(f"{_W}rPr")
    bold = properties.find(f"{_W}b") if properties is not None else None
    return bold is not None and bold.get(f"{_W}val", "1") not in ("0", "false")


def _text(element) -> str:
    """The text under an element, without what was deleted, and without the boxes that hang on it."""
    parts = []
    for child in element:
        name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if name == "t":
            parts.append(child.text or "")
        elif name in ("tab", "br", "cr"):
            parts.append(" ")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif name not in (
            "del",
            "moveFrom",
            "drawing",
            "pict",
            "object",
            "AlternateContent",
            "instrText",
            "pPr",
            "rPr",
        ):
            parts.append(_text(child))
    return "".join(parts)
