"""The check of a room in its own process: it measures with a real run, can be stopped and killed, and leaves nothing."""

import os
import signal

import pytest
from waiting_helpers import until

from engine.classroom import room
from engine.core import jobs, machine
from engine.core.locks import Lock
from engine.runs.devices import device_lock
from engine.services import room_check


@pytest.fixture(autouse=True)
def own_classes(root, monkeypatch, tmp_path):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")


def ended(check: room_check.Check, seconds: float = 240) -> room_check.Status:
    until(lambda: not check.status().alive, seconds)
    return check.status()


def left(root) -> set[str]:
    """What there is beside the check's own report: names of runs, corpora, classes and folders."""
    known = {"check.json", "check.lock", "check.log", "check.starting", "check.stop", "check.room", "speed.json"}
    folders = (root, root / ".room-check", root.parent / "corpora", root.parent / "classes")
    found = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}
    return found - known - {".room-check", ".locks", "device-cpu.lock"}


def subjects(status: room_check.Status) -> list[str]:
    return list(dict.fromkeys(finding.subject for finding in status.findings))


@pytest.mark.slow
@pytest.mark.long  # trains a minute; a check that is stopped while it trains is tested always
def test_a_check_measures_with_a_real_run_and_leaves_nothing_of_it(root):
    check = room_check.Check()
    check.start("fine_tuning", [])
    status = ended(check)
    assert status.state == jobs.FINISHED and status.error is None, (root / ".room-check" / "check.log").read_text()
    assert subjects(status) == list(room.SUBJECTS[: room.SUBJECTS.index(room.PHONE)])
    of = {finding.subject: finding for finding in status.findings}
    minute = of[room.MINUTE].sentence.values
    assert of[room.MINUTE].at is None and minute["steps"] >= 0 and minute["waits"] + minute["training"] in (59, 60, 61)
    assert 1 < of[room.SECRET].sentence.values["seconds"] < 600
    speed = room_check.last_speed()
    assert speed is not None and speed.step_tokens == pytest.approx(768, rel=0.2)
    assert left(root) == set()
    # While another run has the device nothing is measured beside it, and the last time is told with its day.
    with Lock(device_lock("cpu", root)) as taken:
        assert taken.acquire()
        check.start("fine_tuning", [])
        again = ended(check)
    found = {finding.subject: finding for finding in again.findings}
    assert found[room.SECRET].at == speed.at
    assert any("Another run has" in str(f.sentence) for f in again.findings if f.subject == room.MINUTE)


@pytest.mark.slow
def test_a_check_is_stopped_while_it_trains_and_one_that_is_killed_leaves_nothing_after_the_next(root):
    check = room_check.Check()
    check.start("fine_tuning", [])
    run = root / ".room-check"

    def trains() -> bool:
        return any(run.glob(".run.*/runs/room-check/events.jsonl"))

    until(trains, 120)
    check.stop()
    status = ended(check)
    assert status.state == jobs.STOPPED and room.QUEUE in subjects(status)
    assert left(root) == set()
    check.start("fine_tuning", [])
    until(trains, 120)
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    os.kill(process_of(run), kill)
    until(lambda: check.status().interrupted, 30)
    assert list(run.glob(".run.*"))
    check.start("fine_tuning", [], trains=False)
    assert ended(check).state == jobs.FINISHED
    assert left(root) == set()


def process_of(folder) -> int:
    """The process that does the check of this folder."""
    import psutil

    file = str((folder / "check.json").resolve())
    (found,) = [
        p.pid for p in psutil.process_iter() if file in " ".join(_command(p)) and "python" in " ".join(_command(p))
    ]
    return found


def _command(process) -> list[str]:
    import psutil

    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_without_training_a_check_takes_seconds_and_says_that_no_speed_was_measured(root):
    check = room_check.Check()
    assert check.status() is None
    check.start(
        "fine_tuning", [f"http://{machine.addresses()[0] if machine.addresses() else '192.0.2.1'}:9"], trains=False
    )
    status = ended(check, 60)
    assert status.state == jobs.FINISHED and subjects(status)[-1] == room.MINUTE
    assert "not measured" in str(status.findings[-1].sentence)
    assert {f.state for f in status.findings if f.subject in (room.TEXTS, room.RECORDINGS, room.ANSWERS)} <= {
        room.WELL,
        room.LOOK,
    }
    assert left(root) == set() and "tensorflow" not in (root / ".room-check" / "check.log").read_text()


def test_what_was_damaged_in_its_file_is_as_if_it_had_not_been_found(root):
    folder = room_check.folder()
    folder.mkdir(parents=True)
    (folder / "check.json").write_text('{"state": "finished", "since": 1.0, "findings": [{"subject": "x"}, 3]}')
    assert room_check.Check().status().findings == ()
    (folder / "check.json").write_text('{"state": "finished", "since": 1.0, "findings": 7}')
    assert room_check.Check().status().findings == ()
    (folder / "phone.json").write_text("{")
    assert room_check.phone() is None


def test_what_a_killed_check_left_is_deleted_as_the_server_runs(root):
    left = room_check.folder() / ".run.9999999-0abc.tmp"
    left.mkdir(parents=True)
    (left / "weights").write_bytes(b"x")
    room_check.sweep_left()
    assert not left.exists() and room_check.folder().is_dir()
