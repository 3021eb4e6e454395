"""Looks at all runs (engine.runs.looks): what lies still is not read again, and nothing that changed is overlooked."""

import os
import time

import pytest

from engine.core import checked, paths
from engine.core.files import write_json
from engine.core.locks import Lock
from engine.runs import lifecycle, looks, states
from engine.runs.settings import RunSettings


def finished(name, root):
    """A run that ended a minute ago."""
    settings = RunSettings(preset=paths.portable(paths.MINI_PRESET), articles="articles", name=name, steps=4)
    run = lifecycle.create(settings, root=root)
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.FINISHED, step=4, steps=4)
    past(run)
    return run


def past(run):
    for path in (*run.folder.iterdir(), run.folder):
        os.utime(path, (time.time() - 60,) * 2)


@pytest.fixture
def read(monkeypatch):
    """The folders of runs that are read, in order."""
    found, names = [], checked.names

    def noted(folder):
        found.append(folder.name)
        return names(folder)

    monkeypatch.setattr(checked, "names", noted)
    return found


def test_runs_at_rest_are_read_once(root, read):
    for name in ("one", "two", "three"):
        finished(name, root)
    first = looks.of_all(root)
    assert set(read) == {"one", "two", "three"}
    read.clear()
    assert [look.run.name for look in looks.of_all(root)] == [look.run.name for look in first] and not read
    assert [look.run.name for look in first] == [run.name for run in lifecycle.all_runs(root)]


@pytest.mark.parametrize(
    "change",
    [
        lambda run: (run.folder / "state.json").write_text("{"),
        lambda run: (run.folder / "config.json").write_text("{"),
        lambda run: write_json(run.folder / "recorded.json", {"date": 3}),
        lambda run: (run.folder / "lock").unlink() or (run.folder / "lock").mkdir(),
    ],
    ids=["state", "config", "recorded", "lock"],
)
def test_what_a_hand_did_to_a_run_at_rest_is_seen_at_the_next_look(root, change):
    run = finished("one", root)
    (before,) = looks.of_all(root)
    change(run)
    (after,) = looks.of_all(root)
    assert (before.problem, before.state.state) == (None, states.FINISHED)
    assert after.problem is not None or after.state.state == states.BROKEN


def test_a_run_that_goes_on_comes_or_goes_is_seen_at_the_next_look(root):
    run = finished("one", root)
    looks.of_all(root)
    run.write_state(state=states.QUEUED)
    assert [look.state.state for look in looks.of_all(root)] == [states.QUEUED]
    finished("two", root)
    assert {look.run.name for look in looks.of_all(root)} == {"one", "two"}
    lifecycle.take_away(run)
    assert [look.run.name for look in looks.of_all(root)] == ["two"]


def test_a_run_that_works_is_read_at_every_look(root, read):
    run = finished("one", root)
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING)
        past(run)
        looks.of_all(root)
        read.clear()
        assert [look.state.state for look in looks.of_all(root)] == [states.RUNNING] and read
    assert [look.state.state for look in looks.of_all(root)] == [states.INTERRUPTED]


def test_a_file_that_a_link_leads_to_is_looked_at_too(root, tmp_path):
    run = finished("one", root)
    target = tmp_path / "config.json"
    (run.folder / "config.json").rename(target)
    (run.folder / "config.json").symlink_to(target)
    past(run)
    os.utime(run.folder / "config.json", (time.time() - 60,) * 2, follow_symlinks=False)
    assert [look.problem for look in looks.of_all(root)] == [None]
    target.write_text("{")
    assert looks.of_all(root)[0].problem is not None
