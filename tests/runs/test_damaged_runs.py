"""Whatever a hand does to the files of a run costs that run alone: it is named with why, and all else works."""

import json
import os

import pytest
from damage_helpers import (
    BROKEN,
    CONFIG,
    DEEP,
    EDITS,
    EVENTS,
    IDS,
    POSIX,
    STATE,
    STEP,
    Ended,
    become,
    check_outcome,
    damaged_run,
    every_page,
    gone,
    look,
)
from pages_helpers import a_run

from engine import __main__
from engine.core import locks
from engine.core.errors import GoneError, StorageError
from engine.evaluation import cache
from engine.inference.samples import saved
from engine.runs import checkpoints, identity, lifecycle, removal, retention, states
from engine.runs.history import shared
from engine.runs.settings import RunSettings
from engine.services import dispatcher

pytestmark = pytest.mark.usefixtures("no_studio", "on_the_cpu")


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
    assert "damaged" in (output := capsys.readouterr().out) and "it holds no object in JSON" in output
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
    run = a_run(root, "one", state=states.RUNNING)
    with locks.Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        become(b"{")(run.folder / STATE)
        assert run.state().state == states.BROKEN
        run.write_state(step=3)
        assert (run.state().state, run.state().step) == (states.RUNNING, 3)


def test_a_configuration_that_is_deleted_while_it_trains_costs_no_checkpoint(root):
    run = a_run(root, "one", state=states.RUNNING)
    with locks.Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        identity.write_place(run.folder)
        whole = (run.folder / CONFIG).read_bytes()
        gone(run.folder / CONFIG)
        with pytest.raises(GoneError):
            run.write_state(step=3)
    dispatcher.settle(run, 0)
    assert lifecycle.find("one", root).state().state == states.BROKEN
    (run.folder / CONFIG).write_bytes(whole)
    back = lifecycle.find("one", root)
    assert [checkpoint.step for checkpoint in checkpoints.of_run(back)] == [4]
    assert back.problem is None


def test_what_a_deletion_left_is_removed_with_the_checkpoint_that_was_written_meanwhile(root):
    run = a_run(root, "one", state=states.RUNNING)
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
    history = shared.of(run.folder)
    assert history.damaged == 3 and history.steps["step"].tolist() == [4]
    app = every_page(["curve"])
    assert any("3 lines of its events.jsonl are damaged and left out." in c.value for c in app.caption)


def test_a_file_where_a_folder_is_needed_is_named(root):
    (root / ".locks").write_text("")
    with pytest.raises(StorageError, match=r"\.locks is in the way: a file stands where a folder is needed"):
        locks.Lock(dispatcher.lock_path(root)).acquire()
    assert not locks.held(dispatcher.lock_path(root))
    for name in (".samples", ".evaluations", ".exports"):
        (root / name).write_text("")
    a_run(root, "one")
    assert look(root)["one"].state == states.FINISHED
    assert saved.names(root) == []
    with pytest.raises(StorageError, match="in the way"):
        cache.write({"a": 1}, 2, root)
