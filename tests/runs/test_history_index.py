"""What was read of a long file of events is kept beside it: the same as a read of the whole, or it does not count."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from engine.runs.history import follower, index, series, shared
from engine.runs.history.events import FILE, STEP_FIELDS
from engine.runs.history.follower import Follower, History

FIGURES = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}


def line(kind: str, **fields) -> bytes:
    return json.dumps({"kind": kind, **fields}).encode() + b"\n"


def reports(first: int, last: int) -> bytes:
    return b"".join(
        line("step", step=n, time=1.7e9 + n, loss=5 - (n * 37 % 101) / 97, accuracy=None if n % 3 else n / 1e6)
        for n in range(first, last + 1)
    )


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Events of all sorts, many enough to be thinned, with damage among them and a run that goes on."""
    monkeypatch.setattr(index, "EVERY_BYTES", 200_000)
    path = tmp_path / "run" / FILE
    path.parent.mkdir()
    measured = line("evaluation", step=500, split="validation", model="run", whole=False, **FIGURES, by_article=None)
    sample = line("sample", step=500, model="run", prompt="The", text="é" * 300, seed=1)
    path.write_bytes(
        line("state", state="running")
        + reports(1, 9_000)
        + measured
        + sample
        + b'{"kind": "step", "step": \n{"kind": "weather"}\n'
        + line("resume", step=8_000)
        + reports(8_001, 14_000)
    )
    return path


def anew(path, tmp_path) -> History:
    """What a reader finds who has no index."""
    other = tmp_path / "other"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    shutil.copy(path, other)
    return Follower(other / FILE).history()


def assert_same(found: History, wanted: History) -> None:
    for name in STEP_FIELDS:
        np.testing.assert_array_equal(found.steps[name], wanted.steps[name], name)
    assert found.placed == wanted.placed
    assert (found.damaged, found.unknown, found.snapshots_left_out) == (
        wanted.damaged, wanted.unknown, wanted.snapshots_left_out,
    )  # fmt: skip
    assert found.complete(found.placed) == wanted.complete(wanted.placed)


@pytest.fixture
def read(monkeypatch):
    """The bytes that are parsed, block by block."""
    found, parse = [], follower.blocks.parse
    monkeypatch.setattr(follower.blocks, "parse", lambda *a: found.append(len(a[0])) or parse(*a))
    return found


def test_another_process_reads_only_what_is_not_in_the_index(path, tmp_path, read):
    first = Follower(path).history()
    assert len(first.steps["step"]) <= series.MOST and sum(read) == path.stat().st_size
    read.clear()
    assert_same(Follower(path).history(), first)
    assert not read
    added = reports(14_001, 14_100)
    with open(path, "ab") as file:
        file.write(added + line("resume", step=12_000) + reports(12_001, 12_005))
    later = Follower(path).history()
    assert sum(read) < len(added) * 2
    assert_same(later, anew(path, tmp_path))
    assert later.steps["step"][-1] == 12_005
    assert len(later.every_step()["step"]) == 12_005, "all reports, which are not in the index"


def test_it_is_written_again_as_the_file_grows_and_by_the_trainer_that_saves(path, tmp_path, read):
    shared.keep_index(path.parent)
    former = (path.parent / index.NAME).read_bytes()
    for first in range(14_001, 20_000, 1_000):
        with open(path, "ab") as file:
            file.write(reports(first, first + 999))
        shared.keep_index(path.parent)
    assert (path.parent / index.NAME).read_bytes() != former
    read.clear()
    assert_same(Follower(path).history(), shared.of_file(path))
    assert sum(read) < 2 * index.EVERY_BYTES


def test_a_short_run_has_none(tmp_path):
    path = tmp_path / FILE
    path.write_bytes(reports(1, 500))
    Follower(path).history()
    shared.keep_index(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE]


