"""The address of a page: everything that is chosen, as codes without a language.

It is read before any widget is made and written once at the end. The live address is short (run, against, tab, place) and
stands in the browser; `shared` has everything, for a link. What an address holds that is nothing, or is not there, is
named in one sentence, and the rest of it works.

Back and Forward move between pages, tabs, runs and places: each of these that a person chooses is an entry of the
browser's history. An entry is replaced, not added, where the address only becomes complete (`ui.components.history`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from engine.classroom.experiments import ANSWERS, EXPERIMENTS
from engine.classroom.lesson_files import STEP_KINDS
from engine.core import paths
from engine.core.errors import EngineError
from ui import errors, redrawn, rooms
from ui.codecs import FLAG, NAME, TEXT, Codec, names, number, one_of, whole
from ui.components.history import history
from ui.i18n import language

LONGEST_TEXT = 500  # characters of what somebody typed
_LONGEST_NAME = 200
_LONGEST_PATH = 300
_MOST_ARTICLES = 10**9 - 1
_LONG = 10_000_000
MOST_SCREENS = 99  # of a page that is presented

_ROOM, _SEEN, _REFUSED, _GIVEN = "address_room", "address_seen", "address_refused", "address_given"
_GOING, _ARRIVED = "address_going", "address_arrived"


@dataclass(frozen=True)
class Parameter:
    """A choice that stands in addresses.

    Attributes:
        name: in the address. codec: between value and text. limit: characters of the text.
        key: of the session's state, where the value is, or of the widget. default: where the session has none; left out of addresses.
        where: the room, or the tab, that it belongs to; "" = every page.
        live: it stands in the address while somebody works; others only in a link that is shared.
        quiet: it stands there too, and is no reason for an entry of the history: a slider's position.
        secret: it is taken from an address, and never written into one.
    """

    name: str
    codec: Codec
    limit: int
    key: str
    default: Any = None
    where: str = ""
    live: bool = False
    quiet: bool = False
    secret: bool = False


def _tab(room: str) -> Parameter:
    return Parameter("tab", one_of(*rooms.ROOMS[room]), 20, f"tab_{room}", None, room, True)


_FIGURES = (
    "accuracy",
    "bits_per_byte",
    "loss",
    "training_loss",
    "training_accuracy",
    "learning_rate",
    "tokens_per_second",
)
_SPLITS = ("train", "validation", "test")
_SAMPLE = paths.portable(paths.SAMPLE_ARTICLES)
_ARTICLE = whole(1, _MOST_ARTICLES)
_TOKEN = whole(1, _LONG)

TABLE: tuple[Parameter, ...] = (
    Parameter("run", NAME, _LONGEST_NAME, "run_chosen", live=True),
    Parameter("against", NAME, _LONGEST_PATH, "against_chosen", live=True),
    Parameter("present", FLAG, 1, "present", False, live=True),
    Parameter("screen", whole(1, MOST_SCREENS), 2, "present_screen", 1, quiet=True),
    _tab(rooms.EXPLORE),
    _tab(rooms.LIBRARY),
    Parameter("parent", NAME, _LONGEST_NAME, "tune_parent", None, rooms.TRAIN, True),
    # The experiment that is open, and what was answered to its question
    Parameter("experiment", one_of(*EXPERIMENTS), 20, "lab_experiment", None, rooms.LAB, True),
    Parameter("answer", one_of(*ANSWERS, "skip"), 10, "lab_answer", None, rooms.LAB, quiet=True),
    # Where the lesson stands, of which class, on whose screen; the key is its teacher's
    Parameter("step", one_of(*STEP_KINDS), 20, "lesson_step", STEP_KINDS[0], rooms.LESSON, True),
    Parameter("slide", whole(1, MOST_SCREENS), 2, "lesson_slide", 1, rooms.LESSON, quiet=True),
    Parameter("view", one_of("wall", "teacher", "room"), 10, "lesson_view", "wall", rooms.LESSON, True),
    Parameter("form", one_of("long", "short"), 10, "lesson_form", "long", rooms.LESSON, True),
    Parameter("class", NAME, 12, "lesson_class", None, rooms.LESSON, True),
    Parameter("key", NAME, 60, "lesson_key", None, rooms.LESSON, secret=True),
    # What a run is laid over
    *(
        parameter
        for tab in (rooms.CURVE, rooms.RUNS)
        for parameter in (
            Parameter("figure", one_of(*_FIGURES), 30, "compare_figure", "accuracy", tab),
            Parameter("axis", one_of("steps", "tokens", "articles", "minutes"), 20, "compare_axis", "steps", tab),
            Parameter("smooth", FLAG, 1, "compare_smooth", False, tab),
        )
    ),
    Parameter("runs", names(50), 5_000, "compare_runs", None, rooms.RUNS),
    # A moment of a run
    Parameter("moment", NAME, _LONGEST_NAME, "time_moment", None, rooms.TIME, quiet=True),
    Parameter("chain", FLAG, 1, "time_chain", True, rooms.TIME),
    # What is written, and how
    Parameter("from", one_of("typed", "article", "training"), 10, "side_source", "typed", rooms.WRITE),
    Parameter("prompt", TEXT, LONGEST_TEXT, "side_prompt", None, rooms.WRITE),
    Parameter("articles", NAME, _LONGEST_PATH, "side_articles", _SAMPLE, rooms.WRITE),
    Parameter("article", _ARTICLE, 9, "side_article", 1, rooms.WRITE),
    Parameter("tokens", whole(1, 512), 3, "side_tokens", 32, rooms.WRITE),
    Parameter("models", names(2), 700, "side_models", [], rooms.WRITE),
    Parameter("next", one_of("draw", "greedy", "beam"), 10, "side_way", "draw", rooms.WRITE),
    Parameter("length", whole(10, 200), 3, "side_length", 80, rooms.WRITE),
    Parameter("temperature", number(0, 2), 5, "side_temperature", 0.8, rooms.WRITE),
    Parameter("seed", whole(0, 2**31 - 1), 10, "side_seed", 1, rooms.WRITE),
    Parameter("samples", whole(1, 4), 1, "side_samples", 1, rooms.WRITE),
    Parameter("top_k", whole(0, 100), 3, "side_top_k", 40, rooms.WRITE),
    Parameter("top_p", number(0.1, 1), 5, "side_top_p", 1.0, rooms.WRITE),
    Parameter("beams", whole(2, 8), 1, "side_beams", 4, rooms.WRITE),
    Parameter("marked", FLAG, 1, "side_marked", False, rooms.WRITE),
    # A passage under two models
    Parameter("from", one_of("article", "text"), 10, "scope_way", "article", rooms.WORDS, True),
    Parameter("text", TEXT, LONGEST_TEXT, "scope_text", None, rooms.WORDS),
    Parameter("articles", NAME, _LONGEST_PATH, "scope_articles", _SAMPLE, rooms.WORDS, True),
    Parameter("article", _ARTICLE, 9, "scope_article", 1, rooms.WORDS, True),
    Parameter("token", _TOKEN, 8, "scope_first", 1, rooms.WORDS, True),
    Parameter("colour", one_of("probability", "rank", "entropy"), 20, "scope_what", "probability", rooms.WORDS),
    # What is looked for in the articles
    Parameter("from", one_of("recorded", "text"), 10, "copied_way", "recorded", rooms.COPIED),
    Parameter("text", TEXT, LONGEST_TEXT, "copied_text", None, rooms.COPIED),
    Parameter("split", one_of("test", "validation"), 10, "score_split", "validation", rooms.SCORE),
    # An article, and a passage in it
    Parameter("articles", NAME, _LONGEST_PATH, "articles_path_shown", None, rooms.ARTICLES, True),
    Parameter("split", one_of(*_SPLITS), 10, "articles_split", "train", rooms.ARTICLES, True),
    Parameter("article", _ARTICLE, 9, "articles_number", 1, rooms.ARTICLES, True),
    Parameter("corpus", NAME, 16, "articles_corpus", None, rooms.ARTICLES, True),
    Parameter("token", _TOKEN, 8, "articles_token", None, rooms.ARTICLES, True),
    Parameter("length", whole(1, _LONG), 8, "articles_length", None, rooms.ARTICLES, True),
)  # fmt: skip


def parameters(room: str, tab: str = "") -> list[Parameter]:
    """The parameters of a page: those of every page, of its room and of its tab."""
    return [parameter for parameter in TABLE if parameter.where in ("", room, tab or room)]


def tab_of(room: str) -> str:
    """The tab of a room that is in view; "" where it has none."""
    tabs = rooms.ROOMS[room]
    chosen = st.session_state.get(f"tab_{room}")
    return chosen if chosen in tabs else next(iter(tabs), "")


def decode(query: Mapping[str, str], wanted: list[Parameter]) -> tuple[dict[str, Any], list[str]]:
    """The values of the parameters that a query names, by their keys; and the names of those that hold nothing sensible."""
    found, refused = {}, []
    for parameter in wanted:
        if (text := query.get(parameter.name)) is None:
            continue
        try:
            if len(text) > parameter.limit:
                raise ValueError(parameter.name)
            found[parameter.key] = parameter.codec.read(text)
        except (ValueError, KeyError):
            refused.append(parameter.name)
    return found, refused


def encode(values: Mapping[str, Any], wanted: list[Parameter]) -> dict[str, str]:
    """The query of these values, by their keys; what is as it would be anyway, or too long, is left out."""
    query = {}
    for parameter in wanted:
        value = values.get(parameter.key)
        if value is None or value == parameter.default or parameter.secret:
            continue
        text = parameter.codec.write(value)
        if len(text) <= parameter.limit:
            query[parameter.name] = text
    return query


def query_of(tab: str, **values: Any) -> dict[str, str]:
    """The query of a link to a tab, with values by the names of parameters; run and against are those in view."""
    wanted = parameters(rooms.room_of(tab), tab)
    by_name = {p.name: p for p in wanted}
    here = {p.key: st.session_state.get(p.key) for p in wanted if not p.where}
    query = encode({**here, f"tab_{rooms.room_of(tab)}": tab}, wanted)
    return query | {name: by_name[name].codec.write(value) for name, value in values.items()}


def short(content_hash: str) -> str:
    """As much of a hash as a link needs, so that a place is marked in no other text than the one that is meant."""
    return content_hash[:16]


def begin(room: str) -> None:
    """Takes over what the address of a page says, once each time that somebody came to it; before any widget is made."""
    state = st.session_state
    _keep()
    query = _read()
    going = state.get(_GOING) == room  # until the page has been drawn to its end: it may draw itself anew before
    same_room = state.get(_ROOM) == room
    stays = redrawn.noted() and same_room
    arrived = not going and not stays and not (same_room and query in state.get(_SEEN, []))
    state[_ROOM], state[_ARRIVED] = room, arrived or going
    state[_REFUSED], state[_GIVEN] = [], {}
    if arrived:
        state[_GIVEN] = _take_over(room, query, same_room)


def _read() -> dict[str, str]:
    """The query, with no more of each value than tells that it is too long."""
    query = st.query_params.to_dict()
    return {name: value[: 2 * _LONGEST_ANY] for name, value in query.items()}


_LONGEST_ANY = max(parameter.limit for parameter in TABLE)


def _keep() -> None:
    """Keeps the values of widgets, which Streamlit forgets with the page that they are on."""
    for key in dict.fromkeys(parameter.key for parameter in TABLE):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def _take_over(room: str, query: dict[str, str], same_room: bool) -> dict[str, Any]:
    state = st.session_state
    tab, refused = decode(query, [p for p in TABLE if p.name == "tab" and p.where == room])
    state.update(tab)
    wanted = [p for p in parameters(room, tab_of(room)) if p.name != "tab"]
    found, others = decode(query, wanted)
    if same_room and ("tab" in query or not rooms.ROOMS[room]):
        # Back, from where something was chosen to where it was not. An address without its tab is that of the menu.
        for parameter in wanted:
            if (parameter.live or parameter.quiet) and parameter.key not in found:
                state[parameter.key] = parameter.default
    state.update(found)
    state[_REFUSED] = [*refused, *others]
    return found


def given(*keys: str) -> dict[str, Any]:
    """What the address that somebody has just come to says of these keys; nothing while one stays on the page."""
    found = st.session_state.get(_GIVEN, {})
    return {key: found[key] for key in keys if key in found}


def arrived() -> bool:
    """Whether somebody has just come to this address: by a link, the menu, Back, or from another page."""
    return bool(st.session_state.get(_ARRIVED))


def refuse(name: str) -> None:
    """Notes that what the address says of a parameter is not there."""
    st.session_state.setdefault(_REFUSED, []).append(name)


def default(key: str, value: Any = None) -> None:
    """Gives a widget that is about to be made its value where nobody chose one: an address, or another page, may set it.

    Args:
        value: where the table has none.
    """
    if st.session_state.get(key) is None:
        st.session_state[key] = next((p.default for p in TABLE if p.key == key and p.default is not None), value)


def say(place: Any) -> None:
    """Says in one sentence what of the address came to nothing."""
    refused = list(dict.fromkeys(st.session_state.get(_REFUSED, [])))
    if not refused:
        return
    query = _read()
    told = ", ".join(f"{name}={paths.shortened(query.get(name, ''))}"[:60] for name in refused)
    with place:
        errors.show(
            EngineError("What this address asks for is not here, or is nothing: {told}. The rest is shown.", told=told)
        )


def end(room: str) -> None:
    """Writes the live address: as a new entry of the browser's history where somebody chose something on this page."""
    state = st.session_state
    state.pop(_GOING, None)
    own = _live(room)
    whole_query = _others() | own
    page = rooms.PAGES[room].url_path
    if state.get(_ARRIVED):
        state[_SEEN] = [_read(), whole_query]
        _write(page, own)
        return
    if _loud(whole_query) not in [_loud(query) for query in state.get(_SEEN, [])]:
        st.query_params.from_dict(whole_query)
        state[_SEEN] = [whole_query]
    elif _note(whole_query):  # what has no entry of its own has changed
        _write(page, own)
        return
    _write(page, None)


