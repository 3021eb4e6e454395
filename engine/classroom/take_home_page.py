"""What a pupil takes home, and what a class leaves: the page of its run with the answers to the questions, on two pages of A4."""

from collections.abc import Callable, Sequence
from typing import Any

from engine import __version__
from engine.classroom import report_page, shapes
from engine.classroom.class_figures import ClassFigures, Guessed, Number, QuestionFigures
from engine.classroom.curve_picture import Guess, Guesses
from engine.classroom.own_answers import AGAIN, FIRST, Answered, Chosen
from engine.classroom.questions import AFTER, BEFORE, ONCE
from engine.classroom.report_page import Space
from engine.classroom.reports import Curve, Report
from engine.classroom.shortening import lines_of, shortened
from engine.classroom.tallies import BLIND_QUESTIONS, HIDDEN
from engine.classroom.votes import letter
from engine.core.numbers import NO_NUMBER
from engine.core.wording import Wording

_SPACE = Space(
    text=220,
    lines=6,
    passages=1,
    happened=1,
    settings=frozenset({"base", "articles", "length", "steps", "tokens", "batch", "rate", "seed", "device", "result"}),
    height=205,
)
# The second page has two columns of so many lines, each as wide as so many small letters, or bold ones.
_LINES, _LINES_OF_CLASS = 58, 52
_ACROSS, _BOLD = 52, 47
_COUNTS = 10  # small letters that the counts beside a choice take
_BETWEEN = 0.35  # lines between two questions
# So much of a question, of a choice and of a reason is told: the most that fits, whatever a class was asked.
_LEVELS = ((400, 150, 400), (240, 110, 240), (170, 80, 170), (110, 60, 110), (70, 40, 60), (46, 32, 0))
_LEVELS_OF_CLASS = ((400, 150, 0), (200, 80, 0), (150, 42, 0), (100, 42, 0), (70, 42, 0), (46, 28, 0), (36, 28, 0))

_Told = dict[str, Any]  # what the page tells of a question


def of_pupil(report: Report | None, answers: Sequence[Answered], guesses: Guessed, language: str) -> str:
    """The page of one pupil; of none in particular where no answer is anybody's.

    Args:
        report: of the class's run; None where there is none. guesses: what the class expected of the curve.
    """
    wording = Wording(language)
    _ = wording.say
    own = next((one.chosen[-1] for one in answers if one.name == shapes.QUESTION and one.chosen), None)
    has_own = any(one.chosen for one in answers)
    rows, left_out = _fitting(
        answers, lambda one, level: _answer(one, wording, level), _height_of_answer, _LINES, _LEVELS
    )
    return _page(
        report,
        guesses,
        own,
        wording,
        title=_("Atelier: the lesson to take home"),
        second="report_answers.html",
        made=[_("This page was made with Atelier {version}.", version=__version__)],
        answers={
            "title": _("Your answers") if has_own else _("The questions and their answers"),
            "said": " ".join(filter(None, [_score(answers, wording), _left_out(left_out, wording)])),
            "rows": rows,
        },
    )


def of_class(report: Report | None, figures: ClassFigures, guesses: Guessed, language: str) -> str:
    """The page of a class, with its figures."""
    wording = Wording(language)
    _ = wording.say
    rows, left_out = _fitting(
        figures.questions,
        lambda one, level: _counted(one, wording, level),
        _height_of_counted,
        _LINES_OF_CLASS,
        _LEVELS_OF_CLASS,
    )
    said = [
        _("Phones in the class: {n}", n=_number(figures.phones, wording)) + ".",
        _(
            "Behind a question, how many answered; behind a choice, how many chose it: before → after, or the first time → the last."
        ),
        _("“<5” is fewer than five; a dash is what would tell how many those were."),
        _left_out(left_out, wording),
    ]
    return _page(
        report,
        guesses,
        None,
        wording,
        title=_("Atelier: the report of class {code}", code=figures.code),
        second="report_class.html",
        made=[
            _(
                "The class was opened on {day}. This page was made with Atelier {version}.",
                day=wording.day(figures.opened),
                version=__version__,
            )
        ],
        figures={
            "title": _("The answers of the class"),
            "said": " ".join(filter(None, said)),
            "rows": rows,
            "end": " ".join(_end(figures, wording)),
        },
    )


