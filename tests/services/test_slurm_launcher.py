"""Runs on a cluster: who submits what, what becomes of a run whose job is gone, and that nobody waits for a scheduler."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from project import PROJECT
from runs_helpers import MINI, SAMPLE, new_settings
from slurm_helpers import a_run, begins, lab_on_slurm, long_ago
from waiting_helpers import until

from engine.cli import app
from engine.runs import attempts, lifecycle, states
from engine.runs.folder import Run
from engine.services import dispatcher, killing
from engine.services.launchers import launching, outlook, scheduler, slurm
from engine.services.launchers.decisions import MOST_STARTS
from engine.services.launchers.watch import Watch

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are scripts of bash")


@pytest.fixture
def jobs(root, monkeypatch):
    return lab_on_slurm(root.parent, monkeypatch, 'partition = "gpu"\nmemory = "2G"\ngpu = "gpu:1"\n')


def test_a_run_that_waits_is_submitted_once_with_the_labs_settings(root, jobs):
    run = a_run()
    for _look in range(3):
        launching.start(root)
    assert jobs.ids() == ["1"]
    options = jobs.text("1", "options").split("\n")
    asked = {"--requeue", "--open-mode=append", "--partition=gpu", "--mem=2G", "--gres=gpu:1", "--signal=B:USR1@120"}
    assert asked <= set(options) and f"--output={run.folder}/trainer.log" in options
    assert f"--comment=atelier/{run.config['id']}/1" in options
    assert attempts.facts(run.folder)["job"] == "1"
    assert "exec python -m engine.services.job" in jobs.text("1", "script")
    assert run.state().state == states.QUEUED and not run.events("state")


def test_of_many_who_look_at_once_one_submits(root, jobs):
    runs = [a_run(f"run-{number}") for number in range(5)]
    threads = [threading.Thread(target=slurm.start, args=(root,)) for _looker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    slurm.start(root)
    assert len(jobs.ids()) == 5
    assert {attempts.facts(run.folder)["job"] for run in runs} == set(jobs.ids())


def test_with_slurm_there_is_no_dispatcher_and_no_lock_of_a_device(root, jobs):
    run = a_run()
    launching.start(root)
    begins(run, "1")
    assert not dispatcher.work_left(root)
    assert not dispatcher.Dispatcher(root, lambda run, device: pytest.fail("a trainer is started here")).turn()
    assert not (root / ".locks" / "dispatcher.lock").exists()
    assert not run.orphaned() and run.alive() and run.state().state == states.RUNNING


def test_a_job_whose_answer_was_lost_is_found_by_its_comment(root, jobs):
    run = a_run()
    jobs.says("lose")
    with pytest.raises(scheduler.UnansweredError):
        slurm.start(root)
    assert run.state().state == states.QUEUED and "job" not in attempts.facts(run.folder)
    jobs.answers("lose")
    slurm.start(root)
    assert jobs.ids() == ["1"] and attempts.facts(run.folder)["job"] == "1"


def test_a_submission_that_was_never_taken_is_made_again(root, jobs):
    run = a_run()
    jobs.says("refuse", "sbatch: error: Unable to contact slurm controller (connect failure)\n")
    with pytest.raises(scheduler.UnansweredError):
        slurm.start(root)
    jobs.answers("refuse")
    slurm.start(root)
    assert jobs.ids() == []  # who was about to submit it may still be at it
    long_ago(run)
    slurm.start(root)
    assert jobs.ids() == ["1"] and run.state().state == states.QUEUED


def test_a_job_that_slurm_refuses_fails_its_run_with_slurms_words_and_the_others_go_on(root, jobs):
    first = a_run("first")
    jobs.says(
        "refuse", "sbatch: error: Batch job submission failed: Invalid account or account/partition combination\n"
    )
    slurm.start(root)
    assert first.state().state == states.FAILED
    assert "Invalid account or account/partition combination" in str(first.state().error)
    jobs.answers("refuse")
    second = a_run("second")
    slurm.start(root)
    assert attempts.facts(second.folder)["job"] == "1"
    first.request_resume()
    slurm.start(root)
    assert attempts.facts(first.folder)["job"] == "2" and first.state().error is None


def test_a_vanished_job_is_submitted_again_with_a_limit_of_starts(root, jobs):
    run = a_run()
    slurm.start(root)
    for start in range(1, MOST_STARTS + 1):
        assert jobs.ids() == [str(number + 1) for number in range(start)]
        begins(run, str(start))
        jobs.forget(str(start))
        slurm.start(root)
        assert run.state().state == states.RUNNING  # it may have started since Slurm was asked
        long_ago(run)
        slurm.start(root)
    assert run.state().state == states.FAILED and len(jobs.ids()) == MOST_STARTS
    assert "ended 6 times without a new checkpoint in between" in str(run.state().error)


def test_what_a_trainer_said_last_may_be_seen_late(root, jobs):
    """A job has ended, and its trainer's last state is still on its way through the shared file system."""
    run = a_run()
    slurm.start(root)
    trainer = begins(run, "1")
    long_ago(run)
    (trainer.own / "heartbeat").touch()
    jobs.show("1", "COMPLETED")
    slurm.start(root)
    assert jobs.ids() == ["1"] and run.state().state == states.RUNNING
    trainer.write_state(state=states.FINISHED)
    slurm.start(root)
    assert jobs.ids() == ["1"] and run.state().state == states.FINISHED


