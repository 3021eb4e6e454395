"""A field of a record → its texts, each as one line."""

import ast
import re
from collections import Counter
from typing import Any

from engine.articles import names, wrapped
from engine.articles.article import clean
from engine.articles.field import plain

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'", re.DOTALL)
_LIST_IN_TEXT = re.compile(rf"\[\s*+(?:(?:{_STRING.pattern})\s*+,?\s*+)++\]", re.DOTALL)
_LABELS = ("label", "section", "heading", "name")
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?")


def without_marks(value: object) -> object:
    """The sentences of the release's abstracts without the marks around them."""
    if isinstance(value, list):
        return [without_marks(item) for item in value if item is not None]
    if not isinstance(value, str) or "S>" not in value:
        return value
    return value.replace("<S>", " ").replace("</S>", "\n")


def one_line(text: str, left: Counter[str]) -> str:
    """A text as one line, without tags."""
    return clean(plain(text, left))


def counted(left: Counter[str]) -> tuple[tuple[str, int], ...]:
    """What was counted, as an article keeps it."""
    return tuple((part, count) for part, count in left.items() if count)


def texts_of(value: object, left: Counter[str]) -> tuple[str, ...]:
    """The texts of a record's field; none of one that only says that there is none (nan, [No abstract available])."""
    return () if isinstance(value, str) and names.is_placeholder(value) else texts(value, left)


def labelled(value: object, left: Counter[str]) -> object:
    """An abstract whose parts are objects with a label, or stand by their labels, as paragraphs behind these.

    Of one that stands there in several languages the first is taken.
    """
    if isinstance(value, dict):
        named = {str(key): part for key, part in value.items() if part and not str(key).startswith("@")}
        if len(named) > 1 and all(_LANGUAGE.fullmatch(key) for key in named):
            left["other_abstracts"] += len(named) - 1
            return next(iter(named.values()))
        value = [value] if isinstance(value.get("text"), str) else [{"label": k, "text": v} for k, v in named.items()]
    if not isinstance(value, list):
        return value
    found = []
    for part in value:
        if isinstance(part, dict) and (inside := texts(part.get("text") or part.get("content"), left)):
            label = next((part[key].strip() for key in _LABELS if isinstance(part.get(key), str)), "").rstrip(":")
            is_one = label.isupper() or names.kind_of(label) != names.OTHER
            shown = f"{label}: " if label and is_one and names.kind_of(label) != names.ABSTRACT else ""
            found += [f"{shown}{inside[0]}", *inside[1:]]
        else:
            found.append(part)
    return found


def title_of(value: object, left: Counter[str]) -> str:
    """A title as one line, also of a list; none of a cell that says that there is none."""
    return " ".join(texts_of(value, left)) if isinstance(value, str | list) else ""


def identifier_of(value: object) -> str:
    """An identifier as text: also a number, one that a database has put into an object, the first of a list."""
    while isinstance(value, dict | list) and len(value):
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return "" if value is None or isinstance(value, dict | list) else clean(str(value))[:200]


def texts(value: object, left: Counter[str] | None = None) -> tuple[str, ...]:
    """The texts of a list, or the lines of one string, that are not blank, each as one line and without tags.

    Args:
        left: where what is not read of it is counted.
    """
    left = Counter() if left is None else left
    items: list[Any] = []
    if isinstance(value, str) and (inside := _list_in_text(value)) is not None:
        value = inside
    if isinstance(value, str):
        items = wrapped.paragraphs(plain(value, left))
    elif isinstance(value, list):
        left["not_text"] += sum(not isinstance(item, str) and item is not None for item in value)
        for item in value:
            if isinstance(item, str):
                found = plain(item, left)
                items += [found] if found is item else found.splitlines()
    else:
        left["not_text"] += isinstance(value, dict)
    cleaned = (clean(item) for item in items)
    return tuple(text for text in cleaned if text)


def _list_in_text(text: str) -> list[str] | None:
    """The strings of a list that a program wrote into one field, as Python, NumPy or JSON write it."""
    inside = text.strip()
    if not (inside.startswith("[") and inside.endswith("]") and _LIST_IN_TEXT.fullmatch(inside)):
        return None
    found = []
    for string in _STRING.findall(inside):
        try:
            found.append(ast.literal_eval(string.replace("\n", "\\n").replace("\r", "\\r")))
        except (ValueError, SyntaxError):
            found.append(string[1:-1])
    return found
