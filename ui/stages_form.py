"""A plan of stages as a form: prefilled from a file, changed in a table, drawn over the corpus, queued or downloaded."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.articles import on_disk
from engine.core import numbers
from engine.core.errors import EngineError
from engine.corpus import lookup, preparation
from engine.presets import catalogue
from engine.runs import plans, queue
from engine.runs.inputs import articles_path
from engine.runs.plans import Plan
from engine.services.launchers import launching
from ui import access, address, preview_view, rooms, run_view, words
from ui.charts import article_figures
from ui.components.figure import live
from ui.i18n import _

_COUNTED_BYTES = 32 << 20
_MOST_PLAN_BYTES = 64 << 10
_LENGTHS = ("steps", "epochs")
_AUTOMATIC = ("learning_rate", "batch_size", "sequence_length")  # where none, or 0, is one by the engine
_COLUMNS = ("name", "first", "last", "parent", *_LENGTHS, *_AUTOMATIC)


@st.cache_data(max_entries=8, show_spinner=False)
def _counted(path: str, fingerprint: list[Any]) -> int:
    return preparation.count_training(path)


def training_articles(preset: str, articles: str) -> int:
    """How many training articles a source holds.

    Raises:
        EngineError: it must be prepared first, being too large to be counted at once.
    """
    path = articles_path(articles)
    found = lookup.find(path, catalogue.tokenizer(catalogue.find(preset)))
    if found is not None:
        return found.articles("train")
    if on_disk.total_bytes(path) > _COUNTED_BYTES:
        raise EngineError("These articles are not prepared yet: prepare them under Library › Articles first.")
    return _counted(str(path), on_disk.fingerprint(path))


def form(preset: str, articles: str) -> None:
    """The whole form.

    Raises:
        EngineError: what a person can act on.
    """
    shipped = {path.stem: path for path in plans.shipped()}
    left, right = st.columns(2)
    chosen = left.selectbox(_("Plan"), list(shipped), format_func=lambda name: f"plans/{name}.toml")
    upload = None
    if access.is_owner():  # who queues it; visitors look at the plans that ship
        upload = right.file_uploader(
            _("or a plan of your own (.toml)"), type=["toml"], key="plan_upload", max_upload_size=1
        )
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
    live.chart(article_figures.stages(plan), key="plan_stages")
    prefix = st.text_input(_("The runs' names begin with (empty = date and time)"), "", key="plan_prefix").strip()
    stages = plans.settings(plan, articles, prefix or queue.UNNAMED, preset=preset)
    one, two = st.columns([1, 3])
    start = one.button(_("Queue the stages"), type="primary", icon=":material/playlist_play:")
    two.download_button(
        _("Download as TOML"), plans.to_toml(plan), "plan.toml", "application/toml", icon=":material/download:"
    )
    if not start:
        return
    if not access.is_owner():
        raise EngineError("Visitors train one short run at a time: the owner's code lifts the limit.")
    entries = queue.enter_stages(stages, prefix or queue.UNNAMED, "" if prefix else "plan", join=not prefix)
    launching.wake()
    address.go(rooms.EXPLORE, rooms.CURVE, run=run_view.entered(entries[0]))


def _toml(content: bytes, name: str) -> dict[str, Any]:
    import tomllib

    if len(content) > _MOST_PLAN_BYTES:
        raise EngineError("{path} is too long for a plan: {most} kB at most.", path=name, most=_MOST_PLAN_BYTES >> 10)
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
            **{name: stage.settings.get(name) for name in _LENGTHS},
            **{name: stage.settings.get(name) or None for name in _AUTOMATIC},
        }
        for stage in plan.stages
    ]
    edited = st.data_editor(
        pd.DataFrame(rows, columns=list(_COLUMNS)).astype(dict.fromkeys((*_LENGTHS, *_AUTOMATIC), "float64")),
        hide_index=True,
        num_rows="dynamic",
        key=f"stages_{preview_view.name_of(key)}",
        placeholder=numbers.NO_NUMBER,
        column_config={
            "name": st.column_config.TextColumn(_("Stage")),
            "first": st.column_config.NumberColumn(_("First article"), min_value=1, step=1),
            "last": st.column_config.NumberColumn(_("Last article"), min_value=1, step=1),
            "parent": st.column_config.TextColumn(_("Starts from"), help=_("base, or the name of an earlier stage")),
            "steps": st.column_config.NumberColumn(_("Steps"), min_value=1, step=1, help=_("instead of epochs")),
            "epochs": st.column_config.NumberColumn(_("Epochs"), min_value=0.0, format="localized"),
            "learning_rate": st.column_config.NumberColumn(
                _("Learning rate"), min_value=0.0, max_value=0.1, format="scientific", help=_("empty = automatic")
            ),
            "batch_size": st.column_config.NumberColumn(
                _("Batch"), min_value=0, step=1, help=_("windows a step; empty = automatic")
            ),
            "sequence_length": st.column_config.NumberColumn(
                _("Window"), min_value=0, step=1, help=_("tokens of a window; empty = automatic")
            ),
        },
    )
    entries = []
    for row in edited.to_dict("records"):
        name = str(row["name"])
        own = changed(known.get(name, {}), row)
        bounds = [int(row[side]) if pd.notna(row[side]) else 0 for side in ("first", "last")]
        parent = row["parent"] if isinstance(row["parent"], str) and row["parent"] else plans.BASE
        entries.append({**own, "name": name, "range": f"{bounds[0]}-{bounds[1]}", "parent": parent})
    return plans.parse({"title": plan.title, "articles": plan.articles, "stage": entries}, plan.title)


def changed(settings: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A stage's settings with what its row of the table says; a length that is emptied there is gone."""
    lengths = {name: row[name] for name in _LENGTHS if pd.notna(row[name])}
    gone = (*_LENGTHS, "minutes") if lengths else _LENGTHS
    own = {name: value for name, value in settings.items() if name not in gone}
    chosen = {name: row[name] if pd.notna(row[name]) else 0 for name in _AUTOMATIC}
    own |= {name: value for name, value in chosen.items() if value or name in own}
    whole = ("steps", "batch_size", "sequence_length")
    own |= lengths
    changed = (*lengths, *_AUTOMATIC)
    return {name: (int if name in whole else float)(v) if name in changed else v for name, v in own.items()}
