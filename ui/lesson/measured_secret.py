"""In how many places a sentence must stand to be told: what the class guessed beside what was measured of ten sentences."""

import streamlit as st

from engine.classroom import secret_trials
from engine.classroom.secret import TIMES
from ui import present, words
from ui.i18n import _, _n
from ui.lesson import ballot, bars
from ui.lesson.bars import Bar, Row
from ui.lesson.course import Course

QUESTION = "how-often"  # its choices are the numbers of places, then "never"


def show(course: Course) -> None:
    """Shows the share of sentences that were told whole, by the number of places, with the votes of the class beside."""
    found = {group.times: group for group in secret_trials.groups(secret_trials.shipped())}
    st.subheader(_("In how many places?"), anchor=False)
    if not found:
        st.info(_("What other sentences tell was not measured here."))
        return
    votes = ballot.of(course, QUESTION) if QUESTION in course.lesson.names() else None
    own = _votes(votes)
    rows = []
    for place, times in enumerate(TIMES):
        if (group := found.get(times)) is not None:
            said = _("{some} of {all}", some=group.whole, all=group.count)
            told = Bar(said, group.whole / group.count, "run", _("told whole") if own else "")
            rows.append(Row(_n("in {n} place", "in {n} places", times), [*own[place : place + 1], told]))
    if own and votes is not None:
        rows.append(Row(votes.wording.choices[-1], own[-1:]))  # never
    st.html(bars.written(rows))
    count = max(group.count for group in found.values())
    st.markdown(
        _n(
            "Told word for word behind three words, of {n} sentence in the same article.",
            "Told word for word behind three words, of {n} sentences in the same article.",
            count,
        )
        + " "
        + _(
            "What is repeated is learned by heart. Large models do the same, which is why copies are taken out of the text that they are trained on (Lee et al. 2022; Carlini et al. 2023)."
        )
    )
    if not present.on():
        st.caption(_("Measured with the model that ships, by `python benchmarks/secret.py`."))
        st.markdown(_table(list(found.values())))


def _votes(votes: ballot.Ballot | None) -> list[Bar]:
    """What the class has guessed, a bar a choice; none before that is shown."""
    if votes is None or not votes.is_revealed or votes.question.count != len(TIMES) + 1:
        return []
    found = [ballot.class_bar(votes, place, _("class")) for place in range(votes.question.count)]
    return [bar for bar in found if bar is not None]


def _table(found: list[secret_trials.Group]) -> str:
    """The figures as a Markdown table."""
    head = [_("Places"), _("Told whole"), _("Words told, mean"), _("Control told something of it")]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for group in found:
        cells = [
            words.grouped(group.times),
            _("{some} of {all}", some=group.whole, all=group.count),
            words.percent(group.words, 0),
            _("{some} of {all}", some=group.leaked, all=group.count),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
