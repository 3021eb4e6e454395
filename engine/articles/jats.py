"""JATS XML, the form in which PubMed Central and most journals give their articles: one article a file, or a set.

Abstract, sections and paragraphs in reading order. Tables, figures and their captions, references and footnotes are left out,
as is what `sub-article` and `response` hold (reviewers' letters), and counted. A formula becomes its text, or FORMULA where there is only a
picture of it. What is raised keeps its place by a caret (10^5), but for citations, which go. Parsed by lxml; nothing outside the
file is fetched and no entity is expanded but the characters that HTML and XML name.
"""

import html.entities
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import formulas, markup, xml_start
from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.formulas import Element
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.core.errors import ArticlesError, sentence

LARGEST_BYTES = 32 << 20
_LEFT_OUT = {
    "table-wrap", "table-wrap-group", "fig", "fig-group", "table", "caption", "ref-list", "fn", "fn-group", "graphic",
    "inline-graphic", "media", "supplementary-material", "sub-article", "response", "label", "boxed-text-caption", "object-id", "code", "chem-struct-wrap",
    "alternatives", "back", "floats-group", "glossary", "app-group",
}  # fmt: skip
MOST_ARTICLES = 10_000  # of one file
FORMULA = "[formula]"  # where one stood of which there is no text
_PARAGRAPHS = {"p", "disp-quote", "verse-group", "verse-line"}
_BLOCKS = {"list", "def-list", "boxed-text", "preformat", *_PARAGRAPHS}  # inside a paragraph: paragraphs of their own
_FORMULAS = {"inline-formula", "disp-formula", "math", "tex-math"}
# What is left out by the keys of `unread.PARTS`; what stands in such an element counts with it.
_PARTS = {
    "table-wrap": "figures", "table": "figures", "fig": "figures", "caption": "figures", "ref": "references", "fn": "notes",
    "graphic": "pictures", "inline-graphic": "pictures", "media": "pictures", "chem-struct-wrap": "pictures", "code": "code",
    "supplementary-material": "supplements", "sub-article": "inner_articles", "response": "inner_articles",
    "trans-abstract": "other_abstracts", "contrib": "addresses", "permissions": "notices", "author-notes": "notices",
    "kwd": "fields", "subject": "fields", "subtitle": "fields", "trans-title": "fields", "funding-group": "fields",
}  # fmt: skip
_BEHIND = {"back", "glossary", "app-group"}  # whose paragraphs are left out too
_SIGNS = re.compile(r"[*†‡§¶‖#✉]+")
_SIGNS_BEHIND = re.compile(r"(?<=\S)\s?[*†‡§¶‖]+$")  # of a title, that lead to a note
_CITATIONS = {"bibr", "fn", "table-fn", "aff", "corresp"}  # of xref: what a raised number of this kind refers to
# Abstracts with a type, from the one that says most of the article on; any other type stands before the last ones.
_MAIN_TYPES = ("", "abstract", "main", "full", "structured", "section", "summary", "author-summary")
_SIDE_TYPES = (
    "executive-summary", "editor-summary", "editor", "key-points", "highlights", "plain-language-summary", "lay-summary",
    "short", "precis", "web-summary", "teaser", "toc", "video", "graphical",
)  # fmt: skip


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """Each article behind the first `start` ones, or what is wrong with it."""
    done = start[0] if start else 0
    for number, item in enumerate(_articles(member), start=1):
        if number > done:
            yield (number,), item


def _articles(member: Member) -> Iterator[Article | ArticlesError]:
    if member.size > LARGEST_BYTES:
        yield ArticlesError(sentence("{path}: XML of over 32 MB, more than any article."), path=member.name)
        return
    root = _parse(member)
    if isinstance(root, ArticlesError):
        yield root
        return
    found = [root] if _name(root) == "article" else list(itertools.islice(_inside(root), MOST_ARTICLES + 1))
    if not found:
        yield ArticlesError(sentence("{path}: XML, but not a JATS article."), path=member.name)
    stem = clean(member.stem)
    for number, article in enumerate(found[:MOST_ARTICLES], start=1):
        yield _article(article, member, stem if len(found) == 1 else f"{stem}-{number}")
    if len(found) > MOST_ARTICLES:
        template = sentence("{path}: of more than {most} articles in one file those behind are left out.")
        yield ArticlesError(template, path=member.name, most=MOST_ARTICLES)


def _inside(root: Element) -> Iterator[Element]:
    """The articles of a set, whatever they are wrapped in, but not articles inside articles."""
    if _name(root) == "article":
        yield root
        return
    for child in root:
        yield from _inside(child)


