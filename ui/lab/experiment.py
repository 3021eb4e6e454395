"""An experiment on the Lab page: its card, the question before it opens, the recorded run that plays at once, and one's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from engine.classroom import experiments, passages
from engine.classroom.experiments import EXPERIMENTS, FORGET, LEARN, MEMORISE, MORE_DATA, Experiment, Training
from engine.classroom.passages import Copy
from engine.core.errors import EngineError
from engine.core.splits import TRAIN
from engine.corpus.store import Corpus
from engine.evaluation import forgetting
from engine.presets.tokenizers import Tokenizer
from engine.runs import durations
from engine.runs.folder import Run
from engine.runs.history.events import ENGLISH, VALIDATION
from engine.runs.settings import RunSettings
from engine.services import import_job
from engine.services.launchers import launching
from ui import address, budget, errors, little_memory, pair, present, rooms, run_view, words
from ui.i18n import _
from ui.lab import play, questions
from ui.lab.play import Beside, Overlay, Said
from ui.readers import folders, polling, recorded

CHOSEN, ANSWER = "lab_experiment", "lab_answer"
SKIPPED = "skip"


def chosen() -> Experiment | None:
    """The experiment that is open, or None."""
    return EXPERIMENTS.get(st.session_state.get(CHOSEN) or "")


def open_(code: str | None) -> None:
    """Opens an experiment, or closes the one that is open; its question is to be answered anew."""
    st.session_state[CHOSEN], st.session_state[ANSWER] = code, None


def cards() -> None:
    """Shows a card of each experiment; a press opens it, or closes the one that is open."""
    current = chosen()
    for column, experiment in zip(st.columns(len(EXPERIMENTS), gap="small"), EXPERIMENTS.values(), strict=True):
        code = experiment.code
        with column, st.container(border=True, height="stretch", gap="small"):
            st.markdown(f"**{questions.title(code)}**  \n{questions.short(code)}")
            if experiment is current:
                label, icon, key, opens = _("Close"), "close", "lab_close", None
            else:
                label, icon, key, opens = _("Open"), questions.ICONS[code], f"lab_card_{code}", code
            st.button(label, icon=f":material/{icon}:", key=key, on_click=open_, args=(opens,), width="stretch")


def show(code: str, start: bool = True) -> None:
    """Shows an experiment: the question, then the play and what it answers.

    Args:
        start: whether a button trains it here, where that is possible.
    """
    experiment = EXPERIMENTS[code]
    answer = st.session_state.get(ANSWER)
    asks = answer not in (*experiment.answers, SKIPPED)
    pressed = False
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(questions.title(code), anchor=False, width="content")
        if start and not asks:
            pressed = start_button(experiment)
    if pressed:
        train(experiment.own, "lab" if experiment.code == LEARN else experiment.code)
    if asks:
        ask(experiment)
        return
    run = run_of(experiment)
    if run is None:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    watch(experiment, run, str(answer))


def ask(experiment: Experiment) -> None:
    """Asks the question; an answer, or skipping it, opens the experiment."""
    code = experiment.code
    st.markdown(f"{questions.situation(code)} **{questions.question(code)}**")

    def answered(answer: str) -> None:
        st.session_state[ANSWER] = answer

    with st.container(horizontal=True):
        for answer in experiment.answers:
            label = questions.answer_title(code, answer)
            st.button(label, key=f"lab_answer_{answer}", on_click=answered, args=(answer,))
        st.button(_("Skip the question"), key="lab_answer_skip", on_click=answered, args=(SKIPPED,), type="tertiary")


def run_of(experiment: Experiment) -> Run | None:
    """The run in view where it is one of this experiment, else the one that ships."""
    shown = pair.current().run
    if shown is not None and experiments.shown_by(shown, experiment):
        return shown
    return experiments.recorded_run(experiment.own)


def measured_run_of(experiment: Experiment) -> Run | None:
    """The same, where it has been measured twice: of one that has just begun there is nothing to look back at."""
    run = run_of(experiment)
    if run is not None and len(folders.history(run).at_intervals()) > 1:
        return run
    return experiments.recorded_run(experiment.own)


def start_button(experiment: Experiment, says: bool = True) -> bool:
    """A button that trains the experiment here; without enough memory nothing. Whether it was pressed.

    Args:
        says: whether it stands beside it what is done and how long that takes.
    """
    if little_memory.nothing_trains():
        return False
    pressed = st.button(
        _("Train it here"),
        type="primary",
        icon=":material/play_arrow:",
        key="lab_start",
    )
    if not says:
        return pressed
    seconds = durations.whole(experiment.own.settings, folders.runs_with_events()) or recorded_seconds(experiment.own)
    takes = _("about {time}", time=words.duration(seconds)) if seconds else _("about a minute")
    st.markdown(f"{questions.situation(experiment.code)} {_('It takes {time}.', time=takes)}", width="stretch")
    return pressed


def train(training: Training, stem: str) -> None:
    """Queues a training of an experiment and puts it in view."""
    queue(training.settings, stem)


def queue(settings: RunSettings, stem: str) -> None:
    """Queues a run, a visitor's within the budget, and puts it in view; of many who ask at once all join one that waits."""
    with errors.shown():
        entry = budget.enter(settings, stem, join=True)
        pair.show_run(run_view.entered(entry))
        launching.wake()
        st.rerun()


