"""A sweep on a page: what more articles bring, with the spread over seeds, and its runs in one table.

Settings are chosen here, so that the figures are those of validation; those of test stand behind a press, which is counted.
"""

import pandas as pd
import streamlit as st

from engine.core.splits import TEST, VALIDATION
from engine.runs import sweeps
from ui import final_measurement, present, setting_names, tables, words
from ui.charts import scaling
from ui.components.figure import live
from ui.i18n import _, _n
from ui.readers import folders


def show() -> None:
    """Shows one of the sweeps; nothing where there is none."""
    names = sweeps.names(among=folders.all_runs())
    if not names:
        return
    with present.aside("sweep"):
        st.header(_("Sweeps"))
        name = st.selectbox(_("Sweep"), names, key="sweep")
    rows = sweeps.rows(name)
    left = sum(not row.validation for row in rows)
    if left and not present.on():
        st.caption(
            _n("{n} of its runs has not been measured yet.", "{n} of its runs have not been measured yet.", left)
        )
    _measured(rows, VALIDATION)
    with_test = [row.run for row in rows if row.test]
    if not with_test or present.on():
        return
    with st.expander(_("The final measurement of this sweep, on test")):
        known = [run for run in folders.runs_with_events() if run.name in with_test]
        if final_measurement.shown(known, "sweep_final"):
            _measured(rows, TEST)


def _measured(rows: list[sweeps.Row], split: str) -> None:
    """The figures of a split over the number of articles, and the table of all runs."""
    test = split == TEST
    accuracy = _("accuracy on test (%)") if test else _("accuracy on validation (%)")
    bits = _("bits per byte on test") if test else _("bits per byte on validation")
    if points := sweeps.scaling(rows, split):
        bases = (row.base if test else row.base_validation for row in rows)
        base = next((found for found in bases if found), {})
        titles = {"accuracy": accuracy, "bits_per_byte": bits}
        for column, (figure, title) in zip(st.columns(2), titles.items(), strict=True):
            drawn = scaling.scaling(points, figure, title, _("training articles"), base.get(figure), _("base"))
            if present.screen(f"sweep_{split}_{figure}"):
                with present.place(column):
                    live.chart(drawn, key=f"sweep_{figure}{'_test' if test else ''}")
        if not present.on():
            st.caption(
                _(
                    "Of each number of articles the settings that are best on validation; the bar reaches from the worst seed to the "
                    "best one."
                )
            )
    if present.on():
        return
    loss = _("loss on test (nats a token)") if test else _("loss on validation (nats a token)")
    writes: dict[str, tables.Write] = {
        _("Articles"): words.grouped,
        _("Seed"): str,
        loss: lambda x: words.decimal(x, 3),
        accuracy: lambda x: words.decimal(x, 1),
        bits: lambda x: words.decimal(x, 3),
    }
    figures = {"loss": (loss, 1), "accuracy": (accuracy, 100), "bits_per_byte": (bits, 1)}
    tables.show(_table(rows, split, figures), writes, key="sweep_table_test" if test else "sweep_table")


def _table(rows: list[sweeps.Row], split: str, figures: dict[str, tuple[str, int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                _("Run"): row.run,
                **{title: _times(row.of(split).get(figure), factor) for figure, (title, factor) in figures.items()},
                _("Articles"): row.articles,
                **{
                    setting_names.title(setting): setting_names.value(setting, value)
                    for setting, value in row.varied.items()
                },
                _("Seed"): row.seed,
                _("State"): words.state_name(row.state),
            }
            for row in rows
        ]
    )


def _times(figure: float | None, factor: int) -> float | None:
    return None if figure is None else factor * figure
