"""A slider from the base to the last checkpoint: curves, samples and the colours of a passage, each as it was then."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.core.errors import EngineError
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history import snapshots
from engine.runs.history.events import Sample
from engine.runs.history.snapshots import Snapshot
from ui import address, against, bases_view, budget, i18n, pair, present, rooms, texts, words
from ui.charts import colours, time_figures
from ui.components.figure import live
from ui.components.tokens import microscope_view
from ui.i18n import _, _n
from ui.readers import folders, measured, polling

READ_SECONDS_A_WORD = 0.2  # 300 words a minute
PLAY_LEAST_SECONDS, PLAY_MOST_SECONDS = 2.0, 8.0
POLL_SECONDS = 2.0
PRESENTED_CHARACTERS = 60


def choose(run: Run) -> list[Run]:
    """The run, or the chain of stages that leads to it."""
    stages = snapshots.chain(run, folders.trained_runs())
    if len(stages) < 2:
        return [run]
    address.default("time_chain")
    with present.aside("time_chain"):
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
    if (
        snapshot.is_parent and snapshot.run.settings.parent is None
    ):  # random weights: the run's own, before its first step
        return colours.deepened(colours.of_run(snapshot.run.name), 0)
    if snapshot.is_parent:
        name, _slash, step = str(snapshot.run.settings.parent).partition("/")
        return colours.deepened(colours.of_run(name), int(step or 0) / max(1, folders.last_step(name)))
    return colours.deepened(
        colours.of_run(snapshot.run.name), snapshot.step / max(1, folders.last_step(snapshot.run.name))
    )


@dataclass(frozen=True)
class Beside:
    """What the run in view is held against.

    Attributes:
        snapshots: its moments. why_not: why its figures do not compare with the run's, or "".
    """

    snapshots: list[Snapshot]
    why_not: str = ""

    def at(self, snapshot: Snapshot, is_last: bool) -> Snapshot | None:
        """Its moment that is held against one of the run: at the same step, else the newest before it; its last beside the last."""
        if not self.snapshots:
            return None
        if is_last:
            return self.snapshots[-1]
        return [other for other in self.snapshots if other.at <= snapshot.at or other is self.snapshots[0]][-1]


def show_at(snapshot: Snapshot, all_snapshots: list[Snapshot], beside: Beside, several: bool) -> None:
    """Everything at one moment: its first sentence and the curve directly below the slider, then what it is held against."""
    texts_of = snapshot.complete_samples()
    if present.screen("moment"):
        _moment(snapshot, all_snapshots, beside, several, texts_of)
    if present.screen("against"):
        held_against(snapshot, all_snapshots, beside, texts_of)
    if present.screen("figures"):
        figures(snapshot, all_snapshots)
    if present.screen("expected"):
        expected(snapshot)


def _moment(
    snapshot: Snapshot, all_snapshots: list[Snapshot], beside: Beside, several: bool, texts_of: list[Sample]
) -> None:
    sentence, curve = st.columns(2)
    with sentence, st.container(gap="xsmall"):
        st.markdown(f"**{words.plain(label(snapshot, several))}**{accuracy_of(snapshot)}")
        if texts_of:
            texts.show(texts_of[0]["prompt"], _beginning(texts_of[0]["text"]), colour(snapshot))
        else:
            st.caption(_("No sample was written at this moment."))
    with curve:
        figure = time_figures.curves(all_snapshots, snapshot, [] if beside.why_not else beside.snapshots)
        live.chart(figure, key="time_chart", config={"displayModeBar": False})
        if not present.on():
            on = measured.at_intervals(snapshot.run)
            st.caption(_("Measured on: {what}, the same tokens at every moment.", what=on))


def _beginning(text: str) -> str:
    """A text; where it is presented, as much of it as stands beside the curve on one screen."""
    return textwrap.shorten(text, PRESENTED_CHARACTERS, placeholder=" …") if present.on() else text


def accuracy_of(snapshot: Snapshot) -> str:
    """How often it is right on validation, to stand behind its name; "" where it was not measured."""
    found = snapshot.figures.get("validation")
    return f" · {_('right {share} of the time', share=words.percent(found['accuracy']))}" if found else ""


def held_against(snapshot: Snapshot, all_snapshots: list[Snapshot], beside: Beside, own: list[Sample]) -> None:
    """What the run is held against wrote from the same prompts; then the other prompts of the moment."""
    other = beside.at(snapshot, snapshot is all_snapshots[-1])
    its: dict[str, str] = {}
    if other is not None and other != snapshot:
        its = {sample["prompt"]: sample["text"] for sample in other.complete_samples()}
        title = label(other, other.run.name != snapshot.run.name)
        st.markdown(f"**{words.plain(title)}**{accuracy_of(other)}")
        if own and own[0]["prompt"] in its:
            texts.show(own[0]["prompt"], its[own[0]["prompt"]], colour(other))
        else:
            st.caption(_("It wrote nothing from this prompt at this moment."))
    elif present.on() and not beside.why_not:
        st.caption(_("This moment is what it is held against."))
    if beside.why_not:
        st.caption(beside.why_not)
    if not own or present.on():
        return
    if len(own) > 1:
        with st.expander(_("The other prompts"), key="time_prompts"):
            for sample in own[1:]:
                texts.show(sample["prompt"], sample["text"], colour(snapshot))
                if other is not None and sample["prompt"] in its:
                    texts.show(sample["prompt"], its[sample["prompt"]], colour(other))
    if snapshots.equally_sampled(all_snapshots):
        st.caption(_("The same prompts, seed {seed} and sampler at every moment.", seed=own[0]["seed"]))
    else:
        st.caption(_("Seed {seed}; prompts, seed or sampler are not the same in all stages.", seed=own[0]["seed"]))


def chain_in_words(all_snapshots: list[Snapshot]) -> str:
    """What each stage of a chain brought, in one sentence; "" of a run alone, or where that was not measured."""
    with_figures = [snapshot for snapshot in all_snapshots if "validation" in snapshot.figures]
    last_of = {snapshot.run.name: snapshot for snapshot in with_figures if not snapshot.is_base}
    if len(last_of) < 2 or not with_figures[0].is_base:
        return ""
    ends = [with_figures[0], *last_of.values()]
    if len({end.figures["validation"]["evaluated_tokens"] for end in ends}) > 1:
        return _("The stages were measured on different parts of validation: their figures do not compare.")
    shares = [words.percent(end.figures["validation"]["accuracy"]) for end in ends]
    stages = _(", then ").join(
        _("{share} after {name}", share=share, name=words.plain(end.run.name))
        for share, end in zip(shares[1:], ends[1:], strict=True)
    )
    return _(
        "Right about the next token {base} of the time as the base model, {stages}.", base=shares[0], stages=stages
    )


def figures(snapshot: Snapshot, all_snapshots: list[Snapshot]) -> None:
    """What was measured at a moment, and how much that is more than of the base."""
    found = snapshot.figures.get("validation")
    base = all_snapshots[0].figures.get("validation") if all_snapshots[0].is_base else None
    slots = st.columns(3 if "english" in snapshot.figures else 2)
    if found:
        gain = _points(found, base) if base and not snapshot.is_base else {}
        slots[0].metric(_("Accuracy"), words.percent(found["accuracy"]), border=True, **gain)
        slots[1].metric(_("Bits per byte"), words.decimal(found["bits_per_byte"]), border=True)
    if english := snapshot.figures.get("english"):
        former = all_snapshots[0].figures.get("english") if all_snapshots[0].is_base else None
        lost = _points(english, former) if former and not snapshot.is_base else {}
        slots[2].metric(_("Accuracy on general English"), words.percent(english["accuracy"]), border=True, **lost)


def _points(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What `st.metric` takes for a change of the accuracy."""
    return words.delta(100 * (now["accuracy"] - before["accuracy"]), 1, _("{n} points"))


