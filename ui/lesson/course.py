"""The lesson in this session: which slide is in view, of which class, who leads it, and the texts with their figures."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from engine.classroom import classes, figures, lessons, position, slides, votes
from engine.classroom.classes import SchoolClass
from engine.classroom.lesson_files import Step
from engine.classroom.lessons import LANGUAGES, Lesson
from engine.classroom.questions import Question
from engine.classroom.slides import Slide
from engine.core.errors import EngineError
from ui import access, address, errors, pair, present, redrawn, words
from ui.i18n import _, language
from ui.lesson import lead

WALL, TEACHER = "wall", "teacher"
LONG, SHORT = "long", "short"
STEP, SLIDE, VIEW, FORM, CLASS, KEY = (
    "lesson_step", "lesson_slide", "lesson_view", "lesson_form", "lesson_class", "lesson_key",
)  # fmt: skip
_SCREEN = "present_screen"  # the table of addresses has it
_DRAWN = "lesson_screen"  # which one was drawn last while the lesson is presented
_MOVED = "lesson_moved"  # this session has chosen where the lesson stands
_RUN = "lesson_run"  # which run was in view when this session drew last
_BEGUN, _ENTERED = "lesson_begun", "lesson_entered"
_KNOWN = "lesson_known_class"  # the code of the class that this session has followed last
_CAME_BACK = (
    "lesson_came_back"  # this session has just got its class again by its browser's cookie: a reload, or a restart
)


@dataclass(frozen=True)
class Course:
    """What is in view.

    Attributes:
        at: the number of the slide, from 0. of: the class; None where votes are counted on this screen alone.
        leads: whether this session leads it. figures: language → name → text. begun, entered: when lesson and step began
            (Unix seconds). seen: how much had been written of the class when this was found out (`votes.progress`).
        moment: which moment of the run the class looks back at, from 0; None where it is this screen's alone.
    """

    lesson: Lesson
    slides: list[Slide]
    at: int
    of: SchoolClass | None
    leads: bool
    is_short: bool
    figures: Mapping[str, Mapping[str, str]]
    begun: float
    entered: float
    seen: int
    moment: int | None = None

    @property
    def slide(self) -> Slide:
        """The slide in view."""
        return self.slides[self.at]

    @property
    def steps(self) -> list[Step]:
        """The steps of this form."""
        return list(dict.fromkeys(slide.step for slide in self.slides))

    @property
    def is_teachers(self) -> bool:
        """Whether this screen is the teacher's own."""
        return st.session_state.get(VIEW) == TEACHER and may_teach(self)

    def markdown(self, text: str) -> str:
        """A text of the lesson with its figures, none of which is taken for formatting."""
        return lessons.filled(text, {name: words.plain(one) for name, one in self.figures[language()].items()})

    def question(self, name: str) -> Question:
        """A question with its figures."""
        return self.lesson.question(name, self.figures)


def may_teach(course: Course) -> bool:
    """Whether the notes and the expected answers are for this session's eyes.

    With a class they are for whoever has its key. Without one they are for the owner, as long as no class is open here, of
    whatever day: else a pupil who finds the page would read them.
    """
    if course.of is not None:
        return course.leads
    return access.is_owner() and not classes.any_open()


def begin() -> Course:
    """Finds out where the lesson stands in this session: where it was led here, or where its teacher has led it.

    Raises:
        LessonError: a text is wrong. ClassError: the answers of the class cannot be read.
    """
    state = st.session_state
    for key in (SLIDE, VIEW, FORM):
        address.default(key)
    lesson = lessons.load()
    of, leads = _class()
    seen = votes.progress(of) if of is not None else 0  # before the place is read: what comes after it is news
    place = position.of(of) if of is not None else None
    # An address that a browser comes back with, after a reload or a restart of the server, tells where the class was.
    came_back = place is not None and state.get(_CAME_BACK, False)
    chose = bool(state.get(_MOVED)) or (STEP in address.given(STEP) and not came_back)
    run = state.get("run_chosen") or ""
    chose_run = leads and run != state.get(_RUN, run)
    stays = leads and (chose or chose_run)
    if place is not None and not stays and place.run not in ("", run) and place.run in pair.known():
        pair.show_run(place.run)
        state[_RUN] = place.run
        st.rerun()  # the header has drawn the former one
    state[_RUN] = run
    follows = place is not None and not stays and not (leads and _turned())
    if place is not None and follows:
        state[FORM] = SHORT if place.short else LONG
    is_short = state[FORM] == SHORT
    all_slides = slides.of_lesson(lesson, language(), is_short)
    at = _at(all_slides, place.slide if place is not None and follows else "")
    state.pop(_CAME_BACK, None)
    now = time.time()
    is_new_step = state.get(STEP) != all_slides[at].kind or _ENTERED not in state
    state[STEP] = all_slides[at].kind
    state[SLIDE] = 1 + [slide.key for slide in all_slides if slide.kind == state[STEP]].index(all_slides[at].key)
    if of is not None and leads and not follows:
        former = next((s.step.number for s in all_slides if place is not None and s.key == place.slide), None)
        try:
            put = position.put(of, all_slides[at].key, is_short, run, former != all_slides[at].step.number)
        except EngineError as error:  # a full disk keeps nobody from turning the page; it is tried again
            errors.show(error)
            moved()
        else:
            seen += put != place  # its own change is no news
            place = put
            state[_MOVED] = False  # not before: a page that is drawn anew in the middle of this leads there still
    else:
        state[_MOVED] = False
    state.setdefault(_BEGUN, now)
    if is_new_step:
        state[_ENTERED] = now
    _register(all_slides, at)
    return Course(
        lesson,
        all_slides,
        at,
        of,
        leads,
        is_short,
        {code: figures.recorded(code) for code in LANGUAGES},
        place.begun if place is not None else state[_BEGUN],
        place.entered if place is not None else state[_ENTERED],
        seen,
        place.moment if place is not None else None,
    )


