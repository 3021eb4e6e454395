"""Whatever a hand does to the files of a run costs that run alone: it is named with why, and all else works."""

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages_helpers import a_run, press
from project import PAGES, PROJECT
from streamlit.testing.v1 import AppTest

from engine import __main__
from engine.core import checked, files, jobs, locks
from engine.core.errors import EngineError, GoneError, StorageError
from engine.corpus import store
from engine.evaluation import cache, forgetting
from engine.inference.samples import saved
from engine.presets import catalogue, tokenizers
from engine.runs import checkpoints, durations, identity, lifecycle, queue, removal, retention, submission
from engine.runs.settings import RunSettings
from engine.services import dispatcher, ending, import_job, inference_client, uploads
from ui import words
from ui.readers import comparison, growing, moments

pytestmark = pytest.mark.usefixtures("no_studio")

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


def line(number: int, **fields: object) -> Callable[[Path], None]:
    """Other values of some fields of a line; ... removes one."""

    def edit(path: Path) -> None:
        lines = path.read_text().splitlines()
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
    (EVENTS, "an evaluation without figures", line(0, accuracy=..., loss=...), WHOLE),
    (EVENTS, "an evaluation of nothing", line(0, split="moon"), WHOLE),
    (EVENTS, "an evaluation by nobody", line(0, model=["run"]), WHOLE),
    (EVENTS, "a parent's evaluation of a run that has none", line(1, model="parent"), WHOLE),
    (EVENTS, "sums that are none", line(0, by_article={"article": [1], "tokens": []}), WHOLE),
    (EVENTS, "sums of nothing", line(0, by_article={key: [0] for key in ("article", "tokens", "bytes", "top_1", "loss")}), WHOLE),
    (EVENTS, "near-copies", line(0, near_copies="many", near_copies_left_out="no"), WHOLE),
    (EVENTS, "a sample without text", line(2, text=...), WHOLE),
    (EVENTS, "a sample whose prompt is a list", line(2, prompt=[]), WHOLE),
    (EVENTS, "a time in words", line(0, time="noon", tokens="many"), WHOLE),
    (EVENTS, "memory", line(0, kind="memory", micro_batch="few"), WHOLE),
    (EVENTS, "damaged", line(0, kind="damaged", checkpoint=4, reason=ERROR), WHOLE),
    (EVENTS, "parent_lost", line(0, kind="parent_lost", reason=None), WHOLE),
    (EVENTS, "keras_evaluate", line(0, kind="keras_evaluate"), WHOLE),
    (EVENTS, "a passage with a rank too few", line(0, kind="passage", pieces=["a"], probabilities=[0.1], ranks=[]), WHOLE),
    (EVENTS, "a resume to the future", line(0, kind="resume", step=10**30), WHOLE),
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


def damaged_run(root: Path, file: str, edit: Callable[[Path], None], name: str = "damaged") -> lifecycle.Run:
    run = a_run(root, name)
    if file == "recorded.json":
        (run.folder / file).write_text('{"command": "c", "date": "d", "commit": "e"}')
    edit(run.folder / file)
    return run


def look(root: Path) -> dict[str, lifecycle.State]:
    """Everything that the engine, and what pages make of it, reads of the runs; the states by name."""
    states = {}
    for run in lifecycle.all_runs(root):
        states[run.name] = run.state()
        for read in (run.alive, run.control, run.silent_seconds, run.at_work, run.orphaned, run.saved_step):
            read()
        events = run.events()
        record = growing.record(run.folder / "events.jsonl")
        assert [event for event in events if event["kind"] != "step"] == record.others
        lines = lifecycle.read_lines(run.folder / "events.jsonl").split(b"\n")
        assert record.damaged == checked.events(lines)[1]
        assert [event["step"] for event in events if event["kind"] == "step"] == record.steps["step"].tolist()
        figures = comparison.columns(record)
        assert all(np.isfinite(figures.evaluation[name]).all() for name in ("step", "loss"))
        comparison.best(figures)
        moments.of_run(run, events)
        if (meter := forgetting.of_events(events)) is not None:
            forgetting.change(meter.science), forgetting.change(meter.english)
        retention.pinned(run), checkpoints.seen_damaged(run), retention.best(checkpoints.of_run(run))
        checkpoints.newest_and_damaged(run)
        removal.loss(run), removal.children(run)
        with contextlib.suppress(EngineError):
            ending.end_trainer(run)
        with contextlib.suppress(EngineError):
            run.settings, run.waits_for(), submission.lineage(checkpoints.find(run.name, root), root)
        str(states[run.name].error)
        run.name.encode()
    checkpoints.models(root), retention.parents(root), queue.waiting(root), dispatcher.work_left(root)
    queue.places(root), uploads.sweep(1e9, root), cache.forget("none", root)
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


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    from engine.core import machine

    monkeypatch.setattr(machine, "gpus", lambda: ())


