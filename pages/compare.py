"""Runs laid over one another: curves, settings side by side, a table to sort."""

from ui import frame

frame.within()

import pandas as pd
import streamlit as st

from engine import checkpoints
from engine.runs import Run
from ui import colours, comparison, comparison_charts, readers, words
from ui.i18n import _

DEFAULT_RUNS = 4
SMOOTHING = 0.9


def choose(found: list[Run]) -> list[Run]:
    """The runs to compare; the newest few where nobody chose."""
    by_name = {run.name: run for run in found}
    names = st.multiselect(
        _("Runs"),
        list(by_name),
        default=list(by_name)[:DEFAULT_RUNS],
        format_func=lambda name: name + (f" ({_('recorded')})" if by_name[name].recorded else ""),
        key="compare_runs",
    )
    return [by_name[name] for name in names]


def curves(chosen: list[Run], columns: dict[str, comparison.Columns]) -> None:
    """The curves, what they are drawn over, and their points as a file."""
    titles = {
        "accuracy": _("accuracy on validation (%)"),
        "bits_per_byte": _("bits per byte on validation"),
        "loss": _("loss on validation (nats a token)"),
        "training_loss": _("loss of training batches (nats a token)"),
        "training_accuracy": _("accuracy of training batches (%)"),
        "learning_rate": _("learning rate"),
        "tokens_per_second": _("tokens a second"),
    }
    axes = {
        "steps": _("training steps"),
        "tokens": _("tokens trained on"),
        "articles": _("articles read"),
        "minutes": _("minutes of training"),
    }
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    figure = left.selectbox(_("Figure"), list(titles), format_func=lambda name: titles[name], key="compare_figure")
    with middle:
        axis = st.segmented_control(
            _("Over"),
            list(axes),
            default="steps",
            required=True,
            format_func=lambda name: {
                "steps": _("steps"),
                "tokens": _("tokens"),
                "articles": _("articles"),
                "minutes": _("minutes"),
            }[name],
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
    drawn, left_out, points = [], [], []
    for run in chosen:
        articles = readers.articles_of(run) if axis == "articles" else None
        xs, ys = comparison.curve(columns[run.name], figure, axis, articles)
        if not len(xs):
            left_out.append(run.name)
            continue
        line = comparison.smoothed(ys, SMOOTHING) if smooth else None
        drawn.append((run.name, colours.of_run(run.name), xs, ys, line))
        points.append(pd.DataFrame({"run": run.name, axis: xs, figure: ys}))
    bases = {round(c.base[figure], 6) for c in columns.values() if figure in c.base}
    factor = comparison.FIGURES[figure][2]
    base = bases.pop() * factor if len(bases) == 1 else None
    if not drawn:
        st.info(_("There is nothing to draw yet: the first point comes when a run has measured its base."))
    else:
        st.plotly_chart(
            comparison_charts.curves(drawn, axes[axis], titles[figure], base, _("base model")),
            theme="streamlit",
            config={"displaylogo": False, "toImageButtonOptions": {"filename": f"atelier-{figure}", "scale": 2}},
            key="compare_chart",
        )
        st.caption(_("The camera above the figure saves it as a picture; long curves are thinned for drawing alone."))
        st.download_button(
            _("The curves as CSV"),
            lambda: pd.concat(points).to_csv(index=False),
            f"atelier-{figure}.csv",
            "text/csv",
            icon=":material/download:",
            key="compare_csv",
        )
    if left_out:
        st.caption(_("Not drawn, since they have no such points: {names}", names=words.plain(", ".join(left_out))))


def table(chosen: list[Run], columns: dict[str, comparison.Columns]) -> None:
    """One line a run, to be sorted by any column."""
    rows = []
    for run in chosen:
        found, state = columns[run.name], run.state()
        best = comparison.best(found)
        test = readers.whole_evaluations(run).get(("run", "test"), {})
        steps, saved = found.step, checkpoints.of_run(run)
        rows.append(
            {
                "run": run.name,
                "state": words.state_name(state.state),
                "steps": state.step,
                "tokens": float(steps["tokens"][-1]) if len(steps["tokens"]) else None,
                "minutes": float(steps["seconds"][-1]) / 60 if len(steps["seconds"]) else None,
                "accuracy": 100 * best["accuracy"] if best else None,
                "bits": best.get("bits_per_byte"),
                "loss": best.get("loss"),
                "test": 100 * test["accuracy"] if test else None,
                "format": saved[-1].format if saved else run.settings.checkpoint_format,
                "checkpoints": len(saved),
            }
        )
    frame_ = pd.DataFrame(rows)
    number = st.column_config.NumberColumn
    st.dataframe(
        frame_,
        hide_index=True,
        key="compare_table",
        column_config={
            "run": st.column_config.TextColumn(_("Run")),
            "state": st.column_config.TextColumn(_("State")),
            "steps": number(_("Steps"), format="localized"),
            "tokens": number(_("Tokens"), format="localized"),
            "minutes": number(_("Minutes"), format="%.1f", help=_("Of training alone.")),
            "accuracy": number(_("Accuracy"), format="%.1f %%", help=_("On validation, where its loss was lowest.")),
            "bits": number(_("Bits per byte"), format="%.3f"),
            "loss": number(_("Loss"), format="%.3f"),
            "test": number(_("Accuracy on test"), format="%.1f %%", help=_("Of the last checkpoint, on all of it.")),
            "format": st.column_config.TextColumn(_("Format")),
            "checkpoints": number(_("Checkpoints")),
        },
    )
    st.download_button(
        _("The table as CSV"),
        lambda: frame_.to_csv(index=False),
        "atelier-runs.csv",
        "text/csv",
        icon=":material/download:",
        key="compare_table_csv",
    )


def settings(chosen: list[Run]) -> None:
    """What was set differently, then, folded away, what was not."""
    different, equal = comparison.settings(chosen)
    names = [run.name for run in chosen]
    if len(chosen) < 2:
        st.caption(_("Choose a second run, and what was set differently appears here."))
    elif not different:
        st.caption(_("All settings are equal."))
    else:
        lines = [{"setting": name, **dict(zip(names, values, strict=True))} for name, values in different.items()]
        st.dataframe(
            pd.DataFrame(lines),
            hide_index=True,
            column_config={"setting": st.column_config.TextColumn(_("Setting"))},
            key="compare_settings",
        )
    with st.expander(_("{n} settings that are equal", n=len(equal)) if len(chosen) > 1 else _("All settings")):
        st.dataframe(
            pd.DataFrame([{"setting": name, "value": value} for name, value in equal.items()]),
            hide_index=True,
            column_config={
                "setting": st.column_config.TextColumn(_("Setting")),
                "value": st.column_config.TextColumn(_("Value")),
            },
            key="compare_equal",
        )


st.title(_("Compare runs"))
st.markdown(_("What one setting did: the curves of several runs over one another, and where their settings differ."))
found = readers.trained_runs()
if not found:
    st.info(_("There is no run yet. Fine-tune the mini model on the Lab page."))
    st.stop()
chosen = choose(found)
if not chosen:
    st.info(_("Choose at least one run."))
    st.stop()
columns = {run.name: readers.columns(run) for run in chosen}
curves(chosen, columns)
st.subheader(_("Figures"))
table(chosen, columns)
st.subheader(_("Settings"))
settings(chosen)
