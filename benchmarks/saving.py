"""What saving costs: seconds of a save against seconds of training between two saves, at the default interval.

    python benchmarks/saving.py [--preset mini|gpt2] [--format ckpt] [--saves 5] [--steps 5]

By default a run saves ten times, one given in minutes every ten seconds of training at most, and a large model leaves out what
would take more than 5 % of the time since the save before (`submission.worth_saving`). Measured are a step and a save as
the trainer does both (flush to the disk and retention included), in the automatic window and batch; the share is that of runs
of one minute, the page's default, and of more. For the 124 M model an
untrained GPT-2 base with the vocabulary of 50,257 is made, the mini model is as it ships. One line of JSON.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from types import SimpleNamespace

import bench  # noqa: F401  (the project is put on the path)
import numpy as np

from engine.core import paths
from engine.core.progress import ignore
from engine.corpus import windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import checkpoints, inputs, references, spacing
from engine.runs.lifecycle import create
from engine.runs.settings import CHECKPOINT_FORMATS, RunSettings
from engine.training import setup, steppers
from engine.training.past import Past
from engine.training.saver import Saver
from engine.training.state import TrainingState

BASE = loading.Architecture(50_257, 12, 12, 768, 1024)


class Saving:
    """A training with a model and batches of its own, whose steps and saves are timed."""

    def __init__(self, run, preset, model) -> None:
        setup.compile_model(model, run.settings, scoring.JIT_COMPILE)
        vocabulary, context = model.backbone.vocabulary_size, model.backbone.max_sequence_length
        length, batch = inputs.window_shape(run.settings, context, vocabulary)
        stream = np.random.default_rng(1).integers(0, vocabulary, 64 * length * batch).astype(np.uint16)
        self.run, self.window, self.measured = run, [length, batch], {"step": [], "save": []}
        self._batches, self._stepper = (
            windows.Shuffled(stream, length, batch, 1),
            steppers.Packed(model, batch, scoring.JIT_COMPILE),
        )
        self._state = TrainingState(steps=10_000)
        found = setup.Setup(
            run=run, settings=run.settings, device="", precision="float32", base=references.ModelReference(preset),
            parent=None, own=None, damaged=(), tokenizer=catalogue.tokenizer(preset), learning_rate=1e-4, length=length,
            batch_size=batch, corpus=SimpleNamespace(content_hash="", articles=lambda split: 1),
            batches=self._batches, parameters=model.count_params(), past=Past(), xla=scoring.JIT_COMPILE,
        )  # fmt: skip
        self._saver = Saver(found, model, self._state, ignore)

    def timed(self, saves: int, steps: int) -> None:
        """So many saves, with steps before each."""
        self._stepper.step(self._batches.batch(0), 1e-4)  # compiles
        for _ in range(saves):
            for _ in range(steps):
                started = time.perf_counter()
                self._stepper.step(self._batches.batch(self._state.step), 1e-4)
                self.measured["step"].append(time.perf_counter() - started)
                self._state.step += 1
            started = time.perf_counter()
            self._saver.save()
            self.measured["save"].append(time.perf_counter() - started)


def main() -> None:
    """Steps and saves of one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=("mini", "gpt2"), default="mini")
    parser.add_argument("--format", choices=CHECKPOINT_FORMATS, default=checkpoints.CKPT)
    parser.add_argument("--saves", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    a = parser.parse_args()
    keras.utils.set_random_seed(1)
    preset = catalogue.find(str(paths.MINI_PRESET))
    with tempfile.TemporaryDirectory() as root:
        os.environ["ATELIER_CHECKPOINTS"] = root
        settings = RunSettings(
            preset=preset.reference, articles=str(paths.SAMPLE_ARTICLES), name="saving", steps=10_000,
            checkpoint_format=a.format,
        )  # fmt: skip
        model = loading.load(references.ModelReference(preset))[0] if a.preset == "mini" else loading.new(BASE)
        work = Saving(create(settings), preset, model)
        work.timed(a.saves, a.steps)
        size = checkpoints.of_run(work.run)[-1].bytes
        stored = len(checkpoints.of_run(work.run))
    step, save = (float(np.median(work.measured[name])) for name in ("step", "save"))

    def share(minutes: float) -> float:
        """Of a run's training time that its saves take, the last one included."""
        steps = max(1, round(60 * minutes / step))
        every = spacing.interval(replace(settings, steps=None, minutes=minutes), steps)
        cost = size / spacing.SAVE_BYTES_PER_SECOND  # what a run takes for granted until its first save
        saved, saves = 0, 1
        for done in range(every, steps, every):
            if spacing.worth_saving(size, cost, (done - saved) * step, (steps - done) * step):
                saved, saves, cost = done, saves + 1, save
        return saves * save / (60 * minutes)

    print(
        json.dumps(
            {
                "parameters": model.count_params(),
                "format": a.format,
                "megabytes": round(size / 1e6),
                "window_and_batch": work.window,
                "step_seconds": round(step, 3),
                "save_seconds": [round(s, 2) for s in work.measured["save"]],
                "save_seconds_median": round(save, 2),
                "kept": stored,
                "share_of_a_run_of_minutes": {minutes: round(share(minutes), 4) for minutes in (1, 2, 5, 15, 60)},
            }
        )
    )


if __name__ == "__main__":
    main()
