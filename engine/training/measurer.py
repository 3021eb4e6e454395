"""What is measured while a run trains: fixed parts of validation and of general English, a passage, samples."""

import time
from dataclasses import asdict
from typing import Any

from engine.core.progress import OnProgress, Phase, Progress
from engine.core.splits import HELD_OUT
from engine.corpus import english
from engine.evaluation import cache, scoring
from engine.inference import token_scores
from engine.inference.generation import Generator, Sampler
from engine.models import finite, loading
from engine.models.backend import keras
from engine.models.compilation import Stopwatch
from engine.models.protocols import CausalLM
from engine.runs.references import ModelReference
from engine.training.setup import Setup
from engine.training.state import TrainingState
from engine.training.steppers import NonFiniteLoss

_VERSION = 1  # of what is measured before the first step: what another version kept is not taken
PASSAGE_TOKENS = 160  # of the first validation article
SAMPLE_TOP_K = 40


class Measurer:
    """Measures the model that is trained and writes what it finds into the run's events.

    Base, parent and run are measured on the same tokens, prompts and seeds, by the same compiled functions.

    Attributes:
        scorer: of the model that is trained.
        seconds: what the last measurement took; 0 before the first. scored_a_second: tokens, of its scoring alone. What was
            compiled meanwhile is left out of both.
    """

    def __init__(self, setup: Setup, model: CausalLM, state: TrainingState, on_progress: OnProgress) -> None:
        self._setup, self._model, self._state, self._on_progress = setup, model, state, on_progress
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
        self.scorer = scoring.Scorer(model, setup.xla)
        self.seconds, self.scored_a_second = 0.0, 0.0
        self._events: list[dict[str, Any]] = []  # since the measurement began
        self._generator = Generator(model, tokenizer)
        self._sampler = Sampler(temperature=float(s.sample_temperature), top_k=SAMPLE_TOP_K)
        self._passage = token_scores.of_article(corpus, "validation", 1, 1, PASSAGE_TOKENS)

    def measure_start(self) -> None:
        """Measures the zero line on the same tokens and prompts as every later point: the base, and where the run begins
        with other weights these, which events call "parent".

        Raises:
            Cancelled: `on_progress` ended it.
        """
        setup = self._setup
        if setup.begins_with_base:
            self._measure_once("base", setup.base)
            return
        if self._take_cached("base", setup.base):
            self._measure_parent()
            return
        # By name, and without the adapters: before the first step they add nothing (Hu et al. 2021, section 4.1).
        own = {v.path: v for v in self._model.backbone.weights if "lora_kernel" not in v.path}
        parents = {path: keras.ops.convert_to_numpy(variable) for path, variable in own.items()}
        base, _ = loading.load(setup.base, dtype=setup.precision)
        for variable in base.backbone.weights:
            own[variable.path].assign(variable)
        del base
        self._measure_once("base", setup.base)
        for path, value in parents.items():
            own[path].assign(value)
        self._measure_parent()

    def _measure_parent(self) -> None:
        if self._setup.parent is None:
            self.measure("parent")  # random weights, which no other run has
        else:
            self._measure_once("parent", self._setup.parent)

    def _measure_once(self, name: str, model: ModelReference) -> None:
        """Measures what the model holds, unless the same was measured before the same way: loading and compiling for it takes
        most of the time until the first step."""
        if self._take_cached(name, model):
            return
        self.measure(name)
        cache.write(self._key(model), self._events)

    def _take_cached(self, name: str, model: ModelReference) -> bool:
        """Takes what an earlier run measured of a model from the cache; whether it was there."""
        events = cache.read(self._key(model))
        for event in events or ():
            kind = event.pop("kind")
            self._append_event(kind, **{**event, "model": name})
            if kind == "evaluation" and event["split"] == "validation" and name == "base":
                self._state.base_loss = event["loss"]
        return bool(events)

    def _key(self, model: ModelReference) -> dict[str, Any]:
        """All that the measurements of a model before the first step depend on."""
        setup, s = self._setup, self._setup.settings
        return {
            "kind": "start",
            **cache.of_framework(),
            "version": _VERSION,
            "model": model.hash,
            "preset": model.preset.hash(),
            "corpus": setup.corpus.content_hash,
            "splits": [
                [setup.corpus.card["splits"][name]["first"], setup.corpus.articles(name)] for name in HELD_OUT[:1]
            ],
            "tokenizer": setup.corpus.card["tokenizer"],
            "sequence_length": setup.length,
            "interval_tokens": s.interval_tokens,
            "precision": setup.precision,
            "seed": s.seed,
            "prompts": list(s.prompts),
            "sample_tokens": s.sample_tokens,
            "sampler": asdict(self._sampler),
        }

    def _append_event(self, kind: str, **fields: Any) -> None:
        self._events.append({"kind": kind, **fields})
        self._setup.run.append_event(kind, **fields)

    def measure(self, name: str) -> None:
        """Measures the weights that the model holds, as those of "base", "parent" or "run".

        Raises:
            Cancelled: `on_progress` ended it. NonFiniteLoss: the loss is no number.
        """
        state, watch, tokens, self._events = self._state, Stopwatch(), 0, []
        for split, (stream, part, starts) in self._parts.items():
            self._begin_piece()
            try:
                scores = scoring.evaluate(
                    self.scorer,
                    stream,
                    self._setup.tokenizer.token_bytes,
                    self._setup.length,
                    part,
                    self._on_progress,
                    article_starts=starts,
                )
            except finite.NoNumbers as error:
                if name != "run":  # what it began with computes none: that is no fault of the training
                    raise
                raise NonFiniteLoss(state.step) from error
            tokens += scores.evaluated_tokens
            if split == "validation":
                self._note(name, scores)
            self._append_event(
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
        self.scored_a_second = tokens / max(1e-9, watch.seconds())
        self._score_passage(name)
        self._write_samples(name)
        self.seconds = watch.seconds()

    def _begin_piece(self) -> None:
        self._on_progress(Progress(0, 0, Phase.EVALUATING))

    def _note(self, name: str, scores: scoring.Scores) -> None:
        state = self._state
        state.metrics = {"validation": scores.to_json()}
        if name == "base":
            state.base_loss = scores.loss
        elif name == "run":
            state.take_loss(scores.loss)

    def _score_passage(self, name: str) -> None:
        """Writes how well a fixed passage is expected, token by token, for the time machine."""
        self._begin_piece()
        look = self._generator.microscope.look(self._passage)
        self._append_event(
            "passage",
            step=self._state.step,
            model=name,
            pieces=token_scores.pieces(self._setup.tokenizer, self._passage.ids),
            probabilities=[float(f"{p:.4g}") for p in look.probabilities],
            ranks=look.ranks.tolist(),
        )

    def _write_samples(self, name: str) -> None:
        s = self._setup.settings
        self._begin_piece()  # a new length is compiled
        started = time.monotonic()
        texts = self._generator.texts(s.prompts, s.sample_tokens, self._sampler, s.seed)
        seconds = round((time.monotonic() - started) / len(texts), 3)  # they are written together
        for prompt, text in zip(s.prompts, texts, strict=True):
            self._append_event(
                "sample",
                step=self._state.step,
                model=name,
                prompt=prompt,
                text=text,
                seed=s.seed,
                temperature=self._sampler.temperature,
                top_k=self._sampler.top_k,
                seconds=seconds,
            )
