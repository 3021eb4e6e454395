"""Numbers in words, with the digits that their uncertainty allows, in the language of the session; text as it is."""

import html
import math
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from engine.core import framework, numbers, splits, wording
from engine.runs.queue import Position
from engine.runs.settings import CHECKPOINT_FORMATS, CKPT, H5, HUGGING_FACE, KERAS, PRESET
from ui.i18n import _, language

NO_NUMBER = numbers.NO_NUMBER


def _of_numbers(write: Callable[..., str]) -> Callable[..., str]:
    """A function from a number to its words; what is no number is a dash."""

    @wraps(write)
    def of_number(number: float, *more: Any, **named: Any) -> str:
        return write(number, *more, **named) if math.isfinite(number) else NO_NUMBER

    return of_number


def grouped(number: float) -> str:
    """A whole number with its thousands grouped: 119,924 or 119 924."""
    return numbers.decimal(number, 0, language())


def decimal(number: float, digits: int = 2) -> str:
    """A number with a fixed number of decimals: 4.39 or 4,39."""
    return numbers.decimal(number, digits, language())


def shortest(number: float, most: int = 6) -> str:
    """A number with the digits that it has, and with `most` of them: 0.8 or 0,8."""
    return numbers.shortest(number, language(), most)


def signed(number: float, digits: int = 2) -> str:
    """A change with its sign: +4.39 or −4,39."""
    return numbers.signed(number, digits, language())


def delta(number: float, digits: int = 1, sentence: str = "{n}", lower_is_better: bool = False) -> dict[str, Any]:
    """What `st.metric` takes for a change: with its sign, and neither colour nor arrow where it rounds to nothing."""
    if not math.isfinite(number):
        return {"delta": NO_NUMBER, "delta_color": "off", "delta_arrow": "off"}
    shown = round(number, digits) + 0.0
    text = sentence.replace("{n}", ("+" if shown > 0 else "") + decimal(shown, digits))
    if not shown:
        return {"delta": text, "delta_color": "off", "delta_arrow": "off"}
    return {"delta": text, "delta_color": "inverse" if lower_is_better else "normal"}


def percent(share: float, digits: int = 1) -> str:
    """A share of 1 in per cent: 18.8 %."""
    return in_percent(100 * share, digits)


def in_percent(number: float, digits: int = 1) -> str:
    """A number that is in per cent already: 18.8 %."""
    return numbers.percent(number, digits, language())


def duration(seconds: float) -> str:
    """2 min 5 s."""
    return numbers.duration(seconds)


def recorded_day(text: str) -> str:
    """A date as files have it (2026-11-26) as a day: 26 November 2026; what is none as it is."""
    return wording.of(language()).recorded_day(text)


def labelled(name: str, text: str) -> str:
    """A name and what is said of it: with a no-break space before the colon in French."""
    return _("{name}: {told}", name=name, told=text)


def listed(texts: Iterable[str]) -> str:
    """Texts one after the other, each of which may have commas of its own."""
    return _("; ").join(texts)


def accuracy_on(split: str) -> str:
    """The name of the accuracy on a split."""
    return {
        "train": _("Accuracy on train"),
        "test": _("Accuracy on test"),
        "validation": _("Accuracy on validation"),
    }[split]


def starts_in(seconds: float | None) -> str:
    """When a run that waits starts, as far as what was measured tells it."""
    if seconds is None:
        return _("it is not known yet when it starts")
    if seconds < 5:
        return _("it is next")
    return _("it starts in about {time}", time=about(seconds))


@_of_numbers
def about(seconds: float) -> str:
    """A duration that is estimated: to ten seconds below ten minutes, then to a minute."""
    if seconds < 600:
        return duration(max(10.0, round(seconds, -1)))
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else duration(60 * minutes)


def place(found: Position) -> str:
    """A run's place in the queue and when it starts."""
    return _(
        "Place {n} of {all} in the queue: {start}.", n=found.position, all=found.of, start=starts_in(found.seconds)
    )


@_of_numbers
def size(count: float) -> str:
    """Bytes in the largest fitting unit: 10.6 MB; Mo in French."""
    unit = "o" if language() == "fr" else "B"
    for prefix, factor in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= factor:
            return f"{decimal(count / factor, 1)} {prefix}{unit}"
    return f"{round(count)} {unit}"


def split_name(split: str) -> str:
    """What pages call a split."""
    return _(splits.NAMES[split])


def state_name(state: str) -> str:
    """A run's state in words."""
    return {
        "queued": _("waiting"),
        "running": _("running"),
        "paused": _("paused"),
        "finished": _("finished"),
        "failed": _("failed"),
        "stopped": _("stopped"),
        "interrupted": _("interrupted"),
        "broken": _("broken"),
        "copied": _("a copy, which waits for you"),
    }.get(state, state)