def write_quietly(room: str) -> None:
    """Writes the live address from a part of a page that is drawn anew by itself: in the place of the entry there is."""
    own = _live(room)
    _note(_others() | own)
    _write(rooms.PAGES[room].url_path, own, "history_quiet")


def _note(query: dict[str, str]) -> bool:
    """Remembers what stands in the browser from now on; whether that is new."""
    seen = st.session_state.setdefault(_SEEN, [])
    if query in seen:
        return False
    seen.append(query)
    del seen[1:-1]  # what Streamlit itself knows of, and what stands in the browser now
    return True


def _live(room: str) -> dict[str, str]:
    wanted = [p for p in parameters(room, tab_of(room)) if p.live or p.quiet]
    return encode(_values(room), wanted)


def _loud(query: dict[str, str]) -> dict[str, str]:
    """A query without what is no reason for an entry of the history."""
    quiet = {parameter.name for parameter in TABLE if parameter.quiet}
    return {name: value for name, value in query.items() if name not in quiet}


def _others() -> dict[str, str]:
    """What stands in the address and is not ours."""
    known = {parameter.name for parameter in TABLE} | _ACTIONS
    return {name: value for name, value in st.query_params.to_dict().items() if name not in known}


_ACTIONS = {"write", "click"}  # done once, by whoever follows a link


