"""One run as pages show it: how far it is, its curves and its samples."""

import time

import plotly.graph_objects as go
import streamlit as st

from engine.core.errors import EngineError
from engine.runs import lifecycle, queue, states
from engine.runs.folder import Run
from engine.runs.history.follower import History
from engine.runs.settings import EVERYTHING
from engine.runs.states import State
from engine.services import dispatcher, killing
from engine.services.launchers import launching
from ui import (
    access,
    errors,
    gpu_unused,
    job_view,
    little_memory,
    present,
    texts,
    words,
)
from ui.charts import colours, style
from ui.components.figure import live
from ui.i18n import _, _n
from ui.readers import folders, measured, polling

REFRESH_SECONDS = 1.0
ACTIVE = (states.QUEUED, states.RUNNING)
_RECENT_REPORTS = 20  # from which the speed of a run is told


def watch(run: Run, key: str, details: bool = False, other: Run | None = None) -> None:
    """Shows a run, redrawn every second while it works; `details` adds loss, rate, speed and memory.

    Args:
        other: what it is held against, where that was measured on the same tokens.
    """
    active = run.state().state in ACTIVE

    def draw() -> None:
        state = run.state()
        if state.state in ACTIVE or not present.on():
            head(run, state, key)
        curves(run, key, details, other)
        if active and state.state not in ACTIVE:
            st.rerun()  # it has just ended: the rest of the page shows so, and nothing polls any more

    with errors.shown():
        polling.fragment(draw, REFRESH_SECONDS if active else None)()


def entered(entry: queue.Entry) -> str:
    """Remembers what became of a request of this session; returns the name of its run, to which the page leads."""
    st.session_state["joined"] = entry.run.name if entry.joined else None
    return entry.run.name


def _joined(run: Run) -> None:
    if st.session_state.get("joined") == run.name:
        st.caption(
            f":material/group: {_('An identical run was waiting already: your request has joined it, and one run serves all who asked.')}"
        )


def head(run: Run, state: State, key: str) -> None:
    """State, progress and what can be done; on a wall the progress alone, in a line."""
    if present.on():
        _say_briefly(run, state)
        return
    recorded = f" · {_('recorded')}" if run.recorded else ""
    st.markdown(f"**{words.plain(run.name)}** · {words.state_name(state.state)}{recorded}")
    if state.state == states.RUNNING:
        share = state.step / state.steps if state.steps else 0.0
        st.progress(min(1.0, share), _progress(run, state))
    elif state.state == states.QUEUED:
        st.progress(0.0, _queued(run, state))
        if found := queue.place(run):
            st.markdown(f":material/hourglass_top: {words.place(found)}")
        _joined(run)
    job_view.say(run)
    if state.error is not None:
        st.warning(errors.markdown(state.error), icon=":material/info:")
    if silent := run.silent_seconds():
        st.warning(
            _(
                "The trainer has given no sign of life for {time}: its process is frozen, its training hangs, or the machine was asleep. It may go on by itself; ending its process lets the queue resume it from its newest checkpoint.",
                time=words.duration(silent),
            ),
            icon=":material/ac_unit:",
        )
        _end_button(run, key)
    gpu_unused.say_of_run(folders.history(run).events("state", "gpu_unused"))
    _memory(run)
    _damaged(run)
    _buttons(run, state, key)


def _say_briefly(run: Run, state: State) -> None:
    said = {states.RUNNING: _progress, states.QUEUED: _queued}.get(state.state)
    st.markdown(said(run, state) if said else words.state_name(state.state))
    if state.error is not None:
        st.warning(errors.markdown(state.error), icon=":material/info:")


def _end_button(run: Run, key: str) -> None:
    """Ends a frozen trainer, after a question."""
    if run.recorded or not access.is_owner():
        return
    with st.popover(_("End it"), icon=":material/power_settings_new:", key=f"{key}_end"):
        st.markdown(
            _("End the frozen trainer? What it did since its newest checkpoint is done again, with the same result.")
        )
        refused = f"{key}_end_refused_{run.name}"  # kept, since the next redrawing comes within a second
        if st.button(_("Yes, end it"), key=f"{key}_end_yes"):
            try:
                killing.kill_trainer(run)
            except EngineError as error:
                st.session_state[refused] = error
            else:
                st.rerun(scope="app")
        if refused in st.session_state:
            errors.show(st.session_state[refused])


def _memory(run: Run) -> None:
    """Says since when and why a batch is worked off in pieces."""
    events = folders.history(run).events("memory")
    if not events:
        return
    newest = events[-1]
    values = {name: words.grouped(newest[name]) for name in ("batch_size", "micro_batch")}
    values["step"] = words.grouped(max(1, newest["step"] + 1))
    if newest["failed_step"] is None:
        said = _(
            "Memory is short: from step {step} on each batch of {batch_size} is worked off in pieces of {micro_batch}. The gradients are summed before each step, so a batch means the same; only the noise of dropout is another.",
            **values,
        )
    else:
        said = _(
            "Memory ran out at step {failed}: from step {step} on each batch of {batch_size} is worked off in pieces of {micro_batch}. The gradients are summed before each step, so a batch means the same; only the noise of dropout is another.",
            failed=words.grouped(newest["failed_step"]),
            **values,
        )
    st.caption(f":material/memory: {said}")


