"""What a hand does to the files of a run, what of it is left, and everything that is read of runs."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
from pages_helpers import EVENTS_OF_A_RUN, a_run, go_to, new_session
from project import PLACES
from streamlit.testing.v1 import AppTest

from engine.core.errors import EngineError
from engine.evaluation import cache, forgetting
from engine.runs import checkpoints, durations, lifecycle, queue, references, removal, retention, submission
from engine.runs import states as states_
from engine.runs.folder import Run
from engine.runs.history import shared, snapshots
from engine.runs.history.events import Unread
from engine.runs.history.events import read as read_event
from engine.runs.history.follower import History
from engine.runs.states import State
from engine.services import dispatcher, killing, uploads
from ui.readers import comparison

STEP = "step-00000004"

DEEP = b"[" * 100_000 + b"]" * 100_000

POSIX = os.name == "posix"


# The edits: what is done to which file, and whether the run can still be used


def become(content: bytes) -> Callable[[Path], None]:
    """Another content."""
    return lambda path: (path.unlink(missing_ok=True), path.write_bytes(content))[0]


def change(**fields: object) -> Callable[[Path], None]:
    """Other values of some fields; ... removes one."""

    def edit(path: Path) -> None:
        value = json.loads(path.read_text()) | fields
        path.write_text(json.dumps({name: item for name, item in value.items() if item is not ...}))

    return edit


def line(of: str, by: str, /, **fields: object) -> Callable[[Path], None]:
    """Other values of some fields of a line of events.jsonl, the first of a kind and a model; ... removes one."""

    def edit(path: Path) -> None:
        lines = path.read_text().splitlines()
        found = (json.loads(line) for line in lines)
        number = next(n for n, event in enumerate(found) if (event["kind"], event.get("model")) == (of, by))
        value = json.loads(lines[number]) | fields
        lines[number] = json.dumps({name: item for name, item in value.items() if item is not ...})
        path.write_text("\n".join(lines) + "\n")

    return edit


def gone(path: Path) -> None:
    """No such file."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def a_folder(path: Path) -> None:
    """A folder in the file's place."""
    gone(path)
    path.mkdir()


def a_link_to_nothing(path: Path) -> None:
    """A link whose target is gone."""
    gone(path)
    path.symlink_to(path.with_name("nowhere"))


def a_pipe(path: Path) -> None:
    """A pipe that nobody writes to: who opens it waits."""
    gone(path)
    os.mkfifo(path)


def raw(text: str) -> Callable[[Path], None]:
    """The first value of "step", "steps" or "created" as JSON that `json.dumps` would not write."""

    def edit(path: Path) -> None:
        import re

        path.write_text(re.sub(r'("(?:step|since|created)": )[-\d.]+', rf"\g<1>{text}", path.read_text(), count=1))

    return edit


BROKEN, STATELESS, WHOLE = "broken", "stateless", "whole"

CONFIG, STATE, EVENTS, MANIFEST = "config.json", "state.json", "events.jsonl", f"{STEP}/manifest.json"

ERROR = {"template": "{x}", "values": {}}