def _values(room: str) -> dict[str, Any]:
    state = st.session_state
    values = {p.key: state.get(p.key) for p in parameters(room, tab_of(room))}
    if room == rooms.EXPLORE and values["run_chosen"] is None:
        values["run_chosen"] = state.get("run")  # else a copied address would be of whichever run is the newest then
    return {**values, f"tab_{room}": tab_of(room) or None}


def _write(page: str, query: dict[str, str] | None, key: str = "history") -> None:
    known = {*(parameter.name for parameter in TABLE), *_ACTIONS}
    history.write(language(), page, query, known, _pages(), key=key)


def _pages() -> list[str]:
    return [page.url_path for page in rooms.PAGES.values() if page.url_path]


def redirect(page: str, room: str, query: dict[str, str]) -> None:
    """Leads from a page that is no more to a room, in the place of its entry of the browser's history."""
    known = {parameter.name for parameter in TABLE}
    history.write(language(), page, query, known, [page, *_pages()], rooms.PAGES[room].url_path or "./")


def go(room: str, tab: str = "", **values: Any) -> None:
    """Goes to a room and its tab, with values by the names of parameters: one entry of the browser's history."""
    for parameter in parameters(room, tab):
        if parameter.name in values:
            st.session_state[parameter.key] = values[parameter.name]
    if tab:
        st.session_state[f"tab_{room}"] = tab
    if st.session_state.get(_ROOM) == room:
        st.rerun()
    st.session_state[_GOING] = room
    st.switch_page(rooms.PAGES[room], query_params=st.query_params.to_dict())


def shared(room: str, run: str, typed: bool = True) -> str:
    """The whole address of what is in view, for a link, with the run pinned; without `typed` no text that somebody typed."""
    wanted = [p for p in parameters(room, tab_of(room)) if typed or p.codec is not TEXT]
    query = encode({**_values(room), "run_chosen": run or None}, wanted)
    return f"{st.context.url or ''}".partition("?")[0] + ("?" + urlencode(query) if query else "")


def too_long(room: str) -> Iterator[str]:
    """The names of the parameters that are left out of a link, since what was typed is too long."""
    for parameter in parameters(room, tab_of(room)):
        value = st.session_state.get(parameter.key)
        if parameter.secret:
            continue
        if value is not None and value != parameter.default and len(parameter.codec.write(value)) > parameter.limit:
            yield parameter.name
