"""A run's settings → everything that its training stands on: device, model, tokenizer, articles, batches.

Everything a step depends on is here, in the step's number and in what a checkpoint holds, so a run that was cut off
goes on as if it had not been.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from engine.core.errors import ArticlesError, CheckpointError, EngineError, PresetError
from engine.core.progress import OnProgress, Phase, Progress
from engine.core.splits import HELD_OUT
from engine.corpus import near_copies, preparation, repeats, windows
from engine.corpus.store import Corpus
from engine.evaluation import scoring
from engine.models import backend, loading
from engine.models.backend import keras, on_device
from engine.models.protocols import CausalLM
from engine.presets import catalogue
from engine.presets.tokenizers import Tokenizer
from engine.runs import checkpoints, inputs, needs, references
from engine.runs.checkpoints import Checkpoint
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from engine.runs.settings import FIRST_TOKENS, LEFT_OUT, PACKED, RANDOM, RunSettings
from engine.training import placing, xla
from engine.training.past import Past


@dataclass(frozen=True)
class Setup:
    """What a run's training stands on, the model apart.

    Attributes:
        run, settings: the run. devices: that share each batch, by TensorFlow's names. precision: a Keras dtype policy.
        base: the preset as it ships. parent: the checkpoint it starts from, where one was chosen and is still there.
        own: its newest whole checkpoint, or None. damaged: why newer ones were passed over.
        tokenizer: of the preset.
        learning_rate: the peak. length: targets in a window. batch_size: windows a step.
        corpus: the prepared articles. batches: of their training split, in the order of the run's seed.
        parameters: of the model, adapters included.
        past: what the run had reported before this process took it up. xla: whether XLA compiles its functions.
    """

    run: Run
    settings: RunSettings
    devices: tuple[str, ...]
    precision: str
    base: ModelReference
    parent: ModelReference | None
    own: Checkpoint | None
    damaged: tuple[EngineError, ...]
    tokenizer: Tokenizer
    learning_rate: float
    length: int
    batch_size: int
    corpus: Corpus
    batches: windows.Batches
    parameters: int
    past: Past
    xla: bool

    @property
    def device(self) -> str:
        """The device that computes whatever is not shared: measurements, samples."""
        return self.devices[0]

    @property
    def rows(self) -> int:
        """Windows of a batch that one device has to work on."""
        return -(-self.batch_size // len(self.devices))

    @property
    def checkpoint_format(self) -> str:
        """The form of the weights it saves; the original report's way keeps TensorFlow checkpoints, whatever else was
        chosen."""
        return checkpoints.CKPT if self.settings.method == FIRST_TOKENS else self.settings.checkpoint_format

    @property
    def checkpoint_bytes(self) -> int:
        """The size of a checkpoint."""
        return needs.checkpoint_bytes(self.parameters, self.settings.lora_rank)

    @property
    def parent_hash(self) -> str | None:
        """Of the weights it started from; None = the preset's own."""
        if self.parent is not None:
            return self.parent.hash
        return self.own.manifest.get("parent_hash") if self.own else None

    @property
    def begins_with_base(self) -> bool:
        """Whether it begins with the weights of its base: from no checkpoint, and not from random ones."""
        return self.parent is None and self.settings.initial_weights != RANDOM

    @property
    def held_out_splits(self) -> list[str]:
        """Those of validation and test that the corpus has."""
        return [split for split in HELD_OUT if split in self.corpus.splits]

    @cached_property
    def config_hash(self) -> str:
        """SHA-256 of the settings."""
        return hashlib.sha256(json.dumps(self.settings.to_json(), sort_keys=True).encode()).hexdigest()


