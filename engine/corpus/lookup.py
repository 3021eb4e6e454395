"""Which prepared corpus belongs to a source: found by what was read, how, and with which vocabulary."""

import contextlib
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from engine.articles import Options, on_disk
from engine.articles.member import shown
from engine.core import paths
from engine.core.errors import ArticlesError, EngineError, sentence
from engine.core.files import make_folder, read_json, sha256, write_json
from engine.corpus.store import (
    CARD,
    SCHEMA_VERSION,
    Corpus,
    is_corpus,
)
from engine.presets.tokenizers import Tokenizer

JOURNAL = "journal.json"


SHOWN_CHANGED = 3


SIGNATURES = "signatures"  # of near-copies, as far as they are there
_SAME = ".same"  # a file for each source whose corpus is kept as that of another
_KEY = re.compile(r"[0-9a-f]{16}")
_OF_SOURCE = ("source", "fingerprint")
_IDENTITY = ("schema_version", "options", "limit", "tokenizer", *_OF_SOURCE)


def identity(path: Path | str, tokenizer: Tokenizer, options: Options, limit: int = 0) -> dict[str, Any]:
    """What a corpus is made of: preparations of equal identity give the same corpus.

    Raises:
        ArticlesError: the source is not there.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "source": shown(paths.portable(path)),
        "options": options.to_json(),
        "limit": limit,
        "fingerprint": on_disk.fingerprint(path),
        "tokenizer": tokenizer.hash,
    }


def folder_of(identified: dict[str, Any], root: Path | None = None) -> Path:
    """The folder of a corpus of that identity among all corpora."""
    key = hashlib.sha256(json.dumps(identified, sort_keys=True).encode()).hexdigest()[:16]
    return (root or paths.corpora_root()) / key


def find(
    path: Path | str, tokenizer: Tokenizer, options: Options | None = None, limit: int = 0, root: Path | None = None
) -> Corpus | None:
    """The corpus of a source where it is prepared already (or is a prepared corpus itself), else None.

    Raises:
        ArticlesError: the source is not there, or a corpus was prepared with another vocabulary.
    """
    if is_corpus(path):
        return of_vocabulary(Corpus(Path(path)), tokenizer)
    identified = identity(path, tokenizer, options or Options(), limit)
    folder = folder_of(identified, root)
    with contextlib.suppress(ArticlesError):  # damaged: it is prepared anew
        if is_corpus(folder):
            return Corpus(folder)
    return same_as(folder, identified)


def same_as(folder: Path, identified: dict[str, Any]) -> Corpus | None:
    """The corpus of another source that holds what the one of this folder would, where a preparation found that out and
    what it noted still fits: the same tokens, read with the same options and vocabulary."""
    note = read_json(_note_of(folder))
    name = note.get("corpus")
    if not isinstance(name, str) or not _KEY.fullmatch(name) or not is_corpus(folder.parent / name):
        return None
    with contextlib.suppress(ArticlesError):  # damaged
        corpus = Corpus(folder.parent / name)
        if note.get("content_hash") == corpus.content_hash and all(
            corpus.card.get(field) == value for field, value in identified.items() if field not in _OF_SOURCE
        ):
            return corpus
    return None


def _note_of(folder: Path) -> Path:
    return folder.parent / _SAME / f"{folder.name}.json"


def sources(corpus: Corpus) -> list[str]:
    """Where a corpus is from: its source, then the others that hold the same articles, as they are now."""
    found = {str(corpus.card["source"]): None}
    for note in sorted((corpus.folder.parent / _SAME).glob("*.json")):
        value = read_json(note)
        if value.get("corpus") != corpus.folder.name or not isinstance(source := value.get("source"), str):
            continue
        with contextlib.suppress(EngineError, OSError):  # it is gone
            fingerprint = on_disk.fingerprint(paths.locate(source))
            identified = {name: corpus.card.get(name) for name in _IDENTITY}
            identified |= {"source": source, "fingerprint": fingerprint}
            folder = folder_of(identified, corpus.folder.parent)
            if folder.name == note.stem and same_as(folder, identified):
                found[source] = None
    return [source for source in found if source]


def equal_one(made: Path, folder: Path) -> Corpus | None:
    """Finds the corpus beside `folder` that is the one in `made` but for the source, and notes that it stands for it: the same
    articles as a folder and as a zip are kept once. Visitors' uploads, which go after a while, share with none.
    """
    card = read_json(made / CARD)
    if _goes(card):
        return None
    for other in sorted(folder.parent.glob(f"*/{CARD}")):
        found = read_json(other)
        if other.parent.name.startswith(".") or other.parent == folder or _goes(found):
            continue
        if {name: found.get(name) for name in card if name not in _OF_SOURCE} != {
            name: card[name] for name in card if name not in _OF_SOURCE
        }:
            continue
        with contextlib.suppress(ArticlesError):  # damaged: it stands for none
            corpus = Corpus(other.parent)
            make_folder(_note_of(folder).parent)
            note = {"corpus": other.parent.name, "source": card["source"], "content_hash": corpus.content_hash}
            write_json(_note_of(folder), note)
            return corpus
    return None


def _goes(card: dict[str, Any]) -> bool:
    """Whether a corpus goes with the upload that it was prepared from."""
    try:
        return paths.locate(str(card.get("source", ""))).is_relative_to(paths.visitors_uploads().resolve())
    except EngineError:
        return True


def of_vocabulary(corpus: Corpus, tokenizer: Tokenizer) -> Corpus:
    if corpus.card["tokenizer"] != tokenizer.hash:
        raise ArticlesError(
            "The corpus {folder} was prepared with another vocabulary: prepare its source again with this preset.",
            folder=corpus.folder,
        )
    return corpus


def staging_of(folder: Path) -> Path:
    """Where a corpus is written until it is whole."""
    return folder.with_name(f".{folder.name}.preparing")


def existing(folder: Path, identified: dict[str, Any], is_out: bool) -> Corpus | None:
    if not is_corpus(folder):
        if is_out and folder.exists() and any(folder.iterdir()):
            raise ArticlesError("{folder} is not empty and no prepared corpus: choose another folder.", folder=folder)
        return None
    try:
        corpus = Corpus(folder)
    except ArticlesError:
        if is_out:
            raise
        return None  # damaged: what is prepared anew takes its place
    for left in (JOURNAL, SIGNATURES):  # an interruption right behind the rename left them
        (folder / left).unlink(missing_ok=True)
    if {name: corpus.card.get(name) for name in identified} == identified:
        shutil.rmtree(staging_of(folder), ignore_errors=True)  # from which a divided one was made
        return corpus
    raise ArticlesError(_difference(corpus.card, identified), folder=folder, source=corpus.card["source"])


def _difference(card: dict[str, Any], identified: dict[str, Any]) -> str:
    if card["source"] != identified["source"]:
        return sentence("{folder} holds the corpus of another source, {source}: choose another folder, or delete it.")
    if card["fingerprint"] != identified["fingerprint"]:
        return sentence(
            "{folder} holds the corpus of {source} as it was before it changed: choose another folder, or delete it."
        )
    if card["tokenizer"] != identified["tokenizer"]:
        return sentence(
            "{folder} holds the corpus of {source} for another vocabulary: choose another folder, or delete it."
        )
    return sentence(
        "{folder} holds the corpus of {source} prepared with other options: choose another folder, or delete it."
    )


def changes(corpus: Corpus, root: Path) -> list[EngineError]:
    """That the same source had been prepared in an earlier state, or with another vocabulary."""
    found = []
    for card in sorted(root.glob(f"*/{CARD}")):
        other = read_json(card)
        if (
            card.parent == corpus.folder
            or card.parent.name.startswith(".")
            or other.get("schema_version") != SCHEMA_VERSION
            or other.get("source") != corpus.card["source"]
        ):
            continue
        if other.get("fingerprint") != corpus.card["fingerprint"]:
            template = sentence("{source} has changed since it was prepared before: it was prepared anew.")
        elif other.get("tokenizer") != corpus.card["tokenizer"]:
            template = sentence("{source} had been prepared with another vocabulary: it was prepared for this one too.")
        else:
            continue
        found.append(EngineError(template, source=corpus.card["source"]))
    return list({str(notice): notice for notice in found}.values())


def described(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}
