"""A checkpoint of the lab → the same weights in another format, as a run of its own beside the one it came from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.core import paths
from engine.core.errors import CheckpointError, EngineError
from engine.core.files import require_space
from engine.models import formats, loading
from engine.models.protocols import CausalLM
from engine.runs import checkpoints, external, lifecycle
from engine.runs.checkpoints import Checkpoint
from engine.runs.references import ModelReference
from engine.runs.settings import CHECKPOINT_FORMATS, IMPORTED

_SHORT = {checkpoints.CKPT: "ckpt", checkpoints.H5: "h5", checkpoints.KERAS: "keras"}
_CARRIED = (
    "tokens",
    "seconds",
    "source",
    "articles",
    "corpus",
    "preset",
    "metrics",
    "interval_metrics",
    "config_hash",
    "epochs",
    "lineage",
)


def convert(reference: ModelReference, form: str, name: str = "", root: Path | None = None) -> Checkpoint:
    """Keeps the weights of a checkpoint in another format, verified by reading them back.

    The optimizer stays behind: whatever goes on from a checkpoint of another run begins with a fresh one.

    Args:
        name: of the run that it becomes; "" = RUN-STEP-as-FORMAT.

    Returns:
        The checkpoint, of the same step and with the same figures, whose parent is the one it came from.

    Raises:
        EngineError: no such format, a base model, or the format it has already. RunError, SettingsError: the name is
            taken, or is none. CheckpointError: it is damaged. StorageError: no room.
    """
    root = root or paths.checkpoints_root()
    source = reference.checkpoint
    if source is None:
        raise EngineError("{name} is a base model, not a checkpoint of a run: export it.", name=reference.reference)
    if form not in CHECKPOINT_FORMATS:
        known = ", ".join(CHECKPOINT_FORMATS)
        raise EngineError("The format must be one of {known}; received {value}.", known=known, value=form)
    if form == source.format:
        raise EngineError("{name} is kept as {form} already.", name=source.reference, form=form)
    run = lifecycle.find(source.run, root)
    settings = replace(
        run.settings,
        name=name or f"{source.run[:40]}-{source.step}-as-{_SHORT[form]}",
        parent=source.reference,
        after=None,
        plan="",
        steps=None,
        epochs=None,
        minutes=None,
        method=IMPORTED,
        checkpoint_format=form,
    )
    external.require_free(settings.name, root)
    model, _ = loading.load(reference)
    require_space(root, formats.disk_bytes(model.backbone, form))

    def write(folder: Path) -> None:
        formats.save(model, folder, form)
        fresh, _ = loading.load(ModelReference(reference.preset))
        loading.read_weights(fresh.backbone, folder, form)
        if any((ours != theirs).any() for ours, theirs in zip(*map(_weights, (model, fresh)), strict=True)):
            raise CheckpointError("{name} reads back other than it was written.", name=settings.name)

    method = run.config.get("converted", {}).get("method", run.settings.method)
    origin = {"from": source.reference, "format": source.format, "sha256": source.hash, "method": method}
    carried = {key: source.manifest[key] for key in _CARRIED if key in source.manifest}
    facts = {
        "format": form,
        "step": source.step,
        **carried,
        "parent": source.reference,
        "parent_hash": source.hash,
    }
    return external.keep(settings, root, ("converted", origin), facts, write, run.config.get("lineage"))


def _weights(model: CausalLM) -> list[Any]:
    return model.backbone.get_weights()
