"""PDF, one article a file, read by pypdf: its lines, with their places and fonts, put together in `pdf_layout`.

What a page shows is not what it says: two columns, hyphens at the ends of lines, running headers and captions are undone
as well as can be told, so whoever uses a PDF should look at the preview first. A page that is a picture of text is counted.
"""

import io
import logging
from collections.abc import Iterator
from typing import Any, TypeAlias

from engine.articles import pdf_layout
from engine.articles.article import MOST_SECTIONS, Article, clean
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.articles.pdf_layout import Fragment
from engine.core.errors import ArticlesError, sentence

Page: TypeAlias = Any  # of pypdf, which is loaded where a PDF is read alone

MAGIC = b"%PDF-"
LARGEST_BYTES = 64 << 20
MOST_PAGES = 2_000
MOST_CHARACTERS = 16 << 20
_FEW_CHARACTERS = 12  # of a page: a stamp or a number on a picture
_MOST_UNREADABLE = 0.2  # of the characters


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """The article, or what is wrong with it."""
    if not start:
        yield (1,), _article(member)


def _article(member: Member) -> Article | ArticlesError:
    def no(template: str, **values: object) -> ArticlesError:
        return ArticlesError(template, path=member.name, **values)

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
    except DAMAGED as error:
        return member.damaged(error)
    if len(content) > LARGEST_BYTES:
        return no(sentence("{path}: a PDF of over 64 MB, more than is read."))
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        found = _pages(member, content)
    except MemoryError:
        raise
    except Exception as error:  # whatever a parser does with a stranger's file, the sentence is this
        reason = f"{type(error).__name__}: {error}"[:200]
        return no(sentence("{path} is a PDF that is damaged or cannot be read ({reason})."), reason=reason)
    if found is None:
        return no(sentence("{path} is locked with a password; it was not read."))
    pages, scanned, empty = found
    left = {"scanned_pages": scanned, "empty_pages": empty}
    if not pages:
        template = sentence(
            "{path} holds pictures of pages and no text, as a scanner makes them: have its text recognised (OCR) first."
        )
        return no(template if scanned else sentence("{path}: a PDF without text."))
    text = "".join(f.text for page in pages for f in page)
    if sum(
        "\ue000" <= c <= "\uf8ff" or c == "\ufffd" or (c < " " and c not in "\n\t") for c in text
    ) > _MOST_UNREADABLE * len(text):
        return no(sentence("{path}: a PDF whose fonts do not say which letters they draw: its text cannot be read."))
    title, abstract, sections, counted = pdf_layout.article(pages)
    left |= counted
    if not sections and not abstract:
        return no(sentence("{path}: a PDF without text."))
    if len(sections) > MOST_SECTIONS:
        return no(sentence("{path}: an article of more than {most} sections."), most=MOST_SECTIONS)
    counts = tuple((part, count) for part, count in left.items() if count)
    return Article(clean(member.stem)[:200], abstract, sections, title, counts)


def _pages(member: Member, content: bytes) -> tuple[list[list[Fragment]], int, int] | None:
    """The fragments of each page that has text, how many pages are pictures, how many empty; None where it is locked."""
    import pypdf
    from pypdf.errors import DependencyError

    member.tick()  # the library alone may take seconds on a busy machine
    reader = pypdf.PdfReader(io.BytesIO(content))
    if reader.is_encrypted:
        try:
            if not reader.decrypt(""):
                return None
        except DependencyError:
            return None
    pages: list[list[Fragment]] = []
    scanned = empty = characters = 0
    for number, page in enumerate(reader.pages):
        if number >= MOST_PAGES or characters > MOST_CHARACTERS:
            break
        found = _fragments(page)
        member.tick()
        count = sum(len(fragment.text.strip()) for fragment in found)
        characters += count
        if count > _FEW_CHARACTERS:
            pages.append(found)
        elif _has_picture(page):
            scanned += 1
        else:
            empty += 1
    return pages, scanned, empty


def _fragments(page: Page) -> list[Fragment]:
    found: list[Fragment] = []
    bold: dict[int, bool] = {}

    def visit(text: str, cm: list[float], tm: list[float], font: dict[str, Any] | None, size: float) -> None:
        if not text or not text.strip("\n"):
            return
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        if id(font) not in bold:
            bold[id(font)] = _is_bold(font)
        height = abs(size * (tm[3] or tm[1]) * (cm[3] or cm[1]))
        found.append(Fragment(text.replace("\0", " "), round(x, 1), round(y, 1), round(height, 1), bold[id(font)]))

    page.extract_text(visitor_text=visit)
    return found


def _is_bold(font: dict[str, Any] | None) -> bool:
    name = str((font or {}).get("/BaseFont", ""))
    if not name.startswith("/"):  # a reference to an object
        try:
            name = str((font or {})["/BaseFont"])  # pypdf's dictionaries follow it
        except (KeyError, TypeError):
            return False
    name = name.lower()
    return any(word in name for word in ("bold", "medi", "black", "heavy", "cmbx", "-bd", "semibold"))


def _has_picture(page: Page) -> bool:
    resources = page.get("/Resources")
    resources = resources.get_object() if resources is not None else {}
    objects = resources.get("/XObject") if hasattr(resources, "get") else None
    objects = objects.get_object() if objects is not None else {}
    return bool(objects)