def _parse(member: Member) -> Element | ArticlesError:
    """The root element, or what is wrong."""
    from lxml import etree

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
    except DAMAGED as error:
        return member.damaged(error)
    start, encoding = xml_start.of(content, member.encoding)
    parser = etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(content[start:], parser)
    except etree.XMLSyntaxError as error:
        template = sentence("{path}, line {line}: XML that cannot be read ({reason}).")
        return ArticlesError(template, path=member.name, line=error.lineno or 1, reason=str(error.msg)[:200])


def _article(article: Element, member: Member, fallback: str) -> Article | ArticlesError:
    reading = Reading()
    left: Counter[str] = Counter()
    _count_left_out(article, left)
    found = Article(
        _identifier(article) or fallback[:200],
        reading.abstract(article),
        tuple(reading.sections(article)),
        _SIGNS_BEHIND.sub("", reading.text(_child(article, "front", "article-meta", "title-group", "article-title"))),
        left_out=tuple(left.items()),
        formulas=(reading.formulas, reading.pictures),
    )
    if not found.sections and not found.abstract:
        return ArticlesError(sentence("{path}: an article without text."), path=member.name)
    if len(found.sections) > MOST_SECTIONS:
        template = sentence("{path}: an article of more than {most} sections.")
        return ArticlesError(template, path=member.name, most=MOST_SECTIONS)
    return found


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element: Element, *names: str) -> Element | None:
    for name in names:
        element = next((child for child in element if _name(child) == name), None)
        if element is None:
            return None
    return element


def _identifier(article: Element) -> str:
    meta = _child(article, "front", "article-meta")
    ids = (
        {c.get("pub-id-type", ""): clean(c.text or "") for c in meta if _name(c) == "article-id"}
        if meta is not None
        else {}
    )
    return (ids.get("doi") or ids.get("pmcid") or ids.get("pmc") or ids.get("pmid") or "")[:200]


def _main(abstracts: list[Element]) -> Element | None:
    """The abstract that is read: of those with text the one whose type speaks most for it; None where there is none."""
    ordered = sorted(abstracts, key=_weight)
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    return next((abstract for abstract in ordered if any(Reading().titled(abstract))), ordered[0])


def _weight(abstract: Element) -> tuple[int, int]:
    """How an abstract's type speaks for it, the lowest first; of equal types the longest."""
    kind = abstract.get("abstract-type", "").strip().lower()
    order = len(_MAIN_TYPES)
    if kind in _MAIN_TYPES:
        order = _MAIN_TYPES.index(kind)
    elif kind in _SIDE_TYPES:
        order += 1 + _SIDE_TYPES.index(kind)
    return order, -len("".join(abstract.itertext())) if kind else 0


def _count_left_out(element: Element, found: Counter[str], behind: bool = False) -> None:
    """Counts what of an article is not read.

    Args:
        behind: whether the element stands where no paragraph is read.
    """
    main = _main([child for child in element if _name(child) == "abstract"])
    for child in element:
        name = _name(child)
        if name in _PARTS:
            found[_PARTS[name]] += 1
        elif name == "abstract" and child is not main:
            found["other_abstracts"] += 1
        elif name == "p" and behind:
            found["behind"] += 1
            _count_left_out(child, found)
        elif name not in _FORMULAS:
            _count_left_out(child, found, behind or name in _BEHIND)


