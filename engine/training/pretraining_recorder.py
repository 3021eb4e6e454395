"""What a pretraining does beside its steps: reports, figures on the held-out books, checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.progress import OnProgress, Phase
from engine.core.splits import VALIDATION
from engine.corpus import windows
from engine.models.protocols import CausalLM
from engine.runs.folder import Run
from engine.runs.settings import H5
from engine.training import reports, saver
from engine.training.loop import Sums
from engine.training.progress import Training
from engine.training.state import TrainingState
from engine.training.steppers import LearningRate


@dataclass
class Recorder:
    """What is done beside the steps of a pretraining."""

    run: Run
    model: CausalLM
    state: TrainingState
    batches: windows.Batches
    learning_rate: LearningRate
    on_progress: OnProgress
    held_out_figures: Callable[[int], dict[str, Any]]

    def due(self) -> int:
        """The step to save at next."""
        every = self.run.settings.evaluate_steps
        return (self.state.step // every + 1) * every

    def after_steps(self) -> None:
        """Nothing: its steps are known from the beginning."""

    def report(self, sums: Sums) -> None:
        """Writes the training figures since the last report."""
        rate = self.learning_rate(self.state.step - 1)
        reports.write(self.run, self.state, sums, self.batches.steps_per_epoch, rate)

    def interval_ends(self) -> bool:
        """Whether the step that is done is one to save at."""
        return self.state.step % self.run.settings.evaluate_steps == 0

    def measure(self) -> None:
        """Measures a part of the held-out books; at the end nothing, since then all of them are measured."""
        if self.state.finished or not (figures := self.held_out_figures(self.run.settings.interval_tokens)):
            return
        self.state.metrics[VALIDATION] = figures
        self.run.append_event("evaluation", step=self.state.step, split=VALIDATION, model="run", whole=False, **figures)
        self.state.take_loss(figures["loss"])

    def worth_saving(self) -> bool:
        """Always but at the end, when the preset is written."""
        return not self.state.finished

    def save(self) -> None:
        """Writes everything to go on from, and says what was measured there."""
        saver.write(self.run, self.model, self.state, H5)
        saver.announce(self.run, self.state, self.run.settings.keep_checkpoints)
        figures = self.state.metrics.get(VALIDATION, {})
        self.on_progress(Training(self.state.step, self.state.steps, Phase.TRAINING, held_out=figures))

    def ends_early(self) -> bool:
        """Never: how many tokens to see was chosen."""
        return False

    def training_continues(self) -> None:
        """Nothing."""
