"""One run: measure the base, train, report, sample, checkpoint, and measure again at the end.

Everything a step depends on is the settings, the step's number and what a checkpoint holds, so a run that was cut
off goes on as if it had not been.
"""

import hashlib
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import tensorflow as tf

from engine.core.errors import ArticlesError, CheckpointError, EngineError, PresetError, ResourcesError
from engine.core.splits import HELD_OUT
from engine.corpus import english, near_copies, preparation, repeats, windows
from engine.corpus.progress import Progress as Preparing
from engine.evaluation import cache, keras_check, scoring
from engine.inference import token_scores
from engine.inference.generation import Generator, Sampler
from engine.models import formats, loading
from engine.models.backend import keras, release_memory, versions
from engine.presets import catalogue, memory
from engine.runs import checkpoints, inputs, references, retention, submission
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.runs.settings import LEFT_OUT, REPORT
from engine.training import accumulation, keras_fit, schedules

MEASURED_STEPS = 20  # of a run given in minutes, before it becomes a number of steps
REPORT_SECONDS = 1.0  # the shortest time between two reports of the training figures
PASSAGE_TOKENS = 160  # of the first validation article, looked at at each interval
SAMPLER = Sampler(temperature=0.8, top_k=40)


class Stopped(Exception):
    """A person asked the run to stop."""


@dataclass
class _Window:
    """Sums since the last report."""

    loss: float = 0.0
    correct: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, loss: float, accuracy: float, tokens: int, seconds: float) -> None:
        self.loss += loss * tokens
        self.correct += accuracy * tokens
        self.tokens += tokens
        self.seconds += seconds


@dataclass
class Progress:
    """Where a run stands, as a checkpoint keeps it.

    Attributes:
        step: training steps done. steps: the last one; 0 until a run given in minutes has been measured.
        tokens: useful targets trained on. seconds: time in training steps alone.
        micro_batch: windows worked on at a time since memory ran out; 0 = a whole batch at once.
    """

    step: int = 0
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    micro_batch: int = 0
    timed: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "micro_batch": self.micro_batch,
        }


