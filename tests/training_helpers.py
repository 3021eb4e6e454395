"""Short trainings of the tiny model: their settings, their interruption, whether two ended alike."""

import numpy as np
import pytest

from engine.models import loading
from engine.models.backend import keras
from engine.presets import catalogue
from engine.runs import checkpoints
from engine.runs.references import ModelReference
from engine.runs.settings import RunSettings
from engine.services import worker
from engine.training.saver import Saver


def settings_of(preset, articles, **changes) -> RunSettings:
    return RunSettings(
        **{
            "preset": str(preset),
            "articles": str(articles),
            "name": "run",
            "steps": 6,
            "sequence_length": 32,
            "batch_size": 4,
            "evaluate_steps": 3,
            "interval_tokens": 256,
            "sample_tokens": 2,
            "device": "cpu",
            "learning_rate": 5e-3,
            "warmup_steps": 2,
            **changes,
        }
    )


def stepped(accumulator, batch, learning_rate: float) -> dict[str, float]:
    """Makes one step of what `Packed` is made of; `loss` and `accuracy` as Keras gives them."""
    ((loss, right, counted),) = accumulator.figures([accumulator.dispatch(batch, learning_rate)])
    accumulator.settle()
    return {"loss": float(loss), "accuracy": float(right) / float(counted)}


def cut_off_at(run, step):
    """Trains until the checkpoint of that step is written, and not a step further."""
    save = Saver.save

    def cut_off(self):
        save(self)
        if self.saved_step == step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Saver, "save", cut_off)
        with pytest.raises(KeyboardInterrupt):
            worker.work(run)
    keras.backend.clear_session()


def ends_alike(one, two):
    """Whether two runs have the same loss at each step, and the same weights, random states and moments at the end.

    The moments of a `ckpt` are in its own files, so those of runs of two formats are not compared.
    """
    first, second = ([(e["step"], e["loss"]) for e in run.events("step")] for run in (one, two))
    assert len(first) == len(second) == one.settings.steps
    a, b = (checkpoints.of_run(run)[-1] for run in (one, two))
    with np.load(a.folder / checkpoints.TRAINING) as x, np.load(b.folder / checkpoints.TRAINING) as y:
        shared = [name for name in x.files if a.format == b.format or name.startswith("random")]
        states = shared and all(name in y.files and np.array_equal(x[name], y[name]) for name in shared)
    preset = catalogue.find(one.settings.preset)
    weights = [loading.load(ModelReference(preset, checkpoint))[0].get_weights() for checkpoint in (a, b)]
    return first == second and states and all(np.array_equal(x, y) for x, y in zip(*weights, strict=True))
