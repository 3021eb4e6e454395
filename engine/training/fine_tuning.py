"""One run: measure the base, train, report, sample, checkpoint, and measure again at the end."""

import contextlib
from typing import Any, NoReturn

from engine.core import framework, machine
from engine.core.errors import EngineError, StorageError
from engine.core.progress import OnProgress, Phase, Progress
from engine.models import backend, compilation
from engine.models.backend import on_device, release_memory
from engine.models.protocols import CausalLM
from engine.presets import memory
from engine.runs import spacing, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import FIRST_TOKENS
from engine.training import final, reports, saver, setup, steppers
from engine.training.loop import Loop, Sums
from engine.training.measurer import Measurer
from engine.training.saver import Saver
from engine.training.setup import Setup
from engine.training.state import TrainingState
from engine.training.timekeeper import Timekeeper, settled_steps


def train(run: Run, offered: str, on_progress: OnProgress) -> dict[str, Any]:
    """Runs a run to its end, from its newest whole checkpoint where there is one. The caller holds the run's lock.

    Args:
        offered: the device: cpu, gpu:N or several of these, joined.

    Returns:
        The result as the command line prints it.

    Raises:
        Cancelled: `on_progress` ended it; its checkpoint is written.
        memory.RestartNeeded: memory ran out in a step; the event that halves the micro-batch is written.
        EngineError: what a person can act on.
    """
    run.write_state(durable=False, phase=Phase.LOADING)
    on_progress(Progress(0, 0, Phase.LOADING))
    model, found = setup.load(run, offered, on_progress)

    def say_compiling(function: str) -> None:
        with contextlib.suppress(
            StorageError
        ):  # a full disk, or a run that is being deleted: the training finds out itself
            run.write_state(durable=False, compiling=function)

    with on_device(found.device), compilation.watched(say_compiling):
        work = _FineTuning(found, model, on_progress)
        state = work.run()
        by_keras = final.evaluate_as_keras_does(found, model, state) if found.settings.method == FIRST_TOKENS else None
        scorer = final.WholeScorer(found, model, work.measurer.scorer, on_progress)
        device_memory = work.device_memory()
        # The figures come from the files: the optimizer and the gradients are not needed here.
        del work, model
        release_memory()
        return final.measure_result(found, state, by_keras, scorer, device_memory)


