"""The class's secret: put into an article, read over and over, and told when its first words are typed; or the recorded run."""

import hashlib

import streamlit as st

from engine.classroom import experiments, secret
from engine.classroom.experiments import EXPERIMENTS, MEMORISE
from engine.classroom.secret import CONTROL, EXAMPLE, LONGEST, TIMES, Secret, Told
from engine.core import paths
from engine.runs.folder import Run
from engine.runs.states import FINISHED
from engine.services import uploads
from ui import address, budget, errors, little_memory, pair, present, rooms, run_view, texts, words
from ui.charts import colours
from ui.i18n import _, _n
from ui.lab import experiment
from ui.lab import play as playing
from ui.lesson import live
from ui.lesson.course import Course
from ui.readers import folders, polling
from ui.texts import Stretch

_TYPED, _TIMES = "lesson_secret", "lesson_secret_times"
_SECOND = 5  # places of the second try
_LIT = len(texts.GROUNDS) - 1
Tries = list[tuple[Run, Secret]]


def play(course: Course) -> None:
    """Shows the form for the secret, and the run that reads it; without one the recorded run that reads one article."""
    run = pair.current().run
    hidden = secret.of_run(run) if run is not None else None
    tries = secret.tries(pair.known().values(), run)
    at_work = any(tried.state().state in run_view.ACTIVE for tried, _hidden in tries)
    if course.leads and not at_work and not little_memory.nothing_trains():  # the next try comes when one has ended
        _form(tries)
    failed = hidden is not None and live.came_to_nothing(run)
    if run is None or hidden is None or failed:
        live.say(course, run if failed else None)
        _recorded()
        return
    active = run.state().state in run_view.ACTIVE

    def draw() -> None:
        state = run.state()
        is_live = state.state in run_view.ACTIVE
        if (
            is_live or not present.on()
        ):  # on a wall what was told takes the place of the curve, so that all of it is in view
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
        _compared(tries)
        if active and not is_live:
            st.rerun()

    with errors.shown():
        polling.fragment(draw, run_view.REFRESH_SECONDS if active else None)()


def _form(tries: Tries) -> None:
    state = st.session_state
    tried = sorted({hidden.times for _run, hidden in tries if hidden.sentence == tries[-1][1].sentence})
    if tries:  # the same sentence again, in more places
        state.setdefault(_TYPED, tries[-1][1].sentence)
        state.setdefault(_TIMES, _SECOND if _SECOND not in tried else TIMES[0])
    title = _("Now the same sentence in more places") if tries else _("Put a secret into an article and train")
    opens = not present.on() and (not tries or len(tried) < 2)
    with st.expander(title, expanded=opens, key="lesson_secret_form"):
        typed = st.text_input(
            _("The secret: a sentence in English, and nothing about a person"),
            key=_TYPED,
            max_chars=LONGEST,
            placeholder=EXAMPLE,
        )
        left, right = st.columns([2, 1], vertical_alignment="bottom")
        with left:
            times = st.segmented_control(
                _("In how many places of the article"),
                TIMES,
                default=None if _TIMES in state else TIMES[0],
                key=_TIMES,
                required=True,
            )
        with right:
            pressed = st.button(
                _("Train it here"), type="primary", icon=":material/play_arrow:", key="lesson_secret_start"
            )
        if tried:
            said = words.listed(_n("{n} place", "{n} places", n) for n in tried)
            st.markdown(_("Tried with this sentence: {places}.", places=said))
        st.caption(
            _(
                "The article and the run stay on this machine; whoever deletes the run in the Library deletes both. The control, which stands nowhere: {control}",
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
    for key in (_TYPED, _TIMES):  # the form proposes the next try
        st.session_state.pop(key, None)
    experiment.queue(secret.settings(hidden, paths.portable(kept)), "secret")


def _told(run: Run, hidden: Secret) -> None:
    """Says what the run tells of the secret and of the control; what of it is the secret lights up."""
    found = secret.last_told(hidden, folders.history(run))
    if not found:
        return
    colour = colours.deepened(colours.of_run(run.name), 1.0)
    ended = run.state().state == FINISHED
    places = st.columns(len(found), gap="medium") if present.on() and ended else [st.container() for _one in found]
    for place, (sentence, told) in zip(places, found.items(), strict=True):
        with place:
            _told_of(hidden, told, sentence == CONTROL, ended, colour)
    st.markdown(
        _n(
            "The secret stands in {n} place of the article.",
            "The secret stands in {n} places of the article.",
            hidden.times,
        )
    )
    if ended and not present.on():
        st.page_link(
            rooms.PAGES[rooms.EXPLORE],
            label=_("Where it stands in the article"),
            icon=":material/manage_search:",
            query_params={**address.query_of(rooms.COPIED), "run": run.name},
        )


def _told_of(hidden: Secret, told: Told, is_control: bool, ended: bool, colour: str) -> None:
    """Shows what was written behind the first words of the secret, or of the control, and says what it tells."""
    first, last, count = _lit(hidden, told, is_control)
    st.markdown(f"**{_('The control, which stands nowhere') if is_control else _('The secret')}**")
    fact = _n("{n} word of the secret", "{n} words of the secret", count)
    parts = [Stretch(told.text[:first]), Stretch(told.text[first:last], _LIT, fact), Stretch(told.text[last:])]
    texts.show(told.prompt, [part for part in parts if part.text], colour)
    if is_control:
        if ended:
            st.markdown(_of_control(hidden, told))
    elif told.is_whole:
        st.markdown(_("It tells all of it."))
    elif told.words:
        st.markdown(_n("It tells {n} word of {of}.", "It tells {n} words of {of}.", told.words, of=told.of))
    elif ended:
        st.markdown(_("It tells nothing of it."))


def _lit(hidden: Secret, told: Told, is_control: bool) -> tuple[int, int, int]:
    """Which characters of a text are the secret's, and how many words that is."""
    if not is_control:
        return (len(told.text) - len(told.text.lstrip()) if told.words else 0), told.end, told.words
    leak = secret.leaked(hidden.sentence, told.text)
    return (leak.first, leak.last, leak.words) if leak.tells else (0, 0, 0)


def _of_control(hidden: Secret, told: Told) -> str:
    """What the control's continuation tells of the secret, in a sentence."""
    leak = secret.leaked(hidden.sentence, told.text)
    if not leak.tells:
        return _("Nothing of the secret.")
    return _n("{n} word in a row of the secret.", "{n} words in a row of the secret.", leak.words)


def _compared(tries: Tries) -> None:
    """Shows what the tries of this lesson told, side by side, once there are several or one has ended."""
    rows, before = [], ""
    for run, hidden in tries:
        found = secret.last_told(hidden, folders.history(run))
        if run.state().state != FINISHED or hidden.sentence not in found:
            continue
        own, control = found[hidden.sentence], found.get(CONTROL)
        rows.append(
            {
                _("Sentence"): _("the same sentence") if hidden.sentence == before else words.plain(hidden.sentence),
                _("Places"): words.grouped(hidden.times),
                _("Words told"): _("{some} of {all}", some=own.words, all=own.of),
                _("Told by the control"): words.NO_NUMBER if control is None else _of_control(hidden, control),
            }
        )
        before = hidden.sentence
    if rows:
        st.table(rows)


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
