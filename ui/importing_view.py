"""From a source to its prepared corpus on a page: what it is, how to read it, how far the preparation is."""

import time
from typing import Any, Literal

import streamlit as st

from engine.articles import Options, hub, on_disk
from engine.core import jobs, paths
from engine.core.errors import EngineError
from engine.corpus import finishing, little, lookup
from engine.corpus.store import Corpus, is_corpus
from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer
from engine.services import import_job, uploads
from ui import access, budget, errors, preview_view, sources, words
from ui.i18n import _

AT_ONCE_BYTES = 8 << 20  # unpacked; so much is prepared while one waits, a few seconds,
AT_ONCE_SECONDS = 20.0  # and as long as one waits; then it is shown how far it is
POLL_SECONDS = 1.0


def corpus_of(chosen: str, preset: str, tokenizer: Tokenizer) -> Corpus:
    """The prepared corpus of what was chosen; where there is none yet, the way to it, and the page stops here.

    Raises:
        EngineError: what a person can act on.
    """
    found = prepared_or_offer(chosen, preset, tokenizer)
    if found is None:
        st.stop()
    return found


def for_training(chosen: str, preset: str) -> str | None:
    """What a run is to be trained on: the prepared corpus of a file that was chosen, or None while that is not prepared.

    What ships, what is prepared, and what must be fetched first stay as they were chosen.
    """
    path = paths.locate(chosen)
    if hub.is_name(chosen) or is_corpus(path) or path == paths.SAMPLE_ARTICLES or not preset:
        return chosen
    with errors.shown():
        found_preset = catalogue.find(preset)
        if found_preset.folder is None:  # its vocabulary is not on this machine yet
            return chosen
        found = prepared_or_offer(chosen, preset, catalogue.tokenizer(found_preset))
        if found is None:
            return None
        show_notices(found)
        return paths.portable(found.folder)
    return None


def show_notices(prepared: Corpus) -> None:
    """Shows what so few, or so alike, texts can teach a model."""
    for notice in little.notices(prepared):
        st.warning(errors.markdown(_grouped(notice)), icon=":material/info:")


def prepared_or_offer(chosen: str, preset: str, tokenizer: Tokenizer) -> Corpus | None:
    """Finds the prepared corpus of what was chosen; where there is none, shows what it is and the button that prepares it.

    Raises:
        EngineError: what a person can act on.
    """
    if is_corpus(paths.locate(chosen)):
        found = lookup.find(paths.locate(chosen), tokenizer)
        assert found is not None
        return found
    budget.check_articles(chosen)
    try:
        path = hub.local(chosen) if hub.is_name(chosen) else paths.locate(chosen)
    except EngineError:
        if not hub.is_name(chosen):
            raise
        _background(import_job.Import(import_job.Request(chosen, preset, previewed=True)), listing_of=chosen)
        return None
    fingerprint = on_disk.fingerprint(path)
    seen = preview_view.preview(str(path), fingerprint, {})
    options = preview_view.chosen_options(seen, chosen)
    if options is None:
        return None
    found = lookup.find(path, tokenizer, options)
    part = f"part_{preview_view.name_of(chosen)}", [fingerprint, options.to_json()]
    accept = st.session_state.get(part[0]) == part[1]
    request = import_job.Request(
        chosen, preset, options, accept_part=accept, previewed=True, most_bytes=budget.corpus_bytes()
    )
    job = import_job.Import(request)
    if found is not None:
        sources.remember(found)
        status = job.status()
        for notice in status.notices if status is not None else ():
            st.info(errors.markdown(notice))
        return found
    own = path == paths.SAMPLE_ARTICLES
    if not own:
        seen = preview_view.preview(str(path), fingerprint, options.to_json()) if options != Options() else seen
        preview_view.describe(seen)
        preview_view.first_articles(seen)
    if seen.size <= AT_ONCE_BYTES and _unasked(job):
        place = st.empty()
        if not (
            own or accept or place.button(_("Prepare"), type="primary", key=f"prepare_{preview_view.name_of(chosen)}")
        ):
            return None
        place.empty()
        if (prepared := _at_once(request)) is not None:
            sources.remember(prepared)
            for notice in prepared.notices:
                st.info(errors.markdown(notice))
            return prepared
    _background(job, part=part)
    return None


def _unasked(job: import_job.Import) -> bool:
    """Whether nothing stands in the way of preparing a small source at once: one that failed is tried again when asked."""
    status = job.status()
    return status is None or (status.state == jobs.FINISHED and not status.alive)  # its corpus was deleted


def _at_once(request: import_job.Request) -> Corpus | None:
    """A small source prepared while one waits, in a process of its own; None where it takes longer, or is to be asked about.

    Raises:
        EngineError: why it cannot be prepared.
    """
    with st.spinner(_("Preparing the articles…")):
        budget.start_preparation(import_job.Import(request))
        try:
            return import_job.prepared_apart(request, AT_ONCE_SECONDS)
        except EngineError as error:
            if _is_question(error):
                return None
            raise


def _is_question(error: EngineError) -> bool:
    """Whether a preparation ended because somebody has to say first that a part is enough."""
    return error.template == finishing.FEW_READ  # an error comes out of another process without its class