EDITS: list[tuple[str, str, Callable[[Path], None], str]] = [
    (file, name, edit, outcome)
    for file, broken in ((CONFIG, BROKEN), (STATE, STATELESS), ("recorded.json", BROKEN))
    for name, edit, outcome in (
        ("empty", become(b""), broken),
        ("deep", become(DEEP), broken),
        ("deep object", become(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), broken),
        ("deep enough to be read", become(b'{"a":' * 900 + b"1" + b"}" * 900), broken),
        ("torn", become(b'{"state": "finis'), broken),
        ("a list", become(b"[1, 2]"), broken),
        ("null", become(b"null"), broken),
        ("not UTF-8", become(b'{"state": "\xff\xfe"}'), broken),
        ("half a pair", become(b'{"state": "\\ud800"}'), broken),
        ("a folder", a_folder, BROKEN),
        ("a link", a_link_to_nothing, BROKEN),
    )
]
EDITS += [
    (CONFIG, "gone", gone, BROKEN),
    (CONFIG, "name", change(name=3), BROKEN),
    (CONFIG, "no preset", change(preset=...), BROKEN),
    (CONFIG, "a zero in a path", change(articles="a\0b"), BROKEN),
    (CONFIG, "parent", change(parent="../../etc"), BROKEN),
    (CONFIG, "parent's step", change(parent="one/abc"), BROKEN),
    (CONFIG, "after", change(after="/"), BROKEN),
    (CONFIG, "steps", change(steps=-5), BROKEN),
    (CONFIG, "steps true", change(steps=True), BROKEN),
    (CONFIG, "minutes", change(steps=None, minutes=float("nan")), BROKEN),
    (CONFIG, "schema", change(schema_version="1"), BROKEN),
    (CONFIG, "prompts", change(prompts=[1]), BROKEN),
    (CONFIG, "created", change(created="yesterday"), BROKEN),
    (CONFIG, "created 1e400", raw("1e400"), BROKEN),
    (CONFIG, "lineage", change(lineage=[{"articles": None}]), BROKEN),
    (CONFIG, "lineage null", change(lineage=None), BROKEN),
    (CONFIG, "converted", change(converted=3), BROKEN),
    (CONFIG, "a preset that is nowhere", change(preset="no/such"), WHOLE),
    (CONFIG, "a preset too long for a path", change(preset="x" * 3000), WHOLE),
    (CONFIG, "articles that are nowhere", change(articles="no/such"), WHOLE),
    (CONFIG, "a parent that is nowhere", change(parent="nobody/7"), WHOLE),
    (CONFIG, "its own parent", change(parent="damaged/4"), WHOLE),
    (STATE, "gone", gone, STATELESS),
    (STATE, "state", change(state="dancing"), STATELESS),
    (STATE, "state null", change(state=None), STATELESS),
    (STATE, "step abc", change(step="abc"), STATELESS),
    (STATE, "step -5", change(step=-5), STATELESS),
    (STATE, "step true", change(step=True), STATELESS),
    (STATE, "step 1e400", raw("1e400"), STATELESS),
    (STATE, "step NaN", raw("NaN"), STATELESS),
    (STATE, "step of 5,000 digits", raw("9" * 5000), STATELESS),
    (STATE, "since", change(since="soon"), STATELESS),
    (STATE, "far since", change(since=1e12), STATELESS),
    (STATE, "queued_at", change(queued_at=[]), STATELESS),
    (STATE, "phase", change(phase=7), STATELESS),
    (STATE, "reason", change(reason="why"), STATELESS),
    (STATE, "reason without its value", change(reason=ERROR | {"values": {"y": 1}}), STATELESS),
    (STATE, "reason of a billion blanks", change(reason={"template": "{x:>999999999}", "values": {"x": 1}}), STATELESS),
    (STATE, "reason of a reason without its value", change(reason={"template": "{x}", "values": {"x": ERROR | {"values": {"y": 1}}}}), STATELESS),
    (STATE, "reason empty", change(reason={"template": "", "values": {}}), STATELESS),
    (STATE, "running", change(state="running"), WHOLE),
    (STATE, "queued", change(state="queued"), WHOLE),
    (EVENTS, "gone", gone, WHOLE),
    (EVENTS, "a folder", a_folder, BROKEN),
    (EVENTS, "a link", a_link_to_nothing, BROKEN),
    (EVENTS, "bytes", become(bytes(range(256)) * 40 + b"\n"), WHOLE),
    (EVENTS, "deep", become(DEEP + b"\n"), WHOLE),
    (EVENTS, "a deep step", become(b'{"kind": "step", "step": 1, "x": ' + DEEP + b"}\n"), WHOLE),
    (EVENTS, "no kind", become(b'{"step": 1}\n'), WHOLE),
    (EVENTS, "kinds that are none", become(b'{"kind": null}\n{"kind": []}\n{"kind": "step"}\n{"kind": "resume"}\n'), WHOLE),
    (EVENTS, "steps that are none", become(b"".join(
        b'{"kind": "step", "step": %s}\n' % s for s in (b'"abc"', b"null", b"-5", b"true", b"1e400", b"NaN", b"[]", b"1.5",
                                                        b"9" * 400, b"0"))), WHOLE),
    (EVENTS, "figures that are none", become(b"".join(
        b'{"kind": "step", "step": 3, "loss": %s}\n' % s for s in (b'"abc"', b"1e400", b"true", b"{}", b"9" * 400))), WHOLE),
    (EVENTS, "other steps", become(b"".join(
        b'{"kind": "%s", "step": "x"}\n' % k for k in (b"state", b"plan", b"checkpoint", b"new")) + b'{"kind": "resume", "step": 2}\n'),
     WHOLE),
    (EVENTS, "an evaluation without figures", line("evaluation", "base", accuracy=..., loss=...), WHOLE),
    (EVENTS, "an evaluation of nothing", line("evaluation", "base", split="moon"), WHOLE),
    (EVENTS, "an evaluation by nobody", line("evaluation", "base", model=["run"]), WHOLE),
    (EVENTS, "a parent's evaluation of a run that has none", line("evaluation", "run", model="parent"), WHOLE),
    (EVENTS, "sums that are none", line("evaluation", "base", by_article={"article": [1], "tokens": []}), WHOLE),
    (EVENTS, "sums of nothing", line("evaluation", "base", by_article={key: [0] for key in ("article", "tokens", "bytes", "top_1", "loss")}), WHOLE),
    (EVENTS, "near-copies", line("evaluation", "base", near_copies="many", near_copies_left_out="no"), WHOLE),
    (EVENTS, "a sample without text", line("sample", "base", text=...), WHOLE),
    (EVENTS, "a sample whose prompt is a list", line("sample", "base", prompt=[]), WHOLE),
    (EVENTS, "a time in words", line("evaluation", "base", time="noon", tokens="many"), WHOLE),
    (EVENTS, "memory", line("evaluation", "base", kind="memory", micro_batch="few"), WHOLE),
    (EVENTS, "damaged", line("evaluation", "base", kind="damaged", checkpoint=4, reason=ERROR), WHOLE),
    (EVENTS, "parent_lost", line("evaluation", "base", kind="parent_lost", reason=None), WHOLE),
    (EVENTS, "keras_evaluate", line("evaluation", "base", kind="keras_evaluate"), WHOLE),
    (EVENTS, "a passage with a rank too few", line("evaluation", "base", kind="passage", pieces=["a"], probabilities=[0.1], ranks=[]), WHOLE),
    (EVENTS, "a resume to the future", line("evaluation", "base", kind="resume", step=10**30), WHOLE),
    ("control.json", "deep", become(DEEP), WHOLE),
    ("control.json", "action", become(b'{"action": ["stop"]}'), WHOLE),
    ("control.json", "a folder", a_folder, BROKEN),
    ("pins.json", "null", become(b'{"steps": null}'), WHOLE),
    ("pins.json", "texts", become(b'{"steps": ["4", {}]}'), WHOLE),
    ("pins.json", "deep", become(DEEP), WHOLE),
    ("pins.json", "true", become(b'{"steps": [true]}'), WHOLE),
    ("owner.json", "pid", become(b'{"pid": [], "since": "x"}'), WHOLE),
    ("owner.json", "deep", become(DEEP), WHOLE),
    ("place.json", "gone", gone, WHOLE),
    ("place.json", "deep", become(DEEP), WHOLE),
    ("place.json", "path", become(b'{"path": "a\\u0000b", "machine": 3, "inode": "x"}'), WHOLE),
    ("place.json", "inode", become(b'{"path": "/nowhere", "machine": "m", "inode": true}'), WHOLE),
    ("place.json", "a folder", a_folder, BROKEN),
    ("pins.lock", "a folder", a_folder, BROKEN),
    (EVENTS, "times and amounts that none can be reckoned with", become(b"".join(
        b'{"kind": "step", "step": 4, "seconds": %s, "tokens": %s, "time": %s}\n' % v for v in (
            (b"0", b"0", b"0"), (b"-1", b"5", b"1e9"), (b"2", b"0", b"1e9"), (b"null", b"null", b"null"), (b"2", b"3", b"1e12"),
            (b"2", b"3", b"-1")))
        + b'{"kind": "state", "state": "running"}\n{"kind": "state", "state": "finished", "time": "soon"}\n'), WHOLE),
    ("lock", "a folder", a_folder, BROKEN),
    ("heartbeat", "a folder", a_folder, BROKEN),
    (MANIFEST, "gone", gone, WHOLE),
    (MANIFEST, "deep", become(DEEP), WHOLE),
    (MANIFEST, "a folder", a_folder, WHOLE),
    (MANIFEST, "a list", become(b"[]"), WHOLE),
    (STEP, "gone", gone, WHOLE),
    (STEP, "a file", lambda path: (gone(path), path.write_bytes(b""))[0], WHOLE),
    (f"{STEP}/model.weights.h5", "a folder", a_folder, WHOLE),
]  # fmt: skip
if POSIX:
    EDITS += [
        (CONFIG, "a pipe", a_pipe, BROKEN),
        (STATE, "a pipe", a_pipe, BROKEN),
        (EVENTS, "a pipe", a_pipe, BROKEN),
        ("lock", "a pipe", a_pipe, BROKEN),
        ("control.json", "a pipe", a_pipe, BROKEN),
        (MANIFEST, "a pipe", a_pipe, WHOLE),
    ]