def expected(snapshot: Snapshot) -> None:
    """How well the run expected each token of a passage that it was never trained on."""
    if not present.on():
        st.header(_("What it expects"))
    passage = snapshot.expected()
    if passage is None:
        st.caption(_("This run was made before passages were recorded: a new run shows its colours here."))
    elif not budget.may_read(snapshot.run.settings.articles):
        st.caption(_("The passage is one of the owner's articles: it is not shown to visitors."))
    else:
        microscope_view.passage({**passage}, key="time_passage")
        if not present.on():
            st.caption(_("The beginning of the first validation article, which the run is never trained on."))


def moving(stages: list[Run], other: Run | None, why_not: str, working: bool, redrawn: bool) -> None:
    """Play button and slider; redrawn alone, by itself while it plays or the run goes on.

    Args:
        other: the run that it is held against. why_not: why their figures do not compare, or "".
        redrawn: whether it is redrawn at the pace of playing.
    """
    all_snapshots, several = snapshots_of(stages), len(stages) > 1
    if len(all_snapshots) < 2:  # deleted meanwhile
        st.rerun()
    last = len(all_snapshots) - 1
    at = min(st.session_state.get("time_at", 0), last)
    if at == st.session_state.get("time_last") and not st.session_state.get("time_playing"):
        at = last  # who looks at the newest moment goes on to the next newest
    st.session_state["time_last"] = last
    if st.session_state.get("time_playing"):
        at = min(at + 1, last)
        if at == last:
            st.session_state["time_playing"] = False
    st.session_state["time_at"] = st.session_state["time_slider"] = at
    playing = st.session_state.get("time_playing", False)
    with st.container(key="time_controls", horizontal=True, vertical_alignment="center", gap="small"):
        pressed = st.button(
            _("Stop") if playing else _("Play"),
            icon=":material/stop:" if playing else ":material/play_arrow:",
            type="primary",
            key="time_play",
            width="content",
        )
        i18n.resend("time_slider")
        st.select_slider(
            _("Moment"),
            list(range(len(all_snapshots))),
            format_func=lambda number: label(all_snapshots[number], several),
            label_visibility="collapsed",
            key="time_slider",
            on_change=_moved,
        )
    if pressed:
        st.session_state["time_playing"] = not playing
        if not playing and at == last:
            st.session_state["time_at"] = -1  # so that the first moment is shown too
        st.rerun()
    now = st.session_state["time_at"]
    # It opens at the base: an address names any other moment.
    st.session_state["time_moment"] = code(all_snapshots[now]) if now else None
    address.write_quietly(rooms.EXPLORE)
    if other is not None:
        beside = Beside(snapshots_of([other]), why_not)
    else:  # the base; where something is chosen that has no moments, nothing
        beside = Beside(all_snapshots[:1] if all_snapshots[0].is_base and not why_not else [], why_not)
    show_at(all_snapshots[now], all_snapshots, beside, several)
    if (redrawn and not playing) or (working and stages[-1].state().state != states.RUNNING):
        st.rerun()  # it has come to the end: nothing needs to move any more


