"""The run that all pages show, and what it is held against: chosen once, in the header."""

from dataclasses import dataclass

import streamlit as st

from engine.core.errors import EngineError, RunError
from engine.presets import catalogue
from engine.runs import checkpoints
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.runs.settings import IMPORTED
from ui import address, choices, empty, errors, words
from ui.i18n import _
from ui.readers import folders

BASE = ""  # as what a run is held against: the preset that it started from. No run has such a name; one may be called "base"


@dataclass(frozen=True)
class Pair:
    """What is in view.

    Attributes:
        run: None where there is none yet. step: of the checkpoint that was chosen; None = the run's result.
        against: BASE, a run, RUN/STEP, or a preset.
    """

    run: Run | None
    step: str
    against: str

    @property
    def reference(self) -> str:
        """The run, or its checkpoint, as an address has it."""
        return "" if self.run is None else f"{self.run.name}/{self.step}" if self.step else self.run.name


def choose() -> None:
    """Widgets for the run and for what it is held against; what was chosen and is gone is told of."""
    known = {run.name: run for run in folders.runs_with_events()}
    state = st.session_state
    state["pair_runs"], state["pair_complete"] = known, True
    chosen = state.get("run_chosen")
    if (wanted := chosen or state.get("run_shown")) is not None and not _is_there(wanted, known):
        _tell_gone("run", wanted)
        state["run_chosen"] = chosen = None
    references = _references(known, chosen)
    state["run"] = state["run_shown"] = chosen or _usual(known)
    titles = _titles(references, known)
    st.selectbox(
        _("Run"),
        references,
        format_func=titles.__getitem__,
        key="run",
        on_change=_run_chosen,
        placeholder=_("no run yet"),
        disabled=not references,
        label_visibility="collapsed",
    )
    against = state.get("against_chosen")
    presets = [preset.reference for preset in catalogue.shipped()]
    if against is not None and against not in presets and not _is_there(against, known):
        _tell_gone("against", against)
        state["against_chosen"] = against = None
    if against == state["run"]:
        state["against_chosen"] = against = None
    others = [reference for reference in _references(known, against) if reference != state["run"]]
    own = known[state["run"].partition("/")[0]].settings.preset if state["run"] else ""
    options = [BASE, *(preset for preset in presets if preset != (own or presets[0])), *others]
    if against in presets and against not in options:
        against = None
    state["against"] = against or BASE
    usual, sentence = len(options) - len(others), _("against {name}")  # one sentence for hundreds of runs
    against_titles = {reference: _against_title(reference, own, known, presets) for reference in options[:usual]}
    against_titles |= {name: sentence.format(name=title) for name, title in _titles(others, known).items()}
    st.selectbox(
        _("Held against"),
        options,
        format_func=against_titles.__getitem__,
        key="against",
        on_change=_against_chosen,
        label_visibility="collapsed",
    )


def _usual(known: dict[str, Run]) -> str | None:
    """The run that is in view where nobody chose: the one at work, else the newest."""
    if (active := folders.active_run()) is not None and active.name in known:
        return active.name
    trained = (name for name, run in known.items() if run.settings.method != IMPORTED)
    return next(trained, None) or next(iter(known), None)


def _references(known: dict[str, Run], chosen: str | None) -> list[str]:
    """All runs, the newest first, and behind its run the checkpoint that was chosen."""
    found = []
    for name in known:
        found.append(name)
        if chosen is not None and chosen != name and chosen.partition("/")[0] == name:
            found.append(chosen)
    return found


def _is_there(reference: str, known: dict[str, Run]) -> bool:
    name, _slash, step = reference.partition("/")
    return name in known and (not step or any(str(c.step) == step for c in checkpoints.of_run(known[name])))


def _tell_gone(parameter: str, reference: str) -> None:
    if address.given(f"{parameter}_chosen"):
        address.refuse(parameter)
        return
    st.session_state["pair_complete"] = False
    choices.say_gone(reference)


def _titles(references: list[str], known: dict[str, Run]) -> dict[str, str]:
    return {reference: _title(reference, known) for reference in references}


def _title(reference: str, known: dict[str, Run]) -> str:
    name, _slash, step = reference.partition("/")
    title = f"{name} · {_('step {n}', n=words.grouped(int(step)))}" if step else name
    return title + (f" ({_('recorded')})" if name in folders.recorded_names() else "")


def _against_title(reference: str, own: str, known: dict[str, Run], presets: list[str]) -> str:
    if reference == BASE:
        return _("against its base, {name}", name=folders.preset_title(own)) if own else _("against the base model")
    if reference in presets:
        return _("against {name}", name=folders.preset_title(reference))
    return _("against {name}", name=_title(reference, known))


