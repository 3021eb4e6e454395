"""JATS XML, the form in which PubMed Central and most journals give their articles: one article a file, or a set.

Abstract, sections and paragraphs in reading order. Tables, figures and their captions, references, footnotes and
formulas are left out, as is what `sub-article` and `response` hold (reviewers' letters). Parsed by lxml; nothing
outside the file is fetched and no entity is expanded but the characters that HTML and XML name.
"""

import codecs
import html.entities
import itertools
from collections.abc import Iterator

from engine.articles.article import MOST_SECTIONS, Article, Section, clean
from engine.articles.member import DAMAGED, Member
from engine.articles.options import Options, Place
from engine.errors import ArticlesError, sentence

LARGEST_BYTES = 32 << 20
_LEFT_OUT = {
    "table-wrap", "table-wrap-group", "fig", "fig-group", "table", "caption", "ref-list", "fn", "fn-group", "graphic",
    "inline-graphic", "media", "supplementary-material", "disp-formula", "disp-formula-group", "inline-formula",
    "tex-math", "math", "sub-article", "response", "label", "boxed-text-caption", "object-id", "code", "chem-struct-wrap",
    "alternatives", "back", "floats-group", "glossary", "app-group",
}  # fmt: skip
MOST_ARTICLES = 10_000  # of one file
_PARAGRAPHS = {"p", "disp-quote", "verse-group", "verse-line"}
_BLOCKS = {"list", "def-list", "boxed-text", *_PARAGRAPHS}  # inside a paragraph: paragraphs of their own


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


def _inside(root) -> Iterator:
    """The articles of a set, whatever they are wrapped in, but not articles inside articles."""
    if _name(root) == "article":
        yield root
        return
    for child in root:
        yield from _inside(child)


def _parse(member: Member):
    """The root element, or what is wrong."""
    from lxml import etree

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
    except DAMAGED as error:
        return member.damaged(error)
    content = content.removeprefix(codecs.BOM_UTF8).lstrip()  # a declaration stands first, or it is none
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        template = sentence("{path}, line {line}: XML that cannot be read ({reason}).")
        return ArticlesError(template, path=member.name, line=error.lineno or 1, reason=str(error.msg)[:200])


def _article(article, member: Member, fallback: str) -> Article | ArticlesError:
    found = Article(
        _identifier(article) or fallback[:200],
        _abstract(article),
        tuple(_sections(article)),
        _text(_child(article, "front", "article-meta", "title-group", "article-title")),
    )
    if not found.sections and not found.abstract:
        return ArticlesError(sentence("{path}: an article without text."), path=member.name)
    if len(found.sections) > MOST_SECTIONS:
        template = sentence("{path}: an article of more than {most} sections.")
        return ArticlesError(template, path=member.name, most=MOST_SECTIONS)
    return found


def _name(element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element, *names: str):
    for name in names:
        element = next((child for child in element if _name(child) == name), None)
        if element is None:
            return None
    return element


def _identifier(article) -> str:
    meta = _child(article, "front", "article-meta")
    ids = (
        {c.get("pub-id-type", ""): clean(c.text or "") for c in meta if _name(c) == "article-id"}
        if meta is not None
        else {}
    )
    return (ids.get("doi") or ids.get("pmcid") or ids.get("pmc") or ids.get("pmid") or "")[:200]


def _abstract(article) -> tuple[str, ...]:
    meta = _child(article, "front", "article-meta")
    abstracts = [c for c in meta if _name(c) == "abstract"] if meta is not None else []
    plain = [a for a in abstracts if not a.get("abstract-type")] or abstracts[:1]
    return tuple(text for abstract in plain[:1] for text in _paragraphs(abstract))


def _sections(article) -> Iterator[Section]:
    body = _child(article, "body")
    loose: list[str] = []
    for element in body if body is not None else ():
        if _name(element) == "sec":
            if loose:
                yield Section("", tuple(loose))
                loose = []
            title = _child(element, "title")
            paragraphs = tuple(_paragraphs(element))
            if paragraphs:
                yield Section(_text(title), paragraphs)
        elif _name(element) not in _LEFT_OUT:
            loose += _paragraph(element) if _name(element) in _PARAGRAPHS else _paragraphs(element)
    if loose:
        yield Section("", tuple(loose))


def _paragraphs(element) -> Iterator[str]:
    """The paragraphs under an element in reading order, whatever sections and lists they stand in."""
    for child in element:
        name = _name(child)
        if name in _LEFT_OUT or name == "title":
            continue
        if name in _PARAGRAPHS:
            yield from _paragraph(child)
        else:
            yield from _paragraphs(child)


def _paragraph(element) -> Iterator[str]:
    """A paragraph; lists and quotations inside it part it, and their paragraphs stand between the parts."""
    for is_block, pieces in itertools.groupby(_pieces(element), lambda piece: not isinstance(piece, str)):
        if is_block:
            for block in pieces:
                yield from _paragraph(block) if _name(block) in _PARAGRAPHS else _paragraphs(block)
        elif text := " ".join(clean("".join(pieces)).split()):
            yield text


def _text(element) -> str:
    return "" if element is None else " ".join(_paragraph(element))


def _pieces(element) -> Iterator:
    """The text of an element in pieces, and between them the blocks that stand in it."""
    from lxml import etree

    yield element.text or ""
    for child in element:
        if isinstance(child, etree._Entity):
            yield html.entities.html5.get(f"{child.name};", "")
        elif _name(child) in _BLOCKS:
            yield child
        elif _name(child) and _name(child) not in _LEFT_OUT:
            yield from _pieces(child)
        yield child.tail or ""
