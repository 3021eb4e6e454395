"""What a run costs, computed before it starts, and what of it lies beyond what a visitor may use."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from engine.core.errors import EngineError
from engine.core.splits import HELD_OUT
from engine.corpus import english, lookup
from engine.presets import catalogue
from engine.presets.catalogue import Preset
from engine.runs import inputs, needs, spacing
from engine.runs.settings import RANDOM, RunSettings

# Tokens a second x parameters that two slow cores train at, where no run has been timed here: 5,000 tokens/s of the
# mini model, 105 of GPT-2 base (benchmarks/README.md has two to three times as much).
ASSUMED_WORK = 1.3e10
_SCORED_FASTER = 2.0  # scoring a token, against learning from it,
_GENERATED_SLOWER = 20.0  # and writing one
_TIMED_STEPS = 20  # of a run in minutes, before it is known how many fit


@dataclass(frozen=True)
class Limits:
    """What visitors may use. The fields are the keys of the table `[visitors]` in the secrets.

    Attributes:
        minutes, steps: of training, of one run.
        tokens: that one run learns from. step_tokens: of one step.
        evaluation_tokens: scored in one run, or for one request of a page.
        prompts, prompt_characters: how many prompts, and of each.
        sample_tokens: of all samples of one run together.
        run_megabytes: of one run's checkpoints. run_minutes: of one run, with all that is not training.
        request_tokens: written for one request of a page. request_characters: of a text that a page is given.
        waiting_runs: of all visitors together. runs_megabytes: of all their runs on the disk.
        upload_megabytes: of one upload. article_megabytes: of the corpus that is prepared from it.
        uploads_megabytes: of all uploads and what is prepared from them. upload_hours: after which they are deleted.
        preparations: of visitors' uploads, at work at a time.
        exports_megabytes: of all exported files together.
        index_tokens: of articles that are indexed for the memorisation lens.
        share_articles: whether visitors see passages of the owner's articles.
    """

    minutes: float = 2.0
    steps: int = 500
    tokens: int = 2_000_000
    step_tokens: int = 16_384
    evaluation_tokens: int = 1_000_000
    prompts: int = 5
    prompt_characters: int = 500
    sample_tokens: int = 10_000
    run_megabytes: int = 500
    run_minutes: float = 15.0
    request_tokens: int = 4_000
    request_characters: int = 20_000
    waiting_runs: int = 30
    runs_megabytes: int = 10_000
    upload_megabytes: int = 50
    article_megabytes: int = 200
    uploads_megabytes: int = 1_000
    upload_hours: float = 24.0
    preparations: int = 2
    exports_megabytes: int = 1_000
    index_tokens: int = 5_000_000
    share_articles: bool = False


def limits_of(table: Any) -> tuple[Limits, list[EngineError]]:
    """The limits that a table of the secrets sets, and what of it cannot be read: there the default holds."""
    if table is None:
        return Limits(), []
    try:
        given = dict(table)
    except (TypeError, ValueError):
        return Limits(), [EngineError("[visitors] in the secrets is no table: the usual limits hold.")]
    known = {field.name: field for field in dataclasses.fields(Limits)}
    good: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if name not in known:
            problems.append(EngineError("[visitors] in the secrets: {name} is no limit.", name=str(name)[:80]))
            continue
        default: Any = known[name].default
        if isinstance(default, bool):
            right = isinstance(value, bool)
        else:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            right = number and 0 <= value < 10**12 and (isinstance(default, float) or value == int(value))
        if right:
            good[name] = type(default)(value)
        else:
            problems.append(
                EngineError(
                    "[visitors] in the secrets: {name} cannot be {value}; {default} holds.",
                    name=name,
                    value=str(value)[:80],
                    default=str(default).lower(),
                )
            )
    return Limits(**good), problems


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes:
        minutes: of training, where its length is given so. steps: else.
        tokens: learned from; of a run in minutes those of the steps that it takes at least. step_tokens: of one step.
        measurements: how often it measures itself and writes samples, the beginning included.
        prompts, longest_prompt: how many, and the characters of the longest.
        sample_tokens: of all samples. evaluation_tokens: scored, at the moments and at the end.
        disk_bytes: of the checkpoints that stand there at a time, at most. seconds: of everything but loading, about.
    """

    minutes: float | None
    steps: int | None
    tokens: int
    step_tokens: int
    measurements: int
    prompts: int
    longest_prompt: int
    sample_tokens: int
    evaluation_tokens: int
    disk_bytes: int
    seconds: float


def cost(settings: RunSettings, tokens_per_second: float | None = None) -> Cost:
    """What a run takes; its articles are prepared already, unless they are on the hub.

    Args:
        tokens_per_second: that runs of this preset were timed at here; else a slow machine is assumed.

    Raises:
        EngineError: the preset or the articles are not there, or not prepared.
    """
    preset = catalogue.find(settings.preset)
    length, batch_size = inputs.window_shape(settings, preset.max_sequence_length, preset.vocabulary_size)
    step_tokens = length * batch_size
    needed = needs.estimate(settings)
    steps = needs.steps_of(settings, preset, length, batch_size)
    if steps is None and settings.minutes is None:
        raise EngineError("How long this run takes is known once its articles are prepared: see Library › Articles.")
    speed = tokens_per_second or ASSUMED_WORK / max(1, preset.parameters)
    intervals = spacing.intervals_of(settings, steps)
    measurements = intervals + 1 + (settings.parent is not None or settings.initial_weights == RANDOM)
    tokens = (steps if steps is not None else _TIMED_STEPS) * step_tokens
    scored = measurements * (settings.interval_tokens + english.INTERVAL_TOKENS) + _scored_at_the_end(settings, preset)
    generated = measurements * len(settings.prompts) * settings.sample_tokens
    training = tokens / speed if settings.minutes is None else max(60 * settings.minutes, tokens / speed)
    return Cost(
        minutes=settings.minutes,
        steps=steps,
        tokens=tokens,
        step_tokens=step_tokens,
        measurements=measurements,
        prompts=len(settings.prompts),
        longest_prompt=max(map(len, settings.prompts)),
        sample_tokens=generated,
        evaluation_tokens=scored,
        disk_bytes=needed.checkpoint_bytes * needed.checkpoints,
        seconds=training
        + scored / (_SCORED_FASTER * speed)
        + generated * _GENERATED_SLOWER / speed
        + (intervals + 1) * needed.checkpoint_bytes / spacing.SAVE_BYTES_PER_SECOND,
    )


