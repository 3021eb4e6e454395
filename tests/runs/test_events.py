"""The kinds of events: each line is checked against one table, which also says what a resumed run replaces."""

import ast
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages_helpers import a_run, open_page
from project import PROJECT

from engine.core.errors import EngineError
from engine.runs import states
from engine.runs.folder import Run
from engine.runs.history import blocks, events, lines, shared
from engine.runs.history.events import KINDS, Event, Unread

pytestmark = pytest.mark.usefixtures("no_studio")
REASON = EngineError("The run {name} has no checkpoint yet.", name="x").to_json()
CODE = [path for folder in ("engine", "ui", "pages") for path in sorted((PROJECT / folder).rglob("*.py"))]


def both(run: Run) -> list[list[tuple[str, int | None]]]:
    """Kinds and steps of all events but the reports of steps, as the run reads them and as the pages share them."""
    ways = ([e for e in run.events() if e["kind"] != "step"], shared.of(run.folder).events())
    return [[(event["kind"], event.get("step")) for event in found] for found in ways]


def test_a_resumed_run_replaces_what_it_said_of_its_training_and_nothing_else(root):
    """The run is cut off behind step 6 and goes on from 4, since the checkpoint of 6 is damaged."""
    run = a_run(root, "one")
    (run.folder / events.FILE).unlink()
    figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    run.append_event("state", state=states.RUNNING)
    run.append_event("skipped", count=1)
    run.append_event("evaluation", step=4, split="validation", model="run", whole=False, **figures)
    run.append_event("checkpoint", step=4)
    run.append_event("step", step=5, loss=9.0)
    run.append_event("plan", step=5, steps=9)
    run.append_event("evaluation", step=6, split="validation", model="run", whole=False, **figures)
    run.append_event("checkpoint", step=6)
    run.append_event("memory", step=6, failed_step=7, micro_batch=4, batch_size=8)
    run.append_event("retention", step=6, deleted=["2"])
    run.append_event("parent_lost", checkpoint="x/1", reason=REASON, step=6)
    run.append_event("state", state=states.INTERRUPTED)
    run.append_event("state", state=states.RUNNING)
    run.append_event("skipped", count=1)
    run.append_event("resume", step=4)
    run.append_event("damaged", checkpoint="one/6", reason=REASON)
    run.append_event("step", step=5, loss=1.0)
    stands = [
        ("state", None), ("skipped", None), ("evaluation", 4), ("checkpoint", 4), ("retention", 6), ("parent_lost", 6),
        ("state", None), ("state", None), ("skipped", None), ("resume", 4), ("damaged", None),
    ]  # fmt: skip
    assert both(run) == [stands, stands]
    assert [e["loss"] for e in run.events("step")] == shared.of(run.folder).steps["loss"].tolist() == [1.0]
    run.append_event("resume", step=-1)  # nothing whole is left: it begins anew
    anew = [pair for pair in stands if KINDS[pair[0]].replaced is False] + [("resume", -1)]
    assert both(run) == [anew, anew]
    assert not run.events("step") and not len(shared.of(run.folder).steps["step"])


def test_unknown_kinds_and_damaged_lines_are_counted_and_said_on_the_runs_page(root):
    run = a_run(root, "one")
    with open(run.folder / events.FILE, "ab") as file:
        file.write(b'{"kind": "weather", "sun": 1}\n{"kind": "weather"}\n{"kind": "tide", "step": 4}\n')
        file.write(b'{"kind": "tide", "step": "high"}\n{"kind"\n')
    history = shared.of(run.folder)
    assert (history.unknown, history.damaged) == ({"weather": 2, "tide": 1}, 2)
    assert not {"weather", "tide"} & {event["kind"] for event in run.events()}
    said = [caption.value for caption in open_page("curve").caption]
    assert any("3 lines of its events.jsonl tell what this version of Atelier does not know" in s for s in said)
    assert any("tide, weather" in s for s in said)
    assert any("2 lines of its events.jsonl are damaged and left out" in s for s in said)


def test_many_unknown_kinds_are_counted_in_little_memory(root):
    run = a_run(root, "one")
    with open(run.folder / events.FILE, "ab") as file:
        for number in range(500):
            file.write(json.dumps({"kind": f"{number}" * 50}).encode() + b"\n")
    unknown = shared.of(run.folder).unknown
    assert sum(unknown.values()) == 500 and len(unknown) < 50 and max(map(len, unknown)) <= 40


