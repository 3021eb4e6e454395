"""Accuracy, loss, perplexity and bits per byte of base and checkpoints, on the same tokens."""

from ui import frame

frame.within()

import contextlib

import pandas as pd
import streamlit as st

from engine import checkpoints, paths, presets, results, runs, studio_client
from engine.checkpoints import ModelReference
from engine.errors import EngineError
from ui import (
    access,
    choices,
    colours,
    errors,
    evaluation_charts,
    forgetting_view,
    readers,
    recorded,
    report_view,
    words,
)
from ui.evaluation_charts import Row
from ui.i18n import _
from ui.report_charts import Shown

st.title(_("Evaluate"))
st.markdown(
    _(
        "What a model knows, measured: base and checkpoints on the very same articles, which none of them was trained on."
    )
)


def run_rows(split: str) -> list[Row]:
    """Base and runs as the trainers measured them on whole splits, a group for each articles folder."""
    rows: dict[tuple[str, str, int], Row] = {}
    for run in readers.runs_with_events():
        for (model, of_split), event in readers.whole_evaluations(run).items():
            if of_split != split:
                continue
            try:
                reference, title, colour = _identity(run, model)
            except EngineError:
                continue
            figures = {name: event[name] for name in ("accuracy", "loss", "perplexity", "bits_per_byte")}
            row = Row(
                title,
                colour,
                split,
                run.settings.articles,
                **figures,
                evaluated_tokens=event["evaluated_tokens"],
                hash=reference,
                recorded=bool(run.recorded),
            )
            rows.setdefault((reference, run.settings.articles, event["evaluated_tokens"]), row)
    return list(rows.values())


def _identity(run: runs.Run, model: str) -> tuple[str, str, str]:
    """Hash, title and colour of what a run calls "base", "parent" or "run"."""
    if model == "base":
        preset = presets.find(run.settings.preset)
        return preset.hash(), f"base · {preset.title}", colours.BASE
    name = run.settings.parent if model == "parent" else f"{run.name}/{run.state().step}"
    checkpoint = checkpoints.find(name)
    recorded = f" ({_('recorded')})" if run.recorded and model == "run" else ""
    title = f"{checkpoint.run} · {_('step')} {checkpoint.step}{recorded}"
    return checkpoint.hash, title, colours.of_run(checkpoint.run)


split = st.segmented_control(
    _("Split"),
    ["test", "validation"],
    default="test",
    required=True,
    format_func=lambda s: {"test": _("test"), "validation": _("validation")}[s],
)
rows = run_rows(split)
sources = list(dict.fromkeys(row.source for row in rows))
if not rows:
    st.info(_("Nothing is measured yet. A run measures base and itself when it ends; or measure a model below."))
else:
    source = st.selectbox(_("Articles"), sources) if len(sources) > 1 else sources[0]
    rows = [row for row in rows if row.source == source]
    # Whole splits of the same articles have the same number of tokens; a smaller part is another measurement.
    tokens = sorted({row.evaluated_tokens for row in rows}, reverse=True)
    if len(tokens) > 1:
        wanted = st.selectbox(_("Tokens scored"), tokens, format_func=words.grouped)
        rows = [row for row in rows if row.evaluated_tokens == wanted]
    rows = sorted(rows, key=lambda row: (not row.title.startswith("base"), row.accuracy))
    figures = (
        ("accuracy", _("Accuracy (%) — higher is better"), ".1f", 100),
        ("bits_per_byte", _("Bits per byte — lower is better"), ".2f", 1),
    )
    for slot, (name, title, pattern, factor) in zip(st.columns(2), figures, strict=True):
        figure = evaluation_charts.bars(rows, name, title, pattern, factor)
        slot.plotly_chart(figure, theme="streamlit", key=f"figure_{name}")
    st.dataframe(
        pd.DataFrame(
            {
                "model": [row.title for row in rows],
                "accuracy": [100 * row.accuracy for row in rows],
                "bits": [row.bits_per_byte for row in rows],
                "loss": [row.loss for row in rows],
                "perplexity": [row.perplexity for row in rows],
                "tokens": [row.evaluated_tokens for row in rows],
                "hash": [row.hash[:10] for row in rows],
            }
        ),
        hide_index=True,
        column_config={
            "model": st.column_config.TextColumn(_("Model")),
            "accuracy": st.column_config.NumberColumn(
                _("Accuracy"), format="%.1f %%", help=_("How often the most probable next token is the right one.")
            ),
            "bits": st.column_config.NumberColumn(
                _("Bits per byte"),
                format="%.3f",
                help=_(
                    "How many bits the model needs for a byte of text: comparable across vocabularies, lower is better."
                ),
            ),
            "loss": st.column_config.NumberColumn(
                _("Loss"), format="%.3f", help=_("Mean cross-entropy in nats a token; lower is better.")
            ),
            "perplexity": st.column_config.NumberColumn(
                _("Perplexity"),
                format="%.1f",
                help=_("exp(loss): among how many equally likely tokens the model hesitates."),
            ),
            "tokens": st.column_config.NumberColumn(_("Tokens scored"), format="localized"),
            "hash": st.column_config.TextColumn(
                _("Weights"), help=_("The first digits of the SHA-256 of the weights.")
            ),
        },
    )
    if any(row.recorded for row in rows):
        recorded.note()