def _page(
    report: Report | None, guesses: Guessed, own: Chosen | None, wording: Wording, made: list[str], **values: Any
) -> str:
    _ = wording.say
    if report is None:
        run: dict[str, Any] = {
            "has_run": False,
            "headline": _("The lesson on fine-tuning"),
            "where": _("The run of this class is not here (any more): what this page tells of it is missing."),
        }
        return report_page.rendered(wording, **run, made=made, **values)
    curves = _guesses(report.curve, guesses, own, wording)
    run = report_page.parts(report, wording, _SPACE, curves)
    of_minute = _("This is about the run of step 2, not about the class's secret, which another run has read.")
    run["copied"] = {**run["copied"], "said": f"{of_minute} {run['copied']['said']}"}
    if run["curve"]["picture"]:
        run["curve"]["caption"] += _about_guesses(curves, wording)
    run["where"] = (
        _("The run was not trained in the lesson: it was recorded before and ships with Atelier.")
        if report.recorded
        else _("The run was trained in the lesson.")
    )
    return report_page.rendered(wording, **run, made=[*made, *report_page.recorded(report, wording)], **values)


def _guesses(curve: Curve, guessed: Guessed, own: Chosen | None, wording: Wording) -> Guesses:
    """What was expected: the shapes between where the run began and where it ended, and through which points curves were drawn."""
    if len(curve.validation) < 2:
        return Guesses()
    first, last = curve.validation[0], curve.validation[-1]
    lines = []
    chosen = own.number if own is not None else None
    for place, heights in enumerate(shapes.SHAPES if guessed.shapes or chosen is not None else ()):
        name = letter(place)
        if guessed.shapes:
            name = wording.say("{letter}: {n}", letter=name, n=_number(guessed.shapes[place], wording))
        if place == chosen:
            name = wording.say("{guess}, yours", guess=name)
        lines.append(Guess(name, shapes.between(heights, first, last), place == chosen))
    if own is not None and own.curve:
        lines.append(Guess(wording.say("yours"), (first, *((last[0] * at, value) for at, value in own.curve)), True))
    most = max((count for _at, _value, count in guessed.drawn), default=1)
    points = tuple((last[0] * at, value, count / most) for at, value, count in guessed.drawn)
    return Guesses(tuple(lines), points)


def _about_guesses(guesses: Guesses, wording: Wording) -> str:
    """What the lines and points of the guesses are."""
    _, said = wording.say, [""]
    if any(not one.own for one in guesses.lines):
        said.append(
            _("Grey: the shapes to choose from, each with how many of the class chose it; “<5” is fewer than five.")
        )
    if guesses.points:
        said.append(_("Grey points: where five or more of the curves that the class drew go through."))
    if any(one.own for one in guesses.lines):
        said.append(_("Dotted: yours."))
    return " ".join(said)


def _number(number: Number, wording: Wording) -> str:
    """A count as it is printed; one that is not told is a dash."""
    if isinstance(number, int):
        return wording.whole(number)
    return NO_NUMBER if number == HIDDEN else number


def _choice(number: int, text: str, level: tuple[int, int, int]) -> str:
    return f"{letter(number)}. {shortened(text, level[1])}"


def _answer(one: Answered, wording: Wording, level: tuple[int, int, int]) -> _Told:
    """What stands below a question: what was chosen, each with whether that is right, and the right choice with its reason."""
    _ = wording.say
    right = None if one.right is None else one.right[0]
    chosen = list(one.chosen)
    if len(chosen) == 2 and chosen[0].number == chosen[1].number and not any(answer.curve for answer in chosen):
        chosen = [Chosen(f"{chosen[0].when} {chosen[1].when}", chosen[1].number, chosen[1].text)]
    said = []
    for answer in chosen:
        if answer.number is not None:
            choice = _choice(answer.number, answer.text, level)
        else:
            choice = _("the dotted curve") if answer.curve else _("no answer")
        is_right = answer.number is not None and answer.number == right
        said.append({"text": _when(answer.when, choice, wording), "right": is_right})
    tells = "" if one.right is None or (said and said[-1]["right"]) else _choice(*one.right, level)
    why = shortened(one.why, level[2]) if level[2] else ""
    if one.is_open:
        why = _("This question is still open: its answer is not told yet.")
    ask = shortened(one.ask, level[0])
    tells = _("Right: {choice}", choice=tells) if tells else ""
    return {
        "ask": ask,
        "chosen": said,
        "right": tells,
        "why": why,
    }


def _when(when: str, choice: str, wording: Wording) -> str:
    _ = wording.say
    if when == BEFORE:
        return _("Before: {choice}", choice=choice)
    if when == AFTER:
        return _("After: {choice}", choice=choice)
    if when == FIRST:
        return _("First: {choice}", choice=choice)
    if when == AGAIN:
        return _("Then: {choice}", choice=choice)
    if when == ONCE:
        return _("You: {choice}", choice=choice)
    return _("Both times: {choice}", choice=choice)


