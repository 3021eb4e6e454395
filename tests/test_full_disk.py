"""A disk that fills during a save, a report, a change of the queue or an import: one sentence, and nothing is lost."""

import errno
import os
from pathlib import Path

import pytest
from pages_helpers import go_to, new_session

from engine.core import jobs
from engine.core.errors import StorageError
from engine.core.locks import Lock
from engine.corpus import preparation
from engine.runs import checkpoints, lifecycle, queue, states, submission
from engine.runs.folder import LAST_WORDS, Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher, import_job, worker

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def new_run(name: str = "one") -> Run:
    return lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name=name, steps=4)
    )


@pytest.fixture
def disk(monkeypatch):
    """`disk.full` is whether new files, new folders and more bytes are refused, as by a disk without a free block."""

    class Disk:
        full = False

    real_open, real_mkdir, real_write = os.open, os.mkdir, os.write

    def open_(path, flags, *rest, **named):
        if Disk.full and flags & os.O_CREAT and not os.path.exists(path):
            raise FULL
        return real_open(path, flags, *rest, **named)

    def mkdir(*arguments, **named):
        if Disk.full:
            raise FULL
        return real_mkdir(*arguments, **named)

    def write(descriptor, content):
        """The first bytes find room, the rest does not."""
        if Disk.full and not Disk.tail:
            raise FULL
        if Disk.full:
            content, Disk.tail = content[: Disk.tail], 0
        return real_write(descriptor, content)

    Disk.tail = 0
    for name, stand_in in (("open", open_), ("mkdir", mkdir), ("write", write)):
        monkeypatch.setattr(os, name, stand_in)
    return Disk


@pytest.mark.parametrize("taken", range(0, 40, 2))
def test_a_line_that_does_not_fit_leaves_none_of_it(root, disk, taken):
    run = new_run()
    run.append_event("step", step=1)
    disk.full, disk.tail = True, taken
    with pytest.raises(StorageError, match="is full: free some space"):
        run.append_event("step", step=2)
    disk.full = False
    run.append_event("step", step=3)
    assert [event["step"] for event in run.events("step")] == [1, 3]


def test_the_queue_is_as_it_was(root, disk):
    for name in "abc":
        new_run(name)
    disk.full = True
    for ask in (
        lambda: new_run("d"),
        lambda: queue.move(lifecycle.find("c"), -2),
        lambda: lifecycle.find("b").request_stop(),
        lambda: lifecycle.find("b").request_resume(),
    ):
        with pytest.raises(StorageError, match="is full: free some space"):
            ask()
    disk.full = False
    assert [run.name for run in queue.waiting(root)] == ["a", "b", "c"]
    assert sorted(path.name for path in root.iterdir()) == ["a", "b", "c"]


def test_a_dispatcher_on_a_full_disk_starts_nothing_and_goes_on_when_there_is_space(root, disk, monkeypatch):
    died, waits = new_run("died"), new_run("waits")
    with Lock(died.folder / "lock") as lock:
        lock.acquire()
        died.write_state(state=states.RUNNING, starts=1)
    started = []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append(run.name))
    disk.full = True
    with monkeypatch.context() as patch:
        patch.setattr(dispatcher, "has_space", lambda root: False)
        assert d.turn()
    assert started == [] and died.state().state == states.INTERRUPTED and waits.state().state == states.QUEUED
    disk.full = False
    assert d.turn()
    assert started == ["died"] and died.state().state == states.QUEUED


def test_an_import_ends_with_the_sentence(root, disk, tiny_preset, sample_folder, monkeypatch):
    job = import_job.Import(import_job.Request(str(sample_folder), str(tiny_preset)))
    monkeypatch.setattr(jobs.launch, "detached", lambda *arguments, log: None)
    job.start()
    real = preparation.commit_folder

    real_unlink = Path.unlink

    def unlink(path, **named):  # what is given back is room for the last word
        given_back = path.stat().st_size if path.exists() else 0
        real_unlink(path, **named)
        disk.full &= given_back < jobs._ROOM_BYTES

    def fill(staging, folder):
        disk.full = True
        raise FULL

    monkeypatch.setattr(preparation, "commit_folder", fill)
    monkeypatch.setattr(Path, "unlink", unlink)
    jobs.work(job._job._file, import_job._import)
    status = job.status()
    assert status.state == jobs.FAILED and "is full: free some space and try again" in str(status.error)
    assert not list((root.parent / "corpora").glob(".*.preparing"))
    monkeypatch.setattr(preparation, "commit_folder", real)
    jobs.work(job._job._file, import_job._import)
    assert job.status().state == jobs.FINISHED
    disk.full = True
    with pytest.raises(StorageError, match="is full"):
        import_job.Import(import_job.Request(str(sample_folder), str(tiny_preset), limit=1)).start()


@pytest.mark.slow
def test_a_run_fails_with_the_sentence_and_goes_on_from_its_checkpoint(
    root, tiny_preset, sample_folder, monkeypatch, eager
):
    import tensorflow as tf

    run = submission.submit(
        RunSettings(
            preset=str(tiny_preset), articles=str(sample_folder), name="run", steps=4, sequence_length=32, batch_size=4,
            evaluate_steps=2, interval_tokens=64, evaluate_tokens=64, sample_tokens=1, device="cpu",
        )
    )  # fmt: skip
    real, saves = tf.train.Checkpoint.write, []

    def write(checkpoint, path):
        saves.append(path)
        if len(saves) == 2:  # as TensorFlow says it
            raise tf.errors.ResourceExhaustedError(None, None, f"{path}.data-00000-of-00001; No space left on device")
        return real(checkpoint, path)

    monkeypatch.setattr(tf.train.Checkpoint, "write", write)
    with pytest.raises(StorageError, match="is full: free some space"):
        worker.work(run)
    assert run.state().state == states.FAILED
    assert "is full: free some space" in str(run.state().error)
    assert checkpoints.newest_verified(run).step == 2
    assert not (run.folder / LAST_WORDS).exists() and not list(run.folder.glob(".*"))
    run.request_resume()
    assert worker.work(run)["steps"] == 4
    assert [event["step"] for event in run.events("checkpoint")] == [2, 4]


@pytest.mark.parametrize("page", ["lab", "articles", "train", "curve", "checkpoints", "write", "score"])
def test_every_page_opens_and_a_request_is_answered_by_the_sentence(root, disk, page):
    new_run()
    disk.full = True
    app = new_session().run()
    if page != "lab":
        go_to(app, page)
    assert not app.exception, [e.message for e in app.exception]
    assert any("is full: free some space" in error.value for error in app.error)  # of the dispatcher's start
