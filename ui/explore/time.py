"""A slider from the base to the last checkpoint: curves, samples and the colours of a passage, each as it was then."""

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history import snapshots
from engine.runs.history.snapshots import Snapshot
from ui import address, bases_view, budget, pair, rooms, words
from ui.charts import colours, time_figures
from ui.components.figure import live
from ui.components.tokens import microscope_view
from ui.i18n import _, _n
from ui.readers import folders, polling

PLAY_SECONDS = 1.0
POLL_SECONDS = 2.0


def choose(run: Run) -> list[Run]:
    """The run, or the chain of stages that leads to it."""
    stages = snapshots.chain(run, folders.trained_runs())
    if len(stages) < 2:
        return [run]
    address.default("time_chain")
    with_stages = st.toggle(
        _n("With the {n} stage before it", "With the {n} stages before it", len(stages) - 1), key="time_chain"
    )
    return stages if with_stages else [run]


def snapshots_of(stages: list[Run]) -> list[Snapshot]:
    """All moments that the stages have recorded so far."""
    return snapshots.of_chain(stages, {stage.name: folders.history(stage) for stage in stages})


def label(snapshot: Snapshot, several: bool) -> str:
    """A moment in a few words."""
    named = folders.snapshot_title(snapshot)
    return f"{snapshot.run.name} · {named}" if several and not snapshot.is_base else named


def colour(snapshot: Snapshot) -> str:
    """The same as on every other page: grey for the base, a run's hue deepening with its step."""
    if snapshot.is_base:
        return colours.BASE
    if snapshot.is_parent:
        name, _slash, step = str(snapshot.run.settings.parent).partition("/")
        return colours.deepened(colours.of_run(name), int(step or 0) / max(1, folders.last_step(name)))
    return colours.deepened(
        colours.of_run(snapshot.run.name), snapshot.step / max(1, folders.last_step(snapshot.run.name))
    )


def show_at(snapshot: Snapshot, all_snapshots: list[Snapshot], several: bool) -> None:
    """Everything at one moment: what it writes and the curve directly below the slider, then its figures and a passage."""
    st.html(f'<div style="height:6px;border-radius:3px;background:{colour(snapshot)}"></div>')
    texts, curve = st.columns(2)
    with texts:
        written(snapshot, all_snapshots, label(snapshot, several))
    with curve:
        live.chart(time_figures.curves(all_snapshots, snapshot), key="time_chart")
    figures(snapshot, all_snapshots)
    expected(snapshot)


def written(snapshot: Snapshot, all_snapshots: list[Snapshot], title: str) -> None:
    """What the run wrote at a moment."""
    st.markdown(f"**{words.plain(title)}**")
    samples = snapshot.complete_samples()
    if not samples:
        st.caption(_("No sample was written at this moment."))
        return
    for sample in samples:
        with st.container(border=True):
            st.text(sample["prompt"] + sample["text"])
    seed = samples[0]["seed"]
    if snapshots.equally_sampled(all_snapshots):
        st.caption(_("The same prompts, seed {seed} and sampler at every moment.", seed=seed))
    else:
        st.caption(_("Seed {seed}; prompts, seed or sampler are not the same in all stages.", seed=seed))


def figures(snapshot: Snapshot, all_snapshots: list[Snapshot]) -> None:
    """What was measured at a moment, and how much that is more than of the base."""
    measured = snapshot.figures.get("validation")
    base = all_snapshots[0].figures.get("validation") if all_snapshots[0].is_base else None
    slots = st.columns(3 if "english" in snapshot.figures else 2)
    if measured:
        gain = words.delta(100 * (measured["accuracy"] - base["accuracy"])) if base and not snapshot.is_base else {}
        slots[0].metric(_("Accuracy on validation"), words.percent(measured["accuracy"]), border=True, **gain)
        slots[1].metric(_("Bits per byte"), words.decimal(measured["bits_per_byte"]), border=True)
    if english := snapshot.figures.get("english"):
        former = all_snapshots[0].figures.get("english") if all_snapshots[0].is_base else None
        lost = words.delta(100 * (english["accuracy"] - former["accuracy"])) if former and not snapshot.is_base else {}
        slots[2].metric(_("Accuracy on general English"), words.percent(english["accuracy"]), border=True, **lost)


def expected(snapshot: Snapshot) -> None:
    """How well the run expected each token of a passage that it was never trained on."""
    st.subheader(_("What it expects"))
    passage = snapshot.expected()
    if passage is None:
        st.caption(_("This run was made before passages were recorded: a new run shows its colours here."))
    elif not budget.may_read(snapshot.run.settings.articles):
        st.caption(_("The passage is one of the owner's articles: it is not shown to visitors."))
    else:
        microscope_view.passage({**passage}, key="time_passage")
        st.caption(_("The beginning of the first validation article, which the run is never trained on."))


