"""What is measured while a run trains: fixed parts of validation and of general English, a passage, samples."""

import math
import time
from typing import Any

from engine.corpus import english
from engine.evaluation import scoring
from engine.inference import token_scores
from engine.inference.generation import Generator, Sampler
from engine.models import loading
from engine.models.backend import keras
from engine.training.setup import Setup
from engine.training.state import TrainingState
from engine.training.steppers import NonFiniteLoss
from engine.training.supervisor import Supervisor

PASSAGE_TOKENS = 160  # of the first validation article
SAMPLER = Sampler(temperature=0.8, top_k=40)


class Measurer:
    """Measures the model that is trained and writes what it finds into the run's events.

    Base, parent and run are measured on the same tokens, prompts and seeds, by the same compiled functions.

    Attributes:
        scorer: of the model that is trained.
        seconds: what the last measurement took; 0 before the first. scored_a_second: tokens, of its scoring alone.
    """

    def __init__(self, setup: Setup, model, state: TrainingState, supervisor: Supervisor) -> None:
        self._setup, self._model, self._state, self._supervisor = setup, model, state, supervisor
        s, corpus, tokenizer = setup.settings, setup.corpus, setup.tokenizer
        validation, general = corpus.tokens("validation"), english.stream(tokenizer)
        most = max(1, english.INTERVAL_TOKENS // setup.length) * setup.length
        self._parts: dict[
            str, tuple[Any, Any, Any]
        ] = {  # of each split its tokens, which windows, where articles start
            "validation": (
                validation,
                scoring.part(validation, setup.length, s.interval_tokens, s.seed),
                corpus.starts("validation"),
            ),
            english.SPLIT: (
                general,
                scoring.part(general, setup.length, most, s.seed),
                english.starts(tokenizer),
            ),
        }
        self.scorer = scoring.Scorer(model, scoring.JIT_COMPILE)
        self.seconds, self.scored_a_second = 0.0, 0.0
        self._generator = Generator(model, tokenizer)
        self._passage = token_scores.of_article(corpus, "validation", 1, 1, PASSAGE_TOKENS)

    def measure_start(self) -> None:
        """Measures the zero line: the base (and the parent) on the same tokens and prompts as every later point.

        Raises:
            Cancelled: the supervisor ended it.
        """
        setup = self._setup
        if setup.parent is None:
            self.measure("base")
            return
        # By name, and without the adapters: before the first step they add nothing (Hu et al. 2021, section 4.1).
        own = {v.path: v for v in self._model.backbone.weights if "lora_kernel" not in v.path}
        parents = {path: keras.ops.convert_to_numpy(variable) for path, variable in own.items()}
        base, _ = loading.load(setup.base, dtype=setup.precision)
        for variable in base.backbone.weights:
            own[variable.path].assign(variable)
        del base
        self.measure("base")
        for path, value in parents.items():
            own[path].assign(value)
        self.measure("parent")

    def measure(self, name: str) -> None:
        """Measures the weights that the model holds, as those of "base", "parent" or "run".

        Raises:
            Cancelled: the supervisor ended it. NonFiniteLoss: the loss is no number.
        """
        state, begun, tokens = self._state, time.monotonic(), 0
        for split, (stream, part, starts) in self._parts.items():
            self._supervisor.long_work()
            scores = scoring.evaluate(
                self.scorer,
                stream,
                self._setup.tokenizer.token_bytes,
                self._setup.length,
                part,
                lambda done, total: not self._supervisor.stop_requested(),
                article_starts=starts,
            )
            if not math.isfinite(scores.loss):
                raise NonFiniteLoss(state.step, scores.loss)
            tokens += scores.evaluated_tokens
            if split == "validation":
                self._note(name, scores)
            self._setup.run.append_event(
                "evaluation",
                step=state.step,
                tokens=state.tokens,
                seconds=state.seconds,
                split=split,
                model=name,
                whole=False,
                by_article=scores.by_article,
                **scores.to_json(),
            )
        self.scored_a_second = tokens / max(1e-9, time.monotonic() - begun)
        self._score_passage(name)
        self._write_samples(name)
        self.seconds = time.monotonic() - begun

    def _note(self, name: str, scores: scoring.Scores) -> None:
        state = self._state
        state.metrics = {"validation": scores.to_json()}
        if name == "base":
            state.base_loss = scores.loss
        elif name == "run":
            state.take_loss(scores.loss)

    def _score_passage(self, name: str) -> None:
        """Writes how well a fixed passage is expected, token by token, for the time machine."""
        self._supervisor.long_work()
        look = self._generator.microscope.look(self._passage)
        self._setup.run.append_event(
            "passage",
            step=self._state.step,
            model=name,
            pieces=token_scores.pieces(self._setup.tokenizer, self._passage.ids),
            probabilities=[float(f"{p:.4g}") for p in look.probabilities],
            ranks=look.ranks.tolist(),
        )

    def _write_samples(self, name: str) -> None:
        s = self._setup.settings
        for prompt in s.prompts:
            self._supervisor.check()
            self._supervisor.long_work()  # a new length is compiled
            started = time.monotonic()
            text = self._generator.generate(prompt, s.sample_tokens, SAMPLER, s.seed)
            self._setup.run.append_event(
                "sample",
                step=self._state.step,
                model=name,
                prompt=prompt,
                text=text,
                seed=s.seed,
                temperature=SAMPLER.temperature,
                top_k=SAMPLER.top_k,
                seconds=round(time.monotonic() - started, 3),
            )
