"""Markup inside a text → plain text: tags of HTML or JATS in a field, and what is raised as one would type it.

A tag is what is closed in the same text, or a name that HTML uses without an end: "p < 0.05 and n > 3" has none.
"""

import html
import itertools
import re

from engine.articles import formulas

_ATTRIBUTE = r"\s+[A-Za-z_:][\w:.-]*\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'|[^\s\"'<>=]+)"
_TAG = re.compile(
    r"<!--(?:(?!<!--|-->).)*-->|<!\[CDATA\[(?P<raw>(?:(?!<!\[|\]\]>).)*)\]\]>|<![A-Za-z][^<>]*>|<\?[A-Za-z][^<>]*\?>"
    rf"|<(?P<end>/?)(?:[\w-]+:)?(?P<name>[A-Za-z][\w.-]*)(?P<attributes>(?:{_ATTRIBUTE})*)\s*(?P<empty>/?)>",
    re.DOTALL,
)
_UNSEEN = {"script", "style"}
_MATH = re.compile(r"<(?:[\w-]+:)?math\b[^<>]*>(?:(?!</?(?:[\w-]+:)?math\b).)*</(?:[\w-]+:)?math\s*>", re.DOTALL)
_PREFIX = re.compile(r"(?<=<)[\w-]+:|(?<=</)[\w-]+:|\sxmlns(?::[\w-]+)?=(?:\"[^\"]*\"|'[^']*')")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_WITHOUT_END = {"br", "hr", "wbr", "img"}
_OFTEN_OPEN = {"p", "li", "tr", "td", "th"}  # whose end HTML lets one leave out
_BREAKS = {
    "br", "hr", "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol", "tr", "table", "title", "sec", "section",
    "article", "blockquote", "dl", "dt", "dd", "list", "list-item", "disp-quote", "pre", "header", "footer",
}  # fmt: skip
_PARAGRAPHS = {"p", "div", "sec"}  # where they part a text, a single break in its source is a space
_RAISED_LIST = re.compile(r"(\[)?\d{1,3}(?:\s*[,–-]\s*\d{1,3})+\]?|(\[)\d{1,3}\]")  # 12,13 or 5–7
_HAS_POWERS = re.compile(r"(?:(?:^|[^\w.]|\d ?x ?)10|(?:^|[\s(\[=+×·/,])[a-zα-ω])\Z")
_TERMS = re.compile(r"\w\)?\s*[+\-−–*·×/=]\s*\(?\w")  # n+1, which would read on behind a caret alone
_ORDINAL = re.compile(r"st|nd|rd|th", re.IGNORECASE)


def raised(text: str, before: str, cites: bool = False, variable: bool = False) -> str:
    """What is raised, in a line: nothing of a citation, else the text, behind a caret where it would read as one with
    what stands before it (10^5).

    A list of numbers is a citation, but behind a ten, a single small letter or a variable, where it is one of powers:
    10^(3,5).

    Args:
        before: the end of what stands before it.
        cites: whether it is known to refer to the literature or a note.
        variable: whether the letter before it is known to stand for a quantity, as in italics.
    """
    text = " ".join(text.split())
    listed = _RAISED_LIST.fullmatch(text)
    powers = listed and not any(listed.groups()) and (variable or _HAS_POWERS.search(before))
    # "treated.³" and "treated. ³ Then" cite; "with ¹¹C, ¹⁸F" and "(¹⁴C" are isotopes: a comma and a blank stand before the number.
    end = before.strip()[-1:]
    behind_sentence = text.isdecimal() and end in ((*".”", "") if before[-1:].isspace() else (*".,;:”", ""))
    if cites or (listed and not powers) or behind_sentence:
        return "" if before.strip() or cites else text
    if not before or before[-1].isspace() or before[-1] in "([" or not any(c.isalnum() or c in "+-−–" for c in text):
        return text
    if _ORDINAL.fullmatch(text) and before[-1].isdigit():
        return text
    if text.startswith("(") and text.endswith(")") and _is_pair(text):
        return f"^{text}"
    return f"^({text})" if powers or " " in text or "^" in text or _TERMS.search(text) else f"^{text}"


def _is_pair(text: str) -> bool:
    """Whether the bracket that opens a text is the one that closes it."""
    depths = itertools.accumulate((c == "(") - (c == ")") for c in text)
    return all(depths_before > 0 for depths_before in list(depths)[:-1])