def test_jobs_that_never_come_to_train_are_not_submitted_for_ever(root, jobs):
    run = a_run()
    for _look in range(2 * MOST_STARTS):
        slurm.start(root)
        if run.state().state == states.QUEUED:
            jobs.show(jobs.ids()[-1], "FAILED")
            long_ago(run)
    assert run.state().state == states.FAILED and len(jobs.ids()) == MOST_STARTS


def test_nothing_is_submitted_again_while_slurm_does_not_answer(root, jobs):
    run = a_run()
    slurm.start(root)
    begins(run, "1")
    long_ago(run)
    jobs.forget("1")
    jobs.says("silent")
    with pytest.raises(scheduler.UnansweredError, match="Unable to contact slurm controller"):
        slurm.start(root)
    assert jobs.ids() == ["1"] and run.state().state == states.RUNNING


@pytest.mark.parametrize("works", [False, True])
def test_a_job_that_was_cancelled_outside_is_told_as_that(root, jobs, works):
    run = a_run()
    slurm.start(root)
    if works:
        begins(run, "1")
    jobs.show("1", "CANCELLED")
    long_ago(run)
    slurm.start(root)
    assert run.state().state == states.STOPPED and "cancelled outside the lab" in str(run.state().error)
    assert jobs.ids() == ["1"]


