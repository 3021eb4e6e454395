"""What a class is asked: a question in its languages and forms, its choices, and which of them is right."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.classroom.drawn import Grid
from engine.core.errors import ClassError

# One of several; a sentence that goes to the teacher and is not kept; or a curve that is drawn, or chosen among the shapes.
CHOICE, TEXT, CURVE = "choice", "text", "curve"
BEFORE, AFTER, ONCE = "before", "after", ""  # when in the lesson: the two parallel forms change places
MOST_CHOICES = 8
LONGEST_TEXT = 1000  # characters of a question or a reason
LONGEST_CHOICE = 200


@dataclass(frozen=True)
class Wording:
    """A form of a question in one language. why: the reason of the right answer, shown when it is revealed."""

    ask: str
    choices: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        forms: one, or two that are parallel: other words, the same choices in the same order. Language → wording.
        right: the number of the right choice, from 0; None where a run will tell, or nothing is right.
        unsure: the number of the choice "I don't know"; None where there is none.
        grid: what a phone draws a curve on; its choices are the shapes, for cards and hands. None of every other kind.
    """

    name: str
    forms: tuple[Mapping[str, Wording], ...]
    kind: str = CHOICE
    right: int | None = None
    unsure: int | None = None
    grid: Grid | None = None

    @property
    def count(self) -> int:
        """How many choices there are."""
        return len(next(iter(self.forms[0].values())).choices)

    def wording(self, form: int, language: str) -> Wording:
        """A form in a language, else in one that there is."""
        of = self.forms[form]
        return of.get(language) or next(iter(of.values()))

    def form(self, moment: str, half: int) -> int:
        """Which form half a class gets: before the lesson its own, after it the other half's."""
        if len(self.forms) < 2:
            return 0
        return 1 - half if moment == AFTER else half

    def to_json(self) -> str:
        """The question as a class keeps it, whatever becomes of the lesson's files."""
        forms = [{code: [w.ask, list(w.choices), w.why] for code, w in form.items()} for form in self.forms]
        value: dict[str, Any] = {"forms": forms, "kind": self.kind, "right": self.right, "unsure": self.unsure}
        if self.grid is not None:
            value["grid"] = [self.grid.moments, self.grid.heights]
        return json.dumps(value, ensure_ascii=False)

    @classmethod
    def from_json(cls, name: str, text: str) -> "Question":
        """The question that `to_json` wrote.

        Raises:
            ClassError: it is another text.
        """
        try:
            value: dict[str, Any] = json.loads(text)
            forms = tuple(
                {
                    str(code): Wording(str(ask), tuple(map(str, choices)), str(why))
                    for code, (ask, choices, why) in f.items()
                }
                for f in value["forms"]
            )
            grid = Grid(*map(tuple, value["grid"])) if "grid" in value else None  # classes of before have none
            found = cls(name, forms, str(value["kind"]), value["right"], value["unsure"], grid)
            if (
                (found.kind == CURVE) != (grid is not None)
                or not forms
                or not all(forms)
                or any(len(one.choices) != found.count for form in forms for one in form.values())
                or not all(
                    one is None or (type(one) is int and 0 <= one < found.count) for one in (found.right, found.unsure)
                )
            ):
                raise ValueError
            return found
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ClassError("The question {name} of this class is damaged: ask it again.", name=name) from error


def typed(name: str, ask: str, choices: list[str], language: str, right: int | None = None) -> Question:
    """A question that a teacher has typed.

    Raises:
        ClassError: it is empty or too long, has one choice alone or too many, or no choice is the right one's.
    """
    ask, choices = ask.strip(), [choice.strip() for choice in choices]
    if not ask or len(ask) > LONGEST_TEXT:
        raise ClassError("A question has 1 to {most} characters; received {n}.", most=LONGEST_TEXT, n=len(ask))
    if not 2 <= len(choices) <= MOST_CHOICES:
        raise ClassError("A question has 2 to {most} choices; received {n}.", most=MOST_CHOICES, n=len(choices))
    if not all(0 < len(choice) <= LONGEST_CHOICE for choice in choices):
        raise ClassError("Each choice has 1 to {most} characters.", most=LONGEST_CHOICE)
    if right is not None and not 0 <= right < len(choices):
        raise ClassError("The right choice is one of 1 to {n}; received {right}.", n=len(choices), right=right + 1)
    return Question(name, ({language: Wording(ask, tuple(choices))},), right=right)