def _class() -> tuple[SchoolClass | None, bool]:
    """The class of this session, and whether it leads that: it has the teacher's key, or there is no class."""
    state = st.session_state
    if not state.get(KEY) and (code := state.get(CLASS)) and (led := lead.key_of(classes.normal(code))):
        state[KEY], state[_CAME_BACK] = led, True
    if key := state.get(KEY):
        if (found := classes.by_key(key)) is not None:
            state[CLASS] = found.code
            return found, True
        if address.given(KEY):
            address.refuse("key")
        state[KEY] = None
    if code := state.get(CLASS):
        if (found := classes.find(classes.normal(code))) is not None:
            state[_KNOWN] = found.code
            return found, False
        if state.get(_KNOWN) == classes.normal(code):
            st.info(_("The class was erased."))
        else:
            address.refuse("class")
        state[CLASS] = None
    return None, True


def _turned() -> bool:
    """Whether the keys of Present have moved on since this session has drawn last."""
    state = st.session_state
    return present.on() and state.get(_DRAWN) not in (None, state.get(_SCREEN) or 1)


def _at(all_slides: list[Slide], shown: str) -> int:
    """The number of the slide that is to be shown."""
    state = st.session_state
    if shown:
        return next((n for n, slide in enumerate(all_slides) if slide.key == shown), 0)
    if _turned():
        return min(state.get(_SCREEN) or 1, len(all_slides)) - 1
    of_step = [n for n, slide in enumerate(all_slides) if slide.kind == state.get(STEP)]
    return of_step[min(state.get(SLIDE) or 1, len(of_step)) - 1] if of_step else 0


def _register(all_slides: list[Slide], at: int) -> None:
    """Makes each slide a screen of Present's, whose keys then move the lesson."""
    state = st.session_state
    if not present.on():
        state.pop(_DRAWN, None)
        return
    state[_SCREEN] = state[_DRAWN] = at + 1
    for slide in all_slides:
        present.screen(slide.key)


def go_to(slide: Slide, all_slides: list[Slide]) -> None:
    """Goes to a slide."""
    st.session_state[STEP] = slide.kind
    st.session_state[SLIDE] = 1 + [one.key for one in all_slides if one.kind == slide.kind].index(slide.key)
    moved()


def step_chosen() -> None:
    """Begins the step that was chosen."""
    st.session_state[SLIDE] = 1
    moved()


def moved() -> None:
    """Notes that this session has chosen what the lesson shows: whoever follows it is led there."""
    redrawn.note()
    st.session_state[_MOVED] = True


def opened(code: str, key: str) -> None:
    """Makes a class that was just opened this session's, which leads it."""
    st.session_state[CLASS], st.session_state[KEY] = code, key
    moved()


def left() -> None:
    """Goes on without the class."""
    st.session_state[CLASS] = st.session_state[KEY] = None


def keep_lead() -> None:
    """Has this browser keep that it leads the class, where it does; to be called once the page is drawn."""
    if key := st.session_state.get(KEY):
        lead.keep(key)


def come_back(code: str) -> None:
    """Goes on with a class that this browser has led, where it stands."""
    st.session_state[CLASS] = code


def own_address() -> str:
    """The server's address as this browser has it, without the page."""
    return (st.context.url or "").partition("?")[0].rstrip("/").removesuffix("/lesson")
