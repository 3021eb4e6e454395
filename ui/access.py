"""Who may do what.

Without an owner's code in the secrets everybody who reaches the server may do everything, as on one's own laptop. With
one, its holder may; everybody else looks, generates, and trains within a budget (`ui.budget`).
"""

import hmac
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from engine import paths
from engine.errors import EngineError


def _secret(name: str) -> object:
    try:
        return st.secrets.get(name)
    except FileNotFoundError:  # no secrets file at all
        return None


def has_owner() -> bool:
    """Whether this server has an owner's code."""
    return bool(_secret("owner_code"))


def is_owner() -> bool:
    """Whether this session may do everything: it gave the owner's code, or there is none."""
    code = _secret("owner_code")
    given = str(st.session_state.get("owner_code", ""))
    return not code or hmac.compare_digest(given.encode(), str(code).encode())


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
    folders = _secret("article_folders")
    return [Path(str(folder)).resolve() for folder in folders] if isinstance(folders, Sequence) else []


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
