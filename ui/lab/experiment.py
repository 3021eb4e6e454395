"""An experiment on the Lab page: its card, the question before it opens, the recorded run that plays at once, and one's own."""

from collections.abc import Callable, Sequence
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
from engine.runs import durations, states
from engine.runs.folder import Run
from engine.runs.history.events import ENGLISH, VALIDATION
from engine.runs.settings import RunSettings
from engine.services import import_job
from engine.services.launchers import launching
from ui import access, address, budget, errors, little_memory, pair, present, rooms, run_view, words
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
    pressed: Sequence[Training] = ()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(questions.title(code), anchor=False, width="content")
        if start and not asks:
            pressed = start_buttons(experiment)
    if pressed:
        train_all(experiment, pressed)
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
    """The run in view where it is one of this experiment, else the one that ships.

    Where it is one of those that belong to one's own run, that is the one.
    """
    shown = pair.current().run
    if shown is None or not experiments.shown_by(shown, experiment):
        return experiments.recorded_run(experiment.own)
    if experiments.is_of(shown, experiment.own):
        return shown
    return experiments.recorded_run(experiment.own) if shown.recorded else run_of_training(experiment.own)


def run_of_training(training: Training) -> Run | None:
    """The newest run of a training that was made here, works or waits, else the one that ships."""
    at_hand = (*run_view.ACTIVE, states.FINISHED)
    for found in folders.looked():
        run = found.run
        if (
            found.problem is None
            and not run.recorded
            and found.state.state in at_hand
            and experiments.is_of(run, training)
        ):
            return run
    return experiments.recorded_run(training)


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
    several = len(experiment.trained) > 1
    label = _("Train all {n} here", n=len(experiment.trained)) if several else _("Train it here")
    pressed = st.button(label, type="primary", icon=":material/play_arrow:", key="lab_start")
    if not says:
        return pressed
    seconds = [usual_seconds(training) for training in experiment.trained]
    known = sum(found for found in seconds if found) if all(seconds) else None
    takes = _("about {time}", time=words.about(known)) if known else _("about a minute")
    takes = _("One after the other they take {time}.", time=takes) if several else _("It takes {time}.", time=takes)
    st.markdown(f"{questions.situation(experiment.code)} {takes}", width="stretch")
    return pressed


def start_buttons(experiment: Experiment) -> Sequence[Training]:
    """Buttons that train the experiment here; what was pressed. A visitor trains one run at a time, and says which."""
    if access.is_owner() or len(experiment.trained) < 2:
        return experiment.trained if start_button(experiment) else ()
    if little_memory.nothing_trains():
        return ()
    pressed: Sequence[Training] = ()
    for number, training in enumerate(experiment.trained):
        articles = _("{n} articles", n=_articles(training))
        kind: dict[str, Any] = {"type": "primary" if not number else "secondary", "icon": ":material/play_arrow:"}
        if st.button(
            _("Train the one with {articles}", articles=articles), key=f"lab_start_{_articles(training)}", **kind
        ):
            pressed = (training,)
    st.markdown(questions.situation(experiment.code), width="stretch")
    return pressed


def train(training: Training, stem: str) -> None:
    """Queues a training of an experiment and puts it in view."""
    queue(training.settings, stem)


def train_all(experiment: Experiment, trainings: Sequence[Training]) -> None:
    """Queues trainings of an experiment, one behind the other, and puts the first in view."""
    code = "lab" if experiment.code == LEARN else experiment.code
    several = len(experiment.trained) > 1
    stems = [f"{code}-{_articles(training)}" if several else code for training in trainings]
    queue_all([(training.settings, stem) for training, stem in zip(trainings, stems, strict=True)])


def queue(settings: RunSettings, stem: str) -> None:
    """Queues a run, a visitor's within the budget, and puts it in view; of many who ask at once all join one that waits."""
    queue_all([(settings, stem)])


def queue_all(wanted: Sequence[tuple[RunSettings, str]]) -> None:
    """Queues runs, each as `queue` does, and puts the first in view.

    Args:
        wanted: the settings of each, and how its name begins.
    """
    with errors.shown():
        entries = [budget.enter(settings, stem, join=True) for settings, stem in wanted]
        pair.show_run(run_view.entered(entries[0]))
        launching.wake()
        st.rerun()


