"""An evaluation in full on a page: what a model knows with its intervals, against its base and simpler guesses, and where."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.evaluation import intervals
from ui import near_copies_view, present, tables, words
from ui.charts import breakdown_figures
from ui.charts.breakdown_figures import Shown
from ui.components.figure import live
from ui.i18n import _, _n

SIMPLE = "#B0B5BA"  # what is no model of ours
KERAS_TOLERANCE = 1e-3  # nats a token: what another order of the sums and a GPU's short floats may make
NO_PADDING = 0.005  # the share up to which it changes no figure that is shown
_SHARES = ("accuracy", "top_5", "top_10")


def show(models: list[Shown]) -> None:
    """Draws the reports of the base and a checkpoint (the last of them), what that is held against between them; or of one model alone."""
    own = models[-1]
    if present.screen("report_figures"):
        headline(models)
        if sentence := near_copies_view.said(
            own.breakdown["near_copies"], own.breakdown["split"], own.breakdown["left_out"]
        ):
            st.warning(sentence)
    for number, other in enumerate(models[:-1]):
        if present.screen(f"report_difference {number}"):
            difference(other, own, _("Difference to the base") if other is models[0] else "")
    if present.screen("report_baselines"):
        live.chart(breakdown_figures.baselines(compared(models)), key="report_baselines")
        if not present.on():
            _say_baselines(own)
    parts: dict[str, Callable[[list[Shown]], None]] = {
        _("By section"): _by_section,
        _("By position"): _by_position,
        _("By kind of token"): _by_kind,
        _("Calibration"): _calibration,
        _("Padding"): _padding,
    }
    if present.on():
        for title, draw in parts.items():
            if present.screen(draw.__name__):
                st.subheader(title)
                draw(models)
        return
    for draw, tab in zip(parts.values(), st.tabs(list(parts)), strict=True):
        with tab:
            draw(models)


def _say_baselines(own: Shown) -> None:
    """What the simple guesses were counted on, and what the lines of the bars are."""
    simple = own.breakdown["baselines"]
    counted = _(
        "The most frequent token is “{token}”; it and the bigram (the most frequent token behind the one before, backing off to single tokens) were counted on {n} tokens of {read}.",
        read=_read_names()[simple["counted_on"]],
        token=words.plain(simple["token"].strip() or simple["token"].replace(" ", "␣").replace("\n", "↵")),
        n=words.grouped(simple["training_tokens"]),
    )
    lines = _("The bars' lines are the 95 % intervals.")
    st.caption(f"{counted} {lines}" if own.breakdown["intervals"] else counted)


def _by_section(models: list[Shown]) -> None:
    live.chart(breakdown_figures.groups(models, "by_section", section_names()), key="r_section")


def _by_position(models: list[Shown]) -> None:
    axis = _("tokens before it in the window")
    live.chart(breakdown_figures.groups(models, "by_position", {}, axis), key="r_position")


def _by_kind(models: list[Shown]) -> None:
    live.chart(breakdown_figures.groups(models, "by_kind", kind_names()), key="r_kind")
    if not present.on():
        st.caption(
            _(
                "A domain term is a word that everyday English hardly knows, or that the training articles use far more often; its first token is the hard one, the rest of it are pieces of a word."
            )
        )


def _calibration(models: list[Shown]) -> None:
    live.chart(breakdown_figures.reliability(models), key="r_calibration")
    errors = " · ".join(
        words.labelled(words.plain(m.title), words.percent(m.breakdown["calibration"]["error"])) for m in models
    )
    if not present.on():
        st.caption(_("Expected calibration error, the mean distance from the diagonal: {errors}", errors=errors))


def _padding(models: list[Shown]) -> None:
    what_padding_does(models[-1])


def _read_names() -> dict[str, str]:
    """What pages call the tokens that the simple guesses were counted on."""
    return {
        "run": _("what this run could read"),
        "split": _("all training articles"),
    }


def _figures() -> tuple[tuple[str, str, Callable[[float], str]], ...]:
    """Name, title and writing of each figure, in the order of the tables."""
    return (
        ("accuracy", _("Accuracy"), words.percent),
        ("top_5", _("Among the first 5"), words.percent),
        ("top_10", _("Among the first 10"), words.percent),
        ("bits_per_byte", _("Bits per byte"), words.decimal),
        ("perplexity", _("Perplexity"), lambda x: words.decimal(x, 1)),
        ("loss", _("Loss (nats a token)"), words.decimal),
    )


def headline(models: list[Shown]) -> None:
    """The figures as a table, with their intervals, below those of simpler guesses."""

    def with_interval(breakdown: dict[str, Any], name: str, write: Callable[[float], str]) -> str:
        if name not in breakdown["intervals"]:
            return write(breakdown[name])
        low, high = breakdown["intervals"][name]
        return f"{write(breakdown[name])} ({write(low)} – {write(high)})"

    own = models[-1].breakdown
    guesses = {_("most frequent token"): "most_frequent", _("bigram"): "bigram"}
    columns = {_("Model"): [*guesses, *(m.title for m in models)]}
    for name, title, write in _figures():
        simple = [own["baselines"][guess] for guess in guesses.values()]
        columns[title] = [
            *(write(figures[name]) if name in figures else "—" for figures in simple),
            *(with_interval(m.breakdown, name, write) for m in models),
        ]
    tables.show(columns, presented=list(columns)[:2])
    if present.on():
        return
    articles = intervals.scored_articles(own["by_article"])
    scored = _n(
        "On {tokens} tokens of {articles} article, in windows of {length} tokens, {stride} from one to the next: each token is scored once.",
        "On {tokens} tokens of {articles} articles, in windows of {length} tokens, {stride} from one to the next: each token is scored once.",
        articles,
        tokens=words.grouped(own["evaluated_tokens"]),
        articles=words.grouped(articles),
        length=own["sequence_length"],
        stride=own["stride"],
    )
    certain = (
        _(
            "In brackets the 95 % interval (jackknife over the articles, Student's t, with a correction for skewness): of 100 such intervals from other articles of the kind about 95 hold what all of them would give; about 90 where a few articles are far longer than the others and long ones are easier or harder."
        )
        if own["intervals"]
        else _(
            "Of so few articles it cannot be told how far chance goes: an interval takes {n} at least.",
            n=intervals.FEWEST_ARTICLES,
        )
    )
    st.caption(f"{scored} {certain}")
    if own["keras"] is not None:
        st.caption(keras_evaluate(models[-1]))


def keras_evaluate(model: Shown) -> str:
    """What Keras's own `evaluate` says of the first windows, and how far the report's own sums are from it."""
    said, own = model.breakdown["keras"], model.breakdown["checked"]
    apart = abs(said["loss"] - own["loss"])
    values = {
        "name": words.plain(model.title),
        "n": words.grouped(said["tokens"]),
        "accuracy": words.percent(said["accuracy"], 2),
        "loss": words.decimal(said["loss"], 4),
        "apart": words.decimal(apart, 7),
        "tokens": words.grouped(abs(said["accuracy"] - own["accuracy"]) * said["tokens"]),
    }
    if apart < KERAS_TOLERANCE:
        return _(
            "Keras's own `.evaluate` with SparseCategoricalCrossentropy, run on the first {n} of these tokens, says of {name}: accuracy {accuracy}, loss {loss}. It agrees with the sums above: over these tokens the two are {apart} apart in loss, and in {tokens} tokens of what is right.",
            **values,
        )
    return _(
        "**Keras's own `.evaluate` with SparseCategoricalCrossentropy disagrees**: run on the first {n} of these tokens, it says of {name}: accuracy {accuracy}, loss {loss}. That is {apart} in loss and {tokens} right tokens apart from the sums above: do not rely on either.",
        **values,
    )


def difference(base: Shown, own: Shown, title: str = "") -> None:
    """What the second model gained against the first, in words and as a table, with intervals paired by article."""
    found = intervals.differences(own.breakdown, base.breakdown)
    st.markdown(in_words(base, own, found["accuracy"]["interval"]))

    def write(name: str, value: float) -> str:
        return words.signed(100 * value, 1) if name in _SHARES else words.signed(value, 3)

    def with_unit(name: str, value: float) -> str:
        return _("{n} points", n=write(name, value)) if name in _SHARES else write(name, value)

    figures = [(title, name, found[name]) for name, title, _write in _figures()]
    table = {
        title or _("Difference to {name}", name=base.title): [title for title, _name, _found in figures],
        own.title: [with_unit(name, change["change"]) for _title, name, change in figures],
    }
    if present.on():
        return
    if found["accuracy"]["interval"]:
        table[_("95 % interval of the difference")] = [
            _("{low} to {high}", low=write(name, change["interval"][0]), high=write(name, change["interval"][1]))
            for _title, name, change in figures
        ]
    tables.show(table)


def in_words(base: Shown, own: Shown, interval: list[float] | None) -> str:
    """How much more often the second model is right than the first, and how sure that is."""
    gained = 100 * (own.breakdown["accuracy"] - base.breakdown["accuracy"])
    values = {"name": words.plain(own.title), "base": words.plain(base.title)}
    if interval is None:
        return _(
            "On these tokens {name} is right {own} of the time, {base} {other}: of so few articles it cannot be told whether chance made the difference.",
            own=words.percent(own.breakdown["accuracy"]),
            other=words.percent(base.breakdown["accuracy"]),
            **values,
        )
    low, high = (words.decimal(100 * x, 1) for x in interval)
    values |= {"low": low, "high": high}
    if interval[0] > 0:
        return _(
            "**{name} is right {n} points more often than {base}** (95 % interval of the difference on the same articles: {low} to {high} points).",
            n=words.decimal(gained, 1),
            **values,
        )
    if interval[1] < 0:
        return _(
            "**{name} is right {n} points less often than {base}** (95 % interval of the difference on the same articles: {low} to {high} points).",
            n=words.decimal(-gained, 1),
            **values,
        )
    return _(
        "Between {name} and {base} no difference can be told: the 95 % interval of the difference on the same articles is {low} to {high} points, and holds 0.",
        **values,
    )


def compared(models: list[Shown]) -> list[tuple[str, str, float, list[float] | None]]:
    """The bars of the baselines: simple guesses, then the models."""
    simple = models[-1].breakdown["baselines"]
    rows: list[tuple[str, str, float, list[float] | None]] = [
        (_("most frequent token"), SIMPLE, simple["most_frequent"]["accuracy"], None),
        (_("bigram"), SIMPLE, simple["bigram"]["accuracy"], None),
    ]
    return rows + [
        (m.title, m.colour, m.breakdown["accuracy"], m.breakdown["intervals"].get("accuracy")) for m in models
    ]


def what_padding_does(model: Shown) -> None:
    """The same model, the same text, other numbers: what counting padding makes of an accuracy."""
    found = model.breakdown["padding"]
    st.markdown(
        _(
            "**What “43 %” can mean.** Texts shorter than a window are filled up with padding. Where a mean counts it, the number says little about text: a model that was trained on padding writes it without a fault, and is credited with it."
        )
    )
    if any(p["windows"] == "article" and p["padding_share"] < NO_PADDING for p in found):
        st.markdown(
            _(
                "In the windows of the original report, the first tokens of each article, these articles leave no padding, so padding does not explain 43 % there. What would: a larger model (GPT-2 base has 124 million parameters and read the web), easier text (the PubMed release is in lower case, its punctuation stands by itself), test articles that are nearly training articles (Library › Articles finds them), or a text shorter than the window, as in the second row."
            )
        )
    names = {"article": _("an article a window, its first tokens"), "paragraph": _("a paragraph a window")}
    tables.show(
        {
            _("Windows"): [names[p["windows"]] for p in found],
            _("Length"): [p["length"] for p in found],
            _("Number"): [p["count"] for p in found],
            _("Share of padding"): [words.percent(p["padding_share"]) for p in found],
            _("Accuracy on text"): [words.percent(p["accuracy"]) for p in found],
            _("Padding counted"): [words.percent(p["accuracy_with_padding"]) for p in found],
            _("Padding counted and learnt"): [words.percent(p["accuracy_learnt"]) for p in found],
        },
    )
    st.caption(
        _(
            "{name}, scored on such windows. “Padding counted” is what Keras says of this model without a mask; “and learnt” what it would say of one that is as good on text and writes all padding right.",
            name=words.plain(model.title),
        )
    )


def section_names() -> dict[str, str]:
    """What pages call the kinds of sections."""
    return {
        "abstract": _("abstract"),
        "introduction": _("introduction"),
        "methods": _("methods"),
        "results": _("results"),
        "discussion": _("discussion"),
        "other": _("other"),
    }


def kind_names() -> dict[str, str]:
    """What pages call the kinds of tokens."""
    return {
        "punctuation": _("punctuation"),
        "function word": _("function word"),
        "number": _("number"),
        "citation": _("citation"),
        "domain term": _("domain term"),
        "piece of a word": _("piece of a word"),
        "other word": _("other word"),
    }
