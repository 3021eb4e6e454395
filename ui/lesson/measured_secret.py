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
    rows = []
    for place, times in enumerate(TIMES):
        if (group := found.get(times)) is None:
            continue
        own = ballot.class_bar(votes, place, _("class")) if votes is not None and votes.is_revealed else None
        told = Bar(
            _("{some} of {all}", some=group.whole, all=group.count), group.whole / group.count, "run", _("told whole")
        )
        label = _n("in {n} place", "in {n} places", times)
        rows.append(Row(label, [own, told] if own is not None else [told]))
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