def check_outcome(root: Path, outcome: str) -> None:
    states = look(root)
    assert states["healthy"].state == lifecycle.FINISHED
    assert lifecycle.find("healthy", root).problem is None
    assert len(lifecycle.find("healthy", root).events()) == 7
    damaged = lifecycle.find("damaged", root)
    assert (damaged.problem is not None) == (outcome == BROKEN), damaged.problem
    assert (states["damaged"].state == lifecycle.BROKEN) == (outcome != WHOLE)
    if outcome == STATELESS:  # what state.json said can be found again
        damaged.request_resume()
        assert damaged.state().state == lifecycle.QUEUED and damaged.state().step == 4
        damaged.request_stop()
    if outcome == BROKEN:
        with pytest.raises(EngineError):
            damaged.request_resume()


@pytest.mark.parametrize(("file", "edit", "outcome"), [(f, e, o) for f, _n, e, o in EDITS], ids=IDS)
def test_an_edit_costs_its_own_run_alone(root, file, edit, outcome):
    a_run(root, "healthy")
    run = damaged_run(root, file, edit)
    check_outcome(root, outcome)
    if outcome == BROKEN:
        removal.remove(run)
        assert [other.name for other in lifecycle.all_runs(root)] == ["healthy"]
        assert [path.name for path in root.iterdir() if path.name != ".locks"] == ["healthy"]


def test_there_are_as_many_edits_as_were_tried_by_hand():
    assert len(EDITS) >= 82 and len(set(IDS)) == len(IDS)


