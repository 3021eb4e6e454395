"""Who may do what.

Without a secrets file everybody who reaches the server may do everything, as on one's own laptop. With one, the holder
of its code may; everybody else looks, generates, and queues short runs.
"""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engine import paths
from engine.errors import EngineError
from engine.runs import Run
from engine.settings import RunSettings
from ui import owner, owner_file

VISITOR_MINUTES = 2.0
VISITOR_STEPS = 500
VISITOR_WAITING_RUNS = 30  # together: a class of visitors has a place each
VISITOR_EXPORT_BYTES = 1_000_000_000


def _secret(name: str) -> object:
    """What stands under a name at the top of the secrets; None where it is missing or they cannot be read."""
    return owner_file.read().values.get(name)


def is_owner() -> bool:
    """Whether this session may do everything: it is the owner's, or there are no secrets files at all."""
    return owner.is_owner()


def check_queue(settings: RunSettings, waiting: Sequence[Run] = ()) -> None:
    """Makes sure that this session may queue such a run behind those that wait; `engine.queue.enter` asks it while nobody
    else enters, so that the limit holds however many press at once.

    Raises:
        EngineError: a visitor asks for more than a short run, or too many wait already.
    """
    if is_owner():
        return
    short = (settings.minutes is not None and settings.minutes <= VISITOR_MINUTES) or (
        settings.steps is not None and settings.steps <= VISITOR_STEPS
    )
    if not short:
        raise EngineError(
            "Visitors may train for at most {minutes} minutes or {steps} steps; the owner's code lifts the limit.",
            minutes=VISITOR_MINUTES,
            steps=VISITOR_STEPS,
        )
    if len(waiting) >= VISITOR_WAITING_RUNS:
        raise EngineError(
            "{n} runs are waiting already, as many as visitors may queue together. Try again when one has started.",
            n=len(waiting),
        )


def export_bytes() -> int | None:
    """How much the exported files may take together that are kept when this session asks for one; None = no limit."""
    return None if is_owner() else VISITOR_EXPORT_BYTES


def is_local() -> bool:
    """Whether the server listens on this machine's loopback alone."""
    address = st.get_option("server.address") or ""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def path_folders() -> list[Path]:
    """The folders under which files may be named by path, besides everywhere on a local server."""
    return list(owner_file.read().article_folders)


def paths_allowed() -> bool:
    """Whether this session may name files by path at all."""
    return (is_local() or bool(path_folders())) and is_owner()


def check_path(path: str) -> None:
    """Makes sure that this session may read that path; links are resolved before they are judged.

    Raises:
        EngineError: it may not, or it is none.
    """
    if not paths_allowed():
        raise EngineError("Files by path are not offered here: upload the file instead.")
    resolved = paths.locate(path)  # what will be read
    if not is_local() and not any(resolved.is_relative_to(folder) for folder in path_folders()):
        raise EngineError(
            "{path} lies outside the folders that this server offers: upload the file instead.", path=path
        )
