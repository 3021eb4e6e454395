"""Plain text → a small GPT-2 preset trained from nothing: vocabulary, model, card.

The base model that ships was made by this module from public-domain books. Until the preset is written there is a run's
folder beside it, with the settings, the events and the checkpoints of any other run, and the vocabulary; from it the run
goes on, since the order of the data is a function of (seed, epoch, step).
"""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.core import fields
from engine.core.errors import ArticlesError, EngineError, RunError, SettingsError
from engine.core.files import make_folder, read_json, sha256, write_json
from engine.core.locks import held
from engine.core.progress import OnProgress, ignore
from engine.corpus import windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.models.protocols import CausalLM
from engine.presets import tokenizers
from engine.runs import checkpoints, lifecycle
from engine.runs.folder import Run
from engine.runs.settings import H5, LAST, PRETRAINING, RunSettings
from engine.runs.states import QUEUED, RUNNING
from engine.training import books, saver, schedules
from engine.training.loop import Loop
from engine.training.muon import Muon
from engine.training.pretraining_recorder import Recorder
from engine.training.state import TrainingState
from engine.training.steppers import Packed

_VOCABULARY = "vocabulary.json"
_FORMER_STATE = fields.needed(step=fields.step, tokens=fields.positive)
_PROBE_TOKENS = 50_000  # of the held-out books in an evaluation under way; the last one takes all


@dataclass(frozen=True)
class Settings:
    """What a pretraining run is made of.

    Attributes:
        tokens: how many tokens to see in all.
        vocabulary_size: entries of the byte-level BPE.
        num_layers, num_heads, hidden_dim: the size of the model.
        sequence_length: window and context length, in tokens.
        batch_size: windows a step.
        learning_rate: after `warmup_steps`; constant until the last `decay_share` of the steps, over which it falls to 0.
        weight_decay: of the optimizer, on the kernels of the attention and feed-forward layers alone, as `RunSettings` has it.
        decay_share: 0..1.
        hold_out: files (stems) that are never trained on and give the figures of the card.
        seed: of initialisation and data order.
        checkpoint_steps: steps between two savings of everything.
    """

    tokens: int = 40_000_000
    vocabulary_size: int = 4096
    num_layers: int = 4
    num_heads: int = 3
    hidden_dim: int = 192
    sequence_length: int = 256
    batch_size: int = 8
    learning_rate: float = 2.5e-3
    warmup_steps: int = 200
    weight_decay: float = 0.1
    decay_share: float = 0.25
    hold_out: tuple[str, ...] = ()
    seed: int = 1
    checkpoint_steps: int = 200

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.tokens // (self.sequence_length * self.batch_size)

    @property
    def decay_steps(self) -> int:
        """Steps over which the learning rate falls."""
        return round(self.decay_share * self.steps)


