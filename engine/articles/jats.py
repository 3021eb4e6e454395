"""JATS XML, the form in which PubMed Central and most journals give their articles: one article a file.

Abstract, sections and paragraphs in reading order. Tables, figures and their captions, references, footnotes and
formulas are left out, as is what `sub-article` and `response` hold (reviewers' letters). Parsed by lxml; nothing
outside the file is fetched and no entity is expanded but the characters that HTML and XML name.
"""

import html.entities
from collections.abc import Iterator

from engine.articles.article import Article, Section, clean
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
_PARAGRAPHS = {"p", "disp-quote", "verse-group"}
_BLOCKS = {"list", "def-list", "disp-quote", "boxed-text"}  # inside a paragraph: paragraphs of their own, behind it


def read(member: Member, options: Options, start: Place = ()) -> Iterator[tuple[Place, Article | ArticlesError]]:
    """The article of the file, or what is wrong with it; a file has been read wholly or not at all."""
    if start:
        return
    if member.size > LARGEST_BYTES:
        yield (1,), ArticlesError(sentence("{path}: XML of over 32 MB, more than any article."), path=member.name)
        return
    yield (1,), _parse(member)


def _parse(member: Member) -> Article | ArticlesError:
    from lxml import etree

    try:
        with member.open() as file:
            content = file.read(LARGEST_BYTES + 1)
    except DAMAGED as error:
        return member.damaged(error)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        template = sentence("{path}, line {line}: XML that cannot be read ({reason}).")
        return ArticlesError(template, path=member.name, line=error.lineno or 1, reason=str(error.msg)[:200])
    article = root if _name(root) == "article" else next((e for e in root.iter() if _name(e) == "article"), None)
    if article is None:
        return ArticlesError(sentence("{path}: XML, but not a JATS article."), path=member.name)
    found = Article(
        _identifier(article, member),
        _abstract(article),
        tuple(_sections(article)),
        _text(_child(article, "front", "article-meta", "title-group", "article-title")),
    )
    if not found.sections and not found.abstract:
        return ArticlesError(sentence("{path}: an article without text."), path=member.name)
    return found


def _name(element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element, *names: str):
    for name in names:
        element = next((child for child in element if _name(child) == name), None)
        if element is None:
            return None
    return element


def _identifier(article, member: Member) -> str:
    meta = _child(article, "front", "article-meta")
    ids = (
        {c.get("pub-id-type", ""): clean(c.text or "") for c in meta if _name(c) == "article-id"}
        if meta is not None
        else {}
    )
    stem = member.split_name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return (ids.get("doi") or ids.get("pmcid") or ids.get("pmc") or ids.get("pmid") or stem)[:200]


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
            loose += [
                text for text in ([_text(element)] if _name(element) in _PARAGRAPHS else _paragraphs(element)) if text
            ]
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
    """A paragraph, and behind it the paragraphs of lists and quotations that stand inside it."""
    if text := _text(element):
        yield text
    for child in element:
        if _name(child) in _BLOCKS:
            yield from _paragraphs(child)


def _text(element) -> str:
    if element is None:
        return ""
    return " ".join(clean("".join(_pieces(element))).split())


def _pieces(element) -> Iterator[str]:
    from lxml import etree

    yield element.text or ""
    for child in element:
        if isinstance(child, etree._Entity):
            yield html.entities.html5.get(f"{child.name};", "")
        elif _name(child) and _name(child) not in _LEFT_OUT and _name(child) not in _BLOCKS:
            yield from _pieces(child)
        yield child.tail or ""