def load(run: Run, offered: str, on_progress: OnProgress) -> tuple[CausalLM, Setup]:
    """Loads the model that a run begins with, compiled, and prepares its articles.

    Returns:
        The model (the parent's weights, else the preset's own or random ones; not yet those of a checkpoint of the run), and the rest.

    Raises:
        Cancelled: `on_progress` ended it. EngineError: what a person can act on.
    """
    s = run.settings
    devices, precision = placing.place(run, offered)
    device = devices[0]
    if len(devices) > 1:
        backend.bind(device)
    keras.utils.set_random_seed(s.seed)
    base = ModelReference(catalogue.find(s.preset))
    own, damaged = checkpoints.newest_and_damaged(run, fresh=True)
    _require_same_preset(run, base, own)
    parent = _find_parent(run, own)
    with on_device(device):
        random_weights = s.initial_weights == RANDOM
        model, tokenizer = loading.load(parent or base, _dropout(run, own, device), precision, random_weights)
    context = model.backbone.max_sequence_length
    _require_context(s.sequence_length, context, s)
    run.write_state(durable=False, phase=Phase.PREPARING)
    on_progress(Progress(0, 0, Phase.PREPARING))
    corpus = _prepare(s, tokenizer, on_progress)
    length, batch_size = _settle_shape(run, model, own, device, corpus)
    _require_context(length, context, s)  # a configuration may have been changed by hand
    if own is not None:
        _require_same_articles(s, corpus, own)
    if corpus.skipped.count:
        run.append_event("skipped", **corpus.card["skipped"])
    batches, parameters = _batches(s, corpus, length, batch_size), model.backbone.count_params()
    past = Past.of(run, own.step if own else -1)
    compiled = xla.decide(
        run,
        s,
        past,
        available=scoring.JIT_COMPILE,
        on_cpu="CPU" in device,
        parameters=parameters,
        step_tokens=length * batch_size,
        steps_per_epoch=batches.steps_per_epoch,
    )
    with on_device(device):
        learning_rate = compile_model(model, s, compiled)
    return model, Setup(
        run=run,
        settings=s,
        devices=devices,
        precision=precision,
        base=base,
        parent=parent,
        own=own,
        damaged=tuple(damaged),
        tokenizer=tokenizer,
        learning_rate=learning_rate,
        length=length,
        batch_size=batch_size,
        corpus=corpus,
        batches=batches,
        parameters=model.backbone.count_params(),
        past=past,
        xla=compiled,
    )


def _require_context(length: int, context: int, s: RunSettings) -> None:
    """Makes sure that windows fit into the model.

    Raises:
        EngineError: they do not.
    """
    if length > context:
        raise EngineError(
            "sequence_length {value} is longer than the context of {preset}, {context} tokens.",
            value=length,
            preset=s.preset,
            context=context,
        )


def _dropout(run: Run, own: Checkpoint | None, device: str) -> float | None:
    """The share that is dropped; None = the preset's own. A GPU's fused attention knows none (docs/decisions/0020)."""
    found = run.config.get(inputs.SHAPE)
    if run.settings.dropout is not None or (own is not None and found is None):
        return run.settings.dropout
    if found is not None:
        return float(found["dropout"])
    return 0.0 if "GPU" in device and run.settings.method == PACKED else None


def _settle_shape(run: Run, model: CausalLM, own: Checkpoint | None, device: str, corpus: Corpus) -> tuple[int, int]:
    """(sequence_length, batch_size) that the run has for good: what is automatic is decided when it begins, by its device and
    its articles, and a run that goes on elsewhere keeps it."""
    s, backbone = run.settings, model.backbone
    if run.config.get(inputs.SHAPE) is None and own is None:
        gpu = "GPU" in device and s.method == PACKED
        tokens = len(corpus.tokens("train", s.first_article, s.last_article))
        length, batch_size = inputs.window_shape(s, backbone.max_sequence_length, backbone.vocabulary_size, gpu, tokens)
        shape = {"sequence_length": length, "batch_size": batch_size, "dropout": backbone.dropout}
        run.change_config(**{inputs.SHAPE: shape})
    return inputs.shape_of(run, backbone.max_sequence_length, backbone.vocabulary_size)