def _articles(training: Training) -> int:
    """How many articles a training reads."""
    return training.settings.last_article or 100


def usual_seconds(training: Training) -> float | None:
    """About how long a training takes here, told from those that were made here and from the recorded one."""
    return durations.whole(training.settings, folders.runs_with_events(), recorded_seconds(training))


def recorded_seconds(training: Training) -> float | None:
    """What the recorded run of a training took, from its start to its end."""
    run = experiments.recorded_run(training)
    if run is None:
        return None
    times = [event["time"] for event in folders.history(run).events("state") if event.get("time")]
    return times[-1] - times[0] if len(times) > 1 else None


def watch(experiment: Experiment, run: Run, answer: str, overlay: Callable[[], Overlay] = Overlay) -> None:
    """Plays a run of an experiment, at work or ended; at the end stands what it answers.

    Args:
        overlay: what lies over the curve, asked for again each time that is drawn: a minute is planned again and again.
    """
    own = _is_own(experiment)
    beside = _beside(experiment, own)
    runs = [run, *(other.run for other in beside)]
    active = any(one.state().state in run_view.ACTIVE for one in runs)

    def draw() -> None:
        at_work = next((one for one in runs if one.state().state in run_view.ACTIVE), None)
        is_live = at_work is run
        shown = at_work or run
        if not shown.recorded:
            run_view.head(shown, shown.state(), "lab")
        copied = None if at_work or experiment.code != MEMORISE else _copied(run)
        over = overlay()
        play.show(
            run,
            "lab_play",
            is_live=is_live,
            label=_own_label(experiment, own and bool(run.recorded)),
            beside=beside,
            split=ENGLISH if experiment.code == FORGET else VALIDATION,
            other={MEMORISE: str(TRAIN), FORGET: VALIDATION}.get(experiment.code, ""),
            ghost=experiments.recorded_run(experiment.own) if not run.recorded else None,
            said=None if at_work else _said(experiment, run, answer, copied, beside, over.closest),
            copied=copied,
            overlay=over,
        )
        if active and at_work is None:
            st.rerun()  # they have just ended: nothing polls any more

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
    if any(one.recorded for one in runs):
        with st.expander(_("Where the recorded runs come from")):
            recorded.note(runs)


def _is_own(experiment: Experiment) -> bool:
    """Whether the run in view is one of the experiment that was trained here."""
    shown = pair.current().run
    return shown is not None and not shown.recorded and experiments.shown_by(shown, experiment)


def _own_label(experiment: Experiment, is_recorded: bool) -> str:
    if experiment.code == MORE_DATA:
        return _articles_label(experiment.own, is_recorded)
    if experiment.code == MEMORISE:
        return _("on unseen articles")
    if experiment.code == FORGET:
        return _("on everyday English")
    return ""


def _beside(experiment: Experiment, own: bool) -> list[Beside]:
    """The runs that an experiment is shown beside, as far as they are there.

    Args:
        own: those that were trained here, where the press trains them.
    """
    found = []
    for number, training in enumerate(experiment.beside):
        is_own = own and training in experiment.trained
        run = run_of_training(training) if is_own else experiments.recorded_run(training)
        if run is None:
            continue
        if experiment.code == LEARN:
            label = _("from random weights")
        else:
            label = _articles_label(training, is_own and bool(run.recorded))
        found.append(Beside(run, label, ("7 4", "2 4")[number % 2], _articles(training)))
    return found


def _articles_label(training: Training, is_recorded: bool) -> str:
    """How many articles a run reads, and, beside runs that were trained here, that it was not."""
    n = _articles(training)
    return _("{n} articles, recorded", n=n) if is_recorded else _("{n} articles", n=n)


def _said(
    experiment: Experiment, run: Run, answer: str, copied: Copy | None, beside: Sequence[Beside], closest: str
) -> Said | None:
    """What a run answers; None as long as it has too few points for that."""
    random_accuracy = None
    for other in beside:
        if experiment.code == LEARN and (meter := forgetting.of_history(folders.history(other.run))) is not None:
            random_accuracy = meter.science[-1].accuracy
    histories = {other.articles: folders.history(other.run) for other in beside}
    found = experiments.outcome(experiment, folders.history(run), histories)
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
