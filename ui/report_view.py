"""A kept report on a page: what a model knows with its intervals, against its base and simpler guesses, and where."""

import streamlit as st

from engine import intervals
from ui import report_charts, words
from ui.i18n import _
from ui.report_charts import Shown

SIMPLE = "#B0B5BA"  # what is no model of ours


def show(models: list[Shown]) -> None:
    """Draws the reports of the base and a checkpoint (the last of them), or of one model alone."""
    own = models[-1]
    headline(models)
    if len(models) > 1:
        st.markdown(difference(models[0], own))
    st.plotly_chart(report_charts.baselines(compared(models)), theme="streamlit", key="report_baselines")
    simple = own.report["baselines"]
    st.caption(
        _(
            "The most frequent token is “{token}”; it and the bigram (the most frequent token behind the one before, backing off to single tokens) were counted on {n} training tokens. The bars' lines hold 95 % of what 1,000 draws of the articles give.",
            token=words.plain(simple["token"].strip() or simple["token"].replace(" ", "␣").replace("\n", "↵")),
            n=words.grouped(simple["training_tokens"]),
        )
    )
    names = (_("By section"), _("By position"), _("By kind of token"), _("Calibration"), _("Padding"))
    section, position, kind, calibration, padding = st.tabs(list(names))
    with section:
        st.plotly_chart(report_charts.groups(models, "by_section", section_names()), theme="streamlit", key="r_section")
    with position:
        axis = _("tokens before it in the window")
        st.plotly_chart(report_charts.groups(models, "by_position", {}, axis), theme="streamlit", key="r_position")
        st.caption(
            _(
                "Windows of {length} tokens, {stride} from one to the next: each token is scored once.",
                length=own.report["sequence_length"],
                stride=own.report["stride"],
            )
        )
    with kind:
        st.plotly_chart(report_charts.groups(models, "by_kind", kind_names()), theme="streamlit", key="r_kind")
        st.caption(
            _(
                "A domain term is a word that everyday English hardly knows, or that the training articles use far more often; its first token is the hard one, the rest of it are pieces of a word."
            )
        )
    with calibration:
        st.plotly_chart(report_charts.reliability(models), theme="streamlit", key="r_calibration")
        errors = " · ".join(
            f"{words.plain(m.title)}: {words.percent(m.report['calibration']['error'])}" for m in models
        )
        st.caption(_("Expected calibration error, the mean distance from the diagonal: {errors}", errors=errors))
    with padding:
        what_padding_does(own)


def headline(models: list[Shown]) -> None:
    """The figures as a table, with their intervals."""

    def with_interval(report: dict, name: str, write) -> str:
        low, high = report["intervals"][name]
        return f"{write(report[name])} ({write(low)} – {write(high)})"

    columns = {_("Model"): [m.title for m in models]}
    for name, title, write in (
        ("accuracy", _("Accuracy"), words.percent),
        ("top_5", _("Among the first 5"), words.percent),
        ("top_10", _("Among the first 10"), words.percent),
        ("bits_per_byte", _("Bits per byte"), words.decimal),
        ("perplexity", _("Perplexity"), lambda x: words.decimal(x, 1)),
        ("loss", _("Loss"), words.decimal),
    ):
        columns[title] = [with_interval(m.report, name, write) for m in models]
    st.dataframe(columns, hide_index=True)
    st.caption(
        _(
            "On {n} tokens of {articles} articles. In brackets the interval that holds 95 % of what drawing the articles anew gives (bootstrap, 1,000 draws).",
            n=words.grouped(models[-1].report["evaluated_tokens"]),
            articles=words.grouped(len(models[-1].report["by_article"]["tokens"])),
        )
    )


def difference(base: Shown, own: Shown) -> str:
    """What the second model gained against the first, with the interval paired by article, in words."""
    found = intervals.intervals(own.report["by_article"], base.report["by_article"])
    low, high = (words.decimal(100 * x, 1) for x in found["accuracy"])
    gained = 100 * (own.report["accuracy"] - base.report["accuracy"])
    values = {"name": words.plain(own.title), "base": words.plain(base.title), "low": low, "high": high}
    if found["accuracy"][0] > 0:
        sentence = _(
            "**{name} is right {n} points more often than {base}** (95 % interval of the difference on the same articles: {low} to {high} points).",
            n=words.decimal(gained, 1),
            **values,
        )
    elif found["accuracy"][1] < 0:
        sentence = _(
            "**{name} is right {n} points less often than {base}** (95 % interval of the difference on the same articles: {low} to {high} points).",
            n=words.decimal(-gained, 1),
            **values,
        )
    else:
        sentence = _(
            "Between {name} and {base} no difference can be told: the 95 % interval of the difference on the same articles is {low} to {high} points, and holds 0.",
            **values,
        )
    bits = [words.decimal(x, 3) for x in found["bits_per_byte"]]
    change = own.report["bits_per_byte"] - base.report["bits_per_byte"]
    told = _("Bits per byte: {n} ({low} to {high}).", n=words.decimal(change, 3), low=bits[0], high=bits[1])
    return f"{sentence} {told}"


def compared(models: list[Shown]) -> list[tuple[str, str, float, list[float] | None]]:
    """The bars of the baselines: simple guesses, then the models."""
    simple = models[-1].report["baselines"]
    rows: list[tuple[str, str, float, list[float] | None]] = [
        (_("most frequent token"), SIMPLE, simple["most_frequent"]["accuracy"], None),
        (_("bigram"), SIMPLE, simple["bigram"]["accuracy"], None),
    ]
    return rows + [(m.title, m.colour, m.report["accuracy"], m.report["intervals"]["accuracy"]) for m in models]


def what_padding_does(model: Shown) -> None:
    """The same model, the same text, other numbers: what counting padding makes of an accuracy."""
    st.markdown(
        _(
            "**What “43 %” can mean.** Texts shorter than a window are filled up with padding. Where a mean counts it, the number says little about text: a model that was trained on padding writes it without a fault, and is credited with it."
        )
    )
    names = {"article": _("an article a window, its first tokens"), "paragraph": _("a paragraph a window")}
    found = model.report["padding"]
    st.dataframe(
        {
            _("Windows"): [names[p["windows"]] for p in found],
            _("Length"): [p["length"] for p in found],
            _("Number"): [p["count"] for p in found],
            _("Share of padding"): [words.percent(p["padding_share"]) for p in found],
            _("Accuracy on text"): [words.percent(p["accuracy"]) for p in found],
            _("Padding counted"): [words.percent(p["accuracy_with_padding"]) for p in found],
            _("Padding counted and learnt"): [words.percent(p["accuracy_learnt"]) for p in found],
        },
        hide_index=True,
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
