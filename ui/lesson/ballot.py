"""A question put to the class: phones answer it, cards and hands are counted, and it is revealed.

With a class all of it is in the class's file (`engine.classroom.votes`); without one the counts of cards and hands are this
session's alone.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.classroom import classes, lessons, tallies, votes
from engine.classroom.figures import recorded
from engine.classroom.questions import AFTER, BEFORE, TEXT, Question, Wording
from engine.classroom.votes import CLOSED, MOST_CARDS, OPEN, REVEALED
from ui import errors, present, redrawn, words
from ui.i18n import _, _n, language
from ui.lesson import bars, drawn
from ui.lesson.bars import Bar, Row
from ui.lesson.course import Course

NOT_ASKED = "not asked"
_HANDS = "lesson_hands"  # of a session without a class: question and moment → its counts and whether they are revealed


@dataclass(frozen=True)
class Ballot(tallies.Counted):
    """How a question stands.

    Attributes:
        state: NOT_ASKED, or one of a class's questions. number: in the class, None where there is none. phones, paper: a number a
            choice; paper counts cards and hands. curves: what phones have drawn.
    """

    question: Question
    moment: str
    state: str
    round: int
    phones: tuple[int, ...]
    paper: tuple[int, ...]
    number: int | None = None
    curves: tuple[tuple[int, ...], ...] = ()

    @property
    def is_revealed(self) -> bool:
        """Whether the wall shows how the class has answered."""
        return self.state == REVEALED

    @property
    def wording(self) -> Wording:
        """Its words on the wall: of two forms one before and the other after, as for a pupil of the first half."""
        return self.question.wording(self.question.form(self.moment, 0), language())


def of(course: Course, name: str, moment: str = "") -> Ballot:
    """How a question stands now."""
    question = course.question(name)
    nothing = (0,) * question.count
    if course.of is None:
        kept = _hands(name, moment, question.count)
        return Ballot(
            question,
            moment,
            REVEALED if kept["revealed"] and _may_reveal(course) else OPEN,
            kept["round"],
            nothing,
            tuple(kept["counts"]),
        )
    asked = tallies.newest(course.of, name, moment)
    if asked is None or asked.question.count != question.count:
        return Ballot(question, moment, NOT_ASKED, 0, nothing, nothing)
    found = tallies.tally(course.of, asked)
    counted = (found.phones, found.paper)
    return Ballot(asked.question, moment, asked.state, asked.round, *counted, asked.number, found.curves)


def _may_reveal(course: Course) -> bool:
    """Whether this session may show right answers: without a class anybody's page counts hands, a pupil's of an open class too."""
    return course.of is not None or not classes.any_open()


def _hands(name: str, moment: str, count: int) -> dict[str, Any]:
    all_: dict[str, dict[str, Any]] = st.session_state.setdefault(_HANDS, {})
    kept = all_.setdefault(f"{name} {moment}", {"counts": [0] * count, "revealed": False, "round": 1})
    if len(kept["counts"]) != count:  # the text was changed meanwhile
        kept.update(counts=[0] * count, revealed=False)
    return kept


def show(course: Course, name: str, moment: str = "", pictures: tuple[str, ...] = ()) -> Ballot:
    """Shows a question with its choices, once it is revealed with the class's answers and the right one; and its buttons.

    Args:
        pictures: of the choices.
    """
    ballot = of(course, name, moment)
    st.subheader(words.plain(ballot.wording.ask), anchor=False)
    if ballot.question.kind != TEXT:
        rows, grid = bars.written(_rows(course, ballot, pictures)), ballot.question.grid
        if grid is not None and ballot.curves and _is_seen(course, ballot):
            said = _n("{n} curve was drawn.", "{n} curves were drawn.", len(ballot.curves))
            rows = drawn.written(rows, grid, ballot.curves, said)
        st.html(rows)
        if ballot.is_revealed and ballot.wording.why:
            st.markdown(words.plain(ballot.wording.why))
    _status(course, ballot)
    if course.leads:
        _buttons(course, ballot)
    return ballot


def _rows(course: Course, ballot: Ballot, pictures: tuple[str, ...]) -> list[Row]:
    seen = _is_seen(course, ballot) and sum(ballot.counts) > 0
    found = []
    for place, choice in enumerate(ballot.wording.choices):
        own = class_bar(ballot, place) if seen else None
        found.append(
            Row(
                choice,
                [own] if own is not None else [],
                right=ballot.is_revealed and place == ballot.question.right,
                picture=pictures[place] if len(pictures) == ballot.question.count else "",
            )
        )
    return found


def _is_seen(course: Course, ballot: Ballot) -> bool:
    """Whether this screen shows the answers."""
    return ballot.is_revealed or (course.is_teachers and ballot.total > 0)


def class_bar(ballot: Ballot, place: int, label: str = "") -> Bar | None:
    """The bar of the class for a choice; None before anybody has answered."""
    if not ballot.total:
        return None
    return Bar(words.grouped(ballot.counts[place]), ballot.counts[place] / ballot.total, "class", label)


def _status(course: Course, ballot: Ballot) -> None:
    said = []
    if ballot.state == NOT_ASKED:
        said.append(_("The phones do not show this question yet."))
    elif ballot.question.kind != TEXT:
        said.append(_n("{n} answer", "{n} answers", ballot.total))
        if course.of is not None:
            names = {OPEN: _("open"), CLOSED: _("closed"), REVEALED: _("revealed")}
            said.append(names.get(ballot.state, ballot.state))
    if ballot.round > 1:
        said.append(_("round {n}", n=ballot.round))
    st.markdown(" · ".join(said))


def _buttons(course: Course, ballot: Ballot) -> None:
    """What whoever leads may do with a question."""
    key = f"{ballot.question.name}_{ballot.moment}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if ballot.state == NOT_ASKED:
            label = _("Ask the six on the phones") if ballot.moment else _("Ask on the phones")
            st.button(label, type="primary", key=f"lesson_ask_{key}", on_click=_ask, args=(course, ballot))
            return
        if ballot.state == OPEN and course.of is not None:
            st.button(_("Close"), key=f"lesson_close_{key}", on_click=_set, args=(course, ballot, CLOSED))
        if ballot.state == CLOSED:
            st.button(_("Open again"), key=f"lesson_open_{key}", on_click=_set, args=(course, ballot, OPEN))
        # What is asked before the lesson comes back after it: its answers are not given away.
        if ballot.state in (OPEN, CLOSED) and ballot.moment != BEFORE and ballot.question.kind != TEXT:
            may_reveal = _may_reveal(course)
            st.button(
                _("Show the answers"),
                key=f"lesson_reveal_{key}",
                type="primary",
                disabled=not may_reveal or (course.of is None and not ballot.total and ballot.question.right is None),
                on_click=_set,
                args=(course, ballot, REVEALED),
            )
            if not may_reveal:
                st.caption(_("A class is open here: its teacher's own link shows the answers, or erase it first."))
        if ballot.moment not in (BEFORE, AFTER) and (ballot.is_revealed or ballot.state == CLOSED or ballot.total):
            st.button(_("Vote again"), key=f"lesson_again_{key}", on_click=_again, args=(course, ballot))
    if ballot.question.kind != TEXT and ballot.state in (OPEN, CLOSED):
        with st.expander(
            _("Cards or hands"), expanded=course.of is None and not present.on(), key=f"lesson_cards_{key}"
        ):
            _cards(course, ballot, key)


def _cards(course: Course, ballot: Ballot, key: str) -> None:
    columns = st.columns(ballot.question.count, gap="small")
    for place, (column, count) in enumerate(zip(columns, ballot.paper, strict=True)):
        own = f"lesson_card_{key}_{ballot.round}_{place}"
        st.session_state[own] = count  # somebody may have counted on another screen
        column.number_input(
            votes.letter(place),
            min_value=0,
            max_value=MOST_CARDS,
            step=1,
            key=own,
            on_change=_counted,
            args=(course, ballot, place, own),
        )


def _ask(course: Course, ballot: Ballot) -> None:
    """Opens a question on the phones, or all that are asked before or after; every other one is closed."""
    redrawn.note()
    of_class = course.of
    if of_class is None:
        return
    with errors.shown():
        votes.close_all(of_class)
        for question, moment in lessons.asked(course.lesson, [ballot.moment or ballot.question.name], recorded):
            votes.ask(of_class, question, moment)


def _set(course: Course, ballot: Ballot, state: str) -> None:
    redrawn.note()
    if course.of is None:
        _hands(ballot.question.name, ballot.moment, ballot.question.count)["revealed"] = state == REVEALED
    elif ballot.number is not None:
        with errors.shown():
            votes.set_state(course.of, ballot.number, state)


def _again(course: Course, ballot: Ballot) -> None:
    """Asks it a second time, after the talk with a neighbour."""
    redrawn.note()
    if course.of is not None:
        _ask(course, ballot)
        return
    kept = _hands(ballot.question.name, ballot.moment, ballot.question.count)
    kept.update(counts=[0] * ballot.question.count, revealed=False, round=kept["round"] + 1)


def _counted(course: Course, ballot: Ballot, place: int, key: str) -> None:
    redrawn.note()
    count = int(st.session_state.get(key) or 0)
    if course.of is None:
        _hands(ballot.question.name, ballot.moment, ballot.question.count)["counts"][place] = count
    elif ballot.number is not None:
        with errors.shown():
            votes.count_paper(course.of, ballot.number, {place: count})