def _optimizer(model: CausalLM, settings: Settings) -> Muon:
    """Muon for the kernels, AdamW for all else (docs/decisions/0006)."""
    optimizer = Muon(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        adam_weight_decay=settings.weight_decay,
        adam_beta_2=0.98,
        global_clipnorm=1.0,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding"])
    optimizer.build(model.trainable_variables)
    return optimizer


def pretrain(
    text: Path,
    out: Path,
    settings: Settings,
    on_progress: OnProgress = ignore,
) -> dict[str, Any]:
    """Trains a GPT-2 from nothing on the `.txt` files of `text` and writes the preset `out`.

    Called again with the same settings after an interruption it goes on from the last saved step. With other `tokens` too,
    as long as the learning rate has not begun to fall: what came before does not depend on them.

    Args:
        on_progress: called with `Training` after each step, and with the held-out figures at every saving.

    Returns:
        The held-out figures: `accuracy`, `loss`, `bits_per_byte`, `evaluated_tokens`, and `tokens` seen.

    Raises:
        ArticlesError: no text. SettingsError: a held-out file that is not there, values that no run may have, or other
            `tokens` too late. RunError: another process is at it. StorageError: the disk refuses.
    """
    texts = books.read_books(text)
    missing = [stem for stem in settings.hold_out if stem not in texts]
    if missing:
        raise SettingsError([ArticlesError("{folder} holds no book {stem}.", folder=text, stem=s) for s in missing])
    work = out.with_name(f".{out.name}.pretraining")
    with _run(text, out, settings, work) as run:
        figures = _train(run, texts, out, settings, on_progress)
    shutil.rmtree(work, ignore_errors=True)
    return figures


@contextlib.contextmanager
def _run(text: Path, out: Path, settings: Settings, work: Path) -> Iterator[Run]:
    """The run in the folder `work`, begun where there is none of these settings; nobody else works on it meanwhile.

    Raises:
        RunError: somebody does. SettingsError: values that no run may have. StorageError: the disk refuses.
    """
    of_run = _run_settings(text, out, settings)
    if held(work / "lock"):
        raise _busy(out)
    if read_json(work / _VOCABULARY).get("settings") != _frozen(settings):
        shutil.rmtree(work, ignore_errors=True)
    make_folder(work, parents=True)
    run, own = Run(work), {PRETRAINING: json.loads(json.dumps(asdict(settings)))}
    if not run.exists():
        lifecycle.write_new(work, of_run, QUEUED, own)
    with run.taken() as mine:
        if not mine:
            raise _busy(out)
        run.sweep()
        run.cut_torn_event()
        run.settle_place()
        run.change_config(**of_run.to_json())  # how long, and how often to save, may be others by now
        yield run


def _busy(out: Path) -> RunError:
    return RunError("Another process pretrains {preset}: wait until it ends, or give another --out.", preset=out)


def _run_settings(text: Path, out: Path, s: Settings) -> RunSettings:
    """What a run's configuration says of a pretraining; the size of the model and the rest stand beside it.

    Raises:
        SettingsError: values that no run may have.
    """
    return RunSettings(
        preset=str(out),
        articles=str(text),
        name=PRETRAINING,
        method=PRETRAINING,
        steps=s.steps,
        sequence_length=s.sequence_length,
        batch_size=s.batch_size,
        learning_rate=s.learning_rate,
        warmup_steps=s.warmup_steps,
        warmup_share=1.0,
        weight_decay=s.weight_decay,
        dropout=0.0,
        evaluate_steps=s.checkpoint_steps,
        interval_tokens=_PROBE_TOKENS,
        seed=s.seed,
        result=LAST,
        patience=0,
        checkpoint_format=H5,
        keep_checkpoints=1,
    )


def _train(run: Run, texts: dict[str, str], out: Path, settings: Settings, on_progress: OnProgress) -> dict[str, Any]:
    """Trains from the run's newest checkpoint to the end and writes the preset; the held-out figures."""
    vocabulary, merges = _vocabulary(texts, settings, run.folder)
    tokenizer = tokenizers.Tokenizer(vocabulary, merges)
    held_out = {stem: texts[stem] for stem in settings.hold_out}
    train_stream = books.stream(tokenizer, [text for stem, text in texts.items() if stem not in held_out])
    held_out_stream = books.stream(tokenizer, list(held_out.values())) if held_out else None

    keras.utils.set_random_seed(settings.seed)
    model = new_model(settings)
    state = _begin(run, model, settings)
    batches = windows.Shuffled(train_stream, settings.sequence_length, settings.batch_size, settings.seed)

    scorer = scoring.Scorer(model, scoring.JIT_COMPILE)

    def held_out_figures(tokens: int) -> dict[str, Any]:
        if held_out_stream is None:
            return {}
        chosen = scoring.part(held_out_stream, settings.sequence_length, tokens, settings.seed)
        scores = scoring.evaluate(scorer, held_out_stream, tokenizer.token_bytes, settings.sequence_length, chosen)
        return scores.to_json()

    def learning_rate(step: int) -> float:
        return schedules.warmup_constant_decay(
            step, settings.learning_rate, settings.warmup_steps, settings.decay_steps, settings.steps
        )

    recorder = Recorder(run, model, state, batches, learning_rate, on_progress, held_out_figures)
    Loop(
        state, batches, Packed(model, settings.batch_size, scoring.JIT_COMPILE), learning_rate, recorder, on_progress
    ).run()
    figures = {**held_out_figures(0), "tokens": settings.steps * settings.sequence_length * settings.batch_size}
    loading.save_preset(model, vocabulary, merges, out, _card(settings, texts, figures, model.count_params()))
    return figures


def new_model(settings: Settings) -> CausalLM:
    """A GPT-2 that has learned nothing, with its optimizer and its loss."""
    model: CausalLM = loading.new(
        loading.Architecture(
            settings.vocabulary_size,
            settings.num_layers,
            settings.num_heads,
            settings.hidden_dim,
            settings.sequence_length,
        )
    )
    model.compile(
        optimizer=_optimizer(model, settings),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=scoring.JIT_COMPILE,
    )
    return model


def _begin(run: Run, model: CausalLM, settings: Settings) -> TrainingState:
    """Gives the model what the run's newest whole checkpoint holds; where the training then stands.

    Raises:
        SettingsError: the learning rate had begun to fall towards another number of tokens, or would have.
    """
    own, damaged = checkpoints.newest_and_damaged(run, fresh=True)
    former = _former_state(run.folder) if own is None else None
    begun = own.step if own else former["step"] if former else 0
    planned = former["tokens"] if former else run.config[PRETRAINING]["tokens"]
    _require_constant_rate(begun, replace(settings, tokens=planned), settings)
    if planned != settings.tokens:
        run.change_config(**{PRETRAINING: {**run.config[PRETRAINING], "tokens": settings.tokens}})
    state = TrainingState(begun)
    if own is not None:
        saver.restore(model, own)
        state = TrainingState.of_checkpoint(own)
    elif former is not None:
        model.load_weights(run.folder / "state" / "model.weights.h5")
    if own is not None or run.events("step"):
        run.append_event("resume", step=begun if own else -1)
    for error in damaged:
        run.append_event("damaged", checkpoint=error.values["name"], reason=error.to_json())
    state.steps = settings.steps
    run.write_state(state=RUNNING, step=state.step, steps=state.steps)
    return state


def _require_constant_rate(step: int, former: Settings, settings: Settings) -> None:
    """Makes sure that a run goes on as if it had had this length from its beginning.

    Raises:
        SettingsError: the learning rate had begun to fall towards another number of tokens, or would have.
    """
    if former.tokens != settings.tokens and step > min(s.steps - s.decay_steps for s in (former, settings)):
        raise SettingsError(
            [
                EngineError(
                    "The learning rate falls towards {tokens} tokens at step {step} already: give --tokens {tokens} again, or "
                    "another --out to begin anew.",
                    tokens=former.tokens,
                    step=step,
                )
            ]
        )


def _former_state(work: Path) -> dict[str, Any] | None:
    """The step and the tokens of what version 0.2 kept of a pretraining, where it is whole."""
    state = read_json(work / "state" / "state.json")
    weights = work / "state" / "model.weights.h5"
    whole = weights.is_file() and state.get("sha256") == sha256(weights)
    return state if whole and not fields.wrong(state, _FORMER_STATE) else None


def _vocabulary(texts: dict[str, str], settings: Settings, work: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary of the books that are trained on, kept in `work` so that a resumed run has the very same."""
    saved = read_json(work / _VOCABULARY)
    if saved.get("settings") == _frozen(settings):
        return saved["vocabulary"], [tuple(merge) for merge in saved["merges"]]
    lines = (line for stem, text in texts.items() if stem not in settings.hold_out for line in text.splitlines(True))
    vocabulary, merges = tokenizers.train(lines, settings.vocabulary_size)
    write_json(work / _VOCABULARY, {"settings": _frozen(settings), "vocabulary": vocabulary, "merges": merges})
    return vocabulary, merges


def _frozen(settings: Settings) -> dict[str, Any]:
    """All settings that the constant part of a run depends on."""
    frozen = {k: v for k, v in asdict(settings).items() if k not in ("tokens", "checkpoint_steps")}
    found: dict[str, Any] = json.loads(json.dumps(frozen))
    return found


def _card(settings: Settings, texts: dict[str, str], figures: dict[str, Any], parameters: int) -> str:
    trained = [stem for stem in texts if stem not in settings.hold_out]
    lines = [
        "# A GPT-2 pretrained on plain text",
        "",
        f"- Architecture: GPT-2, {settings.num_layers} layers, {settings.num_heads} heads, hidden size "
        f"{settings.hidden_dim}, context {settings.sequence_length} tokens, {parameters:,} parameters.",
        f"- Vocabulary: byte-level BPE of {settings.vocabulary_size:,} entries, trained on the same books.",
        f"- Seen in training: {figures['tokens']:,} tokens, seed {settings.seed}, Muon with a learning rate of "
        f"{settings.learning_rate:g}, {settings.warmup_steps} steps of warm-up, a linear decay over the last "
        f"{settings.decay_share:.0%}.",
        "- Command: `python -m engine pretrain " + " ".join(_arguments(settings)) + "`",
    ]
    if settings.hold_out:
        lines += [
            f"- Held out, never trained on: {', '.join(settings.hold_out)}.",
            f"- On the held-out books ({figures['evaluated_tokens']:,} tokens): accuracy {figures['accuracy']:.1%}, "
            f"loss {figures['loss']:.3f}, {figures['bits_per_byte']:.3f} bits per byte.",
        ]
    lines += ["", "Trained on:", ""] + [f"- {stem}" for stem in trained]
    return "\n".join(lines) + "\n"


def _arguments(settings: Settings) -> list[str]:
    words = ["--text FOLDER", "--out PRESET"]
    for name, value in asdict(settings).items():
        if name == "hold_out":
            words += [f"--hold-out {stem}" for stem in value]
        else:
            words.append(f"--{name.replace('_', '-')} {value}")
    return words
