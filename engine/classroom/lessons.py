"""A lesson: a folder of texts, a file a step in each language, with the same steps and questions in all of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.classroom import lesson_files
from engine.classroom.figures import NAMES
from engine.classroom.lesson_files import FORMS, PLACEHOLDER, Step, WrittenQuestion, wrong
from engine.classroom.questions import AFTER, BEFORE, CHOICE, CURVE, ONCE, TEXT, Question, Wording
from engine.core import paths
from engine.core.errors import LessonError, sentence

FINE_TUNING = "fine_tuning"
LANGUAGES = ("en", "fr")
SLACK_MINUTES = 2  # of a form that none of its steps has


@dataclass(frozen=True)
class Lesson:
    """A lesson whose texts have been checked. steps: language → its steps in their order."""

    name: str
    steps: Mapping[str, tuple[Step, ...]]

    def minutes(self, short: bool = False) -> float:
        """How long its steps take: the clock has `SLACK_MINUTES` more."""
        return sum(step.short if short else step.minutes for step in self.steps[LANGUAGES[0]])

    def step(self, number: int, language: str) -> Step:
        """A step in a language.

        Raises:
            LessonError: there is no such step.
        """
        for step in self.steps[language]:
            if step.number == number:
                return step
        raise LessonError("The lesson {name} has no step {number}.", name=self.name, number=str(number))

    def names(self) -> list[str]:
        """The names of its questions, in the order of the steps."""
        return list(dict.fromkeys(one.name for step in self.steps[LANGUAGES[0]] for one in step.questions))

    def parallel(self) -> list[str]:
        """The names of the questions that are asked before and after, in two forms."""
        return [name for name in self.names() if len(self.question(name).forms) == len(FORMS)]

    def question(self, name: str, figures: Mapping[str, Mapping[str, str]] | None = None) -> Question:
        """A question in all its languages and forms.

        Args:
            figures: language → name → text, for what stands in braces; a figure that is not there is a dash.

        Raises:
            LessonError: there is no such question.
        """
        of = {
            code: [one for step in steps for one in step.questions if one.name == name]
            for code, steps in self.steps.items()
        }
        first = of[LANGUAGES[0]]
        if not first:
            raise LessonError(
                "The lesson {name} has no question {question}: there are {names}.",
                name=self.name,
                question=paths.shortened(name),
                names=", ".join(self.names()),
            )
        forms = tuple(
            {code: _wording(asked[place], (figures or {}).get(code, {})) for code, asked in of.items()}
            for place in range(len(first))
        )
        kind = CURVE if first[0].grid is not None else CHOICE if first[0].choices else TEXT
        return Question(name, forms, kind, first[0].right, first[0].unsure, first[0].grid)


def _wording(asked: WrittenQuestion, figures: Mapping[str, str]) -> Wording:
    return Wording(
        filled(asked.ask, figures),
        tuple(filled(choice, figures) for choice in asked.choices),
        filled(asked.why, figures),
    )


def asked(
    lesson: Lesson, names: Iterable[str], figures: Callable[[str], Mapping[str, str]]
) -> list[tuple[Question, str]]:
    """What is asked under some names, each with its moment: questions, or "before" and "after" for the six in two forms.

    Args:
        figures: of a language, for what stands in braces.

    Raises:
        LessonError: there is no such question.
    """
    filled_in = {code: figures(code) for code in LANGUAGES}
    found = []
    for name in names:
        moment = name if name in (BEFORE, AFTER) else ONCE
        found += [(lesson.question(one, filled_in), moment) for one in (lesson.parallel() if moment else [name])]
    return found


def filled(text: str, figures: Mapping[str, str]) -> str:
    """A text with its figures; one that is not there is a dash."""
    return PLACEHOLDER.sub(lambda match: figures.get(match[1], "–"), text)


def all_lessons() -> list[str]:
    """The names of the lessons."""
    return sorted(p.name for p in paths.LESSONS.iterdir() if p.is_dir()) if paths.LESSONS.is_dir() else []


def find(name: str) -> Path:
    """The folder of a lesson.

    Raises:
        LessonError: there is none of that name.
    """
    if name not in all_lessons():
        raise LessonError(
            "There is no lesson {name}: there are {names}.", name=paths.shortened(name), names=", ".join(all_lessons())
        )
    return paths.LESSONS / name


def load(name: str = FINE_TUNING, folder: Path | None = None) -> Lesson:
    """Reads and checks a lesson.

    Raises:
        LessonError: something is wrong: the file, the line and what.
    """
    folder = folder or find(name)
    steps: dict[str, tuple[Step, ...]] = {}
    for code in LANGUAGES:
        found = [lesson_files.read(file, NAMES) for file in sorted((folder / code).glob("*.md"))]
        if not found:
            raise LessonError("The lesson {name} has no texts in the folder {folder}.", name=name, folder=code)
        steps[code] = tuple(sorted(found, key=lambda step: step.number))
        _check_language(steps[code])
    first = LANGUAGES[0]
    for code in LANGUAGES[1:]:
        _check_alike(steps[first], steps[code])
    return Lesson(name, steps)


def _check_language(steps: tuple[Step, ...]) -> None:
    """Each step once, each question in one place, and of two forms the same choices."""
    seen: dict[int, Step] = {}
    places: dict[str, Step] = {}
    for step in steps:
        if step.number in seen:
            raise wrong(
                step.file,
                1,
                sentence("step {number} is already in {other}."),
                number=str(step.number),
                other=seen[step.number].file.name,
            )
        seen[step.number] = step
        for one in step.questions:
            if places.setdefault(one.name, step) is not step:
                raise wrong(
                    step.file,
                    one.line,
                    sentence("this question is already in {other}."),
                    other=places[one.name].file.name,
                )
        for name in {one.name for one in step.questions}:
            _check_forms(step, [one for one in step.questions if one.name == name])
    wanted = any(step.asks for step in steps)
    if wanted and not any(one.form for step in steps for one in step.questions):
        raise wrong(steps[0].file, 1, sentence("no question has the forms A and B that are asked before and after."))


def _check_forms(step: Step, forms: list[WrittenQuestion]) -> None:
    first = forms[0]
    if first.form and [one.form for one in forms] != list(FORMS):
        raise wrong(step.file, first.line, sentence("of this question form A is needed, and below it form B."))
    for one in forms[1:]:
        if (len(one.choices), one.right, one.unsure) != (len(first.choices), first.right, first.unsure):
            raise wrong(
                step.file,
                one.line,
                sentence("form B has the choices of form A in the same order, other words in each."),
            )


def _check_alike(steps: tuple[Step, ...], others: tuple[Step, ...]) -> None:
    """The same steps, questions, choices and glosses in another language."""
    numbers = [step.number for step in steps]
    for step in others:
        if step.number not in numbers:
            raise wrong(step.file, 1, sentence("the other language has no step {number}."), number=str(step.number))
    by_number = {step.number: step for step in others}
    for step in steps:
        other = by_number.get(step.number)
        if other is None:
            raise wrong(step.file, 1, sentence("the other language has no step {number}."), number=str(step.number))
        shapes = [(one.minutes, one.kind, one.asks, one.short) for one in (step, other)]
        if shapes[0] != shapes[1]:
            raise wrong(
                other.file,
                1,
                sentence("minutes, kind, asks and short are those of {other}."),
                other="/".join(step.file.parts[-2:]),
            )
        if [term for term, _meaning in step.gloss] != [term for term, _meaning in other.gloss]:
            raise wrong(
                other.file,
                1,
                sentence("its glosses are of the same English as those of {other}."),
                other="/".join(step.file.parts[-2:]),
            )
        if bool(step.recorded) != bool(other.recorded):
            lacking, there = (other, step) if step.recorded else (step, other)
            raise wrong(
                lacking.file,
                1,
                sentence("the section Recorded of {other} is missing."),
                other="/".join(there.file.parts[-2:]),
            )
        _check_questions(step, other)


def _check_questions(step: Step, other: Step) -> None:
    for place, one in enumerate(step.questions):
        if place >= len(other.questions):
            raise wrong(step.file, one.line, sentence("the other language lacks this question."))
        twin = other.questions[place]
        shape = [(q.name, q.form, len(q.choices), q.right, q.unsure, q.grid) for q in (one, twin)]
        if shape[0] != shape[1]:
            what = sentence(
                "name, form, number of choices, the right one and the grid are those of {other}, line {number}."
            )
            raise wrong(other.file, twin.line, what, other="/".join(step.file.parts[-2:]), number=str(one.line))
    if len(other.questions) > len(step.questions):
        raise wrong(
            other.file, other.questions[len(step.questions)].line, sentence("the other language lacks this question.")
        )
