"""A real Slurm of two nodes without shared locks, an ordinary user: submitted, put back, cancelled, told."""

import json

import cluster_helpers
import pytest
from waiting_helpers import until

from engine.runs import attempts, states

pytestmark = pytest.mark.slow
SAVES = 50
STEPS = 4 * SAVES


@pytest.fixture(scope="module")
def cluster(tiny_preset, sample_folder):
    cluster_helpers.require()
    with cluster_helpers.Cluster() as started:
        started.bring(tiny_preset, "tiny")
        started.bring(sample_folder, "articles")
        yield started


@pytest.mark.long
def test_the_check_runs_a_job_through_the_settings(cluster):
    done = cluster.engine("cluster", "check", "--json", seconds=200)
    assert json.loads(done.stdout.splitlines()[-1])["well"], done.stdout
    assert "same path" in done.stdout and "not made twice" in done.stdout


def test_the_check_says_what_is_missing(cluster):
    cluster.write_settings(**{**cluster_helpers.SLURM, "python": "/nowhere/python"})
    done = cluster.engine("cluster", "check", seconds=200)
    assert done.returncode == 1 and "Its environment is not there" in done.stdout and "/nowhere/python" in done.stdout
    cluster.write_settings(**{**cluster_helpers.SLURM, "partition": "none-such"})
    done = cluster.engine("cluster", "check", seconds=200)
    assert done.returncode == 1 and "invalid partition" in done.stdout
    cluster.write_settings(**cluster_helpers.SLURM)


@pytest.mark.long  # three trainers, one behind the other, and Slurm's rest before it starts a job again
def test_a_run_that_is_put_back_ends_as_one_that_is_not_disturbed(cluster):
    run = cluster.submit("requeued", STEPS, SAVES)
    job = cluster.job_of("requeued")
    until(lambda: run.saved_step() >= SAVES, 120)
    cluster.slurm("scancel", "--batch", "--signal=USR1", job)  # as Slurm warns before a time limit or a preemption
    until(lambda: run.state().state == states.QUEUED, 30)
    assert not run.control()
    until(lambda: run.state().state == states.FINISHED, 240)
    assert attempts.starts(run.folder, job) == 2
    cluster_helpers.ends_as(run, cluster.train_undisturbed(STEPS, SAVES))
    assert not (cluster.root / ".locks" / "dispatcher.lock").exists()
    assert not list((cluster.root / ".locks").glob("device-*"))


def test_a_stop_from_the_lab_is_a_stop_and_resume_submits_again(cluster):
    run = cluster.submit("stopped", 100_000, SAVES)
    until(lambda: run.saved_step() >= SAVES, 120)
    cluster.engine("stop", "stopped")
    until(lambda: run.state().state == states.STOPPED, 60)
    assert run.state().error is None and run.saved_step() == run.state().step
    until(lambda: not cluster.job_of("stopped"), 60)
    cluster.engine("resume", "stopped")
    assert run.state().state in (states.QUEUED, states.RUNNING) and cluster.job_of("stopped")
    cluster.slurm("scontrol", "hold", cluster.job_of("stopped"))
    cluster.engine("pause", "stopped")
    until(lambda: run.state().state == states.PAUSED and not cluster.job_of("stopped"), 90)


def test_a_job_that_was_cancelled_outside_is_told_as_that(cluster):
    run = cluster.submit("cancelled", 100_000, SAVES)
    until(lambda: run.saved_step() >= SAVES, 120)
    cluster.slurm("scancel", cluster.job_of("cancelled"))
    until(lambda: run.state().state == states.STOPPED, 60)
    assert "cancelled outside the lab" in str(run.state().error)
    assert run.saved_step() == run.state().step > 0
