"""Hostile and damaged checkpoints through the validator: how each ends, how long it takes, how much memory.

    python benchmarks/hostile_checkpoints.py [--mutations 2000]

Named attacks first (tests/hostile_weights.py), then random mutations of a good file of each format: flipped bits, cuts,
repeats; of a TensorFlow index every other one with its checksums made right again. Each must end in numbers or in one
sentence within 10 s, with the memory of the validator's processes inside its limits, and nothing written or read elsewhere.
Where one ends a child, the next file has a fresh one. One line of JSON at the end.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import PROJECT

sys.path.insert(0, str(PROJECT / "tests"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hostile_weights

from engine.core.errors import CheckpointError
from engine.exchange.foreign.child_main import PLAIN, TENSORFLOW
from engine.exchange.foreign.validator import MEMORY_BYTES, Validator
from engine.models import loading
from engine.presets.catalogue import Preset

MOST_SECONDS = 10.0
FORMATS = ("backbone.weights.h5", "backbone.keras", "backbone.ckpt")


def base_size(folder: Path) -> dict[str, list[float]]:
    """[seconds, peak MB] for a good file of GPT-2 base's size in each format, its optimizer in the `.ckpt` too."""
    import tensorflow as tf

    model = loading.new(loading.Architecture(50257, 12, 12, 768, 1024))
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    preset = Preset("base", PROJECT, "keras-hub", 50257, 12, 12, 768, 1024)
    model.backbone.save_weights(folder / "base.weights.h5")
    model.backbone.save(folder / "base.keras")
    (folder / "base.ckpt").mkdir()
    tf.train.Checkpoint(model=model.backbone, optimizer=model.optimizer).write(str(folder / "base.ckpt" / "model.ckpt"))
    del model
    found = {}
    for name, kind in (("base.weights.h5", PLAIN), ("base.keras", PLAIN), ("base.ckpt", TENSORFLOW)):
        with Validator() as validator:
            started = time.perf_counter()
            validator.check(folder / name, [preset], folder / "scratch", folder / "out.h5")
            found[name] = [round(time.perf_counter() - started, 1), validator.peak_bytes(kind) >> 20]
    return found


def main() -> None:
    """Every attack, then the mutations, then good files of a real size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=2000, help="of each format")
    a = parser.parse_args()
    model = loading.new(loading.Architecture(400, 2, 2, 32, 64))
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    preset = Preset("tiny", PROJECT, "keras-hub", 400, 2, 2, 32, 64)
    ends: Counter[str] = Counter()
    worst = {"seconds": 0.0, PLAIN: 0, TENSORFLOW: 0}
    outside: list[str] = []
    with tempfile.TemporaryDirectory() as temporary, Validator() as validator:
        folder = Path(temporary)
        for name in ("good", "attacks", "scratch"):
            (folder / name).mkdir()
        canary = folder / "canary"

        def judge(name: str, path: Path) -> str:
            started = time.perf_counter()
            (folder / "out.h5").unlink(missing_ok=True)
            try:
                validator.check(path, [preset], folder / "scratch", folder / "out.h5")
                said = ""
            except CheckpointError as error:
                said = str(error)
            seconds = time.perf_counter() - started
            worst["seconds"] = max(worst["seconds"], round(seconds, 2))
            for kind in (PLAIN, TENSORFLOW):
                worst[kind] = max(worst[kind], validator.peak_bytes(kind) >> 20)
            if seconds > MOST_SECONDS or canary.exists():
                outside.append(name)
            ends["crashed a child" if "crashed" in said else "sentence" if said else "numbers"] += 1
            return said

        good = hostile_weights.forms(model, folder / "good")
        judge("warm", good["backbone.ckpt"])  # starts both children
        ends.clear()
        attacks = hostile_weights.attacks(good, folder / "attacks", canary)
        for name, path in attacks.items():
            print(f"{name:<32} {judge(name, path)[:120]}")
        of_attacks, rng = dict(ends), random.Random(1)
        ends.clear()
        for form in FORMATS:
            for number in range(a.mutations):
                path = folder / f"mutated-{form}"
                if form != "backbone.ckpt":
                    path.write_bytes(hostile_weights.mutated(good[form].read_bytes(), rng))
                else:
                    path.mkdir(exist_ok=True)
                    index = number % 4 != 3  # else the data file
                    for file in good[form].iterdir():
                        content = file.read_bytes()
                        if (file.suffix == ".index") == index:
                            signed = index and number % 2
                            change = hostile_weights.mutated_behind_checksums if signed else hostile_weights.mutated
                            content = change(content, rng)
                        (path / file.name).write_bytes(content)
                judge(f"{form} {number}", path)
        large = base_size(folder)
    within = all(worst[kind] << 20 < MEMORY_BYTES[kind] for kind in (PLAIN, TENSORFLOW))
    print(
        json.dumps(
            {
                "attacks": len(attacks),
                "of_attacks": of_attacks,
                "mutations": sum(ends.values()),
                "of_mutations": dict(ends),
                "worst": worst,
                "within_memory": within,
                "gpt2_base": large,
                "outside": outside,
            }
        )
    )


if __name__ == "__main__":
    main()
