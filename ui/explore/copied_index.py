"""What of texts stands in the articles that a run has read, looked up for pages: the index, built where it is missing, and what is found."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from engine.core import jobs
from engine.core.errors import EngineError
from engine.corpus.store import Corpus
from engine.memorisation import index_job, search
from engine.memorisation.search import Copied
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.services import import_job
from ui import access, budget, errors, words
from ui.i18n import _

AT_ONCE_TOKENS = 2_000_000  # so many are indexed while one waits, about a second
POLL_SECONDS = 1.0


@st.cache_data(max_entries=256, show_spinner=False)
def found(ids: tuple[int, ...], key: tuple[Any, ...], _seen: Seen) -> Copied:
    """What of a text stands in the articles; `key` names them."""
    return search.find(np.array(ids, np.int64), _seen.ranges)


def key_of(seen: Seen) -> tuple[Any, ...]:
    """What names the articles of a run, and what it has read of them."""
    return tuple(
        (r.corpus.content_hash, r.first, r.last, "" if r.stretches is None else search.digest(r.stretches))
        for r in seen.ranges
    )


@st.cache_data(max_entries=32, show_spinner=False)
def yardstick(tokens: int, key: tuple[Any, ...], _seen: Seen) -> list[Copied]:
    """The same of as long passages of unseen articles."""
    return [search.find(ids, _seen.ranges) for *_place, ids in search.unseen(_seen, tokens)]


def prepare_for(run: Run) -> articles_read.Prepare:
    """What prepares a small source of a run again where its corpus is gone: a process of its own."""

    def prepare(path: Path, _tokenizer: Tokenizer) -> Corpus | None:
        request = import_job.Request(str(path), run.settings.preset, most_bytes=budget.corpus_bytes())
        return import_job.prepared_apart(request)

    return prepare


def at_once(seen: Seen) -> bool:
    """Whether what is missing of the index is built while one waits."""
    return sum(shard.last - shard.first for shard in search.missing(seen.ranges)) <= AT_ONCE_TOKENS


def indexed(run: Run, seen: Seen) -> bool:
    """Whether the run's articles are indexed; else the building is offered, or shown."""
    left = search.missing(seen.ranges)
    if not left:
        return True
    tokens = sum(shard.last - shard.first for shard in left)
    job = index_job.job_of(run)
    if not job.alive():
        budget.check_index(tokens)
    if tokens <= AT_ONCE_TOKENS:
        with st.spinner(_("Indexing the training articles…")):
            search.build(seen.ranges)
        return True
    if job.alive():
        st.fragment(watch, run_every=POLL_SECONDS)(job)
        return False
    value = job.value()
    if value.get("state") == jobs.FAILED and "error" in value:
        errors.show(EngineError.from_json(value["error"]))
    elif value.get("state") in (jobs.STOPPED, index_job.BUILDING):
        st.info(_("The index was interrupted: it goes on from where it was."))
    seconds, memory = search.cost(left)
    st.markdown(
        _(
            "These {articles} articles hold {tokens} tokens. To find copied passages exactly, they are indexed once: "
            "that takes about {time} on two cores, {memory} of memory meanwhile, and {size} of disk.",
            articles=words.grouped(seen.articles),
            tokens=words.grouped(tokens),
            time=words.duration(seconds),
            memory=words.size(memory),
            size=words.size(sum(shard.bytes for shard in left)),
        )
    )
    if st.button(_("Build the index"), type="primary", icon=":material/manage_search:", key="copied_build"):
        index_job.start(run)
        st.rerun()
    return False


def watch(job: jobs.Job) -> None:
    """How far the index is, and its stop."""
    value = job.value()
    if not value or not job.alive():
        st.rerun()
    done, total = value.get("done", 0), value.get("total", 0)
    passed = time.time() - value["since"]
    label = _("Indexing: {done} of {total} tokens", done=words.grouped(done), total=words.grouped(total))
    if done:
        label += _(", about {time} left", time=words.duration((total - done) * passed / done))
    st.progress(min(1.0, done / total) if total else 0.0, label)
    if access.is_owner() and st.button(
        _("Stop"), icon=":material/stop:", help=_("What is done is kept: it goes on from there.")
    ):
        with errors.shown():
            job.stop()