def test_the_command_line_lists_a_broken_run_with_why_and_deletes_it(root, capsys):
    a_run(root, "healthy")
    damaged_run(root, CONFIG, become(DEEP))
    assert __main__.main(["runs"]) == 0
    assert "damaged" in (told := capsys.readouterr().out) and "it holds no object in JSON" in told
    assert __main__.main(["runs", "--json"]) == 0
    rows = {row["run"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["healthy"]["state"], rows["damaged"]["state"]) == ("finished", "broken")
    assert rows["damaged"]["problem"] == "The run's config.json is damaged: it holds no object in JSON."
    assert __main__.main(["resume", "damaged"]) == 1
    assert __main__.main(["checkpoints"]) == 0
    assert __main__.main(["delete", "damaged", "--yes"]) == 0
    assert [run.name for run in lifecycle.all_runs(root)] == ["healthy"]


@pytest.mark.skipif(not POSIX, reason="names are bytes on POSIX alone")
def test_a_name_that_is_no_text_is_shown_escaped_with_a_better_one(root, capsys):
    a_run(root, "healthy")
    os.rename(os.fsencode(a_run(root, "odd").folder), os.fsencode(root) + b"/odd\xff\x1b[31m")
    (run,) = (run for run in lifecycle.all_runs(root) if run.name != "healthy")
    assert run.name == "odd\\udcff\\x1b[31m"
    assert str(run.problem).endswith("rename the folder, to odd-31m for example.")
    assert __main__.main(["runs"]) == 0
    assert run.name in capsys.readouterr().out
    look(root)
    removal.remove(lifecycle.find(run.name, root))
    assert [path.name for path in root.iterdir() if path.name != ".locks"] == ["healthy"]


def test_a_broken_run_neither_blocks_the_queue_nor_wakes_the_dispatcher(root):
    for name, more in (("broken", {}), ("child", {"after": "broken", "parent": "broken"}), ("next", {})):
        wanted = RunSettings("checkpoints/presets/gpt2_mini_en", "articles/sample", name, steps=2, **more)
        lifecycle.create(wanted, root=root)
    become(DEEP)(root / "broken" / CONFIG)
    started: list[str] = []
    dispatcher.Dispatcher(root, start=lambda run, device: started.append(run.name) or Ended()).turn()  # type: ignore
    assert started == ["next"]
    assert lifecycle.find("child", root).waits_for() == "broken"
    lifecycle.find("next", root).request_stop()
    write = json.loads((root / "broken" / STATE).read_text()) | {"state": "running"}  # its trainer died too
    (root / "broken" / STATE).write_text(json.dumps(write))
    assert not dispatcher.work_left(root)
    assert not dispatcher.Dispatcher(root).turn()


def test_a_trainer_mends_a_state_that_is_damaged_while_it_works(root):
    run = a_run(root, "one", state=lifecycle.RUNNING)
    with locks.Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        become(b"{")(run.folder / STATE)
        assert run.state().state == lifecycle.BROKEN
        run.write_state(step=3)
        assert (run.state().state, run.state().step) == (lifecycle.RUNNING, 3)


def test_a_configuration_that_is_deleted_while_it_trains_costs_no_checkpoint(root):
    run = a_run(root, "one", state=lifecycle.RUNNING)
    with locks.Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        identity.write_place(run.folder)
        whole = (run.folder / CONFIG).read_bytes()
        gone(run.folder / CONFIG)
        with pytest.raises(GoneError):
            run.write_state(step=3)
    dispatcher.settle(run, 0)
    assert lifecycle.find("one", root).state().state == lifecycle.BROKEN
    (run.folder / CONFIG).write_bytes(whole)
    back = lifecycle.find("one", root)
    assert [checkpoint.step for checkpoint in checkpoints.of_run(back)] == [4]
    assert back.problem is None


def test_what_a_deletion_left_is_removed_with_the_checkpoint_that_was_written_meanwhile(root):
    run = a_run(root, "one", state=lifecycle.RUNNING)
    for path in run.folder.iterdir():
        if path.name not in ("heartbeat", STEP):
            gone(path)
    dispatcher.settle(run, 0)
    assert not run.folder.exists()


def test_damaged_pins_keep_every_checkpoint(root):
    run = a_run(root, "one")
    become(b'{"steps": null}')(run.folder / "pins.json")
    assert retention.pinned(run) == {4}
    retention.pin(checkpoints.of_run(run)[0], False)
    assert retention.pinned(run) == set()


def test_damaged_lines_are_counted_and_shown(root):
    run = a_run(root, "one")
    with open(run.folder / EVENTS, "ab") as file:
        file.write(b'{"kind": "step", "step": "abc"}\n\n{"kind": "sample", "step": 4}\n{"kind"\n')
    record = growing.record(run.folder / EVENTS)
    assert record.damaged == 3 and record.steps["step"].tolist() == [4]
    app = every_page(["fine_tune"])
    assert any("3 lines of its events.jsonl are damaged and left out." in c.value for c in app.caption)


def test_a_file_where_a_folder_is_needed_is_named(root):
    (root / ".locks").write_text("")
    with pytest.raises(StorageError, match=r"\.locks is in the way: a file stands where a folder is needed"):
        locks.Lock(dispatcher.lock_path(root)).acquire()
    assert not locks.held(dispatcher.lock_path(root))
    for name in (".samples", ".evaluations", ".exports"):
        (root / name).write_text("")
    a_run(root, "one")
    assert look(root)["one"].state == lifecycle.FINISHED
    assert saved.names(root) == []
    with pytest.raises(StorageError, match="in the way"):
        cache.keep({"a": 1}, 2, root)


def test_pages_open_where_files_stand_for_the_folders_of_locks_and_results(root):
    for name in (".locks", ".samples", ".evaluations", ".exports"):
        (root / name).write_text("")
    a_run(root, "one")
    queued = a_run(root, "two")
    queued.write_state(state=lifecycle.QUEUED)
    every_page()


def test_what_was_measured_is_measured_anew_where_its_file_was_changed(root):
    cache.keep({"a": 1}, {"accuracy": 0.5}, root)
    (file,) = (root / ".evaluations").iterdir()
    assert cache.kept({"a": 1}, root) == {"accuracy": 0.5}
    for edit in (change(value={"accuracy": "x"}), change(value=...), change(seal=3), become(DEEP), a_folder):
        cache.keep({"a": 1}, {"accuracy": 0.5}, root)
        edit(file)
        assert cache.kept({"a": 1}, root) is None


def test_a_job_whose_file_is_damaged_reads_as_never_asked_for(tmp_path):
    file = tmp_path / "key.json"
    for content in (b"{}", b'{"state": 3, "since": 1}', b'{"state": "failed", "since": 1, "error": {}}', DEEP):
        file.write_bytes(content)
        job = jobs.Job(file, "engine.services.import_job")
        assert job.value() == {} and not job.alive()


def test_a_corpus_whose_card_is_damaged_is_prepared_anew(root, sample_folder):
    from engine.corpus import preparation

    tokenizer = catalogue.tokenizer(catalogue.find("checkpoints/presets/gpt2_mini_en"))
    made = preparation.prepare(sample_folder, tokenizer)
    card = made.folder / store.CARD
    whole = card.read_bytes()
    splits = json.loads(whole)["splits"]
    for edit in (
        change(splits=None), change(splits=splits | {"train": splits["train"] | {"articles": 10**9}}), change(dtype="U9"),
        change(files=...), change(files={"../x": {"bytes": 1, "sha256": "0" * 64}}), change(skipped={"count": "x"}),
        change(duplicates={}), change(section_names=[1]), change(near_copies=...), change(near_copies={"pairs": 1}),
        change(formulas={"text": "x"}), change(set_aside_seed="x"), change(left_out={"tables": "x"}), change(forms=[1]),
        change(remarks={"count": "x"}), change(template_share="x"), become(DEEP), a_link_to_nothing,
    ):  # fmt: skip
        edit(card)
        assert store.all_corpora() == []
        assert preparation.find(sample_folder, tokenizer) is None
        gone(card)
        card.write_bytes(whole)
    change(splits=None)(card)
    assert preparation.prepare(sample_folder, tokenizer).articles("train") == 24


def test_a_preset_whose_files_are_damaged_is_named(tmp_path):
    whole = PROJECT / "checkpoints" / "presets" / "gpt2_mini_en"
    for file, edit in (
        ("config.json", become(DEEP)), ("config.json", change(registered_name=3, class_name=4)), ("config.json", change(config=[])),
        ("config.json", a_folder), ("assets/tokenizer/vocabulary.json", become(DEEP)),
        ("assets/tokenizer/vocabulary.json", become(b'["a"]')), ("assets/tokenizer/vocabulary.json", become(b'{"a": "b"}')),
        ("assets/tokenizer/merges.txt", become(b"\xff\xfe")),
    ):  # fmt: skip
        shutil.copytree(whole, copy := tmp_path / "copy")
        edit(copy / file)
        with pytest.raises(EngineError):
            tokenizers.assets(catalogue.find(copy).folder)
        shutil.rmtree(copy)
    shutil.copytree(whole, copy)
    become(b"\xff card")(copy / "README.md")
    assert catalogue.card(catalogue.find(copy)) == "\ufffd card"


def test_the_studio_whose_address_is_damaged_is_not_ready(root):
    from engine.services import inference_server

    path = inference_server.address_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    for value in ({"address": 3, "key": "00"}, {"address": "x", "key": "zz"}, {"address": "x\0", "key": "00"}):
        path.write_text(json.dumps(value))
        with pytest.raises(EngineError):
            list(inference_client.stream({}, root))


# Any damage


def corrupted(value: object, chance: random.Random) -> object:
    """A JSON value with one place in it changed."""
    odd = [
        None,
        True,
        -5,
        "abc",
        "",
        [],
        {},
        1e308,
        float("nan"),
        float("inf"),
        10**30,
        "\ud800",
        "\0",
        [[]],
        {"a": {}},
    ]
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(sorted(value))
        if chance.random() < 0.2:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: corrupted(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], corrupted(value[at], chance), *value[at + 1 :]]
    return chance.choice(odd)


