"""Choosing articles: the sample that ships, prepared articles, an upload, a path or the hub where these are offered."""

import hashlib
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import streamlit as st

from engine.articles import hub
from engine.core import paths
from engine.core.errors import EngineError
from engine.core.files import sha256
from engine.corpus import store
from engine.services import uploads
from ui import access, budget, errors, server_paths, words
from ui import upload_memory as memory
from ui.i18n import _

ENDINGS = [
    "jsonl", "json", "txt", "text", "md", "csv", "tsv", "parquet", "xml", "nxml", "nbib", "docx", "docm", "dotx", "pdf", "zip", "gz", "tar", "tgz",
]  # fmt: skip


def save_uploads(files: list[tuple[str, bytes | Path]]) -> str:
    """Keeps uploaded files; returns the portable path of the file, or of the folder of several.

    Args:
        files: name and content of each, or where that lies already.

    Raises:
        EngineError: a visitor's are too large, or there is no room for them. StorageError: no rights or no space.
    """
    names = _distinct([name for name, _content in files])
    uploaded = [uploads.File(name, content, _digest(content)) for name, (_n, content) in zip(names, files, strict=True)]
    size = sum(c.stat().st_size if isinstance(c, Path) else len(c) for _name, c in files)
    return paths.portable(budget.keep_upload(uploaded, size))


