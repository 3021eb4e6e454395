"""Which model a name means: a preset, a run's result, or RUN/STEP; and whether its base is still the one it had."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from engine.core import paths
from engine.core.errors import CheckpointError, EngineError, PresetError, RunError
from engine.presets import catalogue
from engine.presets.catalogue import Preset
from engine.runs import lifecycle, looks
from engine.runs.checkpoints import Checkpoint, find, of_run, preset_of
from engine.runs.folder import Run
from engine.runs.looks import Look

MOST_NAMED = 10  # runs in a sentence that says which there are


@dataclass(frozen=True)
class ModelReference:
    """A model that can be loaded: a preset's own weights, or a checkpoint's in the preset's architecture.

    Attributes:
        preset: architecture and vocabulary, and the weights where `checkpoint` is None.
        checkpoint: whose weights are used, or None for the base model.
    """

    preset: Preset
    checkpoint: Checkpoint | None = None

    @property
    def is_base(self) -> bool:
        """Whether it is a preset as it ships."""
        return self.checkpoint is None

    @property
    def reference(self) -> str:
        """What `resolve` turns into this again."""
        return self.checkpoint.reference if self.checkpoint else self.preset.reference

    @property
    def hash(self) -> str:
        """SHA-256 of the file of the weights."""
        return self.checkpoint.hash if self.checkpoint else self.preset.hash()

    @property
    def weights_file(self) -> Path | None:
        """The file of the weights; None for a hub name."""
        if self.checkpoint is None:
            return self.preset.weights_file
        return self.checkpoint.folder / self.checkpoint.weights_files[0]


def resolve(reference: str, root: Path | None = None) -> ModelReference:
    """The model that RUN, RUN/STEP or a preset's folder or name means.

    Raises:
        EngineError: neither a run's checkpoint nor a preset.
    """
    try:
        checkpoint = find(reference, root)
    except RunError:
        return ModelReference(_preset(reference, root))
    return ModelReference(catalogue.find(preset_of(checkpoint)["reference"]), checkpoint)


def _preset(reference: str, root: Path | None) -> Preset:
    try:
        return catalogue.find(reference)
    except catalogue.NoSuchPreset:
        name = paths.shortened(reference)
        known = [run.name for run in lifecycle.all_runs(root)[:MOST_NAMED]]
        if not known:
            raise PresetError(
                "There is no run, checkpoint or preset {name}, and no run at all yet.", name=name
            ) from None
        raise PresetError(
            "There is no run, checkpoint or preset {name}. The newest runs are: {runs}.",
            name=name,
            runs=", ".join(known),
        ) from None


def check_base(*models: ModelReference) -> None:
    """Makes sure that the base of each checkpoint is the very preset it was trained from: before one goes on from it, and
    before anything is compared, since what is called its base would be another model.

    Raises:
        CheckpointError: a preset's weights have changed since.
    """
    for model in models:
        if model.checkpoint is not None:
            _check_preset(model.preset, preset_of(model.checkpoint)["hash"], model.checkpoint.reference)


def check_base_of(run: Run) -> None:
    """The same for a run, whose figures and samples of its base are those of the preset as it was.

    Raises:
        CheckpointError: the preset's weights have changed since. PresetError: it is gone.
    """
    if began_with := run.config.get("preset_hash"):
        _check_preset(catalogue.find(run.settings.preset), began_with, run.name)


def _check_preset(preset: Preset, began_with: str, name: str) -> None:
    if began_with != preset.hash():
        raise CheckpointError(
            "The preset {preset} is not the one that {name} was trained from: its weights have changed since. Put its former "
            "files back, or keep the new ones in a folder of their own.",
            preset=preset.reference,
            name=name,
        )


def bases(root: Path | None = None, found: list[Look] | None = None) -> list[Preset]:
    """The presets that are on this machine: those that ship, then those that runs were trained from; `found` as for `models`."""
    presets = {preset.reference: preset for preset in catalogue.shipped()}
    named: dict[str, None] = {}
    for look in looks.of_all(root) if found is None else found:
        with contextlib.suppress(EngineError):
            named[look.run.settings.preset] = None
    for reference in named:  # each looked at once: hundreds of runs have a few between them
        preset = _found(reference)
        if preset is not None and (preset.folder is not None or catalogue.cached(preset)):
            presets.setdefault(preset.reference, preset)
    return list(presets.values())


def _found(reference: str) -> Preset | None:
    """The preset of that name, or None where there is none that can be used."""
    try:
        return catalogue.find(reference)
    except EngineError:
        return None


def models(root: Path | None = None, found: list[Look] | None = None) -> list[ModelReference]:
    """Every model there is: the presets on this machine, then the checkpoints of all runs, newest run first; of each its
    result, then the others from the newest to the oldest.

    Args:
        found: every run, where somebody has just looked.
    """
    found = looks.of_all(root) if found is None else found
    references = [ModelReference(preset) for preset in bases(root, found)]
    known: dict[str, Preset | None] = {}
    for look in found:
        try:
            reference = look.run.settings.preset
        except EngineError:
            continue
        if reference not in known:
            known[reference] = _found(reference)
        if (base := known[reference]) is None:
            continue
        ordered = _result_first(look)
        references.extend(ModelReference(base, checkpoint) for checkpoint in ordered)
    return references


def _result_first(look: Look) -> list[Checkpoint]:
    found = of_run(look.run)
    return sorted(found, key=lambda c: (c.step != look.state.result, -c.step)) if len(found) > 1 else found