def test_a_file_that_was_edited_anywhere_is_read_anew(path, tmp_path):
    Follower(path).history()
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"bits_per_byte": 2.5', b'"bits_per_byte": 7.5'))
    edited = Follower(path).history()
    assert edited.events("evaluation")[0]["bits_per_byte"] == 7.5
    assert_same(edited, anew(path, tmp_path))
    path.write_bytes(content[: len(content) // 2] + b"\n")
    assert_same(Follower(path).history(), anew(path, tmp_path))


def damaged(content: bytes):
    """An index cut off, changed, or made up, each with what was done to it."""
    header, _, numbers = content.partition(b"\n")
    yield "empty", b""
    yield "cut", content[:-8]
    yield "half", content[: len(content) // 2]
    yield "no end", header
    yield "longer", content + b"\0" * 8
    yield "text", b"x" * 1000
    yield "deep", b"[" * 100_000
    yield "a list", b"[]\n" + numbers
    for name, value in (
        ("code", "0"), ("bytes", -1), ("bytes", 10**18), ("bytes", True), ("sha256", "0"), ("reports", 3), ("columns", []),
        ("next_number", -1), ("next_number", 0), ("thinned", 2), ("damaged", None), ("unknown", []), ("unknown", {"a": -1}),
        ("placed", {}), ("placed", [[]]), ("placed", [[{"kind": "step", "step": 1}, 0, 1]]), ("placed", [[{}, 0, 1]]),
        ("placed", [[{"kind": "evaluation", "step": 1}, 0, 1]]), ("placed", [[{"kind": "plan", "step": 1}, "0", 1]]),
        ("placed", [[{"kind": ["plan"]}, 0, 1]]),
    ):  # fmt: skip
        yield f"{name} {value}", json.dumps({**json.loads(header), name: value}).encode() + b"\n" + numbers
    for value in (np.inf, -1.0, 1e300, np.nan):
        other = np.frombuffer(numbers, "<f8").copy()
        other[0] = value
        yield f"first step {value}", header + b"\n" + other.tobytes()


def test_a_damaged_or_made_up_index_does_not_count(path, read):
    wanted = Follower(path).history()
    content = (path.parent / index.NAME).read_bytes()
    for what, other in damaged(content):
        (path.parent / index.NAME).write_bytes(other)
        read.clear()
        assert_same(Follower(path).history(), wanted)
        assert sum(read) == path.stat().st_size, what
    (path.parent / index.NAME).unlink()
    (path.parent / index.NAME).mkdir()  # nor what is no file
    assert_same(Follower(path).history(), wanted)


def test_an_index_that_other_code_has_made_does_not_count(path, read, monkeypatch):
    Follower(path).history()
    monkeypatch.setattr(index, "_code", lambda: "of another version")
    read.clear()
    Follower(path).history()
    assert sum(read) == path.stat().st_size


def test_where_nothing_can_be_written_it_is_done_without(path, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(index, "write_bytes", full)
    assert_same(Follower(path).history(), anew(path, tmp_path))
    assert [entry.name for entry in path.parent.iterdir()] == [FILE]


def test_a_torn_last_line_is_read_once_it_is_whole(path, tmp_path):
    torn = line("state", state="finished")
    with open(path, "ab") as file:
        file.write(torn[:9])
    Follower(path).history()
    with open(path, "ab") as file:
        file.write(torn[9:])
    found = Follower(path).history()
    assert found.events("state")[-1]["state"] == "finished"
    assert_same(found, anew(path, tmp_path))


def test_an_index_of_more_bytes_than_the_file_has_does_not_count(path):
    Follower(path).history()
    kept = path.parent / index.NAME
    header, _, numbers = kept.read_bytes().partition(b"\n")
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    kept.write_bytes(json.dumps({**json.loads(header), "bytes": 10**12, "sha256": whole}).encode() + b"\n" + numbers)
    follower = Follower(path)
    follower.history()
    with open(path, "ab") as file:
        file.write(reports(14_001, 14_001))
    assert follower.history().steps["step"][-1] == 14_001
