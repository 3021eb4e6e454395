"""What leaves the lab from any page: its link and QR code, its figures, and the run in view as data and as a report."""

import html

import streamlit as st

from engine.classroom import curve_table, report_page, reports
from engine.core.errors import EngineError
from engine.memorisation import search
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.runs.settings import IMPORTED
from ui import address, budget, errors, pair, phone_address, words
from ui.components.figure import takeaway
from ui.explore import copied_index
from ui.i18n import _, language
from ui.readers import folders


def show(room: str) -> None:
    """Shows all that can be shared of a page."""
    pair_ = pair.current()
    link(room, pair_.reference)
    st.markdown(f"**{_('Figures')}**")
    takeaway.show()
    if pair_.run is not None and pair_.run.settings.method != IMPORTED:
        st.markdown(f"**{_('The run {name}', name=words.plain(pair_.run.name))}**")
        with errors.shown():
            report(pair_.run)


def link(room: str, run: str) -> None:
    """The address of all that is chosen, for a person and for a phone."""
    st.markdown(
        _("Whoever opens this link sees what you see: the run, what it is held against, and all that is chosen here.")
    )
    whole = address.shared(room, run)
    reached = phone_address.reachable(whole)
    st.code(reached or whole, language=None, wrap_lines=True)
    if left_out := list(address.too_long(room)):
        st.caption(
            _(
                "What is longer than {n} characters is left out: {names}.",
                n=address.LONGEST_TEXT,
                names=", ".join(left_out),
            )
        )
    if reached is None:
        st.info(
            _(
                "This server answers this machine alone: no phone reaches it. Start it with `--server.address 0.0.0.0`, and the QR code stands here."
            ),
            icon=":material/phonelink_off:",
        )
        return
    if len(reached.encode()) > phone_address.LONGEST:
        reached = phone_address.reachable(address.shared(room, run, typed=False)) or ""
        st.caption(_("The QR code leaves out the texts that were typed: with them it would be too fine for a camera."))
    try:
        code = phone_address.picture(reached)
    except ValueError:
        st.caption(_("No QR code: this address is too long for a camera."))
        return
    said = html.escape(_("QR code of this page's address"), quote=True)
    st.html(f'<img src="{code}" alt="{said}" style="width: min(100%, 22rem); height: auto">')


def report(run: Run) -> None:
    """The report of a run, made when somebody asks for it, and all that it reported as data."""
    st.markdown(
        _(
            "The report is one page to take home: the curve, two texts, what was copied and forgotten, the settings. It opens without a network and prints on two pages."
        )
    )
    history = folders.history(run)
    stands = _stands(run)
    there = st.session_state.get("share_report", ("", ""))[0]
    made_so = there.startswith(stands) and there == stands + _is_indexed(run)
    with st.container(horizontal=True):
        place = st.empty()
        if not made_so and place.button(
            _("Make the report"), icon=":material/article:", key="share_report_make", type="primary"
        ):
            with place, st.spinner(_("Making the report…")):
                page = made(run)
                st.session_state["share_report"] = (
                    stands + _is_indexed(run),
                    page,
                )  # to make it may have built the index
                made_so = True
        if made_so:
            place.download_button(
                _("Download the report"),
                st.session_state["share_report"][1],
                f"atelier-{run.name}.html",
                "text/html",
                icon=":material/download:",
                type="primary",
                on_click="ignore",
                key="share_report_download",
            )
        st.download_button(
            _("Its figures as CSV"),
            lambda: curve_table.as_csv(history),
            f"atelier-{run.name}.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
            key="share_run_csv",
        )


def _stands(run: Run) -> str:
    """What a report of a run is made of, but for the index of its articles."""
    state = run.state()
    version = folders.history(run).version
    return f"report {run.folder} {version} {state.state} {state.step} {state.result} {language()} "


def _is_indexed(run: Run) -> str:
    """Whether the articles of a run are indexed, for the key of its report."""
    try:
        return "indexed" if not search.missing(articles_read.seen(run, lambda _path, _tokenizer: None).ranges) else ""
    except EngineError:  # they are gone
        return ""


def made(run: Run) -> str:
    """The report as HTML, in the language of the session; what this visitor may not read is not in it."""
    found = reports.of_run(run, copied_index.prepare_for(run), _may_index, _may_read)
    return report_page.html(found, language())


def _may_index(seen: Seen) -> bool:
    tokens = sum(shard.last - shard.first for shard in search.missing(seen.ranges))
    try:
        budget.check_index(tokens)
    except EngineError:
        return False
    return tokens <= copied_index.AT_ONCE_TOKENS


def _may_read(seen: Seen) -> bool:
    return all(budget.may_read(r.corpus.folder) for r in seen.ranges)
