"""Says on a page that this machine has a GPU which TensorFlow cannot use, why, and what to do."""

from typing import Any

import streamlit as st

from engine.core import machine
from engine.core.errors import EngineError
from ui import errors

_ICON = ":material/developer_board_off:"


def say() -> None:
    """A box about this machine, where it is so."""
    if (problem := machine.gpu_problem()) is not None:
        st.warning(errors.markdown(problem), icon=_ICON)


def say_of_run(events: list[dict[str, Any]]) -> None:
    """A line about a run whose last trainer used the CPU for that reason, from its events of state and of this kind."""
    starts = [event for event in events if event["kind"] == "gpu_unused" or event.get("device")]
    if starts and starts[-1]["kind"] == "gpu_unused":
        st.caption(f"{_ICON} {errors.markdown(EngineError.from_json(starts[-1]['reason']))}")
