"""Imports a file of weights from elsewhere: a checkpoint of the lab, once it has been inspected.

It becomes a run that was not trained here, with one checkpoint at step 0, so that it can be compared, evaluated, continued
and exported like any other.
"""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from engine.core import paths
from engine.core.errors import PresetError
from engine.core.files import storage_errors
from engine.core.folders import clear_old
from engine.core.progress import OnProgress, ignore
from engine.exchange.foreign.validator import Inspection, Validator
from engine.presets import catalogue
from engine.presets.catalogue import Preset
from engine.runs import checkpoints, external, lifecycle, references
from engine.runs.checkpoints import Checkpoint
from engine.runs.looks import Look
from engine.runs.settings import IMPORTED, RunSettings

IMPORTS_FOLDER = ".imports"  # beside the runs: what is being unpacked
_IMPORT_SECONDS = 3600


def known_presets(root: Path | None = None, found: list[Look] | None = None) -> list[Preset]:
    """The presets that a file may fit: those on this machine, with those of the hub that were fetched.

    Args:
        found: every run, where somebody has just looked.
    """
    hub = [preset for preset in map(catalogue.find, catalogue.HUB_NAMES) if catalogue.cached(preset)]
    return list({preset.reference: preset for preset in [*references.bases(root, found), *hub]}.values())


def import_checkpoint(
    path: Path,
    name: str = "",
    preset: str = "",
    root: Path | None = None,
    on_progress: OnProgress = ignore,
    validator: Validator | None = None,
) -> Checkpoint:
    """Inspects a file of weights and saves it as the checkpoint NAME/0.

    Args:
        path: a Hugging Face or keras-hub folder, .safetensors, a .ckpt folder or prefix, a zip of one of these, .keras,
            .weights.h5 or .h5.
        name: of the run; from the file's name where it is "".
        preset: what it was trained from; "" = the first of the known ones that it fits.
        validator: one that is at work already.

    Raises:
        CheckpointError: it is no such file, or fits no preset. RunError, SettingsError: the name is taken, or no name.
        PresetError: no such preset. StorageError: no room.
    """
    root = root or paths.checkpoints_root()
    automatic, name = not name, name or lifecycle.fresh_name(_stem(path.name), root)
    candidates = [catalogue.find(preset)] if preset else known_presets(root)
    if not candidates:
        raise PresetError("There is no preset here that it could fit: give the one that it was trained from.")
    articles = paths.portable(paths.SAMPLE_ARTICLES)  # what it will be measured on
    settings = RunSettings(candidates[0].reference, articles, name, method=IMPORTED, checkpoint_format=checkpoints.H5)
    external.require_free(name, root)
    with scratch_folder(root) as folder, contextlib.ExitStack() as stack:
        out = folder / "clean.weights.h5"
        (unpacked := folder / "unpacked").mkdir()
        looking = validator or stack.enter_context(Validator())
        inspection = looking.check(path, candidates, unpacked, out, on_progress)
        fitting = next(c for c in candidates if c.reference == inspection.fits[0])
        settings = replace(settings, preset=fitting.reference)
        if not automatic:
            return _keep(path, settings, root, fitting, inspection, out)
        with lifecycle.naming(root):  # of several imports at the same instant each has a name of its own
            settings = replace(settings, name=lifecycle.fresh_name(_stem(path.name), root))
            return _keep(path, settings, root, fitting, inspection, out)


@contextlib.contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """A folder for what an import needs for a while, beside the runs; what one that was cut off has left goes first.

    Raises:
        StorageError: no rights or no space, also for what the block writes.
    """
    with storage_errors(root):
        clear_old(root / IMPORTS_FOLDER, _IMPORT_SECONDS)
        with tempfile.TemporaryDirectory(dir=root / IMPORTS_FOLDER) as folder:
            yield Path(folder)


def _stem(file_name: str) -> str:
    stem = re.sub(r"(\.weights)?\.(h5|keras|safetensors|ckpt|zip|index|data-\d+-of-\d+)", "", file_name)
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:30] or "imported"


def _keep(
    path: Path, settings: RunSettings, root: Path, preset: Preset, inspection: Inspection, weights: Path
) -> Checkpoint:
    imported = {"file": path.name, **{k: v for k, v in asdict(inspection).items() if k != "sizes"}}
    facts = {
        "steps": 0,
        "tokens": 0,
        "seconds": 0.0,
        "preset": catalogue.json_of(preset),
        "parent": None,
        "source": None,
        "metrics": {},
    }
    return external.keep(
        settings,
        root,
        ("imported", imported),
        facts,
        lambda folder: weights.rename(folder / checkpoints.WEIGHTS),
    )
