"""Twenty runs over two nodes that lose their power, hang, are put back and run out of time: all finish, as if nothing had been."""

import random
import time

import cluster_helpers
import pytest

from engine.runs import attempts, states

pytestmark = pytest.mark.long
RUNS, STEPS, SAVES = 20, 1500, 150
MOST_SECONDS = 45 * 60
CANCELLED, WARNED, REQUEUED = 3, 4, 4


@pytest.fixture
def cluster(tiny_preset, sample_folder):
    cluster_helpers.require()
    # Slurm counts limits in minutes, and warns up to a minute early.
    with cluster_helpers.Cluster(time="00:02:00", warning_seconds=10) as started:
        started.bring(tiny_preset, "tiny")
        started.bring(sample_folder, "articles")
        yield started


def test_twenty_runs_survive_everything_and_end_as_one_that_was_not_disturbed(cluster, capsys):
    chance = random.Random(5)
    alone = cluster.train_undisturbed(STEPS, SAVES)
    began = time.monotonic()
    runs = [cluster.submit(f"run-{number:02d}", STEPS, SAVES) for number in range(RUNS)]
    submitted = time.monotonic()

    def at_work() -> list[str]:
        """The jobs whose trainers have saved something and go on."""
        return [
            str(attempts.facts(run.folder)["job"])
            for run in runs
            if run.state().state == states.RUNNING and run.saved_step() > 0 and attempts.facts(run.folder).get("job")
        ]

    def disturb(*command: str) -> bool:
        jobs = at_work()
        if jobs:
            cluster.slurm(*command, chance.choice(jobs))
        return bool(jobs)

    done: dict[str, int] = dict.fromkeys(
        ("cancelled", "warned", "requeued", "told", "power", "frozen", "controller"), 0
    )
    plan = [*CANCELLED * ["cancelled"], *WARNED * ["warned"], *REQUEUED * ["requeued"], "power", "frozen", "controller"]
    chance.shuffle(plan)
    commands = {
        "cancelled": ("scancel",),
        "warned": ("scancel", "--batch", "--signal=USR1"),
        "requeued": ("scontrol", "requeue"),
    }
    while not all(run.state().state == states.FINISHED for run in runs):
        seconds = time.monotonic() - began
        assert seconds < MOST_SECONDS, {run.name: (run.state().state, run.state().step) for run in runs}
        cluster.engine("runs")  # a look, as a page takes it: what vanished is submitted again
        for run in runs:
            state = run.state()
            assert state.state != states.FAILED, str(state.error)
            if state.state == states.STOPPED:
                assert "cancelled outside the lab" in str(state.error)
                done["told"] += 1
                cluster.engine("resume", run.name)
        if plan and at_work():
            what = plan.pop()
            if what in commands:
                disturb(*commands[what])
            elif what == "power":
                cluster.cut_power("node1")
                time.sleep(40)  # longer than Slurm takes to give it up
                cluster.restore_power("node1")
            elif what == "frozen":
                stopped = cluster.freeze("node2")
                time.sleep(45)  # Slurm gives it up, and its jobs begin elsewhere
                cluster_helpers.thaw(stopped)
            else:
                cluster.kill_controller()
                time.sleep(10)  # a while in which nobody answers
                cluster.engine("runs")
                cluster.start_controller()
            done[what] += 1
        time.sleep(5)  # between two looks of a page
    starts = [attempts.starts(run.folder) for run in runs]
    for run in runs:
        cluster_helpers.ends_as(run, alone)
    assert done["told"] >= 1 and not plan and sum(starts) > RUNS
    with capsys.disabled():
        print(
            f"\n{RUNS} runs in {time.monotonic() - submitted:.0f} s, {sum(starts)} starts (at most {max(starts)} of one run), "
            f"submitted in {submitted - began:.0f} s; disturbed: {done}"
        )
