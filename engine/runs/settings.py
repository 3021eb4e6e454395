"""What a run is made of: one frozen, validated value, kept as the run's `config.json`."""

import dataclasses
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core import checked, fields, framework
from engine.core.errors import EngineError, RunError, SettingsError

SCHEMA_VERSION = 1
LENGTHS = ("steps", "epochs", "minutes")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
PACKED, FIRST_TOKENS = METHODS = ("packed", "first-tokens")
IMPORTED = "imported"  # the method of a run that was not trained here: its one checkpoint came from elsewhere
PRETRAINING = "pretraining"  # the method of one that begins with nothing (engine.training.pretraining); none to choose
CHECKPOINT_FORMATS = CKPT, H5, KERAS = ("ckpt", "weights.h5", "keras")
PRESET, HUGGING_FACE = "preset", "hugging-face"
EXPORTS = (*CHECKPOINT_FORMATS, PRESET, HUGGING_FACE)
AUTO, BEST, LAST = RESULTS = ("auto", "best", "last")  # which checkpoint is a run's result
FROM_PRESET, RANDOM = INITIAL_WEIGHTS = ("preset", "random")  # which weights a run without a parent begins with
ON, OFF = "on", "off"
COMPILATIONS = (AUTO, ON, OFF)  # whether XLA compiles a run's functions
TRAINING, EVERYTHING = MINUTES_OF = ("training", "everything")  # what a length in minutes counts
PATIENCE = 3  # measurements without a better one, of a run in minutes or epochs
WARMUP_SHARE = 0.1  # of a run's steps, at most
KEPT_IN, LEFT_OUT = NEAR_COPIES = ("keep-in", "leave-out")
_FORMER_WORDS = {"method": {"report": FIRST_TOKENS}, "near_copies": {"report": KEPT_IN}}  # of version 0.2
DEVICE_PATTERN = re.compile(r"auto|cpu|gpu:\d+")
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PARENT_PATTERN = re.compile(r"[^./\\\0][^/\\\0]{0,254}(/[0-9]{1,8})?")  # RUN or RUN/STEP
RESERVED_NAMES = ("presets",)
BOUNDS = {  # the least and the greatest value
    "devices": (1, 64),
    "sequence_length": (0, 1024),
    "batch_size": (0, 1024),
    "warmup_steps": (0, 1_000_000),
    "lora_rank": (0, 256),
    "evaluate_steps": (0, 10_000_000),
    "interval_tokens": (1, 10_000_000),
    "evaluate_tokens": (0, 10**12),
    "sample_tokens": (1, 512),
    "sample_temperature": (0, 10),
    "weight_decay": (0, 1),
    "keep_checkpoints": (0, 100_000),
    "seed": (0, 2**31 - 1),
    "warmup_share": (0, 1),
}
PROMPTS = ("The results of this study", "The patients were", "In this article, we")


