"""A report → one page of HTML that opens anywhere: no script, nothing from a network, two pages of A4 when printed."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from engine.classroom.curve_picture import HEIGHT, NO_GUESSES, Guesses, picture
from engine.classroom.glossary import entries
from engine.classroom.reports import CopiedPassage, Copying, Measured, Report
from engine.classroom.shortening import beginning, shortened
from engine.core.numbers import NO_NUMBER
from engine.core.wording import Wording
from engine.evaluation.interpretation import COPIED, FORGOT, MOST_SHOWN
from engine.memorisation import copying, search
from engine.runs import states
from engine.runs.settings import FIRST_TOKENS

# So much of a text fits on the two pages whatever it is made of (tests/classroom/test_report_page.py prints it).
_LONGEST_PROMPT, _LONGEST_PASSAGE = 110, 90
_AROUND = 30  # characters before and behind a passage
_LONGEST_NAME = 64
_LONGEST_VALUE, _LONGEST_VERSION = 36, 12
_MOST_ROWS = 14  # of the table behind the curve


@dataclass(frozen=True)
class Space:
    """How much of a run a page has space for.

    Attributes:
        text, lines: of what a model wrote. settings: the names of those that are shown; None = all. height: of the curve.
    """

    text: int = 440
    lines: int = 12
    passages: int = 3
    happened: int = 9
    settings: frozenset[str] | None = None
    height: int = HEIGHT


WHOLE = Space()


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def rendered(wording: Wording, **values: Any) -> str:
    """A page of `report.html` from what it shows."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            language=wording.language,
            colon=wording.colon,
            words=entries(wording.say),
            words_title=wording.say("Twelve words"),
            **values,
        )
    )


def html(report: Report, language: str) -> str:
    """The page of a report in a language of `engine.core.languages`."""
    wording = Wording(language)
    title = wording.say("Atelier: the report of {run}", run=shortened(report.run, _LONGEST_NAME))
    return rendered(wording, title=title, made=_made(report, wording), where="", second="", **parts(report, wording))


def parts(report: Report, wording: Wording, space: Space = WHOLE, guesses: Guesses = NO_GUESSES) -> dict[str, Any]:
    """What a page says of a run.

    Args:
        guesses: what was expected of its curve.
    """
    _ = wording.say
    return {
        "has_run": True,
        "headline": headline(report, wording),
        "happened": _happened(report, wording)[: space.happened],
        "state": _state(report, wording),
        "curve": _curve(report, wording, space, guesses),
        "texts": _texts(report, wording, space),
        "copied": _copied(report, wording, space),
        "forgotten": _forgotten(report.english, wording),
        "settings": _settings(report, wording, space),
        "checkpoint": _checkpoint(report, wording),
        "labels": {
            "curve": _("How it learned"),
            "table": _("The figures behind the curve"),
            "texts": _("The same beginning, two models"),
            "copied": _("What it copied"),
            "forgotten": _("What it forgot"),
            "settings": _("How to do it again"),
        },
    }


def headline(report: Report, wording: Wording) -> str:
    """What happened in the run, as the pages say it; of one that has not ended that nothing is told yet."""
    _ = wording.say
    if report.findings:
        return report.findings[0].said(wording)[0]
    name = shortened(report.run, _LONGEST_NAME)
    if report.measured is None:
        return _("{run} has not been measured against its base model yet.", run=name)
    return _("What {run} has learned cannot be told before it has ended.", run=name)


def _happened(report: Report, wording: Wording) -> list[str]:
    """How sure the headline is, and what else happened; what has a part of the page of its own is left to that."""
    verdict, others = report.findings[:1], report.findings[1:MOST_SHOWN]
    told = [finding.said(wording) for finding in others if finding.code not in (COPIED, FORGOT)]
    sure = [finding.said(wording)[1] for finding in verdict]
    return [line for line in (*sure, *(" ".join(filter(None, said)) for said in told)) if line]


def _state(report: Report, wording: Wording) -> str:
    """What is to be known of a run that has not come to its end."""
    _ = wording.say
    if report.state == states.FINISHED:
        return ""
    step, steps = wording.whole(report.step), wording.whole(report.steps)
    if report.steps:
        return _("This run is not finished: it is at step {step} of {steps}.", step=step, steps=steps)
    return _("This run is not finished.")


def _measured_on(measured: Measured, wording: Wording) -> str:
    """On what a model and its base were measured, in half a sentence."""
    tokens = wording.whole(measured.after.tokens)
    if measured.on is None:
        return wording.say("{n} tokens of test articles", n=tokens)
    on = wording.error(measured.on)
    return on if measured.on.values else wording.say("{part}, {n} tokens", part=on, n=tokens)


