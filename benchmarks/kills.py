"""`kill -9` of a trainer at random moments, resumed by the dispatcher: is anything lost?

    python benchmarks/kills.py [--kills 100] [--steps 400]

Runs of the mini model on the sample articles with dropout, a checkpoint every few steps, one in each format, are killed again and
again: half of the kills wait for the beginning of a save, every eighth comes at any moment from the trainer's start on, the first of
each run before its first checkpoint. The dispatcher starts them again by itself. Afterwards the loss of every step, the
evaluations and the final weights are compared with those of a run that nobody touched. One line of JSON. POSIX.

A trainer reports its losses once a second, as means whose bounds depend on the clock; here it reports each step, so that the
series can be compared.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from bench import PROJECT, own_folders

from engine.core import paths
from engine.core.files import read_json
from engine.core.locks import Lock
from engine.models import loading
from engine.presets import catalogue
from engine.runs import checkpoints, submission
from engine.runs import states as states_
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.runs.settings import CHECKPOINT_FORMATS, RunSettings
from engine.services import dispatcher

EACH_STEP = """
import os
from engine import trainer, training
training.REPORT_SECONDS = 0.0
os._exit(trainer.main())
"""
LOADING_SECONDS = 12.0  # of a trainer, more or less, until its first step


class Dispatching(threading.Thread):
    """The dispatcher, in this process, with trainers that report each step."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root, self.ended = root, threading.Event()

    def start_trainer(self, run: Run, device: str) -> subprocess.Popen:
        """As `dispatcher.start_trainer`."""
        command = [sys.executable, "-c", EACH_STEP, str(run.folder.resolve()), device]
        with open(run.folder / "trainer.log", "ab") as log:
            return subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def run(self) -> None:
        with Lock(dispatcher.lock_path(self.root)) as lock:
            if not lock.acquire():
                raise RuntimeError("another dispatcher is at work")
            work = dispatcher.Dispatcher(self.root, self.start_trainer)
            while not self.ended.wait(dispatcher.POLL_SECONDS):
                work.turn()


def submit(name: str, form: str, steps: int) -> Run:
    """A run with dropout and shuffle that saves often."""
    return submission.submit(
        RunSettings(
            preset=str(paths.MINI_PRESET),
            articles=str(paths.SAMPLE_ARTICLES),
            name=name,
            steps=steps,
            sequence_length=32,
            batch_size=4,
            dropout=0.1,
            evaluate_steps=4,
            interval_tokens=128,
            evaluate_tokens=512,
            sample_tokens=1,
            prompts=("The",),
            device="cpu",
            checkpoint_format=form,
            keep_checkpoints=3,
        )
    )


def wait(run: Run, *states: str, seconds: float = 3600.0) -> str:
    """Waits until a run is in one of the states."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = run.state().state
        if state in states:
            return state
        time.sleep(0.02)
    raise TimeoutError(f"{run.name} is still {run.state()}")


def trainer_pid(run: Run) -> int | None:
    """The process that works on a run, where one does."""
    owner = read_json(run.folder / "owner.json")
    return owner.get("pid") if run.alive() else None


def saving_now(run: Run) -> bool:
    """Whether the trainer at work has a save under way; what earlier ones left behind does not count."""
    return any(run.folder.glob(f".step-*.{trainer_pid(run)}-*.tmp"))


def await_moment(run: Run, kind: str, rng: random.Random) -> None:
    """Waits for the moment of a kill: any one from the trainer's start on, or behind a new checkpoint, in a save or not."""
    if kind == "early":
        time.sleep(rng.uniform(0, LOADING_SECONDS))
        return
    before = checkpoints.newest_verified(run)
    end = time.monotonic() + 120
    while time.monotonic() < end and run.state().state == states_.RUNNING:
        begun = saving_now(run)
        newest = checkpoints.of_run(run)
        if newest and (before is None or newest[-1].step > before.step) and (begun or kind != "save"):
            break
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.03 if kind == "save" else 0.5))


def kill_again_and_again(run: Run, kills: int, rng: random.Random) -> dict[str, int]:
    """Kills the trainers of a run so often, or until it is finished; what was counted."""
    sums = {"kills": 0, "in_saves": 0, "before_the_first_checkpoint": 0, "resumed": 0, "verified_checkpoints_lost": 0}
    while sums["kills"] < kills and wait(run, states_.RUNNING, states_.FINISHED, states_.FAILED) == states_.RUNNING:
        number = sums["kills"]
        await_moment(run, "early" if number % 8 == 0 else "save" if number % 2 else "training", rng)
        saving, had, pid = saving_now(run), checkpoints.newest_verified(run), trainer_pid(run)
        if pid is None:
            continue
        os.kill(pid, signal.SIGKILL)
        has = checkpoints.newest_verified(run)
        sums["kills"] += 1
        sums["in_saves"] += saving
        sums["before_the_first_checkpoint"] += had is None
        sums["verified_checkpoints_lost"] += had is not None and (has is None or has.step < had.step)
        deadline = time.monotonic() + 60
        while trainer_pid(run) in (None, pid) and run.state().state not in (states_.FINISHED, states_.FAILED):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        sums["resumed"] += run.state().state in (states_.RUNNING, states_.FINISHED)
    return sums


def compare(whole: Run, killed: Run) -> dict[str, bool]:
    """What of two finished runs is the same, bit for bit."""
    one, two = (checkpoints.of_run(run)[-1] for run in (whole, killed))
    losses = [[(e["step"], e["loss"]) for e in run.events("step")] for run in (whole, killed)]
    figures = [
        [(e["model"], e["step"], e["split"], e["loss"]) for e in run.events("evaluation")] for run in (whole, killed)
    ]
    preset = catalogue.find(str(paths.MINI_PRESET))
    weights = [loading.load(ModelReference(preset, checkpoint))[0].get_weights() for checkpoint in (one, two)]
    return {
        "same_step": one.step == two.step == len(losses[0]),
        "same_losses": losses[0] == losses[1],
        "same_evaluations": figures[0] == figures[1],
        "same_weights": all(np.array_equal(a, b) for a, b in zip(*weights, strict=True)),
    }


def main() -> None:
    """One untouched run, one in each format that is killed, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--formats", default=",".join(CHECKPOINT_FORMATS))
    a = parser.parse_args()
    rng, started, forms = random.Random(1), time.monotonic(), a.formats.split(",")
    with own_folders() as root:
        queue = Dispatching(root)
        queue.start()
        whole = submit("whole", forms[0], a.steps)
        wait(whole, states_.FINISHED, states_.FAILED)
        found = {}
        for number, form in enumerate(forms):
            killed = submit(f"killed-{number}", form, a.steps)
            kills = a.kills // len(forms) + (number < a.kills % len(forms))
            sums = kill_again_and_again(killed, kills, rng)
            ended = wait(killed, states_.FINISHED, states_.FAILED)
            found[form] = {**sums, "ended": ended, **(compare(whole, killed) if ended == states_.FINISHED else {})}
            print(form, found[form], file=sys.stderr, flush=True)
        queue.ended.set()
        queue.join()
    print(json.dumps({**found, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