def pace(all_snapshots: list[Snapshot]) -> float:
    """Seconds a moment while it plays: as long as one takes to read the sentence that changes."""
    shown = [sample["text"] for snapshot in all_snapshots[:3] for sample in snapshot.complete_samples()[:1]]
    longest = max((len(text.split()) for text in shown), default=0)
    return min(PLAY_MOST_SECONDS, max(PLAY_LEAST_SECONDS, longest * READ_SECONDS_A_WORD))


def _moved() -> None:
    st.session_state["time_at"] = st.session_state["time_slider"]
    st.session_state["time_playing"] = False


def show() -> None:
    """Shows the moments of the run in view."""
    if (run := pair.trained(_("Here its sentences change as it learns, step by step."))) is None:
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
    if (sentence := chain_in_words(all_snapshots)) and present.screen("chain"):
        st.markdown(sentence)
    other, why_not = pair.other_run(), ""
    if other is not None:
        why_not = against.why_not(run, other)
    elif pair.current().against != pair.BASE:
        name = words.plain(folders.preset_title(pair.current().against))
        why_not = _("{name} was not trained here: it has no moments to set beside these.", name=name)
    moved = st.fragment(moving, run_every=pace(all_snapshots)) if playing else polling.fragment(moving, every)
    moved(stages, other, why_not, working, playing)
    if present.on():
        return
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
    """Goes to the moment that the address names; to the base where another run is in view than before."""
    if st.session_state.get("time_of") != (name := all_snapshots[-1].run.name):
        st.session_state["time_of"] = name
        st.session_state.pop("time_at", None)
    named = address.given("time_moment").get("time_moment")
    found = [at for at, snapshot in enumerate(all_snapshots) if code(snapshot) == named]
    if found:
        st.session_state["time_at"], st.session_state["time_playing"] = found[0], False
    elif named is not None:
        address.refuse("moment")
