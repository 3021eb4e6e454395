"""Says where the base of a run is another model by now than the one it was trained from and is compared with."""

import contextlib
from collections.abc import Iterable

import streamlit as st

from engine.core.errors import CheckpointError, PresetError
from engine.runs import references
from engine.runs.folder import Run
from ui import errors
from ui.i18n import _


def say_changed(shown: Iterable[Run]) -> None:
    """A warning for each of these runs whose preset has changed since; what is gone is told of elsewhere."""
    for run in shown:
        try:
            with contextlib.suppress(PresetError):
                references.check_base_of(run)
        except CheckpointError as error:
            sentence = _("What is shown of its base here was measured and written by the former weights.")
            st.warning(f"{errors.markdown(error)} {sentence}", icon=":material/difference:")
