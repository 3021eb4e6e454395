"""Peak memory of `engine train` on a GPT-2 of 124 M parameters with random weights.

    python benchmarks/base_memory.py [--steps 3]

Writes a preset of GPT-2 base's size in a temporary folder (about 0.5 GB), trains some steps on the sample articles, and
prints the largest resident memory of the process (Linux and macOS: `ru_maxrss`).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import PROJECT


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


def main() -> None:
    """Makes the preset in one process, trains in another, and prints the other's peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--make", type=Path)
    a = parser.parse_args()
    if a.make:
        make_preset(a.make)
        return
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "random_base"
        subprocess.run([sys.executable, __file__, "--make", str(preset)], check=True, capture_output=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        command = [sys.executable, "-m", "engine", "train", "--preset", str(preset), "--steps", str(a.steps)]
        environment = {**os.environ, "ATELIER_CHECKPOINTS": folder, "ATELIER_CORPORA": f"{folder}/corpora"}
        done = subprocess.run(
            [*command, "--evaluate-tokens", "2000", "--evaluate-steps", "100", "--name", "base", "--json"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        result = json.loads(done.stdout.splitlines()[-1])
        print(
            json.dumps(
                {"peak_bytes": peak, "made_with_bytes": before * 1024, "tokens_per_second": result["tokens_per_second"]}
            )
        )


if __name__ == "__main__":
    main()
