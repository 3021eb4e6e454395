"""What the experiments ask, and what their runs answer: sentences with the figures of the run, in the session's language."""

from engine.classroom import experiments
from engine.classroom.experiments import (
    BREAK,
    FORGET,
    LEARN,
    LESS,
    MEMORISE,
    MORE,
    MORE_DATA,
    SAME,
    Experiment,
    Outcome,
)
from engine.classroom.passages import Copy
from ui import words
from ui.i18n import _, _n

# Where the run answers so, `why` explains it; a run that comes out otherwise gets no explanation.
EXPECTED = {LEARN: MORE, MEMORISE: LESS, BREAK: LESS, FORGET: LESS, MORE_DATA: "100"}
ICONS = {LEARN: "school", MEMORISE: "psychology", BREAK: "bolt", FORGET: "ink_eraser", MORE_DATA: "stacks"}


def title(code: str) -> str:
    """What an experiment is called."""
    return {
        LEARN: _("Learn"),
        MEMORISE: _("Memorise"),
        BREAK: _("Break"),
        FORGET: _("Forget"),
        MORE_DATA: _("More data"),
    }[code]


def short(code: str) -> str:
    """The question of an experiment in a few words, for its card."""
    return {
        LEARN: _("What does a minute of reading do?"),
        MEMORISE: _("One article, 120 times?"),
        BREAK: _("Steps 25 times as large?"),
        FORGET: _("What becomes of its everyday English?"),
        MORE_DATA: _("10, 30 or 100 articles?"),
    }[code]


def situation(code: str) -> str:
    """What is done in an experiment."""
    return {
        LEARN: _("A small GPT-2 that has read old novels alone now reads 100 research articles, for a minute."),
        MEMORISE: _("It reads one single article 120 times."),
        BREAK: _("So that it learns faster, its weights take steps 25 times as large as usual."),
        FORGET: _("It reads research articles and nothing else."),
        MORE_DATA: _("Three models train for equally many steps, on 10, on 30 and on 100 articles."),
    }[code]


def question(code: str) -> str:
    """What is asked before an experiment opens."""
    unseen = _("On articles that it has not read, is its first guess for the next piece of a word then right …")
    return {
        LEARN: unseen,
        MEMORISE: unseen,
        BREAK: unseen,
        FORGET: _("On everyday English, is its first guess for the next piece of a word then right …"),
        MORE_DATA: _("Which of them is right most often on articles that none has read?"),
    }[code]


def answer_title(code: str, answer: str) -> str:
    """What an answer says."""
    if code == MORE_DATA:
        if answer == SAME:
            return _("all about the same")
        return _("the one with {n} articles", n=words.grouped(int(answer)))
    return {MORE: _("more often than before"), SAME: _("as often as before"), LESS: _("less often than before")}[answer]


def said(
    experiment: Experiment, found: Outcome, random_accuracy: float | None = None, copied: Copy | None = None
) -> str:
    """The answer of a run in its own figures.

    Args:
        random_accuracy: what the same number of steps from random weights reaches, beside LEARN. copied: what it has copied.
    """
    code, (_first, last) = experiment.code, found.science
    before, after = words.percent(found.base.accuracy), words.percent(last.accuracy)
    if code == MORE_DATA:
        return _more_data(found)
    if code == FORGET and found.english is not None:
        parts = [
            _(
                "Of everyday English it guesses {after} right, before it was {before}; of research articles {science}, before {base}.",
                after=words.percent(found.english[1].accuracy),
                before=words.percent(found.english[0].accuracy),
                science=after,
                base=before,
            )
        ]
    elif code == MEMORISE and found.training is not None and found.epochs is not None:
        parts = [
            _(
                "Of the article that it has read {times} times it guesses {training} right, of unseen ones {after}; before it was {before}.",
                times=words.grouped(found.epochs),
                training=words.percent(found.training),
                after=after,
                before=before,
            )
        ]
    else:
        parts = [
            _(
                "After {n} steps it guesses {after} of unseen articles right; before the first one it was {before}.",
                n=words.grouped(last.step),
                after=after,
                before=before,
            )
        ]
    parts.append(_direction(found))
    if code == LEARN and random_accuracy is not None:
        parts.append(_("From random weights it would be {n}.", n=words.percent(random_accuracy)))
    if code == MEMORISE and copied is not None:
        parts.append(
            _n(
                "It writes {n} word in a row that stands so in the article.",
                "It writes {n} words in a row that stand so in the article.",
                copied.words,
            )
        )
    return " ".join(part for part in parts if part)


def _direction(found: Outcome) -> str:
    values = {}
    if found.change.interval is not None:
        low, high = (words.signed(100 * end, 1) for end in found.change.interval)
        values = {"low": low, "high": high}
    sentence = {
        MORE: _("That is more often than before"),
        SAME: _("That is no difference which chance could not make"),
        LESS: _("That is less often than before"),
    }[found.answer]
    if values:
        sentence += " " + _("(95 % interval of the change: {low} to {high} points)", **values)
    return sentence + "."


def _more_data(found: Outcome) -> str:
    figures = ", ".join(
        _("{accuracy} with {articles} articles", articles=words.grouped(int(n)), accuracy=words.percent(accuracy))
        for n, accuracy in sorted(found.beside.items(), key=lambda item: int(item[0]))
    )
    if not found.answer:
        return _("Right guesses of unseen articles: {figures}.", figures=figures)
    if found.answer == SAME:
        best = _("The best two differ by no more than chance makes.")
    else:
        best = _("Most often right is the one with {n} articles.", n=words.grouped(int(found.answer)))
    return _("Right guesses of unseen articles: {figures}.", figures=figures) + " " + best


def why(experiment: Experiment, found: Outcome) -> str:
    """Why it came out so, in a sentence; nothing where it came out otherwise than expected."""
    if found.answer != EXPECTED[experiment.code]:
        return ""
    return {
        LEARN: _(
            "Why: its English was there already, and it had to learn only how articles are written. That is why one fine-tunes a model instead of beginning with an empty one."
        ),
        MEMORISE: _(
            "Why: where one text comes over and over, knowing it by heart is the surest way to guess it, and what would serve other texts is overwritten. So it is tested on articles that it has not read."
        ),
        BREAK: _(
            "Why: a step follows the slope of the error where the weights stand now. One that is too long ends where that slope says nothing any more, and what the weights knew is lost."
        ),
        FORGET: _(
            "Why: everything that it knows is in the same weights. Nothing that it reads now asks for everyday English, so what articles need takes its place."
        ),
        MORE_DATA: _(
            "Why: a few articles it soon knows by heart, and gains no more from them. What all articles have in common shows in many of them alone."
        ),
    }[experiment.code]


def own_answer(code: str, answer: str, found: Outcome) -> str:
    """What a person has answered, and whether the run says so; nothing of who has skipped the question."""
    if answer not in experiments.EXPERIMENTS[code].answers or not found.answer:
        return ""
    given = answer_title(code, answer)
    if answer == found.answer:
        return _("Your answer: {answer}. So it came.", answer=given)
    return _("Your answer: {answer}. It came otherwise: {found}.", answer=given, found=answer_title(code, found.answer))
