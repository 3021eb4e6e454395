"""Three ways from articles to training steps, in one run: useful tokens a second, preparation, and how much text is seen.

    python benchmarks/ways.py [--steps 20] [--rounds 3] [--json]

  atelier    a prepared corpus, packed windows of 256, a step as a run makes it
  tutorial   strings through keras-hub's preprocessor, the first 128 tokens of each article, Keras fit
  run_clm    datasets.map to tokens, datasets.map to blocks of 256 (Hugging Face's run_clm.py), transformers + torch

The same mini architecture, the same real articles ($ATELIER_DATA/articles/train.jsonl), about 2,048 tokens a step,
float32, AdamW. The ways alternate, each round in a process of its own. Needs benchmarks/requirements.txt.
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

import bench  # noqa: F401  (the project is put on the path)

LENGTH, BATCH, TUTORIAL_LENGTH, TUTORIAL_BATCH = 256, 8, 128, 16
WARMUP_STEPS = 3


def source() -> Path:
    """The real training articles."""
    return Path(os.environ.get("ATELIER_DATA", "")) / "articles" / "train.jsonl"


def texts() -> list[str]:
    """Their texts, for the ways that start from strings."""
    from engine.articles import Source

    return [article.text() for article in Source(source()).read("train")]


def compiled_model():
    """The mini model as a run compiles it."""
    from engine.core import paths
    from engine.evaluation import scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.runs import references

    model, tokenizer = loading.load(references.resolve(str(paths.MINI_PRESET)))
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=scoring.JIT_COMPILE,
    )
    return model, tokenizer


def atelier(steps: int) -> dict:
    """Prepared once, then packed windows."""
    import numpy as np

    from engine.corpus import preparation, windows
    from engine.evaluation import scoring
    from engine.training.steppers import Packed

    model, tokenizer = compiled_model()
    model.optimizer.build(model.trainable_variables)
    stepper = Packed(model, BATCH, scoring.JIT_COMPILE)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        corpus = preparation.prepare(source(), tokenizer, Path(folder))
        prepared = time.perf_counter() - started
        stream = np.array(corpus.tokens("train"))
    shuffled = windows.Shuffled(stream, LENGTH, BATCH, seed=1)
    tokens = 0
    for step in range(WARMUP_STEPS + steps):
        if step == WARMUP_STEPS:
            started, tokens = time.perf_counter(), 0
        batch = shuffled.batch(step)
        stepper.step(batch, 1e-3)
        tokens += batch.tokens
    return {"tokens_per_second": tokens / (time.perf_counter() - started), "preparation_seconds": prepared, "seen": 1.0}


def tutorial(steps: int) -> dict:
    """keras-hub's own way: strings, its tokenizer and preprocessor, the first 128 tokens."""
    import tensorflow as tf

    from engine.models.backend import keras, keras_hub

    model, tokenizer = compiled_model()
    from engine.core import paths

    theirs = keras_hub.models.GPT2Tokenizer.from_preset(str(paths.MINI_PRESET))
    preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(theirs, sequence_length=TUTORIAL_LENGTH)
    articles = texts()
    data = tf.data.Dataset.from_tensor_slices(articles).repeat().shuffle(len(articles), seed=1).batch(TUTORIAL_BATCH)
    data = data.map(preprocessor, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    clock = {}

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            clock[batch + 1] = time.perf_counter()

    keras.Model.fit(model, data, steps_per_epoch=WARMUP_STEPS + steps, verbose=0, shuffle=False, callbacks=[Clock()])
    lengths = [len(ids) for ids in tokenizer.encode_batch(articles)]
    taken = sum(min(n, TUTORIAL_LENGTH) for n in lengths)
    useful = min(1.0, taken / (len(articles) * TUTORIAL_LENGTH)) * TUTORIAL_BATCH * TUTORIAL_LENGTH
    seconds = clock[WARMUP_STEPS + steps] - clock[WARMUP_STEPS]
    return {"tokens_per_second": useful * steps / seconds, "preparation_seconds": 0.0, "seen": taken / sum(lengths)}


def run_clm(steps: int) -> dict:
    """Hugging Face's run_clm.py: tokenise and group with datasets, then the usual loop of transformers."""
    import datasets
    import torch
    from throughput import transformers_model

    from engine.core import paths
    from engine.presets import catalogue

    preset = catalogue.find(paths.MINI_PRESET)
    tokenizer = catalogue.tokenizer(preset)
    datasets.disable_caching()
    datasets.disable_progress_bars()
    articles = texts()
    started = time.perf_counter()
    data = datasets.Dataset.from_dict({"text": articles})
    data = data.map(
        lambda rows: {"input_ids": tokenizer.encode_batch(rows["text"])}, batched=True, remove_columns=["text"]
    )

    def group(rows: dict) -> dict:
        joined = sum(rows["input_ids"], [])
        total = len(joined) // LENGTH * LENGTH
        return {"input_ids": [joined[i : i + LENGTH] for i in range(0, total, LENGTH)]}

    data = data.map(group, batched=True, remove_columns=["input_ids"])
    prepared = time.perf_counter() - started
    all_tokens = sum(len(ids) for ids in tokenizer.encode_batch(articles))
    model, optimizer = transformers_model(0.0)
    seen = data.num_rows * LENGTH / all_tokens
    loader = torch.utils.data.DataLoader(data.with_format("torch"), batch_size=BATCH, shuffle=True)
    for step, batch in enumerate(loader):
        if step == WARMUP_STEPS:
            started = time.perf_counter()
        if step == WARMUP_STEPS + steps:
            break
        ids = batch["input_ids"]
        model(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - started
    useful = steps * BATCH * (LENGTH - 1)  # the first token of a block is no target
    return {"tokens_per_second": useful / seconds, "preparation_seconds": prepared, "seen": seen}


WAYS = {"atelier": atelier, "tutorial": tutorial, "run_clm": run_clm}


def main() -> None:
    """Alternates the three in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=tuple(WAYS))
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if a.only:
        print(json.dumps(WAYS[a.only](a.steps)))
        return
    found: dict[str, list[dict]] = {name: [] for name in WAYS}
    for _ in range(a.rounds):
        for name in WAYS:
            command = [sys.executable, __file__, "--only", name, "--steps", str(a.steps)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    middle = {
        name: {key: statistics.median(round_[key] for round_ in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    if a.json:
        print(json.dumps({"rounds": found, "medians": middle}))
        return
    for name, m in middle.items():
        ratio = middle["atelier"]["tokens_per_second"] / m["tokens_per_second"]
        print(
            f"{name:<9} {m['tokens_per_second']:8,.0f} useful tokens/s (atelier is {ratio:.2f} times as fast)   "
            f"preparation {m['preparation_seconds']:6.1f} s   text seen {m['seen']:6.1%}"
        )


if __name__ == "__main__":
    main()
