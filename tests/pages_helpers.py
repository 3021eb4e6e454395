"""Pages as a test opens them, without a browser, and a run for them to show."""

import functools
import html
import json
import re
from collections.abc import Iterable

from project import PROJECT
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import script_runner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, app_test, local_script_runner
from streamlit.testing.v1.element_tree import Dataframe, Element, Metric, Table, Widget

from engine.core.locks import Lock
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, states
from engine.runs.settings import RunSettings
from ui import preview_view, rooms

# AppTest does both anew for each app, with the same result: the metadata of each installed package are read in search of
# components, and the pages are compiled. That was a third of the time of opening one.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
_compiled = ScriptCache()
app_test.ScriptCache = local_script_runner.ScriptCache = lambda: _compiled
# In a process that has loaded Keras, as tests do and the dashboard never does, each run of a page would end with Keras's
# state thrown away and a collection of all garbage: 0.3 to 0.5 s, ten times what the page takes.
script_runner._clean_problem_modules = lambda: None


def new_session() -> AppTest:
    """A session in which no page has been opened yet."""
    return AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)


def open_page(name: str, language: str = "en", **state: object) -> AppTest:
    """A place (`project.PLACES`) in a session of its own; `state` is what has been chosen in it before, by the keys of widgets."""
    app = new_session()
    app.session_state["language"] = language
    app.run()
    for key, value in state.items():
        app.session_state[key] = value
    if name != "lab":
        go_to(app, name)
    assert not app.exception, [e.message for e in app.exception]
    return app


def go_to(app: AppTest, place: str, **query: str) -> AppTest:
    """Goes to a tab, or to a page without tabs (`project.PLACES`), as a link of the page does: with the pair in view, and with
    these parameters besides."""
    room = place if place in rooms.ROOMS else rooms.room_of(place)
    query = {name: app.query_params[name] for name in ("run", "against") if name in app.query_params} | query
    app.query_params.clear()
    app.query_params.update(query if room == place else {**query, "tab": place})
    return app.switch_page(str(PROJECT / "pages" / f"{room}.py")).run()


def look_at(app: AppTest, run: str) -> AppTest:
    """Chooses a run in the header."""
    return app.selectbox(key="run").set_value(run).run()


EVENTS_OF_A_RUN = 9  # of each model two evaluations in full, one in part and a sample; and a step


def a_run(root, name="one", state=states.FINISHED, preset="checkpoints/presets/gpt2_mini_en", **more):
    """A run of four steps that has measured, written and saved; `more`: of its settings."""
    settings = RunSettings(preset=preset, articles="articles/sample", name=name, steps=4, **more)
    run = lifecycle.create(settings, root=root)
    figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    for model, step in (("base", 0), ("run", 4)):
        run.append_event("evaluation", step=step, split="validation", model=model, whole=False, **figures)
        for split in ("validation", "test"):
            run.append_event("evaluation", step=step, split=split, model=model, whole=True, **figures)
        run.append_event("sample", step=step, model=model, prompt="The", text=f" <b>{model}</b> wrote *this*", seed=1)
    run.append_event("step", step=4, loss=5.0, accuracy=0.2, tokens=100, seconds=2.0, learning_rate=1e-3,
                     tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    facts = {"preset": catalogue.json_of(catalogue.find(preset)), "tokens": 100, "parent": None}
    with checkpoints.commit(run, 4, {**facts, "metrics": {"validation": figures}}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=state, step=4, steps=4)
    return run


READ_ALL = 256  # windows of a batch with which four steps read all of the sample


def open_path(path, prepares: bool = True) -> AppTest:
    app = open_page("articles", articles_source="path", articles_path=str(path))
    if prepares and f"prepare_{preview_view.name_of(str(path))}" in [button.key for button in app.button]:
        app.button(key=f"prepare_{preview_view.name_of(str(path))}").click().run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def played(app) -> dict | None:
    """What a page plays (`ui.lab.play.content`), or None where it plays nothing."""
    found = [e.proto for e in app.get("bidi_component") if e.proto.component_name == "atelier_play"]
    assert len(found) <= 1
    return json.loads(found[0].json) if found else None


def texts(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.text, *app.info, *app.warning])


def written(app: AppTest) -> list[str]:
    """What models wrote on a page (`ui.texts`), each behind its prompt, as a person reads it."""
    bodies = [element.value for element in app.html if element.value.startswith('<div class="written"')]
    return [html.unescape(re.sub(r"<[^>]*>", "", body)) for body in bodies]


def _said(element: Element) -> list[str]:
    """What an element says: the columns of a table, the label of what has one, the text of anything else."""
    if isinstance(element, (Dataframe, Table)):
        return [str(name) for name in element.value.columns]
    if isinstance(element, (Widget, Metric)):
        return [element.label]
    return [str(element.value)]


def the(elements: Iterable[Element], says: str):
    """Finds the one element of a kind, as `app.metric`, by what it says: its whole label or text, or a part of it.

    A place on the page says nothing of an element and changes with the next one that is put before it. Where a widget has a
    key it is found by that: `app.button(key=…)`.
    """
    elements = list(elements)
    found = [e for e in elements if says in _said(e)] or [e for e in elements if any(says in text for text in _said(e))]
    assert len(found) == 1, f"{len(found)} say {says!r}, of {[_said(e) for e in elements]}"
    return found[0]


def stands_first(elements: Iterable[Element], says: str) -> bool:
    """Tells whether, of a kind, the element that says this is the first: where that is what a test promises."""
    return [element is the(elements, says) for element in elements].index(True) == 0


def press(app: AppTest, opener: str, inside=None) -> AppTest:
    """Presses a button of the dialog that the opener opens. In a browser the dialog alone is drawn again; AppTest draws
    the whole page, on which the opener must be pressed again."""
    app.button(key=opener).click()
    if inside is not None:
        inside.click()
    app.run()
    assert not app.exception
    return app
