"""Saved results of Side by side: opening, deleting, and writing them again to verify them."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core.errors import EngineError
from engine.inference.samples import outcome, saved
from engine.inference.samples.outcome import Column, GenerationResult
from engine.runs.references import ModelReference
from ui import access, budget, errors, little_memory, side_view, studio_view, words
from ui.i18n import _, _n


@dataclass
class Verification:
    """A saved result written again: the columns that could be, as they were and as they are, and why others could not."""

    name: str
    was: GenerationResult
    now: GenerationResult
    problems: list[EngineError]


def save(stream: side_view.Stream) -> None:
    """The buttons of a finished result: keep it, take it along."""
    left, right, _rest = st.columns([1, 1, 2])
    mine = access.is_owner()
    if left.button(
        _("Keep"),
        icon=":material/bookmark_add:",
        disabled=bool(stream.saved_as) or not mine or not any(c.done and not c.error for c in stream.result.columns),
        help=None if mine else _("Only the owner keeps and deletes results here."),
        width="stretch",
        key="side_keep",
    ):
        with errors.shown():
            stream.saved_as = st.session_state["side_kept"] = saved.save(stream.result)
            st.rerun()
    right.download_button(
        _("Markdown"),
        side_view.markdown(stream.result),
        "side-by-side.md",
        "text/markdown",
        icon=":material/download:",
        width="stretch",
        key="side_markdown",
    )


def _may_see(name: str) -> bool:
    """Whether this session may see a result: one that quotes articles quotes those that it may read."""
    if access.is_owner():
        return True
    try:
        passage = saved.read(name).passage
    except EngineError:
        return False
    return passage is None or budget.may_read(passage["articles"])


def _label(name: str) -> str:
    try:
        result = saved.read(name)
    except EngineError:
        return name
    prompt = " ".join(result.prompt.split())
    shown = prompt if len(prompt) <= 50 else prompt[:49] + "…"
    return f"{side_view.time_written(result)} · {len(result.columns)} × {shown or _('empty prompt')}"


def _ask_before_deleting(name: str) -> None:
    """The question before a result is lost."""
    with st.container(border=True):
        st.markdown(_("Delete this result? It is gone from the disk for good."))
        yes, no, _rest = st.columns([1, 1, 2])
        if yes.button(_("Delete"), type="primary", icon=":material/delete:", key="side_delete_yes", width="stretch"):
            saved.delete(name)
            del st.session_state["side_deleting"]
            st.rerun()
        if no.button(_("Keep it"), key="side_delete_no", width="stretch"):
            del st.session_state["side_deleting"]
            st.rerun()


def show(models: list[ModelReference]) -> None:
    """The list, and what can be done with one of them."""
    found = [name for name in saved.names() if _may_see(name)]
    st.header(_("Kept"))
    if not found:
        st.caption(_("Nothing is kept yet: press Keep below a result."))
        return
    if st.session_state.get("side_kept") not in found:
        st.session_state.pop("side_kept", None)
    name = st.selectbox(
        _("Kept results, the newest first"), found, format_func=_label, key="side_kept", label_visibility="collapsed"
    )
    again, opening, taking, deleting = st.columns(4)
    with errors.shown():
        result = saved.read(name)
        _open(name, result, opening, taking)
        if again.button(
            _("Regenerate and verify"),
            icon=":material/verified:",
            width="stretch",
            key="side_verify",
            disabled=little_memory.nothing_generates(),
        ):
            st.session_state["side_verification"] = _verify(name, result, models)
    with errors.shown():
        _delete(name, deleting)
    verification = st.session_state.get("side_verification")
    if verification is not None and verification.name == name:
        _verdict(verification)


def _open(name: str, result: GenerationResult, opening: DeltaGenerator, taking: DeltaGenerator) -> None:
    """Shows it above, or takes it along."""
    if opening.button(_("Open"), icon=":material/folder_open:", width="stretch", key="side_open"):
        stream = side_view.Stream(result, saved_as=name)
        stream.done.set()
        st.session_state["side_result"] = stream
        st.rerun()
    taking.download_button(
        _("Markdown"),
        side_view.markdown(result),
        f"{name}.md",
        "text/markdown",
        icon=":material/download:",
        width="stretch",
        key="side_kept_markdown",
    )


def _delete(name: str, place: DeltaGenerator) -> None:
    """Deletes it after a question, readable or not."""
    mine = access.is_owner()
    if place.button(
        _("Delete"),
        icon=":material/delete:",
        disabled=not mine,
        help=None if mine else _("Only the owner keeps and deletes results here."),
        width="stretch",
        key="side_delete",
    ):
        st.session_state["side_deleting"] = name
    if st.session_state.get("side_deleting") == name:
        _ask_before_deleting(name)


def _verify(name: str, was: GenerationResult, models: list[ModelReference]) -> Verification:
    """Writes it again from its settings, with the weights that wrote it and no others."""
    problems: list[EngineError] = []
    pairs: list[tuple[Column, Column]] = []
    now = was.blank()
    for column, fresh in zip(was.columns, now.columns, strict=True):
        try:
            fresh.reference = outcome.model_of(column, models).reference
            pairs.append((column, fresh))
        except EngineError as error:
            problems.append(error)
    was, now = replace(was, columns=[c for c, _f in pairs]), replace(now, columns=[f for _c, f in pairs])
    if pairs:
        studio_view.wait_until_ready()
        stream = side_view.Stream(now).start()
        total = max(1, sum(len(sample.ids) for column in was.columns for sample in column.samples))
        bar = st.progress(0.0, _("It is written again."))
        while not stream.done.wait(side_view.REPAINT_SECONDS):
            done = sum(max(c.decided, sum(sample.tokens for sample in c.samples)) for c in now.columns)
            bar.progress(min(1.0, done / total), _("{n} of {m} tokens", n=done, m=total))
        bar.empty()
    if now.error is not None:
        problems.append(now.error)
    return Verification(name, was, now, problems)


def _verdict(verification: Verification) -> None:
    identical = True
    for problem in verification.problems:
        errors.show(problem)
    for was, now in zip(verification.was.columns, verification.now.columns, strict=True):
        if now.error is not None:
            st.error(words.labelled(words.plain(was.title), errors.markdown(now.error)), icon=":material/error:")
            continue
        for former, sample in zip(was.samples, now.samples, strict=True):
            if not sample.done:
                continue  # the studio ended: its sentence stands above
            who = f"**{words.plain(was.title)}**"
            if side_view.is_drawn(verification.was.settings):
                who += ", " + _("seed {n}", n=former.seed)
            difference = outcome.first_difference(former, sample)
            if difference is None:
                n = len(former.ids)
                same = _n("identical, {count} token", "identical, {count} tokens", n, count=words.grouped(n))
                st.success(words.labelled(who, same), icon=":material/check_circle:")
            else:
                identical = False
                sentence = _(
                    "differs from token {n} on: {was} then, {now} now",
                    n=difference.token,
                    was=_piece(difference.was),
                    now=_piece(difference.now),
                )
                st.warning(words.labelled(who, sentence), icon=":material/difference:")
    if not verification.now.environment:
        return
    changed = outcome.changed_environment(verification.was.environment, verification.now.environment)
    if not changed:
        st.caption(_("The same device, precision and versions as then."))
        return
    listed = [_("{name}: {was} then, {now} now", name=n, was=was or "–", now=now or "–") for n, was, now in changed]
    opening = _("What is not as it was then:") if identical else _("It was written under other circumstances:")
    st.caption(opening + " " + words.plain(words.listed(listed)))


def _piece(text: str | None) -> str:
    """A piece of a text between quotation marks, its blanks and line ends visible."""
    return _("the end") if text is None else words.plain(repr(text))
