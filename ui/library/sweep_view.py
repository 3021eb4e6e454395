"""A sweep on a page: what more articles bring, with the spread over seeds, and its runs in one table."""

import pandas as pd
import streamlit as st

from engine.runs import sweeps
from ui import setting_names, tables, words
from ui.charts import scaling
from ui.components.figure import live
from ui.i18n import _, _n
from ui.readers import folders


def show() -> None:
    """Shows one of the sweeps; nothing where there is none."""
    names = sweeps.names(among=folders.all_runs())
    if not names:
        return
    st.subheader(_("Sweeps"))
    name = st.selectbox(_("Sweep"), names, key="sweep")
    rows = sweeps.rows(name)
    points = sweeps.scaling(rows)
    left = sum(not row.test for row in rows)
    if left:
        st.caption(
            _n("{n} of its runs has not been measured yet.", "{n} of its runs have not been measured yet.", left)
        )
    if points:
        base = next((row.base for row in rows if row.base), {})
        titles = {"accuracy": _("accuracy on test (%)"), "bits_per_byte": _("bits per byte on test")}
        for column, (figure, title) in zip(st.columns(2), titles.items(), strict=True):
            drawn = scaling.scaling(points, figure, title, _("training articles"), base.get(figure), _("base"))
            with column:
                live.chart(drawn, key=f"sweep_{figure}")
        st.caption(
            _(
                "Of each number of articles the settings that are best on validation; the bar reaches from the worst seed to the "
                "best one on test."
            )
        )
    loss, accuracy, bits = _("loss on validation"), _("accuracy on test (%)"), _("bits per byte on test")
    writes: dict[str, tables.Write] = {
        _("Articles"): words.grouped,
        _("Seed"): str,
        loss: lambda x: words.decimal(x, 3),
        accuracy: lambda x: words.decimal(x, 1),
        bits: lambda x: words.decimal(x, 3),
    }
    tables.show(_table(rows, loss, accuracy, bits), writes, key="sweep_table")


def _table(rows: list[sweeps.Row], loss: str, accuracy: str, bits: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                _("Run"): row.run,
                _("State"): words.state_name(row.state),
                _("Articles"): row.articles,
                **{
                    setting_names.title(setting): setting_names.value(setting, value)
                    for setting, value in row.varied.items()
                },
                _("Seed"): row.seed,
                loss: row.validation.get("loss"),
                accuracy: None if not row.test else 100 * row.test["accuracy"],
                bits: row.test.get("bits_per_byte"),
            }
            for row in rows
        ]
    )
