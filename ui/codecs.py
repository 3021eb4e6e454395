"""Values of an address as text and back: codes without a language, checked when they are read."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote


@dataclass(frozen=True)
class Codec:
    """How a value stands in an address.

    Attributes:
        read: text → value; ValueError where it is none. write: value → text.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _name(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


def _text(text: str) -> str:
    if not all(c.isprintable() or c in "\n\t" for c in text):
        raise ValueError(text)
    return text


NAME = Codec(_name)
TEXT = Codec(_text)


def _flag(text: str) -> bool:
    return {"1": True, "0": False}[text]


FLAG = Codec(_flag, lambda value: "1" if value else "0")


def whole(low: int, high: int) -> Codec:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.removeprefix("-").isdigit()) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Codec(read, lambda value: str(int(value)))


def number(low: float, high: float) -> Codec:
    """A number from `low` to `high`, with a point whatever the language."""

    def read(text: str) -> float:
        value = float(text) if text.isascii() else math.nan
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return Codec(read, lambda value: f"{value:g}")


def one_of(*codes: str) -> Codec:
    """One of these codes."""

    def read(text: str) -> str:
        if text not in codes:
            raise ValueError(text)
        return text

    return Codec(read)


def names(most: int) -> Codec:
    """Up to so many names, between commas."""

    def read(text: str) -> list[str]:
        found = [_name(unquote(part, errors="strict")) for part in text.split(",")] if text else []
        if len(found) > most:
            raise ValueError(text)
        return found

    return Codec(read, lambda value: ",".join(quote(name, safe="/ ") for name in value))
