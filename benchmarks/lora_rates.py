"""Which learning rate LoRA needs: short trainings on the sample articles over rates and ranks, beside one of every weight.

    python benchmarks/lora_rates.py [--ranks 4,8] [--rates 1e-3,3e-3,1e-2,3e-2,1e-1] [--steps 60] [--model RUN_OR_PRESET]

The trainer's own optimizer, schedule, batches and seed (engine/training/loop.py), in one process: between two trainings what was
trained is put back as it was, so that only the rate differs. `--model` may be a checkpoint, as one goes on from a fine-tuned
model. Rank 0 trains every weight, at the automatic rate. Prints a table, and ends with one line of JSON: accuracy and bits
per byte of each on a fixed part of the test articles, and the best rate of each rank.
"""

import argparse
import json
import os
import sys
import tempfile

import bench  # noqa: F401  (the project is put on the path)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ATELIER_CORPORA", tempfile.mkdtemp(prefix="lora-rates-"))

import numpy as np

from engine.core import paths
from engine.corpus import preparation, windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.runs import inputs as inputs_
from engine.runs import needs, references
from engine.runs.settings import RunSettings
from engine.training import schedules


def trial(model, batches, rate: float, steps: int, settings: RunSettings) -> None:
    """Trains the compiled model for so many steps."""
    for step in range(steps):
        batch = batches.batch(step)
        model.optimizer.learning_rate = schedules.warmup_cosine(step, rate, settings.warmup_steps, steps)
        inputs = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
        model.reset_metrics()
        logs = model.train_on_batch(inputs, batch.targets, sample_weight=batch.weights, return_dict=True)
        if not np.isfinite(float(logs["loss"])):
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranks", default="0,4,8")
    parser.add_argument("--rates", default="1e-3,3e-3,1e-2,3e-2,1e-1")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--model", default=str(paths.MINI_PRESET))
    parser.add_argument("--evaluate-tokens", type=int, default=16384)
    a = parser.parse_args()
    reference = references.resolve(a.model)
    rows, best = [], {}
    for rank in map(int, a.ranks.split(",")):
        settings = RunSettings("p", "articles/sample", "trial", steps=a.steps, lora_rank=rank)
        keras.utils.set_random_seed(settings.seed)
        model, tokenizer = loading.load(reference)
        corpus = preparation.prepare(paths.SAMPLE_ARTICLES, tokenizer)
        backbone = model.backbone
        length, batch_size = inputs_.window_shape(settings, backbone.max_sequence_length, backbone.vocabulary_size)
        batches = windows.Shuffled(corpus.tokens("train"), length, batch_size, settings.seed)
        if rank:
            backbone.enable_lora(rank)
        optimizer = keras.optimizers.AdamW(1e-3, weight_decay=settings.weight_decay, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
        optimizer.build(model.trainable_variables)
        changing = [*model.trainable_variables, *optimizer.variables]
        first = [keras.ops.convert_to_numpy(variable) for variable in changing]
        scorer = scoring.Scorer(model, False)
        stream = corpus.tokens("test")
        part = scoring.part(stream, length, a.evaluate_tokens, settings.seed)
        rates = [float(rate) for rate in a.rates.split(",")]
        for rate in [0.0, *rates] if rank else [needs.peak_learning_rate(settings, backbone.hidden_dim)]:
            if rate:
                trial(model, batches, rate, a.steps, settings)
            scores = scoring.evaluate(scorer, stream, tokenizer.token_bytes, length, part)
            row = {"rank": rank, "rate": rate, "accuracy": scores.accuracy, "bits_per_byte": scores.bits_per_byte}
            rows.append(row)
            label = "before any step" if not rate else f"rate {rate:g}"
            what = f"rank {rank}" if rank else "every weight"
            print(
                f"{what:<13} {label:<16} {scores.accuracy:6.1%}  {scores.bits_per_byte:.3f} bits per byte", flush=True
            )
            for variable, value in zip(changing, first, strict=True):
                variable.assign(value)
        if rank:
            best[rank] = min((row for row in rows if row["rank"] == rank), key=lambda row: row["bits_per_byte"])["rate"]
    print(json.dumps({"model": reference.reference, "steps": a.steps, "runs": rows, "best": best}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
