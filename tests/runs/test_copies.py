"""Folders that are copied, moved or deleted: a copy waits for a person, a moved run goes on, a deleted one stays deleted."""

import json
import platform
import shutil
import subprocess
import sys

import pytest
from pages_helpers import go_to, look_at, new_session, the
from project import PROJECT
from waiting_helpers import until

from engine.cli.app import main
from engine.core import files
from engine.core.errors import GoneError, RunError, SettingsError
from engine.core.locks import Lock, held
from engine.runs import identity, lifecycle, queue, removal, submission
from engine.runs import states as states_
from engine.runs.folder import OWNER, Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher, killing, worker


def a_run(root, state=states_.QUEUED, **changes) -> Run:
    settings = {"preset": "checkpoints/presets/gpt2_mini_en", "articles": "articles/sample", "name": "one", "steps": 4}
    run = lifecycle.create(RunSettings(**{**settings, **changes}), root=root)
    if state != states_.QUEUED:
        run.write_state(state=state, step=2, steps=4)
    return run


def copied(folder, target) -> Run:
    return Run(shutil.copytree(folder, target))


def started_by_a_dispatcher(root) -> list[str]:
    started = []

    class Child:
        def poll(self):
            return None

    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or Child()).turn()
    return started


@pytest.mark.parametrize("state", [states_.QUEUED, states_.RUNNING])
def test_a_copy_that_says_it_waits_or_works_waits_for_a_person_and_then_is_a_run_of_its_own(root, state):
    original = a_run(root, state)
    copy = copied(original.folder, root / "two")
    if state == states_.RUNNING:  # its trainer is at work
        lock = Lock(original.folder / "lock")
        assert lock.acquire()
    assert original.state().state == state
    assert copy.state().state == states_.COPIED
    assert "a copy of the run one as it waited or worked, and does not train by itself" in str(copy.state().error)
    assert [run.name for run in queue.waiting(root)] == (["one"] if state == states_.QUEUED else [])
    assert started_by_a_dispatcher(root) == (["one"] if state == states_.QUEUED else [])
    assert worker.work(copy, device="cpu") is None
    assert not copy.orphaned() and not copy.at_work()
    copy.request_resume()
    fresh = lifecycle.find("two", root)
    assert fresh.state().state == states_.QUEUED and fresh.settings.name == "two"
    assert fresh.config["id"] != original.config["id"]
    assert fresh.config["copied_from"] == {"name": "one", "id": original.config["id"]}
    assert [run.name for run in queue.waiting(root)][-1] == "two"
    assert lifecycle.find("one", root).state().state == state


def test_a_copy_of_a_copy_is_one_too_also_when_the_first_run_is_gone(root):
    second = copied(a_run(root).folder, root / "two")
    third = copied(second.folder, root / "three")
    shutil.rmtree(root / "one")
    assert {second.state().state, third.state().state} == {states_.COPIED}
    assert not dispatcher.work_left(root)


def test_a_copied_project_does_not_train_and_what_has_finished_in_it_opens(root):
    a_run(root)
    a_run(root, states_.RUNNING, name="works")
    a_run(root, states_.FINISHED, name="done")
    a_run(root, states_.PAUSED, name="paused")
    there = root.parent / "elsewhere" / "checkpoints"
    shutil.copytree(root, there)
    states = {run.name: run.state().state for run in lifecycle.all_runs(there)}
    assert states == {
        "one": states_.COPIED,
        "works": states_.COPIED,
        "done": states_.FINISHED,
        "paused": states_.PAUSED,
    }
    assert not dispatcher.work_left(there) and started_by_a_dispatcher(there) == []
    paused = lifecycle.find("paused", there)
    paused.request_resume()  # by a person: from here on it is another run
    assert lifecycle.find("paused", there).config["id"] != lifecycle.find("paused", root).config["id"]
    assert [run.name for run in queue.waiting(there)] == ["paused"]


def test_a_run_that_was_renamed_or_moved_with_its_project_is_the_run_itself(root):
    run = a_run(root)
    run.folder.rename(root / "renamed")
    assert started_by_a_dispatcher(root) == ["renamed"]
    moved = root.rename(root.parent / "moved")
    assert lifecycle.find("renamed", moved).state().state == states_.QUEUED
    link = root.parent / "link"
    link.symlink_to(moved)
    assert lifecycle.find("renamed", link).state().state == states_.QUEUED
    run = lifecycle.find("renamed", moved)
    run.settle_place()
    assert files.read_json(run.folder / identity.PLACE)["path"] == str(run.folder.resolve())


def test_a_container_and_a_disk_with_other_inodes_are_no_copies_and_another_machine_is_one(root, monkeypatch):
    run = a_run(root)
    monkeypatch.setattr(platform, "node", lambda: "another-container")  # the folder is mounted there
    assert run.state().state == states_.QUEUED
    place = files.read_json(run.folder / identity.PLACE)
    files.write_json(run.folder / identity.PLACE, {**place, "inode": place["inode"] + 1})
    assert run.state().state == states_.COPIED  # the same path on another machine
    monkeypatch.undo()
    assert Run(run.folder).state().state == states_.QUEUED  # a disk that numbers its files anew


def test_of_two_folders_with_one_inode_number_the_one_at_its_place_is_the_run(root):
    run = a_run(root)
    other = copied(run.folder, root / "two")  # as of a snapshot, or on another disk
    place = files.read_json(other.folder / identity.PLACE)
    files.write_json(other.folder / identity.PLACE, {**place, "inode": other.folder.stat().st_ino})
    assert (run.state().state, other.state().state) == (states_.QUEUED, states_.COPIED)