def phase_name(phase: str) -> str:
    """What a running trainer is doing, in words."""
    return {
        "loading": _("loading {framework} and the model", framework=framework.title()),
        "compiling": _("compiling the training step for this machine"),
        "preparing": _("preparing the articles"),
        "evaluating": _("measuring, sampling and saving"),
        "training": _("training"),
        "finishing": _("measuring on the whole of validation and test"),
    }.get(phase, "")


def compiled_name(function: str) -> str:
    """What is compiled while a function of `engine.models.compilation` is, in words; "" for one that is not known."""
    return {
        "train": _("compiling the training step for this machine"),
        "score": _("compiling what measures the model"),
        "look": _("compiling what looks at a passage"),
        "generate": _("compiling what reads a prompt"),
        "generate together": _("compiling what writes the samples"),
    }.get(function, "")


_IN_LINE = re.compile(r"[\\`*_{}\[\]<|~$&]|:(?!\s)")
_AT_LINE_START = re.compile(r"^([ \t]*\d*)([#+>=.)-])", re.MULTILINE)
_INDENT = re.compile(r"(?<=\n)[ \t]+")
# What Streamlit and GitHub's Markdown replace in text that no escape reaches: arrows and signs between blanks, links, icons.
_REPLACED = re.compile(
    r"(?<!\S)(?:<-(?=>(?!\S))|-(?=>(?!\S))|<(?=-(?!\S))|-(?=-(?!\S))|[<>~](?==(?!\S)))"
    r"|(?<=https):(?=//)|(?<=http):(?=//)|www(?=\.)|(?<=[\w.+-])(?=@)|:(?=[\w+-]+:|material/)",
    re.IGNORECASE,
)
_JOINER = "\u2060"  # has no width and allows no line break


def plain(text: str) -> str:
    """A name as Markdown that shows it as it is: nothing in it is taken for formatting.

    For a few sequences that Markdown offers no escape for, a character without width is put in.
    """
    text = _REPLACED.sub(lambda found: found[0] + _JOINER, _INDENT.sub("", text))
    return _AT_LINE_START.sub(r"\1\\\2", _IN_LINE.sub(r"\\\g<0>", text))


def excerpt(before: str, own: str, after: str) -> str:
    """A place in a text, as HTML that shows it as it is: `own` in bold, all on one line.

    Not Markdown, which has no bold inside a word or before a blank.
    """
    shown = f"{html.escape(before)}<b>{html.escape(own)}</b>{html.escape(after)}"
    return f"… {shown} …".replace("\n", " ")


def describe_format(form: str) -> str:
    """Describes in a sentence what a format keeps and loses as a run's checkpoints have it."""
    return {
        CKPT: _(
            "**ckpt** (TensorFlow): keeps the weights and the optimizer, as the original report did; loses the vocabulary "
            "and the architecture, which the base model has."
        ),
        H5: _(
            "**weights.h5** (Keras): keeps the weights alone, small; loses the optimizer and the architecture. It loads into "
            "any GPT-2 of the same size."
        ),
        KERAS: _(
            "**keras** (Keras's archive): keeps the weights and the architecture; loses the optimizer, which load_model "
            "drops with a warning only (measured)."
        ),
    }[form]


def nothing_lost() -> str:
    """Why the choice of a format costs a run nothing."""
    return _("Whatever the format, what it leaves out is kept beside it, so that a run resumes exactly.")


def lora_help() -> str:
    """What a LoRA run trains, and what that costs, in sentences."""
    return _(
        "What is trained: two thin matrices of this rank beside the query and the value matrix of each attention, and the "
        "biases of these two. Everything else stays as it is, so that it takes less memory and learns less in as many "
        "steps. Its automatic learning rate is 15 times the usual one."
    )


def formats_help() -> str:
    """What each format of a checkpoint keeps and loses, a line each."""
    return "\n\n".join([*map(describe_format, CHECKPOINT_FORMATS), nothing_lost()])


def describe_export(form: str) -> str:
    """Describes in a sentence what leaves the lab in a form of export and what does not."""
    return {
        HUGGING_FACE: _(
            "Keeps the weights, the vocabulary and a card that says where they come from; transformers and keras-hub open "
            "it. Loses the optimizer."
        ),
        PRESET: _(
            "Keeps the weights, the architecture, the vocabulary and a card; keras-hub's from_preset opens it. Loses the "
            "optimizer."
        ),
        CKPT: _(
            "Keeps the weights and a card; TensorFlow reads it into a GPT-2 of the same size. Loses the optimizer, the "
            "architecture and the vocabulary."
        ),
        H5: _(
            "Keeps the weights alone; Keras loads them into a GPT-2 of the same size. Loses the optimizer, the architecture "
            "and the vocabulary."
        ),
        KERAS: _(
            "Keeps the weights and the architecture of the backbone: token ids in, hidden states out, and the head for text "
            "is added by one line. Keras opens it where keras_hub is imported. Loses the vocabulary and the optimizer, which "
            "load_model would drop in any case (measured)."
        ),
    }[form]
