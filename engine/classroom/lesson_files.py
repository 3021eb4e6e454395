"""Reads the text of a step of a lesson: Markdown with a small front matter; what is wrong is told with its file and line.

```
---
step: 0
title: Join, and before
minutes: 7
kind: join
short: 4
---
What stands on the wall.

## Recorded
What stands there instead where there are neither phones nor a training: in the lesson as one file. Not needed.

## Teacher
What to say.

## Gloss
- A sentence in English: what it means

## Question 1 A
What is asked?
- [x] The right choice
- [ ] Another one
- [?] I don't know
Why: the reason.

## Question shape
How will the curve go?
Moments: 10, 20, 30
Heights: 0, 50, 100
- [ ] up
- [ ] down
```
`short` is how many minutes the step has in the short form of the lesson, which without that line leaves it out; `yes` is as many.
A question without choices takes a sentence. One with moments (seconds) and heights (percent) is drawn on the phones, on that
grid; its choices are for cards and hands, and without the two lines for the phones too. `{base_accuracy}` is filled from a recorded run (`engine.classroom.figures`).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.classroom.drawn import MOST_HEIGHTS, MOST_MOMENTS, Grid
from engine.classroom.questions import AFTER, BEFORE, LONGEST_CHOICE, LONGEST_TEXT, MOST_CHOICES, ONCE
from engine.core.errors import EngineError, LessonError, sentence
from engine.core.languages import spaced

STEP_KINDS = ("join", "guess", "curve", "time", "secret", "cost", "vote")  # what the wall shows beside the text
FORMS = ("A", "B")
MOST_BYTES = 100_000
_KEYS = ("step", "title", "minutes", "kind", "asks", "short")
_REQUIRED = _KEYS[:4]
_HEADING = re.compile(r"##\s+(?P<word>[^\W\d]+)\s*(?P<rest>.*)")
_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,39})(?: (?P<form>[AB]))?")
_CHOICE = re.compile(r"- \[(?P<mark>[ x?])\] (?P<text>\S.*)")
_WHY = re.compile(r"(?:Why|Pourquoi)\s?: ?(?P<text>.*)")
_DRAWN = re.compile(r"(?P<what>Moments|Heights|Hauteurs)\s?: ?(?P<numbers>\d{1,4}(?:, ?\d{1,4})*)")
_SECTIONS = {
    "teacher": "teacher", "enseignant": "teacher",
    "gloss": "gloss", "glossaire": "gloss",
    "recorded": "recorded", "enregistré": "recorded",
    "question": "question",
}  # fmt: skip
PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")


@dataclass(frozen=True)
class WrittenQuestion:
    """A question of a step, in one form and one language; questions.Question joins them. line: where it stands.

    grid: of a question that is drawn.
    """

    name: str
    form: str
    ask: str
    line: int
    choices: tuple[str, ...] = ()
    right: int | None = None
    unsure: int | None = None
    why: str = ""
    grid: Grid | None = None


@dataclass(frozen=True)
class Step:
    """A step of a lesson in one language.

    Attributes:
        file: where it stands. asks: the six questions before or after the lesson. short: its minutes in the short form, 0 where that
            leaves it out.
        wall, teacher: Markdown. recorded: in place of the wall's text where there are neither phones nor a training; "" = that.
        gloss: an English word or sentence → its meaning.
    """

    file: Path
    number: int
    title: str
    minutes: float
    kind: str
    asks: str = ONCE
    short: float = 0.0
    wall: str = ""
    recorded: str = ""
    teacher: str = ""
    gloss: tuple[tuple[str, str], ...] = ()
    questions: tuple[WrittenQuestion, ...] = ()


def wrong(file: Path, line: int, what: str, **values: object) -> LessonError:
    """The sentence for what is wrong in a line of a file, from 1."""
    name = "/".join(file.parts[-2:])
    return LessonError("{file}, line {line}: {reason}", file=name, line=line, reason=EngineError(what, **values))


@dataclass
class _Reader:
    """The lines of a file, and which figures may stand in them."""

    file: Path
    lines: list[str]
    names: frozenset[str]

    def wrong(self, line: int, what: str, **values: object) -> LessonError:
        """The sentence for what is wrong in a line."""
        return wrong(self.file, line, what, **values)


def read(file: Path, names: frozenset[str]) -> Step:
    """Reads a step.

    Args:
        names: of the figures that may stand in braces.

    Raises:
        LessonError: something is wrong, in which line.
    """
    reader = _Reader(file, [], names)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise reader.wrong(1, sentence("it cannot be read: {reason}"), reason=error.strerror or str(error)) from error
    if len(content) > MOST_BYTES:
        raise reader.wrong(1, sentence("it is longer than {most} bytes."), most=MOST_BYTES)
    try:
        reader.lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise reader.wrong(line, sentence("it is no UTF-8: save it in that encoding.")) from error
    if file.parent.name == "fr":
        reader.lines = [spaced(line) for line in reader.lines]
    values, after = _front_matter(reader)
    _placeholders(reader)
    body, sections = _sections(reader, after)
    texts: dict[str, Any] = {"recorded": "", "teacher": "", "gloss": ()}
    asked = []
    for word, rest, line, lines in sections:
        if word == "question":
            asked.append(_question(reader, rest, line, lines))
        elif rest:
            raise reader.wrong(
                line, sentence("nothing stands behind “{heading}”."), heading=reader.lines[line - 1][:40]
            )
        elif texts[word]:
            raise reader.wrong(line, sentence("this section is there twice."))
        else:
            texts[word] = _gloss(reader, lines) if word == "gloss" else _text(lines)
    seen: set[tuple[str, str]] = set()
    for one in asked:
        if (one.name, one.form) in seen:
            raise reader.wrong(one.line, sentence("this question is there twice."))
        seen.add((one.name, one.form))
    return Step(file, **values, wall=_text(body), **texts, questions=tuple(asked))


def _front_matter(reader: _Reader) -> tuple[dict[str, Any], int]:
    """The values of the front matter, and the line behind it."""
    lines = reader.lines
    if not lines or lines[0].strip() != "---":
        raise reader.wrong(
            1, sentence("a line of three hyphens is needed, and below it the step's title, minutes and kind.")
        )
    found: dict[str, Any] = {}
    for number, line in enumerate(lines[1:], 2):
        if line.strip() == "---":
            if missing := [key for key in _REQUIRED if key not in found]:
                raise reader.wrong(number, sentence("{keys} is missing above."), keys=", ".join(missing))
            if found.get("short") is True:  # as long as in the long one
                found["short"] = found["minutes"]
            return {"number" if key == "step" else key: value for key, value in found.items()}, number
        key, colon, text = (part.strip() for part in line.partition(":"))
        if not colon or key not in _KEYS:
            raise reader.wrong(number, sentence("“{found}” is none of {keys}."), found=key[:40], keys=", ".join(_KEYS))
        if key in found:
            raise reader.wrong(number, sentence("“{found}” is there twice."), found=key)
        found[key] = _value(reader, number, key, text)
    raise reader.wrong(len(lines), sentence("the line of three hyphens that ends the front matter is missing."))


def _value(reader: _Reader, line: int, key: str, text: str) -> object:
    if key == "short" and text in ("yes", "no"):
        return text == "yes" or 0.0
    choices = {"kind": STEP_KINDS, "asks": (BEFORE, AFTER)}.get(key)
    if choices is not None:
        if text not in choices:
            raise reader.wrong(line, sentence("“{found}” is none of {keys}."), found=text[:40], keys=", ".join(choices))
        return text
    if key == "title":
        if not 0 < len(text) <= 100:
            raise reader.wrong(line, sentence("a title has 1 to 100 characters."))
        return text
    if not re.fullmatch(r"\d{1,2}" if key == "step" else r"\d{1,2}(\.\d)?", text):
        raise reader.wrong(
            line, sentence("{key} is a number from 0 to 99; received “{found}”."), key=key, found=text[:40]
        )
    return int(text) if key == "step" else float(text)


def _placeholders(reader: _Reader) -> None:
    for number, line in enumerate(reader.lines, 1):
        for name in PLACEHOLDER.findall(line):
            if name not in reader.names:
                raise reader.wrong(
                    number,
                    sentence("no figure is called “{found}”: there are {names}."),
                    found=name[:40],
                    names=", ".join(sorted(reader.names)),
                )


_Lines = list[tuple[int, str]]  # with their numbers


def _sections(reader: _Reader, after: int) -> tuple[_Lines, list[tuple[str, str, int, _Lines]]]:
    """The text above the first heading, and each section: its word, what stands behind that, its line, its lines."""
    body: _Lines = []
    found: list[tuple[str, str, int, _Lines]] = []
    into = body
    for number, line in enumerate(reader.lines[after:], after + 1):
        if line.startswith("## "):
            parts = _HEADING.fullmatch(line.rstrip())
            word = _SECTIONS.get(parts["word"].lower()) if parts else None
            if parts is None or word is None:
                raise reader.wrong(
                    number, sentence("“{found}” is no section: Recorded, Teacher, Gloss or Question."), found=line[:40]
                )
            into = []
            found.append((word, parts["rest"].strip(), number, into))
        else:
            into.append((number, line.rstrip()))
    return body, found


def _text(lines: _Lines) -> str:
    return "\n".join(line for _number, line in lines).strip()


def _gloss(reader: _Reader, lines: _Lines) -> tuple[tuple[str, str], ...]:
    found = []
    for number, line in lines:
        if not line:
            continue
        term, colon, meaning = (part.strip() for part in line.removeprefix("- ").partition(": "))
        if not line.startswith("- ") or not colon or not term or not meaning:
            raise reader.wrong(number, sentence("a gloss is a line “- English: its meaning”."))
        found.append((term, meaning))
    return tuple(found)


def _question(reader: _Reader, heading: str, line: int, lines: _Lines) -> WrittenQuestion:
    named = _NAMED.fullmatch(heading)
    if named is None:
        raise reader.wrong(
            line, sentence("a question has a name of small letters, digits and hyphens, and may have a form, A or B.")
        )
    ask: list[str] = []
    why: list[str] = []
    choices: list[str] = []
    drawn: dict[str, tuple[int, ...]] = {}
    right = unsure = None
    for number, text in lines:
        if (axis := _DRAWN.fullmatch(text)) and not choices and not why:
            drawn[axis["what"][:1]] = tuple(int(one) for one in axis["numbers"].split(","))
        elif choice := _CHOICE.fullmatch(text):
            if why:
                raise reader.wrong(number, sentence("choices stand above the reason."))
            if len(choice["text"]) > LONGEST_CHOICE:
                raise reader.wrong(number, sentence("a choice has at most {most} characters."), most=LONGEST_CHOICE)
            if (choice["mark"] == "x" and right is not None) or (choice["mark"] == "?" and unsure is not None):
                raise reader.wrong(number, sentence("a question has one right choice and one “I don't know” at most."))
            right = len(choices) if choice["mark"] == "x" else right
            unsure = len(choices) if choice["mark"] == "?" else unsure
            choices.append(choice["text"])
        elif text.startswith("- ["):
            raise reader.wrong(number, sentence("a choice begins with “- [ ] ”, “- [x] ” or “- [?] ”."))
        elif reason := _WHY.fullmatch(text):
            why.append(reason["text"])
        elif why:
            why.append(text)
        elif choices and text:
            raise reader.wrong(number, sentence("a choice is one line; the reason begins with “Why:”."))
        else:
            ask.append(text)
    found = WrittenQuestion(
        named["name"],
        named["form"] or "",
        "\n".join(ask).strip(),
        line,
        tuple(choices),
        right,
        unsure,
        " ".join(filter(None, why)),
        _grid(reader, line, drawn),
    )
    if found.grid is not None and (found.form or not choices):
        raise reader.wrong(
            line, sentence("a question that is drawn has choices for cards and hands, and no form A or B.")
        )
    if not 0 < len(found.ask) <= LONGEST_TEXT or len(found.why) > LONGEST_TEXT:
        raise reader.wrong(
            line, sentence("a question has 1 to {most} characters, and its reason at most as many."), most=LONGEST_TEXT
        )
    if len(choices) == 1 or len(choices) > MOST_CHOICES:
        raise reader.wrong(
            line, sentence("a question has 2 to {most} choices, or none for a sentence."), most=MOST_CHOICES
        )
    if right is not None and not found.why:
        raise reader.wrong(line, sentence("a right choice needs its reason: a line “Why: …”."))
    return found


def _grid(reader: _Reader, line: int, drawn: dict[str, tuple[int, ...]]) -> Grid | None:
    """The grid of a question that is drawn; None where it has neither moments nor heights."""
    if not drawn:
        return None
    try:
        return Grid(drawn.get("M", ()), drawn.get("H", ()))
    except ValueError as error:
        raise reader.wrong(
            line,
            sentence(
                "what is drawn has 2 to {moments} moments in seconds and 2 to {heights} heights in percent, each a line of "
                "numbers that grow: “Moments: 10, 20, 30” and “Heights: 0, 50, 100”."
            ),
            moments=MOST_MOMENTS,
            heights=MOST_HEIGHTS,
        ) from error