def test_a_run_from_before_there_were_ids_goes_on_and_its_copy_does_not(root):
    run = a_run(root)
    config = files.read_json(run.folder / "config.json")
    del config["id"]
    files.write_json(run.folder / "config.json", config)
    (run.folder / identity.PLACE).unlink()
    copy = copied(run.folder, root / "two")
    assert (run.state().state, copy.state().state) == (states_.QUEUED, states_.COPIED)
    run = lifecycle.find("one", root)
    run.settle_place()  # as its trainer does
    assert len(run.config["id"]) == 32 and (run.folder / identity.PLACE).exists()
    assert run.settings == lifecycle.find("one", root).settings


def test_a_copy_can_be_stopped_and_deleted_and_one_whose_name_is_none_says_so(root):
    original = a_run(root)
    copy = copied(original.folder, root / "one (copy)")
    with pytest.raises(SettingsError, match=r"The name “one \(copy\)” cannot be a folder"):
        copy.request_resume()
    assert copy.state().state == states_.COPIED
    with pytest.raises(RunError, match="No trainer works"):
        killing.kill_trainer(copy)
    copy.request_stop()
    assert copy.state().state == states_.STOPPED
    removal.remove(copied(original.folder, root / "three"))
    assert sorted(path.name for path in root.iterdir()) == ["one", "one (copy)"]
    assert original.state().state == states_.QUEUED


def test_the_page_and_the_command_list_a_copy_as_one_and_resume_it(root, monkeypatch, capsys):
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    copied(a_run(root, states_.RUNNING).folder, root / "two")
    assert main(["runs"]) == 0
    assert "copied" in (output := capsys.readouterr().out) and "This folder is a copy of the run one" in output
    app = new_session()
    app.session_state["language"] = "en"
    app.run()
    look_at(go_to(app, "curve"), "two")
    assert any("a copy, which waits for you" in markdown.value for markdown in app.markdown)
    assert the(app.warning, "This folder is a copy of the run one")
    app.button(key="curve_resume").click().run()
    assert not app.exception and not app.error
    assert lifecycle.find("two", root).state().state == states_.QUEUED


# Deleted while it trains


@pytest.mark.parametrize("way", ["whole", "in part"])
def test_a_trainer_whose_folder_is_deleted_ends_and_leaves_nothing(root, monkeypatch, way):
    run = a_run(root)
    monkeypatch.setattr(worker, "_require_memory", lambda run: None)
    monkeypatch.setattr(worker.retention, "require_space", lambda folder, needed: None)

    def train(run, device, stop, heart, on_progress):
        stop.check()
        if way == "whole":
            shutil.rmtree(run.folder)
        else:  # the trainer wrote between two of the deletion's steps
            (run.folder / "config.json").unlink()
            (run.folder / "step-00000002").mkdir()
        stop.check()
        raise AssertionError("it goes on")

    monkeypatch.setattr(worker, "_train_until_stopped", train)
    with pytest.raises(GoneError, match="The folder of the run one was deleted while it trained"):
        worker.work(run, device="cpu")
    assert [path.name for path in root.iterdir()] == [".locks"]
    assert a_run(root).state().state == states_.QUEUED  # its name is free


def test_a_folder_that_was_replaced_by_another_run_is_left_to_it(root, monkeypatch):
    run = a_run(root)
    monkeypatch.setattr(worker, "_require_memory", lambda run: None)
    monkeypatch.setattr(worker.retention, "require_space", lambda folder, needed: None)

    def train(run, device, stop, heart, on_progress):
        run.folder.rename(root / "moved")
        a_run(root, seed=7)
        stop.check()

    monkeypatch.setattr(worker, "_train_until_stopped", train)
    with pytest.raises(GoneError):
        worker.work(run, device="cpu")
    assert lifecycle.find("one", root).settings.seed == 7
    assert lifecycle.find("one", root).state().state == states_.QUEUED
    assert lifecycle.find("moved", root).orphaned()  # which the dispatcher resumes under its new name


def test_a_real_trainer_and_its_dispatcher_end_when_the_run_is_deleted_by_hand(root, tiny_preset, sample_folder):
    run = submission.submit(
        RunSettings(
            preset=str(tiny_preset), articles=str(sample_folder), name="one", steps=1_000_000, evaluate_steps=5, keep_checkpoints=2,
            interval_tokens=64, sample_tokens=1, batch_size=2, device="cpu",
        )
    )  # fmt: skip
    with subprocess.Popen([sys.executable, "-m", "engine.services.dispatcher", str(root)], cwd=PROJECT) as process:
        until(lambda: run.saved_step() > 0, 120)
        pid = json.loads((run.folder / OWNER).read_text())["pid"]
        while run.folder.exists() and held(run.folder / "lock"):
            shutil.rmtree(run.folder, ignore_errors=True)  # it writes checkpoints meanwhile
        until(lambda: not is_alive(pid), 120)
        until(lambda: not run.folder.exists(), 120)
        assert process.wait(60) == 0
    assert {path.name for path in root.iterdir()} == {".locks", ".evaluations"}  # what was measured of the base stays


def is_alive(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_lock_whose_file_was_deleted_is_taken_anew_or_given_up(tmp_path):
    from engine.core.locks import Lock, held

    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.acquire() and first.renew()
    (tmp_path / "lock").unlink()
    assert not held(tmp_path / "lock")
    assert first.renew() and held(tmp_path / "lock") and not second.acquire()
    (tmp_path / "lock").unlink()
    assert second.acquire()
    assert not first.renew() and second.stands()
    first.release()
    second.release()