IDS = [f"{file}: {name}" for file, name, _edit, _outcome in EDITS]


def damaged_run(root: Path, file: str, edit: Callable[[Path], None], name: str = "damaged") -> Run:
    run = a_run(root, name)
    if file == "recorded.json":
        (run.folder / file).write_text('{"command": "c", "date": "d", "commit": "e"}')
    edit(run.folder / file)
    return run


def check_history(run: Run) -> History:
    """What all pages share of a run's events, which is what the run itself reads from its first line on."""
    path, history = run.folder / EVENTS, shared.of(run.folder)
    events = run.events()
    assert [event for event in events if event["kind"] != "step"] == history.complete(history.placed)
    steps = [event for event in events if event["kind"] == "step"]
    for name, column in history.steps.items():
        np.testing.assert_array_equal(column, np.array([event.get(name) for event in steps], float))
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    unread = [found for line in lines if line and isinstance(found := read_event(line), Unread)]
    assert history.damaged == sum(not found.unknown for found in unread)
    assert sum(history.unknown.values()) == sum(bool(found.unknown) for found in unread)
    return history


def look(root: Path) -> dict[str, State]:
    """Everything that the engine, and what pages make of it, reads of the runs; the states by name."""
    states = {}
    for run in lifecycle.all_runs(root):
        states[run.name] = run.state()
        for read in (run.alive, run.control, run.silent_seconds, run.at_work, run.orphaned, run.saved_step):
            read()
        history = check_history(run)
        figures = comparison.columns(history)
        assert all(np.isfinite(figures.evaluation[name]).all() for name in ("step", "loss"))
        comparison.best(figures)
        for snapshot in snapshots.of_run(run, history):
            snapshot.complete_samples(), snapshot.expected()
        if (meter := forgetting.of_history(history)) is not None:
            forgetting.change(meter.science), forgetting.change(meter.english)
        retention.pinned(run), checkpoints.seen_damaged(run), checkpoints.best(checkpoints.of_run(run))
        checkpoints.newest_and_damaged(run)
        removal.loss(run), removal.children(run)
        with contextlib.suppress(EngineError):
            killing.kill_trainer(run)
        with contextlib.suppress(EngineError):
            run.settings, run.waits_for(), submission.lineage(checkpoints.find(run.name, root), root)
        str(states[run.name].error)
        run.name.encode()
    references.models(root), retention.parents(root), queue.waiting(root), dispatcher.work_left(root)
    queue.positions(root), uploads.sweep(1e9, root), cache.forget("none", root)
    every = lifecycle.all_runs(root)
    for run in every:
        with contextlib.suppress(EngineError):
            durations.left(run, states[run.name], every), durations.whole(run.settings, every)
    started: list[str] = []
    turns = dispatcher.Dispatcher(root, start=lambda run, device: started.append(run.name) or Ended())  # type: ignore[arg-type]
    turns.turn(), turns.turn()
    return states


