"""A trainer that is silent or frozen is noticed, and ended where it is certain to be one."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from project import PROJECT
from runs_helpers import FakeChild, new_settings

from engine.cli.app import main
from engine.core.errors import RunError
from engine.core.locks import Lock
from engine.core.progress import Phase, Progress
from engine.runs import lifecycle, states
from engine.runs.run_reader import FROZEN_SECONDS, HEARTBEAT
from engine.services import dispatcher, killing, worker


def test_a_trainer_that_gives_no_sign_of_life_is_noticed(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        (run.folder / HEARTBEAT).touch()
        assert run.silent_seconds() == 0
        long_ago = time.time() - FROZEN_SECONDS - 1
        os.utime(run.folder / HEARTBEAT, (long_ago, long_ago))
        assert FROZEN_SECONDS < run.silent_seconds() < 30
    assert run.silent_seconds() == 0  # nobody works on it: that is another matter


@pytest.fixture
def heart(root):
    now = [0.0]
    heart = worker.Heart(lifecycle.create(new_settings()), clock=lambda: now[0])
    yield heart, now
    heart.close()


def pass_time(now, seconds):
    now[0] += seconds


def test_a_training_that_hangs_falls_silent_although_its_process_lives(heart):
    heart, now = heart
    for _ in range(3):  # before the first step, the first one, which is compiled, and the second
        assert heart.beats()
        heart.progress()
        pass_time(now, 1)
    pass_time(now, 8)
    assert heart.beats()
    pass_time(now, 2)
    assert not heart.beats()
    heart.progress()  # it was only slow: a step of eleven seconds
    pass_time(now, 40)
    assert heart.beats()
    pass_time(now, 5)
    assert not heart.beats()
    # Noticed after the patience with a model of quick steps and the age at which a heartbeat is taken for none.
    assert worker.Heart.PAUSE_SECONDS + FROZEN_SECONDS <= 30


def test_steps_and_windows_come_at_a_pace_and_all_else_may_take_minutes(heart):
    heart, now = heart
    for phase in Phase:
        heart.on_progress(Progress(0, 9, phase))  # it begins: something may be loaded or compiled for it
        for done in range(1, 5):
            heart.on_progress(Progress(done, 9, phase))
        pass_time(now, worker.Heart.PAUSE_SECONDS + 1)
        assert heart.beats() == (phase not in (Phase.TRAINING, Phase.EVALUATING)), phase


def test_what_loads_compiles_or_saves_may_take_minutes(heart):
    heart, now = heart
    pass_time(now, 600)
    assert heart.beats()
    for _ in range(3):
        heart.progress()
    heart.long_work()
    pass_time(now, worker.Heart.LONG_SECONDS)
    assert heart.beats()
    heart.progress()
    pass_time(now, 60)  # the first step of a phase: it is compiled
    assert heart.beats()
    pass_time(now, worker.Heart.LONG_SECONDS)
    assert not heart.beats()


@pytest.fixture
def held_run(root):
    """A run held by a process that stands for its trainer, by its command line and its files."""
    run = lifecycle.create(new_settings())
    code = (
        "import os, sys, time; from pathlib import Path; from engine.runs import lifecycle; from engine.core.files import write_json; "
        "from engine.core.locks import Lock; run = lifecycle.Run(Path(sys.argv[2])); lock = Lock(run.folder / 'lock'); "
        "lock.acquire(); write_json(run.folder / 'owner.json', {'pid': os.getpid(), 'since': time.time()}); "
        "run.write_state(state='running', starts=1); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, "engine.services.worker", str(run.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout.readline() == "held\n"
        yield run, process
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that freezes a process")
@pytest.mark.parametrize("action", ["", "stop"])
def test_a_frozen_trainer_is_ended_and_its_run_goes_on_or_is_stopped(held_run, action, monkeypatch):
    run, process = held_run
    started = []
    monkeypatch.setattr(dispatcher, "ensure", started.append)
    d = dispatcher.Dispatcher(run.folder.parent, lambda run, device: started.append(run.name) or FakeChild())
    d.children["cpu"] = (run, process)  # it had started it
    process.send_signal(signal.SIGSTOP)
    if action:
        assert main(["stop", run.name]) == 0
        assert run.state().state == states.RUNNING  # it cannot answer
        assert main(["stop", run.name, "--force"]) == 0
    else:
        killing.kill_trainer(run)
    assert process.wait(5) == -signal.SIGKILL
    d.turn()
    assert started == ([] if action else [run.folder.parent, run.name])
    assert run.state().state == (states.STOPPED if action else states.QUEUED)
    assert run.control() == ""
    with pytest.raises(RunError, match="No trainer works on the run one"):
        killing.kill_trainer(run)


@pytest.mark.parametrize("foreign", ["another process", "another run's trainer", "a later process of the same number"])
def test_a_process_that_is_not_certainly_the_trainer_is_left_alone(held_run, foreign):
    run, process = held_run
    owner = json.loads((run.folder / "owner.json").read_text())
    if foreign == "a later process of the same number":
        owner["since"] -= 60
    arguments = ["engine.services.worker", str(run.folder) + "-2"] if foreign == "another run's trainer" else []
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *arguments]) as other:
        if foreign != "a later process of the same number":
            owner["pid"] = other.pid
        (run.folder / "owner.json").write_text(json.dumps(owner))
        with pytest.raises(RunError, match=f"names process {owner['pid']} as its trainer, and that is not certain"):
            killing.kill_trainer(run)
        assert (process.poll(), other.poll()) == (None, None)
        other.kill()
    assert run.state().state == states.RUNNING
