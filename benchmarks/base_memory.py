"""Peak memory of the training of a GPT-2 of 124 M parameters with random weights.

    python benchmarks/base_memory.py [--steps 4]

Writes a preset of GPT-2 base's size in a temporary folder (about 0.5 GB) and trains some steps on the sample articles, as a
trainer does, with little measured: what is measured takes minutes of such a model and, as it has no gradients, less memory.
Prints the largest resident memory of the process by the end of each phase (Linux and macOS: `ru_maxrss`), in less than five
minutes on two cores.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import bench

from engine.core.progress import Progress

# A micro-batch's worth of each kind of measurement: one window, and a sample of a few tokens.
MEASURED_TOKENS, SAMPLE_TOKENS = 512, 8


def make_preset(folder: Path) -> None:
    """A keras-hub preset of GPT-2 base's architecture with the mini model's vocabulary padded to 50,257 entries."""
    from engine.core import paths
    from engine.models import loading
    from engine.models.backend import keras
    from engine.presets import tokenizers

    keras.utils.set_random_seed(1)
    assets = tokenizers.find_assets(paths.MINI_PRESET)
    vocabulary = json.loads((assets / "vocabulary.json").read_text(encoding="utf-8"))
    merges = [
        tuple(line.split(" ")) for line in (assets / "merges.txt").read_text(encoding="utf-8").splitlines() if line
    ]
    vocabulary |= {f"<unused-{number}>": number for number in range(len(vocabulary), 50257)}
    model = loading.new(loading.Architecture(50257, 12, 12, 768, 1024, dropout=0.1))
    loading.save_preset(model, vocabulary, merges, folder, "random weights\n")


def peak_bytes() -> int:
    """The most resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def train(preset: Path, steps: int) -> None:
    """Trains in this process; prints the peak by the end of each phase, in a line of JSON."""
    from engine.core import paths
    from engine.corpus import english
    from engine.runs.settings import RunSettings
    from engine.runs.submission import submit
    from engine.services import worker

    english.INTERVAL_TOKENS = MEASURED_TOKENS
    phases: dict[str, list[float]] = {}
    begun = time.monotonic()

    def note(progress: Progress) -> None:
        name = f"{progress.phase} at step {run.state().step}"
        phases[name] = [round(time.monotonic() - begun, 1), peak_bytes()]
        print(name, phases[name], file=sys.stderr, flush=True)

    settings = RunSettings(
        str(preset),
        paths.portable(paths.SAMPLE_ARTICLES),
        "base",
        steps=steps,
        evaluate_steps=10 * steps,
        evaluate_tokens=MEASURED_TOKENS,
        interval_tokens=MEASURED_TOKENS,
        sample_tokens=SAMPLE_TOKENS,
        prompts=("The",),
        device="cpu",
    )
    run = submit(settings, paths.checkpoints_root())
    result = worker.work(run, device="cpu", on_progress=note)
    print(json.dumps({"peak_bytes": peak_bytes(), "phases": phases, "result": result and result["tokens_per_second"]}))


def main() -> None:
    """Makes the preset in one process, trains in another, and prints what that one says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--train", type=Path)
    a = parser.parse_args()
    if a.make:
        make_preset(a.make)
    elif a.train:
        train(a.train, a.steps)
    else:
        with bench.own_folders() as folder:
            preset = folder / "presets" / "random_base"
            preset.parent.mkdir()
            subprocess.run([sys.executable, __file__, "--make", str(preset)], check=True, capture_output=True)
            command = [sys.executable, __file__, "--train", str(preset), "--steps", str(a.steps)]
            print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
