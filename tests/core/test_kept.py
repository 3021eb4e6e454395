"""What was read of a file is kept as long as that file stands there."""

import os

import pytest

from engine.core.files import write_bytes
from engine.core.kept import Kept


def test_a_file_is_read_once_and_again_when_another_takes_its_place(tmp_path):
    read = []

    def content(path):
        read.append(path)
        return path.read_bytes()

    kept, path = Kept(content), tmp_path / "a"
    write_bytes(path, b"one")
    assert [kept.of(path) for _time in range(3)] == [b"one"] * 3
    assert len(read) == 1
    write_bytes(path, b"two")  # as long, put in its place
    assert kept.of(path) == b"two" and len(read) == 2
    path.unlink()
    with pytest.raises(FileNotFoundError):
        kept.of(path)


def test_a_change_of_rights_or_of_what_stands_there_is_seen(tmp_path):
    kept, path = Kept(lambda path: path.read_bytes()), tmp_path / "a"
    write_bytes(path, b"one")
    assert kept.of(path) == b"one"
    os.replace(path, tmp_path / "b")
    path.mkdir()
    with pytest.raises(OSError):
        kept.of(path)
