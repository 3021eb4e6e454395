"""Locks are exclusive and free after a kill; a file that cannot be written keeps its former content."""

import json
import subprocess
import sys

import pytest
from project import PROJECT

from engine.core import files
from engine.core.errors import StorageError
from engine.core.locks import Lock, held


def test_a_lock_is_exclusive_between_processes_and_free_after_a_kill(tmp_path):
    path = tmp_path / "lock"
    code = f"import sys, time; sys.path.insert(0, {str(PROJECT)!r}); from engine.core.locks import Lock; " + (
        f"from pathlib import Path; lock = Lock(Path({str(path)!r})); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "True\n"
        assert held(path)
        assert not Lock(path).acquire()
        child.kill()
        child.wait()
        with Lock(path) as lock:
            assert lock.acquire(patience_seconds=5)


def test_a_look_at_a_lock_makes_nothing(tmp_path):
    assert not held(tmp_path / "gone" / "lock")
    assert not (tmp_path / "gone").exists()
    path = tmp_path / "lock"
    with Lock(path) as lock:
        assert lock.acquire() and held(path)
    assert not held(path)


def test_a_full_disk_is_one_sentence_and_the_former_content_stays(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError, match="is full: free some space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
