"""Configure a run and queue it."""

from ui import frame

frame.within()

import streamlit as st

from ui import little_memory, queue_view, removal_view
from ui.i18n import _
from ui.train import form

st.markdown(
    _(
        "Choose a base model, the articles it reads and for how long; the run works in the background, whatever you do with this page."
    )
)
removal_view.show_message()
if little_memory.nothing_trains():
    little_memory.say(training=True)
else:
    form.show()
queue_view.show()
