"""How likely the models hold the words among which a class votes: recorded with the lesson, since most rooms load no model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.classroom import lessons
from engine.core import paths
from engine.core.errors import LessonError
from engine.core.files import read_json

QUESTION = "next-word"  # of the lesson, in whose English the words stand
FILE = "next_word.json"
BASE, RUN = MODELS = ("base", "run")
TOP = 10


@dataclass(frozen=True)
class Choice:
    """What one model expects behind the beginning of a sentence.

    Attributes:
        shares: the probability of each choice of the question, in their order. top: its most likely pieces, each with its
            probability. rank: the place of the right choice's first piece among all pieces, from 1.
    """

    shares: tuple[float, ...]
    top: tuple[tuple[str, float], ...]
    rank: int


@dataclass(frozen=True)
class NextWord:
    """A recording. prompt: the beginning. date, command, commit: when and how it was made."""

    prompt: str
    models: dict[str, Choice]
    date: str
    command: str
    commit: str


def asked(lesson: lessons.Lesson) -> tuple[str, list[str], int]:
    """The beginning of the sentence, the words that may go on with it, in English, and the number of the right one."""
    question = lesson.question(QUESTION)
    wording = question.wording(0, "en")
    return wording.ask.rstrip(" …."), list(wording.choices), question.right or 0


def recorded(lesson: lessons.Lesson, folder: Path | None = None) -> NextWord | None:
    """The recording of a lesson; None where there is none, or where the question was changed since.

    Raises:
        LessonError: the file is damaged.
    """
    file = (folder or paths.LESSONS / lesson.name) / FILE
    if not file.is_file():
        return None
    try:
        value: dict[str, Any] = read_json(file)
        prompt, words, _right = asked(lesson)
        if (value["prompt"], value["words"]) != (prompt, words):
            return None
        models = {name: _choice(value["models"][name], len(words)) for name in MODELS}
        return NextWord(prompt, models, *(str(value[name]) for name in ("date", "command", "commit")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LessonError("The recording {file} of the lesson is damaged: make it again.", file=FILE) from error


def _choice(value: dict[str, Any], count: int) -> Choice:
    shares = tuple(float(share) for share in value["shares"])
    top = tuple((str(piece), float(share)) for piece, share in value["top"])
    if len(shares) != count or not all(0 <= share <= 1 for share in (*shares, *(share for _piece, share in top))):
        raise ValueError
    return Choice(shares, top, int(value["rank"]))
