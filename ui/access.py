"""Who may do what.

Without a secrets file everybody who reaches the server may do everything, as on one's own laptop. With one, the holder
of its code may; everybody else looks, generates, and trains within a budget (`ui.budget`).
"""

import ipaddress
from pathlib import Path

import streamlit as st

from engine.core import paths
from engine.core.errors import EngineError
from ui import owner, owner_file


def _secret(name: str) -> object:
    """What stands under a name at the top of the secrets; None where it is missing or they cannot be read."""
    return owner_file.read().values.get(name)


def is_owner() -> bool:
    """Whether this session may do everything: it is the owner's, or there are no secrets files at all."""
    return owner.is_owner()


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
