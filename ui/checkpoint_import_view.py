"""Importing a checkpoint from elsewhere: choose files, look them through, measure them against their base."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engine.core import paths
from engine.core.files import require_space
from engine.core.progress import Progress
from engine.core.splits import VALIDATION
from engine.exchange.foreign import importing, layout
from engine.exchange.foreign.validator import Validator
from engine.presets import catalogue
from engine.runs import checkpoints
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from ui import access, errors, little_memory, sources, studio_view, words
from ui.i18n import _
from ui.readers import folders

_ENDINGS = ["zip", "keras", "h5", "safetensors", "json", "txt", "index", "data-00000-of-00001"]
_AUTOMATIC = ""
_IDLE_SECONDS = 120.0  # the child that reads TensorFlow's format holds some 600 MB


def form(shown: str | None) -> None:
    """The expander with everything; only for who may do everything.

    Args:
        shown: the checkpoint whose report the page shows already.
    """
    if not access.is_owner() or little_memory.nothing_generates():  # TensorFlow reads it, and the studio measures it
        return
    with st.expander(_("Import a checkpoint from elsewhere")):
        st.caption(
            _(
                "A GPT-2 that Keras, Hugging Face transformers, OpenAI's code or gpt-2-simple wrote: a folder's files "
                "together or a zip of them, .safetensors, tf_model.h5, .ckpt (its .index and .data files), .keras, "
                ".weights.h5 or .h5. Numbers alone are taken from it, in a process of its own: code in it is never run."
            )
        )
        uploads = st.file_uploader(
            _("Files, 50 MB at most"), type=_ENDINGS, accept_multiple_files=True, key="adoption_files"
        )
        path = ""
        if access.paths_allowed():
            path = st.text_input(_("Or a path on this machine, of a file or a folder"), key="adoption_path")
        left, right = st.columns(2)
        name = left.text_input(_("Name (empty = the file's name and the date)"), key="adoption_name")
        known = {_AUTOMATIC: _("whichever it fits")} | {
            p.reference: p.title for p in importing.known_presets(found=folders.looked())
        }
        known |= {hub: hub for hub in catalogue.HUB_NAMES}
        preset = right.selectbox(_("Trained from"), list(known), format_func=lambda r: known[r], key="adoption_preset")
        ready = bool(uploads or path)
        if st.button(_("Import"), icon=":material/input:", disabled=not ready, key="adoption_start"):
            with errors.shown():
                _import([(upload.name, upload.getvalue()) for upload in uploads], path, name, preset)
                st.rerun()  # the list above has it from now on
    reference = st.session_state.get("adopted")
    if reference and reference != shown:
        with st.container(border=True), errors.shown():
            show_inspection(checkpoints.find(reference))


@st.cache_resource(show_spinner=False)
def _validator() -> Validator:
    """One for all sessions: its children are started by the first import and end when nobody imports."""
    return Validator(idle_seconds=_IDLE_SECONDS)


def _import(uploads: list[tuple[str, bytes]], path: str, name: str, preset: str) -> None:
    with st.status(_("Looking the file through …")) as status:

        def say(progress: Progress) -> None:
            status.update(label=_("Looking the file through: {size}", size=words.size(progress.done)))

        root = paths.checkpoints_root()
        with contextlib.ExitStack() as stack:
            if uploads:
                source = _save_uploads(uploads, stack.enter_context(importing.scratch_folder(root)))
            else:
                access.check_path(path)
                source = paths.locate(path)
            checkpoint = importing.import_checkpoint(source, name, preset, root, say, _validator())
        st.session_state["adopted"] = checkpoint.reference
        measure(checkpoint, lambda label, _share: status.update(label=label))
    st.toast(_("{name} is imported.", name=checkpoint.reference))


def _save_uploads(uploads: list[tuple[str, bytes]], folder: Path) -> Path:
    """Uploaded files in a folder: the one file, or the folder of several."""
    require_space(folder, sum(len(content) for _name, content in uploads))
    for file_name, content in uploads:
        (folder / sources.safe_name(file_name)).write_bytes(content)
    return folder / sources.safe_name(uploads[0][0]) if len(uploads) == 1 else folder


def measure(checkpoint: Checkpoint, say: Callable[[str, float], object]) -> None:
    """Has the studio score an import and its base on the sample articles; `say` is told how far it is.

    Raises:
        EngineError: no studio, or it cannot load the checkpoint.
    """
    work = _("Measuring it against its base; the studio's start takes some ten seconds.")
    studio_view.run_request({"kind": "parity", "reference": checkpoint.reference}, say, work)


def show_inspection(checkpoint: Checkpoint) -> None:
    """Shows what an import was found to be, and how it does against its base."""
    found = checkpoint.manifest["imported"]
    preset = checkpoints.preset_of(checkpoint)["reference"]
    st.markdown(
        _(
            "{name}, from {file}: a GPT-2 of the size of {preset}.",
            name=f"**{words.plain(checkpoint.reference)}**",
            file=words.plain(found["file"]),
            preset=f"**{words.plain(folders.preset_title(preset))}**",
        )
    )
    st.caption(_("Written by {program}.", program=words.plain(layout.PROGRAMS[found.get("program", layout.KERAS)])))
    if found.get("program") == layout.OPENAI:
        st.caption(_("For use elsewhere export it as a Hugging Face folder: today's programs read that one."))
    others = [folders.preset_title(reference) for reference in found["fits"] if reference != preset]
    if others:
        st.caption(_("It fits these presets as well: {names}.", names=words.plain(", ".join(others))))
    if found["left_out"]:
        st.caption(_("Left out, as no part of a GPT-2: {names}", names=words.plain(", ".join(found["left_out"]))))
    figures = _figures(checkpoint)
    if not figures:
        st.info(_("It has not been measured against its base yet."))
        possible = access.is_owner() and not little_memory.nothing_generates()
        if possible and st.button(_("Measure"), icon=":material/straighten:", key="adoption_measure"):
            with st.status("…") as status:
                measure(checkpoint, lambda label, _share: status.update(label=label))
            st.rerun()
        return
    own, base = figures["run"]["accuracy"], figures["base"]["accuracy"]
    st.metric(
        _("Accuracy on the sample's validation articles"),
        words.percent(own),
        **words.delta(
            100 * (own - base), 1, _("{n} points against its base ({base})", n="{n}", base=words.percent(base))
        ),
    )
    if own < base / 2:
        st.warning(
            _(
                "It does far worse than its base. Perhaps it was trained with another vocabulary, or its weights are "
                "damaged in a way that no check can see."
            )
        )


def _figures(checkpoint: Checkpoint) -> dict[str, Any]:
    events = folders.history(Run(checkpoint.folder.parent)).on_whole_splits()
    return {model: events[model, VALIDATION] for model in ("run", "base") if (model, VALIDATION) in events}
