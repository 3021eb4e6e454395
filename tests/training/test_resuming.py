"""A run that is stopped, paused or killed goes on as if it had not been: bit for bit on a CPU."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from training_helpers import cut_off_at, ends_alike, settings_of

from engine.core.errors import ArticlesError, PresetError
from engine.core.progress import Phase, Progress
from engine.models import loading
from engine.models.backend import keras
from engine.runs import checkpoints, references, states, submission
from engine.runs.settings import CHECKPOINT_FORMATS
from engine.services import dispatcher, worker

pytestmark = pytest.mark.slow


def test_a_stop_while_it_measures_saves_the_steps_since_the_last_checkpoint(tiny_preset, sample_folder, root, eager):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=3))

    def say(progress):
        if progress == Progress(0, 0, Phase.EVALUATING) and run.state().step == 3:
            (run.folder / "control.json").write_text(json.dumps({"action": "stop"}))

    assert worker.work(run, on_progress=say) is None
    assert run.state().state == states.STOPPED
    assert checkpoints.newest_verified(run).step == 3
    assert checkpoints.newest_verified(run).manifest["metrics"] == {}  # nothing has been measured there


@pytest.mark.parametrize(("action", "state"), [("stop", states.STOPPED), ("pause", states.PAUSED)])
def test_stop_and_pause_end_in_a_checkpoint_and_a_state_that_says_so(
    tiny_preset, sample_folder, root, action, state, eager
):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=500))
    run_step = {"asked": False}

    def say(progress):
        if progress.phase == Phase.TRAINING and progress.done == 3 and not run_step["asked"]:
            run_step["asked"] = True
            (run.folder / "control.json").write_text(json.dumps({"action": action}))

    with pytest.MonkeyPatch.context() as patch:
        from engine.training import loop

        patch.setattr(loop, "REPORT_SECONDS", 0.0)
        assert worker.work(run, on_progress=say) is None
    assert run.state().state == state
    assert checkpoints.newest_verified(run).step == run.state().step
    assert 3 <= run.state().step < 10


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_a_run_whose_articles_or_preset_have_changed_does_not_go_on_without_a_word(
    tiny_preset, sample_folder, root, tmp_path, only_trains, lora_rank
):
    articles = shutil.copytree(sample_folder, tmp_path / "articles")
    preset = shutil.copytree(tiny_preset, tmp_path / "preset")
    short = {"steps": 2, "evaluate_steps": 1, "lora_rank": lora_rank}
    run = submission.submit(settings_of(preset, articles, **short))
    cut_off_at(run, 1)
    train = articles / "train.jsonl"
    words = train.read_text()
    train.write_text(words.replace("insulin", "glucagon"))
    with pytest.raises(ArticlesError, match=r"The words of .*articles have changed since .*run/1.*train --from run/1"):
        worker.work(run)
    train.write_text(words)
    weights = (preset / "model.weights.h5").read_bytes()
    other, _ = loading.load(references.resolve(str(tiny_preset)))
    other.backbone.trainable_variables[0].assign_add(keras.ops.ones_like(other.backbone.trainable_variables[0]))
    loading.save_weights(other, preset / "model.weights.h5")
    run.request_resume()
    with pytest.raises(PresetError, match="The weights of the preset .* have changed since this run was made"):
        worker.work(run)
    assert run.state().state == states.FAILED
    (preset / "model.weights.h5").write_bytes(weights)
    run.request_resume()
    worker.work(run)
    assert run.state().state == states.FINISHED


# Forks a trainer, without what `only_trains` leaves out, for each folder of a run that it reads: loading takes seconds.
NURSERY = """
import os, sys
from pathlib import Path
import tensorflow as tf  # its runtime begins in the children
from engine.runs import lifecycle
from engine.services import worker
from engine.training import final, loop
from engine.training.measurer import Measurer
loop.REPORT_SECONDS = 0.0
for method in ("measure_start", "measure"):
    setattr(Measurer, method, lambda self, *rest: None)
