"""What pages say, and leave out, where TensorFlow does not fit into the memory there is: the recorded run is the lab then."""

import streamlit as st

from engine.core import machine, paths
from engine.presets import memory
from ui import address, errors, rooms
from ui.i18n import _


def nothing_trains() -> bool:
    """Whether not even the smallest training fits here, so that no button may offer one."""
    return memory.nothing_trains(machine.look(paths.checkpoints_root())) is not None


def nothing_generates() -> bool:
    """Whether the studio never fits here: nothing is written, coloured or measured anew."""
    return machine.look(paths.checkpoints_root()).usable_bytes < machine.STUDIO_BYTES


def say(training: bool = False) -> None:
    """Why nothing can be trained or written here, what can be done all the same, and where it would go."""
    found = machine.look(paths.checkpoints_root())
    reason = memory.nothing_trains(found) if training else None
    error = reason or machine.never(machine.STUDIO_BYTES, found)
    opening = _("Nothing can be trained here.") if training else _("Nothing can be written or measured anew here.")
    with st.container(border=True):
        st.markdown(f"**{opening}** {errors.markdown(error)}")
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