@pytest.mark.parametrize("kind", KINDS)
def test_each_kinds_type_has_the_fields_that_are_checked(kind):
    """So that what mypy knows of an event is what was looked at when it was read."""
    declared = KINDS[kind].event
    own = set(declared.__annotations__) - set(Event.__annotations__)
    assert set(KINDS[kind].fields) - {"step", "time"} <= own
    assert {name for name, (must, _check) in KINDS[kind].fields.items() if must} <= declared.__required_keys__
    assert set(KINDS[kind].large) <= own


def test_every_event_that_is_written_is_of_a_known_kind():
    kinds = set()
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "").lstrip("_") == "append_event":
                kinds |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
    assert {"step", "evaluation", "sample", "resume"} < kinds <= set(KINDS)


def test_only_the_history_reads_the_file_of_events():
    """All others ask it: no module but those of engine/runs/history names the file, or opens it by its name there.

    engine/core/checked.py lists the files that a run's folder may hold, and is told no more than that name.
    """
    history = PROJECT / "engine" / "runs" / "history"
    naming, opening = set(), set()
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Constant) and node.value == events.FILE for node in ast.walk(tree)):
            naming.add(path.relative_to(PROJECT).as_posix())
        imported = {
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        if history not in path.parents and {f"engine.runs.history.{n}" for n in ("lines", "blocks")} & imported:
            opening.add(path.relative_to(PROJECT).as_posix())
    assert naming == {"engine/runs/history/events.py", "engine/core/checked.py"}
    # The first appends, the second reads for the trainer; the third begins each attempt with a copy.
    assert opening == {"engine/runs/folder.py", "engine/runs/run_reader.py", "engine/runs/attempts.py"}


def test_which_evaluations_are_on_a_whole_split_is_asked_in_one_place():
    """Everybody else has the evaluations of intervals, or those on whole splits, from the history."""
    asking = set()
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "whole":
                asking.add(path.relative_to(PROJECT).parent.as_posix())
            got = node.args if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get" else []
            if any(isinstance(argument, ast.Constant) and argument.value == "whole" for argument in got):
                asking.add(path.relative_to(PROJECT).parent.as_posix())
    assert asking == {"engine/runs/history"}


# The reports of steps, which are read together where they look as usual


@pytest.fixture(scope="module", autouse=True)
def also_few_are_read_together():
    """As many are, so that an example need not be long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_FEW", 0)
        yield


def each(content: bytes) -> tuple[list[dict], int]:
    """The reports of steps, and how many lines hold no event, line by line."""
    found = [events.read(line) for line in content.split(b"\n")[:-1] if line]
    return [e for e in found if not isinstance(e, Unread) and e["kind"] == "step"], sum(
        isinstance(e, Unread) for e in found
    )


def same(content: bytes) -> int:
    """How many reports a block of lines gives, after making sure that they are those of its lines one by one."""
    block, (steps, unread) = blocks.parse(content, 0), each(content)
    assert block.damaged + sum(block.unknown.values()) == unread, content
    for name, column in block.steps.items():
        np.testing.assert_array_equal(column, np.array([event.get(name) for event in steps], float), content)
    lines = [number for number, line in enumerate(content.split(b"\n")) if line]
    assert set(block.lines.tolist()) | {number for number, _placed in block.others} <= set(lines)
    assert block.lines.tolist() == sorted(block.lines.tolist())
    return len(steps)


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"step","step":7,"loss":1.5}',
        b'{"step": 7, "loss": 1.5, "kind": "step"}',
        b'  {"loss": 1.5, "kind" : "step" , "step": 7 }  ',
        b'{"kind": "st\\u0065p", "step": 7, "loss": 1.5}',
        b'{"kind": "step", "step": 7, "loss": 1.5, "note": "\xc3\xa9 {[\\""}',
    ],
)
def test_a_report_is_one_however_its_line_is_laid_out(line):
    usual = b'{"kind": "step", "step": %d, "loss": 2.5}\n'
    content = usual % 6 + line + b"\n" + usual % 8
    assert same(content) == 3
    block = blocks.parse(content, 0)
    assert (block.steps["step"].tolist(), block.steps["loss"].tolist()) == ([6, 7, 8], [2.5, 1.5, 2.5])
    assert not block.others and not block.damaged


ODD = [
    "5.0", "0", "-1", "01", "1.", ".5", "+1", "1e400", "-1E+3", "NaN", "Infinity", "-Infinity", "null", "true", '"5"', "[]",
    "{}", "99999999999999999999", "1000000000000001", "1e15", "5e-324", '"\\u00e9"', '"é"', '"a\tb"', "1 ", "1,", "", "1}",
    '1, "step": 2', '1, "kind": "state"', '1, "kind": "step"', '1, "loss": 3', '"{"', "1} {}", "1\r", "- 1", "/**/1",
]  # fmt: skip
FIELDS = st.sampled_from(["step", "time", "loss", "tokens", "memory_bytes", "note", "kind"])
ODD_LINE = st.tuples(FIELDS, st.sampled_from(ODD)).map(
    lambda pair: f'{{"kind": "step", "step": 3, "time": 1.5, "{pair[0]}x": 1, "{pair[0]}": {pair[1]}}}'
)
ODD_STEP = st.sampled_from(ODD).map(lambda value: f'{{"kind": "step", "step": {value}, "loss": 0.1}}')
USUAL_LINE = st.integers(1, 10**8).map(lambda n: f'{{"kind": "step", "step": {n}, "time": 1.7e9, "loss": {n / 7}}}')
OTHER_LINE = st.sampled_from(
    ['{"kind": "resume", "step": 1}', '{"kind": "stepper", "step": 1}', '{"kind": "step"}', "", '{"kind": "step",', "{"]
)


@given(st.lists(st.one_of(USUAL_LINE, USUAL_LINE, ODD_LINE, ODD_STEP, OTHER_LINE), max_size=6))
@settings(max_examples=400, deadline=None)
def test_reports_read_together_are_those_read_one_by_one(lines):
    same("".join(line + "\n" for line in lines).encode())


@given(st.lists(st.one_of(USUAL_LINE, ODD_LINE, ODD_STEP, OTHER_LINE), max_size=6))
@settings(max_examples=200, deadline=None)
def test_the_events_of_some_kinds_are_those_among_all(written):
    written = [*written, '{"kind": "step", "step": 3, "\\u006bind": "state", "state": "running"}']
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / events.FILE
        path.write_text("".join(line + "\n" for line in written), encoding="utf-8")
        chosen = lines.all_events(path, "state", "resume")
        assert chosen == [event for event in lines.all_events(path) if event["kind"] in ("state", "resume")]


def test_reports_of_steps_are_not_parsed_for_other_events(root, monkeypatch):
    """Which the start of a long run that goes on depends on."""
    run = a_run(root, "one")
    with open(run.folder / events.FILE, "ab") as file:
        file.writelines(b'{"kind": "step", "step": %d, "loss": 0.5}\n' % n for n in range(1, 500))
    parsed, read = [], events.read
    monkeypatch.setattr(events, "read", lambda line: parsed.append(line) or read(line))
    found = run.events("evaluation")
    assert found and not [line for line in parsed if b'"step"' in line[:20]]
    assert len(run.events("step", "evaluation")) == 500 + len(found)


@pytest.mark.parametrize("value", ODD)
def test_one_odd_report_among_usual_ones_is_taken_as_it_is_alone(value):
    usual = '{"kind": "step", "step": %d, "loss": 0.1}\n'
    for line in (
        f'{{"kind": "step", "step": {value}, "loss": 0.1}}',
        f'{{"kind": "step", "step": 3, "loss": {value}}}',
    ):
        assert 2 <= same((usual % 2 + line + "\n" + usual % 4).encode()) <= 3


def test_usual_reports_are_read_together(monkeypatch):
    """Which the speed of opening a long run depends on."""
    content = b"".join(b'{"kind": "step", "step": %d, "loss": 0.5}\n' % n for n in range(1, 500))
    monkeypatch.setattr(events, "read", lambda line: pytest.fail("read one by one"))
    assert blocks.parse(content, 0).steps["step"].tolist() == list(range(1, 500))
