"""Word documents (.docx): one article a file, its headings by their styles, read by python-docx.

Tables of figures, pictures, footnotes, text boxes, references, captions, hidden text, headers and footers, and passages
that tracked changes deleted are counted, not read; a table that only lays out prose is read cell after cell. Nothing outside
the file is fetched; a document that unpacks to more than text can be is not opened.
"""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator

from engine.articles import names, word_parts
from engine.articles.article import ABSTRACT, MOST_SECTIONS, Article, Section, clean, kind_of
from engine.articles.formulas import Element
from engine.articles.member import DAMAGED, Member, is_bomb
from engine.articles.options import Options, Place
from engine.articles.word_parts import Paragraph
from engine.articles.word_text import Styles, Text, W, name_of, style_of
from engine.core.errors import ArticlesError, sentence

LARGEST_BYTES = 64 << 20
_MOST_ARTICLES = 1 << 30  # stands for all of a document's
MOST_UNPACKED_BYTES = 128 << 20
MOST_XML_BYTES = 24 << 20  # of one part; a parsed tree takes many times its text
MOST_PARTS = 5_000
DOCUMENT = "word/document.xml"
# What the strict form of the standard (ISO/IEC 29500) writes otherwise than python-docx reads it, and what a document with
# macros or a template calls itself.
_AS_USUAL = (
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships", b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"),
    (b"http://purl.oclc.org/ooxml/officeDocument/math", b"http://schemas.openxmlformats.org/officeDocument/2006/math"),
    (b"http://purl.oclc.org/ooxml/wordprocessingml/main", b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"),
    (b"http://purl.oclc.org/ooxml/drawingml/", b"http://schemas.openxmlformats.org/drawingml/2006/"),
    (b"application/vnd.ms-word.document.macroEnabled.main+xml", b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
    (b"application/vnd.ms-word.template.macroEnabledTemplate.main+xml", b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
    (b"application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml", b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
)  # fmt: skip
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
_PROSE = 200  # characters that the cells of a table hold on average where it only lays out text
_CAPTIONS = {"caption", "légende", "beschriftung", "epígrafe", "legenda", "didascalia", "bijschrift"}
_CONTENTS = re.compile(r"(?:toc|table of (?:figures|authorities))\b", re.IGNORECASE)
_BEHIND_REFERENCES = re.compile(
    r"(?:appendi(?:x|ces)|annexe?s?|anhang|figures?|tables?|tableaux?|abbildung(?:en)?|legends?|légendes?|supplementary|acknowledge?ments?|remerciements)\b(?!.*[.,;]$)",
    re.IGNORECASE,
)
_GALLERIES = {"Table of Contents": "contents", "Bibliographies": "references"}


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article from `start` on (articles done), or what is wrong with them; of a document that was read, no more."""
    done = start[0] if start else 0
    found = _articles(member) if done < _MOST_ARTICLES else []
    for number, item in enumerate(found, start=1):
        if number > done:
            yield (number if number < len(found) else _MOST_ARTICLES,), item


def is_one_article(member: Member) -> bool:
    """Whether a document was read as one article, though a person may have meant several."""
    found = _articles(member)
    return len(found) == 1 and isinstance(found[0], Article)


def _articles(member: Member) -> list[Article | ArticlesError]:
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            return [ArticlesError(sentence("{path}: a document of over 64 MB, more than is read."), path=member.name)]
        if problem := _reason_against(content):
            return [ArticlesError(problem, path=member.name)]
        document = docx.Document(io.BytesIO(_as_usual(content)))
    except (PackageNotFoundError, KeyError, AttributeError, SyntaxError, *DAMAGED) as error:
        reason = str(error).strip("'\"")[:200]
        template = sentence("{path} is a Word document that is damaged or cut off ({reason}): save it again.")
        return [ArticlesError(template, path=member.name, reason=reason or "no data")]
    reading = _Reading(member, Styles(document.styles.element))
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(("/header", "/footer")):
            reading.count_running_lines(getattr(relation.target_part, "element", ()))
    return reading.articles(document.element.body)


def _as_usual(content: bytes) -> bytes:
    """The document as most are written; the same bytes where it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = {
            p.filename: archive.read(p) for p in archive.infolist() if p.filename.lower().endswith((".xml", ".rels"))
        }
        if not any(old in data for data in xml.values() for old, _ in _AS_USUAL):
            return content
        parts = {p.filename: archive.read(p) for p in archive.infolist() if p.filename not in xml}
    rewritten = io.BytesIO()
    with zipfile.ZipFile(rewritten, "w") as archive:
        for name, data in xml.items():
            for old, new in _AS_USUAL:
                data = data.replace(old, new)
            archive.writestr(name, data)
        for name, data in parts.items():
            archive.writestr(name, data)
    return rewritten.getvalue()


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

    def __init__(self, member: Member, styles: Styles) -> None:
        self._member, self._styles = member, styles
        self._text = Text(styles)
        self._title = ""
        self._read: list[Paragraph] = []
        self._sections: list[tuple[str, list[str]]] = []
        self._left: Counter[str] = Counter()

    def count_running_lines(self, element: Element) -> None:
        """Counts the lines of a header or a footer."""
        self._left["running_lines"] += sum(
            any((t.text or "").strip() for t in p.iter(f"{W}t")) for p in _all(element, "p")
        )

    def articles(self, body: Element) -> list[Article | ArticlesError]:
        """The articles that a document's body is, most often one; what is left out is counted at the first."""
        self._blocks(body)
        for part, tag in _COUNTED:
            self._left[part] += sum(not _is_fallback(element) for element in body.iter(f"{W}{tag}"))
        self._left += self._text.left
        stem, groups = clean(self._member.stem), word_parts.articles_of(self._read)
        found: list[Article | ArticlesError] = []
        for number, group in enumerate(groups, start=1):
            item = self._article(group, f"{stem}-{number}" if len(groups) > 1 else stem)
            if item is not None:
                found.append(item)
        template = sentence("{path}: a Word document without text.")
        if self._left["tables"]:
            template = sentence(
                "{path}: this Word document has text in tables alone, which are not read: in Word, choose the table, then Layout, "
                "“Convert to Text”; or copy the table into a spreadsheet and save it as “CSV UTF-8”."
            )
        return found or [ArticlesError(template, path=self._member.name)]

    def _article(self, paragraphs: list[Paragraph], identifier: str) -> Article | ArticlesError | None:
        self._title, self._sections = "", []
        self._assemble(paragraphs)
        sections = [Section(name, tuple(paragraphs)) for name, paragraphs in self._sections if paragraphs]
        if not sections:
            return None
        if len(sections) > MOST_SECTIONS:
            template = sentence("{path}: an article of more than {most} sections.")
            return ArticlesError(template, path=self._member.name, most=MOST_SECTIONS)
        abstract: tuple[str, ...] = ()
        first = next((i for i, s in enumerate(sections) if s.name and kind_of(s.name) == ABSTRACT), None)
        if first is not None and clean(sections[first].name).lower() == "abstract":  # any other name is kept as it is
            abstract = sections.pop(first).paragraphs
        left = tuple((part, count) for part, count in self._left.items() if count)
        formulas, self._text.formulas = self._text.formulas, 0
        self._left.clear()
        return Article(identifier[:200], abstract, tuple(sections), self._title, left, (formulas, 0))

    def _blocks(self, parent: Element, part: str = "") -> None:
        """Reads what stands one below the other.

        Args:
            part: what it is where it is not read: a key of `unread.PARTS`.
        """
        for child in parent:
            name = name_of(child)
            if name == "p":
                self._paragraph(child, part)
            elif name == "tbl":
                self._table(child, part)
            elif name == "sdt":
                gallery = next(iter(_all(child, "docPartGallery")), None)
                named = gallery.get(f"{W}val", "") if gallery is not None else ""
                self._blocks(child, part or _GALLERIES.get(named, ""))
            elif name in ("sdtContent", "ins", "moveTo", "customXml", "smartTag", "body", "AlternateContent", "Choice"):
                self._blocks(child, part)

    def _table(self, table: Element, part: str) -> None:
        """Reads the cells of a table that only lays out text; counts any other."""
        rows = [[cell for cell in row if name_of(cell) == "tc"] for row in table if name_of(row) == "tr"]
        lengths = [
            length for row in rows for cell in row if (length := sum(len(t.text or "") for t in _all(cell, "t")))
        ]
        if lengths and (all(len(row) <= 1 for row in rows) or sum(lengths) >= _PROSE * len(lengths)):
            for row in rows:
                for cell in row:
                    self._blocks(cell, part)
        else:
            self._left["tables"] += 1

    def _paragraph(self, paragraph: Element, part: str) -> None:
        lines, of_field = self._text.lines(paragraph)
        if not lines:
            return
        name = self._styles.name(style_of(paragraph))
        whole = " ".join(lines)
        level = self._level(paragraph, name, whole)
        if _HEADING.match(name) or (level is not None and of_field != "contents"):
            self._text.end_fields()
            of_field = ""
        if _CONTENTS.match(name):
            part, level = part or "contents", None
        elif name.lower() in _CAPTIONS or (level is None and names.is_caption(whole)):
            part = part or "figures"
        alone = level is None and len(whole) <= _SHORT and names.is_references(whole)
        self._read.append(Paragraph(lines, level, part or of_field, alone, self._depth_in_list(paragraph, name)))

    def _assemble(self, paragraphs: list[Paragraph]) -> None:
        """Puts paragraphs into sections; what stands below a heading of references is counted."""
        named = any(p.level is not None and names.is_references(" ".join(p.lines)) for p in paragraphs)
        alone = [at for at, paragraph in enumerate(paragraphs) if paragraph.alone and not named]
        references: int | None = None  # the level of their heading, while they last
        for at, paragraph in enumerate(paragraphs):
            whole = " ".join(paragraph.lines)
            level = 1 if at in alone[-1:] else paragraph.level
            if references is not None and level is None and len(whole) <= _SHORT and _BEHIND_REFERENCES.match(whole):
                level = references
            if level is not None and (references is None or level <= references):
                references = max(1, level) if names.is_references(whole) else None
                if references is not None:
                    continue
            if paragraph.part or references is not None:
                self._left[paragraph.part or "references"] += 1
            elif level == 0 and not self._title and not self._sections:
                self._title = whole
            elif level is not None and level <= 1:
                self._sections.append((whole, []))
            else:
                if not self._sections:
                    self._sections.append(("", []))
                self._sections[-1][1].extend(paragraph.lines if level is None else [whole])

    def _depth_in_list(self, paragraph: Element, style: str) -> int | None:
        """How deep an item of a list is in it, None of what is none."""
        numbering = next(_all(paragraph, "numPr"), None)
        level = next(_all(numbering, "ilvl"), None)
        if numbering is None and not style.lower().startswith(("list bullet", "list number")):
            return None
        named = level.get(f"{W}val", "0") if level is not None else "0"
        return int(named) if named.isdecimal() else 0

    def _level(self, paragraph: Element, style: str, text: str) -> int | None:
        """0 for a title, from 1 on for a heading, None for a paragraph."""
        if style.lower() in _TITLES:
            return 0
        if match := _HEADING.match(style):
            return int(match[1])
        runs = [run for run in _all(paragraph, "r") if any((t.text or "").strip() for t in _all(run, "t"))]
        bold = bool(runs) and all(_is_bold(run) for run in runs)
        known = kind_of(text) or names.is_references(text)
        if bold and len(text) <= _SHORT and known and not text.endswith((".", ",", ";")):
            return 1
        return None


def _all(element: Element, name: str) -> Iterator[Element]:
    return element.iter(f"{W}{name}") if hasattr(element, "iter") else iter(())


def _is_fallback(element: Element) -> bool:
    """Whether it stands in the second form that Word keeps of a drawing for older programs."""
    return any(isinstance(a.tag, str) and a.tag.endswith("}Fallback") for a in element.iterancestors())


def _is_bold(run: Element) -> bool:
    properties = run.find(f"{W}rPr")
    bold = properties.find(f"{W}b") if properties is not None else None
    return bold is not None and bold.get(f"{W}val", "1") not in ("0", "false")