class _FineTuning:
    """Trains a model on a run's articles and records it in the run's folder."""

    def __init__(self, found: Setup, model: CausalLM, on_progress: OnProgress) -> None:
        self.setup, self.model, self.on_progress = found, model, on_progress
        self.state = TrainingState.of_checkpoint(found.own) if found.own else TrainingState()
        self.measurer = Measurer(found, model, self.state, on_progress)
        self.saver = Saver(found, model, self.state, on_progress)
        self.timekeeper = Timekeeper(found, self.state)
        self._space_measurements()

    def run(self) -> TrainingState:
        """Trains to the end; where the training then stands.

        Raises:
            Cancelled, memory.RestartNeeded, EngineError: as `train`.
        """
        try:
            self._begin()
            batches, rate = self.setup.batches, self.timekeeper.learning_rate
            loop = Loop(self.state, batches, self._stepper(), rate, self, self.on_progress)
            with loop.saved_if_cancelled():
                self._enter(Phase.COMPILING)
            loop.run()
        except steppers.OutOfMemory as error:
            self._halve(error)
        except steppers.NonFiniteLoss as error:
            raise self._no_number(error) from error
        self._enter(Phase.FINISHING)
        return self.state

    def _no_number(self, error: steppers.NonFiniteLoss) -> EngineError:
        """Leaves the last good checkpoint as the result; the sentence that says so."""
        values = {"step": error.step, "rate": self.setup.learning_rate}
        if self.saver.saved_step < 0:
            return EngineError(states.NO_NUMBER, **values)
        self.setup.run.write_state(result=self.saver.saved_step)
        return EngineError(states.NO_NUMBER_BEHIND, saved=self.saver.saved_step, **values)

    def _enter(self, phase: Phase) -> None:
        self.setup.run.write_state(durable=False, phase=phase, step=self.state.step, steps=self.state.steps)
        self.on_progress(Progress(0, 0, phase))

    def _begin(self) -> None:
        """Goes on from the run's newest whole checkpoint, or measures where the run begins."""
        run, own, s = self.setup.run, self.setup.own, self.setup.settings
        if own is not None:
            saver.restore(self.model, own, s.lora_rank)
            run.append_event("resume", step=own.step)
        else:
            self.state.steps = settled_steps(s, self.setup.batches.steps_per_epoch)
            if self.setup.past.begun:  # cut off before the first save, or nothing whole is left
                run.append_event("resume", step=-1)
        for error in self.setup.damaged:  # what they held is trained again
            run.append_event("damaged", checkpoint=error.values["name"], reason=error.to_json())
        self._take_micro_batch(own.manifest.get("micro_batch", 0) if own else 0)
        if own is None:
            self._enter(Phase.EVALUATING)
            self.measurer.measure_start()

    def _take_micro_batch(self, of_checkpoint: int) -> None:
        """What the checkpoint keeps, or less where that was found too large since."""
        found = [of_checkpoint, *self.setup.past.micro_batches]
        self.state.micro_batch = min((rows for rows in found if rows), default=0) or self._of_gpu()

    def _of_gpu(self) -> int:
        """Windows that a GPU has room for at a time; 0 = all of its part of a batch, or nobody knows."""
        setup = self.setup
        if "GPU" not in setup.device or setup.settings.method == FIRST_TOKENS:
            return 0
        if (of_card := machine.gpu_memory(int(setup.device.rpartition(":")[2]))) is None:
            return 0
        rows = memory.gpu_micro_batch(
            setup.base.preset,
            setup.length,
            setup.rows,
            setup.settings.lora_rank,
            *self._attention(),
            of_card[1],
        )
        return rows if rows < setup.rows else 0

    def device_memory(self) -> dict[str, int] | None:
        """What was expected to be taken of a GPU's memory by the training, and the most that was; None on a CPU."""
        setup, rows = self.setup, self.state.micro_batch or self.setup.rows
        if "GPU" not in setup.device:
            return None
        expected = memory.gpu_bytes(
            setup.base.preset,
            setup.length,
            rows,
            setup.settings.lora_rank,
            *self._attention(),
            rows < setup.rows,
        )
        peak = backend.peak_device_bytes(int(setup.device.rpartition(":")[2]))
        return {"expected_bytes": expected, "peak_bytes": peak}

    def _attention(self) -> tuple[bool, bool]:
        """Whether activations are float32, and whether a kernel works attention out without keeping it."""
        wide = self.setup.precision == "float32"
        return wide, framework.uses_jax() and not wide and not self.model.backbone.dropout

    def _stepper(self) -> steppers.Stepper:
        if self.setup.settings.method == FIRST_TOKENS:
            return steppers.KerasFit(self.model, self.setup.batch_size)
        rows = self.state.micro_batch or self.setup.rows
        return steppers.Packed(self.model, rows, self.setup.xla, self.setup.devices)

    def _halve(self, error: Exception) -> NoReturn:
        """Keeps that from the newest checkpoint on half as many windows are worked on at a time, or gives up at one.

        No step is tried again here: what the failed one has left of the variables is not to be trusted.
        """
        found = self.setup
        rows = self.state.micro_batch or found.rows
        if rows == 1:
            raise memory.one_window_too_large(found.base.preset, found.length, found.settings.lora_rank) from error
        found.run.append_event(
            "memory",
            step=self.saver.saved_step,
            failed_step=self.state.step + 1,
            micro_batch=rows // 2,
            batch_size=found.batch_size,
        )
        raise memory.RestartNeeded from error

    # What is done beside the steps

    def due(self) -> int:
        """So many steps done, something is to be done beside them."""
        return self.timekeeper.due()

    def after_steps(self) -> None:
        """Plans again, where it is time."""
        if len(self.state.step_seconds) == 1:
            self._enter(Phase.TRAINING)
        self.timekeeper.after_steps()

    def report(self, sums: Sums) -> None:
        """Writes the training figures since the last report."""
        state, run = self.state, self.setup.run
        rate = self.timekeeper.learning_rate(state.step - 1)
        reports.write(run, state, sums, self.setup.batches.steps_per_epoch, rate)
        run.write_state(durable=False, step=state.step, steps=state.steps, ends_at=self.timekeeper.ends_at())

    def interval_ends(self) -> bool:
        """Whether the step that is done is one to measure at."""
        return self.timekeeper.interval_ends()

    def measure(self) -> None:
        """Measures the model as it is."""
        self._enter(Phase.EVALUATING)
        self.measurer.measure("run")
        self._space_measurements()
        self.timekeeper.measurement_seconds = self.measurer.seconds + self.saver.seconds
        self.timekeeper.end_seconds = self.timekeeper.measurement_seconds + final.expected_seconds(
            self.setup, self.measurer.scored_a_second
        )
        self.timekeeper.measured()

    def _space_measurements(self) -> None:
        """Says how far apart measurements are, by what a save takes."""
        self.timekeeper.interval_seconds = spacing.interval_seconds(
            self.setup.settings, self.setup.checkpoint_bytes, self.saver.seconds
        )

    def worth_saving(self) -> bool:
        """Whether a checkpoint is worth its time."""
        return self.saver.worth_saving()

    def save(self) -> None:
        """Writes a checkpoint."""
        self.state.elapsed = self.timekeeper.elapsed()
        self.saver.save()
        shared.keep_index(self.setup.run.folder)

    def ends_early(self) -> bool:
        """Whether validation has not improved for as many measurements as the settings wait for."""
        patience, state = self.setup.settings.patience_measurements, self.state
        if not patience or state.worse < patience:
            return False
        self.setup.run.append_event(
            "early_end", step=state.step, steps=state.steps, best_step=state.best_step, patience=patience
        )
        return True

    def training_continues(self) -> None:
        """Says that it trains again."""
        self._enter(Phase.TRAINING)