def moving(stages: list[Run], working: bool, redrawn: bool) -> None:
    """Slider and play button; redrawn alone, by itself while it plays or the run goes on.

    Args:
        redrawn: whether it is redrawn at the pace of playing.
    """
    all_snapshots, several = snapshots_of(stages), len(stages) > 1
    if len(all_snapshots) < 2:  # deleted meanwhile
        st.rerun()
    last = len(all_snapshots) - 1
    at = min(st.session_state.get("time_at", last), last)
    if at == st.session_state.get("time_last") and not st.session_state.get("time_playing"):
        at = last  # who looks at the newest moment goes on to the next newest
    st.session_state["time_last"] = last
    if st.session_state.get("time_playing"):
        at = min(at + 1, last)
        if at == last:
            st.session_state["time_playing"] = False
    st.session_state["time_at"] = st.session_state["time_slider"] = at
    button, slider = st.columns([1, 6], vertical_alignment="bottom")
    playing = st.session_state.get("time_playing", False)
    if button.button(
        _("Stop") if playing else _("Play"),
        icon=":material/stop:" if playing else ":material/play_arrow:",
        type="primary",
        key="time_play",
        width="stretch",
    ):
        st.session_state["time_playing"] = not playing
        if not playing and at == last:
            st.session_state["time_at"] = -1  # so that the first moment is shown too
        st.rerun()
    slider.select_slider(
        _("Moment"),
        list(range(len(all_snapshots))),
        format_func=lambda number: label(all_snapshots[number], several),
        label_visibility="collapsed",
        key="time_slider",
        on_change=_moved,
    )
    now = st.session_state["time_at"]
    # Who looks at the newest moment goes on to the next newest: an address names any other.
    st.session_state["time_moment"] = None if now == last else code(all_snapshots[now])
    address.write_quietly(rooms.EXPLORE)
    show_at(all_snapshots[st.session_state["time_at"]], all_snapshots, several)
    if (redrawn and not playing) or (working and stages[-1].state().state != states.RUNNING):
        st.rerun()  # it has come to the end: nothing needs to move any more


def _moved() -> None:
    st.session_state["time_at"] = st.session_state["time_slider"]
    st.session_state["time_playing"] = False


def show() -> None:
    """Shows the moments of the run in view."""
    st.caption(_("Watch a model become a scientist: every moment at which its trainer measured, from the base on."))
    if (run := pair.trained()) is None:
        return
    try:
        stages = choose(run)
        all_snapshots = snapshots_of(stages)
    except EngineError:  # deleted between the list and the look
        st.info(_("That run is not there any more: choose another."))
        return
    if len(all_snapshots) < 2:
        st.info(_("This run has not measured anything behind its base yet: its moments appear here as they come."))
        if stages[-1].state().state in (states.RUNNING, states.QUEUED):
            polling.fragment(
                lambda: st.rerun() if len(folders.history(stages[-1]).placed) > 1 else None, POLL_SECONDS
            )()
        return
    bases_view.say_changed(stages)
    _follow_address(all_snapshots)
    working = stages[-1].state().state == states.RUNNING
    playing = st.session_state.get("time_playing", False)
    every = POLL_SECONDS if working else None
    moved = st.fragment(moving, run_every=PLAY_SECONDS) if playing else polling.fragment(moving, every)
    moved(stages, working, playing)
    if working:
        st.caption(_("The run goes on: its newest moments appear by themselves."))
    if any(folders.history(stage).snapshots_left_out for stage in stages):
        st.caption(
            _(
                "It measured itself so often that some moments are left out here, never the first, the one with the lowest loss on validation, and the last."
            )
        )


def code(snapshot: Snapshot) -> str:
    """A moment as an address has it."""
    return "base" if snapshot.is_base else f"{snapshot.run.name}/{'parent' if snapshot.is_parent else snapshot.step}"


def _follow_address(all_snapshots: list[Snapshot]) -> None:
    """Goes to the moment that the address names; to the last one where another run is in view than before."""
    if st.session_state.get("time_of") != (name := all_snapshots[-1].run.name):
        st.session_state["time_of"] = name
        st.session_state.pop("time_at", None)
    named = address.given("time_moment").get("time_moment")
    found = [at for at, snapshot in enumerate(all_snapshots) if code(snapshot) == named]
    if found:
        st.session_state["time_at"], st.session_state["time_playing"] = found[0], False
    elif named is not None:
        address.refuse("moment")
