"""Samples against the articles that their run was trained on: which passages were copied word for word."""

import time
from pathlib import Path

import numpy as np
import streamlit as st

from engine.core import jobs, paths
from engine.core.errors import EngineError
from engine.corpus.store import Corpus
from engine.memorisation import index_job, search
from engine.memorisation.search import LENGTHS, Copied
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.runs.history import snapshots
from engine.runs.history.snapshots import Snapshot
from engine.services import import_job
from ui import access, address, bases_view, budget, errors, memorisation_view, pair, sources, words
from ui.charts import colours
from ui.components.figure import live
from ui.i18n import _, _n
from ui.readers import folders

AT_ONCE_TOKENS = 2_000_000  # so many are indexed while one waits, about a second
POLL_SECONDS = 1.0
RECORDED, TEXT = "recorded", "text"


@st.cache_data(max_entries=256, show_spinner=False)
def found(ids: tuple[int, ...], key: tuple, _seen: Seen) -> Copied:
    """What of a text stands in the articles; `key` names them."""
    return search.find(np.array(ids, np.int64), _seen.ranges)


def key_of(seen: Seen) -> tuple:
    """What names the articles of a run."""
    return tuple((r.corpus.content_hash, r.first, r.last) for r in seen.ranges)


@st.cache_data(max_entries=32, show_spinner=False)
def yardstick(tokens: int, key: tuple, _seen: Seen) -> list[Copied]:
    """The same of as long passages of unseen articles."""
    return [search.find(ids, _seen.ranges) for *_place, ids in search.unseen(_seen, tokens)]


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


def recorded(run: Run, seen: Seen) -> list[tuple[str, np.ndarray]]:
    """The samples of a moment of the run: (title, tokens) of each; none where it has written none yet."""
    with_samples = [snapshot for snapshot in snapshots.of_run(run, folders.history(run)) if snapshot.samples]
    if not with_samples:
        st.info(_("This run has written no sample yet: its samples appear here as they come. Type a text meanwhile."))
        return []
    key, last = f"copied_moment_{run.name}", len(with_samples) - 1
    if st.session_state.get(key, 0) > last:  # the run went on from an earlier step
        del st.session_state[key]
    at = (
        st.select_slider(
            _("Written at"),
            list(range(len(with_samples))),
            last,
            format_func=lambda number: folders.snapshot_title(with_samples[number]),
            key=key,
        )
        if last
        else 0
    )
    snapshot: Snapshot = with_samples[at]
    st.session_state["copied_base"] = snapshot.is_base
    return [
        (sample["prompt"], search.ids_of(seen.tokenizer, sample["prompt"], sample["text"]))
        for sample in snapshot.complete_samples()
    ]


def typed(seen: Seen) -> list[tuple[str, np.ndarray]]:
    """A person's own text; nothing as long as it is too short to be looked up."""
    st.session_state["copied_base"] = False
    text = st.text_area(_("Text"), key="copied_text", max_chars=20_000, height=160, label_visibility="collapsed")
    ids = search.ids_of(seen.tokenizer, "", text)
    if len(ids) < LENGTHS[0]:
        st.info(_("Paste or type a text of {n} tokens or more: a few words.", n=LENGTHS[0]))
        return []
    if len(ids) > search.LONGEST_TEXT:
        st.caption(_("The first {n} tokens are looked up.", n=words.grouped(search.LONGEST_TEXT)))
    return [(_("My own text"), ids[: search.LONGEST_TEXT])]


def prepare_for(run: Run) -> articles_read.Prepare:
    """What prepares a small source of a run again where its corpus is gone: a process of its own."""

    def prepare(path: Path, _tokenizer: Tokenizer) -> Corpus | None:
        request = import_job.Request(str(path), run.settings.preset, most_bytes=budget.corpus_bytes())
        return import_job.prepared_apart(request)

    return prepare


def names_of(seen: Seen) -> dict[str, str]:
    """Content hash → what Library › Articles calls these articles, of those that this session may open there."""
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    known = {c.content_hash: path for path, c in sources.prepared().items()}
    return known | {r.corpus.content_hash: sample for r in seen.ranges if r.corpus.card["source"] == sample}


def show_searched(run: Run, seen: Seen) -> None:
    """Shows in one line which articles are searched, and what cannot be."""
    st.caption(
        _n(
            "Searched: the {n} article that this run, and the stages before it, were trained on.",
            "Searched: the {n} articles that this run, and the stages before it, were trained on.",
            seen.articles,
        )
        + (_(" It learned from the beginning of each alone.") if run.settings.method == "report" else "")
    )
    for error in seen.lost:
        errors.show(error)


def show() -> None:
    """Shows what of the texts of the run in view stands in its articles."""
    st.markdown(
        _("Did it learn, or copy? What of a sample stands word for word in the articles that its run was trained on.")
    )
    if (run := pair.trained()) is None:
        return
    bases_view.say_changed([run])
    with errors.shown():
        seen = articles_read.seen(run, prepare_for(run))
        readable = all(budget.may_read(r.corpus.folder) for r in seen.ranges)
        show_searched(run, seen)
        if not indexed(run, seen):
            return
        address.default("copied_way")
        way = st.segmented_control(
            _("Text"),
            [RECORDED, TEXT],
            required=True,
            format_func=lambda name: {RECORDED: _("Samples of this run"), TEXT: _("My own text")}[name],
            key="copied_way",
        )
        if way == TEXT and not readable:  # what is looked up word by word tells what stands there
            raise EngineError(
                "These articles are the owner's: visitors see what of the run's own samples stands in them."
            )
        texts = recorded(run, seen) if way == RECORDED else typed(seen)
        if not texts:
            return
        key = key_of(seen)
        copied = [found(tuple(ids.tolist()), key, seen) for _title, ids in texts]
        unseen = yardstick(max(map(len, (ids for _title, ids in texts)), default=0), key, seen)
        colour = colours.BASE if st.session_state["copied_base"] else colours.of_run(run.name)
        title = _("samples") if way == RECORDED else _("my own text")
        live.chart(memorisation_view.yardstick(copied, colour, title, unseen), key="copied_chart")
        if unseen:
            st.caption(
                _n(
                    "The yardstick: as many tokens from the middle of {n} article that this run has never seen. "
                    "Lines reach from the least to the most.",
                    "The yardstick: as many tokens from the middle of each of {n} articles that this run has never seen. "
                    "Lines reach from the least to the most.",
                    len(unseen),
                )
                + f" {memorisation_view.certain(unseen)}"
            )
        else:
            st.caption(_("No yardstick: there is no unseen article of this length."))
        names = names_of(seen)
        for number, ((name, ids), own) in enumerate(zip(texts, copied, strict=True)):
            with st.container(border=True):
                memorisation_view.marked(seen.tokenizer, ids.tolist(), own, name, colour, key=f"copied_{number}")
                st.markdown(f"**{memorisation_view.verdict(own, unseen)}**" if unseen else "")
                memorisation_view.passages(seen.tokenizer, own, names, readable)