def _score(answers: Sequence[Answered], wording: Wording) -> str:
    """How many of the questions that were asked before and after were right when."""
    parallel = [one for one in answers if [c.when for c in one.chosen] == [BEFORE, AFTER] and one.right]
    if not parallel:
        return ""
    before, after = (sum(one.chosen[n].number == (one.right or (-1,))[0] for one in parallel) for n in (0, 1))
    return wording.say(
        "Right before the lesson: {before} of {n}; after it: {after} of {n}.",
        before=before,
        after=after,
        n=len(parallel),
    )


def _counted(one: QuestionFigures, wording: Wording, level: tuple[int, int, int]) -> _Told:
    """What is told of a question of a class: each choice with its counts, and what changed from before to after."""
    _, moments = wording.say, [row.when for row in one.rows]
    rows = [
        {
            "text": _choice(place, text, level),
            "right": place == one.right,
            "counts": " → ".join(_number(row.counts[place], wording) for row in one.rows if place < len(row.counts)),
        }
        for place, text in enumerate(one.choices)
    ]
    changed = ""
    if one.changed is not None:
        changed = _(
            "wrong → right {learned}, right → wrong {unlearned}, of {n} pairs",
            learned=_number(one.changed.wrong_right, wording),
            unlearned=_number(one.changed.right_wrong, wording),
            n=_number(one.changed.pairs, wording),
        )
    elif moments == [BEFORE, AFTER]:
        changed = _("fewer than ten pairs: nothing is told of what changed")
    if one.curves:
        changed = _("curves drawn on phones: {n}", n=_number(one.curves, wording))
    total = " → ".join(_number(row.total, wording) for row in one.rows)
    if moments in ([BEFORE], [AFTER]):
        total = f"{_('before') if moments == [BEFORE] else _('after')} {total}"
    return {
        "ask": shortened(one.ask, level[0]),
        "total": total,
        "rows": rows,
        "is_table": one.parallel,
        "changed": changed,
    }


def _end(figures: ClassFigures, wording: Wording) -> list[str]:
    """What the blind vote came to, and what all of it is worth."""
    _ = wording.say
    found = []
    if (vote := figures.vote) is not None:
        shares = {"share": vote.share, "low": vote.low, "high": vote.high, "chance": vote.chance}
        found.append(
            _(
                "Who wrote it: {share} % right (95 % interval {low} to {high} %); chance is {chance} %.",
                **{name: wording.whole(100 * share) for name, share in shares.items()},
            )
        )
    elif any(one.name.startswith(BLIND_QUESTIONS) for one in figures.questions):
        found.append(_("Who wrote it: too few have answered, or were right or wrong, for a share to be told."))
    if any(row.when in (BEFORE, AFTER) for one in figures.questions for row in one.rows):
        found.append(_("Pairs are phones that answered before and after; cards and hands are none."))
    found.append(_("This is no proof: the same questions a week later tell more."))
    return found


def _left_out(count: int, wording: Wording) -> str:
    return wording.say("Questions that this page has no space for: {n}.", n=wording.whole(count)) if count else ""


def _fitting(
    items: Sequence[Any],
    build: Callable[[Any, tuple[int, int, int]], _Told],
    height: Callable[[_Told], float],
    lines: int,
    levels: Sequence[tuple[int, int, int]],
) -> tuple[list[_Told], int]:
    """The questions with as much of their texts as fits into the two columns, and how many are left out at the end."""
    rows: list[_Told] = []
    for level in levels:
        rows = [build(one, level) for one in items]
        if _columns([height(row) for row in rows], lines) <= 2:
            return rows, 0
    while rows and _columns([height(row) for row in rows], lines) > 2:
        rows.pop()
    return rows, len(items) - len(rows)


def _columns(heights: Sequence[float], lines: int) -> int:
    """How many columns of so many lines blocks take that are not broken."""
    columns, left = 0, 0.0
    for height in heights:
        if height + _BETWEEN > left:
            columns, left = columns + 1, float(lines)
        left -= height + _BETWEEN
    return columns


def _height_of_answer(row: _Told) -> float:
    chosen = sum(lines_of(f"{line['text']} ✓", _ACROSS) for line in row["chosen"])
    below = f"{row['right']} {row['why']}".strip()
    return lines_of(row["ask"], _BOLD) + chosen + (lines_of(below, _ACROSS if row["why"] else _BOLD) if below else 0)


def _height_of_counted(row: _Told) -> float:
    if row["is_table"]:
        table = sum(max(1.1, lines_of(f"✓ {one['text']}", _ACROSS - _COUNTS)) for one in row["rows"])
    else:
        table = lines_of(" · ".join(f"✓ {one['text']} {one['counts']}" for one in row["rows"]), _ACROSS)
    changed = lines_of(row["changed"], _ACROSS) if row["changed"] else 0
    return lines_of(f"{row['ask']} ({row['total']})", _BOLD) + table + changed