def _ask_for_part(few: EngineError, part: tuple[str, list[Any]]) -> None:
    """That less than half could be read, and the button that says that this is enough, of these files so read."""
    st.warning(errors.markdown(few))

    def accept() -> None:
        st.session_state[part[0]] = part[1]

    st.button(_("Use the part that can be read"), on_click=accept, key=f"accept_{part[0].removeprefix('part_')}")


def near_copies(c: Corpus, preset: str) -> None:
    """The way to the near-copies of a corpus that an earlier version prepared."""
    job = import_job.Import(import_job.Request(paths.portable(c.folder), preset))
    status = job.status()
    if status is not None and status.alive:
        st.fragment(_watch, run_every=POLL_SECONDS)(job)
        return
    st.caption(_("Near-copies, articles that are nearly the same text, were not looked for when these were prepared."))
    if status is not None and status.error is not None:
        errors.show(status.error)
    if st.button(_("Look for near-copies"), icon=":material/file_copy:"):
        with errors.shown():
            budget.start_preparation(job)
            st.rerun()


def _grouped(error: EngineError) -> EngineError:
    """The error with its numbers as the session's language writes them."""
    values = {
        name: words.grouped(v) if isinstance(v, int) else words.decimal(v, 1) if isinstance(v, float) else v
        for name, v in error.values.items()
    }
    return EngineError(error.template, **values)


def _background(job: import_job.Import, listing_of: str = "", part: tuple[str, list[Any]] | None = None) -> None:
    """An import in the background: the button that starts it, or how far it is.

    Args:
        part: where it is noted that the part which can be read is enough, and what is noted there.
    """
    status = job.status()
    if status is not None and status.alive:
        st.fragment(_watch, run_every=POLL_SECONDS)(job)
        return
    question = status is not None and status.error is not None and part is not None and _is_question(status.error)
    if status is not None and status.error is not None:
        if part is not None and question:
            _ask_for_part(status.error, part)
        else:
            errors.show(status.error)
    if status is not None and status.state in (jobs.STOPPED, import_job.PREPARING, import_job.FETCHING):
        if status.articles or not hub.is_name(job.request.source):
            sentence = _(
                "The preparation was interrupted after {n} articles: it goes on from there.",
                n=words.grouped(status.articles),
            )
        else:
            sentence = _("The download was interrupted.") + " " + _fetched_again()
        st.info(sentence)
    if listing_of and (status is None or not status.total_bytes):
        if st.button(_("Ask the hub for its size")):
            st.session_state[f"listing_{listing_of}"] = hub.list_files(listing_of)
        listing = st.session_state.get(f"listing_{listing_of}")
        if listing is None:
            st.caption(_("Nothing is fetched before you have seen how much it is."))
            return
        st.caption(
            _(
                "{name}: {n} files, {size} to fetch.",
                name=words.plain(listing.name),
                n=len(listing.files),
                size=words.size(listing.size),
            )
            + (
                " "
                + _(
                    "Configuration {name}; left: {others}.",
                    name=words.plain(listing.configuration),
                    others=words.plain(", ".join(listing.others)),
                )
                if listing.others
                else ""
            )
        )
    label = _("Fetch and prepare") if listing_of else _("Prepare")
    # Again is for a file that was mended meanwhile.
    again: Literal["secondary", "primary"] = "secondary" if question else "primary"
    if st.button(label, type=again, icon=":material/playlist_add_check:"):
        with errors.shown():
            budget.start_preparation(job)
            st.rerun()


def _fetched_again() -> str:
    return _("Files that are whole are kept; the one under way is fetched again.")


def _left(job: import_job.Import, status: import_job.Status) -> float:
    """Seconds left at the speed since this page first looked; 0 while that cannot be told."""
    key = f"import_{job.request.source}"
    seen = st.session_state.get(key)
    if seen is None or seen[0] != status.state or seen[2] > status.done_bytes:
        seen = st.session_state[key] = (status.state, time.monotonic(), status.done_bytes)
    done, seconds = status.done_bytes - seen[2], time.monotonic() - seen[1]
    return (status.total_bytes - status.done_bytes) * seconds / done if done > 0 and seconds > 2 else 0.0


def _watch(job: import_job.Import) -> None:
    status = job.status()
    if status is None or not status.alive:
        st.rerun()
        return
    share = min(1.0, status.done_bytes / status.total_bytes) if status.total_bytes else 0.0
    if status.state == import_job.FETCHING:
        label = _(
            "fetching: {done} of {total}", done=words.size(status.done_bytes), total=words.size(status.total_bytes)
        )
    else:
        label = _(
            "preparing: {articles} articles, {tokens} tokens, {skipped} skipped",
            articles=words.grouped(status.articles),
            tokens=words.grouped(status.tokens),
            skipped=words.grouped(status.skipped),
        )
    if status.compared:
        share = min(1.0, status.compared / max(1, status.articles))
        label = _(
            "looking for near-copies: {done} of {articles} articles",
            done=words.grouped(status.compared),
            articles=words.grouped(status.articles),
        )
    left = 0.0 if status.compared else _left(job, status)
    st.progress(share, label + (_(", about {time} left", time=words.duration(left)) if left else ""))
    explanation = (
        _fetched_again() if status.state == import_job.FETCHING else _("What is done is kept: it goes on from there.")
    )
    mine = access.is_owner() or uploads.of_visitors(job.request.source) is not None
    if mine and st.button(_("Stop"), icon=":material/stop:", help=explanation):
        with errors.shown():
            job.stop()
