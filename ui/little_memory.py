"""What pages say, and leave out, where TensorFlow is missing or does not fit into memory: the recorded runs are the lab then."""

import streamlit as st

from engine.core import framework, lab_settings, machine, paths
from engine.core.errors import EngineError
from engine.presets import memory
from ui import address, errors, rooms
from ui.i18n import _


def nothing_trains() -> bool:
    """Whether not even the smallest training is possible here, so that no button may offer one."""
    return why_nothing_trains() is not None


def why_nothing_trains() -> EngineError | None:
    """What keeps even the smallest training from this machine; None where nothing does."""
    return _not_installed() or memory.nothing_trains(machine.look(paths.checkpoints_root()))


def _not_installed() -> EngineError | None:
    """What is missing to compute here; nothing where the nodes of a cluster train, which have their own."""
    try:
        elsewhere = lab_settings.launcher() == lab_settings.SLURM
    except EngineError:  # pages say what is wrong with the file
        elsewhere = False
    return None if elsewhere else framework.problem()


def nothing_generates() -> bool:
    """Whether the studio never works here: nothing is written, coloured or measured anew."""
    return framework.problem() is not None or machine.look(paths.checkpoints_root()).usable_bytes < machine.STUDIO_BYTES


def say(training: bool = False) -> None:
    """Why nothing can be trained or written here, what can be done all the same, and where it would go."""
    missing = _not_installed() if training else framework.problem()
    error = missing or (why_nothing_trains() if training else None)
    error = error or machine.never(machine.STUDIO_BYTES, machine.look(paths.checkpoints_root()))
    opening = _("Nothing can be trained here.") if training else _("Nothing can be written or measured anew here.")
    with st.container(border=True):
        st.markdown(f"**{opening}** {errors.markdown(error)}")
        if missing is None:
            st.caption(
                _(
                    "The README says how to install Atelier on a computer. In a container the limit is set where it is started "
                    "(for example `docker run --memory`, `MemoryMax=` of systemd); on Streamlit Community Cloud it cannot be raised."
                )
            )
        with st.container(horizontal=True):
            for tab, label, icon in (
                (rooms.TIME, _("Watch the recorded run, moment by moment"), "history"),
                (rooms.RUNS, _("Its curves and figures"), "stacked_line_chart"),
                (rooms.COPIED, _("What it copied"), "manage_search"),
                (rooms.ARTICLES, _("What it read"), "article"),
            ):
                st.page_link(
                    rooms.PAGES[rooms.room_of(tab)],
                    label=label,
                    icon=f":material/{icon}:",
                    query_params=address.query_of(tab),
                )
