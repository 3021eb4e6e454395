"""The next word: the votes of the class beside the model's choice, and the model's ten likeliest pieces of words."""

import streamlit as st

from engine.classroom import lessons, next_word
from engine.classroom.next_word import BASE, QUESTION, RUN, NextWord
from ui import present, words
from ui.i18n import _
from ui.lesson import ballot, bars
from ui.lesson.bars import Bar, Row
from ui.lesson.course import Course

SAMPLES = "what-it-read"  # the question that is asked of three of its texts


def samples(course: Course) -> None:
    """Shows three texts that the base wrote."""
    for place in (1, 2, 3):
        if text := course.markdown(f"{{base_sample_{place}}}"):
            st.markdown(f"> {text}")


def choice(course: Course) -> None:
    """Shows the model's choice among the words of the vote, beside the class's."""
    found = _recorded(course.lesson)
    if found is None:
        return
    votes = ballot.of(course, QUESTION)
    _title(found)
    model = found.models[BASE].shares
    largest = max(model) or 1.0
    rows = []
    for place, (text, share) in enumerate(zip(votes.wording.choices, model, strict=True)):
        own = ballot.class_bar(votes, place, _("class")) if votes.is_revealed else None
        shown = Bar(_share(share), share / largest, "base", _("model"))
        rows.append(Row(text, [own, shown] if own is not None else [shown], right=place == votes.question.right))
    st.html(bars.written(rows))
    if not votes.is_revealed:
        st.caption(_("The votes of the class stand here too, once they are shown."))
    _note(found)


def ten(course: Course) -> None:
    """Shows the model's likeliest pieces of words, and what accuracy counts."""
    found = _recorded(course.lesson)
    if found is None:
        return
    _title(found)
    base = found.models[BASE]
    largest = max((share for _piece, share in base.top), default=1.0) or 1.0
    st.html(
        bars.written(
            [Row(_visible(piece), [Bar(_share(share), share / largest, "base")]) for piece, share in base.top],
            lettered=False,
        )
    )
    _prompt, all_words, right = next_word.asked(course.lesson)
    st.markdown(
        _(
            "This is what accuracy counts: is the first of these the piece that really comes? Here “{word}” comes, and its first piece stands in place {rank}. After a minute of articles it stands in place {later}.",
            word=words.plain(all_words[right]),
            rank=base.rank,
            later=found.models[RUN].rank,
        )
    )
    _note(found)


def _recorded(lesson: lessons.Lesson) -> NextWord | None:
    found = next_word.recorded(lesson)
    if found is None:
        st.info(_("What the model holds for likely was not recorded for this sentence."))
    return found


def _title(found: NextWord) -> None:
    st.subheader(f"{words.plain(found.prompt)} …", anchor=False)


def _note(found: NextWord) -> None:
    if present.on():  # how it was made is no line for a wall
        st.markdown(f":material/history: {_('recorded')}")
        return
    st.caption(
        _(
            "Recorded: asked of the models that ship, on {date} by `{command}` at commit {commit}.",
            date=words.plain(words.recorded_day(found.date)),
            command=found.command.replace("`", ""),
            commit=words.plain(found.commit[:10]),
        )
    )


def _share(share: float) -> str:
    """A probability in so many digits that it is no zero."""
    if share >= 0.001:
        return words.percent(share)
    return _("under {n}", n=words.percent(0.001))


def _visible(piece: str) -> str:
    """A piece of a word as one sees it: its blank is a sign."""
    return piece.replace(" ", "␣").replace("\n", "⏎")