def plain_text(field: str) -> tuple[str, int]:
    """The plain text of a field that may hold HTML or JATS, and how many tags were taken out of it.

    Paragraphs and breaks become lines, what is raised stands behind a caret, formulas of MathML become text, entities their
    characters; scripts, styles and comments go with what is in them. Text without tags stays as it is.
    """
    tags = 0
    for _ in range(2):  # what was escaped twice, as in tables made of web pages
        if "<" not in field and "&" not in field:
            break
        field, count = _once(field)
        tags += count
    return field, tags


def _once(field: str) -> tuple[str, int]:
    source, tags, names = field, 0, _names(field)
    if "math" in names:
        source, count = _MATH.subn(_formula, source)
        tags += count
    if names & _PARAGRAPHS:
        parted = itertools.groupby(source.split("\n"), lambda line: bool(line.strip()))
        source = "\n".join(" ".join(line.strip() for line in lines) for has_text, lines in parted if has_text)
    text, count = _Text(names).of(source)
    if names & _PARAGRAPHS:
        text = "\n".join(line.strip() for line in text.split("\n") if line.strip())
    return text, tags + count


def _names(source: str) -> set[str]:
    """The names that are tags here: of what is opened and closed, or needs no end."""
    opened, closed = set(_WITHOUT_END), set(_WITHOUT_END)
    for tag in _TAG.finditer(source) if "<" in source else ():
        if name := (tag["name"] or "").lower():
            if tag["empty"] or tag["end"]:
                closed.add(name)
            if not tag["end"]:
                opened.add(name)
            if name in _OFTEN_OPEN and not tag["end"] and not source[max(0, tag.start() - 1) : tag.start()].isalnum():
                closed.add(name)
    return opened & closed


def _formula(math: re.Match[str]) -> str:
    from lxml import etree

    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    named = _ENTITY.sub(lambda m: html.escape(html.unescape(m.group())), math.group())
    try:
        root = etree.fromstring(_PREFIX.sub("", named).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    return html.escape(formulas.text_of(root), quote=False) if root is not None else ""


class _Text:
    """The text of one source, put together piece by piece.

    Attributes:
        _open: of each raised passage that is open, innermost last, what was read; the first is the text itself.
        _cites: of each, whether it refers to the literature.
    """

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._open: list[list[str]] = [[]]
        self._cites = [False]
        self._in_link = False  # and nothing of it was read
        self._unseen = ""  # the tag in which nothing is text

    def of(self, source: str) -> tuple[str, int]:
        """The text, and how many tags it had."""
        at = tags = 0
        for tag in _TAG.finditer(source) if "<" in source else ():
            name = (tag["name"] or "").lower()
            if name and name not in self._names:
                continue
            self._add_text(_unescaped(source[at : tag.start()]) + (tag["raw"] or ""))
            self._tag(name, bool(tag["end"]), bool(tag["empty"]))
            at = tag.end()
            tags += 1
        self._add_text(_unescaped(source[at:]))
        while len(self._open) > 1:
            self._end_raised()
        text = "".join(self._open[0])
        return text.strip() if tags else text, tags

    def _add_text(self, text: str) -> None:
        if text and not self._unseen:
            self._open[-1].append(text)
            self._in_link = self._in_link and not text.strip()

    def _before(self) -> str:
        return "".join(self._open[-1][-8:])[-16:]

    def _tag(self, name: str, ends: bool, empty: bool) -> None:
        if self._unseen or name in _UNSEEN:
            self._unseen = self._unseen or name
            if ends and name == self._unseen:
                self._unseen = ""
                self._add_text(" ")
        elif name in ("sup", "a", "xref"):
            if name == "sup" and not empty:
                self._end_raised() if ends else self._begin_raised()
            elif name != "sup" and not empty:
                self._in_link = not ends
                self._cites[-1] = self._cites[-1] or not ends
        elif name in _BREAKS:
            if self._before().strip(" \t") and not self._before().rstrip(" \t").endswith("\n"):
                self._add_text("\n")
        elif name in ("td", "th"):
            self._add_text(" ")

    def _begin_raised(self) -> None:
        self._open.append([])
        self._cites.append(self._in_link)

    def _end_raised(self) -> None:
        if len(self._open) > 1:
            text, cites = "".join(self._open.pop()), self._cites.pop()
            numbers = not any(c.isalpha() for c in text) and any(c.isdigit() for c in text)
            self._add_text(raised(text, self._before(), cites and numbers))


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda m: html.unescape(m.group()).replace("\xa0", " "), text) if "&" in text else text
