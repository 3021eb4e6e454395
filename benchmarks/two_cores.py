"""Training on a CPU: the lab against the best that transformers and torch make of it, and what share of the machine's limit.

    python benchmarks/two_cores.py [--steps 20] [--rounds 2] [--torch-python PYTHON] [--ways …]

  atelier, atelier-bfloat16     a step as a run makes it (`Packed`), float32 (the default on a CPU) and mixed_bfloat16
  eager, compiled               GPT2LMHeadModel, clipped, AdamW; float32, without and with torch.compile
  eager-bfloat16, compiled-bfloat16   the same under bfloat16 autocast
  matrices                      products of 4,096 x 4,096 by TensorFlow, GFLOP/s in both types: the limit
  where                         what a step's own matrix products take by themselves, at their own shapes, and AdamW

The mini model's architecture, 8 windows of 256 tokens of the sample, dropout 0. Each way of each round is a process of its
own, since torch and TensorFlow share none; the ways alternate. Prints a line of JSON a way: the median of the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench

LENGTH, BATCH, WARMUP_STEPS = 256, 8, 3
BFLOAT16 = "-bfloat16"
LAB, TORCH = ("atelier", "atelier-bfloat16"), ("eager", "compiled", "eager-bfloat16", "compiled-bfloat16")
MATRICES, WHERE = "matrices", "where"
WAYS = (*LAB, *TORCH, MATRICES, WHERE)
MINI = bench.PROJECT / "checkpoints" / "presets" / "gpt2_mini_en"


def shape() -> dict[str, int]:
    """The mini model's."""
    return json.loads((MINI / "config.json").read_text())["config"]


def flops_a_token() -> float:
    """Of a training step: three times the products of a forward pass, attention over the whole window counted."""
    s = shape()
    layer = 2 * (4 * s["hidden_dim"] ** 2 + 2 * s["hidden_dim"] * s["intermediate_dim"])
    attention = 2 * 2 * LENGTH * s["hidden_dim"]
    return 3.0 * (s["num_layers"] * (layer + attention) + 2 * s["hidden_dim"] * s["vocabulary_size"])


def timed(step, count: int) -> float:
    """Seconds of a step behind the first ones, which compile and allocate."""
    for number in range(WARMUP_STEPS):
        step(number)
    started = time.perf_counter()
    for number in range(count):
        step(WARMUP_STEPS + number)
    return (time.perf_counter() - started) / count


def write_windows(file: Path, count: int) -> None:
    """Windows of the sample for all ways, so that torch's process needs nothing of the project."""
    import numpy as np

    from engine.core import paths
    from engine.corpus import preparation, windows
    from engine.presets import catalogue

    tokenizer = catalogue.tokenizer(catalogue.find(str(MINI)))
    stream = preparation.prepare(paths.SAMPLE_ARTICLES, tokenizer).tokens("train")
    shuffled = windows.Shuffled(stream, LENGTH, BATCH, seed=1)
    batches = [shuffled.batch(step) for step in range(count)]
    np.savez(
        file, **{name: np.stack([getattr(b, name) for b in batches]) for name in ("token_ids", "targets", "weights")}
    )


def atelier(file: Path, count: int, precision: str) -> float:
    """Tokens a second of the lab's step."""
    import numpy as np

    from engine.corpus.windows import Batch
    from engine.evaluation import scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.runs import references
    from engine.training.steppers import Packed

    model, _ = loading.load(references.resolve(str(MINI)), 0.0, precision)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=scoring.JIT_COMPILE,
    )
    model.optimizer.build(model.trainable_variables)
    stepper = Packed(model, BATCH, scoring.JIT_COMPILE)
    with np.load(file) as found:
        batches = [Batch(*row) for row in zip(found["token_ids"], found["targets"], found["weights"], strict=True)]
    return LENGTH * BATCH / timed(lambda number: stepper.step(batches[number], 1e-3), count)


def torch_loop(file: Path, count: int, way: str) -> float:
    """Tokens a second of the usual loop; nothing of the project is imported."""
    import numpy as np
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    s = shape()
    torch.manual_seed(1)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=s["vocabulary_size"], n_positions=s["max_sequence_length"], n_embd=s["hidden_dim"],
                   n_layer=s["num_layers"], n_head=s["num_heads"], resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                   use_cache=False)
    ).train()  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    used = torch.compile(model) if way.startswith("compiled") else model
    with np.load(file) as found:
        batches = torch.from_numpy(found["token_ids"]).long()

    def step(number: int) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=way.endswith(BFLOAT16)):
            loss = used(input_ids=batches[number], labels=batches[number]).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    return LENGTH * BATCH / timed(step, count)


