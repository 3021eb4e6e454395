"""Which learning rate LoRA needs: short runs on the sample articles over rates and ranks, and one that trains every weight.

    python benchmarks/lora_rates.py [--ranks 4,8] [--rates 1e-3,3e-3,1e-2,3e-2,1e-1] [--steps 60] [--preset P] [--from RUN]

Every run has the same seed, batches and number of steps; only the rate and what is trained differ. `--from` starts each of
them from a checkpoint, as one goes on from a fine-tuned model. Prints a table and ends with one line of JSON: accuracy and
bits per byte of each run on the test articles, and the rate of the best run of each rank.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from engine import paths, submission, trainer
from engine.settings import RunSettings


def figures(a: argparse.Namespace, root: Path, rank: int, rate: float) -> dict:
    """One run to its end: its figures on the test articles, and those of what it started from."""
    settings = RunSettings(
        a.preset,
        str(paths.SAMPLE_ARTICLES),
        f"rank-{rank}-rate-{rate:g}",
        steps=a.steps,
        parent=a.parent,
        learning_rate=rate,
        lora_rank=rank,
        evaluate_steps=a.steps,
        interval_tokens=256,
        sample_tokens=1,
        prompts=("The",),
        evaluate_tokens=a.evaluate_tokens,
    )
    try:
        result = trainer.work(submission.submit(settings, root))
    except Exception as error:  # a rate too high is a result too
        return {"rank": rank, "rate": rate, "failed": str(error)}
    assert result is not None
    names = ("accuracy", "bits_per_byte", "base_accuracy", "base_bits_per_byte", "parent_accuracy")
    return {"rank": rank, "rate": rate, **{name: result[name] for name in names if name in result}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", default="4,8")
    parser.add_argument("--rates", default="1e-3,3e-3,1e-2,3e-2,1e-1")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--preset", default=str(paths.MINI_PRESET))
    parser.add_argument("--from", dest="parent", help="a checkpoint of $ATELIER_CHECKPOINTS")
    parser.add_argument("--evaluate-tokens", type=int, default=0, help="of the test articles; 0 = all")
    parser.add_argument("--full-rates", default="0", help="for the runs that train every weight; 0 = the automatic one")
    a = parser.parse_args()
    jobs = [(0, float(rate)) for rate in filter(None, a.full_rates.split(","))]
    jobs += [(int(rank), float(rate)) for rank in a.ranks.split(",") for rate in a.rates.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        root = paths.checkpoints_root() if a.parent else Path(folder)
        rows = []
        for rank, rate in jobs:
            rows.append(row := figures(a, root, rank, rate))
            told = row.get("failed") or f"{row['accuracy']:.1%}  {row['bits_per_byte']:.3f} bits per byte"
            print(f"{'every weight' if not rank else f'rank {rank}':<14} rate {rate:<8g} {told}", flush=True)
    best = {}
    for rank in sorted({row["rank"] for row in rows}):
        scored = [row for row in rows if row["rank"] == rank and "bits_per_byte" in row]
        best[rank] = min(scored, key=lambda row: row["bits_per_byte"])["rate"] if scored else None
    print(json.dumps({"steps": a.steps, "runs": rows, "best": best}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
