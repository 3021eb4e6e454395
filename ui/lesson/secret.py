"""The class's secret: put into an article, read over and over, and told when its first words are typed; or the recorded run."""

import hashlib

import streamlit as st

from engine.classroom import experiments, secret
from engine.classroom.experiments import EXPERIMENTS, MEMORISE
from engine.classroom.secret import CONTROL, EXAMPLE, LONGEST, TIMES, Secret
from engine.core import paths
from engine.runs.folder import Run
from engine.runs.states import FINISHED
from engine.services import uploads
from ui import budget, errors, little_memory, pair, present, run_view, texts, words
from ui.charts import colours
from ui.i18n import _, _n
from ui.lab import experiment
from ui.lab import play as playing
from ui.lesson import live
from ui.lesson.course import Course
from ui.readers import folders, polling


def play(course: Course) -> None:
    """Shows the form for the secret, and the run that reads it; without one the recorded run that reads one article."""
    run = pair.current().run
    hidden = secret.of_run(run) if run is not None else None
    if course.leads and not little_memory.nothing_trains():
        _form(opens=hidden is None and not present.on())
    failed = hidden is not None and live.came_to_nothing(run)
    if run is None or hidden is None or failed:
        live.say(course, run if failed else None)
        _recorded()
        return
    active = run.state().state in run_view.ACTIVE

    def draw() -> None:
        state = run.state()
        is_live = state.state in run_view.ACTIVE
        run_view.head(run, state, "lesson")
        playing.show(
            run,
            "lesson_secret_play",
            is_live=is_live,
            label=_("on unseen articles"),
            other="train",
            ghost=experiments.recorded_run(EXPERIMENTS[MEMORISE].own),
        )
        _told(run, hidden)
        if active and not is_live:
            st.rerun()

    with errors.shown():
        polling.fragment(draw, run_view.REFRESH_SECONDS if active else None)()


def _form(opens: bool) -> None:
    with st.expander(_("Put a secret into an article and train"), expanded=opens, key="lesson_secret_form"):
        typed = st.text_input(
            _("The secret: a sentence in English, and nothing about a person"),
            key="lesson_secret",
            max_chars=LONGEST,
            placeholder=EXAMPLE,
        )
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        with left:
            times = st.segmented_control(
                _("In how many places of the article"),
                TIMES,
                default=TIMES[0],
                key="lesson_secret_times",
                required=True,
            )
        with right:
            pressed = st.button(
                _("Train it here"), type="primary", icon=":material/play_arrow:", key="lesson_secret_start"
            )
        st.caption(
            _(
                "The article and the run stay on this machine; the Library deletes the run. The control, which stands nowhere: {control}",
                control=words.plain(CONTROL),
            )
        )
    if pressed:
        with errors.shown():
            _train(Secret(secret.checked_sentence(typed), int(times or TIMES[0])))


def _train(hidden: Secret) -> None:
    files = secret.articles(hidden)
    kept = budget.keep_upload(
        [uploads.File(name, content, hashlib.sha256(content).hexdigest()) for name, content in files.items()],
        sum(map(len, files.values())),
    )
    experiment.queue(secret.settings(hidden, paths.portable(kept)), "secret")


def _told(run: Run, hidden: Secret) -> None:
    """Says what the run tells of the secret and of the control."""
    found = secret.last_told(hidden, folders.history(run))
    ended = run.state().state == FINISHED
    for sentence, told in found.items():
        title = _("The secret") if sentence == hidden.sentence else _("The control, which stands nowhere")
        st.markdown(f"**{title}**")
        texts.show(told.prompt, told.text, colours.deepened(colours.of_run(run.name), 1.0))
        if told.is_whole:
            st.markdown(_("It tells all of it."))
        elif told.words:
            st.markdown(_n("It tells {n} word of {of}.", "It tells {n} words of {of}.", told.words, of=told.of))
        elif ended:
            st.markdown(_("It tells nothing of it."))
    if found:
        place = _n(
            "The secret stands in {n} place of the article.",
            "The secret stands in {n} places of the article.",
            hidden.times,
        )
        st.caption(place)


def _recorded() -> None:
    """Shows what it means to learn by heart where no secret was put anywhere: the recorded run that read one article."""
    found = EXPERIMENTS[MEMORISE]
    run = experiments.recorded_run(found.own)
    if run is None:
        st.info(_("The recorded run of this experiment is not here, and none was trained yet."))
        return
    st.markdown(
        _(
            "Recorded: no secret, but the same training. It reads one article over and over, and what it copies from it is marked."
        )
    )
    experiment.watch(found, run, experiment.SKIPPED)
