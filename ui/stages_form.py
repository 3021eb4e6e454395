"""A plan of stages as a form: prefilled from a file, changed in a table, drawn over the corpus, queued or downloaded."""

from typing import Any

import pandas as pd
import streamlit as st

from engine import dispatcher, plans, preparation, presets, runs
from engine.articles import source
from engine.errors import EngineError
from engine.plans import Plan
from engine.submission import articles_path
from ui import access, article_charts, words
from ui.i18n import _

_COUNTED_BYTES = 32 << 20
_COLUMNS = ("name", "first", "last", "parent", "epochs", "learning_rate")


@st.cache_data(max_entries=8, show_spinner=False)
def _counted(path: str, fingerprint: list) -> int:
    return preparation.count_training(path)


def training_articles(preset: str, articles: str) -> int:
    """How many training articles a source holds.

    Raises:
        EngineError: it must be prepared first, being too large to be counted at once.
    """
    path = articles_path(articles)
    found = preparation.find(path, presets.tokenizer(presets.find(preset)))
    if found is not None:
        return found.articles("train")
    if source.total_bytes(path) > _COUNTED_BYTES:
        raise EngineError("These articles are not prepared yet: prepare them on the Articles page first.")
    return _counted(str(path), source.fingerprint(path))


def form(preset: str, articles: str) -> None:
    """The whole form.

    Raises:
        EngineError: what a person can act on.
    """
    shipped = {path.stem: path for path in plans.shipped()}
    left, right = st.columns(2)
    chosen = left.selectbox(_("Plan"), list(shipped), format_func=lambda name: f"plans/{name}.toml")
    upload = right.file_uploader(_("or a plan of your own (.toml)"), type=["toml"], key="plan_upload")
    if upload is not None:
        plan = plans.parse(_toml(upload.getvalue(), upload.name), upload.name)
    else:
        plan = plans.load(shipped[chosen])
    plan = plan.scaled(training_articles(preset, articles))
    st.caption(
        _(
            "Ranges are articles by number, scaled to the {n} training articles here. Each stage starts from the last checkpoint of its parent.",
            n=words.grouped(plan.articles),
        )
    )
    plan = _edited(plan, f"{chosen}-{articles}-{upload.name if upload else ''}")
    st.plotly_chart(article_charts.stages(plan), theme="streamlit", key="plan_stages")
    prefix = st.text_input(_("The runs' names begin with (empty = date and time)"), "", key="plan_prefix").strip()
    stages = plans.settings(plan, articles, prefix or "unnamed", preset=preset)
    one, two = st.columns([1, 3])
    start = one.button(_("Queue the stages"), type="primary", icon=":material/playlist_play:")
    two.download_button(
        _("Download as TOML"), plans.to_toml(plan), "plan.toml", "application/toml", icon=":material/download:"
    )
    if not start:
        return
    if not access.is_owner():
        raise EngineError("Visitors train one short run at a time: the owner's code lifts the limit.")
    stages = plans.settings(plan, articles, prefix or runs.fresh_name("plan"), preset=preset)
    made = plans.submit(stages)
    dispatcher.ensure()
    st.query_params["run"] = made[0].name
    st.rerun()


def _toml(content: bytes, name: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise plans.PlanError("{path} is not TOML: {reason}", path=name, reason=error) from error


def _edited(plan: Plan, key: str) -> Plan:
    """The plan as the table has it after a person's changes; settings that the table does not show stay.

    Raises:
        SettingsError: everything that is wrong with it.
    """
    known = {stage.name: stage.settings for stage in plan.stages}
    rows = [
        {
            "name": stage.name,
            "first": stage.first,
            "last": stage.last,
            "parent": stage.parent,
            "epochs": stage.settings.get("epochs"),
            "learning_rate": stage.settings.get("learning_rate", 0.0),
        }
        for stage in plan.stages
    ]
    edited = st.data_editor(
        pd.DataFrame(rows, columns=list(_COLUMNS)),
        hide_index=True,
        num_rows="dynamic",
        key=f"stages_{key}",
        column_config={
            "name": st.column_config.TextColumn(_("Stage")),
            "first": st.column_config.NumberColumn(_("First article"), min_value=1, step=1),
            "last": st.column_config.NumberColumn(_("Last article"), min_value=1, step=1),
            "parent": st.column_config.TextColumn(_("Starts from"), help=_("base, or the name of an earlier stage")),
            "epochs": st.column_config.NumberColumn(_("Epochs"), min_value=0.0, format="%.2f"),
            "learning_rate": st.column_config.NumberColumn(
                _("Learning rate (0 = automatic)"), min_value=0.0, max_value=0.1, format="%.5f"
            ),
        },
    )
    entries = []
    for row in edited.to_dict("records"):
        name = str(row["name"])
        own = dict(known.get(name, {}))
        if pd.notna(row["epochs"]):
            own = {k: v for k, v in own.items() if k not in ("steps", "minutes")} | {"epochs": float(row["epochs"])}
        if pd.notna(row["learning_rate"]) and (row["learning_rate"] or "learning_rate" in own):
            own["learning_rate"] = float(row["learning_rate"])
        bounds = [int(row[side]) if pd.notna(row[side]) else 0 for side in ("first", "last")]
        parent = row["parent"] if isinstance(row["parent"], str) and row["parent"] else plans.BASE
        entries.append({**own, "name": name, "range": f"{bounds[0]}-{bounds[1]}", "parent": parent})
    return plans.parse({"title": plan.title, "articles": plan.articles, "stage": entries}, plan.title)