def _scored_at_the_end(settings: RunSettings, preset: Preset) -> int:
    """The tokens of validation and test that run, base and parent are measured on when the run ends."""
    prepared = lookup.find(inputs.articles_path(settings.articles), catalogue.tokenizer(preset))
    if prepared is None:
        raise EngineError("How long this run takes is known once its articles are prepared: see Library › Articles.")
    most = settings.evaluate_tokens or None
    splits = [len(prepared.tokens(split)) for split in HELD_OUT if split in prepared.splits]
    return (2 + bool(settings.parent)) * sum(n if most is None else min(n, most) for n in splits)


def exceeded(settings: RunSettings, taken: Cost, limits: Limits) -> list[EngineError]:
    """A sentence for each limit that a run goes beyond: by how much, and what to change."""
    found: list[EngineError] = []

    def bad(template: str, **values: object) -> None:
        found.append(EngineError(template, **values))

    if taken.minutes is not None and taken.minutes > limits.minutes:
        bad(
            "This run trains for {asked} minutes; a visitor's run may train for {most}.",
            asked=taken.minutes,
            most=limits.minutes,
        )
    if taken.minutes is not None and settings.evaluate_steps:
        bad("A visitor's run in minutes chooses its own checkpoints: set the steps between checkpoints to 0.")
    if taken.steps is not None and taken.steps > limits.steps:
        bad("This run takes {asked} steps; a visitor's run may take {most}.", asked=taken.steps, most=limits.steps)
    if taken.step_tokens > limits.step_tokens:
        bad(
            "A step of this run takes {asked} tokens; a visitor's may take {most}: choose a smaller batch or sequence.",
            asked=taken.step_tokens,
            most=limits.step_tokens,
        )
    if taken.tokens > limits.tokens:
        bad(
            "This run learns from {asked} tokens; a visitor's run may learn from {most}: take fewer steps or a smaller "
            "batch.",
            asked=taken.tokens,
            most=limits.tokens,
        )
    if taken.disk_bytes > limits.run_megabytes * 1e6:
        bad(
            "The checkpoints of this run take {asked} MB; a visitor's may take {most} MB: keep fewer, or put more steps "
            "between them.",
            asked=round(taken.disk_bytes / 1e6),
            most=limits.run_megabytes,
        )
    if taken.prompts > limits.prompts:
        bad("This run has {asked} prompts; a visitor's run may have {most}.", asked=taken.prompts, most=limits.prompts)
    if taken.longest_prompt > limits.prompt_characters:
        bad(
            "A prompt of this run has {asked} characters; a visitor's may have {most}.",
            asked=taken.longest_prompt,
            most=limits.prompt_characters,
        )
    if taken.sample_tokens > limits.sample_tokens:
        bad(
            "The samples of this run have {asked} tokens together; a visitor's may have {most}: give fewer prompts, or put "
            "more steps between checkpoints.",
            asked=taken.sample_tokens,
            most=limits.sample_tokens,
        )
    if taken.evaluation_tokens > limits.evaluation_tokens:
        bad(
            "This run is measured on {asked} tokens; a visitor's run may be on {most}: limit the tokens of the evaluations "
            "at the end, or put more steps between checkpoints.",
            asked=taken.evaluation_tokens,
            most=limits.evaluation_tokens,
        )
    if taken.seconds > 60 * limits.run_minutes:
        bad(
            "This run would take about {asked} minutes with its measurements and samples; a visitor's run may take {most}.",
            asked=round(taken.seconds / 60),
            most=limits.run_minutes,
        )
    return found


def check_request(request: dict[str, Any], scored_tokens: int, limits: Limits) -> None:
    """Makes sure that what a page asks of the studio is within the limits.

    Args:
        scored_tokens: of an evaluation, how many tokens are looked at, those of overlapping windows each time.

    Raises:
        EngineError: it is not; says by how much.
    """
    text = str(request.get("prompt") or request.get("text") or "")
    if len(text) > limits.request_characters:
        raise EngineError(
            "This text has {asked} characters; a visitor's may have {most}.",
            asked=len(text),
            most=limits.request_characters,
        )
    generated = sum(
        int(c["max_new_tokens"]) * max(1, int(c.get("samples", 1)), int(c.get("beams", 0)))
        for c in request.get("columns", ())
    )
    if generated > limits.request_tokens:
        raise EngineError(
            "This asks for {asked} tokens in all columns, samples and beams; a visitor may ask for {most} at a time.",
            asked=generated,
            most=limits.request_tokens,
        )
    if scored_tokens > limits.evaluation_tokens:
        raise EngineError(
            "This measures {asked} tokens; a visitor may measure {most} at a time: choose a part.",
            asked=scored_tokens,
            most=limits.evaluation_tokens,
        )
