"""Memory that runs out in earnest, under a limit of the system: does the run go on, and to which loss?

    python benchmarks/out_of_memory.py [--limit-mb 3400] [--batch-size 256] [--steps 6]

The mini model without dropout on the sample articles in batches that do not fit: once without a limit, once with RLIMIT_DATA
for the trainer, its successors and the dispatcher. One line of JSON with what happened and the greatest difference of
the steps' losses. POSIX.
"""

import argparse
import json
import os
import resource
import tempfile
import time

import bench  # noqa: F401  (the project is put on the path)

from engine.core import paths
from engine.runs import states, submission
from engine.runs.folder import Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher


def finished(name: str, a: argparse.Namespace) -> Run:
    """Queues a run and waits for its end; every process is started from here and inherits the limit."""
    run = submission.submit(
        RunSettings(
            preset=str(paths.MINI_PRESET),
            articles=str(paths.SAMPLE_ARTICLES),
            name=name,
            steps=a.steps,
            sequence_length=128,
            batch_size=a.batch_size,
            dropout=0.0,
            evaluate_steps=max(1, a.steps // 2),
            interval_tokens=256,
            evaluate_tokens=512,
            sample_tokens=1,
            prompts=("The",),
            device="cpu",
        )
    )
    while run.state().state in (states.QUEUED, states.RUNNING, states.INTERRUPTED):
        dispatcher.ensure()
        time.sleep(0.2)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit-mb", type=int, default=3400)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=6)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATELIER_CHECKPOINTS"] = folder
        whole = finished("whole", a)
        time.sleep(2 * dispatcher.IDLE_SECONDS)  # its dispatcher knows no limit
        resource.setrlimit(resource.RLIMIT_DATA, (a.limit_mb << 20, a.limit_mb << 20))
        limited = finished("limited", a)
        losses = [{e["step"]: e["loss"] for e in run.events("step")} for run in (whole, limited)]
        common = losses[0].keys() & losses[1].keys()
        last = limited.state()
        result = {
            "limit_mb": a.limit_mb,
            "batch_size": a.batch_size,
            "ran_out_at": [[e["failed_step"], e["micro_batch"]] for e in limited.events("memory")],
            "state": last.state,
            "reason": str(last.error) if last.error else None,
            "steps_compared": len(common),
            "loss_difference": max((abs(losses[0][s] - losses[1][s]) for s in common), default=None),
            "last_loss": [by_step.get(a.steps) for by_step in losses],
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
