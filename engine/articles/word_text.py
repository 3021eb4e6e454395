"""A paragraph of a Word document → its lines of text: what its runs show, and what they hide.

What is raised stands behind a caret as in JATS, symbols of Word's symbol fonts become their characters, formulas their
text. Hidden text, deleted passages and what hangs on a paragraph (pictures, boxes) are no text.
"""

import re
from collections import Counter
from collections.abc import Iterator

from engine.articles import formulas, markup
from engine.articles.article import clean
from engine.articles.formulas import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_OFF = ("0", "false", "off", "none")
_NOT_SHOWN = {
    "del", "moveFrom", "drawing", "pict", "object", "AlternateContent", "pPr", "rPr", "rt", "softHyphen", "sdtPr", "delText",
}  # fmt: skip
_CITATION = re.compile(r"\b(?:CITATION|EN\.CITE|ZOTERO_ITEM|CSL_CITATION|NOTEREF)\b")
_BIBLIOGRAPHY = re.compile(r"\b(?:BIBLIOGRAPHY|ZOTERO_BIBL|CSL_BIBLIOGRAPHY|EN\.REFLIST)\b")
_CONTENTS = re.compile(r"^\s*TOC\b")
_LIST_MARK = re.compile(r"(?:[-–—*•▪●◦‣]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
# The characters of the font Symbol from 0x20 and from 0xA0 on (Adobe's encoding of it).
_SYMBOL = {
    first + at: character
    for first, characters in (
        (0x20, " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"),
        (0xA0, "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|—↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑"),
        (0xF1, "〉∫"),
    )
    for at, character in enumerate(characters)
}  # fmt: skip
_WINGDINGS = {
    0x4A: "☺", 0x6C: "●", 0x6E: "■", 0x71: "❑", 0x76: "❖", 0x9F: "•", 0xA7: "▪", 0xA8: "◻", 0xD8: "➢", 0xDF: "←", 0xE0: "→",
    0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFE: "☑",
}  # fmt: skip


def name_of(element: Element) -> str:
    """The name of an element without its namespace; "" of what is none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class Styles:
    """The styles of a document: their names, and what they make of the letters in them."""

    def __init__(self, element: Element) -> None:
        self._styles = {style.get(f"{W}styleId", ""): style for style in element.iter(f"{W}style")}

    def name(self, identifier: str) -> str:
        """What a style is called, or its identifier where the document does not say."""
        style = self._styles.get(identifier)
        named = style.find(f"{W}name") if style is not None else None
        return named.get(f"{W}val", "") if named is not None else identifier

    def value(self, run: Element, paragraph_style: str, property_: str) -> str:
        """What holds for a run: said by itself, by its style or by that of its paragraph; "" where none says it."""
        own = run.find(f"{W}rPr")
        if (found := _value(own, property_)) is not None:
            return found
        for identifier in (own is not None and _value(own, "rStyle")) or "", paragraph_style:
            for _ in range(20):  # styles on which others are based
                style = self._styles.get(identifier)
                if style is None:
                    break
                if (found := _value(style.find(f"{W}rPr"), property_)) is not None:
                    return found
                identifier = _value(style, "basedOn") or ""
        return ""


def _value(properties: Element, name: str) -> str | None:
    found = properties.find(f"{W}{name}") if properties is not None else None
    return None if found is None else found.get(f"{W}val", "1")


def style_of(paragraph: Element) -> str:
    """The identifier of a paragraph's style."""
    return _value(paragraph.find(f"{W}pPr"), "pStyle") or ""


class Text:
    """Reads the paragraphs of one document in their order; fields may go on from one into the next.

    Attributes:
        left: passages that are hidden, and symbols that are pictures, counted. formulas: how many became text.
    """

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._fields: list[str] = []  # that are open, by their instructions
        self._pieces: list[tuple[str, str]] = []  # text, and "" or how it stands: "raised", "cited", "italic"
        self._hides = False
        self.left: Counter[str] = Counter()
        self.formulas = 0

    def lines(self, paragraph: Element) -> tuple[list[str], str]:
        """The lines of a paragraph that are texts of their own, and the part of the document that a field around it
        makes it: "references", "contents" or ""."""
        self._pieces, self._hides = [], False
        part = self._part()
        self._read(paragraph, style_of(paragraph), False)
        lines: list[str] = []
        for line in self._joined().split("\n"):
            text = " ".join(clean(line).split())
            if text and lines and not lines[-1].endswith((".", "!", "?", ":", ";")) and not _LIST_MARK.match(text):
                lines[-1] += f" {text}"  # broken for the looks of it
            elif text:
                lines.append(text)
        return lines, part or self._part()

    def end_fields(self) -> None:
        """Ends what a damaged document leaves open."""
        self._fields.clear()

    def _part(self) -> str:
        for instruction in self._fields:
            if _BIBLIOGRAPHY.search(instruction):
                return "references"
            if _CONTENTS.match(instruction):
                return "contents"
        return ""

    def _joined(self) -> str:
        text, at = "", 0
        while at < len(self._pieces):
            piece, manner = self._pieces[at]
            at += 1
            if manner not in ("raised", "cited"):
                text += piece
                continue
            variable = at > 1 and self._pieces[at - 2][1] == "italic" and len(self._pieces[at - 2][0].strip()) == 1
            cites = manner == "cited"
            while at < len(self._pieces) and self._pieces[at][1] in ("raised", "cited"):  # one in several runs
                piece += self._pieces[at][0]
                cites = cites or self._pieces[at][1] == "cited"
                at += 1
            text += markup.raised(piece, text[-16:], cites, variable)
        return text

    def _read(self, element: Element, style: str, cites: bool) -> None:
        for child in element:
            name = name_of(child)
            if name == "r":
                self._run(child, style, cites)
            elif name in ("oMath", "oMathPara"):
                text = formulas.of_word(child)
                self.formulas += bool(text)
                self._pieces.append((text, ""))
            elif name == "fldSimple":
                self._fields.append(child.get(f"{W}instr", ""))
                self._read(child, style, cites)
                self._fields.pop()
            elif name == "hyperlink":
                self._read(child, style, cites or bool(child.get(f"{W}anchor")))
            elif name not in _NOT_SHOWN:
                self._read(child, style, cites)

    def _run(self, run: Element, style: str, cites: bool) -> None:
        text = "".join(self._shown(run, run))
        if not text:
            return
        hidden = self._styles.value(run, style, "vanish") not in ("", *_OFF)
        if hidden:
            self.left["hidden"] += bool(text.strip()) and not self._hides
            self._hides = self._hides or bool(text.strip())
            return
        self._hides = False
        manner = ""
        if self._styles.value(run, style, "vertAlign") == "superscript":
            is_number = not any(c.isalpha() for c in text)
            cites = is_number and (cites or any(map(_CITATION.search, self._fields)))
            manner = "cited" if cites else "raised"
        elif self._styles.value(run, style, "i") not in ("", *_OFF):
            manner = "italic"
        self._pieces.append((text, manner))

    def _shown(self, element: Element, run: Element) -> Iterator[str]:
        for child in element:
            name = name_of(child)
            if name == "t":
                yield self._symbols(child.text or "", run)
            elif name == "sym":
                code = child.get(f"{W}char", "")
                number = int(code, 16) if re.fullmatch(r"[0-9A-Fa-f]{1,6}", code) else 0
                yield self._symbol(number, child.get(f"{W}font", ""))
            elif name == "tab":
                yield " "
            elif name in ("br", "cr"):
                yield " " if child.get(f"{W}type") in ("page", "column") else "\n"
            elif name == "noBreakHyphen":
                yield "-"
            elif name == "fldChar":
                self._field(child.get(f"{W}fldCharType", ""))
            elif name == "instrText":
                if self._fields:
                    self._fields[-1] += child.text or ""
            elif name not in _NOT_SHOWN:
                yield from self._shown(child, run)

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append("")
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _symbols(self, text: str, run: Element) -> str:
        if not any("\uf020" <= c <= "\uf0ff" for c in text):
            return text
        properties = run.find(f"{W}rPr")
        fonts = properties.find(f"{W}rFonts") if properties is not None else None
        font = fonts.get(f"{W}ascii", "") if fonts is not None else ""
        return "".join(self._symbol(ord(c), font or "Symbol") if "\uf020" <= c <= "\uf0ff" else c for c in text)

    def _symbol(self, code: int, font: str) -> str:
        """The character of a font's symbol; "" of one that no text has."""
        font = font.lower()
        tables = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
        if font in tables:
            found = tables[font].get(code & 0xFF if code >= 0xF000 else code, "")
        else:
            found = chr(code) if 0x20 <= code < 0xD800 or 0x10000 <= code <= 0x10FFFF else ""
        self.left["pictures"] += not found
        return found
