"""A training as it is played, one button, and the experiments; at the foot what this machine is."""

from ui import frame

frame.within()

import streamlit as st

from engine.classroom import experiments
from engine.core import machine, paths
from engine.runs import states
from engine.runs.settings import IMPORTED
from ui import (
    address,
    broken_view,
    errors,
    gpu_unused,
    interpretation_view,
    little_memory,
    outcome_view,
    owner,
    pair,
    present,
    removal_view,
    rooms,
    run_view,
    words,
)
from ui.i18n import _, _n
from ui.lab import experiment, play
from ui.readers import folders, polling, recorded

LEARN = experiments.EXPERIMENTS[experiments.LEARN]

removal_view.show_message()
owner.faults()
found = machine.look(paths.checkpoints_root())
nothing_trains = little_memory.nothing_trains()
if nothing_trains:
    little_memory.say(training=True)
gpu_unused.say()
opened = experiment.chosen()
in_view = present.screen("play")
if opened is not None and in_view:
    experiment.show(opened.code)
elif opened is None:
    pressed = False
    if not nothing_trains:
        with present.aside("lab_start"):
            left, right = st.columns([2, 3], vertical_alignment="center")
            with left:
                pressed = st.button(
                    _("Fine-tune the mini model on the sample articles"),
                    type="primary",
                    icon=":material/play_arrow:",
                    # The same text whatever runs: Streamlit loses a press on a button that has changed since the page was shown.
                    help=_(
                        "While another run works or waits, yours takes its place behind it, or joins an identical one that waits."
                    ),
                    key="lab_start",
                )
            with right:
                st.markdown(
                    _(
                        "Watch GPT-2 learn to write science: press the button, and a small GPT-2 that knows old novels reads research articles."
                    )
                )
    if pressed:
        experiment.train(LEARN.own, "lab")

trained = folders.trained_runs()
shown = pair.current().run
if shown is not None and shown.settings.method == IMPORTED:  # it was never trained: the newest that was
    shown = next(iter(trained), None)
shown = shown or experiments.recorded_run(LEARN.own)
if opened is None and shown is not None and in_view:
    active = shown.state().state in run_view.ACTIVE

    def draw() -> None:
        """Draws the run in view as it is now."""
        state = shown.state()
        if not shown.recorded and (state.state in run_view.ACTIVE or not present.on()):
            run_view.head(shown, state, "lab")
        is_live = state.state in run_view.ACTIVE
        ghost = None if shown.recorded else experiments.recorded_run(LEARN.own)
        play.show(shown, "lab_play", is_live=is_live, ghost=ghost)
        if active and not is_live:
            st.rerun()  # it has just ended: the rest of the page shows so, and nothing polls any more

    with errors.shown():
        polling.fragment(draw, run_view.REFRESH_SECONDS if active else None)()
elif opened is None and in_view:
    st.info(_("Nothing has been trained yet. Press the button: curve and samples appear here."))
if opened is None and shown is not None:
    if present.screen("happened"):
        interpretation_view.show(shown)
    if shown.state().state == states.FINISHED and present.screen("outcome"):
        outcome_view.outcome(shown)
        with present.aside("lab_links"), st.container(horizontal=True):
            if not little_memory.nothing_generates():
                st.page_link(
                    rooms.PAGES[rooms.EXPLORE],
                    label=_("Let both write, side by side"),
                    icon=":material/view_column:",
                    query_params=address.query_of(rooms.WRITE),
                )
            st.page_link(
                rooms.PAGES[rooms.EXPLORE],
                label=_("See all figures"),
                icon=":material/analytics:",
                query_params=address.query_of(rooms.SCORE),
            )
    if not present.on():
        recorded.note([shown])
if present.screen("cards"):
    experiment.cards()
    st.page_link(rooms.PAGES[rooms.LESSON], label=_("Start the lesson"), icon=rooms.ICONS[rooms.LESSON])
broken_view.show("lab")

# What the machine is, at the foot.
if not found.gpus:
    gpu = _("no GPU: it runs on the CPU")
elif machine.gpu_problem() is not None:
    gpu = _("no GPU in use: it runs on the CPU")
else:
    gpu = _("GPU: {name}", name=", ".join(found.gpus))
with present.aside("lab_machine"):
    st.caption(
        " · ".join(
            [
                *([] if nothing_trains else [_("About a minute from the press to the result")]),
                _n("{n} CPU core", "{n} CPU cores", found.cores),
                _(
                    "{free} of {total} of memory free",
                    free=words.size(found.available_bytes),
                    total=words.size(found.memory_bytes),
                ),
                gpu,
                _("{free} of disk free", free=words.size(found.free_disk_bytes)),
            ]
        )
    )
