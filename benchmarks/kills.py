"""`kill -9` of a trainer at random moments, resumed by the dispatcher: is anything lost?

    python benchmarks/kills.py [--kills 100] [--steps 400]

A run of the mini model on the sample articles with dropout, a checkpoint every few steps, is killed again and again, saves
included (half of the kills wait for the beginning of a save); the dispatcher starts it again by itself. Afterwards its
checkpoints and final weights are compared with those of a run that nobody touched. One line of JSON. POSIX.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine import checkpoints, dispatcher, paths, runs, submission
from engine.files import read_json, sha256
from engine.settings import RunSettings


def submit(name: str, steps: int) -> runs.Run:
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
            checkpoint_format="weights.h5",
            keep_checkpoints=3,
        )
    )


def wait(run: runs.Run, *states: str, seconds: float = 3600.0) -> str:
    """Waits until a run is in one of the states."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        dispatcher.ensure()
        state = run.state().state
        if state in states:
            return state
        time.sleep(0.05)
    raise TimeoutError(f"{run.name} is still {run.state()}")


def trainer_pid(run: runs.Run) -> int | None:
    """The process that works on a run, where one does."""
    owner = read_json(run.folder / "owner.json")
    return owner.get("pid") if run.alive() else None


def saving_now(run: runs.Run) -> bool:
    """Whether the trainer at work has a save under way; what earlier ones left behind does not count."""
    return any(run.folder.glob(f".step-*.{trainer_pid(run)}.tmp"))


def main() -> None:
    """One untouched run, one that is killed, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=400)
    a = parser.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as root:
        os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = root, f"{root}/.corpora"
        whole = submit("whole", a.steps)
        wait(whole, runs.FINISHED, runs.FAILED)
        killed = submit("killed", a.steps)
        kills = in_saves = lost = resumed = 0
        started = time.monotonic()
        while kills < a.kills:
            wait(killed, runs.RUNNING, runs.FINISHED, runs.FAILED)
            if killed.state().state != runs.RUNNING:
                break
            before = checkpoints.newest_verified(killed)
            saving = kills % 2 == 1
            end = time.monotonic() + 60
            while time.monotonic() < end and killed.state().state == runs.RUNNING:
                begun = saving_now(killed)
                newest = checkpoints.of_run(killed)
                if newest and (before is None or newest[-1].step > before.step) and (begun or not saving):
                    break
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.03 if saving else 0.5))
            in_saves += saving_now(killed)
            had = checkpoints.newest_verified(killed)
            pid = trainer_pid(killed)
            if pid is None:
                continue
            os.kill(pid, signal.SIGKILL)
            kills += 1
            has = checkpoints.newest_verified(killed)
            lost += had is not None and (has is None or has.step < had.step)
            deadline = time.monotonic() + 60
            while trainer_pid(killed) in (None, pid) and killed.state().state != runs.FINISHED:
                dispatcher.ensure()
                if killed.state().state == runs.FAILED or time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            resumed += killed.state().state in (runs.RUNNING, runs.FINISHED)
        ended = wait(killed, runs.FINISHED, runs.FAILED)
        one, two = (checkpoints.of_run(run)[-1] for run in (whole, killed))
        same = [e["loss"] for e in whole.events("evaluation")] == [e["loss"] for e in killed.events("evaluation")]
        weights = sha256(one.folder / checkpoints.WEIGHTS) == sha256(two.folder / checkpoints.WEIGHTS)
        print(
            json.dumps(
                {
                    "kills": kills,
                    "in_saves": in_saves,
                    "resumed": resumed,
                    "verified_checkpoints_lost": lost,
                    "ended": ended,
                    "same_step": one.step == two.step,
                    "same_weights": weights or _equal(one, two),
                    "same_losses": same,
                    "seconds": round(time.monotonic() - started),
                }
            )
        )


def _equal(one: checkpoints.Checkpoint, two: checkpoints.Checkpoint) -> bool:
    """Whether every array of two weight files is the same, bit for bit (HDF5 keeps times of writing)."""
    import h5py
    import numpy as np

    with h5py.File(one.folder / checkpoints.WEIGHTS) as a, h5py.File(two.folder / checkpoints.WEIGHTS) as b:
        names: list[str] = []
        a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        return all(np.array_equal(a[name][()], b[name][()]) for name in names)


if __name__ == "__main__":
    main()
