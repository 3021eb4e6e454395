"""Configure a run and queue it."""

from ui import frame

frame.within()

import streamlit as st

from ui import little_memory, present, queue_view, removal_view
from ui.i18n import _
from ui.train import form

if not present.on():
    st.markdown(
        _(
            "One press starts a run. It works in the background, whatever you do with this page; below, everything can be set."
        )
    )
removal_view.show_message()
if little_memory.nothing_trains():
    little_memory.say(training=True)
else:
    form.show()
queue_view.show()
