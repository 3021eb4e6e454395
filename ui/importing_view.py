"""From a source to its prepared corpus on a page: what it is, how to read it, how far the preparation is."""

import time

import streamlit as st

from engine import importing, jobs, paths, preparation
from engine.articles import Options, hub, isolation, source
from engine.articles.isolation import Preview
from engine.corpus import Corpus, is_corpus
from engine.errors import EngineError
from engine.tokenizers import Tokenizer
from ui import budget, errors, sources, words
from ui.i18n import _

AT_ONCE_BYTES = 8 << 20  # unpacked; so much is prepared while one waits, a few seconds,
AT_ONCE_SECONDS = 20.0  # and as long as one waits; then it is shown how far it is
POLL_SECONDS = 1.0
_FORMS = {"jsonl": "JSON lines", "csv": "CSV", "parquet": "Parquet", "jats": "JATS XML"}


@st.cache_data(max_entries=16, show_spinner=False)
def _preview(path: str, fingerprint: list, options: dict) -> Preview:
    return isolation.preview(paths.locate(path), Options(**options))


def corpus_of(chosen: str, preset: str, tokenizer: Tokenizer) -> Corpus:
    """The prepared corpus of what was chosen; where there is none yet, the way to it, and the page stops here.

    Raises:
        EngineError: what a person can act on.
    """
    if is_corpus(paths.locate(chosen)):
        found = preparation.find(paths.locate(chosen), tokenizer)
        assert found is not None
        return found
    if hub.is_name(chosen):
        options = Options()
        try:
            path = hub.local(chosen)
        except EngineError:
            _background(importing.Import(importing.Request(chosen, preset)), listing_of=chosen)  # the owner's alone
            st.stop()
    else:
        path = paths.locate(chosen)
        seen = _preview(str(path), source.fingerprint(path), {})
        options = _options(seen, chosen)
    found = preparation.find(path, tokenizer, options)
    request = importing.Request(chosen, preset, options, most_bytes=budget.corpus_bytes())
    job = importing.Import(request)
    if found is not None:
        sources.remember(found)
        status = job.status()
        for notice in status.notices if status is not None else ():
            st.info(errors.markdown(notice))
        return found
    if not hub.is_name(chosen):
        _describe(seen)
        if seen.size <= AT_ONCE_BYTES and _unasked(job):
            if seen.columns and not st.button(_("Prepare"), type="primary"):
                st.stop()
            if (prepared := _at_once(request)) is not None:
                sources.remember(prepared)
                for notice in prepared.notices:
                    st.info(errors.markdown(notice))
                return prepared
    _background(job)
    st.stop()


def _unasked(job: importing.Import) -> bool:
    """Whether nothing stands in the way of preparing a small source at once: one that failed is tried again when asked."""
    status = job.status()
    return status is None or (status.state == jobs.FINISHED and not status.alive)  # its corpus was deleted


def _at_once(request: importing.Request) -> Corpus | None:
    """A small source prepared while one waits, in a process of its own; None where it takes longer.

    Raises:
        EngineError: why it cannot be prepared.
    """
    with st.spinner(_("Preparing the articles…")):
        budget.start_preparation(importing.Import(request))
        return importing.prepared_apart(request, AT_ONCE_SECONDS)


def near_copies(c: Corpus, preset: str) -> None:
    """The way to the near-copies of a corpus that an earlier version prepared."""
    job = importing.Import(importing.Request(paths.portable(c.folder), preset))
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


def _options(seen: Preview, key: str) -> Options:
    """What only a person can say of a source: the columns of a table, what an article is in plain text."""
    if seen.columns:
        st.dataframe(
            {name: [row[i] for row in seen.rows] for i, name in enumerate(seen.columns)}, hide_index=True, height=180
        )
        usual = [n for n in seen.columns if n.lower() in ("article", "article_text", "text", "full_text", "body")]
        one, two, three = st.columns(3)
        text = one.selectbox(
            _("Which column holds the text?"),
            seen.columns,
            index=seen.columns.index(usual[0]) if usual else 0,
            key=f"text_column_{key}",
        )
        rest = [name for name in seen.columns if name != text]
        abstract = two.selectbox(
            _("Abstract"),
            ["", *rest],
            index=1 + rest.index("abstract") if "abstract" in rest else 0,
            format_func=lambda name: name or _("none"),
            key=f"abstract_column_{key}",
        )
        identifier = three.selectbox(
            _("Identifier"), ["", *rest], format_func=lambda name: name or _("none"), key=f"id_column_{key}"
        )
        return Options(text, abstract, identifier)
    if set(seen.forms) == {"text"}:
        units = {"file": _("a file"), "blank-lines": _("what stands between blank lines")}
        unit = st.segmented_control(
            _("One article is"),
            list(units),
            default="file" if seen.forms["text"] > 3 else "blank-lines",
            required=True,
            format_func=lambda name: units[name],
            key=f"unit_{key}",
        )
        return Options(text_unit=unit)
    return Options()


def _describe(seen: Preview) -> None:
    forms = ", ".join(f"{_FORMS.get(form, _('text'))} ({words.grouped(n)})" for form, n in seen.forms.items())
    st.caption(
        _(
            "Found: {forms}; splits: {splits}; {size} of text to read.",
            forms=forms,
            splits=", ".join(_split(s) for s in seen.splits),
            size=words.size(seen.size),
        )
    )
    for problem in seen.refused[:5]:
        st.warning(errors.markdown(problem))


def _split(name: str) -> str:
    return {"train": _("train"), "validation": _("validation"), "test": _("test")}[name]


def _background(job: importing.Import, listing_of: str = "") -> None:
    """An import in the background: the button that starts it, or how far it is."""
    status = job.status()
    if status is not None and status.alive:
        st.fragment(_watch, run_every=POLL_SECONDS)(job)
        return
    if status is not None and status.error is not None:
        errors.show(status.error)
    if status is not None and status.state in (jobs.STOPPED, importing.PREPARING, importing.FETCHING):
        if status.articles or not hub.is_name(job.request.source):
            told = _(
                "The preparation was interrupted after {n} articles: it goes on from there.",
                n=words.grouped(status.articles),
            )
        else:
            told = _("The download was interrupted.") + " " + _fetched_again()
        st.info(told)
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
    if st.button(label, type="primary", icon=":material/playlist_add_check:"):
        with errors.shown():
            budget.start_preparation(job)
            st.rerun()


def _fetched_again() -> str:
    return _("Files that are whole are kept; the one under way is fetched again.")


def _left(job: importing.Import, status: importing.Status) -> float:
    """Seconds left at the speed since this page first looked; 0 while that cannot be told."""
    key = f"import_{job.request.source}"
    seen = st.session_state.get(key)
    if seen is None or seen[0] != status.state or seen[2] > status.done_bytes:
        seen = st.session_state[key] = (status.state, time.monotonic(), status.done_bytes)
    done, seconds = status.done_bytes - seen[2], time.monotonic() - seen[1]
    return (status.total_bytes - status.done_bytes) * seconds / done if done > 0 and seconds > 2 else 0.0


def _watch(job: importing.Import) -> None:
    status = job.status()
    if status is None or not status.alive:
        st.rerun()
        return
    share = min(1.0, status.done_bytes / status.total_bytes) if status.total_bytes else 0.0
    if status.state == importing.FETCHING:
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
    kept = _fetched_again() if status.state == importing.FETCHING else _("What is done is kept: it goes on from there.")
    if st.button(_("Stop"), icon=":material/stop:", help=kept):
        with errors.shown():
            job.stop()
