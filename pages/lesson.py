"""The lesson: a step at a time, on the wall or with the teacher's notes, with a class's phones or without; and the check of the room."""

from ui import frame

frame.within()

import streamlit as st

from ui import errors
from ui.lesson import course, room, stage

with errors.shown():
    if room.asked():
        room.show()
    else:
        found = course.begin()
        stage.controls(found)
        if found.is_teachers:
            wall, notes = st.columns([3, 2], gap="medium")
            with wall:
                stage.show(found)
            with notes:
                stage.notes(found)
        else:
            stage.show(found)
        course.keep_lead()
