"""Evaluation of the mini model: against training, in tokens a second; against Keras and transformers; memory.

    python benchmarks/evaluation.py [--rounds 3] [--copies 40] [--skip-memory] [--skip-agreement]

Windows of 256 tokens, stride equal to the window, float32, on the sample articles. Speed: training and evaluation alternate
in rounds in one process on the training split, after everything is compiled; the whole pass is timed, with its sums, kinds
of tokens, baselines and padded windows. Agreement, on the whole test split: the pass's loss against Keras's `evaluate`, and
its perplexity against transformers and PyTorch on the exported model, both differences absolute. Memory is that of a process that scores 12 articles and of one that scores them `--copies` times over,
under identifiers of their own. Prints one line of JSON.
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

LENGTH, TRAINING_BATCH = 256, 8


def prepared(articles: Path | None = None):
    """Tokenizer, corpus, kinds of tokens and baselines of the sample articles, or of others."""
    from engine.core import paths
    from engine.corpus import preparation, token_kinds
    from engine.corpus.baselines import Baselines
    from engine.presets import catalogue

    tokenizer = catalogue.tokenizer(catalogue.find(paths.MINI_PRESET))
    corpus = preparation.prepare(articles or paths.SAMPLE_ARTICLES, tokenizer)
    kinds = token_kinds.TokenKinds(tokenizer, token_kinds.terms_of(corpus, tokenizer))
    return tokenizer, corpus, kinds, Baselines(corpus.tokens("train"), tokenizer.vocabulary_size)


def speed(rounds: int, steps: int = 20) -> dict:
    """Tokens a second of training and of evaluation, in alternating rounds."""
    import numpy as np

    from engine.core import paths
    from engine.corpus import windows
    from engine.evaluation import breakdown, scoring
    from engine.models import loading
    from engine.models.backend import keras
    from engine.runs import references

    tokenizer, corpus, kinds, baselines = prepared()
    model, _ = loading.load(references.resolve(str(paths.MINI_PRESET)))
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=scoring.JIT_COMPILE,
    )
    stream = corpus.tokens("train")
    batches = windows.Shuffled(stream, LENGTH, TRAINING_BATCH, seed=1)
    scorer = scoring.Scorer(model)
    way = breakdown.Pass(LENGTH, LENGTH, scoring.batch_size(LENGTH, tokenizer.vocabulary_size))

    def train() -> float:
        started, tokens = time.perf_counter(), 0
        for step in range(steps):
            batch = batches.batch(step)
            x = {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)}
            model.train_on_batch(x, batch.targets, sample_weight=batch.weights, return_dict=True)
            tokens += batch.tokens
        return tokens / (time.perf_counter() - started)

    def evaluate() -> float:
        started = time.perf_counter()
        scored = breakdown.run(scorer, corpus, "train", tokenizer, kinds, baselines, way)
        return scored["evaluated_tokens"] / (time.perf_counter() - started)

    train(), evaluate()  # compiles
    found = [(train(), evaluate()) for _ in range(rounds)]
    ratios = [e / t for t, e in found]
    return {
        "training_tokens_per_second": [round(t) for t, _e in found],
        "evaluation_tokens_per_second": [round(e) for _t, e in found],
        "ratio": round(statistics.median(ratios), 2),
    }


def agreement() -> dict:
    """How far the pass is from Keras `evaluate` (loss, nats a token) and from transformers (perplexity), absolutely."""
    from engine.core import paths
    from engine.evaluation import breakdown, keras_check, scoring
    from engine.models import loading
    from engine.runs import references

    tokenizer, corpus, kinds, baselines = prepared()
    reference = references.resolve(str(paths.MINI_PRESET))
    model, _ = loading.load(reference)
    way = breakdown.Pass(LENGTH, LENGTH, scoring.batch_size(LENGTH, tokenizer.vocabulary_size))
    stream = corpus.tokens("test")
    result = breakdown.run(scoring.Scorer(model), corpus, "test", tokenizer, kinds, baselines, way)
    keras_check.compile_to_evaluate(model)
    count = -(-way.count(stream) // way.batch_size)
    said = keras_check.evaluate_batches(model, lambda: (batch for _starts, batch in way.batches(stream)), count)
    return {
        "tokens": result["evaluated_tokens"],
        "loss": result["loss"],
        "keras_loss_difference": abs(result["loss"] - said["loss"]),
        "perplexity": result["perplexity"],
        "transformers_perplexity_difference": _transformers_difference(reference, stream, result["perplexity"]),
    }


def _transformers_difference(reference, stream, perplexity: float) -> float | None:
    """None where transformers or PyTorch is not installed (benchmarks/requirements.txt)."""
    import math

    import numpy as np

    from engine.models import formats

    try:
        import torch
        import transformers
    except ImportError as error:
        print(f"transformers is not compared: {error}", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        exported = formats.export(reference, formats.HUGGING_FACE, Path(folder) / "exported")
        model = transformers.GPT2LMHeadModel.from_pretrained(exported).eval()
    ids, total = np.asarray(stream, dtype=np.int64), 0.0
    with torch.no_grad():
        for first in range(0, len(ids) - 1, LENGTH):
            piece = torch.from_numpy(ids[first : first + LENGTH + 1])[None]
            # One more id than the context holds: the last is a target only.
            logits = model(input_ids=piece[:, :-1]).logits[0]
            total += float(torch.nn.functional.cross_entropy(logits, piece[0, 1:], reduction="sum"))
    return abs(perplexity - math.exp(total / (len(ids) - 1)))


def memory(copies: int) -> dict:
    """The largest resident memory of a process that scores the sample's test articles `copies` times over."""
    from engine.core import paths

    with tempfile.TemporaryDirectory() as folder:
        for split in ("train", "validation", "test"):
            lines = (paths.SAMPLE_ARTICLES / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
            articles = [json.loads(line) for line in lines]
            with open(Path(folder) / f"{split}.jsonl", "w", encoding="utf-8") as file:
                for copy in range(copies if split == "test" else 1):
                    for article in articles:
                        file.write(json.dumps({**article, "article_id": f"{copy}-{article['article_id']}"}) + "\n")
        environment = {**os.environ, "ATELIER_CORPORA": str(Path(folder) / ".corpora")}
        done = subprocess.run(
            [sys.executable, __file__, "--measure-memory", folder], env=environment, capture_output=True, check=True
        )
    return json.loads(done.stdout.split(b"\n")[-2])


def measure_memory(folder: Path) -> dict:
    """In a process of its own: scores the test split of a folder."""
    import psutil

    from engine.core import paths
    from engine.core.progress import Progress
    from engine.evaluation import breakdown, scoring
    from engine.models import loading
    from engine.runs import references

    tokenizer, corpus, kinds, baselines = prepared(folder)
    model, _ = loading.load(references.resolve(str(paths.MINI_PRESET)))
    peak = 0

    def look(progress: Progress) -> None:
        nonlocal peak
        peak = max(peak, psutil.Process().memory_info().rss)

    way = breakdown.Pass(LENGTH, LENGTH, scoring.batch_size(LENGTH, tokenizer.vocabulary_size))
    scored = breakdown.run(scoring.Scorer(model), corpus, "test", tokenizer, kinds, baselines, way, look)
    tokens = scored["evaluated_tokens"]
    return {"articles": corpus.articles("test"), "tokens": tokens, "memory_mb": round(peak / 1e6)}


def main() -> None:
    """Prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--skip-agreement", action="store_true")
    parser.add_argument("--measure-memory", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.measure_memory:
        print(json.dumps(measure_memory(a.measure_memory)))
        return
    found = {**speed(a.rounds), "load": round(os.getloadavg()[0], 1)}
    if not a.skip_agreement:
        found["agreement"] = agreement()
    if not a.skip_memory:
        found["memory"] = [memory(1), memory(a.copies)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
