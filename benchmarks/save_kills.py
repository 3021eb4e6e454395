"""`kill -9` at every file operation of a save with real weights, and inside the writers themselves: is anything torn?

    python benchmarks/save_kills.py [--formats ckpt,weights.h5,keras] [--inside 20]

For each n a forked process builds a small GPT-2, saves it as a trainer does (stage, weights, training.npz, manifest, rename,
event, state, retention) and is killed right before its n-th file operation, n = 1, 2, 3 … until the save comes to its end.
The writers of HDF5 and of TensorFlow are one call: so many more processes are killed at even steps of the time that it takes.
One line of JSON. POSIX.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)

# TensorFlow is imported and not used here: each forked process begins with a runtime of its own.
from engine.models import formats, loading
from engine.models.backend import keras
from engine.runs import checkpoints, lifecycle, retention
from engine.runs.folder import Run
from engine.runs.settings import CHECKPOINT_FORMATS, RunSettings
from engine.training import saver as saving
from tests.kill_points import killed_at


def saver(run: Run, step: int, form: str):
    """A function that saves one checkpoint of a new small model; the model is built when this is called."""
    model = loading.new(loading.Architecture(400, 2, 2, 32, 64))
    model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss="sparse_categorical_crossentropy", jit_compile=False)
    model.optimizer.build(model.trainable_variables)

    def save() -> None:
        retention.require_space(run.folder, 12 * model.backbone.count_params() + (8 << 20))
        with checkpoints.commit(run, step, {"format": form}) as staging:
            formats.save(model, staging, form)
            saving.write_variables(staging / checkpoints.TRAINING, saving.state_variables(model, form, 0))
        run.append_event("checkpoint", step=step)
        run.write_state(step=step)
        retention.apply(run, 1)

    return save


def forked(action, after: float | None = None) -> float:
    """Runs `action` in a process of its own, killed so many seconds after its beginning; how long it took."""
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save = action()
            os.write(begun, b"x")
            save()
            os._exit(0)
        finally:
            os._exit(1)
    os.close(begun)  # else the end of a child that fails before its sign would not be seen
    if not os.read(ready, 1):
        raise RuntimeError("the child failed before it began")
    started = time.perf_counter()
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    return time.perf_counter() - started


def look(run: Run, former: int, new: int) -> dict[str, int]:
    """What a reader and a trainer that goes on find after a kill."""
    checkpoints._hashes.clear()
    torn = sum(not checkpoints._is_whole(checkpoint) for checkpoint in checkpoints.of_run(run))
    found = checkpoints.newest_verified(run)
    lost = found is None or found.step not in (former, new)
    run.sweep()
    run.cut_torn_event()
    after = checkpoints.newest_verified(run)
    lost |= after is None or (found is not None and after.step < found.step)
    return {"torn_accepted": torn, "verified_lost": int(lost), "left_behind": len(list(run.folder.glob(".*")))}


def trials(root: Path, form: str, inside: int) -> dict[str, int]:
    """Every kill point of one format."""
    first = lifecycle.create(RunSettings(preset="p", articles="a", name=form.replace(".", "-"), steps=9), root=root)
    for step in (1, 2):
        forked(lambda step=step: saver(first, step, form))
    sums = {"operations": 0, "inside": 0, "torn_accepted": 0, "verified_lost": 0, "left_behind": 0, "new_served": 0}

    def trial(name: str, act) -> bool:
        run = Run(shutil.copytree(first.folder, root / name))
        killed = act(run)
        seen = look(run, 2, 3)
        for key, value in seen.items():
            sums[key] += value
        sums["new_served"] += checkpoints.newest_verified(run).step == 3
        shutil.rmtree(run.folder)
        return killed

    for number in itertools.count(1):
        if not trial(str(number), lambda run, n=number: killed_at(n, lambda: saver(run, 3, form))):
            break
        sums["operations"] += 1
    whole = forked(lambda: saver(Run(shutil.copytree(first.folder, root / f"timed-{form}")), 3, form))
    for number in range(inside):
        trial(f"in-{number}", lambda run, n=number: forked(lambda: saver(run, 3, form), whole * (n + 0.5) / inside))
        sums["inside"] += 1
    return sums


def main() -> None:
    """All formats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", default=",".join(CHECKPOINT_FORMATS))
    parser.add_argument("--inside", type=int, default=20)
    a = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        found = {form: trials(Path(root), form, a.inside) for form in a.formats.split(",")}
    print(json.dumps({**found, "seconds": round(time.monotonic() - started)}))


if __name__ == "__main__":
    main()
