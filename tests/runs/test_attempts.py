"""The fence: of two trainers of a run that no lock keeps apart one writes where everybody looks, and the other ends itself."""

import multiprocessing
import os
import shutil

import pytest
from runs_helpers import new_settings
from slurm_helpers import a_run, begins, lab_on_slurm

from engine.core import checked, folders
from engine.core.errors import SupersededError
from engine.runs import attempts, checkpoints, final_state, lifecycle, removal, retention, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.services import worker
from engine.services.launchers import slurm

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the commands are scripts")


@pytest.fixture
def jobs(root, monkeypatch):
    return lab_on_slurm(root.parent, monkeypatch)


@pytest.fixture
def run(root, jobs):
    one = a_run()
    slurm.start(root)
    return one


def save(trainer: Run, step: int, content: bytes = b"weights") -> None:
    with checkpoints.commit(trainer, step, {"format": "weights.h5"}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(content)


def says(trainer: Run, *steps: int) -> None:
    for step in steps:
        trainer.append_event("step", step=step, loss=float(step))


def add(file, text: str) -> None:
    with file.open("a") as end:
        end.write(text)


def read_steps(run: Run) -> list[int]:
    everything = [event["step"] for event in run.events("step")]
    assert list(shared.of(run.folder).steps["step"]) == everything  # pages and trainers read the same
    return everything


def test_a_trainer_on_a_node_that_was_given_up_writes_nothing_that_is_read(run):
    zombie = begins(run, "1")
    says(zombie, 1, 2, 3, 4)
    save(zombie, 1)
    save(zombie, 2)
    trainer = begins(run, "1")
    trainer.append_event("resume", step=2)
    for write in (
        lambda: says(zombie, 5),
        lambda: zombie.write_state(state=states.FINISHED),
        lambda: zombie.change_config(lineage=[]),
        lambda: save(zombie, 4),
        lambda: retention.apply(zombie, 1),
        lambda: final_state.end(zombie, states.FAILED, None),
        zombie.keep_last_words,
    ):
        with pytest.raises(SupersededError, match="taken over the run one"):
            write()
    says(trainer, 3, 4, 5)
    assert read_steps(run) == [1, 2, 3, 4, 5]
    assert run.state().state == states.RUNNING and run.saved_step() == 2


def test_what_a_zombie_writes_past_the_fence_is_not_read_either(run):
    """It may have looked before the new attempt began, and write after."""
    zombie = begins(run, "1")
    says(zombie, 1, 2)
    former = zombie.own
    trainer = begins(run, "1")
    trainer.append_event("resume", step=-1)
    add(former / "events.jsonl", '{"kind": "step", "step": 3, "loss": 1.0}\n')
    (former / "state.json").write_text('{"state": "finished", "since": 1.0}')
    says(trainer, 1)
    assert read_steps(run) == [1] and run.state().state == states.RUNNING


def test_a_heart_whose_run_was_taken_over_ends_its_process(run):
    zombie = begins(run, "1")
    heart = worker.Heart(zombie)
    assert heart._keeps()
    begins(run, "1")
    assert not heart._keeps()
    heart.close()


def test_a_torn_line_of_the_former_trainer_is_left_behind(run):
    former = begins(run, "1")
    says(former, 1)
    add(former.own / "events.jsonl", '{"kind": "step", "st')
    trainer = begins(run, "1")
    says(trainer, 2)
    assert read_steps(run) == [1, 2] and shared.of(run.folder).damaged == 0


def test_the_newest_trainer_takes_the_place_of_a_checkpoint_that_a_superseded_one_left(run):
    zombie = begins(run, "1")
    save(zombie, 2, b"of the zombie")
    trainer = begins(run, "1")
    save(trainer, 2, b"of the trainer")
    (only,) = checkpoints.of_run(run)
    checkpoints.verify(only, fresh=True)
    assert (only.folder / checkpoints.WEIGHTS).read_bytes() == b"of the trainer"
    assert not list(run.folder.glob(".*")) and not list(trainer.own.glob(".*"))


def test_a_trainer_that_is_superseded_while_its_checkpoint_is_flushed_publishes_none(run, monkeypatch):
    """A flush to a shared disk may take as long as Slurm's patience with a node."""
    first, second = begins(run, "1"), Run(run.folder)
    says(first, 10)
    flush = folders.sync

    def slow(path):
        if path.name == checkpoints.WEIGHTS and second.attempt is None:
            second.attempt = attempts.begin(second.folder, attempts.TRAINER, first.attempt.number, submission=1)
            second.write_state(state=states.RUNNING)
        flush(path)

    monkeypatch.setattr(folders, "sync", slow)
    with pytest.raises(SupersededError):
        save(first, 20)
    assert second.attempt is not None
    assert not Run(run.folder).checkpoint_folders()


def test_what_a_killed_trainer_was_writing_goes_whatever_node_it_was_on(run):
    killed = begins(run, "1")
    left = killed.own / f".step-00000002.{os.getpid()}-0123456789ab.tmp"  # its number lives here, as another process
    left.mkdir()
    trainer = begins(run, "1")
    trainer.sweep()
    assert not left.exists() and not (killed.attempt.folder / "events.jsonl").exists()


def _begin(folder, barrier, results):
    barrier.wait()
    results.put(attempts.begin(folder, attempts.TRAINER, 1) is not None)


def test_of_eight_processes_that_begin_at_the_same_instant_one_does(run):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(8), context.Queue()
    processes = [context.Process(target=_begin, args=(run.folder, barrier, results)) for _process in range(8)]
    for process in processes:
        process.start()
    found = [results.get(timeout=30) for _process in processes]
    for process in processes:
        process.join()
    assert sorted(found) == [False] * 7 + [True]


def test_an_attempt_that_was_cut_off_before_its_state_does_not_count(run):
    trainer = begins(run, "1")
    says(trainer, 1)
    assert attempts.begin(run.folder, attempts.TRAINER, attempts.newest(run.folder)) is not None
    assert run.state().state == states.RUNNING and read_steps(run) == [1]
    with pytest.raises(SupersededError):
        says(trainer, 2)  # and yet it fences
    assert begins(run, "1").state().state == states.RUNNING


@pytest.mark.parametrize("damage", [b"", b"{", b'{"by": 3}', b"\0" * 100])
@pytest.mark.parametrize("name", [attempts.ATTEMPT, attempts.JOB, attempts.STATE])
def test_damaged_files_of_an_attempt_are_told_or_passed_over(run, root, name, damage):
    (attempts.home(run.folder) / name).write_bytes(damage)
    assert run.state().state in (states.QUEUED, states.BROKEN)
    slurm.start(root)
    lifecycle.all_runs(root)
    assert removal.children(run) == []


def test_a_request_to_stop_is_seen_by_the_trainer_and_a_run_that_waits_ends_at_once(run):
    trainer = begins(run, "1")
    run.request_stop()
    assert trainer.control() == "stop" and run.state().state == states.RUNNING
    final_state.end_as_requested(trainer)
    assert run.state().state == states.STOPPED and not run.control()
    run.request_resume()
    assert run.state().state == states.QUEUED
    with pytest.raises(SupersededError):
        trainer.write_state(step=1)
    run.request_pause()
    assert run.state().state == states.PAUSED


def test_a_finished_run_is_deleted_with_its_attempts(run):
    trainer = begins(run, "1")
    trainer.write_state(state=states.FINISHED)
    removal.remove(run)
    assert not run.folder.exists()


def test_runs_of_one_machine_have_no_attempts_and_open_as_ever(root):
    former = lifecycle.create(new_settings(name="former"))
    former.append_event("step", step=1, loss=1.0)
    assert attempts.numbers(former.folder) == [] and former.home == former.folder
    assert read_steps(former) == [1] and not former.scheduled
    former.request_stop()
    assert former.state().state == states.STOPPED and attempts.numbers(former.folder) == []


def test_a_finished_run_of_a_cluster_is_read_where_there_is_none(run, tmp_path, monkeypatch):
    trainer = begins(run, "1")
    says(trainer, 1)
    save(trainer, 1)
    trainer.write_state(state=states.FINISHED, step=1)
    monkeypatch.setenv("ATELIER_SETTINGS", str(tmp_path / "none.toml"))
    copy = Run(shutil.copytree(run.folder, tmp_path / "one"))
    assert copy.state().state == states.FINISHED and read_steps(copy) == [1] and copy.saved_step() == 1
    assert checked.names(copy.folder)


def test_a_copy_that_waits_becomes_a_run_of_the_lab_in_which_it_is_resumed(run, tmp_path, monkeypatch):
    says(begins(run, "1"), 1)
    monkeypatch.setenv("ATELIER_SETTINGS", str(tmp_path / "none.toml"))
    (tmp_path / "elsewhere").mkdir()
    copy = Run(shutil.copytree(run.folder, tmp_path / "elsewhere" / "copy"))
    assert copy.state().state == states.COPIED
    copy.request_resume()
    assert copy.state().state == states.QUEUED and not copy.scheduled and read_steps(copy) == [1]
    copy.append_event("step", step=2, loss=1.0)  # its trainer holds the lock here
    assert read_steps(copy) == [1, 2] and read_steps(run) == [1]