def _digest(content: bytes | Path) -> str:
    return sha256(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()


def _save_once(uploaded: list[Any]) -> str:
    """Saves what the widget for uploads holds to the disk, once for all reruns.

    Streamlit holds every upload in the server's memory as long as its session lives: what is on the disk is let go there.

    Raises:
        EngineError: a visitor's are too large, there is no room for them, or they were deleted meanwhile.
    """
    known: dict[tuple[str, ...], str] = st.session_state.setdefault("uploads_kept", {})
    key = tuple(upload.file_id for upload in uploaded)
    if key not in known:
        try:
            files = []
            for upload in uploaded:  # one that was let go lies where it was kept, alone or with others
                place = st.session_state.get(f"upload_{upload.file_id}")
                files.append((upload.name, upload.getvalue() if place is None else Path(place)))
            known[key] = save_uploads(files)
        except FileNotFoundError as error:
            raise EngineError("This upload has been deleted meanwhile: upload it again.") from error
        saved = paths.locate(known[key])
        for name, upload in zip(_distinct([name for name, _content in files]), uploaded, strict=True):
            st.session_state[f"upload_{upload.file_id}"] = str(saved if len(uploaded) == 1 else saved / name)
            memory.let_go(upload)
    if not paths.locate(known[key]).exists():
        raise EngineError("This upload has been deleted meanwhile: upload it again.")
    return known[key]


def _distinct(names: list[str]) -> list[str]:
    """Safe names, of which no two are the same file on any system; the split that a name tells stays."""
    found: dict[str, str] = {}
    for name in map(safe_name, names):
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        free = (name, *(f"{stem}-{n}{dot}{ending}" for n in range(2, len(names) + 2)))
        chosen = next(candidate for candidate in free if candidate.casefold() not in found)
        found[chosen.casefold()] = chosen
    return list(found.values())


def safe_name(name: str) -> str:
    """A file's name that is a name and no path, on every system."""
    last = re.split(r"[\\/]", name)[-1]
    return re.sub(r"[^\w.-]", "_", last).lstrip(".")[:100] or "articles.txt"


def prepared(vocabulary: str = "") -> dict[str, store.Corpus]:
    """The prepared corpora that this session may see, by their portable paths; of one vocabulary, or of all.

    On a server with an owner, others see what they prepared themselves, and her articles where she shares them.
    """
    found = {paths.portable(c.folder): c for c in store.all_corpora()}
    return {path: c for path, c in found.items() if vocabulary in ("", c.card["tokenizer"]) and budget.may_read(path)}


def distinct(found: dict[str, store.Corpus]) -> dict[str, list[str]]:
    """The same articles once, whether a folder or a zip brought them: the newest corpus of them, and all of theirs.

    Args:
        found: as `prepared` gives them.
    """
    kept: dict[Hashable, list[str]] = {}
    for path, c in found.items():
        parts = tuple((split, c.articles(split)) for split in c.splits)
        kept.setdefault((c.content_hash, c.card["tokenizer"], parts), []).append(path)
    return {same[0]: same for same in kept.values()}


def listed(path: str) -> str:
    """The corpus that stands in lists for one of the same articles."""
    return next((first for first, same in distinct(prepared()).items() if path in same), path)


def title(c: store.Corpus) -> str:
    """A corpus by its source's name and its size."""
    name = c.card["source"].replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return _("{name} · {n} articles", name=name, n=words.grouped(store.summary(c.card)["articles"]))


def name(articles: str) -> str:
    """What a source is called in a sentence: the sample, prepared articles by their title, anything else by its path."""
    if articles == paths.portable(paths.SAMPLE_ARTICLES):
        return _("the sample that ships")
    if (known := prepared().get(articles)) is not None:
        return title(known)
    return server_paths.shown(articles)


def with_split(split: str, vocabulary: str = "") -> dict[str, str]:
    """Portable path → title of the articles that this session may see and that have such a split, the sample first.

    `vocabulary`: the hash of the one that prepared articles must have.
    """
    sample = {paths.portable(paths.SAMPLE_ARTICLES): _("The sample that ships")}
    known = prepared(vocabulary)
    others = {path: known[path] for path in distinct(known) if split in known[path].splits}
    return sample | {path: title(c) for path, c in others.items() if c.card["source"] not in sample}


def with_test_articles() -> dict[str, str]:
    """Portable path → title of the articles that this session may see and that have a test split, the sample first."""
    return with_split("test")


def choose_articles(key: str, vocabulary: str = "", with_hub: bool = False, former: str = "") -> str:
    """Widgets for a source of articles; returns its portable path or its name on the hub.

    The sample where nothing else is given.

    Args:
        vocabulary: the hash of the one that prepared articles must have.
        former: articles that another run had, which are offered first.
    """
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    ways = {"former": _("The same as before")} if former else {}
    ways |= {"sample": _("The sample that ships"), "prepared": _("Prepared articles"), "upload": _("Upload")}
    if access.paths_allowed():
        ways["path"] = _("A path on this machine")
        if with_hub:
            ways["hub"] = _("The Hugging Face hub")
    if st.session_state.get(f"{key}_source") not in ways:  # no default of the widget's own: an address may set it
        st.session_state[f"{key}_source"] = next(iter(ways))
    way = st.pills(  # a segmented control would cut its last choice off in a narrow column
        _("Source"),
        list(ways),
        required=True,
        format_func=lambda name: ways[name],
        key=f"{key}_source",
    )
    if way == "former":
        st.caption(words.plain(server_paths.shown(former)))
        return former
    if way == "prepared":
        known = prepared(vocabulary)
        if not known:
            st.caption(_("Nothing is prepared yet for this vocabulary: the sample is used."))
            return sample
        if (wanted := st.session_state.get(f"{key}_prepared")) is not None:
            st.session_state[f"{key}_prepared"] = listed(wanted)
        return st.selectbox(
            _("Prepared articles"),
            list(distinct(known)),
            format_func=lambda path: title(known[path]),
            key=f"{key}_prepared",
        )
    if way == "upload":
        uploaded = st.file_uploader(
            _("Text, Word, PDF, CSV, JSON, Parquet, JATS XML, downloads of PubMed, or a zip of these; 50 MB at most"),
            type=ENDINGS,
            accept_multiple_files=True,
            key=f"{key}_upload",
        )
        if not access.is_owner():
            most = budget.limits()
            st.caption(
                _(
                    "An upload, and what is made of it, is deleted {hours} hours later. All files of one together: {size} at most. Other visitors do not see it; the owner of this server may.",
                    hours=words.shortest(most.upload_hours),
                    size=words.size(most.upload_megabytes * 1e6),
                )
            )
        if not uploaded:
            st.caption(_("Until a file is there, the sample is used."))
            return sample
        with errors.shown():
            return _save_once(uploaded)
        st.stop()
    if way == "path":
        path = st.text_input(
            _("A file, folder or zip of articles"),
            sample,
            key=f"{key}_path",
            help=_("For example pubmed-dataset.zip as downloaded: it is read without being unpacked."),
        )
        with errors.shown():
            access.check_path(path)
            return path or sample
        st.stop()
    if way == "hub":
        name = st.text_input(_("Name on the hub"), hub.PUBMED, key=f"{key}_hub")
        if hub.is_name(name):
            return name
        errors.show(EngineError("{name} is no name on the Hugging Face hub: write owner/name.", name=name))
        st.stop()
    return sample


def remember(c: store.Corpus) -> None:
    """Notes that this session prepared a corpus."""
    path = paths.portable(c.folder)
    mine = st.session_state.setdefault("prepared", [])
    if path not in mine:
        mine.append(path)
