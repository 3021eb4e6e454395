"""Choosing articles: the sample that ships, prepared articles, an upload, a path or the hub where these are offered."""

import contextlib
import hashlib
import re

import streamlit as st

from engine import corpus, paths
from engine.articles import hub
from engine.errors import EngineError
from engine.files import staged_folder, storage_errors
from ui import access, errors, words
from ui.i18n import _

UPLOADS = ".uploads"  # beside the runs
ENDINGS = ["jsonl", "json", "txt", "csv", "tsv", "parquet", "xml", "nxml", "zip"]


def save_uploads(files: list[tuple[str, bytes]]) -> str:
    """Keeps uploaded files in a folder named by their content; returns the portable path of the file, or of the folder.

    Raises:
        StorageError: no rights or no space.
    """
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    folder = paths.checkpoints_root() / UPLOADS / digest.hexdigest()[:16]
    if not folder.exists():
        with storage_errors(folder.parent.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
        # Of several who upload the same at the same instant, one keeps it for all.
        with contextlib.suppress(FileExistsError), staged_folder(folder, exclusive=True) as staging:
            for name, (_name, content) in zip(_distinct([name for name, _content in files]), files, strict=True):
                (staging / name).write_bytes(content)
    return paths.portable(folder / safe_name(files[0][0]) if len(files) == 1 else folder)


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


def prepared(vocabulary: str = "") -> dict[str, corpus.Corpus]:
    """The prepared corpora that this session may see, by their portable paths; of one vocabulary, or of all.

    On a server with an owner, others see what they prepared themselves.
    """
    mine = st.session_state.get("prepared", [])
    found = {paths.portable(c.folder): c for c in corpus.all_corpora()}
    return {
        path: c
        for path, c in found.items()
        if (access.is_owner() or path in mine) and vocabulary in ("", c.card["tokenizer"])
    }


def title(c: corpus.Corpus) -> str:
    """A corpus by its source's name and its size."""
    name = c.card["source"].replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return _("{name} · {n} articles", name=name, n=words.grouped(corpus.summary(c.card)["articles"]))


def with_split(split: str, vocabulary: str = "") -> dict[str, str]:
    """Portable path → title of the articles that this session may see and that have such a split, the sample first.

    `vocabulary`: the hash of the one that prepared articles must have.
    """
    sample = {paths.portable(paths.SAMPLE_ARTICLES): _("The sample that ships")}
    others = {path: c for path, c in prepared(vocabulary).items() if split in c.splits}
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
    way = st.pills(  # a segmented control would cut its last choice off in a narrow column
        _("Source"),
        list(ways),
        default=next(iter(ways)),
        required=True,
        format_func=lambda name: ways[name],
        key=f"{key}_source",
    )
    if way == "former":
        st.caption(words.plain(former))
        return former
    if way == "prepared":
        known = prepared(vocabulary)
        if not known:
            st.caption(_("Nothing is prepared yet for this vocabulary: the sample is used."))
            return sample
        return st.selectbox(
            _("Prepared articles"), list(known), format_func=lambda path: title(known[path]), key=f"{key}_prepared"
        )
    if way == "upload":
        uploads = st.file_uploader(
            _("JSON lines, CSV, Parquet, text, JATS XML, or a zip of these; 50 MB at most"),
            type=ENDINGS,
            accept_multiple_files=True,
            key=f"{key}_upload",
        )
        if not uploads:
            st.caption(_("Until a file is there, the sample is used."))
            return sample
        return save_uploads([(upload.name, upload.getvalue()) for upload in uploads])
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


def remember(c: corpus.Corpus) -> None:
    """Notes that this session prepared a corpus."""
    path = paths.portable(c.folder)
    mine = st.session_state.setdefault("prepared", [])
    if path not in mine:
        mine.append(path)