def recorded_seconds(training: Training) -> float | None:
    """What the recorded run of a training took, from its start to its end."""
    run = experiments.recorded_run(training)
    if run is None:
        return None
    times = [event["time"] for event in folders.history(run).events("state") if event.get("time")]
    return times[-1] - times[0] if len(times) > 1 else None


def watch(experiment: Experiment, run: Run, answer: str, overlay: Overlay = Overlay()) -> None:
    """Plays a run of an experiment, at work or ended, with what lies over it; at the end stands what it answers."""
    active = run.state().state in run_view.ACTIVE
    beside = _beside(experiment)

    def draw() -> None:
        state = run.state()
        is_live = state.state in run_view.ACTIVE
        if not run.recorded:
            run_view.head(run, state, "lab")
        copied = None if is_live or experiment.code != MEMORISE else _copied(run)
        play.show(
            run,
            "lab_play",
            is_live=is_live,
            label=_own_label(experiment),
            beside=beside,
            split=ENGLISH if experiment.code == FORGET else VALIDATION,
            other={MEMORISE: str(TRAIN), FORGET: VALIDATION}.get(experiment.code, ""),
            ghost=experiments.recorded_run(experiment.own) if not run.recorded else None,
            said=None if is_live else _said(experiment, run, answer, copied, overlay.closest),
            copied=copied,
            overlay=overlay,
        )
        if active and not is_live:
            st.rerun()  # it has just ended: nothing polls any more

    with errors.shown():
        polling.fragment(draw, run_view.REFRESH_SECONDS if active else None)()
    if present.on():  # what leads away from the slide, and how it was recorded, is no line for a wall
        return
    if run.name in pair.known():
        st.page_link(
            rooms.PAGES[rooms.EXPLORE],
            label=_("Look closer at this run"),
            icon=":material/travel_explore:",
            query_params=address.query_of(rooms.CURVE, run=run.name),
        )
    shown = [run, *(other.run for other in beside)]
    if any(other.recorded for other in shown):
        with st.expander(_("Where the recorded runs come from")):
            recorded.note(shown)


def _own_label(experiment: Experiment) -> str:
    if experiment.code == MORE_DATA:
        return _("{n} articles", n=experiment.own.settings.last_article)
    if experiment.code == MEMORISE:
        return _("on unseen articles")
    if experiment.code == FORGET:
        return _("on everyday English")
    return ""


def _beside(experiment: Experiment) -> list[Beside]:
    """The recorded runs that an experiment is shown beside, as far as they are there."""
    labels: dict[str, Callable[[Training], str]] = {
        LEARN: lambda _training: _("from random weights"),
        MORE_DATA: lambda training: _("{n} articles", n=training.settings.last_article or 100),
    }
    found = []
    for number, training in enumerate(experiment.beside):
        if (run := experiments.recorded_run(training)) is not None:
            found.append(Beside(run, labels[experiment.code](training), ("7 4", "2 4")[number % 2]))
    return found


def _said(experiment: Experiment, run: Run, answer: str, copied: Copy | None, closest: str) -> Said | None:
    """What a run answers; None as long as it has too few points for that."""
    beside: dict[int, Any] = {}
    random_accuracy = None
    for training in experiment.beside:
        if (other := experiments.recorded_run(training)) is None:
            continue
        beside[training.settings.last_article or 100] = folders.history(other)
        if experiment.code == LEARN and (meter := forgetting.of_history(folders.history(other))) is not None:
            random_accuracy = meter.science[-1].accuracy
    found = experiments.outcome(experiment, folders.history(run), beside)
    if found is None:
        return None
    return Said(
        questions.said(experiment, found, random_accuracy, copied),
        questions.why(experiment, found),
        closest or questions.own_answer(experiment.code, answer, found),
    )


def _copied(run: Run) -> Copy | None:
    """What the run has copied; nothing is marked where its articles are gone."""
    try:
        return _longest(str(run.folder), folders.history(run).version, run)
    except EngineError:
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _longest(folder: str, version: int, _run: Run) -> Copy | None:
    def prepare(path: Path, _tokenizer: Tokenizer) -> Corpus | None:
        request = import_job.Request(str(path), _run.settings.preset, most_bytes=budget.corpus_bytes())
        return import_job.prepared_apart(request)

    return passages.longest(_run, prepare)