def seconds_of_product(dtype: str, *sides: tuple[int, ...]) -> float:
    """Of one matrix product of TensorFlow's, or of a batch of them."""
    import tensorflow as tf

    one, two = (tf.cast(tf.random.normal(side), dtype) for side in sides)
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(one, two)[..., :1, :1]))
    for _ in range(3):
        product()
    count, started = 0, time.perf_counter()
    while True:
        product().numpy()
        count += 1
        if (passed := time.perf_counter() - started) > 0.4:
            return passed / count


def matrices() -> dict[str, float]:
    """GFLOP/s of large products."""
    size = 4096
    limits = {d: 2 * size**3 / seconds_of_product(d, (size, size), (size, size)) / 1e9 for d in ("float32", "bfloat16")}
    return {name: round(value) for name, value in limits.items()}


def where() -> dict[str, float]:
    """Milliseconds of what a step in float32 consists of, each by itself: its products forward and backward, and AdamW."""
    import tensorflow as tf

    s, rows = shape(), LENGTH * BATCH
    width, inner, heads = s["hidden_dim"], s["intermediate_dim"], BATCH * s["num_heads"]
    head = width // s["num_heads"]

    def thrice(*sides: tuple[int, int]) -> float:
        """A product forward, and the two of its gradients."""
        (m, k), n = sides[0], sides[1][1]
        return sum(
            seconds_of_product("float32", *pair) for pair in (((m, k), (k, n)), ((m, n), (n, k)), ((k, m), (m, n)))
        )

    layers = 4 * thrice((rows, width), (width, width)) + thrice((rows, width), (width, inner))
    layers += thrice((rows, inner), (inner, width))
    of_heads = 3 * (
        seconds_of_product("float32", (heads, LENGTH, head), (heads, head, LENGTH))
        + seconds_of_product("float32", (heads, LENGTH, LENGTH), (heads, LENGTH, head))
    )
    logits = thrice((rows, width), (width, s["vocabulary_size"]))
    one = tf.random.normal((rows, s["vocabulary_size"]))
    softmax = tf.function(lambda: tf.reduce_sum(tf.nn.softmax(one)), jit_compile=True)
    found = {
        "layers' products": s["num_layers"] * layers,
        "attention's products": s["num_layers"] * of_heads,
        "logits' products": logits,
        "one softmax of all logits": timed(lambda number: softmax().numpy(), 10),
        "AdamW": adamw(),
    }
    return {name: round(1000 * value, 1) for name, value in found.items()}


def adamw() -> float:
    """Seconds of the optimizer alone."""
    import tensorflow as tf

    from engine.evaluation import scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.runs import references

    model, _ = loading.load(references.resolve(str(MINI)), 0.0)
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    gradients = [tf.ones_like(v.value) for v in model.trainable_variables]
    update = tf.function(lambda: optimizer.apply(gradients), jit_compile=scoring.JIT_COMPILE)
    return timed(lambda number: (update(), model.trainable_variables[0].numpy()), 10)


def own_process(way: str, file: Path, steps: int, python: str) -> float | dict:
    """What a process prints that does one thing."""
    command = [python if way in TORCH else sys.executable, __file__, "--only", way, "--windows", str(file)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([*command, "--steps", str(steps)], capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"error": done.stderr[-800:]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Alternates the ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--torch-python", default=sys.executable)
    parser.add_argument("--only", help=argparse.SUPPRESS)  # for processes of this program's own
    parser.add_argument("--windows", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.only in TORCH:
        print(json.dumps(torch_loop(a.windows, a.steps, a.only)))
    elif a.only in LAB:
        print(json.dumps(atelier(a.windows, a.steps, "mixed_bfloat16" if a.only.endswith(BFLOAT16) else "float32")))
    elif a.only:
        print(json.dumps(matrices() if a.only == MATRICES else where()))
    if a.only:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "windows.npz"
        write_windows(file, a.steps + WARMUP_STEPS)
        found: dict[str, list] = {way: [] for way in a.ways}
        for _ in range(a.rounds):
            for way in a.ways:
                found[way].append(own_process(way, file, a.steps, a.torch_python))
    for way, values in found.items():
        speeds = [value for value in values if isinstance(value, float)]
        if not speeds:
            print(json.dumps({"way": way, "rounds": values}))
            continue
        median = statistics.median(speeds)
        gflops = round(median * flops_a_token() / 1e9)
        print(
            json.dumps(
                {"way": way, "tokens_per_second": round(median), "rounds": [round(v) for v in speeds], "gflops": gflops}
            )
        )


if __name__ == "__main__":
    main()