def _damaged(run: Run) -> None:
    """Says which lines and checkpoints were found damaged, and what that meant."""
    history = folders.history(run)
    if lines := history.damaged:
        said = _n(
            "{n} line of its events.jsonl is damaged and left out.",
            "{n} lines of its events.jsonl are damaged and left out.",
            lines,
        )
        st.caption(f":material/heart_broken: {said}")
    if history.unknown:
        said = _n(
            "{n} line of its events.jsonl tells what this version of Atelier does not know, and is left out: {kinds}.",
            "{n} lines of its events.jsonl tell what this version of Atelier does not know, and are left out: {kinds}.",
            sum(history.unknown.values()),
            kinds=words.plain(", ".join(sorted(history.unknown))),
        )
        st.caption(f":material/help: {said}")
    for checkpoint, event in {event["checkpoint"]: event for event in history.events("damaged")}.items():
        said = errors.markdown(EngineError.from_json(event["reason"]))
        st.caption(f":material/heart_broken: {said} {_('What {name} held was trained again.', name=checkpoint)}")
    for event in history.events("parent_lost")[-1:]:
        said = errors.markdown(EngineError.from_json(event["reason"]))
        st.caption(
            f":material/heart_broken: {said} {_('So the figures of the checkpoint that it started from are left out.')}"
        )


def _progress(run: Run, state: State) -> str:
    parts = [words.phase_name(state.phase)]
    if state.phase != "training" and state.phase_since:  # something that moves while there is no other figure
        parts[0] += " · " + _("{n} s so far", n=words.grouped(max(0, int(time.time() - state.phase_since))))
    if state.compiling and state.phase != "compiling" and (named := words.compiled_name(state.compiling)):
        seconds = max(0, int(time.time() - state.compiling_since))
        parts.append(named + " · " + _("{n} s so far", n=words.grouped(seconds)))
    if state.steps:
        parts.append(_("step {step} of {steps}", step=words.grouped(state.step), steps=words.grouped(state.steps)))
    left = seconds_left(run, state)
    if left is not None and left >= 1:  # what takes longer than was expected has its phase and its seconds
        everything = run.settings.minutes_of == EVERYTHING
        about = _("about {time} left") if everything else _("about {time} of training left")
        parts.append(about.format(time=words.duration(left)))
    return " · ".join(parts)


def _queued(run: Run, state: State) -> str:
    if first := run.waits_for():
        return _("It starts by itself when {run} is finished.", run=words.plain(first))
    if run.scheduled:
        return _("It waits for its place on the cluster.")
    busy = folders.active_run()
    if busy is not None and busy.name != run.name and busy.state().state == states.RUNNING:
        return _("It waits for {run}, which uses the device; it starts by itself.", run=words.plain(busy.name))
    if not dispatcher.has_space(run.folder):
        return _("The disk is full: it starts by itself once there is space.")
    if time.time() - state.queued_at > 20:
        return _("It waits for a trainer to start; if nothing happens, reload the page: that wakes the queue.")
    return _("Its trainer is starting · {n} s so far", n=words.grouped(max(0, int(time.time() - state.queued_at))))


def seconds_left(run: Run, state: State) -> float | None:
    """Training time left, from the newest steps; of a run in minutes what is left of them. None while it is not known."""
    settings, steps = run.settings, folders.history(run).steps
    if settings.minutes is not None and settings.minutes_of == EVERYTHING:
        return max(0.0, state.ends_at - time.time()) if state.ends_at else None
    if not state.steps or not len(steps["step"]) or not steps["seconds"][-1] > 0 or state.step < 2:
        return None
    if settings.minutes is not None:
        return max(0.0, 60 * settings.minutes - float(steps["seconds"][-1]))
    first = max(0, len(steps["step"]) - _RECENT_REPORTS)
    done, seconds = (float(steps[name][-1] - (steps[name][first] if first else 0)) for name in ("step", "seconds"))
    return (state.steps - state.step) * seconds / done if done > 0 else None


def _buttons(run: Run, state: State, key: str) -> None:
    if run.recorded or not access.is_owner():
        return
    if state.state in ACTIVE:
        requested = run.control()
        with st.container(horizontal=True):
            pause = st.button(
                _("Pausing…") if requested == "pause" else _("Pause"),
                icon=":material/pause:",
                key=f"{key}_pause",
                disabled=bool(requested),
                help=_("It ends with a checkpoint and frees the device; Resume goes on as if nothing had been."),
            )
            stop = st.button(
                _("Stopping…") if requested == "stop" else _("Stop"),
                icon=":material/stop:",
                key=f"{key}_stop",
                disabled=bool(requested),
                help=_(
                    "It ends with a checkpoint: within seconds for the mini model, after the step under way for a larger one."
                ),
            )
        if pause or stop:
            with errors.shown():
                (run.request_pause if pause else run.request_stop)()
                if run.scheduled:
                    launching.wake()
                st.rerun(scope="app")
    elif (state.state == states.FINISHED and not state.ended_early) or little_memory.nothing_trains():
        return
    elif st.button(
        _("Go on") if state.ended_early else _("Resume"),
        icon=":material/play_arrow:",
        key=f"{key}_resume",
        help=_("Goes on to its last step, whatever validation does.")
        if state.ended_early
        else _("Goes on from the newest checkpoint."),
    ):
        with errors.shown():
            run.request_resume()
            launching.wake()
            st.rerun(scope="app")


