"""What this machine can do, what is running, and one button."""

from ui import frame

frame.within()

import streamlit as st

from engine.core import machine, paths
from engine.runs import queue, states
from engine.runs.settings import EVERYTHING, IMPORTED, RunSettings
from engine.services.launchers import launching
from ui import (
    address,
    broken_view,
    budget,
    errors,
    gpu_unused,
    interpretation_view,
    little_memory,
    owner,
    pair,
    removal_view,
    rooms,
    run_view,
    words,
)
from ui.i18n import _, _n
from ui.readers import folders, recorded

MINUTES = 1.0

removal_view.show_message()
owner.faults()
found = machine.look(paths.checkpoints_root())
nothing_trains = little_memory.nothing_trains()
pressed = False
if nothing_trains:
    little_memory.say(training=True)
else:
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
gpu_unused.say()
if pressed:
    with errors.shown():
        settings = RunSettings(
            preset=paths.portable(paths.MINI_PRESET),
            articles=paths.portable(paths.SAMPLE_ARTICLES),
            name=queue.UNNAMED,
            minutes=MINUTES,
            minutes_of=EVERYTHING,
        )
        entry = budget.enter(settings, "lab", join=True)
        pair.show_run(run_view.entered(entry))
        launching.wake()
        st.rerun()

trained = folders.trained_runs()
shown = pair.current().run
if shown is not None and shown.settings.method == IMPORTED:  # it was never trained: the newest that was
    shown = next(iter(trained), None)
if shown is None:
    if not nothing_trains:
        st.info(_("Nothing has been trained yet. Press the button: curve and samples appear here."))
else:
    if shown.recorded:
        until_pressed = not nothing_trains and not pair.is_chosen()
        st.caption(_("A recorded run, until you press the button") if until_pressed else _("A recorded run"))
    elif shown.state().state in run_view.ACTIVE:
        st.caption(_("At work"))
    elif shown.name == trained[0].name:
        st.caption(_("The last run"))
    run_view.watch(shown, key="lab")
    interpretation_view.show(shown)
    if shown.state().state == states.FINISHED:
        run_view.outcome(shown)
        with st.container(horizontal=True):
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
    if shown.recorded:
        recorded.note()
broken_view.show("lab")

# What the machine is, at the foot.
if not found.gpus:
    gpu = _("no GPU: it runs on the CPU")
elif machine.gpu_problem() is not None:
    gpu = _("no GPU in use: it runs on the CPU")
else:
    gpu = _("GPU: {name}", name=", ".join(found.gpus))
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
