"""The checkpoints of a training under way: written so that it goes on from one as if it had not been cut off, and read back."""

import contextlib
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.progress import Cancelled, OnProgress, Phase, Progress
from engine.models import formats
from engine.models.backend import keras, versions
from engine.models.protocols import CausalLM, Variable
from engine.presets import catalogue
from engine.runs import checkpoints, retention, spacing
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.training.setup import Setup
from engine.training.state import TrainingState

_ROOM_BYTES = 8 << 20  # beside the weights: headers, the log


class Saver:
    """Saves the training of a run and restores it.

    Attributes:
        saved_step: of the newest checkpoint, known to be whole; -1 where there is none.
        seconds: what a save takes.
    """

    def __init__(self, setup: Setup, model: CausalLM, state: TrainingState, on_progress: OnProgress) -> None:
        self._setup, self._model, self._state, self._on_progress = setup, model, state, on_progress
        self.saved_step = setup.own.step if setup.own else -1
        self.seconds = setup.checkpoint_bytes / spacing.SAVE_BYTES_PER_SECOND  # until one has been timed
        self._saved_at_seconds = state.seconds  # of training

    def worth_saving(self) -> bool:
        """Whether to save at this interval: always at the end, where somebody said how often, and what is the best so far of
        a run whose result is the best (`submission.interval_seconds` sees to it that this costs little)."""
        state = self._state
        if self._setup.settings.evaluate_steps or state.step == state.steps:
            return True
        if self._setup.settings.takes_best and state.best_step == state.step:
            return True
        left = (state.steps - state.step) * state.median_step_seconds
        since = state.seconds - self._saved_at_seconds
        return spacing.worth_saving(self._setup.checkpoint_bytes, self.seconds, since, left)

    def save(self) -> None:
        """Writes a checkpoint of the step that is done, where there is none yet: a whole one is never written over.

        Raises:
            StorageError: no rights or no space; the former checkpoint is whole.
        """
        setup, state = self._setup, self._state
        if state.step == self.saved_step:
            return
        with contextlib.suppress(Cancelled):  # which is what it is saved for
            self._on_progress(Progress(0, 0, Phase.SAVING))
        started = time.monotonic()
        retention.require_space(setup.run.folder, setup.checkpoint_bytes + _ROOM_BYTES)
        write(setup.run, self._model, state, setup.checkpoint_format, setup.settings.lora_rank, self._facts())
        self.saved_step = state.step
        announce(setup.run, state, setup.settings.keep_checkpoints)
        self.seconds, self._saved_at_seconds = time.monotonic() - started, state.seconds

    def _facts(self) -> dict[str, Any]:
        setup, s = self._setup, self._setup.settings
        return {
            "preset": catalogue.json_of(setup.base.preset),
            "parent": s.parent,
            "parent_hash": setup.parent_hash,
            "source": s.articles,
            "articles": [s.first_article or 1, s.last_article or setup.corpus.articles("train")],
            "epochs": self._state.step / setup.batches.steps_per_epoch,
            "lineage": setup.run.config.get("lineage", []),
            "corpus": setup.corpus.content_hash,
            "config_hash": setup.config_hash,
        }


def write(
    run: Run, model: CausalLM, state: TrainingState, form: str, lora_rank: int = 0, facts: dict[str, Any] | None = None
) -> None:
    """Writes a checkpoint: the weights, and all that the training needs to go on as if it had not been cut off.

    Args:
        form: of the weights. facts: what its manifest says beside.

    Raises:
        StorageError: no rights or no space; the former checkpoint is whole.
    """
    known = {"format": form, **state.to_json(), **(facts or {}), "versions": versions()}
    with checkpoints.commit(run, state.step, known) as staging:
        formats.save(model, staging, form, lora_rank)
        write_variables(staging / checkpoints.TRAINING, state_variables(model, form, lora_rank))


def announce(run: Run, state: TrainingState, keep: int) -> None:
    """Says that a checkpoint is written, and removes those that need not be kept."""
    run.append_event("checkpoint", step=state.step, tokens=state.tokens)
    run.write_state(starts=1, step=state.step)  # this process's own
    if gone := retention.apply(run, keep):
        run.append_event("retention", step=state.step, deleted=gone)


def restore(model: CausalLM, checkpoint: Checkpoint, lora_rank: int = 0) -> None:
    """Gives the model the weights, moments and random states of a checkpoint."""
    if not lora_rank:
        formats.restore(model, checkpoint.folder, checkpoint.format)
    groups = state_variables(model, checkpoint.format, lora_rank)
    read_variables(checkpoint.folder / checkpoints.TRAINING, groups)


def state_variables(model: CausalLM, form: str, lora_rank: int) -> dict[str, list[Variable]]:
    """Random states, the optimizer where the format does not keep it, and with LoRA the trained variables too, since
    the weights' file holds them merged."""
    groups = {"random": [v for v in model.non_trainable_variables if "seed_generator" in v.path]}
    if not formats.keeps_optimizer(form, lora_rank):
        groups["optimizer"] = model.optimizer.variables
    if lora_rank:
        groups["trainable"] = model.trainable_variables
    return groups


def write_variables(path: Path, groups: dict[str, list[Variable]]) -> None:
    """Writes an .npz of all variables, GROUP-NUMBER each, copied one at a time: the moments of AdamW are twice the weights,
    and numpy.savez would hold them all."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for group, variables in groups.items():
            for number, variable in enumerate(variables):
                with archive.open(f"{group}-{number}.npy", "w", force_zip64=True) as file:
                    value = np.asarray(keras.ops.convert_to_numpy(variable))
                    np.lib.format.write_array(file, value, allow_pickle=False)


def read_variables(path: Path, groups: dict[str, list[Variable]]) -> None:
    """Reads back what `write_variables` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        for group, variables in groups.items():
            for number, variable in enumerate(variables):
                variable.assign(stored[f"{group}-{number}"])
