"""Accuracy, loss, perplexity and bits per byte of base and checkpoints, on the same tokens."""

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core.errors import EngineError
from engine.core.splits import HELD_OUT, TEST
from engine.presets import catalogue
from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.services import inference_client
from ui import (
    address,
    breakdown_form,
    breakdown_view,
    errors,
    final_measurement,
    forgetting_view,
    little_memory,
    pair,
    present,
    server_paths,
    studio_view,
    tables,
    words,
)
from ui.charts import colours, evaluation_figures
from ui.charts.breakdown_figures import Shown
from ui.charts.evaluation_figures import Row
from ui.components.figure import live
from ui.i18n import _
from ui.readers import folders, recorded


def run_rows(split: str, runs: list[Run]) -> list[Row]:
    """Bases and runs as the trainers measured them on whole splits, a row for each corpus and length of window."""
    rows: dict[tuple[str, str, int, int], Row] = {}
    corpora = _corpora(runs)
    for run in runs:
        for (model, of_split), event in folders.history(run).on_whole_splits().items():
            if of_split != split:
                continue
            try:
                reference, title, colour = _identity(run, model, event["step"])
                length = folders.window_of(run, event)
            except EngineError:
                continue
            figures = {name: event[name] for name in ("accuracy", "loss", "perplexity", "bits_per_byte")}
            row = Row(
                title,
                colour,
                split,
                run.settings.articles,
                corpora[run.name],
                **figures,
                evaluated_tokens=event["evaluated_tokens"],
                sequence_length=length,
                hash=reference,
                recorded=bool(run.recorded),
            )
            rows.setdefault((reference, row.corpus, row.evaluated_tokens, length), row)
    return list(rows.values())


def _corpora(runs: list[Run]) -> dict[str, str]:
    """Run → what tells its articles from others: the hash of their tokens, which a folder and a zip of them share; the path
    where none of the runs that read there says it."""
    hashes = {}
    for run in runs:
        saved = checkpoints.of_run(run)
        if saved and (known := saved[-1].manifest.get("corpus")):
            hashes[run.name] = str(known)
    by_path = {run.settings.articles: hashes[run.name] for run in runs if run.name in hashes}
    return {
        run.name: hashes.get(run.name) or by_path.get(run.settings.articles) or run.settings.articles for run in runs
    }


def in_view() -> list[Run]:
    """The run in view, and the one that it is held against."""
    own = pair.current().run
    return [run for run in (own, pair.other_run()) if run is not None]


def _identity(run: Run, model: str, step: int) -> tuple[str, str, str]:
    """Hash, title and colour of what a run calls "base", "parent" or "run"; `step`: at which it was measured."""
    if model == "base":
        preset = catalogue.find(run.settings.preset)
        measured, now = run.config.get("preset_hash") or preset.hash(), preset.hash()
        title = f"base · {preset.title}" + ("" if measured == now else f" ({_('as it was for {run}', run=run.name)})")
        return measured, title, colours.BASE
    name = run.settings.parent or "" if model == "parent" else f"{run.name}/{step}"
    checkpoint = checkpoints.find(name)
    recorded = f" ({_('recorded')})" if run.recorded and model == "run" else ""
    title = f"{checkpoint.run} · {_('step')} {checkpoint.step}{recorded}"
    return checkpoint.hash, title, colours.of_run(checkpoint.run)


def measure(
    model: ModelReference, request: dict[str, Any], done: float, share: float, bar: DeltaGenerator
) -> dict[str, Any]:
    """The studio's report of a model; the bar runs over `share` of its length from `done` on.

    Raises:
        EngineError: the studio's, or none is there.
    """
    name = words.plain(folders.title(model))

    def say(label: str, of_this: float) -> None:
        bar.progress(min(1.0, done + share * of_this), label)

    def progress(message: dict[str, Any]) -> str:
        return f"{name} · {studio_view.measuring(message)}"

    work = f"{name} · {_('loading the articles and the model')}"
    answer = studio_view.run_request({**request, "reference": model.reference}, say, work, progress)
    scores: dict[str, Any] = answer[-1]["scores"]
    return scores


def shown(model: ModelReference, breakdown: dict[str, Any]) -> Shown:
    """A report with the name and colour that the model has on every page."""
    last = folders.last_step(model.checkpoint.run) if model.checkpoint else 0
    return Shown(folders.title(model), colours.of_model(model, last), breakdown)


def whole_picture(request: breakdown_form.BreakdownRequest, start: bool, place: DeltaGenerator) -> None:
    """Measures where it was asked for (`place` holds Cancel meanwhile), and shows what is known of these weights and articles."""
    models = request.compared()
    if start:
        place.button(_("Cancel"), icon=":material/close:")
        bar = st.progress(0.0, _("The studio is starting: it loads TensorFlow, about 10 s on a laptop."))
        with errors.shown():
            request.check()
            inference_client.ensure()
            inference_client.wait_until_ready()
            share = 1 / len(models)
            breakdowns = [measure(model, request.request(), n * share, share, bar) for n, model in enumerate(models)]
            st.session_state["report"] = (request.content(), breakdowns)
        bar.empty()
        place.empty()
    content = request.content()  # articles and weights as they are now, which may be others than were measured
    if st.session_state.get("report", ("",))[0] != content and (before := request.cached()) is not None:
        st.session_state["report"] = (content, before)
    if st.session_state.get("report", ("",))[0] != content:
        if present.screen("whole_picture"):
            st.info(
                _("Press Measure: intervals, baselines, sections, kinds of token, calibration and padding appear here.")
            )
        return
    breakdowns = st.session_state["report"][1]
    breakdown_view.show([shown(model, breakdown) for model, breakdown in zip(models, breakdowns, strict=True)])


