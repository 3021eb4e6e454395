"""Choosing articles: the sample that ships, an upload, or a path where paths are offered."""

import hashlib

import streamlit as st

from engine import paths
from engine.files import write_bytes
from ui import access, errors
from ui.i18n import _

UPLOADS = ".uploads"  # beside the runs


def save_upload(content: bytes) -> str:
    """Keeps an uploaded file under a name made from its content; returns its portable path.

    Raises:
        StorageError: no rights or no space.
    """
    folder = paths.checkpoints_root() / UPLOADS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
    if not path.exists():
        write_bytes(path, content)
    return paths.portable(path)


def choose_articles(key: str) -> str:
    """Widgets for a source of articles; returns its portable path (the sample where nothing else is given)."""
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    ways = {"sample": _("The sample that ships"), "upload": _("Upload a file")}
    if access.paths_allowed():
        ways["path"] = _("A path on this machine")
    way = st.pills(  # a segmented control would cut its last choice off in a narrow column
        _("Source"),
        list(ways),
        default="sample",
        required=True,
        format_func=lambda name: ways[name],
        key=f"{key}_source",
    )
    if way == "upload":
        upload = st.file_uploader(
            _("JSON lines in the form of the PubMed release, 50 MB at most"),
            type=["jsonl", "txt", "json"],
            key=f"{key}_upload",
        )
        if upload is None:
            st.caption(_("Until a file is there, the sample is used."))
            return sample
        return save_upload(upload.getvalue())
    if way == "path":
        path = st.text_input(_("A .jsonl file, or a folder with train.jsonl"), sample, key=f"{key}_path")
        with errors.shown():
            access.check_path(path)
            return path or sample
        st.stop()
    return sample