def _curve(report: Report, wording: Wording, space: Space, guesses: Guesses) -> dict[str, Any]:
    _, curve, measured = wording.say, report.curve, report.measured
    said = _(
        "The accuracy at each training step, on the articles that it learns from and on validation articles, which it does not."
    )
    caption = ""
    if measured is not None:
        caption = _(
            "Accuracy: how often the first guess is right. At step {step}, on {on}: {after}, {bits} bits per byte; its base model, {base}: {before}, {base_bits} bits per byte.",
            step=wording.whole(measured.after.step),
            on=_measured_on(measured, wording),
            base=shortened(report.base, _LONGEST_NAME),
            before=wording.percent(measured.before.accuracy),
            after=wording.percent(measured.after.accuracy),
            bits=wording.decimal(measured.after.bits_per_byte),
            base_bits=wording.decimal(measured.before.bits_per_byte),
        )
    points = list(curve.validation)
    every = max(1, -(-len(points) // _MOST_ROWS))
    shown = [points[n] for n in range(len(points)) if n % every == 0 or n == len(points) - 1]
    return {
        "picture": picture(curve, wording, said, guesses, space.height),
        "none": _("Nothing has been measured yet."),
        "caption": caption,
        "columns": [_("Step"), _("Accuracy on validation")],
        "rows": [(wording.whole(step), wording.percent(accuracy)) for step, accuracy in shown],
    }


def _texts(report: Report, wording: Wording, space: Space) -> dict[str, Any]:
    _, texts = wording.say, report.texts
    if texts is None:
        return {"none": _("Base and run have not both written a text yet."), "columns": []}
    prompt = shortened(texts.prompt, _LONGEST_PROMPT)
    way = [_("seed {n}", n=wording.whole(texts.seed))]
    if texts.temperature is not None:
        way.append(_("temperature {n}", n=wording.shortest(texts.temperature)))
    if texts.top_k:
        way.append(_("drawn from the {n} likeliest", n=wording.whole(texts.top_k)))
    return {
        "columns": [
            {
                "kind": "base",
                "name": _("base model"),
                "prompt": prompt,
                "text": shortened(texts.base, space.text, space.lines),
            },
            {
                "kind": "own",
                "name": _("after step {n}", n=wording.whole(texts.step)),
                "prompt": prompt,
                "text": shortened(texts.own, space.text, space.lines),
            },
        ],
        "way": _("Both wrote in the same way: {way}.", way=", ".join(way)),
        "careful": _("They write what is likely, one piece of a word after the other. Nothing in it need be true."),
    }


def _copied(report: Report, wording: Wording, space: Space) -> dict[str, Any]:
    _, copied = wording.say, report.copying
    if copied is None:
        reason = wording.error(report.not_searched) if report.not_searched else _("There is no text to look up yet.")
        return {"said": _("What it copied was not looked up."), "more": shortened(reason, 250), "passages": []}
    searched = _("Searched, word for word: the {n} articles that it was trained on.", n=wording.whole(copied.articles))
    if copied.lost:
        searched += " " + _("Articles of earlier stages are gone and were not searched.")
    return {
        "said": _verdict(copied, wording),
        "more": searched,
        "passages": [_passage(passage, wording) for passage in copied.passages[: space.passages]],
    }


def _verdict(copied: Copying, wording: Wording) -> str:
    """Whether it copied, as Explore says it, and by which yardstick."""
    _, chance = wording.say, list(copied.unseen_words)
    said = wording.error(copying.verdict(copied.longest_words, chance))
    if not chance:
        return said
    yardstick = _(
        "The yardstick: {n} articles that it has not read, looked up in the same way. Of texts that copy nothing this rule accuses at most 1 in {in_all}.",
        n=wording.whole(len(chance)),
        in_all=wording.whole(round(1 / search.false_alarms(chance))),
    )
    return f"{said} {yardstick}"


def _passage(passage: CopiedPassage, wording: Wording) -> dict[str, str]:
    _, count = wording.say, wording.whole(passage.words)
    if passage.article is None:
        place = _("{n} words", n=count)
    else:
        place = _("{n} words, article {article}", n=count, article=wording.whole(passage.article))
    return {
        "place": place,
        "before": beginning(passage.before.replace("\n", " ")[::-1], _AROUND)[::-1],
        "text": shortened(passage.text, _LONGEST_PASSAGE),
        "after": beginning(passage.after.replace("\n", " "), _AROUND),
    }


def _forgotten(english: Measured | None, wording: Wording) -> str:
    _ = wording.say
    if english is None:
        return _("What it forgot of everyday English was not measured.")
    values = {
        "before": wording.percent(english.before.accuracy),
        "after": wording.percent(english.after.accuracy),
        "change": wording.points(english.change.accuracy),
        "n": wording.whole(english.after.tokens),
    }
    if (interval := english.change.interval) is None:
        return _(
            "On everyday English its first guess was right in {before} of cases before the training and is in {after} now: {change} points, on {n} tokens of letters, a tale, a recipe.",
            **values,
        )
    values |= {"low": wording.points(interval[0]), "high": wording.points(interval[1])}
    if interval[0] <= 0 <= interval[1]:
        return _(
            "On everyday English its first guess was right in {before} of cases before the training and is in {after} now: {change} points, which may be chance (95 % interval {low} to {high}), on {n} tokens of letters, a tale, a recipe.",
            **values,
        )
    return _(
        "On everyday English its first guess was right in {before} of cases before the training and is in {after} now: {change} points (95 % interval {low} to {high}), on {n} tokens of letters, a tale, a recipe.",
        **values,
    )


def _settings(report: Report, wording: Wording, space: Space) -> list[tuple[str, str]]:
    """What a reader needs to do it again; what is not known is left out."""
    _, facts = wording.say, report.facts

    def known(value: Any, write: Any = wording.whole) -> str:
        return write(value) if value else ""

    articles = shortened(str(facts["articles"]), _LONGEST_VALUE)
    if facts["first_article"] and facts["last_article"]:
        articles = _(
            "{name}, {first} to {last}",
            name=articles,
            first=wording.whole(facts["first_article"]),
            last=wording.whole(facts["last_article"]),
        )
    length = ""
    if facts["minutes"]:
        length = _("{n} min", n=wording.shortest(facts["minutes"]))
    elif facts["epochs"]:
        length = _("{n} times through the articles", n=wording.shortest(facts["epochs"]))
    elif facts["steps"]:
        length = _("{n} steps", n=wording.whole(facts["steps"]))
    batch = ""
    if facts["window"] and facts["batch"]:
        batch = _(
            "{n} windows of {tokens} tokens", n=wording.whole(facts["batch"]), tokens=wording.whole(facts["window"])
        )
    method = _("the first tokens of each article") if facts["method"] == FIRST_TOKENS else _("all tokens, in windows")
    trained = (
        _("adapters (LoRA) of rank {n}", n=wording.whole(facts["lora_rank"]))
        if facts["lora_rank"]
        else _("all weights")
    )
    result = _("the best checkpoint on validation") if facts["takes_best"] else _("the last checkpoint")
    read = known(facts["tokens"])
    if read and facts["passes"]:
        read = _("{n}: {times} times through the articles", n=read, times=wording.decimal(facts["passes"], 1))
    rows = [
        ("base", _("Base model"), _named(report.base, facts["preset_hash"])),
        ("parent", _("Start from"), shortened(facts["parent"] or "", _LONGEST_VALUE)),
        ("articles", _("Articles"), articles),
        ("method", _("What is read of them"), method),
        ("length", _("Length"), length),
        ("steps", _("Steps"), known(report.steps)),
        ("tokens", _("Tokens read"), read),
        ("time", _("Time of training"), known(facts["seconds"], wording.duration)),
        ("batch", _("A step"), batch),
        ("rate", _("Learning rate"), known(facts["learning_rate"], wording.shortest)),
        ("trained", _("What is trained"), trained),
        ("dropout", _("Dropout"), "" if facts["dropout"] is None else wording.shortest(facts["dropout"])),
        ("seed", _("Seed"), wording.whole(facts["seed"])),
        ("device", _("Device"), shortened(str(facts["device"]).removeprefix("/device:"), 24)),
        ("precision", _("Precision"), shortened(str(facts["precision"]), 24)),
        ("result", _("Its result"), result),
    ]
    return [(name, value) for code, name, value in rows if value and (not space.settings or code in space.settings)]


def _named(name: str, digest: str) -> str:
    name = shortened(name, _LONGEST_VALUE)
    return f"{name} ({digest[:10]})" if digest else name


def _checkpoint(report: Report, wording: Wording) -> dict[str, str]:
    _, found = wording.say, report.checkpoint
    if found is None:
        return {"name": _("It has no checkpoint yet."), "hash": ""}
    name = shortened(found.run, _LONGEST_NAME)
    return {"name": _("Checkpoint {name}, SHA-256 of its weights:", name=f"{name}/{found.step}"), "hash": found.hash}


def _made(report: Report, wording: Wording) -> list[str]:
    """When, and with what."""
    _ = wording.say
    lines = [
        _(
            "This page was made on {date} with Atelier {version}.",
            date=wording.date(report.made),
            version=report.version,
        )
    ]
    if (begun := wording.date(report.begun)) != NO_NUMBER:
        names = {"atelier": "Atelier", "keras": "Keras", "tensorflow": "TensorFlow", "jax": "JAX", "python": "Python"}
        versions = report.facts["versions"]
        with_ = ", ".join(
            f"{title} {shortened(versions[name], _LONGEST_VERSION)}"
            for name, title in names.items()
            if name in versions
        )
        said = _("The run was begun on {date}", date=begun)
        lines.append(f"{said} ({with_})." if with_ else f"{said}.")
    return [*lines, *recorded(report, wording)]


def recorded(report: Report, wording: Wording) -> list[str]:
    """Where a run comes from that ships."""
    if not report.recorded:
        return []
    return [
        wording.say(
            "It is a recorded run that ships with Atelier: a real one, made on {date} at commit {commit}.",
            date=wording.recorded_day(str(report.recorded.get("date", NO_NUMBER))[:10]),
            commit=str(report.recorded.get("commit", NO_NUMBER))[:10],
        )
    ]
