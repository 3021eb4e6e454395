"""Deleting a whole run from a page: a button, a question that names what is lost, and the run's name to be typed."""

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import removal
from engine.runs.folder import Run
from engine.services import uploads
from ui import access, errors, pair, words
from ui.i18n import _, _n

_MESSAGE = "removal_message"


def show_message() -> None:
    """Shows once what has just been deleted."""
    if message := st.session_state.pop(_MESSAGE, None):
        st.toast(message)


def button(run: Run, key: str) -> None:
    """The button, for who may do everything and of a run that does not ship; where it may not be, it says why."""
    if not access.is_owner() or run.recorded:
        return
    if st.button(_("Delete the run"), icon=":material/delete_forever:", key=f"{key}_remove"):
        st.dialog(_("Delete the whole run?"))(_question)(run)


def _question(run: Run) -> None:
    try:
        removal.check(run)
    except EngineError as error:
        errors.show(error)
        return
    lost = removal.loss(run)
    st.markdown(
        _n(
            "**{name}** is deleted from the disk for good: its {n} checkpoint, its curve and its samples ({size}).",
            "**{name}** is deleted from the disk for good: its {n} checkpoints, its curve and its samples ({size}).",
            lost.checkpoints,
            name=words.plain(run.name),
            size=words.size(lost.bytes),
        )
        if lost.checkpoints
        else _(
            "**{name}** is deleted from the disk for good: its curve and its samples ({size}). It has no checkpoint.",
            name=words.plain(run.name),
            size=words.size(lost.bytes),
        )
    )
    if lost.pinned:
        st.warning(_n("{n} of them is pinned.", "{n} of them are pinned.", lost.pinned))
    typed = st.text_input(_("Type its name to delete it"), placeholder=run.name, key="removal_name")
    if st.button(_("Delete"), type="primary", icon=":material/delete_forever:", key="removal_yes"):
        if typed.strip() != run.name:
            st.error(_("That is not its name: nothing was deleted."))
            return
        with errors.shown():
            articles = run.settings.articles if run.problem is None else ""
            removal.remove(run)
            uploads.remove_secret(articles)
            st.session_state[_MESSAGE] = _("{name} was deleted.", name=run.name)
            pair.forget(run.name)
            st.rerun()