def compile_model(model: CausalLM, s: RunSettings, xla: bool) -> float:
    """Gives the model its adapters, its optimizer and its loss; the peak of the learning rate.

    Args:
        xla: whether XLA compiles what Keras makes of them.
    """
    if s.lora_rank:
        model.backbone.enable_lora(s.lora_rank)
    learning_rate = needs.peak_learning_rate(s, model.backbone.hidden_dim)
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=s.weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=xla,
    )
    model.optimizer.build(model.trainable_variables)
    return learning_rate


def _require_same_preset(run: Run, base: ModelReference, own: Checkpoint | None) -> None:
    """The preset is the one that the run began with: it is the base of its figures and of its LoRA adapters.

    Raises:
        PresetError: its weights have changed.
    """
    began_with = checkpoints.preset_of(own)["hash"] if own else run.config.get("preset_hash")
    if began_with not in (None, base.hash):
        raise PresetError(
            "The weights of the preset {preset} have changed since this run was made, so it cannot go on as it began: "
            "put the former ones back, or start a new run.",
            preset=base.preset.reference,
        )


def _require_same_articles(s: RunSettings, corpus: Corpus, own: Checkpoint) -> None:
    """The articles are those that a checkpoint was trained on, to the word: an epoch goes on in its middle.

    Raises:
        ArticlesError: they are others.
    """
    if own.manifest.get("corpus", corpus.content_hash) != corpus.content_hash:
        raise ArticlesError(
            "The words of {articles} have changed since the checkpoint {checkpoint} was written, so this run cannot go "
            "on as it began. Start a new run from that checkpoint (train --from {checkpoint}, or “Continue from "
            "here” under Library › Checkpoints), or put the former articles back.",
            articles=s.articles,
            checkpoint=own.reference,
        )


def _find_parent(run: Run, own: Checkpoint | None) -> ModelReference | None:
    """The very checkpoint it started from, frozen when the run was made: "the newest" may be another by now.

    A run with a whole checkpoint of its own goes on without it, but for LoRA adapters: what they are put on is not
    in their own checkpoints, which hold the sum of both.

    Raises:
        EngineError: it is gone or damaged, and needed.
    """
    s = run.settings
    if s.parent is None:
        return None
    try:
        checkpoint = checkpoints.find(s.parent, run.folder.parent)
        checkpoints.verify(checkpoint)
        parent = ModelReference(catalogue.find(checkpoints.preset_of(checkpoint)["reference"]), checkpoint)
        references.check_base(parent)
        if own and own.manifest.get("parent_hash") not in (None, checkpoint.hash):
            raise CheckpointError(
                "The checkpoint {parent} is not the one that this run started from: its weights have changed.",
                parent=s.parent,
            )
    except EngineError as error:
        if own is None or s.lora_rank:
            raise
        record_lost_parent(run, error)
        return None
    return parent


def record_lost_parent(run: Run, error: EngineError) -> None:
    """Writes why the figures of the checkpoint that a run started from are left out."""
    run.append_event("parent_lost", checkpoint=run.settings.parent, reason=error.to_json())


def _prepare(s: RunSettings, tokenizer: Tokenizer, on_progress: OnProgress) -> Corpus:
    """The articles as tokens, near-copies known where they are to be left out.

    Raises:
        Cancelled: `on_progress` ended it. ArticlesError: nothing would be left to measure on.
    """
    corpus = preparation.prepare(inputs.articles_path(s.articles), tokenizer, on_progress=on_progress)
    if s.near_copies == LEFT_OUT:  # of a corpus of an earlier version it is not known yet; and not only at the end
        corpus = repeats.look_for_near_copies(corpus, tokenizer, on_progress)
        for split in HELD_OUT:
            if split in corpus.splits and not near_copies.scored_articles(corpus, split).scored.any():
                raise near_copies.nothing_left(split)
    return corpus


def _batches(s: RunSettings, corpus: Corpus, length: int, batch_size: int) -> windows.Batches:
    stream = corpus.tokens("train", s.first_article, s.last_article)
    if s.method == FIRST_TOKENS:
        starts = corpus.starts("train", s.first_article, s.last_article)
        return windows.FirstTokens(stream, starts, length, batch_size, s.seed)
    return windows.Shuffled(stream, length, batch_size, s.seed)