def damage(folder: Path, chance: random.Random) -> str:
    """Does anything to any file of a run's folder; what it was."""
    targets = sorted(path for path in folder.rglob("*")) + [
        folder / name for name in ("pins.json", "owner.json", "lock")
    ]
    path = chance.choice(targets)
    whole = path.read_bytes() if path.is_file() else b""
    ways = {
        "gone": gone, "a folder": a_folder, "deep": become(DEEP), "deep lines": become(DEEP + b"\n" + whole),
        "torn": become(whole[: chance.randrange(len(whole) + 1)]),
        "bytes": become(chance.randbytes(chance.randrange(300))),
        "a link": a_link_to_nothing, "twice": become(whole + whole),
    }  # fmt: skip
    if POSIX:
        ways["a pipe"] = a_pipe
    if whole:
        changed = bytearray(whole)
        for _change in range(chance.randrange(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        ways["some bytes"] = become(bytes(changed))
    if path.suffix in (".json", ".jsonl"):
        with contextlib.suppress(ValueError, RecursionError, IndexError):
            lines = whole.decode().splitlines() if path.suffix == ".jsonl" else [whole.decode()]
            at = chance.randrange(max(1, len(lines)))
            lines[at : at + 1] = [json.dumps(corrupted(json.loads(lines[at]), chance))] * chance.choice((1, 1, 2))
            for name in ("a value", "a value again", "another value"):  # three times as often
                ways[name] = become(("\n".join(lines) + "\n").encode())
    if path.name == "manifest.json":  # sealed as if it had been written so
        with contextlib.suppress(ValueError, RecursionError, KeyError):
            value = corrupted(json.loads(whole), chance)
            if isinstance(value, dict):
                value.pop(checkpoints._SEAL, None)
                ways["a value under a new seal"] = become(checkpoints._sealed(value).encode("utf-8", "replace"))
    way = chance.choice(sorted(ways))
    if path == folder or not path.parent.is_dir():
        return "nothing"
    if path.is_dir() and way not in ("gone", "a link", "a pipe"):
        gone(path)
    ways[way](path)
    return f"{path.relative_to(folder)}: {way}"


def any_damage(root: Path, template: Path, seed: int) -> list[str]:
    """Damages a copy of a run in one to three ways."""
    chance = random.Random(seed)
    gone(root / "damaged") if (root / "damaged").exists() else None
    shutil.copytree(template, root / "damaged")
    return [damage(root / "damaged", chance) for _time in range(chance.randrange(1, 4))]


@pytest.fixture
def template(root, tmp_path) -> Path:
    """A run with events of every kind, kept aside."""
    run = a_run(root, "template")
    error = EngineError("The run {name} has no checkpoint yet.", name="x").to_json()
    for kind, fields in {
        "passage": {"step": 4, "model": "run", "pieces": ["a", " b"], "probabilities": [0.5, 0.1], "ranks": [1, 7]},
        "memory": {"step": 0, "failed_step": 2, "micro_batch": 4, "batch_size": 8},
        "damaged": {"checkpoint": "x/4", "reason": error},
        "parent_lost": {"checkpoint": "y/4", "reason": error},
        "keras_evaluate": {"step": 4, "split": "test", "tokens": 9, "targets": 9, "accuracy": 0.1, "loss": 3.0,
                           "accuracy_with_padding": 0.2},
        "result": {"step": 4, "device": "CPU"},
        "state": {"state": "finished", "reason": None},
        "checkpoint": {"step": 4, "tokens": 100},
    }.items():  # fmt: skip
        run.append_event(kind, **fields)
    for split in ("validation", "english"):
        for model, step in (("base", 0), ("run", 4)):
            figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
            sums = {key: list(range(1, 13)) for key in ("article", "tokens", "bytes", "top_1")} | {"loss": [2.5] * 12}
            run.append_event(
                "evaluation", step=step, split=split, model=model, whole=False, by_article=sums, near_copies=None,
                near_copies_left_out=False, **figures,
            )  # fmt: skip
    assert growing.record(run.folder / EVENTS).damaged == 0
    target = tmp_path / "template"
    shutil.move(run.folder, target)
    return target


# So many in the suite; before a release, DAMAGES=4000 DAMAGED_PAGES=80 DAMAGED_STEP=1.
EXAMPLES, PAGE_EXAMPLES, PAGE_STEP = (
    int(os.environ.get(name, usual)) for name, usual in (("DAMAGES", 120), ("DAMAGED_PAGES", 2), ("DAMAGED_STEP", 4))
)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_damage_costs_its_own_run_alone(root, template, seed):
    if not (root / "healthy").exists():
        a_run(root, "healthy")
    done = any_damage(root, template, seed)
    states = look(root)
    assert states["healthy"].state == lifecycle.FINISHED, done
    assert len(lifecycle.find("healthy", root).events()) == 7, done
    assert "damaged" in states or not lifecycle.is_run(root / "damaged"), done


def every_page(
    pages: list[str] | None = None, seen: Callable[[str, AppTest], None] = lambda page, app: None
) -> AppTest:
    """Opens the pages, one after the other in one session, each looked at by `seen`; the last."""
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=60)
    app.session_state["language"] = "en"
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    for name in pages or [page.stem for page in PAGES]:
        app.switch_page(str(PROJECT / "pages" / f"{name}.py")).run()
        assert not app.exception, (name, [e.message for e in app.exception])
        assert app.title, name
        seen(name, app)
    return app


def test_all_pages_open_beside_many_edits_at_once(root):
    some = EDITS[::PAGE_STEP]
    for number, (file, _name, edit, _outcome) in enumerate(some):
        damaged_run(root, file, edit, f"edit-{number}")
    a_run(root, "healthy")
    broken = [f"edit-{number}" for number, edit in enumerate(some) if edit[-1] != WHOLE]
    listing = []

    def seen(page: str, app: AppTest) -> None:
        if page in ("lab", "checkpoints", "compare"):
            assert any(e.label == f"{len(broken)} runs are broken" for e in app.expander), page
            told = [m.value for m in app.markdown]
            assert all(any(f"**{words.plain(name)}** · " in value for value in told) for name in broken), page
            listing.append(page)
        if page == "compare":
            assert "healthy" in app.multiselect[0].options

    every_page(seen=seen)
    assert sorted(listing) == ["checkpoints", "compare", "lab"]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=PAGE_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_pages_open_whatever_was_damaged(root, template, no_studio, seed):
    if not (root / "healthy").exists():
        a_run(root, "healthy")
    done = any_damage(root, template, seed)

    def seen(page: str, app: AppTest) -> None:
        if page == "compare":
            assert "healthy" in app.multiselect[0].options, done

    every_page(seen=seen)


def test_the_owner_deletes_a_broken_run_on_the_page(root):
    a_run(root, "healthy")
    damaged_run(root, CONFIG, become(DEEP))
    app = every_page(["checkpoints"])
    press(app, "checkpoints_damaged_remove")
    app.text_input(key="removal_name").set_value("damaged")
    press(app, "checkpoints_damaged_remove", app.button(key="removal_yes"))
    assert not app.exception
    assert [run.name for run in lifecycle.all_runs(root)] == ["healthy"]


def test_json_of_strangers_is_read_or_refused(tmp_path):
    file = tmp_path / "x.json"
    for content in (DEEP, b"[" * 40 + b"]" * 40, b'{"a": "\\udfff"}', b"\xff", b"", b"9" * 10_000, b"1", b"[1]"):
        file.write_bytes(content)
        assert files.read_json(file) == {}
    file.write_bytes(b'{"a": "\\ud83d\\ude00"}')
    assert files.read_json(file) == {"a": "\U0001f600"}
    assert import_job.Import(import_job.Request("a", "b")).status() is None