@dataclass(frozen=True)
class RunSettings:
    """The settings of a fine-tuning run.

    Attributes:
        preset: a folder (keras-hub's or Hugging Face's form) or a keras-hub name.
        articles: any source of articles (docs/forms.md), or a prepared corpus.
        first_article, last_article: the range of training articles, counted from 1, both ends included; None = all.
        steps, epochs, minutes: how long to train; exactly one is set.
        minutes_of: what minutes count: TRAINING alone, or EVERYTHING from the request to the result.
        parent: a checkpoint to start from, RUN or RUN/STEP; None = the preset itself.
        initial_weights: FROM_PRESET, or RANDOM: those that its architecture is given with the run's seed, so that it must learn all of
            its English from the articles. Its base stays the preset: what the same training would have begun with.
        after: a run that must be finished first; `parent` then names it, and means its result.
        plan: title and number of the stage that this run is of a plan; "" = of none.
        name: the run's folder.
        method: PACKED, or FIRST_TOKENS, the original project's way: the first sequence_length
            tokens of each article through Keras fit, saved as a TensorFlow checkpoint too, measured by Keras evaluate; or IMPORTED: not trained here;
            or PRETRAINING: from nothing, of a folder of text, into `preset`.
        device: auto, cpu or gpu:N.
        devices: that share each batch (JAX alone); with several, device is auto, or cpu.
        precision: auto, or a Keras dtype policy.
        sequence_length: targets in a window; 0 = the preset's context, on a CPU 256 at most.
        batch_size: windows a step; 0 = as many as make about 2,048 tokens, on a GPU up to 16,384.
        learning_rate: the peak, reached after warm-up; a cosine falls to a tenth of it, in minutes it stays and then falls in a line; 0 = by the model's width
            and by what is trained.
        warmup_steps: steps of linear warm-up. warmup_share: the most of a run's steps that it takes, 0..1.
        weight_decay: AdamW's, on the kernels of the attention and feed-forward layers alone: not on the embeddings, which are
            matrices too, nor on biases and layer norms.
        lora_rank: rank of LoRA adapters on query and value, whose biases are trained too (Hu et al. 2021); 0 = train
            every weight.
        dropout: share of activations dropped while training; None = the preset's own.
        evaluate_steps: steps between two evaluations (with sample and checkpoint); 0 = a tenth of the run, and at least
            about 10 seconds of training where its length is given in minutes; a large model's checkpoint is then left out
            where it would take more than 5 % of the training since the one before and is not the best of a run whose result
            that is; such a run measures so far apart that this costs little.
        interval_tokens: tokens of validation scored at each interval, the same ones every time.
        evaluate_tokens: limit of tokens for the evaluations at the end; 0 = the whole splits.
        near_copies: what becomes of test articles that are nearly the same text as a training article: KEPT_IN (they are
            scored, and their number is told) or LEFT_OUT of the figures at the end, base and run alike.
        sample_tokens: new tokens of each sample. sample_temperature: at which they are drawn; 0 = always the likeliest (greedy).
        prompts: what the samples continue.
        seed: of data order, dropout and samples.
        result: which checkpoint is the run's result: BEST by the loss on validation, LAST, or AUTO: the best of a run in
            minutes or epochs, the last of one in steps or made the original report's way.
        patience: so many measurements without a better one end the run early; 0 = never; None = 3 of a run in minutes or
            epochs, never of one in steps.
        keep_checkpoints: the newest so many are kept, beside the best and the pinned; 0 = all.
        compilation: whether XLA compiles its functions: ON, OFF, or AUTO: not those of a short run of a small model on a CPU,
            where compiling takes longer than it gains.
        checkpoint_format: ckpt, weights.h5 or keras: how the weights of its checkpoints are kept; JAX has no ckpt.
    """

    preset: str
    articles: str
    name: str
    first_article: int | None = None
    last_article: int | None = None
    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    minutes_of: str = TRAINING
    parent: str | None = None
    initial_weights: str = FROM_PRESET
    after: str | None = None
    plan: str = ""
    method: str = PACKED
    device: str = "auto"
    devices: int = 1
    precision: str = "auto"
    sequence_length: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    warmup_steps: int = 20
    warmup_share: float = WARMUP_SHARE
    weight_decay: float = 0.01
    lora_rank: int = 0
    dropout: float | None = None
    evaluate_steps: int = 0
    interval_tokens: int = 8192
    evaluate_tokens: int = 0
    near_copies: str = KEPT_IN
    sample_tokens: int = 48
    sample_temperature: float = 0.8
    prompts: tuple[str, ...] = PROMPTS
    seed: int = 1
    result: str = AUTO
    patience: int | None = None
    compilation: str = AUTO
    checkpoint_format: str = H5 if framework.uses_jax() else CKPT
    keep_checkpoints: int = 0

    def __post_init__(self) -> None:
        for name in _FORMER_WORDS:
            object.__setattr__(self, name, current(name, getattr(self, name)))
        problems = list(_problems(self))
        if problems:
            raise SettingsError(problems)

    @property
    def takes_best(self) -> bool:
        """Whether its result is the best checkpoint rather than the last."""
        return self.result == BEST or (self.result == AUTO and self._looks_for_best)

    @property
    def _looks_for_best(self) -> bool:
        """One in minutes or epochs; the original report's way has none of it."""
        return self.steps is None and self.method == PACKED

    @property
    def patience_measurements(self) -> int:
        """After so many measurements without a better one the run ends early; 0 = never."""
        if self.patience is not None:
            return self.patience
        return PATIENCE if self._looks_for_best else 0

    def to_json(self) -> dict[str, Any]:
        """The settings as `config.json` holds them."""
        return {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self), "prompts": list(self.prompts)}


