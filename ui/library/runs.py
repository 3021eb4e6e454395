"""Runs laid over one another: curves, settings side by side, a table to sort."""

import contextlib
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine.core import spreadsheet
from engine.core.errors import EngineError
from engine.runs import checkpoints, states
from engine.runs.folder import Run
from ui import (
    address,
    bases_view,
    broken_view,
    empty,
    interpretation_view,
    present,
    removal_view,
    rooms,
    server_paths,
    setting_names,
    tables,
    words,
)
from ui.charts import colours, comparison_figures
from ui.charts.comparison_figures import Line
from ui.components.figure import live
from ui.i18n import _, _n
from ui.library import sweep_view
from ui.readers import comparison, folders, polling

DEFAULT_RUNS = 4
SMOOTHING = 0.9
POLL_SECONDS = 2.0


def choose(found: list[Run]) -> list[Run]:
    """The runs to compare; the newest few and a recorded one where nobody chose."""
    by_name = {run.name: run for run in found}
    shipped = folders.recorded_names()
    first = [run.name for run in found if run.name not in shipped][:DEFAULT_RUNS]
    recorded = [run.name for run in found if run.name in shipped]
    chosen = st.session_state.get("compare_runs")
    chosen = first + recorded[:1] if chosen is None else chosen
    if gone := [name for name in chosen if name not in by_name]:
        st.info(_("Not there any more: {names}", names=words.plain(", ".join(gone))))
    st.session_state["compare_runs"] = [name for name in chosen if name in by_name]
    with present.aside("compare_runs"):
        names = st.multiselect(
            _("Runs"),
            list(by_name),
            format_func=lambda name: name + (f" ({_('recorded')})" if name in shipped else ""),
            key="compare_runs",
        )
    return [by_name[name] for name in names]


def figures() -> dict[str, str]:
    """The figures that can be drawn, each with its unit."""
    return {
        "accuracy": _("accuracy on validation (%)"),
        "bits_per_byte": _("bits per byte on validation"),
        "loss": _("loss on validation (nats a token)"),
        "training_loss": _("loss of training batches (nats a token)"),
        "training_accuracy": _("accuracy of training batches (%)"),
        "learning_rate": _("learning rate"),
        "tokens_per_second": _("tokens a second"),
    }


def curves(chosen: list[Run], columns: dict[str, comparison.Columns]) -> None:
    """The curves, what they are drawn over, and their points as a file."""
    titles = figures()
    axes = {
        "steps": (_("steps"), _("training steps")),
        "tokens": (_("tokens"), _("tokens trained on")),
        "articles": (_("articles"), _("articles read, passes over the same ones counted again")),
        "minutes": (_("minutes"), _("minutes of training")),
    }
    with present.aside("compare_what"):
        left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
        for key in ("compare_figure", "compare_axis", "compare_smooth"):
            address.default(key)
        figure = left.selectbox(_("Figure"), list(titles), format_func=lambda name: titles[name], key="compare_figure")
        with middle:
            axis = st.segmented_control(
                _("Over"),
                list(axes),
                required=True,
                format_func=lambda name: axes[name][0],
                key="compare_axis",
            )
        smooth = right.toggle(
            _("Smooth"),
            key="compare_smooth",
            help=_(
                "An exponential moving average: each point keeps {share} of what came before. The raw line stays, faint.",
                share=words.percent(SMOOTHING, 0),
            ),
        )
    assert axis is not None  # it is required
    lines, left_out, drawn_runs = [], [], []
    hues = colours.of_runs()
    for run in chosen:
        articles = folders.articles_of(run) if axis == "articles" else None
        xs, ys = comparison.curve(columns[run.name], figure, axis, articles)
        if not len(xs):
            left_out.append(run.name)
            continue
        hue, round_ = hues.get(run.name, (colours.HUES[0], 0))
        lines.append(Line(run.name, hue, round_, xs, ys, comparison.smoothed(ys, SMOOTHING) if smooth else None))
        drawn_runs.append((run, articles))
    bases = {round(c.base[figure], 6) for c in columns.values() if figure in c.base}
    factor = comparison.FIGURES[figure][2]
    base = bases.pop() * factor if len(bases) == 1 else None
    if not lines:
        st.info(_("There is nothing to draw yet: the first point comes when a run has measured its base."))
    else:
        name = f"atelier-{figure}-{axis}".replace("_", "-")
        drawn = comparison_figures.curves(lines, axes[axis][1], titles[figure], base, _("base model"))
        live.figure(drawn, key="compare_chart", picture=name)
        if present.on():
            return
        if bases:
            st.caption(_("No line of the base: these runs start from different ones, or are measured on other tokens."))
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                _("The curves as CSV"),
                lambda: as_csv(drawn_runs, figure, axis),
                f"{name}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                key="compare_csv",
            )
            st.caption(_("The camera above the figure saves a picture. Long curves are thinned for drawing alone."))
    if left_out:
        st.caption(_("Not drawn, since they have no such points: {names}", names=words.plain(", ".join(left_out))))


