"""The three formats of a checkpoint's weights, written and read back to the same logits, and what leaves the lab.

ckpt         tf.train.Checkpoint of backbone and optimizer: the original report's `.ckpt`
weights.h5   the backbone's weights, as a keras-hub preset keeps them
keras        Keras's archive of the backbone; read here for its weights alone, never with `load_model`

Whatever the format, `training.npz` beside it holds what the format leaves out, so that a resume is exact.
"""

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.core import framework, paths
from engine.core.errors import CheckpointError, EngineError, StorageError
from engine.core.files import full, is_full, replace, require_space, size, storage_errors, sync
from engine.core.folders import clear_old, staged_folder
from engine.models import hugging_face, loading, usage
from engine.models.backend import keras_hub
from engine.models.protocols import Backbone, CausalLM
from engine.presets import catalogue, tokenizers
from engine.runs import checkpoints
from engine.runs.checkpoints import CKPT, H5, KERAS
from engine.runs.references import ModelReference
from engine.runs.settings import EXPORTS, HUGGING_FACE, IMPORTED, PRESET

EXPORTS_FOLDER = ".exports"  # beside the runs
_EXPORT_SECONDS = 24 * 3600
_ENDINGS = {H5: ".weights.h5", KERAS: ".keras"}  # of what is written as one file
_BESIDE_WEIGHTS_BYTES = 4 << 20  # the vocabulary of GPT-2, the card, what a format adds


def keeps_optimizer(form: str, lora_rank: int = 0) -> bool:
    """Whether the format itself holds the optimizer. Of a LoRA run a `.ckpt` holds the merged weights alone."""
    return form == CKPT and not lora_rank


def save(model: CausalLM, folder: Path, form: str, lora_rank: int = 0) -> None:
    """Writes the weights of a GPT2CausalLM, adapters merged; with `ckpt` the built optimizer too."""
    backbone = model.backbone
    if form == H5:
        backbone.save_weights(folder / checkpoints.WEIGHTS)
    elif form == KERAS:
        _merged(backbone, lora_rank).save(folder / "model.keras")
    elif keeps_optimizer(form, lora_rank) and getattr(model, "optimizer", None) is not None:
        _write(folder, model=backbone, optimizer=model.optimizer)
    else:
        _write(folder, model=_merged(backbone, lora_rank))


def _write(folder: Path, **tracked: Any) -> None:
    """Writes a `tf.train.Checkpoint`."""
    tf = _tensorflow()
    try:
        checkpoint = tf.train.Checkpoint(**tracked)
        checkpoint.write(str(folder / "model.ckpt"))
    except tf.errors.ResourceExhaustedError as error:  # TensorFlow's name for a full disk, and for full memory
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _tensorflow() -> Any:
    """TensorFlow, whose own form `.ckpt` is.

    Raises:
        EngineError: JAX computes here.
    """
    if (problem := framework.ckpt_problem()) is not None:
        raise problem
    import tensorflow

    return tensorflow


def _merged(backbone: Backbone, lora_rank: int) -> Backbone:
    """The backbone itself, or a plain one that holds its weights with the adapters added in."""
    if not lora_rank:
        return backbone
    plain: Backbone = keras_hub.models.GPT2Backbone.from_config(backbone.get_config())
    with tempfile.TemporaryDirectory() as folder:
        backbone.save_weights(Path(folder) / checkpoints.WEIGHTS)  # Keras merges LoRA here
        plain.load_weights(Path(folder) / checkpoints.WEIGHTS)
    return plain


def restore(model: CausalLM, folder: Path, form: str) -> None:
    """Reads the weights back into a compiled GPT2CausalLM, from `ckpt` with its built optimizer.

    Raises:
        CheckpointError: they do not fit.
    """
    if form == CKPT:
        tf = _tensorflow()
        try:
            with paths.without_pattern(folder / "model.ckpt") as prefix:
                status = tf.train.Checkpoint(model=model.backbone, optimizer=model.optimizer).read(str(prefix))
                status.assert_existing_objects_matched()
        except (AssertionError, tf.errors.OpError, ValueError) as error:
            raise _misfit(folder, error) from error
    else:
        loading.read_weights(model.backbone, folder, form)