def current(name: str, value: Any) -> Any:
    """What the value of a setting is called now: files and commands of earlier versions may have a former word for it."""
    words = _FORMER_WORDS.get(name, {})
    return words.get(value, value) if isinstance(value, str) else value


def from_json(value: dict[str, Any]) -> RunSettings:
    """The settings that `config.json` holds; keys that are none of them (versions, hashes) are passed over.

    Raises:
        RunError: written by a newer version, or not a run's configuration.
    """
    if value.get("schema_version") != SCHEMA_VERSION:
        raise RunError(
            "The run's config.json has schema_version {version}; this version of Atelier reads {known}.",
            version=value.get("schema_version"),
            known=SCHEMA_VERSION,
        )
    known: dict[str, Any] = {"prompts": PROMPTS, **_BEFORE_RESULTS} if "result" not in value else {"prompts": PROMPTS}
    known |= {name: item for name, item in value.items() if name in _KINDS}
    missing = sorted(_REQUIRED - set(known))
    wrong = [name for name, item in known.items() if not _is_of_kind(item, _KINDS[name])]
    wrong += fields.wrong({name: item for name, item in known.items() if name not in wrong}, _PATH_FIELDS)
    wrong += fields.wrong(value, checked.CONFIG)
    if missing or wrong:
        raise checked.damaged_fields("config.json", [*missing, *wrong])
    return RunSettings(**{**known, "prompts": tuple(known["prompts"])})


# What earlier versions did without saying so: a run of theirs goes on as it began.
_BEFORE_RESULTS = {"result": LAST, "patience": 0, "warmup_share": 1.0}
_KINDS = {name: typing.get_args(kind) or (kind,) for name, kind in typing.get_type_hints(RunSettings).items()}
_KINDS["prompts"] = (list, tuple)  # of strings
# What becomes a path: of a file, a folder or another run.
_PATH_FIELDS = fields.known(
    preset=fields.path_text,
    articles=fields.path_text,
    parent=lambda item: item is None or _PARENT_PATTERN.fullmatch(item) is not None,
    after=lambda item: item is None or NAME_PATTERN.fullmatch(item) is not None,
)
_REQUIRED = {field.name for field in dataclasses.fields(RunSettings) if field.default is dataclasses.MISSING}


def _is_of_kind(item: Any, kinds: tuple[type, ...]) -> bool:
    if isinstance(item, list | tuple):
        return list in kinds and all(isinstance(part, str) for part in item)
    if isinstance(item, bool):
        return False
    return isinstance(item, kinds) or (float in kinds and isinstance(item, int))


