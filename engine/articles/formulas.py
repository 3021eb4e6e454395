"""A formula of an article → a line of text: its MathML, TeX or OMML (Word's) as one would type it."""

import re
from typing import Any, TypeAlias

Element: TypeAlias = Any  # of lxml, which brings no types

_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)
_TEX_AROUND = re.compile(r"^(?:\$\$?|\\\[|\\\()\s*|\s*(?:\$\$?|\\\]|\\\))$")
_INVISIBLE = dict.fromkeys(
    map(ord, "\u2061\u2062\u2063\u2064\u200b\ufeff")
)  # MathML's function application and the like
_INFIX = frozenset("=≠<>≤≥≪≫≈≃≅∼∝≡±∓×÷⋅·+−-→←↔⇒⇔↦∈∉∋⊂⊆⊃⊇∪∩∧∨∥⊕⊗")
_OPENING = frozenset({"", "(", "[", "{", ",", *_INFIX})  # behind which an operator stands before its operand
_NOT_SHOWN = {"annotation", "annotation-xml", "mphantom", "none", "mprescripts"}
_LEAVES = {"mi", "mn", "mo", "mtext", "ms"}
_SIMPLE = re.compile(r"[\w.,′']*")  # what needs no parentheses
_ACCENTS = {
    mark: word
    for word, marks in (
        ("bar", "¯‾\u0304\u0305"),
        ("hat", "^ˆ\u0302"),
        ("tilde", "~˜\u0303"),
        ("vec", "→\u20d7"),
        ("dot", "˙\u0307"),
        ("ddot", "¨\u0308"),
    )
    for mark in marks
}


def text_of(formula: Element) -> str:
    """The text of the MathML in an element, or else of the TeX; "" where it holds neither."""
    found = {"math": "", "tex-math": ""}
    for element in formula.iter():
        name = _name(element)
        if name in found and not found[name]:
            found[name] = _one_line(_as_text(element)) if name == "math" else tex("".join(element.itertext()))
    return found["math"] or found["tex-math"]


def tex(source: str) -> str:
    """TeX without the document and the dollars around it."""
    body = _TEX_BODY.search(source)
    text = _one_line(body.group(1) if body else source)
    while (inner := _TEX_AROUND.sub("", text)) != text:
        text = inner
    return text


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _one_line(text: str) -> str:
    return " ".join(text.translate(_INVISIBLE).split())


def _children(element: Element) -> list[Element]:
    return [child for child in element if _name(child) and _name(child) not in _NOT_SHOWN]


def _row(children: list[Element], texts: list[str]) -> str:
    """Elements one after the other; space around an operator that stands between two."""
    parts: list[str] = []
    for child, text in zip(children, texts, strict=True):
        if _name(child) == "mo" and text in _INFIX and parts and parts[-1].strip() not in _OPENING:
            text = f" {text} "
        elif _name(child) == "mo" and text in (",", ";"):
            text = f"{text} "
        parts.append(text)
    return "".join(parts)


def _operand(element: Element, text: str) -> str:
    """In parentheses where it is more than one thing."""
    text = _one_line(text)
    leaves = sum(_name(leaf) in _LEAVES for leaf in element.iter())
    whole = text.endswith((")", "]", "}")) and (text.startswith(("(", "[", "{")) or text.partition("(")[0].isalpha())
    return text if leaves < 2 or whole else f"({text})"


def _as_text(element: Element) -> str:
    name, children = _name(element), _children(element)
    if name == "mspace":
        return " "
    if name in _LEAVES or not len(element):
        return _one_line("".join(element.itertext()))
    texts = [_as_text(child) for child in children]  # once: twice at every depth would be without end
    of = [_operand(child, text) for child, text in zip(children, texts, strict=True)]
    if name == "mfrac" and len(of) == 2:
        return f"{of[0]}/{of[1]}"
    if name == "msqrt":
        return f"√({_row(children, texts)})"
    if name == "mroot" and len(of) == 2:
        return f"root({texts[0]}, {of[1]})"
    if name == "mover" and len(of) == 2 and (accent := _ACCENTS.get(texts[1])):
        return f"{accent}({texts[0]})"
    if name in ("msub", "munder") and len(of) == 2:
        return f"{of[0]}_{of[1]}"
    if name in ("msup", "mover") and len(of) == 2:
        return of[0] + of[1] if of[1] in ("′", "″", "'") else f"{of[0]}^{of[1]}"
    if name in ("msubsup", "munderover") and len(of) == 3:
        return f"{of[0]}_{of[1]}^{of[2]}"
    if name == "mfenced":
        between = element.get("separators", ",").strip()[:1]
        opened, closed = str(element.get("open", "(")), str(element.get("close", ")"))
        return opened + (f"{between} " if between else "").join(texts) + closed
    if name == "mtable":
        return "; ".join(texts)
    if name in ("mtr", "mlabeledtr"):
        return " ".join(texts)
    return texts[0] if name == "semantics" and texts else _row(children, texts)


def of_word(formula: Element) -> str:
    """The text of a formula as Word writes them (OMML)."""
    return _one_line(_office(formula))


def _office(element: Element) -> str:
    name = _name(element)
    if name == "t":
        return element.text or ""
    read = [(key, _office(child)) for child in element if (key := _name(child)) and not key.endswith("Pr")]
    parts: dict[str, list[str]] = {}
    for key, text in read:
        parts.setdefault(key, []).append(text)

    def of(key: str) -> str:
        text = _one_line("".join(parts.get(key, ())))
        whole = _SIMPLE.fullmatch(text) or (text.startswith(("(", "[")) and text.endswith((")", "]")))
        return text if whole else f"({text})"

    base = "".join(parts.get("e", ()))
    if name == "f":
        return f"{of('num')}/{of('den')}"
    if name == "rad":
        return f"root({base}, {of('deg')})" if "".join(parts.get("deg", ())).strip() else f"√({base})"
    if name in ("sSup", "sSub", "sSubSup", "limLow", "limUpp", "nary"):
        below, above = (key if key in parts else "lim" for key in ("sub", "sup"))
        text = _character(element, "chr", "∫") if name == "nary" else of("e")
        text += f"_{of(below)}" if name in ("sSub", "sSubSup", "limLow", "nary") and _filled(parts, below) else ""
        text += f"^{of(above)}" if name in ("sSup", "sSubSup", "limUpp", "nary") and _filled(parts, above) else ""
        return f"{text} {base}" if name == "nary" else text
    if name == "d":
        between = _character(element, "sepChr", "|")
        return f"{_character(element, 'begChr', '(')}{between.join(parts.get('e', ()))}{_character(element, 'endChr', ')')}"
    if name == "acc":
        mark = _character(element, "chr", "\u0302")
        return f"{_ACCENTS[mark]}({base})" if mark in _ACCENTS else base + mark
    if name == "bar":
        return f"bar({base})"
    if name in ("m", "eqArr"):
        return "; ".join(parts.get("mr", parts.get("e", [])))
    if name == "mr":
        return " ".join(parts.get("e", ()))
    return "".join(text for _, text in read)


def _filled(parts: dict[str, list[str]], key: str) -> bool:
    return bool("".join(parts.get(key, ())).strip())


def _character(element: Element, name: str, usual: str) -> str:
    """A character that the properties of an element name."""
    for child in element:
        if _name(child).endswith("Pr"):
            for found in child:
                if _name(found) == name:
                    return next(iter(found.attrib.values()), "")
    return usual