def _misfit(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError("The weights in {folder} do not fit: {reason}", folder=folder, reason=str(error)[:300])


def export(reference: ModelReference, form: str, target: Path) -> Path:
    """Writes a model for use elsewhere: a file (weights.h5, keras), or a folder (ckpt, preset, hugging-face).

    Only the weights go along, in float32; a preset and a Hugging Face folder carry vocabulary and card as well.

    Args:
        target: the folder, or the file, whose ending is added where it lacks it; the folder around it is made.

    Returns:
        What was written.

    Raises:
        EngineError: no such form, or something stands at the target already. StorageError: the disk refuses.
    """
    with _storage_errors(target.parent):
        return _export(reference, form, target, lambda weights_bytes: require_space(target.parent, weights_bytes))


def _export(reference: ModelReference, form: str, target: Path, require: Callable[[int], None]) -> Path:
    """As `export`; `require` is told how many bytes will be written, before any is."""
    if form not in EXPORTS:
        raise EngineError("The format must be one of {known}; received {value}.", known=", ".join(EXPORTS), value=form)
    ending = _ENDINGS.get(form, "")
    target = target.with_name(target.name.removesuffix(ending) + ending)
    taken = EngineError("{path} is there already: choose another name.", path=target)
    if target.exists():
        raise taken
    target.parent.mkdir(parents=True, exist_ok=True)
    model, _ = loading.load(reference)
    require(disk_bytes(model.backbone, form))
    if ending:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
            save(model, Path(folder), form)
            (file,) = Path(folder).iterdir()
            if form == KERAS:  # Keras looks for its own members alone: who opens it as a zip finds what it is
                with zipfile.ZipFile(file, "a") as archive:
                    archive.writestr("README.md", card(reference, form))
            sync(file)
            replace(file, target)
        return target
    if form == PRESET:
        loading.save_preset(model, *_vocabulary(reference), target, card(reference, form))
        return target
    try:
        with staged_folder(target, exclusive=True) as staging:
            if form == CKPT:
                save(model, staging, CKPT)
            else:
                vocabulary, merges = _vocabulary(reference)
                loading.with_preprocessor(model, vocabulary, merges).export_to_transformers(str(staging))
                hugging_face.complete(staging, vocabulary, merges)
            (staging / "README.md").write_text(card(reference, form), encoding="utf-8")
    except FileExistsError as error:
        if error.filename != str(target):
            raise
        raise taken from error  # somebody exported to it at the same time
    return target


def disk_bytes(backbone: Backbone, form: str) -> int:
    """Estimates how much disk a backbone's weights take while they are written, in one of EXPORTS and in float32."""
    weights = backbone.count_params()
    if form == KERAS:
        weights *= 2  # where memory is short, Keras writes the weights beside the archive first
    elif form == HUGGING_FACE:
        weights += backbone.vocabulary_size * backbone.hidden_dim  # the tied embeddings stand there as lm_head too
    return 4 * weights + _BESIDE_WEIGHTS_BYTES


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    """Whatever the disk refuses as a StorageError, also where a library says so in an error of its own (safetensors)."""
    try:
        with storage_errors(folder):
            yield
    except EngineError:
        raise
    except Exception as error:
        if is_full(error):
            raise full(folder) from error
        if isinstance(error, OSError):
            raise StorageError("Nothing can be written in {path}: {reason}", path=folder, reason=error) from error
        raise


def _vocabulary(reference: ModelReference) -> tuple[dict[str, int], list[tuple[str, str]]]:
    return tokenizers.assets(loading.vocabulary_folder(reference.preset))


def pack(reference: ModelReference, form: str, root: Path, most_bytes: int | None = None) -> Path:
    """An export as one file under `root/.exports`, whose name cannot be guessed; those of a day ago are removed.

    Args:
        most_bytes: what all files kept there may take together with this one; None = what the disk has room for.

    Raises:
        EngineError: no such form, or too many files are kept. StorageError: the disk refuses.
    """
    folder = root / EXPORTS_FOLDER

    def require(weights_bytes: int) -> None:
        if most_bytes is not None and size(folder) + weights_bytes > most_bytes:
            raise EngineError(
                "There is no room for another export: those that are kept may take {most} MB together, and each goes a day "
                "after it was written. The owner's code lifts the limit.",
                most=round(most_bytes / 1e6),
            )
        require_space(folder, (1 if form in _ENDINGS else 2) * weights_bytes)  # a folder, and the zip file of it

    with _storage_errors(root):
        clear_old(folder, _EXPORT_SECONDS)
        stem = f"{reference.reference.replace('/', '-')}-{secrets.token_hex(8)}"
        exported = _export(reference, form, folder / stem, require)
        if exported.is_file():
            return exported
        archive, temporary = folder / f"{stem}.zip", folder / f".{stem}.tmp"
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:  # weights hardly shrink
                for path in sorted(exported.rglob("*")):
                    if path.is_file():
                        packed.write(path, path.relative_to(exported).as_posix())
            replace(temporary, archive)
        finally:
            temporary.unlink(missing_ok=True)
            shutil.rmtree(exported, ignore_errors=True)
        return archive


def card(reference: ModelReference, form: str = "") -> str:
    """A model card in Markdown, filled from the checkpoint's manifest, of a preset its own.

    Args:
        form: of the export that it goes with: how that is used comes along; "" = of none.
    """
    how = usage.markdown(form, reference.preset, loading.vocabulary_folder(reference.preset)) if form else ""
    if reference.checkpoint is None:
        return (catalogue.card(reference.preset) or f"# {reference.preset.title}\n") + how
    manifest: dict[str, Any] = reference.checkpoint.manifest
    first, last = (manifest.get("articles") or [None, None])[:2]
    stages = [
        _stage(s["articles"], s["first_article"], s["last_article"], s.get("epochs"), s["tokens"], s.get("method"))
        for s in manifest.get("lineage", [])
    ]
    stages.append(_stage(manifest.get("source"), first, last, manifest.get("epochs"), manifest.get("tokens", 0)))
    lines = [
        f"# {reference.reference}",
        "",
        "GPT-2 fine-tuned on scientific articles with Atelier. It writes text that sounds like science and is not: no",
        "statement of it may be taken for a finding.",
        "",
        f"- Base: `{reference.preset.title}`, SHA-256 `{manifest['preset']['hash']}`.",
        f"- {'Converted from' if 'converted' in manifest else 'Parent'}: `{manifest.get('parent') or 'the base itself'}`.",
        *(f"- Articles{' before' if stage is not stages[-1] else ''}: {stage}." for stage in stages),
        f"- Trained: {manifest['step']:,} steps, {manifest.get('tokens', 0):,} tokens.",
        f"- Weights: SHA-256 `{reference.hash}`.",
    ]
    for split, figures in manifest.get("metrics", {}).items():
        lines.append(
            f"- On {split} ({figures['evaluated_tokens']:,} tokens): accuracy {figures['accuracy']:.1%}, loss "
            f"{figures['loss']:.3f} nats a token, {figures['bits_per_byte']:.3f} bits per byte."
        )
    if "versions" in manifest:
        lines.append("- Made with " + ", ".join(f"{name} {v}" for name, v in manifest["versions"].items()) + ".")
    return "\n".join(lines) + "\n" + how


def _stage(
    source: str | None,
    first: int | None,
    last: int | None,
    epochs: float | None,
    tokens: int,
    method: str | None = None,
) -> str:
    """What one stage of training saw."""
    if method == IMPORTED or source is None:
        return "unknown, the weights came from elsewhere"
    taken = f"{first or 1}-{last}" if last else "all"
    # It leaves the lab: no folder of this machine stands in it.
    name = source if source.startswith("articles/") else source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return f"{taken} of `{name}`, " + (f"{epochs:.2f} epochs, " if epochs is not None else "") + f"{tokens:,} tokens"
