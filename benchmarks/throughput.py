"""Useful training tokens a second: Atelier against a plain Hugging Face transformers + torch loop, in one run.

    python benchmarks/throughput.py [--steps 20] [--rounds 3] [--dropout 0] [--no-xla] [--json]

Same machine, same architecture (the mini model), same windows of real tokens, float32, AdamW with clipping. The two
alternate in rounds, each round in a process of its own, and the ratio of the medians is printed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import bench  # noqa: F401  (the project is put on the path)

LENGTH, BATCH = 256, 8
WARMUP_STEPS = 3  # compile and first allocations


def batches(steps: int):
    """Windows of the sample articles."""
    from engine.core import paths
    from engine.corpus import preparation, windows
    from engine.presets import catalogue

    tokenizer = catalogue.tokenizer(catalogue.find(paths.MINI_PRESET))
    stream = preparation.prepare(paths.SAMPLE_ARTICLES, tokenizer).tokens("train")
    shuffled = windows.Shuffled(stream, LENGTH, BATCH, seed=1)
    return [shuffled.batch(step) for step in range(steps)]


def atelier(steps: int, dropout: float, xla: bool) -> float:
    """Tokens a second of a step as a run makes it."""
    from engine.core import paths
    from engine.evaluation import scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.runs import references
    from engine.training.steppers import Packed

    model, _ = loading.load(references.resolve(str(paths.MINI_PRESET)), dropout)
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=scoring.JIT_COMPILE and xla,
    )

    model.optimizer.build(model.trainable_variables)
    stepper = Packed(model, BATCH, scoring.JIT_COMPILE and xla)
    return timed(lambda batch: stepper.step(batch, 1e-3), steps)


def transformers_model(dropout: float):
    """The mini model's architecture as a GPT2LMHeadModel in training, and its AdamW."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from engine.core import paths
    from engine.presets import catalogue

    preset = catalogue.find(paths.MINI_PRESET)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=preset.vocabulary_size,
            n_positions=preset.max_sequence_length,
            n_embd=preset.hidden_dim,
            n_layer=preset.num_layers,
            n_head=preset.num_heads,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            use_cache=False,
        )
    )
    model.train()
    return model, torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)


def transformers_loop(steps: int, dropout: float, xla: bool) -> float:
    """Tokens a second of the usual loop: GPT2LMHeadModel, loss from labels, clip, AdamW."""
    import torch

    model, optimizer = transformers_model(dropout)

    def step(batch) -> None:
        ids = torch.from_numpy(batch.token_ids).long()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    return timed(step, steps)


def timed(step, steps: int) -> float:
    """Useful tokens a second over the steps after the warm-up."""
    chosen = batches(steps + WARMUP_STEPS)
    for batch in chosen[:WARMUP_STEPS]:
        step(batch)
    started = time.perf_counter()
    for batch in chosen[WARMUP_STEPS:]:
        step(batch)
    return sum(batch.tokens for batch in chosen[WARMUP_STEPS:]) / (time.perf_counter() - started)


def main() -> None:
    """Alternates the two in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dropout", type=float, default=0.0, help="of both; the mini model ships with 0")
    parser.add_argument("--no-xla", action="store_true", help="Atelier without XLA, for the comparison with itself")
    parser.add_argument("--only", choices=("atelier", "transformers"))
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if a.only:
        print((atelier if a.only == "atelier" else transformers_loop)(a.steps, a.dropout, not a.no_xla))
        return
    speeds: dict[str, list[float]] = {"atelier": [], "transformers": []}
    for _ in range(a.rounds):
        for name in speeds:
            command = [sys.executable, __file__, "--only", name, "--steps", str(a.steps), "--dropout", str(a.dropout)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            speeds[name].append(float(done.stdout.split()[-1]))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ratio = medians["atelier"] / medians["transformers"]
    if a.json:
        print(json.dumps({"tokens_per_second": speeds, "medians": medians, "ratio": ratio}))
    else:
        for name, values in speeds.items():
            print(f"{name:<13} {medians[name]:8,.0f} tokens/s   rounds: {', '.join(f'{v:,.0f}' for v in values)}")
        print(f"ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