def as_csv(runs: list[tuple[Run, int | None]], figure: str, axis: str) -> str:
    """All points of the curves, a line each, also those that are not drawn.

    Args:
        runs: each with the articles in its range, as `comparison.curve` takes them.
    """
    found = []
    for run, articles in runs:
        xs, ys = comparison.curve(folders.columns(run, every=True), figure, axis, articles)
        found.append(pd.DataFrame({"run": run.name, axis: xs, figure: ys}))
    rows = pd.concat(found)
    return spreadsheet.as_csv(rows.columns, rows.itertuples(index=False))


def table(chosen: list[Run], columns: dict[str, comparison.Columns]) -> None:
    """One line a run, to be sorted by any column."""
    rows = []
    for run in chosen:
        found, state = columns[run.name], run.state()
        best = comparison.best(found)
        whole: Mapping[str, Any] = folders.history(run).on_whole_splits().get(("run", "validation")) or {}
        result: Mapping[str, Any] = next(iter(folders.history(run).events("result")[-1:]), {})
        steps, saved = found.step, checkpoints.of_run(run)
        rows.append(
            {
                "run": run.name + (f" ({_('recorded')})" if run.recorded else ""),
                "verdict": interpretation_view.short(run, state),
                "state": words.state_name(state.state),
                "accuracy": 100 * best["accuracy"] if best else None,
                "steps": state.step,
                "tokens": steps["tokens"][-1] if len(steps["tokens"]) else None,
                "minutes": steps["seconds"][-1] / 60 if len(steps["seconds"]) else None,
                "loss": best.get("loss"),
                "bits": best.get("bits_per_byte"),
                "whole_loss": whole.get("loss"),
                "whole_accuracy": 100 * whole["accuracy"] if whole else None,
                "whole_bits": whole.get("bits_per_byte"),
                "device": setting_names.device(str(result.get("device", run.settings.device))),
                "format": saved[-1].format if saved else run.settings.checkpoint_format,
            }
        )
    frame_ = pd.DataFrame(rows)
    number = st.column_config.NumberColumn
    best_help = _("On the part of validation that is measured at each interval, where the loss was lowest.")
    whole_help = _(
        "Of the run's result, on the whole of validation. Its final measurement, on test, is made in Explore › Score."
    )
    tables.show(
        frame_,
        {
            "tokens": words.grouped,
            "minutes": lambda x: words.decimal(x, 1),
            **dict.fromkeys(("accuracy", "whole_accuracy"), words.in_percent),
            **{name: lambda x: words.decimal(x, 3) for name in ("loss", "bits", "whole_loss", "whole_bits")},
        },
        presented=["run", "verdict", "steps", "accuracy"],
        key="compare_table",
        column_config={
            "run": st.column_config.TextColumn(_("Run"), pinned=True),
            "state": st.column_config.TextColumn(_("State")),
            "verdict": st.column_config.TextColumn(
                _("What happened"),
                help=_("On validation, against what it started from. Explore › Curve says it in full."),
            ),
            "steps": number(_("Steps")),
            "tokens": number(_("Tokens")),
            "minutes": number(_("Minutes"), help=_("Of training alone.")),
            "loss": number(_("Best loss (nats a token)"), help=best_help),
            "accuracy": number(_("Accuracy"), help=best_help),
            "bits": number(_("Bits per byte"), help=best_help),
            "whole_loss": number(_("Loss, all of validation (nats a token)"), help=whole_help),
            "whole_accuracy": number(_("Accuracy, all of validation"), help=whole_help),
            "whole_bits": number(_("Bits per byte, all of validation"), help=whole_help),
            "device": st.column_config.TextColumn(_("Device")),
            "format": st.column_config.TextColumn(_("Format")),
        },
    )
    if present.on():
        return
    st.download_button(
        _("The table as CSV"),
        lambda: spreadsheet.as_csv(frame_.columns, frame_.itertuples(index=False)),
        "atelier-runs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="compare_table_csv",
    )