class Ended:
    """A trainer that has ended at once."""

    returncode = 1

    def poll(self) -> int:
        return 1


def check_outcome(root: Path, outcome: str) -> None:
    states = look(root)
    assert states["healthy"].state == states_.FINISHED
    assert lifecycle.find("healthy", root).problem is None
    assert len(lifecycle.find("healthy", root).events()) == EVENTS_OF_A_RUN
    damaged = lifecycle.find("damaged", root)
    assert (damaged.problem is not None) == (outcome == BROKEN), damaged.problem
    assert (states["damaged"].state == states_.BROKEN) == (outcome != WHOLE)
    if outcome == STATELESS:  # what state.json said can be found again
        damaged.request_resume()
        assert damaged.state().state == states_.QUEUED and damaged.state().step == 4
        damaged.request_stop()
    if outcome == BROKEN:
        with pytest.raises(EngineError):
            damaged.request_resume()


# So many in the suite; before a release, DAMAGES=4000 DAMAGED_PAGES=80 DAMAGED_STEP=1.
EXAMPLES, PAGE_EXAMPLES, PAGE_STEP = (
    int(os.environ.get(name, usual)) for name, usual in (("DAMAGES", 120), ("DAMAGED_PAGES", 2), ("DAMAGED_STEP", 4))
)


def every_page(
    pages: Collection[str] | None = None, seen: Callable[[str, AppTest], None] = lambda page, app: None
) -> AppTest:
    """Opens the pages, one after the other in one session, each looked at by `seen`; the last."""
    app = new_session()
    app.session_state["language"] = "en"
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    for name in pages or PLACES:
        go_to(app, name)
        assert not app.exception, (name, [e.message for e in app.exception])
        assert app.title, name
        seen(name, app)
    return app
