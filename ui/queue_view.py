"""The queue on a page: order, moving, cancelling; a run again with other settings, or further from a checkpoint."""

from typing import Any

import streamlit as st

from engine.runs import checkpoints, queue
from engine.runs.folder import Run
from engine.runs.settings import CHECKPOINT_FORMATS, RANDOM
from engine.services.launchers import launching
from ui import (
    access,
    address,
    automatic,
    decimals,
    errors,
    importing_view,
    little_memory,
    present,
    rooms,
    run_view,
    sources,
    words,
)
from ui.i18n import _
from ui.readers import folders


def show() -> None:
    """The waiting runs, the next one first, each with what can be done with it; nothing where none waits."""
    if not folders.anything_waits():
        return
    positions = queue.positions()
    if not positions or not present.screen("queue"):  # it has begun meanwhile, or another screen is presented
        return
    with st.expander(_("Waiting: {n}", n=len(positions)), expanded=True):
        for place in positions:
            run = place.run
            with st.container(horizontal=True, vertical_alignment="center"):
                after = run.waits_for()
                note = " · " + _("after {run}", run=words.plain(after)) if after else ""
                note += f" · {words.starts_in(place.seconds)}"
                st.markdown(f"{place.position}. **{words.plain(run.name)}**{note}", width="stretch")
                if not access.is_owner():
                    continue
                for action, icon, title, disabled in (
                    ("up", ":material/arrow_upward:", _("Earlier"), place.position == 1),
                    ("down", ":material/arrow_downward:", _("Later"), place.position == place.of),
                    ("cancel", ":material/close:", _("Take out of the queue; Resume puts it back"), False),
                ):
                    if st.button("", icon=icon, key=f"queue_{action}_{run.name}", help=title, disabled=disabled):
                        with errors.shown():
                            if action == "cancel":
                                run.request_stop()
                            else:
                                queue.move(run, -1 if action == "up" else 1)
                            st.rerun()


def again(run: Run) -> None:
    """Buttons for a run once more with changes, and for going on from one of its checkpoints."""
    if not access.is_owner() or little_memory.nothing_trains():
        return
    if st.button(_("Once more, with changes"), icon=":material/content_copy:", key="clone"):
        _dialog(run, False)
    if checkpoints.of_run(run) and st.button(_("Extend"), icon=":material/more_time:", key="extend"):
        _dialog(run, True)


@st.dialog(" ")
def _dialog(run: Run, extend: bool) -> None:
    settings = run.settings
    st.header(_("Go on from a checkpoint") if extend else _("Once more, with changes"))
    reference = ""
    if extend:
        references = [checkpoint.reference for checkpoint in reversed(checkpoints.of_run(run))]
        reference = st.selectbox(_("Checkpoint"), references)
        st.caption(_("The weights go on from there; the optimizer, the warm-up and the learning rate begin anew."))
    else:
        random_weights = _("random weights") if settings.initial_weights == RANDOM else ""
        start = settings.parent or random_weights or folders.preset_title(settings.preset)
        st.caption(
            _("It starts where {run} started: from {start}.", run=words.plain(run.name), start=words.plain(start))
        )
    names = {"steps": _("steps"), "epochs": _("epochs"), "minutes": _("minutes")}
    had = next(name for name in names if getattr(settings, name) is not None)
    unit = st.segmented_control(
        _("Length"), list(names), default=had, required=True, format_func=lambda name: names[name], key="again_unit"
    )
    former = float(getattr(settings, had)) if unit == had else {"steps": 200.0, "epochs": 1.0, "minutes": 1.0}[unit]
    amount = decimals.field(st, _("How many"), f"again_{unit}", former, example=former)
    vocabulary = folders.vocabulary_hash(settings.preset)
    chosen = sources.choose_articles("again", vocabulary, former=settings.articles)
    articles = chosen if chosen == settings.articles else importing_view.for_training(chosen, settings.preset)
    if articles is None:
        return
    left, right = st.columns(2)
    shown = automatic.taken(settings.preset, settings.device, settings.sequence_length, settings.lora_rank)
    first = automatic.number(
        left, _("First article"), "first_article", shown, settings.first_article, key="again_first"
    )
    last = automatic.number(right, _("Last article"), "last_article", shown, settings.last_article, key="again_last")
    left, right = st.columns(2)  # a row each: on a phone they are one below the other
    rate = decimals.field(
        left,
        _("Learning rate"),
        "again_rate",
        settings.learning_rate or None,
        example=0.0005,
        placeholder=shown["learning_rate"],
    )
    seed = right.number_input(_("Seed"), 0, 2**31 - 1, settings.seed, key="again_seed")
    left, right = st.columns(2)
    batch_size = automatic.number(
        left, _("Batch size"), "batch_size", shown, settings.batch_size, help=_("Windows a step."), key="again_batch"
    )
    lora_rank = automatic.number(
        right, _("LoRA rank"), "lora_rank", shown, settings.lora_rank, help=words.lora_help(), key="again_lora"
    )
    form = st.selectbox(
        _("Checkpoint format"),
        CHECKPOINT_FORMATS,
        index=CHECKPOINT_FORMATS.index(settings.checkpoint_format),
        help=words.formats_help(),
        key="again_format",
    )
    wrong = decimals.is_wrong(amount) or decimals.is_wrong(rate)
    if not st.button(_("Queue it"), type="primary", icon=":material/playlist_add:", disabled=wrong):
        return
    with errors.shown():
        changes: dict[str, Any] = {
            unit: decimals.of_unit(unit, amount),
            "articles": articles,
            "first_article": int(first or 0) or None,
            "last_article": int(last or 0) or None,
            "learning_rate": float(rate or 0),
            "seed": int(seed),
            "batch_size": int(batch_size or 0),
            "lora_rank": int(lora_rank or 0),
            "checkpoint_format": form,
        }
        again = queue.from_checkpoint(reference, **changes) if extend else queue.again(run, **changes)
        entry = queue.enter(again, queue.stem_of(run.name), join=True)
        launching.wake()
        address.go(rooms.EXPLORE, rooms.CURVE, run=run_view.entered(entry))