def windows(chosen: list[Run]) -> None:
    """Says that figures were taken in windows of different lengths, where they were."""
    lengths = set()
    for run in chosen:
        with contextlib.suppress(EngineError):  # its preset is gone
            lengths.add(folders.window_of(run, {}))
    if len(lengths) > 1:
        st.caption(
            ":material/straighten: "
            + _(
                "These runs are measured in windows of different lengths ({lengths} tokens). The longer a window, the more a token has to go by: Score, in Explore, measures all of them alike.",
                lengths=", ".join(words.grouped(length) for length in sorted(lengths)),
            )
        )


def settings(chosen: list[Run]) -> None:
    """What was set differently, then, folded away, what was not."""
    different, equal = comparison.settings(chosen)
    for name in ("articles", "preset"):
        if name in equal:
            equal[name] = server_paths.shown(equal[name])
        else:
            different[name] = [server_paths.shown(value) for value in different[name]]
    names = [run.name for run in chosen]
    if len(chosen) < 2:
        st.caption(_("Choose a second run, and what was set differently appears here."))
    elif not different:
        st.caption(_("All settings are equal."))
    else:
        st.caption(_("Only what differs; bold is what differs from the first run."))
        lines = [
            {"setting": setting_names.title(name), **dict(zip(names, values, strict=True))}
            for name, values in different.items()
        ]
        if present.on():
            tables.show(pd.DataFrame(lines), column_config={"setting": st.column_config.TextColumn(_("Setting"))})
            return
        marked = pd.DataFrame(lines).style.apply(
            lambda row: ["", "", *("font-weight: bold" if value != row.iloc[1] else "" for value in row.iloc[2:])],
            axis=1,
        )
        st.dataframe(
            marked,
            hide_index=True,
            column_config={"setting": st.column_config.TextColumn(_("Setting"), pinned=True)},
            key="compare_settings",
        )
    if present.on():
        return
    title = _n("{n} setting that is equal", "{n} settings that are equal", len(equal))
    with st.expander(title if len(chosen) > 1 else _("All settings")):
        tables.show(
            pd.DataFrame([{"setting": setting_names.title(name), "value": value} for name, value in equal.items()]),
            column_config={
                "setting": st.column_config.TextColumn(_("Setting")),
                "value": st.column_config.TextColumn(_("Value")),
            },
            key="compare_equal",
        )


def figures_now(chosen: list[Run]) -> None:
    """Curves and table as they stand; redrawn by themselves while one of the runs works."""
    columns = {run.name: folders.columns(run) for run in chosen}
    if present.screen("curves"):
        curves(chosen, columns)
        if not present.on():
            windows(chosen)
    if present.screen("table"):
        st.header(_("Figures"))
        table(chosen, columns)


def lay_over(chosen: list[Run]) -> None:
    """Draws the runs over one another, drawn anew while one of them works."""
    working = any(run.state().state in (states.RUNNING, states.QUEUED) for run in chosen)

    def draw() -> None:
        curves(chosen, {run.name: folders.columns(run) for run in chosen})
        windows(chosen)

    polling.fragment(draw, POLL_SECONDS if working else None)()


def show() -> None:
    """Lays runs over one another."""
    if not present.on():
        st.markdown(
            _("What one setting did: the curves of several runs over one another, and where their settings differ.")
        )
    removal_view.show_message()
    broken_view.show("compare")
    found = folders.trained_runs()
    if not found:
        empty.show(_("Here several are laid over one another, and what was set differently stands beside them."))
        return
    chosen = choose(found)
    if not chosen:
        st.info(_("Choose at least one run."))
        return
    if len(chosen) == 2 and not present.on():
        first, second = chosen
        st.page_link(
            rooms.PAGES[rooms.EXPLORE],
            label=_("Explore {run} against {other}", run=words.plain(first.name), other=words.plain(second.name)),
            icon=":material/travel_explore:",
            query_params=address.query_of(rooms.CURVE, run=first.name, against=second.name),
        )
    working = any(run.state().state in (states.RUNNING, states.QUEUED) for run in chosen)
    polling.fragment(figures_now, POLL_SECONDS if working else None)(chosen)
    bases_view.say_changed(chosen)
    if (len(chosen) > 1 or not present.on()) and present.screen("settings"):
        st.header(_("Settings"))
        settings(chosen)
    sweep_view.show()
