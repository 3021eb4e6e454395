"""The lesson with its recordings → one page of HTML: slides, the teacher's notes, and the page to take home."""

import base64
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from engine.classroom.experiments import EXPERIMENTS
from engine.classroom.lessons import SLACK_MINUTES, Lesson
from engine.classroom.offline import home, recordings
from engine.classroom.offline.content import PLAYS, Content
from engine.classroom.shapes import SHAPES
from engine.core import paths

_HERE = Path(__file__).parent
_PLAYER = paths.PROJECT / "ui" / "components" / "play"  # what plays a training on the pages plays it here too
_LOOK = ".badge { top: -2em; }"  # in the line of the slide's title, which a page's own player has not
_SCRIPTS = ("votes.js", "recording.js", "deck.js")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string((_HERE / "page.html").read_text(encoding="utf-8"))


def html(lesson: Lesson, language: str) -> str:
    """The recorded lesson in a language of `engine.core.languages`, as a file that needs nothing beside it."""
    content = Content(lesson, language)
    _, slides, script = content.wording.say, content.slides(), _script()
    return _template().render(
        language=language,
        policy=_policy(script),
        title=_("The recorded lesson: what fine-tuning is"),
        style=Markup(_read(_HERE / "page.css")),
        script=Markup(script),
        slides=slides,
        steps=content.steps(),
        home=home.page(content.wording),
        colon=content.wording.colon,
        data=_as_data(_data(content, slides)),
        labels=_labels(content),
    )


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _script() -> str:
    """The player and what is this page's own; that stands in a block, so that no name of one is a name of the other."""
    own = "\n".join(_read(_HERE / name) for name in _SCRIPTS)
    return f"{_read(_PLAYER / 'play.js')}\n{{\n{own}\n}}\n"


def _policy(script: str) -> str:
    """What the browser may do: run this one script, and ask nobody for anything."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"


def _as_data(value: object) -> Markup:
    """JSON inside of a script element, which nothing in it can end."""
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


def _data(content: Content, slides: list[dict[str, Any]]) -> dict[str, Any]:
    """What the script needs: the recordings, the order of the slides in both forms, its words."""
    wording = content.wording
    _ = wording.say
    return {
        "language": wording.language,
        "playerStyle": _read(_PLAYER / "play.css") + _LOOK,
        "plays": {code: recordings.play(EXPERIMENTS[code], wording) for code in PLAYS.values()},
        "moments": recordings.moments(wording),
        "shapes": SHAPES,
        "minutes": {str(step["number"]): step["minutes"] for step in content.steps()},
        "whole": _whole(content.lesson),
        "words": {
            "answers": _("Answers: {n}"),
            "round": _("round {n}"),
            "right": _("{right} of {total} cards or hands. Guessing gives {chance}."),
            "next": _("Next: {title}"),
            "enter": _("Full screen"),
            "leave": _("Leave full screen"),
        },
    }


def _whole(lesson: Lesson) -> dict[str, float]:
    """How many minutes each form has, with those that none of its steps has."""
    return {form: lesson.minutes(form == "short") + SLACK_MINUTES for form in ("long", "short")}


def _labels(content: Content) -> dict[str, str]:
    """The words of the page itself, by what they are for."""
    _, wording = content.wording.say, content.wording
    long, short = (wording.shortest(minutes) for minutes in _whole(content.lesson).values())
    return {
        "steps": _("Steps of the lesson"),
        "previous": _("Previous"),
        "next": _("Next"),
        "form": _("Form"),
        "long": _("{n} minutes", n=long),
        "short": _("{n} minutes", n=short),
        "full": _("Full screen"),
        "notes": _("Teacher's notes"),
        "separate": _("My notes in a window of their own"),
        "print": _("Print the page to take home"),
        "gloss": _("Words"),
        "recorded": _("recorded"),
        "cards": _("How many cards or hands for {letter}"),
        "one_more": _("One more for {letter}"),
        "show": _("Show the answers"),
        "again": _("Vote again"),
        "is_right": _("right"),
        "draw": _("Or draw it: with the mouse or a finger, from the point on the left"),
        "erase": _("Erase what is drawn"),
        "moment": _("Moment of the training"),
        "accuracy": _("Accuracy"),
        "model": _("model"),
        "told": _("told whole"),
        "class": _("class"),
        "before": _("Before the articles: {share}"),
        "good": _("What is a good figure?"),
        "pairs": _(
            "Cards and hands cannot tell who has changed an answer: nobody knows who held them. Which of your answers have you changed, and why?"
        ),
        "proof": _("This is no proof: the same questions a week later tell more."),
        "blind": _("The votes of the class stand here, once they are shown."),
        "clock": _("This step: {passed} of {planned} min · the lesson: {all_passed} of {all_planned} min"),
        "anew": _("Begin the clock anew"),
        "by_hand": _(
            "This file trains nothing and reaches no phones. Where the notes speak of them: count cards or hands, and play the recording."
        ),
        "expected": _("Right:"),
        "not_yet": _("Do not tell it yet: the same idea comes back after the lesson."),
        "nothing_kept": _("Nothing that is counted here is kept: it goes with the window."),
        "home_curve": _("How it learned"),
        "home_texts": _("The same beginning, before and after"),
        "home_copied": _("What it copied"),
        "home_forgotten": _("What it forgot"),
        "home_words": _("Twelve words"),
        "home_answers": _("What the class answered"),
        "home_mine": _("My guess, and what surprised me:"),
        "careful": _("They write what is likely, one piece of a word after the other. Nothing in it need be true."),
        "no_script": _("This browser runs no script: the slides stand below one another, and nothing in them moves."),
    }
