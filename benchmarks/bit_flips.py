"""Flipped bits and truncations anywhere in a checkpoint: is each noticed, and does the one before it serve?

    python benchmarks/bit_flips.py [--damages 1000]

In each format a real run of the mini model is stopped with two checkpoints. Its newest one is damaged again and again, one
bit or one cut at a time in any of its files, the manifest among them; then once in each file for good, and the run is
resumed by the trainer itself. One line of JSON.
"""

import argparse
import json
import random
import shutil
import time
from pathlib import Path

from bench import own_folders

from engine.core import paths
from engine.core.files import write_json
from engine.evaluation import scoring
from engine.runs import checkpoints, states, submission
from engine.runs.folder import Run
from engine.runs.settings import CHECKPOINT_FORMATS, RunSettings
from engine.services import worker

STEPS = 6  # of which 2 and 4 are saved before the run is cut off


def a_cut_off_run(form: str) -> Run:
    """A run with checkpoints at steps 2 and 4 that asks to be gone on with."""
    run = submission.submit(
        RunSettings(
            preset=str(paths.MINI_PRESET),
            articles=str(paths.SAMPLE_ARTICLES),
            name=form.replace(".", "-"),
            steps=STEPS,
            sequence_length=32,
            batch_size=4,
            evaluate_steps=2,
            interval_tokens=128,
            evaluate_tokens=512,
            sample_tokens=1,
            prompts=("The",),
            device="cpu",
            checkpoint_format=form,
        )
    )
    worker.work(run)
    checkpoints.delete(checkpoints.of_run(run)[-1])
    write_json(run.folder / "state.json", {**run.state().__dict__, "state": states.QUEUED})
    return run


def damage(path: Path, rng: random.Random) -> bytes:
    """Flips one bit or cuts the file short; what stood there before."""
    content = path.read_bytes()
    position = rng.randrange(len(content))
    if rng.random() < 0.5:
        path.write_bytes(content[:position])
    else:
        with open(path, "r+b") as file:
            file.seek(position)
            file.write(bytes([content[position] ^ 1 << rng.randrange(8)]))
    return content


def serving(run: Run) -> int | None:
    """The step of the checkpoint that a resume would take, looked at afresh."""
    checkpoints._hashes.clear()
    found = checkpoints.newest_verified(run)
    return found.step if found else None


def trials(run: Run, damages: int, rng: random.Random) -> dict:
    """What became of so many damages to one format."""
    older, newest = checkpoints.of_run(run)
    files = sorted(path for path in newest.folder.iterdir())
    noticed = 0
    for number in range(damages):
        path = files[number % len(files)]
        before = damage(path, rng)
        noticed += serving(run) == older.step
        path.write_bytes(before)
    assert serving(run) == newest.step
    resumed = 0
    for path in files:
        copy = Run(shutil.copytree(run.folder, run.folder.with_name(f"{run.name}-{path.name}")))
        damage(copy.folder / newest.folder.name / path.name, rng)
        result = worker.work(copy)
        went_on = [event["step"] for event in copy.events("resume")] == [older.step]
        resumed += bool(went_on and result["steps"] == STEPS and serving(copy) == STEPS)
        shutil.rmtree(copy.folder)
    return {"files": len(files), "damages": damages, "noticed": noticed, "resumed_from_the_one_before": resumed}


def main() -> None:
    """All three formats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=1000)
    a = parser.parse_args()
    started = time.monotonic()
    scoring.JIT_COMPILE = False  # compiling would take most of the time of so short runs
    with own_folders():
        found = {form: trials(a_cut_off_run(form), a.damages, random.Random(1)) for form in CHECKPOINT_FORMATS}
    print(json.dumps({**found, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
