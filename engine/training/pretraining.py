"""Plain text → a small GPT-2 preset trained from nothing: vocabulary, model, card.

The base model that ships was made by this module from public-domain books. The run is resumable: vocabulary, tokens,
weights, optimizer and the step are kept beside the preset until it is finished, and the order of the data is a
function of (seed, epoch, step).
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.errors import ArticlesError, EngineError, SettingsError
from engine.core.files import open_plain, read_json, sha256, write_json
from engine.core.folders import staged_folder
from engine.core.progress import OnProgress, Phase, ignore
from engine.corpus import windows
from engine.evaluation import scoring
from engine.models import loading
from engine.models.backend import keras
from engine.models.protocols import CausalLM
from engine.presets import tokenizers
from engine.training import schedules
from engine.training.loop import Loop, Sums
from engine.training.muon import Muon
from engine.training.progress import Training
from engine.training.state import TrainingState
from engine.training.steppers import Packed

_BYTES_A_PIECE = 1 << 20  # text is tokenised in pieces of about a megabyte, cut at line ends
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


def read_books(folder: Path) -> dict[str, str]:
    """The text files of a folder by their stem, in the order of their names.

    Raises:
        ArticlesError: no `.txt` file there, or one that is not UTF-8.
    """
    books = {}
    for path in sorted(folder.glob("*.txt")):
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            continue  # a link that leads out, a pipe
        try:
            with open_plain(path) as file:
                books[path.stem] = file.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ArticlesError("{path} is not UTF-8 text: convert it first.", path=path) from error
    if not books:
        raise ArticlesError("{folder} holds no .txt file to learn from.", folder=folder)
    return books


def _pieces(text: str) -> Iterator[str]:
    lines, size = [], 0
    for line in text.splitlines(keepends=True):
        lines.append(line)
        size += len(line)
        if size >= _BYTES_A_PIECE:
            yield "".join(lines)
            lines, size = [], 0
    yield "".join(lines)


def _stream(tokenizer: tokenizers.Tokenizer, texts: list[str]) -> np.ndarray:
    """All texts as one array of ids, uint16, each text opened by `<|endoftext|>`."""
    ids: list[int] = []
    for text in texts:
        ids.append(tokenizer.end_of_text)
        for piece_ids in tokenizer.encode_batch(list(_pieces(text))):
            ids.extend(piece_ids)
    return np.asarray(ids, dtype=np.uint16)


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
        ArticlesError: no text. SettingsError: a held-out file that is not there, or other `tokens` too late.
        StorageError: the disk refuses.
    """
    books = read_books(text)
    missing = [stem for stem in settings.hold_out if stem not in books]
    if missing:
        raise SettingsError([ArticlesError("{folder} holds no book {stem}.", folder=text, stem=s) for s in missing])
    work = out.with_name(f".{out.name}.pretraining")
    vocabulary, merges = _vocabulary(books, settings, work)
    tokenizer = tokenizers.Tokenizer(vocabulary, merges)
    held_out = {stem: books[stem] for stem in settings.hold_out}
    train_stream = _stream(tokenizer, [book for stem, book in books.items() if stem not in held_out])
    held_out_stream = _stream(tokenizer, list(held_out.values())) if held_out else None

    keras.utils.set_random_seed(settings.seed)
    model = loading.new(
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
    state = TrainingState(_restore(model, settings, work), settings.steps)
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

    recorder = _Recorder(model, state, settings, work, on_progress, held_out_figures)
    Loop(
        state, batches, Packed(model, settings.batch_size, scoring.JIT_COMPILE), learning_rate, recorder, on_progress
    ).run()
    figures = {**held_out_figures(0), "tokens": settings.steps * settings.sequence_length * settings.batch_size}
    loading.save_preset(model, vocabulary, merges, out, _card(settings, books, figures, model.count_params()))
    shutil.rmtree(work, ignore_errors=True)
    return figures


@dataclass
class _Recorder:
    """What is done beside the steps of a pretraining."""

    model: CausalLM
    state: TrainingState
    settings: Settings
    work: Path
    on_progress: OnProgress
    held_out_figures: Callable[[int], dict[str, Any]]

    def due(self) -> int:
        """The step to save at next."""
        every = self.settings.checkpoint_steps
        return (self.state.step // every + 1) * every

    def after_steps(self) -> None:
        """Nothing: its steps are known from the beginning."""

    def report(self, sums: Sums) -> None:
        """Nothing: no file is kept of them."""

    def interval_ends(self) -> bool:
        """Whether the step that is done is one to save at."""
        return self.state.step % self.settings.checkpoint_steps == 0

    def measure(self) -> None:
        """Nothing: the held-out books are measured once everything is saved."""

    def worth_saving(self) -> bool:
        """Always but at the end, when the preset is written."""
        return not self.state.finished

    def save(self) -> None:
        """Writes everything to go on from, and tells the figures of a part of the held-out books."""
        _save(self.model, self.state.step, self.settings, self.work)
        figures = self.held_out_figures(_PROBE_TOKENS)
        self.on_progress(Training(self.state.step, self.state.steps, Phase.TRAINING, held_out=figures))

    def ends_early(self) -> bool:
        """Never: how many tokens to see was chosen."""
        return False

    def training_continues(self) -> None:
        """Nothing."""


def _vocabulary(books: dict[str, str], settings: Settings, work: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary of the books that are trained on, kept in `work` so that a resumed run has the very same."""
    saved = read_json(work / "vocabulary.json")
    if saved.get("settings") == _frozen(settings):
        return saved["vocabulary"], [tuple(merge) for merge in saved["merges"]]
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    texts = (line for stem, book in books.items() if stem not in settings.hold_out for line in book.splitlines(True))
    vocabulary, merges = tokenizers.train(texts, settings.vocabulary_size)
    write_json(work / "vocabulary.json", {"settings": _frozen(settings), "vocabulary": vocabulary, "merges": merges})
    return vocabulary, merges


def _frozen(settings: Settings) -> dict[str, Any]:
    """All settings that the constant part of a run depends on."""
    frozen = {k: v for k, v in asdict(settings).items() if k not in ("tokens", "checkpoint_steps")}
    found: dict[str, Any] = json.loads(json.dumps(frozen))
    return found


def _save(model: CausalLM, step: int, settings: Settings, work: Path) -> None:
    with staged_folder(work / "state") as staging:
        model.save_weights(staging / "model.weights.h5")
        state = {"step": step, "tokens": settings.tokens, "sha256": sha256(staging / "model.weights.h5")}
        write_json(staging / "state.json", state)


def _restore(model: CausalLM, settings: Settings, work: Path) -> int:
    """Loads what `_save` wrote, if it is whole; returns the step to go on from.

    Raises:
        SettingsError: the learning rate had begun to fall towards another number of tokens, or would have.
    """
    state = read_json(work / "state" / "state.json")
    weights = work / "state" / "model.weights.h5"
    if not weights.is_file() or state.get("sha256") != sha256(weights):
        return 0
    former = replace(settings, tokens=state["tokens"])
    if former.tokens != settings.tokens and state["step"] > min(s.steps - s.decay_steps for s in (former, settings)):
        raise SettingsError(
            [
                EngineError(
                    "The learning rate falls towards {tokens} tokens at step {step} already: give --tokens {tokens} again, or "
                    "another --out to begin anew.",
                    tokens=former.tokens,
                    step=state["step"],
                )
            ]
        )
    model.load_weights(weights)
    return int(state["step"])


def _card(settings: Settings, books: dict[str, str], figures: dict[str, Any], parameters: int) -> str:
    trained = [stem for stem in books if stem not in settings.hold_out]
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
