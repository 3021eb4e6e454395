"""Is the part of validation that is measured at each interval large enough to choose the best checkpoint?

    python benchmarks/choice_of_best.py RUN [--draws 500]

Scores every checkpoint of a run on the whole of validation, window by window, then chooses the best from many random parts
of each size, as a run does from its one. Regret is what the chosen checkpoint loses against the best one on the whole of
validation, in nats a token. One line of JSON.
"""

import argparse
import json

import bench  # noqa: F401  (the project is put on the path)
import numpy as np

from engine.corpus import windows
from engine.evaluation import scoring
from engine.models import loading
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle
from engine.runs.inputs import window_shape
from engine.runs.references import ModelReference

PART_TOKENS = (2048, 4096, 8192, 16384, 32768)


def losses_by_window(run, preset) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Nats of each window under each checkpoint, (checkpoints, windows); targets of each window; the steps."""
    from engine.corpus import preparation
    from engine.runs.inputs import articles_path

    model, tokenizer = loading.load(ModelReference(preset))
    corpus = preparation.prepare(articles_path(run.settings.articles), tokenizer)
    length, _ = window_shape(run.settings, preset.max_sequence_length, preset.vocabulary_size)
    stream, scorer, found = corpus.tokens("validation"), scoring.Scorer(model), checkpoints.of_run(run)
    rows, sums, counts = scoring.batch_size(length, preset.vocabulary_size), [], np.empty(0)
    for checkpoint in found:
        loading.load_weights(model, ModelReference(preset, checkpoint))
        nats, tokens = [], []
        for batch in windows.in_order(stream, length, rows):
            losses, _ranks = scorer.batch(batch)
            nats.append((losses * batch.weights).sum(axis=1, dtype=np.float64))
            tokens.append(batch.weights.sum(axis=1))
        total = windows.count(len(stream), length)
        sums.append(np.concatenate(nats)[:total])
        counts = np.concatenate(tokens)[:total]
    return np.array(sums), counts, [checkpoint.step for checkpoint in found]


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--draws", type=int, default=500)
    a = parser.parse_args()
    run = lifecycle.find(a.run)
    sums, counts, steps = losses_by_window(run, catalogue.find(run.settings.preset))
    whole, rng = sums.sum(axis=1) / counts.sum(), np.random.default_rng(1)
    per_window, parts = int(np.median(counts)), {}
    for tokens in PART_TOKENS:
        size = round(tokens / per_window)
        if size >= len(counts):
            continue
        regrets, same = [], 0
        for _ in range(a.draws):
            chosen = rng.choice(len(counts), size, replace=False)
            best = int(np.argmin(sums[:, chosen].sum(axis=1) / counts[chosen].sum()))
            regrets.append(whole[best] - whole.min())
            same += best == int(np.argmin(whole))
        parts[tokens] = {
            "same_choice": round(same / a.draws, 3),
            "mean_regret": round(float(np.mean(regrets)), 5),
            "regret_95": round(float(np.quantile(regrets, 0.95)), 5),
        }
    print(
        json.dumps(
            {
                "steps": steps,
                "loss_on_whole": [round(float(x), 4) for x in whole],
                "validation_tokens": int(counts.sum()),
                "by_tokens_of_the_part": parts,
            }
        )
    )


if __name__ == "__main__":
    main()