final.measure_result = lambda *rest: {}
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        tf.config.run_functions_eagerly(True)
        worker.work(lifecycle.Run(Path(line.strip())))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def await_moment(run, pid, step, in_a_save, rng) -> bool:
    """Waits for a moment inside the save after the next, or for any moment from the trainer's start on, at most for its end.

    Returns:
        Whether it is inside a save.
    """
    end = time.monotonic() + (60 if in_a_save else rng.uniform(0, 1.2))
    while time.monotonic() < end and run.state().state != states.FINISHED:
        if in_a_save and run.saved_step() > step and any(run.folder.glob(f".step-*.{pid}-*.tmp")):
            time.sleep(rng.uniform(0, 0.02))  # to any moment of the save
            if any(run.folder.glob(f".step-*.{pid}-*.tmp")):
                return True
        time.sleep(0.0005)  # between two looks: a save is that short
    return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks a process that has loaded TensorFlow")
@pytest.mark.parametrize("most", [4, pytest.param(100, marks=pytest.mark.long)])
def test_a_trainer_that_is_killed_again_and_again_loses_nothing(tiny_preset, sample_folder, root, only_trains, most):
    """In every format, at any moment from its start on and inside a save, with dropout and shuffle, by the dispatcher's rule."""
    rng, kills, in_saves, end = random.Random(1), 0, 0, time.monotonic() + 15 * most + 60
    short = {"dropout": 0.1, "steps": 16 if most > 4 else 8, "evaluate_steps": 1, "keep_checkpoints": 2}
    whole = submission.submit(settings_of(tiny_preset, sample_folder, **short, name="whole"))
    worker.work(whole)
    command = [sys.executable, "-c", NURSERY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for number in itertools.count():
            form = CHECKPOINT_FORMATS[number % 3]
            run = submission.submit(
                settings_of(tiny_preset, sample_folder, **short, name=f"killed-{number}", checkpoint_format=form)
            )
            last = kills + (7 if most > 4 else 2)
            while run.state().state != states.FINISHED:
                assert time.monotonic() < end
                had = checkpoints.newest_verified(run)
                print(run.folder, file=nursery.stdin, flush=True)
                pid = int(nursery.stdout.readline())
                if kills < last:
                    saving = await_moment(run, pid, had.step if had else 0, kills % 2, rng)
                    with contextlib.suppress(ProcessLookupError):  # it has finished
                        os.kill(pid, signal.SIGKILL)
                    in_saves += saving
                code = int(nursery.stdout.readline())
                assert code in (0, -signal.SIGKILL)
                kills += code != 0
                has = checkpoints.newest_verified(run)
                assert had is None or has.step >= had.step
                dispatcher.settle(run, code)
                assert run.state().state != states.FAILED
            assert ends_alike(whole, run)
            if kills >= most and number >= 2:
                break
        nursery.stdin.close()
    assert in_saves > most // 10


def test_a_lora_run_that_is_killed_has_the_losses_and_weights_of_one_that_was_not(
    tiny_preset, sample_folder, root, only_trains
):
    short = {"dropout": 0.1, "steps": 3, "evaluate_steps": 2, "lora_rank": 2}
    whole, run = (submission.submit(settings_of(tiny_preset, sample_folder, **short, name=n)) for n in ("whole", "run"))
    worker.work(whole)
    cut_off_at(run, 2)
    worker.work(run)
    assert ends_alike(whole, run)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_in_a_checkpoint(tiny_preset, sample_folder, root, only_trains, name):
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=1000, evaluate_steps=500))

    def say(progress):
        if progress.phase == Phase.TRAINING and progress.done == 2:
            os.kill(os.getpid(), getattr(signal, name))

    assert worker.work(run, on_progress=say) is None
    assert (run.state().state, run.control()) == (states.STOPPED, "")
    assert checkpoints.newest_verified(run).step == run.state().step == 2