def train(
    run: Run,
    device: str,
    stop_requested: Callable[[], bool],
    long_work: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Runs a run to its end, from its newest whole checkpoint where there is one. The caller holds the run's lock.

    Args:
        device: cpu or gpu:N.
        stop_requested: asked after every step and batch; True ends the run with a checkpoint.
        long_work: called before what may take minutes without asking: loading, compiling, saving.
        say: takes a line of progress for a person at a terminal.

    Returns:
        The result as the command line prints it.

    Raises:
        Stopped: the run was asked to stop; its checkpoint is written.
        memory.GoesOn: memory ran out in a step; the event that halves the micro-batch is written.
        EngineError: what a person can act on.
    """
    return _Training(run, device, stop_requested, long_work, say).run_to_end()


class _Training:
    def __init__(
        self,
        run: Run,
        device: str,
        stop_requested: Callable[[], bool],
        long_work: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.run, self.settings, self.stop_requested, self.say = run, run.settings, stop_requested, say
        self.wanted, self.long_work = device, long_work
        self.progress = Progress()
        self.metrics: dict[str, Any] = {}
        self.saved_step = -1  # of the newest checkpoint, known to be whole; -1 where there is none
        # The original report's way keeps TensorFlow checkpoints, whatever else was chosen.
        self.form = checkpoints.CKPT if self.settings.method == REPORT else self.settings.checkpoint_format
        self.config_hash = hashlib.sha256(json.dumps(self.settings.to_json(), sort_keys=True).encode()).hexdigest()

    # The run from beginning to end

    def run_to_end(self) -> dict[str, Any]:
        self._phase("loading")
        self._place()
        self._load()
        self._phase("preparing")
        self._prepare()
        with tf.device(self.device):
            resumed = self._restore()
            if not resumed:
                self._phase("evaluating")
                self._measure_start()
            self._phase("training")
            self._train()
            self._phase("finishing")
            return self._finish()

    def _phase(self, phase: str) -> None:
        self.long_work()
        self.run.write_state(durable=False, phase=phase, step=self.progress.step, steps=self.progress.steps)
        self.say(phase)

    def _place(self) -> None:
        """Chooses device and precision; a GPU's memory grows as it is needed."""
        found, wanted = tf.config.list_physical_devices("GPU"), self.wanted
        if self.settings.device == "auto" and not found:  # there may be a GPU, and a TensorFlow that cannot use it
            wanted = "cpu"
        if wanted.startswith("gpu"):
            if int(wanted[4:]) >= len(found):
                raise ResourcesError(
                    "TensorFlow sees no {device} here ({count} GPU(s)): install tensorflow[and-cuda], or choose cpu.",
                    device=wanted,
                    count=len(found),
                )
            for gpu in found:
                tf.config.experimental.set_memory_growth(gpu, True)
        self.device = "/device:CPU:0" if wanted == "cpu" else f"/device:GPU:{int(wanted[4:])}"
        self.precision = self.settings.precision
        if self.precision == "auto":
            self.precision = _best_precision(found[int(wanted[4:])]) if wanted != "cpu" else "float32"

    def _load(self) -> None:
        s = self.settings
        keras.utils.set_random_seed(s.seed)
        self.base = ModelReference(catalogue.find(s.preset))
        self.own, self.damaged = checkpoints.newest_and_damaged(self.run, fresh=True)
        self._require_same_preset()
        self.parent = self._find_parent()
        with tf.device(self.device):
            self.model, self.tokenizer = loading.load(self.parent or self.base, s.dropout, self.precision)
            if s.lora_rank:
                self.model.backbone.enable_lora(s.lora_rank)
            self.learning_rate = submission.peak_learning_rate(s, self.model.backbone.hidden_dim)
            optimizer = keras.optimizers.AdamW(self.learning_rate, weight_decay=s.weight_decay, global_clipnorm=1.0)
            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
            self.model.compile(
                optimizer=optimizer,
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
                jit_compile=scoring.JIT_COMPILE,
            )
            self.model.optimizer.build(self.model.trainable_variables)
        context = self.model.backbone.max_sequence_length
        if s.sequence_length > context:
            raise EngineError(
                "sequence_length {value} is longer than the context of {preset}, {context} tokens.",
                value=s.sequence_length,
                preset=s.preset,
                context=context,
            )
        self.length, self.batch_size = inputs.window_shape(s, context, self.model.backbone.vocabulary_size)

    def _require_same_preset(self) -> None:
        """The preset is the one that the run began with: it is the base of its figures and of its LoRA adapters.

        Raises:
            PresetError: its weights have changed.
        """
        began_with = checkpoints.preset_of(self.own)["hash"] if self.own else self.run.config.get("preset_hash")
        if began_with not in (None, self.base.hash):
            raise PresetError(
                "The weights of the preset {preset} have changed since this run was made, so it cannot go on as it began: "
                "put the former ones back, or start a new run.",
                preset=self.base.preset.reference,
            )

    def _require_same_articles(self, checkpoint: checkpoints.Checkpoint) -> None:
        """The articles are those that a checkpoint was trained on, to the word: an epoch goes on in its middle.

        Raises:
            ArticlesError: they are others.
        """
        if checkpoint.manifest.get("corpus", self.corpus.content_hash) != self.corpus.content_hash:
            raise ArticlesError(
                "The words of {articles} have changed since the checkpoint {checkpoint} was written, so this run cannot go "
                "on as it began. Start a new run from that checkpoint (train --from {checkpoint}, or “Continue from "
                "here” on the Checkpoints page), or put the former articles back.",
                articles=self.settings.articles,
                checkpoint=checkpoint.reference,
            )

    def _find_parent(self) -> ModelReference | None:
        """The very checkpoint it started from, frozen when the run was made: "the newest" may be another by now.

        A run with a whole checkpoint of its own goes on without it, but for LoRA adapters: what they are put on is not
        in their own checkpoints, which hold the sum of both.

        Raises:
            EngineError: it is gone or damaged, and needed.
        """
        s = self.settings
        if s.parent is None:
            return None
        try:
            checkpoint = checkpoints.find(s.parent, self.run.folder.parent)
            checkpoints.verify(checkpoint)
            parent = ModelReference(catalogue.find(checkpoints.preset_of(checkpoint)["reference"]), checkpoint)
            references.check_base(parent)
            if self.own and self.own.manifest.get("parent_hash") not in (None, checkpoint.hash):
                raise CheckpointError(
                    "The checkpoint {parent} is not the one that this run started from: its weights have changed.",
                    parent=s.parent,
                )
        except EngineError as error:
            if self.own is None or s.lora_rank:
                raise
            self._without_parent(error)
            return None
        return parent

    def _parent_hash(self) -> str | None:
        if self.parent is not None:
            return self.parent.hash
        return self.own.manifest.get("parent_hash") if self.own else None

    def _without_parent(self, error: EngineError) -> None:
        """Keeps why the figures of the parent are left out."""
        self.run.append_event("parent_lost", checkpoint=self.settings.parent, reason=error.to_json())

    def _prepare(self) -> None:
        s = self.settings
        self.corpus = preparation.prepare(
            inputs.articles_path(s.articles), self.tokenizer, report=self._report_preparing
        )
        if s.near_copies == LEFT_OUT:  # of a corpus of an earlier version it is not known yet; and not only at the end
            self.corpus = repeats.look_for_near_copies(
                self.corpus, self.tokenizer, self._report_preparing, self.stop_requested
            )
            for split in self._final_splits():
                if not near_copies.kept(self.corpus, split).scored.any():
                    raise near_copies.nothing_left(split)
        if self.corpus.skipped.count:
            self.run.append_event("skipped", **self.corpus.card["skipped"])
        stream = self.corpus.tokens("train", s.first_article, s.last_article)
        if s.method == REPORT:
            starts = self.corpus.starts("train", s.first_article, s.last_article)
            self.batches: windows.Batches = windows.FirstTokens(stream, starts, self.length, self.batch_size, s.seed)
        else:
            self.batches = windows.Shuffled(stream, self.length, self.batch_size, s.seed)
        self.validation = self.corpus.tokens("validation")
        self.interval_part = scoring.part(self.validation, self.length, s.interval_tokens, s.seed)
        self.english = english.stream(self.tokenizer)
        self.starts = {"validation": self.corpus.starts("validation"), english.SPLIT: english.starts(self.tokenizer)}
        most = max(1, english.INTERVAL_TOKENS // self.length) * self.length
        self.english_part = scoring.part(self.english, self.length, most, s.seed)
        if s.steps is not None:
            self.progress.steps = s.steps
        elif s.epochs is not None:
            self.progress.steps = max(1, round(s.epochs * self.batches.steps_per_epoch))
        self.scorer = scoring.Scorer(self.model, scoring.JIT_COMPILE)
        self.generator = Generator(self.model, self.tokenizer)
        self.microscope = self.generator.microscope
        self.passage = token_scores.of_article(self.corpus, "validation", 1, 1, PASSAGE_TOKENS)

    def _report_preparing(self, progress: Preparing) -> None:
        if self.stop_requested():
            raise Stopped
        self.long_work()  # what follows the last article takes its time
        self.say(f"preparing {progress.articles:,} articles")

    # Measuring

    def _report_evaluation(self, done: int, total: int) -> bool:
        self.say(f"evaluating {done}/{total} windows")
        return not self.stop_requested()

    def _measure_interval(self, model: str) -> None:
        """Scores the fixed parts of validation and of general English and writes the samples, for "base", "parent" or
        "run"."""
        parts = {
            "validation": (self.validation, self.interval_part),
            english.SPLIT: (self.english, self.english_part),
        }
        for split, (stream, part) in parts.items():
            self.long_work()
            scores = scoring.evaluate(
                self.scorer,
                stream,
                self.tokenizer.token_bytes,
                self.length,
                part,
                lambda done, total: not self.stop_requested(),
                article_starts=self.starts[split],
            )
            if split == "validation":
                self.metrics = {split: scores.to_json()}
            self.run.append_event(
                "evaluation",
                step=self.progress.step,
                tokens=self.progress.tokens,
                seconds=self.progress.seconds,
                split=split,
                model=model,
                whole=False,
                by_article=scores.by_article,
                **scores.to_json(),
            )
        self._look(model)
        self._sample(model)

    def _look(self, model: str) -> None:
        """Writes how well a fixed passage is expected, token by token, for the time machine."""
        self.long_work()
        look = self.microscope.look(self.passage)
        self.run.append_event(
            "passage",
            step=self.progress.step,
            model=model,
            pieces=token_scores.pieces(self.tokenizer, self.passage.ids),
            probabilities=[float(f"{p:.4g}") for p in look.probabilities],
            ranks=look.ranks.tolist(),
        )

    def _sample(self, model: str) -> None:
        for prompt in self.settings.prompts:
            if self.stop_requested():
                raise Stopped
            self.long_work()  # a new length is compiled
            started = time.monotonic()
            text = self.generator.generate(prompt, self.settings.sample_tokens, SAMPLER, self.settings.seed)
            self.run.append_event(
                "sample",
                step=self.progress.step,
                model=model,
                prompt=prompt,
                text=text,
                seed=self.settings.seed,
                temperature=SAMPLER.temperature,
                top_k=SAMPLER.top_k,
                seconds=round(time.monotonic() - started, 3),
            )

    def _measure_start(self) -> None:
        """The zero line: the base (and the parent) on the same tokens and prompts as every later point."""
        if self.parent is None:
            self._measure_interval("base")
            return
        # By name, and without the adapters: before the first step they add nothing (Hu et al. 2021, section 4.1).
        own = {v.path: v for v in self.model.backbone.weights if "lora_kernel" not in v.path}
        parents = {path: keras.ops.convert_to_numpy(variable) for path, variable in own.items()}
        base, _ = loading.load(self.base, dtype=self.precision)
        for variable in base.backbone.weights:
            own[variable.path].assign(variable)
        del base
        self._measure_interval("base")
        for path, value in parents.items():
            own[path].assign(value)
        self._measure_interval("parent")

    # Training

    def _train(self) -> None:
        self._window, self._reported = _Window(), time.monotonic()
        p = self.progress
        self._save_seconds = self._checkpoint_bytes() / submission.SAVE_BYTES_PER_SECOND
        self._saved_at_seconds = p.seconds
        if self.settings.method == REPORT:
            if p.step < p.steps:
                self._fit()
        else:
            if p.micro_batch:
                self._accumulator = accumulation.Accumulator(self.model, p.micro_batch, scoring.JIT_COMPILE)
            while not p.steps or p.step < p.steps:
                self._stop_if_asked()
                try:
                    done = self._step()
                except Exception as error:
                    if memory.ran_out(error):
                        self._halve(error)
                    raise
                self._after_step(*done)
        self._measure_and_save()

    def _fit(self) -> None:
        p = self.progress
        try:
            keras_fit.fit(self.model, self.batches, p.step, p.steps, self._learning_rate, self._after_fit_step)
        except Exception as error:
            if not memory.ran_out(error):
                raise
            raise ResourcesError(
                "Memory ran out with batches of {batch_size} windows. The original report's way takes them whole: set "
                "batch_size to {half} or less, which is another training, or choose the packed method, which works a "
                "batch off in pieces.",
                batch_size=self.batch_size,
                half=max(1, self.batch_size // 2),
            ) from error

    def _halve(self, error: Exception) -> NoReturn:
        """Keeps that from the newest checkpoint on half as many windows are worked on at a time, or gives up at one.

        No step is tried again here: what the failed one has left of the variables is not to be trusted.
        """
        rows = self.progress.micro_batch or self.batch_size
        if rows == 1:
            raise memory.one_window_too_large(self.base.preset, self.length, self.settings.lora_rank) from error
        self.run.append_event(
            "memory",
            step=self.saved_step,
            failed_step=self.progress.step + 1,
            micro_batch=rows // 2,
            batch_size=self.batch_size,
        )
        raise memory.GoesOn from error

    def _stop_if_asked(self) -> None:
        if self.stop_requested():
            self._checkpoint()
            raise Stopped

    def _measure_and_save(self) -> None:
        self._phase("evaluating")
        try:
            self._measure_interval("run")
        except (Stopped, scoring.Cancelled):  # the steps since the last checkpoint are not lost for that
            self._checkpoint()
            raise
        if self._worth_saving():
            self._checkpoint()

    def _worth_saving(self) -> bool:
        """Always at the end, and where somebody said how often."""
        p = self.progress
        if self.settings.evaluate_steps or p.step == p.steps:
            return True
        left = (p.steps - p.step) * float(np.median(p.timed[1:] or p.timed))
        since = p.seconds - self._saved_at_seconds
        return submission.worth_saving(self._checkpoint_bytes(), self._save_seconds, since, left)

    def _after_fit_step(self, loss: float, accuracy: float, batch: windows.Batch, seconds: float) -> None:
        self._after_step(self._per_token(loss, batch), accuracy, batch.tokens, seconds)
        self._stop_if_asked()

    def _after_step(self, loss: float, accuracy: float, tokens: int, seconds: float) -> None:
        """Counts a step, reports, and at each interval measures and, where it is worth it, saves."""
        p = self.progress
        p.step += 1
        p.tokens += tokens
        self.metrics = {}  # what was measured is of the step before
        first = len(p.timed) == 0
        p.timed.append(seconds)
        if not first:  # the first step of a process compiles: it is no training time
            p.seconds += seconds
        self._window.add(loss, accuracy, tokens, seconds if not first else 0.0)
        if not p.steps and len(p.timed) > MEASURED_STEPS:
            self._minutes_become_steps()
        if time.monotonic() - self._reported >= REPORT_SECONDS or p.step in (1, p.steps):
            self._report_step()
        if p.steps and p.step < p.steps and p.step % submission.interval(self.settings, p.steps) == 0:
            self._measure_and_save()
            self._phase("training")
            self._reported = time.monotonic()

    def _report_step(self) -> None:
        p, window = self.progress, self._window
        self.run.append_event(
            "step",
            step=p.step,
            tokens=p.tokens,
            seconds=round(p.seconds, 3),
            epoch=p.step / self.batches.steps_per_epoch,
            loss=window.loss / window.tokens,
            accuracy=window.correct / window.tokens,
            learning_rate=self._learning_rate(p.step - 1),
            tokens_per_second=window.tokens / window.seconds if window.seconds else None,
            memory_bytes=psutil.Process().memory_info().rss,
        )
        self.run.write_state(durable=False, step=p.step, steps=p.steps)
        self.say(f"step {p.step}/{p.steps or '?'}  loss {window.loss / window.tokens:.3f}")
        self._window, self._reported = _Window(), time.monotonic()

    def _learning_rate(self, step: int) -> float:
        return schedules.warmup_cosine(step, self.learning_rate, self.settings.warmup_steps, self.progress.steps)

    def _step(self) -> tuple[float, float, int, float]:
        """One step: loss in nats a token, accuracy, useful targets, seconds."""
        batch = self.batches.batch(self.progress.step)
        self.model.optimizer.learning_rate = self._learning_rate(self.progress.step)
        self.model.reset_metrics()
        started = time.monotonic()
        if self.progress.micro_batch:
            logs = self._accumulator.step(batch)
        else:
            logs = self.model.train_on_batch(
                {"token_ids": batch.token_ids, "padding_mask": np.ones_like(batch.token_ids)},
                batch.targets,
                sample_weight=batch.weights,
                return_dict=True,
            )
        seconds = time.monotonic() - started
        return self._per_token(float(logs["loss"]), batch), float(logs["accuracy"]), batch.tokens, seconds

    def _per_token(self, keras_loss: float, batch: windows.Batch) -> float:
        """The loss of a step in nats a token. Keras divides by all targets of the batch, padding included.

        Raises:
            EngineError: it is no number any more.
        """
        loss = keras_loss * batch.weights.size / batch.tokens
        if not np.isfinite(loss):
            raise EngineError(
                "The loss became {loss} at step {step}: the learning rate {rate} is too high for this model.",
                loss=loss,
                step=self.progress.step + 1,
                rate=self.learning_rate,
            )
        return loss

    def _minutes_become_steps(self) -> None:
        """Once, after some steps: the time left over the median step; kept, so that the schedule knows steps only."""
        p = self.progress
        left = (self.settings.minutes or 0) * 60 - p.seconds
        p.steps = p.step + max(0, round(left / float(np.median(p.timed[1:]))))
        self.run.append_event("plan", step=p.step, steps=p.steps, minutes=self.settings.minutes)
        self.run.write_state(durable=False, steps=p.steps)

    # Checkpoints

    def _checkpoint(self) -> None:
        if self.progress.step == self.saved_step:  # a stop right behind a save: a whole one is never written over
            return
        self.long_work()
        started = time.monotonic()
        facts = {
            "format": self.form,
            **self.progress.to_json(),
            "preset": catalogue.json_of(self.base.preset),
            "parent": self.settings.parent,
            "parent_hash": self._parent_hash(),
            "source": self.settings.articles,
            "articles": [
                self.settings.first_article or 1,
                self.settings.last_article or self.corpus.articles("train"),
            ],
            "epochs": self.progress.step / self.batches.steps_per_epoch,
            "lineage": self.run.config.get("lineage", []),
            "corpus": self.corpus.content_hash,
            "config_hash": self.config_hash,
            "metrics": self.metrics,
            "versions": versions(),
        }
        # Some room for headers and the log.
        retention.require_space(self.run.folder, self._checkpoint_bytes() + (8 << 20))
        with checkpoints.commit(self.run, self.progress.step, facts) as staging:
            formats.save(self.model, staging, self.form, self.settings.lora_rank)
            self._write_training_state(staging / checkpoints.TRAINING)
        self.saved_step = self.progress.step
        self.run.append_event("checkpoint", step=self.progress.step, tokens=self.progress.tokens)
        self.run.write_state(starts=1, step=self.progress.step)  # this process's own
        if gone := retention.apply(self.run, self.settings.keep_checkpoints):
            self.run.append_event("retention", step=self.progress.step, deleted=gone)
        self._save_seconds, self._saved_at_seconds = time.monotonic() - started, self.progress.seconds

    def _checkpoint_bytes(self) -> int:
        return submission.checkpoint_bytes(self.model.backbone.count_params(), self.settings.lora_rank)

    def _random_states(self) -> list:
        return [v for v in self.model.non_trainable_variables if "seed_generator" in v.path]

    def _state_variables(self, form: str) -> dict[str, list]:
        """Random states, the optimizer where the format does not keep it, and with LoRA the trained variables too, since
        the weights' file holds them merged."""
        groups = {"random": self._random_states()}
        if not formats.keeps_optimizer(form, self.settings.lora_rank):
            groups["optimizer"] = self.model.optimizer.variables
        if self.settings.lora_rank:
            groups["trainable"] = self.model.trainable_variables
        return groups

    def _write_training_state(self, path: Path) -> None:
        """An .npz of all state variables, GROUP-NUMBER each, copied one at a time: the moments of AdamW are twice the
        weights, and numpy.savez would hold them all."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for group, variables in self._state_variables(self.form).items():
                for number, variable in enumerate(variables):
                    with archive.open(f"{group}-{number}.npy", "w", force_zip64=True) as file:
                        value = np.asarray(keras.ops.convert_to_numpy(variable))
                        np.lib.format.write_array(file, value, allow_pickle=False)

    def _restore(self) -> bool:
        """Goes on from the newest whole checkpoint of this run; False where there is none."""
        checkpoint = self.own
        if checkpoint is None:
            if self.run.events("evaluation", "step"):  # cut off before the first save, or nothing whole is left
                self.run.append_event("resume", step=-1)
            self._report_damaged()
            self._take_micro_batch(0)
            return False
        self._require_same_articles(checkpoint)
        if not self.settings.lora_rank:
            formats.restore(self.model, checkpoint.folder, checkpoint.format)
        with np.load(checkpoint.folder / checkpoints.TRAINING, allow_pickle=False) as state:
            for group, variables in self._state_variables(checkpoint.format).items():
                for number, variable in enumerate(variables):
                    variable.assign(state[f"{group}-{number}"])
        facts = checkpoint.manifest
        self.progress = Progress(checkpoint.step, facts["steps"], facts["tokens"], facts["seconds"])
        self.metrics, self.saved_step = facts["metrics"], checkpoint.step
        self.run.append_event("resume", step=checkpoint.step)
        self._report_damaged()
        self._take_micro_batch(facts.get("micro_batch", 0))
        return True

    def _report_damaged(self) -> None:
        """Keeps which newer checkpoints were passed over, and why; what they held is trained again."""
        for error in self.damaged:
            self.run.append_event("damaged", checkpoint=error.values["name"], reason=error.to_json())

    def _take_micro_batch(self, of_checkpoint: int) -> None:
        """What the checkpoint keeps, or less where that was found too large since."""
        found = [of_checkpoint, *(event["micro_batch"] for event in self.run.events("memory"))]
        self.progress.micro_batch = min((rows for rows in found if rows), default=0)
        if self.progress.micro_batch:
            self.say(f"memory: batches of {self.batch_size} are worked off in pieces of {self.progress.micro_batch}")

    # The end

    def _finish(self) -> dict[str, Any]:
        """Scores run, base and parent on the whole of validation and test, each from the files that hold it."""
        if self.settings.method == REPORT:
            self._evaluate_as_keras_does()
        # The figures come from the files: the model that was trained, its optimizer and gradients are not needed here.
        del self.model, self.scorer, self.generator, self.microscope
        release_memory()
        final = checkpoints.find(f"{self.run.name}/{self.progress.step}", self.run.folder.parent)
        named = {"run": ModelReference(self.base.preset, final), "base": self.base}
        if self.parent is not None:
            named["parent"] = self.parent
        splits = self._final_splits()
        scored: dict[tuple[str, str], dict] = {}
        for name, reference in list(named.items()):
            try:
                for split in splits:
                    scored[name, split] = self._score_whole(reference, split)
            except CheckpointError as error:
                if name != "parent":
                    raise
                self._without_parent(error)  # deleted or damaged while the run was under way
                del named[name]
                continue
            for split in splits:
                self.run.append_event(
                    "evaluation",
                    step=self.progress.step if name == "run" else 0,
                    tokens=self.progress.tokens,
                    seconds=self.progress.seconds,
                    split=split,
                    model=name,
                    whole=True,
                    sequence_length=self.length,
                    near_copies=near_copies.count_of_training(self.corpus, split),
                    near_copies_left_out=self.settings.near_copies == LEFT_OUT,
                    **scored[name, split],
                )
        final = checkpoints.with_manifest(final, metrics={**self.metrics, **{s: scored["run", s] for s in splits}})
        split, p = splits[-1], self.progress
        result: dict[str, Any] = {
            "run": self.run.name,
            "checkpoint": final.reference,
            "steps": p.step,
            "tokens": p.tokens,
            "seconds": round(p.seconds, 3),
            "tokens_per_second": round(p.tokens / p.seconds, 1) if p.seconds else None,
            "split": split,
            "evaluated_tokens": scored["run", split]["evaluated_tokens"],
            "near_copies": near_copies.count_of_training(self.corpus, split),
            "near_copies_left_out": self.settings.near_copies == LEFT_OUT,
        }
        for name in named:
            prefix = "" if name == "run" else f"{name}_"
            for figure in ("accuracy", "loss", "bits_per_byte"):
                result[prefix + figure] = scored[name, split][figure]
        if self.settings.method == REPORT:
            result["keras_evaluate"] = self.keras_evaluate
        if p.micro_batch:
            result["batch_size"], result["micro_batch"] = self.batch_size, p.micro_batch
        result["device"], result["precision"] = self.device, self.precision
        self.run.append_event("result", step=p.step, **result)
        return result

    def _final_splits(self) -> list[str]:
        return [split for split in HELD_OUT if split in self.corpus.splits]

    def _evaluate_as_keras_does(self) -> None:
        split = "test" if "test" in self.corpus.splits else "validation"
        figures = keras_check.evaluate(
            self.model, self.corpus.tokens(split), self.corpus.starts(split), self.length, self.batch_size
        )
        self.run.append_event("keras_evaluate", step=self.progress.step, split=split, **figures)
        self.keras_evaluate = {"split": split, **figures}

    def _score_whole(self, reference: ModelReference, split: str) -> dict:
        leave_out = self.settings.near_copies == LEFT_OUT
        tokens, seed = self.settings.evaluate_tokens, self.settings.seed
        key = cache.scores_key(reference, self.corpus, split, self.length, tokens, seed, leave_out)
        if stored := cache.stored(key):
            return stored
        self.long_work()
        if getattr(self, "_loaded", None) != reference:
            model, _ = loading.load(reference)  # float32: figures compare across devices
            self._whole_scorer, self._loaded = scoring.Scorer(model, scoring.JIT_COMPILE), reference
        stream = self.corpus.tokens(split)
        chosen = scoring.part(stream, self.length, tokens, seed)
        kept = near_copies.kept(self.corpus, split) if leave_out else None
        if kept is not None and not len(kept.numbers(self.length, self.length, chosen)):
            raise near_copies.nothing_left(split)
        scores = scoring.evaluate(
            self._whole_scorer,
            stream,
            self.tokenizer.token_bytes,
            self.length,
            chosen,
            self._report_evaluation,
            kept=kept,
        )
        cache.store(key, scores.to_json(), reference, self.corpus)
        return scores.to_json()


def _best_precision(gpu) -> str:
    """bfloat16 from compute capability 8.0 on, float16 from 7.0 (its tensor cores), else float32."""
    capability = tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"