def _problems(s: RunSettings) -> Iterator[EngineError]:
    def bad(template: str, **values: object) -> EngineError:
        return EngineError(template, **values)

    if not s.preset:
        yield bad("Choose a preset to start from.")
    if not s.articles:
        yield bad("Choose the articles to train on.")
    if not NAME_PATTERN.fullmatch(s.name) or s.name in RESERVED_NAMES:
        yield bad(
            "The name “{name}” cannot be a folder: use 1 to 64 letters, digits, dots, hyphens or underscores, "
            "a letter or digit first, and not “presets”.",
            name=s.name,
        )
    given = {name: value for name in LENGTHS if (value := getattr(s, name)) is not None}
    if len(given) != 1 and s.method != IMPORTED:
        yield bad(
            "Say how long to train by exactly one of steps, epochs or minutes; given: {given}.", given=", ".join(given)
        )
    for name, value in given.items():
        if not 0 < value <= 10_000_000:
            yield bad("{name} must be above 0 and at most 10,000,000; received {value}.", name=name, value=value)
    first, last = s.first_article, s.last_article
    if (first is not None and first < 1) or (last is not None and last < (first or 1)):
        yield bad("The range of articles must run from 1 upwards; received {first}-{last}.", first=first, last=last)
    if not DEVICE_PATTERN.fullmatch(s.device):
        yield bad("The device must be auto, cpu or gpu:N; received {value}.", value=s.device)
    if s.devices > 1 and s.device.startswith("gpu:"):
        yield bad(
            "{device} is one device, and {devices} are asked for: leave the device at auto.",
            device=s.device,
            devices=s.devices,
        )
    if s.devices > 1 and 0 < s.batch_size < s.devices:
        yield bad(
            "A batch of {size} windows cannot be shared by {devices} devices: choose a larger batch_size, or 0.",
            size=s.batch_size,
            devices=s.devices,
        )
    if s.method not in (*METHODS, IMPORTED, PRETRAINING):
        yield bad("The method must be one of {known}; received {value}.", known=METHODS, value=s.method)
    if s.method == FIRST_TOKENS and s.minutes is not None:
        yield bad("The original report's way is given in steps or epochs: Keras fit must know their number.")
    if s.checkpoint_format not in CHECKPOINT_FORMATS:
        yield bad(
            "The checkpoint format must be one of {known}; received {value}.",
            known=CHECKPOINT_FORMATS,
            value=s.checkpoint_format,
        )
    if s.near_copies not in NEAR_COPIES:
        yield bad("Near-copies are one of {known}; received {value}.", known=NEAR_COPIES, value=s.near_copies)
    for name, known in (
        ("result", RESULTS),
        ("minutes_of", MINUTES_OF),
        ("compilation", COMPILATIONS),
        ("initial_weights", INITIAL_WEIGHTS),
    ):
        if (value := getattr(s, name)) not in known:
            yield bad("{name} must be one of {known}; received {value}.", name=name, known=known, value=value)
    if s.initial_weights == RANDOM and s.parent is not None:
        yield bad(
            "A run begins with random weights or with those of a checkpoint, not with both: leave one of them out."
        )
    if s.initial_weights == RANDOM and s.lora_rank:
        yield bad("Random weights know nothing that adapters could add to: train every weight (lora_rank 0).")
    if s.patience is not None and not 0 <= s.patience <= 1000:
        yield bad(
            "{name} must lie between {low} and {high}; received {value}.",
            name="patience",
            low=0,
            high=1000,
            value=s.patience,
        )
    if s.precision not in PRECISIONS:
        yield bad("The precision must be one of {known}; received {value}.", known=PRECISIONS, value=s.precision)
    for name, (low, high) in BOUNDS.items():
        if not low <= (value := getattr(s, name)) <= high:
            yield bad(
                "{name} must lie between {low} and {high}; received {value}.",
                name=name,
                low=low,
                high=high,
                value=value,
            )
    if s.sequence_length and s.sequence_length < 8:
        yield bad("sequence_length must be 0 (automatic) or at least 8; received {value}.", value=s.sequence_length)
    if not 0 <= s.learning_rate <= 0.1:
        yield bad("learning_rate must be 0 (automatic) or at most 0.1; received {value}.", value=s.learning_rate)
    if s.dropout is not None and not 0 <= s.dropout < 1:
        yield bad("dropout must be at least 0 and below 1; received {value}.", value=s.dropout)
    if not s.prompts or any(not prompt.strip() for prompt in s.prompts):
        yield bad("Give at least one prompt, and none that is empty.")
