"""What XLA compiled is kept between processes: whole, bounded, and never handed on damaged."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from project import PROJECT

from engine.core import framework
from engine.core.files import sha256
from engine.models import compiled_results


@pytest.fixture
def process(root, monkeypatch):
    """Begins a process's time, as often as it is called: what was kept lies in the folder that it gets."""
    monkeypatch.delenv(compiled_results.OFF, raising=False)
    monkeypatch.setattr(compiled_results, "_tell", lambda folder: None)
    monkeypatch.setattr(compiled_results.atexit, "register", lambda function: None)
    monkeypatch.setattr(compiled_results.sys, "platform", "linux")

    def begin():
        compiled_results._Process.folder = compiled_results._Process.store = compiled_results._Process.filling = None
        compiled_results.use()
        compiled_results.wait()
        return compiled_results._Process.folder

    yield begin
    compiled_results._Process.folder = compiled_results._Process.store = compiled_results._Process.filling = None


def entries(root):
    return [path for path in (root / compiled_results.FOLDER).glob("*/*") if path.parent.name != "work"]


def compile_in(folder, name="functions/one.pb", content=b"code"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    compiled_results.close()


def test_what_one_process_compiled_the_next_one_has(process, root):
    compile_in(process())
    folder = process()
    assert (folder / "functions" / "one.pb").read_bytes() == b"code"
    compiled_results.close()
    assert not folder.exists(), "each process clears its own away"
    assert len(entries(root)) == 1, "and what was there is not kept twice"


def test_what_is_damaged_or_torn_is_handed_to_nobody(process, root):
    first = process()
    compile_in(first)
    (kept,) = [path for path in entries(root)[0].rglob("*") if path.is_file()]
    os.truncate(kept, 2)
    assert not list(process().rglob("*.pb"))
    assert entries(root) == []


def test_a_process_begins_while_what_was_kept_is_still_looked_through(process, root, monkeypatch):
    compile_in(process())
    seen, go_on = threading.Event(), threading.Event()

    def slow(file):
        seen.set()
        assert go_on.wait(30)
        return sha256(file)

    monkeypatch.setattr(compiled_results, "sha256", slow)
    compiled_results._Process.folder = None
    compiled_results.use()  # comes back while the thread hashes
    folder = compiled_results._Process.folder
    assert seen.wait(30)
    assert not list(folder.rglob("*.pb")), "nothing is handed on before it is known to be whole"
    go_on.set()
    compiled_results.wait()
    assert list(folder.rglob("*.pb"))


def test_a_file_that_vanishes_while_it_is_looked_at_costs_no_other(process, root, monkeypatch):
    """The framework writes under another name first."""
    folder = process()
    (folder / "functions").mkdir()
    (folder / "functions" / "one.pb").write_bytes(b"code")
    (folder / "functions" / "a.pb.tmp").write_bytes(b"half")
    keep_file = compiled_results._keep_file

    def keep(file, name, store):
        (folder / "functions" / "a.pb.tmp").unlink(missing_ok=True)
        keep_file(file, name, store)

    monkeypatch.setattr(compiled_results, "_keep_file", keep)
    compiled_results.keep()
    assert [path.name for entry in entries(root) for path in entry.rglob("*.pb*")] == ["one.pb"]


def test_another_version_or_processor_begins_anew(process, root, monkeypatch):
    compile_in(process())
    monkeypatch.setattr(compiled_results.machine, "processor", lambda: "another, 2 cores")
    assert not list(process().rglob("*.pb"))
    compile_in(compiled_results._Process.folder, content=b"other")
    monkeypatch.setenv(framework.VARIABLE, framework.JAX)
    assert not list(process().rglob("*.pb"))


def test_the_oldest_go_when_it_grows_too_large(process, root, monkeypatch):
    monkeypatch.setattr(compiled_results, "MOST_BYTES", 25)
    known = set()
    for number in range(4):
        compile_in(process(), f"functions/{number}.pb", bytes([number]) * 10)
        for entry in set(entries(root)) - known:
            os.utime(entry, (number + 1, number + 1))
            known.add(entry)
    left = {path.name for entry in entries(root) for path in entry.rglob("*.pb")}
    assert len(left) == 2
    assert "3.pb" in left


def test_nothing_is_kept_where_it_is_switched_off_or_the_folder_of_runs_is_gone(process, root, monkeypatch):
    monkeypatch.setenv(compiled_results.OFF, "off")
    assert process() is None
    monkeypatch.delenv(compiled_results.OFF)
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(root / "gone"))
    assert process() is None
    assert not (root / "gone").exists()


def test_thirty_threads_that_keep_the_same_at_once_keep_it_once(process, root):
    folder = process()
    (folder / "functions").mkdir()
    (folder / "functions" / "one.pb").write_bytes(b"code" * 1000)
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda _: compiled_results.keep(), range(30)))
    assert len(entries(root)) == 1
    assert list((root / compiled_results.FOLDER / "work").iterdir()) == [folder]


PROGRAM = """
import logging
logging.basicConfig(level=logging.INFO)
from engine.models.backend import keras, tensor
import tensorflow as tf
compiled = tf.function(lambda x: tf.tanh(x @ x) + 1.0, jit_compile=True)
print(float(tf.reduce_sum(compiled(tf.ones((64, 64))))))
"""


@pytest.mark.slow
@pytest.mark.long
def test_tensorflow_itself_is_given_nothing_damaged(root):
    """A damaged file in a folder that TensorFlow was given would end it with a DataLossError."""
    if sys.platform == "win32":
        pytest.skip("TensorFlow's Windows wheels are built without XLA")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "ATELIER_CHECKPOINTS": str(root)}
    environment.pop(compiled_results.OFF, None)

    def run():
        answer = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=200
        )
        assert answer.returncode == 0, answer.stderr[-2000:]
        return answer

    answer = run()
    kept = [path for entry in entries(root) for path in entry.rglob("*") if path.is_file()]
    assert kept, answer.stderr[-2000:]  # the log says what could not be kept, and why
    for path in kept:
        path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    assert run().stdout == answer.stdout
