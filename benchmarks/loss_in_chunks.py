"""A training step with the loss in chunks against `train_on_batch`: tokens a second and a CPU second, and peak memory.

    python benchmarks/loss_in_chunks.py [--model mini|base] [--batch N] [--steps 10] [--rounds 3] [--chunk-logits N ...]

Random weights, random tokens, float32, AdamW with clipping. The ways alternate in rounds, each round in a process of its
own, whose largest resident memory is the peak (Linux and macOS: `ru_maxrss`). Where other work runs, compare CPU seconds.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

LENGTH = 256
SIZES = {"mini": (4096, 4, 4, 256, 512), "base": (50257, 12, 12, 768, 1024)}
BATCHES = {"mini": 8, "base": 5}  # what the lab chooses by itself
KERAS = "train_on_batch"
WARMUP_STEPS = 3  # compile and first allocations


def measure(model_name: str, rows: int, steps: int, way: str, precision: str, xla: bool) -> dict[str, float]:
    """Tokens a second of a step, and the process's peak."""
    import numpy as np

    from engine.corpus import windows
    from engine.evaluation import scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.training import step_tensorflow

    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(precision)
    jit_compile = scoring.JIT_COMPILE and xla
    model = loading.new(loading.Architecture(*SIZES[model_name]))
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-4, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=jit_compile,
    )
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, SIZES[model_name][0], (2, rows, LENGTH), dtype=np.int32)
    batch = windows.Batch(ids, targets, np.ones((rows, LENGTH), np.float32))
    if way == KERAS:
        inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}

        def step() -> float:
            return model.train_on_batch(inputs, targets, sample_weight=batch.weights, return_dict=True)["loss"]
    else:
        accumulator = step_tensorflow.Accumulator(model, rows, jit_compile, chunk_logits=int(way))

        def step() -> float:
            return accumulator.step(batch)["loss"]

    for _ in range(WARMUP_STEPS):
        step()
    started, worked = time.perf_counter(), time.process_time()
    for _ in range(steps):
        loss = float(step())
    tokens = steps * rows * LENGTH
    speed, thrift = tokens / (time.perf_counter() - started), tokens / (time.process_time() - worked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"tokens_per_second": speed, "tokens_per_cpu_second": thrift, "peak_bytes": peak, "loss": loss}


def main() -> None:
    """Alternates the ways in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=SIZES, default="mini")
    parser.add_argument("--batch", type=int, help="windows in a batch")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--no-xla", action="store_true")
    parser.add_argument("--chunk-logits", nargs="*", default=[], help="logits in a chunk; by default the lab's")
    parser.add_argument("--only")
    a = parser.parse_args()
    rows = a.batch or BATCHES[a.model]
    if a.only:
        print(json.dumps(measure(a.model, rows, a.steps, a.only, a.precision, not a.no_xla)))
        return
    if not a.chunk_logits:
        from engine.training.chunked_loss import CHUNK_LOGITS

        a.chunk_logits = [str(CHUNK_LOGITS)]
    found: dict[str, list[dict[str, float]]] = {way: [] for way in (KERAS, *a.chunk_logits)}
    for _ in range(a.rounds):
        for way, results in found.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--only", way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(way, results[-1], file=sys.stderr, flush=True)
    for way, results in found.items():
        print(f"{way:<15}", end="")
        for figure, unit in (("tokens_per_second", "tokens/s"), ("tokens_per_cpu_second", "tokens/CPU s")):
            values, others = ([one[figure] for one in found[which]] for which in (way, KERAS))
            ratio = statistics.median(value / other for value, other in zip(values, others, strict=True))
            rounds = ", ".join(f"{value:,.0f}" for value in values)
            print(f" {statistics.median(values):7,.0f} {unit} ({rounds}), ratio {ratio:.2f}; ", end="")
        peak = max(one["peak_bytes"] for one in results) / 1e9
        print(f" peak {peak:.2f} GB, loss {results[0]['loss']:.6f}")


if __name__ == "__main__":
    main()
