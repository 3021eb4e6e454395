"""What this machine can do, what is running, and one button."""

from ui import frame

frame.within()

import streamlit as st

from engine import dispatcher, machine, paths, runs, submission
from engine.settings import RunSettings
from ui import access, broken_view, errors, readers, recorded, removal_view, run_view, words
from ui.i18n import _, _n

MINUTES = 1.0

st.title(_("Lab"))
st.markdown(
    _(
        "Watch GPT-2 learn to write science: press the button, and a small GPT-2 that knows old novels reads research articles."
    )
)

removal_view.told()
found = machine.look(paths.checkpoints_root())
active = readers.active_run()
pressed = st.button(
    _("Fine-tune the mini model on the sample articles"),
    type="primary",
    icon=":material/play_arrow:",
    disabled=active is not None,
    help=_("A run is at work; the Fine-tune page queues more.") if active else None,
)
st.caption(
    " · ".join(
        [
            _("About a minute of training, after some twenty seconds of loading"),
            _n("{n} CPU core", "{n} CPU cores", found.cores),
            _(
                "{free} of {total} of memory free",
                free=words.size(found.available_bytes),
                total=words.size(found.memory_bytes),
            ),
            _("GPU: {name}", name=", ".join(found.gpus)) if found.gpus else _("no GPU: it runs on the CPU"),
            _("{free} of disk free", free=words.size(found.free_disk_bytes)),
        ]
    )
)
if pressed:
    with errors.shown():
        settings = RunSettings(
            preset=paths.portable(paths.MINI_PRESET),
            articles=paths.portable(paths.SAMPLE_ARTICLES),
            name=runs.fresh_name("lab"),
            minutes=MINUTES,
        )
        access.check_queue(settings)
        st.session_state["lab_run"] = submission.submit(settings).name
        dispatcher.ensure()
        st.rerun()

listed = readers.trained_runs()
shown = active or run_view.exists(st.session_state.get("lab_run")) or (listed[0] if listed else None)
if shown is None:
    st.info(_("Nothing has been trained yet. Press the button: curve and samples appear here."))
else:
    if shown.recorded:
        st.subheader(_("A recorded run, until you press the button"))
        recorded.note()
    elif shown.state().state in run_view.ACTIVE:
        st.subheader(_("At work"))
    else:
        st.subheader(_("The last run"))
    if shown.state().state == runs.FINISHED:
        run_view.outcome(shown)
        with st.container(horizontal=True):
            st.page_link(
                frame.PAGES["side_by_side"], label=_("Let both write, side by side"), icon=":material/view_column:"
            )
            st.page_link(frame.PAGES["evaluate"], label=_("See all figures"), icon=":material/analytics:")
    run_view.watch(shown, key="lab")
broken_view.show("lab")
