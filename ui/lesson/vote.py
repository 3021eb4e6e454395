"""After the lesson: what changed from before to after, and how often the class told who wrote a text."""

import streamlit as st

from engine.classroom import tallies
from engine.classroom.questions import AFTER, BEFORE
from engine.classroom.tallies import BLIND_QUESTIONS, FEWEST_PAIRS, Pairs
from engine.classroom.votes import OPEN
from ui import words
from ui.i18n import _
from ui.lesson import ballot
from ui.lesson.course import Course


def changed(course: Course) -> None:
    """Shows what changed between the six questions before and after: pairs alone, since only a phone answers both as one."""
    st.subheader(_("What has changed?"), anchor=False)
    rows = []
    for number, name in enumerate(course.lesson.parallel(), 1):
        found = _pairs(course, name)
        if found is not None:
            rows.append(
                {
                    _("Question"): number,
                    _("Wrong before, right after"): found.wrong_right,
                    _("Right before, wrong after"): found.right_wrong,
                    _("Right both times"): found.right_right,
                    _("Wrong both times"): found.wrong_wrong,
                }
            )
    if rows:
        st.table(rows)
    else:
        st.info(
            _(
                "Nothing is shown of fewer than {n} phones that answered a question before and after. Cards and hands are no pairs: nobody knows who held them.",
                n=FEWEST_PAIRS,
            )
        )
    st.markdown(_("This is no proof: the same questions a week later tell more."))


def _pairs(course: Course, name: str) -> Pairs | None:
    """What changed at a question; while it takes answers, for whoever leads the class alone."""
    if course.of is None:
        return None
    asked = [tallies.newest(course.of, name, moment) for moment in (BEFORE, AFTER)]
    is_over = all(one is not None and one.state != OPEN for one in asked)
    return tallies.pairs(course.of, name) if is_over or course.leads else None


def blind(course: Course) -> None:
    """Shows how often the class was right about who wrote the texts, and what guessing gives."""
    st.subheader(_("Who wrote it?"), anchor=False)
    names = [name for name in course.lesson.names() if name.startswith(BLIND_QUESTIONS)]
    shown = [one for one in (ballot.of(course, name) for name in names) if one.is_revealed]
    counted = [one for one in shown if one.total and one.question.right is not None]
    if not counted:
        st.info(_("The votes of the class stand here, once they are shown."))
        return
    chance = 1 / counted[0].question.count
    if course.of is not None:
        numbers = {one.number for one in counted}
        found = tallies.blind_vote(
            course.of, [one for one in tallies.blind_questions(course.of) if one.number in numbers]
        )
        if found is not None:
            st.metric(_("Right answers"), words.percent(found.share, 0), border=True)
            st.markdown(
                _(
                    "95 % interval: {low} to {high}. Guessing gives {chance}.",
                    low=words.percent(found.low, 0),
                    high=words.percent(found.high, 0),
                    chance=words.percent(found.chance, 0),
                )
            )
            return
    right, total = sum(one.counts[one.question.right or 0] for one in counted), sum(one.total for one in counted)
    st.metric(_("Right answers"), words.percent(right / total, 0), border=True)
    st.markdown(
        _(
            "{right} of {total} cards or hands. Guessing gives {chance}. No interval is told: nobody knows which of them are one person's.",
            right=right,
            total=total,
            chance=words.percent(chance, 0),
        )
    )