def _run_chosen() -> None:
    st.session_state["run_chosen"] = st.session_state["run"]


def _against_chosen() -> None:
    against = st.session_state["against"]
    st.session_state["against_chosen"] = against or None


def is_chosen() -> bool:
    """Whether somebody chose the run in view, here or by an address."""
    return st.session_state.get("run_chosen") is not None


def complete() -> bool:
    """Whether what is in view is what was chosen: it may have been deleted since the page was drawn."""
    return bool(st.session_state.get("pair_complete", True))


def forget(name: str) -> None:
    """Puts another run in view than one that a person has just deleted."""
    state = st.session_state
    for key in ("run_chosen", "run_shown", "against_chosen"):
        if (state.get(key) or "").partition("/")[0] == name:
            state[key] = None


def show_run(name: str) -> None:
    """Puts a run in view, as if a person had chosen it: on this page from its next drawing on, and on all others."""
    st.session_state["run_chosen"] = name


def known() -> dict[str, Run]:
    """The runs by their names, as the header has found them: with hundreds of them a look at all takes its time."""
    found: dict[str, Run] = st.session_state.get("pair_runs", {})
    return found


def current() -> Pair:
    """What the header has chosen."""
    reference = st.session_state.get("run") or ""
    name, _slash, step = reference.partition("/")
    run = known().get(name)
    return Pair(run, step if run else "", st.session_state.get("against") or BASE)


def in_words() -> str:
    """What is in view, as Markdown: the run and what it is held against; "" where there is no run."""
    state, runs = st.session_state, known()
    reference = state.get("run") or ""
    if reference.partition("/")[0] not in runs:
        return ""
    own = runs[reference.partition("/")[0]].settings.preset
    presets = [preset.reference for preset in catalogue.shipped()]
    against = _against_title(state.get("against") or BASE, own, runs, presets)
    return words.plain(f"{_title(reference, runs)} {against}")


def other_run() -> Run | None:
    """The run that the one in view is held against, where it is one that was trained."""
    pair = current()
    name = pair.against.partition("/")[0]
    if pair.against == BASE or pair.run is None or name == pair.run.name:
        return None
    other = known().get(name)
    return None if other is None or other.settings.method == IMPORTED else other


def trained(will_be: str) -> Run | None:
    """The run in view where it was trained here; where there is none, or it was imported, that is said.

    Args:
        will_be: what the page shows of a run, in a sentence.
    """
    run = current().run
    if run is None:
        empty.show(will_be)
        return None
    if run.settings.method == IMPORTED:
        st.info(
            _(
                "{name} was not trained here: there is no training to show. Choose another run above.",
                name=words.plain(run.name),
            )
        )
        return None
    return run


def checkpoint_of(run: Run, step: str = "") -> Checkpoint:
    """The checkpoint of a run that is meant: of that step, else its result, else its newest.

    Raises:
        CheckpointError: there is none.
    """
    found = checkpoints.of_run(run)
    if step:
        return next((c for c in found if str(c.step) == step), None) or checkpoints.find(f"{run.name}/{step}")
    result = checkpoints.result_of(run, unread=False)
    if result is None and not found:
        raise checkpoints.none_of(run)
    return result or found[-1]


def models() -> list[ModelReference]:
    """The models in view, what is held against first; one alone where the run has no checkpoint yet, which is told of."""
    pair = current()
    found: list[ModelReference] = []
    for model_of in (_against, _own):
        try:
            model = model_of(pair)
        except EngineError as error:
            st.info(errors.markdown(error), icon=":material/hourglass_empty:")
            continue
        if model is not None and model.reference not in [other.reference for other in found]:
            found.append(model)
    return found


def _own(pair: Pair) -> ModelReference | None:
    if pair.run is None:
        return None
    return _model(pair.run, pair.step)


def _model(run: Run, step: str) -> ModelReference:
    checkpoint = checkpoint_of(run, step)
    return ModelReference(catalogue.find(checkpoints.preset_of(checkpoint)["reference"]), checkpoint)


def _against(pair: Pair) -> ModelReference | None:
    if pair.against == BASE:
        if pair.run is not None:
            return ModelReference(catalogue.find(pair.run.settings.preset))
        shipped = catalogue.shipped()
        return ModelReference(shipped[0]) if shipped else None
    name, _slash, step = pair.against.partition("/")
    if (run := known().get(name)) is not None:
        return _model(run, step)
    if pair.against in folders.preset_choices():
        return ModelReference(catalogue.find(pair.against))
    raise RunError("There is no run {name} any more.", name=pair.against)