def test_a_stop_takes_a_waiting_job_from_the_queue_and_a_trainer_that_starts_then_finds_that_out(root, jobs):
    run = a_run()
    slurm.start(root)
    run.request_stop()
    assert run.state().state == states.STOPPED and not run.control()
    slurm.start(root)
    assert [call for _at, call in jobs.calls("scancel")] == ["1"]
    code = (
        f"from engine.services import job; import sys; sys.argv[1:] = [{str(run.folder)!r}, '1']; sys.exit(job.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "there is nothing to do" in done.stdout
    assert run.state().state == states.STOPPED


def test_a_run_that_was_asked_to_end_and_whose_node_died_ends_as_asked(root, jobs):
    run = a_run()
    slurm.start(root)
    begins(run, "1")
    run.request_pause()
    assert run.state().state == states.RUNNING and run.control() == "pause"  # its trainer saves first
    jobs.show("1", "PENDING", "BeginTime")  # its node is gone: Slurm has put it back
    long_ago(run)
    slurm.start(root)
    assert run.state().state == states.PAUSED and not run.control()
    slurm.start(root)
    assert [call for _at, call in jobs.calls("scancel")] == ["1"]


def test_a_frozen_trainer_is_ended_by_slurm_which_starts_it_again_unless_it_was_asked_to_end(root, jobs):
    run = a_run()
    slurm.start(root)
    begins(run, "1")
    killing.kill_trainer(run)
    until(lambda: [call for _at, call in jobs.calls("scontrol")] == ["requeue 1"])
    run.request_stop()
    killing.kill_trainer(run)
    until(lambda: [call for _at, call in jobs.calls("scancel")] == ["1"])


def test_commands_submit_show_and_stop_and_say_when_slurm_does_not_answer(root, jobs, capsys):
    asked = ["train", "--preset", MINI, "--articles", SAMPLE, "--steps", "4", "--name", "one"]
    assert app.main(asked) == 0
    assert capsys.readouterr().out == "one was submitted to Slurm as job 1.\n"
    assert app.main(["runs"]) == 0
    assert "Job 1 waits in Slurm's queue: other jobs are before it." in capsys.readouterr().out
    assert app.main(["stop", "one"]) == 0
    assert capsys.readouterr().out == "one is stopped.\n" and jobs.text("1", "shown").startswith("CANCELLED")
    jobs.says("silent")
    assert app.main(["resume", "one"]) == 0
    said = capsys.readouterr()
    assert "Unable to contact slurm controller" in said.err and "submitted at the next look" in said.err
    jobs.answers("silent")
    assert app.main(["runs"]) == 0 and jobs.ids() == ["1", "2"]


def test_a_sweep_is_submitted_whole_and_its_articles_are_prepared_first(root, jobs, capsys):
    asked = ["sweep", "--preset", MINI, "--articles", SAMPLE, "--steps", "4", "--name", "s", "--seeds", "2", "--json"]
    assert (
        app.main([*asked, "--range", "1-5", "--range", "1-9", "--learning-rate", "1e-4", "--learning-rate", "1e-3"])
        == 0
    )
    assert len(jobs.ids()) == 8 and '"sweep": "s"' in capsys.readouterr().out
    assert len([folder for folder in (root.parent / "corpora").iterdir() if not folder.name.startswith(".")]) == 1
    assert app.main(["sweep", "--show", "s"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 9 and shown[0].split()[:4] == ["run", "state", "articles", "learning_rate"]
    assert app.main(["sweep", "--show", "t"]) == 1 and "There is no sweep t. There are: s." in capsys.readouterr().err


def test_what_a_node_could_not_fetch_is_refused_before_submission(root, jobs, monkeypatch, tmp_path, capsys):
    from engine.runs import nodes

    monkeypatch.setattr(nodes, "_PREPARED_BYTES", 10)
    assert app.main(["train", "--preset", MINI, "--articles", SAMPLE, "--steps", "4"]) == 1
    assert "python -m engine prepare --source" in capsys.readouterr().err
    assert app.main(["train", "--preset", "gpt2_base_en", "--articles", SAMPLE, "--steps", "4"]) == 1
    assert lifecycle.all_runs(root) == [] and jobs.ids() == []


def test_the_children_of_a_plan_are_submitted_when_their_parent_is_finished(root, jobs):
    parent, child = a_run("parent"), a_run("child", after="parent", parent="parent")
    slurm.start(root)
    assert jobs.ids() == ["1"] and "submitted when parent is finished" in str(outlook.of(child)[0])
    trainer = begins(parent, "1")
    trainer.write_state(state=states.FINISHED)
    slurm.start(root)
    assert attempts.facts(child.folder)["job"] == "2"


def test_a_copy_of_a_waiting_run_takes_no_job_from_it(root, jobs):
    run = a_run()
    slurm.start(root)
    shutil.copytree(run.folder, root / "copy")
    slurm.start(root)
    assert jobs.calls("scancel") == [] and jobs.ids() == ["1"]
    assert Run(root / "copy").state().state == states.COPIED


def test_a_run_of_one_machine_is_left_to_it(root, jobs):
    local = lifecycle.create(new_settings(name="local"))
    slurm.start(root)
    assert jobs.ids() == [] and dispatcher.work_left(root)
    assert not local.scheduled


def test_a_scheduler_that_takes_nine_seconds_blocks_nobody_and_is_asked_once_for_all(root, jobs):
    jobs.says("slow", "9")
    runs, watch = [a_run(f"run-{number}") for number in range(30)], Watch()
    began = time.monotonic()
    viewers = [threading.Thread(target=lambda run=run: outlook.told(run, watch.seen(root))) for run in runs]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert time.monotonic() - began < 5
    until(lambda: jobs.calls("squeue"))
    jobs.answers("slow")
    assert len(jobs.calls("squeue")) == 1 and watch.seen(root).at == 0
    until(lambda: watch.seen(root).at, 30)
    until(lambda: len(jobs.ids()) == 30, 60)


def test_slurm_is_asked_at_most_every_five_seconds_also_when_it_does_not_answer(root, jobs):
    a_run()
    jobs.says("silent")
    watch = Watch()
    end = time.monotonic() + 6
    while time.monotonic() < end:
        watch.seen(root)
        time.sleep(0.02)  # thirty viewers
    at = [called for called, _with in jobs.calls("squeue")]
    assert len(at) == 2 and at[1] - at[0] > 4.9
    assert "does not take squeue just now" in str(watch.seen(root).problem)


def test_the_page_says_why_a_job_waits_where_it_works_and_how_old_that_is(root, jobs):
    run = a_run()
    slurm.start(root)
    watch = Watch()
    assert "other jobs are before it" in str(outlook.told(run, watch.now(root))[0])
    jobs.show("1", "RUNNING", node="node7")
    begins(run, "1")
    answer = Watch().now(root)
    assert str(outlook.told(run, answer)[0]) == "Job 1 works on node7; 10:00 of its time are left."
    jobs.show("1", "PENDING", "BeginTime")
    said = " ".join(map(str, outlook.told(run, Watch().now(root))))
    assert "Slurm lets a job that was put back rest" in said and "It was put back" in said
    jobs.says("silent")
    old = Watch()
    old._answer = type(answer)(answer.at - 60, answer.jobs)
    said = " ".join(map(str, outlook.told(run, old.now(root))))
    assert "This is what Slurm said 6" in said and "Unable to contact slurm controller" in said


def test_a_hundred_runs_are_submitted_with_one_look_and_told_from_one_answer(root, jobs):
    runs = [a_run(f"run-{number}") for number in range(100)]
    slurm.start(root)
    assert len(jobs.ids()) == 100 and len(jobs.calls("squeue")) == 1
    answer = Watch().now(root)
    told = [outlook.told(run, answer) for run in runs]
    assert len(jobs.calls("squeue")) == 2 and all("other jobs are before it" in str(said[0]) for said in told)


def test_slurm_is_asked_no_oftener_while_it_takes_no_job(root, monkeypatch):
    """Thirty sessions that look, and half of them press."""
    from engine.services.launchers import watch

    asked = []
    monkeypatch.setattr(watch.scheduler, "jobs", lambda: asked.append(time.monotonic()) or [])
    monkeypatch.setattr(watch.slurm, "runs_of", lambda root: [])

    def refuses(*rest):
        raise scheduler.UnansweredError(
            "Slurm does not take {command} just now: {answer}", command="sbatch", answer="x"
        )

    monkeypatch.setattr(watch.slurm, "tend", refuses)
    watching, ends = watch.Watch(), time.monotonic() + 2

    def session(number):
        while time.monotonic() < ends:
            (watching.seen if number % 2 else watching.wake)(root)
            time.sleep(0.01)  # what is looked for is that nothing happens meanwhile

    threads = [threading.Thread(target=session, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert "does not take sbatch" in str(watching.seen(root).problem)
