"""Every checkpoint with its figures; verify, continue, delete."""

import datetime
import re
from typing import Any

import pandas as pd
import streamlit as st

from engine.core.errors import CheckpointError, EngineError
from engine.models import usage
from engine.presets import catalogue
from engine.runs import checkpoints, retention
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.settings import CHECKPOINT_FORMATS, CKPT, H5, HUGGING_FACE, KERAS, PRESET
from ui import (
    access,
    address,
    broken_view,
    budget,
    checkpoint_import_view,
    downloads,
    empty,
    errors,
    little_memory,
    present,
    removal_view,
    rooms,
    studio_view,
    tables,
    words,
)
from ui.i18n import _, _n
from ui.readers import folders, lineage, recorded

_MOST_AT_FIRST = 50
_TABLE, _LISTED, _SELECTED = "checkpoint_table", "checkpoints_listed", "checkpoint_selected"


def row(run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    """One line of the table."""
    figures = checkpoint.manifest.get("metrics", {}).get("validation", {})
    saved_at = datetime.datetime.fromtimestamp(checkpoint.manifest["time"])
    return {
        "run": run.name + (f" ({_('recorded')})" if run.recorded else ""),
        "step": checkpoint.step,
        "accuracy": 100 * figures["accuracy"] if "accuracy" in figures else None,
        "kept": _("pinned") if checkpoint.step in retention.pinned(run) else "",
        "written": saved_at,
        "tokens": checkpoint.manifest.get("tokens"),
        "bits": figures.get("bits_per_byte"),
        "loss": figures.get("loss"),
        "format": checkpoint.format,
        "size": words.size(checkpoint.bytes),
        "parent": checkpoint.manifest.get("parent") or _("base"),
        "hash": checkpoint.hash[:10],
    }


def base_name(checkpoint: Checkpoint) -> str:
    """The short name of what a checkpoint was trained from."""
    return str(checkpoint.manifest.get("preset", {}).get("reference", "?")).rsplit("/", 1)[-1]


Listed = list[tuple[Run, Checkpoint]]


def filtered(found: Listed) -> Listed:
    """Widgets that narrow the list, each where there is something to choose; the checkpoints that are left."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for key, label, everything, of in (
            ("run", _("Run"), _("all runs"), lambda run, _checkpoint: run.name),
            ("base", _("Base"), _("all bases"), lambda _run, c: base_name(c)),
            ("format", _("Format"), _("all formats"), lambda _run, checkpoint: checkpoint.format),
        ):
            values = list(dict.fromkeys(of(*pair) for pair in found))
            if len(values) > 1 or key == "run":
                wanted = st.selectbox(label, [everything, *values], key=f"filter_{key}")
                found = [pair for pair in found if wanted in (everything, of(*pair))]
        pins = {run.name: retention.pinned(run) for run, _checkpoint in found}
        if any(pins.values()) and st.toggle(_("Pinned alone"), key="filter_pinned"):
            found = [(run, checkpoint) for run, checkpoint in found if checkpoint.step in pins[run.name]]
        total = sum(checkpoint.bytes for _run, checkpoint in found)
        st.caption(_n("{n} checkpoint, {size}", "{n} checkpoints, {size}", len(found), size=words.size(total)))
    return found


def confirm(checkpoint: Checkpoint) -> None:
    """The question before a checkpoint is lost."""
    st.markdown(
        _(
            "{name} is deleted from the disk for good ({size}). The curve and the samples of its run stay.",
            name=f"**{words.plain(checkpoint.reference)}**",
            size=words.size(checkpoint.bytes),
        )
    )
    if st.button(_("Delete"), type="primary", icon=":material/delete:", key="checkpoint_delete_yes"):
        try:
            checkpoints.delete(checkpoint)
            st.session_state["checkpoint_message"] = _("{name} was deleted.", name=checkpoint.reference)
        except EngineError as error:
            st.session_state["checkpoint_message"] = errors.markdown(error)
        st.rerun()


def export(checkpoint: Checkpoint) -> None:
    """A checkpoint as one file for elsewhere, written by the studio."""
    titles = {
        HUGGING_FACE: _("Hugging Face folder (safetensors, tokenizer, card)"),
        PRESET: _("keras-hub preset (weights, tokenizer, card)"),
        CKPT: _("TensorFlow checkpoint (.ckpt)"),
        H5: _("Keras weights (.weights.h5)"),
        KERAS: _("Keras archive (.keras)"),
    }
    with st.expander(_("Export, or convert to another format")):
        form = st.selectbox(_("As"), list(titles), format_func=lambda name: titles[name], key="export_format")
        st.caption(words.describe_export(form) + " " + _("In float32; folders come as one zip file."))
        key = f"exported {checkpoint.reference} {checkpoint.hash} {form}"
        with st.container(horizontal=True):
            impossible = little_memory.nothing_generates()  # the studio writes it
            to_file = st.button(_("Write the file"), icon=":material/output:", key="export_write", disabled=impossible)
            convert = (
                access.is_owner()
                and not impossible
                and form in CHECKPOINT_FORMATS
                and form != checkpoint.format
                and st.button(
                    _("Keep it in this format here"),
                    icon=":material/cached:",
                    key="export_convert",
                    help=_(
                        "A run of its own with this one checkpoint: the same weights, figures and origin. The optimizer "
                        "stays with the first one."
                    ),
                )
            )
        request: dict[str, Any] = {"reference": checkpoint.reference, "format": form}
        if to_file or convert:
            request |= {"kind": "export", "most_bytes": budget.export_bytes()} if to_file else {"kind": "convert"}
            work = _("The studio writes it; its start takes some ten seconds.")
            with errors.shown(), st.status(work) as status:
                answer = studio_view.run_request(request, lambda label, _share: status.update(label=label), work)[-1]
                if to_file:
                    st.session_state[key] = answer["file"]
                else:
                    made = answer["reference"]
                    st.session_state["checkpoint_message"] = _("{name} is there now.", name=made)
                    st.rerun()
        if name := st.session_state.get(key):
            with errors.shown():
                downloads.link(name)
                preset = catalogue.find(checkpoint.manifest["preset"]["reference"])
                st.caption(_("How it is used elsewhere; in full on the card that goes with it:"))
                st.code(usage.lines(form, preset), language="python", wrap_lines=True)


def _first(found: Listed) -> Listed:
    """The newest of hundreds of checkpoints, and all of them by a press: to write each in a table takes its time."""
    if len(found) <= _MOST_AT_FIRST or st.toggle(
        _("All {n}, and not the newest {first} alone", n=len(found), first=_MOST_AT_FIRST), key="checkpoints_all"
    ):
        return found
    return found[:_MOST_AT_FIRST]


def _keep_selected(references: list[str]) -> None:
    """Keeps the checkpoint selected that was, where the list has changed: a table selects by the number of a row, which
    is another's then, or, after a deletion, its neighbour's."""
    state = st.session_state
    if state.get(_LISTED) not in (None, references):
        selected = state.get(_SELECTED)
        state[_TABLE] = {"selection": {"rows": [references.index(selected)] if selected in references else []}}
    state[_LISTED] = references


def _table(shown: Listed, **more: Any) -> Any:
    return tables.show(
        pd.DataFrame([row(run, checkpoint) for run, checkpoint in shown]),
        {
            "tokens": words.grouped,
            "accuracy": words.in_percent,
            **{name: lambda x: words.decimal(x, 3) for name in ("bits", "loss")},
        },
        presented=["run", "step", "accuracy", "bits"],
        **more,
        column_config={
            "run": st.column_config.TextColumn(_("Run"), width="medium", pinned=True),
            "step": st.column_config.NumberColumn(_("Step")),
            "tokens": st.column_config.NumberColumn(_("Tokens seen")),
            "accuracy": st.column_config.NumberColumn(
                _("Accuracy"),
                help=_("On validation; at the end of a run on all of it, before on a fixed part."),
            ),
            "bits": st.column_config.NumberColumn(_("Bits per byte")),
            "loss": st.column_config.NumberColumn(_("Loss (nats a token)")),
            "format": st.column_config.TextColumn(_("Format"), help=words.formats_help()),
            "kept": st.column_config.TextColumn(_("Kept")),
            "size": st.column_config.TextColumn(_("Size")),
            "written": st.column_config.DatetimeColumn(_("Written")),
            "parent": st.column_config.TextColumn(_("Started from")),
            "hash": st.column_config.TextColumn(
                _("Weights"), help=_("The first digits of the SHA-256 of the weights.")
            ),
        },
    )


def _lineage() -> None:
    st.header(_("Where each came from"))
    lineage.tree(folders.runs_with_events())
    st.caption(
        _("Grey: a base model. A box is a run with its accuracy on validation; an arrow, the step it started from.")
    )


def _present(found: Listed) -> None:
    """What is presented: the newest checkpoints, and where each came from."""
    if present.screen("checkpoints"):
        _table(found)
    if present.screen("lineage"):
        _lineage()


def show() -> None:
    """Shows every checkpoint, and what can be done with the one that is chosen."""
    if present.screen("checkpoints"):
        st.markdown(
            _(
                "A checkpoint is a model at one moment of its training: its weights, and all that is needed to go on from there."
            )
        )
    if message := st.session_state.pop("checkpoint_message", None):
        st.toast(message)
    removal_view.show_message()

    selected: Checkpoint | None = None
    seen = {run: checkpoints.seen(run) for run in folders.runs_with_events()}
    found = [(run, checkpoint) for run, (whole, _damaged) in seen.items() for checkpoint in reversed(whole)]
    damaged = [errors.markdown(error) for _whole, wrong in seen.values() for error in wrong]
    if damaged:
        st.warning("\n\n".join(damaged), icon=":material/heart_broken:")
    broken_view.show("checkpoints")
    if not found:
        empty.show(
            _("A run writes a checkpoint about every ten seconds; here each is verified, continued or exported.")
        )
    elif present.on():
        _present(found)
    else:
        shown = _first(filtered(found))
        _keep_selected([checkpoint.reference for _run, checkpoint in shown])
        event = _table(shown, on_select="rerun", selection_mode="single-row", key=_TABLE)
        picked = [index for index in event.selection.rows if index < len(shown)]
        st.session_state[_SELECTED] = shown[picked[0]][1].reference if picked else None
        if not picked:
            st.caption(_("Choose a line for what can be done with it."))
        else:
            run, checkpoint = shown[picked[0]]
            selected = checkpoint
            st.markdown(f"**{words.plain(checkpoint.reference)}**")
            with st.container(horizontal=True):
                if st.button(_("Verify"), icon=":material/verified:", help=_("Compares every file with its SHA-256.")):
                    try:
                        checkpoints.verify(checkpoint, fresh=True)
                        st.success(_("{name} is whole: every file is what was written.", name=checkpoint.reference))
                    except CheckpointError as error:
                        errors.show(error)
                if st.button(_("Continue from here"), icon=":material/play_arrow:"):
                    address.go(rooms.TRAIN, parent=checkpoint.reference)
                if st.button(
                    _("Specialise the base with it"),
                    icon=":material/view_column:",
                    help=_(
                        "The generic base model writes, and beside it the same model with these weights loaded into it, as in "
                        "the original report."
                    ),
                ):
                    st.session_state["side_write"] = True
                    address.go(rooms.EXPLORE, rooms.WRITE, run=checkpoint.reference, against=None)
                is_pinned = checkpoint.step in retention.pinned(run)
                mine = access.is_owner() and not run.recorded
                if mine and st.button(_("Unpin") if is_pinned else _("Pin"), icon=":material/keep:"):
                    with errors.shown():
                        retention.pin(checkpoint, not is_pinned)
                        st.rerun()
                deletable = (
                    access.is_owner() and not run.recorded and not is_pinned and len(checkpoints.of_run(run)) > 1
                )
                if st.button(
                    _("Delete"),
                    icon=":material/delete:",
                    key="checkpoint_delete",
                    disabled=not deletable,
                    help=None
                    if deletable
                    else _(
                        "The last checkpoint of a run, pinned and recorded ones are kept; the whole run can be deleted."
                    ),
                ):
                    st.dialog(_("Delete this checkpoint?"))(confirm)(checkpoint)
                removal_view.button(run, "checkpoint")
            if "imported" in checkpoint.manifest:
                with st.container(border=True), errors.shown():
                    checkpoint_import_view.show_inspection(checkpoint)
            export(checkpoint)
        _lineage()
        if any(run.recorded for run, _checkpoint in shown):
            recorded.note()

    if present.on():
        return
    checkpoint_import_view.form(selected.reference if selected else None)

    st.header(_("Base models"))
    for preset in catalogue.shipped():
        with st.expander(f"{preset.title} · {words.grouped(preset.parameters)} {_('parameters')}"):
            st.markdown(below_heading(catalogue.card(preset)) or _("This preset has no card."))


def below_heading(card: str) -> str:
    """A card as it stands under the page's own heading: its headings two levels deeper."""
    return re.sub(r"^(#{1,4}) ", r"##\1 ", card, flags=re.MULTILINE)