class Reading:
    """What one article's text becomes.

    Attributes:
        formulas: how many became text. pictures: how many have none, and became FORMULA.
    """

    def __init__(self) -> None:
        self.formulas = self.pictures = 0

    def abstract(self, article: Element) -> tuple[str, ...]:
        """The paragraphs of the main abstract, each section's behind its title."""
        meta = _child(article, "front", "article-meta")
        main = _main([c for c in meta if _name(c) == "abstract"]) if meta is not None else None
        return tuple(self.titled(main)) if main is not None else ()

    def titled(self, element: Element, title: str = "") -> Iterator[str]:
        """The paragraphs under an element, the first behind a title; those of sections in it behind theirs."""
        for child in element:
            if _name(child) == "sec":
                own = self.text(_child(child, "title"))
                yield from self.titled(child, f"{own.rstrip(':')}:" if own and own[-1] not in ".?!" else own)
                continue
            for text in self._block(child):
                yield f"{title} {text}" if title else text
                title = ""

    def sections(self, article: Element) -> Iterator[Section]:
        """The sections of the body; text outside any is one without a name."""
        body = _child(article, "body")
        loose: list[str] = []
        for element in body if body is not None else ():
            if _name(element) == "sec":
                if loose:
                    yield Section("", tuple(loose))
                    loose = []
                title = _child(element, "title")
                paragraphs = tuple(self._paragraphs(element))
                if paragraphs:
                    yield Section(self.text(title), paragraphs)
            else:
                loose += self._block(element)
        if loose:
            yield Section("", tuple(loose))

    def text(self, element: Element) -> str:
        """All of an element in one line; "" where there is none."""
        return "" if element is None else " ".join(self._paragraph(element))

    def _paragraphs(self, element: Element) -> Iterator[str]:
        """The paragraphs under an element in reading order, whatever sections and lists they stand in."""
        for child in element:
            yield from self._block(child)

    def _block(self, child: Element) -> Iterator[str]:
        """The paragraphs that an element among blocks is, or holds."""
        name = _name(child)
        if name in _LEFT_OUT or name == "title":
            return
        if name in _PARAGRAPHS:
            yield from self._paragraph(child)
        elif name == "preformat":
            yield from _lines(child)
        elif name == "def-item":
            yield from self._definition(child)
        elif name in _FORMULAS:
            if (text := self._formula(child)) != FORMULA:
                yield text
        else:
            yield from self._paragraphs(child)

    def _definition(self, item: Element) -> Iterator[str]:
        """A term and what it means: the term stands before the first paragraph."""
        term = "; ".join(text for child in item if _name(child) == "term" and (text := self.text(child)))
        for text in itertools.chain.from_iterable(self._block(child) for child in item if _name(child) == "def"):
            yield f"{term}: {text}" if term else text
            term = ""
        if term:
            yield term

    def _paragraph(self, element: Element) -> Iterator[str]:
        """A paragraph; lists and quotations inside it part it, and their paragraphs stand between the parts."""
        for is_block, pieces in itertools.groupby(self._pieces(element), lambda piece: not isinstance(piece, str)):
            if is_block:
                for block in pieces:
                    yield from self._block(block)
            elif text := " ".join(clean("".join(pieces)).split()):
                yield text

    def _formula(self, element: Element) -> str:
        text = formulas.text_of(element)
        if not text:  # <italic>x</italic><sup>2</sup> is a formula too; what is in it counts with it
            before = self.formulas, self.pictures
            pieces = [piece for piece in self._pieces(element) if isinstance(piece, str)]
            text = " ".join("".join(pieces).replace(FORMULA, "").split())
            self.formulas, self.pictures = before
        self.formulas += bool(text)
        self.pictures += not text
        return text or FORMULA

    def _pieces(self, element: Element, before: str = "") -> Iterator[str | Element]:
        """The text of an element in pieces, and between them the blocks that stand in it.

        Args:
            before: what stands before it.
        """
        from lxml import etree

        def passed_on(text: str | None) -> str:
            nonlocal before
            before = (before + (text or ""))[-16:]
            return text or ""

        yield passed_on(element.text)
        for child in element:
            name = _name(child)
            if isinstance(child, etree._Entity):
                yield passed_on(html.entities.html5.get(f"{child.name};", ""))
            elif name in _BLOCKS:
                yield child
                before = ""
            elif name in _FORMULAS:
                text = self._formula(child)
                yield passed_on(f" {text} " if name == "disp-formula" else text)
            elif name == "break":
                yield passed_on(" ")
            elif name == "sup":
                yield passed_on(self._raised(child, before))
            elif name and name not in _LEFT_OUT and not _is_sign(child):
                for piece in self._pieces(child, before):
                    if isinstance(piece, str):
                        passed_on(piece)
                    yield piece
            yield passed_on(child.tail)

    def _raised(self, element: Element, before: str) -> str:
        """What stands in a `sup`."""
        text = "".join(piece for piece in self._pieces(element) if isinstance(piece, str))
        return markup.raised(text, before, _cites(element), _is_variable(element.getprevious()))


def _cites(element: Element) -> bool:
    """Whether an element holds, or stands in, a reference to the literature or a note."""
    around = itertools.chain(element.iter(), element.iterancestors())
    return any(_name(e) == "xref" and e.get("ref-type") in _CITATIONS for e in around)


def _is_sign(element: Element) -> bool:
    """Whether an element is the sign of a note, which stands elsewhere."""
    if _name(element) != "xref" or element.get("ref-type") not in _CITATIONS:
        return False
    return bool(_SIGNS.fullmatch("".join(element.itertext()).strip()))


def _is_variable(element: Element) -> bool:
    """Whether an element is one letter in italics, right before what follows it."""
    if element is None or _name(element) != "italic" or (element.tail or ""):
        return False
    text = "".join(element.itertext()).strip()
    return len(text) == 1 and text.isalpha()


def _lines(element: Element) -> Iterator[str]:
    """The paragraphs of a text that is kept line by line, as of a scanned paper: what blank lines part."""
    for part in re.split(r"\n[ \t]*\n", "".join(element.itertext()).replace("\r\n", "\n").replace("\r", "\n")):
        if text := " ".join(clean(part).split()):
            yield text