def table(split: str, runs: list[Run]) -> None:
    """Shows base and the runs in view as their trainers measured them, on the same tokens."""
    rows = run_rows(split, runs)
    sources: dict[str, dict[str, None]] = {}  # corpus → the paths at which it was read
    for row in rows:
        sources.setdefault(row.corpus, {})[server_paths.shown(row.source)] = None
    if not rows:
        st.info(_("Nothing is measured yet. A run measures base and itself when it ends; or measure a model below."))
        return
    corpus = next(iter(sources))
    if len(sources) > 1:
        with present.aside("score_articles"):
            corpus = st.selectbox(_("Articles"), list(sources), format_func=lambda key: ", ".join(sources[key]))
    rows = [row for row in rows if row.corpus == corpus]
    # Whole splits of the same articles have the same number of tokens; a smaller part is another measurement, and so are
    # windows of another length, in which tokens have more or less before them.
    measured = sorted({(row.evaluated_tokens, row.sequence_length) for row in rows}, reverse=True)
    wanted = measured[0]
    if len(measured) > 1:
        with present.aside("score_tokens"):
            wanted = st.selectbox(
                _("Tokens scored"),
                measured,
                format_func=lambda key: _(
                    "{n} tokens in windows of {length}", n=words.grouped(key[0]), length=words.grouped(key[1])
                ),
            )
    rows = [row for row in rows if (row.evaluated_tokens, row.sequence_length) == wanted]
    rows = sorted(rows, key=lambda row: (not row.title.startswith("base"), row.accuracy))
    figures = (
        ("accuracy", _("Accuracy (%) — higher is better"), ".1f", 100),
        ("bits_per_byte", _("Bits per byte — lower is better"), ".2f", 1),
    )
    for slot, (name, title, pattern, factor) in zip(st.columns(2), figures, strict=True):
        figure = evaluation_figures.bars(rows, name, title, pattern, factor)
        if present.screen(name):
            with present.place(slot):
                live.chart(figure, key=f"figure_{name}")
    if present.on():  # the bars say it
        return
    tables.show(
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
        {
            "accuracy": words.in_percent,
            "perplexity": lambda x: words.decimal(x, 1),
            **{name: lambda x: words.decimal(x, 3) for name in ("bits", "loss")},
        },
        column_config={
            "model": st.column_config.TextColumn(_("Model")),
            "accuracy": st.column_config.NumberColumn(
                _("Accuracy"), help=_("How often the most probable next token is the right one.")
            ),
            "bits": st.column_config.NumberColumn(
                _("Bits per byte"),
                help=_(
                    "How many bits the model needs for a byte of text: comparable across vocabularies, lower is better."
                ),
            ),
            "loss": st.column_config.NumberColumn(
                _("Loss (nats a token)"), help=_("Mean cross-entropy; lower is better.")
            ),
            "perplexity": st.column_config.NumberColumn(
                _("Perplexity"),
                help=_("exp(loss): among how many equally likely tokens the model hesitates."),
            ),
            "tokens": st.column_config.NumberColumn(_("Tokens scored")),
            "hash": st.column_config.TextColumn(
                _("Weights"), help=_("The first digits of the SHA-256 of the weights.")
            ),
        },
    )
    st.caption(
        _(
            "Windows of {length} tokens, {stride} from one to the next: each token is scored once.",
            length=words.grouped(wanted[1]),
            stride=words.grouped(wanted[1]),
        )
    )
    if any(row.recorded for row in rows):
        recorded.note()


def show() -> None:
    """Shows what the models in view know, measured: on validation, what was forgotten, then in full."""
    with present.aside("score_split"):
        st.markdown(
            _(
                "What a model knows, measured: base and checkpoints on the very same articles, which none of them was trained on."
            )
        )
        address.default("score_split")
        split = st.segmented_control(
            _("Split"),
            list(HELD_OUT),
            required=True,
            format_func=lambda name: _("test: the final measurement") if name == TEST else words.split_name(name),
            key="score_split",
        )
    assert split is not None  # it is required
    runs = in_view()
    if split == TEST and not final_measurement.shown(runs, "score_final"):
        forgetting_view.show(pair.current().run)
        return
    table(split, runs)
    # Drawn before anything is measured, which takes a while: nothing that does not depend on it turns grey meanwhile.
    picture = st.container()
    forgetting_view.show(pair.current().run)
    with picture:
        in_full(split)


def in_full(split: str) -> None:
    """Shows where the figures of the model in view come from, what they must beat, and how certain they are."""
    with present.part("whole_picture"):
        st.header(_("The whole picture of a model"))
        st.markdown(
            _(
                "Where its figures come from, how certain they are, and what they must beat. The base model is scored on the same tokens."
            )
        )
        if nothing_generates := little_memory.nothing_generates():
            little_memory.say()
        with present.aside("breakdown_form"):
            request = breakdown_form.choose(split)
        with st.container(horizontal=True):
            start = st.button(
                _("Measure"),
                type="primary",
                icon=":material/straighten:",
                disabled=request is None or nothing_generates,
                key="report_measure",
            )
            place = st.empty()
    if request is not None:
        whole_picture(request, start, place)