def measure(model: ModelReference, request: dict, done: float, share: float, bar) -> dict:
    """The studio's report of a model; the bar runs over `share` of its length from `done` on.

    Raises:
        EngineError: the studio's, or none is there.
    """
    # Closed however this ends: a rerun, which Cancel and leaving the page cause, hangs up, and so the studio stops.
    with contextlib.closing(studio_client.stream({**request, "reference": model.reference})) as messages:
        for message in messages:
            if message["kind"] == "progress":
                told = _("measuring: {done} of {total} windows", done=message["done"], total=message["total"])
                name = words.plain(readers.title(model))
                bar.progress(min(1.0, done + share * message["done"] / message["total"]), f"{name} · {told}")
            elif message["kind"] == "error":
                raise EngineError(message["template"], **message["values"])
            elif message["kind"] == "result":
                return message["scores"]
    raise EngineError("The studio ended while it was working: try again, it starts anew.")


def shown(model: ModelReference, report: dict) -> Shown:
    """A report with the name and colour that the model has on every page."""
    last = readers.last_step(model.checkpoint.run) if model.checkpoint else 0
    return Shown(readers.title(model), colours.of_model(model, last), report)


def compared(chosen: ModelReference) -> list[ModelReference]:
    """The base of a model, and itself where it is another."""
    return [chosen] if chosen.is_base else [ModelReference(chosen.preset), chosen]


def kept(chosen: ModelReference) -> list[Shown] | None:
    """The reports that were measured before with the same settings on the same weights, or None."""
    found = []
    for model in compared(chosen):
        report = results.kept_report(model, articles, split, int(limit), 1, int(stride))
        if report is None:
            return None
        found.append(shown(model, report))
    return found


st.subheader(_("The whole picture of a model"))
st.markdown(
    _(
        "Where its figures come from, how certain they are, and what they must beat. The base model is scored on the same tokens."
    )
)
available = {model.reference: model for model in readers.models()}
tuned = [reference for reference, model in available.items() if not model.is_base]
left, right = st.columns(2)
choices.still_there(available, "evaluate_model")
reference = left.selectbox(
    _("Model"),
    list(available),
    index=list(available).index(tuned[0]) if tuned else 0,
    format_func=lambda name: readers.title(available[name]),
    disabled=not available,
    key="evaluate_model",
)
articles = paths.portable(paths.SAMPLE_ARTICLES)
if access.paths_allowed():
    articles = right.text_input(_("Articles on this machine: a file, folder or zip, or a prepared corpus"), articles)
limit = left.number_input(
    _("Tokens at most (0 = the whole split)"),
    0,
    10_000_000,
    20_000,
    10_000,
    help=_("A fixed part, drawn with seed 1: the same for every model."),
)
stride = right.number_input(
    _("Stride (0 = the window)"),
    0,
    1024,
    0,
    32,
    help=_(
        "From one window to the next, in tokens. A smaller one gives each token more context before it, and takes longer; every token is scored once. It goes with the whole split."
    ),
)
with st.container(horizontal=True):
    start = st.button(_("Measure"), type="primary", icon=":material/straighten:", disabled=not reference)
    place = st.empty()
asked = (split, articles, int(limit), int(stride), available[reference].hash if reference else "")
if start:
    place.button(_("Cancel"), icon=":material/close:")
    bar = st.progress(0.0, _("The studio is starting: it loads TensorFlow, about 10 s on a laptop."))
    with errors.shown():
        if articles != paths.portable(paths.SAMPLE_ARTICLES):
            access.check_path(articles)
        studio_client.ensure()
        studio_client.wait_until_ready()
        chosen = available[reference]
        measured = compared(chosen)
        request = {
            "kind": "evaluate",
            "articles": articles,
            "split": split,
            "tokens": int(limit),
            "stride": int(stride),
            "seed": 1,
        }
        found = [
            shown(model, measure(model, request, n / len(measured), 1 / len(measured), bar))
            for n, model in enumerate(measured)
        ]
        st.session_state["report"] = (asked, found)
    bar.empty()
    place.empty()
elif reference and st.session_state.get("report", ("",))[0] != asked:
    with contextlib.suppress(EngineError):  # what is wrong with the articles is said when they are measured
        if articles != paths.portable(paths.SAMPLE_ARTICLES):
            access.check_path(articles)
        before = kept(available[reference])
        if before is not None:
            st.session_state["report"] = (asked, before)
if st.session_state.get("report", ("",))[0] == asked:
    report_view.show(st.session_state["report"][1])
else:
    st.info(_("Press Measure: intervals, baselines, sections, kinds of token, calibration and padding appear here."))

forgetting_view.show(readers.trained_runs())