def curves(run: Run, key: str, details: bool, other: Run | None = None) -> None:
    """The curves, and beside them what base and run write at this moment; those of the other run in its colour."""
    history, colour = folders.history(run), colours.of_run(run.name)
    reported = bool(len(history.steps["step"]))
    left, right = (st.container(), st.container()) if present.on() else st.columns([3, 2])
    if present.screen("accuracy"):
        with left:
            _accuracy(run, history, reported, colour, key, other)
    if present.screen("samples"):
        with right:
            samples(run, 2 if details and other is None and not present.on() else 1, other)
    if details and reported:
        _details(run, history, colour, key, other)


def _accuracy(run: Run, history: History, reported: bool, colour: str, key: str, other: Run | None) -> None:
    if not reported and not history.events("evaluation"):
        st.info(_("The first point is the base model's own accuracy: it appears as soon as the model is loaded."))
    else:
        _validation(run, history, "accuracy", _("accuracy (%)"), colour, f"{key}_accuracy", 100, other)


def _validation(
    run: Run,
    history: History,
    name: str,
    title: str,
    colour: str,
    key: str,
    factor: float = 1.0,
    other: Run | None = None,
) -> None:
    on = measured.at_intervals(run)
    beside = style.Beside(other.name, colours.of_run(other.name), folders.history(other)) if other else None

    def build() -> go.Figure:
        return style.validation(history, name, colour, title, factor, on, beside)

    version = max(history.version, beside.history.version if beside else 0)  # each is another for another content
    live.shared(
        build, ("validation", str(run.folder), name, colour, on, str(other.folder) if other else ""), version, key
    )


def _over_steps(run: Run, history: History, name: str, title: str, colour: str, key: str, factor: float = 1.0) -> None:
    def build() -> go.Figure:
        return style.over_steps(history, name, colour, title, factor)

    live.shared(build, ("over steps", str(run.folder), name, colour), history.version, key)


def _details(run: Run, history: History, colour: str, key: str, other: Run | None) -> None:
    def validated(
        run: Run, history: History, name: str, title: str, colour: str, key: str, factor: float = 1.0
    ) -> None:
        _validation(run, history, name, title, colour, key, factor, other)

    figures = [
        (validated, "bits_per_byte", _("bits per byte"), 1.0),
        (validated, "loss", _("loss (nats a token)"), 1.0),
        (_over_steps, "tokens_per_second", _("tokens a second"), 1.0),
        (_over_steps, "learning_rate", _("learning rate"), 1.0),
        (_over_steps, "memory_bytes", _("memory of the trainer (MB)"), 1e-6),
    ]
    if present.on():
        for number, (draw, name, title, factor) in enumerate(figures):
            if present.screen(name):
                draw(run, history, name, title, colour, f"{key}_figure_{number}", factor)
        return
    for first in range(0, len(figures), 2):
        for slot, number in zip(st.columns(2), range(first, min(first + 2, len(figures))), strict=False):
            draw, name, title, factor = figures[number]
            with slot:
                draw(run, history, name, title, colour, f"{key}_figure_{number}", factor)


def samples(run: Run, prompts: int, other: Run | None = None) -> None:
    """The newest samples of the run beside the base's and the other run's, from the same prompts."""
    newest = folders.newest_samples(run)
    if "base" not in newest:
        st.caption(_("Samples appear here: the same prompt continued by the base model and by the run."))
        return
    of_other = folders.newest_samples(other).get("run", {}) if other else {}
    for prompt in list(newest["base"])[:prompts]:
        written = [
            (_("base model"), colours.BASE, newest["base"].get(prompt)),
            (_("after step {n}"), colours.of_run(run.name), newest.get("run", {}).get(prompt)),
        ]
        if other is not None:
            name = words.plain(other.name)
            written.append((f"{name}, {_('after step {n}')}", colours.of_run(other.name), of_other.get(prompt)))
        places = st.columns(len(written)) if present.on() else [st.container() for _model in written]
        for (title, colour, sample), place in zip(written, places, strict=True):
            if sample is None:
                continue
            with place, st.container(gap="xxsmall"):
                st.caption(title.replace("{n}", words.grouped(sample["step"])))
                texts.show(prompt, sample["text"], colour)


def exists(name: str | None) -> Run | None:
    """The run of that name, or None where it is gone."""
    try:
        return lifecycle.find(name) if name else None
    except EngineError:
        return None
