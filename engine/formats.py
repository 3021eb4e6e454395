"""The three formats of a checkpoint's weights, written and read back to the same logits, and what leaves the lab.

ckpt         tf.train.Checkpoint of backbone and optimizer: the original report's `.ckpt`
weights.h5   the backbone's weights, as a keras-hub preset keeps them
keras        Keras's archive of the backbone; read here for its weights alone, never with `load_model`

Whatever the format, `training.npz` beside it holds what the format leaves out, so that a resume is exact.
"""

import errno
import os
import secrets
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from engine import checkpoints, models, presets, tokenizers
from engine.backend import keras_hub
from engine.checkpoints import CKPT, H5, KERAS, ModelReference
from engine.errors import CheckpointError, EngineError
from engine.files import clear_old, replace, staged_folder, storage_errors, write_bytes
from engine.settings import IMPORTED

PRESET, HUGGING_FACE = "preset", "hugging-face"
EXPORTS_FOLDER = ".exports"  # beside the runs
_EXPORT_SECONDS = 24 * 3600
EXPORTS = (*checkpoints.FORMATS, PRESET, HUGGING_FACE)


def keeps_optimizer(form: str, lora_rank: int = 0) -> bool:
    """Whether the format itself holds the optimizer. Of a LoRA run a `.ckpt` holds the merged weights alone."""
    return form == CKPT and not lora_rank


def save(model, folder: Path, form: str, lora_rank: int = 0) -> None:
    """Writes the weights of a GPT2CausalLM, adapters merged; with `ckpt` the built optimizer too."""
    backbone = model.backbone
    if form == H5:
        backbone.save_weights(folder / checkpoints.WEIGHTS)
    elif form == KERAS:
        _merged(backbone, lora_rank).save(folder / "model.keras")
    elif keeps_optimizer(form, lora_rank) and getattr(model, "optimizer", None) is not None:
        _write(tf.train.Checkpoint(model=backbone, optimizer=model.optimizer), folder)
    else:
        _write(tf.train.Checkpoint(model=_merged(backbone, lora_rank)), folder)


def _write(checkpoint: tf.train.Checkpoint, folder: Path) -> None:
    try:
        checkpoint.write(str(folder / "model.ckpt"))
    except tf.errors.ResourceExhaustedError as error:  # TensorFlow's name for a full disk, and for full memory
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error


def _merged(backbone, lora_rank: int):
    """The backbone itself, or a plain one that holds its weights with the adapters added in."""
    if not lora_rank:
        return backbone
    plain = keras_hub.models.GPT2Backbone.from_config(backbone.get_config())
    with tempfile.TemporaryDirectory() as folder:
        backbone.save_weights(Path(folder) / checkpoints.WEIGHTS)  # Keras merges LoRA here
        plain.load_weights(Path(folder) / checkpoints.WEIGHTS)
    return plain


def restore(model, folder: Path, form: str) -> None:
    """Reads the weights back into a compiled GPT2CausalLM, from `ckpt` with its built optimizer.

    Raises:
        CheckpointError: they do not fit.
    """
    if form == CKPT:
        try:
            status = tf.train.Checkpoint(model=model.backbone, optimizer=model.optimizer).read(
                str(folder / "model.ckpt")
            )
            status.assert_existing_objects_matched()
        except (AssertionError, tf.errors.OpError, ValueError) as error:
            raise _misfit(folder, error) from error
    else:
        models.read_weights(model.backbone, folder, form)


def _misfit(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError("The weights in {folder} do not fit: {reason}", folder=folder, reason=str(error)[:300])


def export(reference: ModelReference, form: str, target: Path) -> Path:
    """Writes a model for use elsewhere: a file (weights.h5, keras), or a folder (ckpt, preset, hugging-face).

    Only the weights go along, in float32; a preset and a Hugging Face folder carry vocabulary and card as well.

    Raises:
        EngineError: no such form, or something stands at the target already. StorageError: the disk refuses.
    """
    if form not in EXPORTS:
        raise EngineError("The format must be one of {known}; received {value}.", known=", ".join(EXPORTS), value=form)
    if target.exists():
        raise EngineError("{path} is there already: choose another name.", path=target)
    model, _ = models.load(reference)
    if form in (H5, KERAS):
        ending = ".weights.h5" if form == H5 else ".keras"
        if not target.name.endswith(ending):
            target = target.with_name(target.name + ending)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            save(model, Path(folder), form)
            (file,) = Path(folder).iterdir()
            write_bytes(target, file.read_bytes())
        return target
    if form == CKPT:
        with staged_folder(target) as staging:
            save(model, staging, CKPT)
            (staging / "README.md").write_text(card(reference), encoding="utf-8")
        return target
    vocabulary, merges = tokenizers.assets(_vocabulary_folder(reference))
    if form == PRESET:
        models.save_preset(model, vocabulary, merges, target, card(reference))
        return target
    with staged_folder(target) as staging:
        models.with_preprocessor(model, vocabulary, merges).export_to_transformers(str(staging))
        (staging / "README.md").write_text(card(reference), encoding="utf-8")
    return target


def pack(reference: ModelReference, form: str, root: Path) -> Path:
    """An export as one file under `root/.exports`, whose name cannot be guessed; those of a day ago are removed.

    Raises:
        EngineError: no such form. StorageError: the disk refuses.
    """
    folder = root / EXPORTS_FOLDER
    with storage_errors(root):
        clear_old(folder, _EXPORT_SECONDS)
        stem = f"{reference.reference.replace('/', '-')}-{secrets.token_hex(8)}"
        written = export(reference, form, folder / stem)
        if written.is_file():
            return written
        archive = folder / f"{stem}.zip"
        temporary = folder / f".{stem}.tmp"
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as packed:  # weights hardly shrink
            for path in sorted(written.rglob("*")):
                if path.is_file():
                    packed.write(path, path.relative_to(written).as_posix())
        replace(temporary, archive)
        shutil.rmtree(written)
        return archive


def _vocabulary_folder(reference: ModelReference) -> Path:
    folder = reference.preset.folder
    if folder is None:
        raise EngineError(
            "{preset} is a name, not a folder: save it as a folder first, so that its vocabulary can go along.",
            preset=reference.preset.reference,
        )
    return folder


def card(reference: ModelReference) -> str:
    """A model card in Markdown, filled from the checkpoint's manifest; of a preset its own."""
    if reference.checkpoint is None:
        return presets.card(reference.preset) or f"# {reference.preset.title}\n"
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
        f"- Base: `{reference.preset.reference}`, SHA-256 `{manifest['preset']['hash']}`.",
        f"- Parent: `{manifest.get('parent') or 'the base itself'}`.",
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
    return "\n".join(lines) + "\n"


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
    return f"{taken} of `{source}`, " + (f"{epochs:.2f} epochs, " if epochs is not None else "") + f"{tokens:,} tokens"
