"""Whatever a folder may be called: brackets, stars and question marks in paths; and what can be no path at all."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine import __main__ as cli
from engine.core import paths
from engine.core.errors import StorageError
from engine.exchange import conversion
from engine.exchange.foreign import importing
from engine.models import formats, loading
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, queue, references, states, submission
from engine.runs.references import ModelReference
from engine.runs.settings import RunSettings
from engine.services import worker

AWKWARD = "Cours [L3] été" + ("" if os.name == "nt" else "*? \\d")  # Windows allows none of the latter in a name


@pytest.fixture
def awkward(tmp_path, monkeypatch, tiny_preset, sample_folder):
    """A folder whose name is a pattern, with runs, corpora, preset and articles in it."""
    folder = tmp_path / AWKWARD
    shutil.copytree(tiny_preset, folder / "preset [tiny]")
    shutil.copytree(sample_folder, folder / "articles [a-z]")
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(folder / "checkpoints"))
    monkeypatch.setenv("ATELIER_CORPORA", str(folder / "corpora"))
    (folder / "checkpoints").mkdir()
    return folder


def settings(folder: Path, name: str, **changes) -> RunSettings:
    values = {
        "preset": str(folder / "preset [tiny]"),
        "articles": str(folder / "articles [a-z]"),
        "name": name,
        "steps": 4,
        "evaluate_steps": 2,
        "sequence_length": 32,
        "batch_size": 4,
        "evaluate_tokens": 128,
        "interval_tokens": 64,
        "sample_tokens": 2,
        "learning_rate": 5e-3,
    }
    return RunSettings(**{**values, **changes})


def weights(model: ModelReference) -> np.ndarray:
    return np.concatenate([array.ravel() for array in loading.load(model)[0].get_weights()])


@pytest.mark.slow
def test_a_run_in_a_folder_with_brackets_is_finished_resumed_read_converted_exported_and_imported(
    awkward, tmp_path, capsys, looking, only_trains
):
    run = submission.submit(settings(awkward, "one"))
    worker.work(run)
    assert run.state().state == states.FINISHED, run.state().error
    model = references.resolve("one")
    assert model.checkpoint.format == checkpoints.CKPT
    wanted = weights(model)

    # Resume: the last checkpoint goes, the run goes on from the one before it and ends where it did.
    shutil.rmtree(model.checkpoint.folder)
    run.write_state(state=states.INTERRUPTED, step=2)
    run.request_resume()
    worker.work(lifecycle.find("one"))
    assert lifecycle.find("one").state().state == states.FINISHED
    assert np.array_equal(weights(references.resolve("one")), wanted)

    for form in (checkpoints.H5, checkpoints.KERAS):
        there = conversion.convert(references.resolve("one"), form, f"as-{form}")
        back = conversion.convert(references.resolve(there.reference), checkpoints.CKPT, f"back-{form}")
        assert np.array_equal(weights(references.resolve(back.reference)), wanted)

    preset = str(awkward / "preset [tiny]")
    for form in formats.EXPORTS:
        out = formats.export(references.resolve("one"), form, awkward / f"out [{form}]")
        if form in (formats.PRESET, formats.HUGGING_FACE):
            assert np.array_equal(weights(ModelReference(catalogue.find(out))), wanted)
        else:
            imported = importing.import_checkpoint(out, f"from-{form}", preset, validator=looking)
            assert np.array_equal(weights(references.resolve(imported.reference)), wanted)

    # A prefix whose own name has brackets, as TensorFlow's users give it.
    for file in (awkward / "out [ckpt]").glob("model.ckpt.*"):
        shutil.copyfile(file, awkward / file.name.replace("model", "theirs [2]"))
    imported = importing.import_checkpoint(awkward / "theirs [2].ckpt", "theirs", preset, validator=looking)
    assert np.array_equal(weights(references.resolve(imported.reference)), wanted)
    assert len(lifecycle.find("theirs").config["imported"]["files"]) == 2

    packed = formats.pack(references.resolve("one"), checkpoints.CKPT, paths.checkpoints_root())
    imported = importing.import_checkpoint(packed, "packed", preset, validator=looking)
    assert np.array_equal(weights(references.resolve(imported.reference)), wanted)

    articles = str(awkward / "articles [a-z]")
    assert cli.main(["evaluate", "--checkpoint", "one", "--against", "base", "--articles", articles]) == 0
    assert cli.main(["generate", "--checkpoint", "one", "--prompt", "the cells", "--max-new-tokens", "3"]) == 0
    assert cli.main(["checkpoints", "--verify"]) == 0
    again = queue.clone(lifecycle.find("one"), name="two")
    worker.work(again)
    assert again.state().state == states.FINISHED, again.state().error
    capsys.readouterr()


@pytest.mark.slow
def test_checkpoints_that_were_written_in_a_folder_with_brackets_before_are_read_again(awkward, tmp_path, only_trains):
    """They are whole: what wrote them never took the path for a pattern. Here written elsewhere and moved there."""
    plain = tmp_path / "plain"
    plain.mkdir()
    run = submission.submit(settings(awkward, "moved"), plain)
    worker.work(run)
    wanted = weights(references.resolve("moved", plain))
    shutil.move(run.folder, paths.checkpoints_root())
    assert np.array_equal(weights(references.resolve("moved")), wanted)


def test_a_prefix_without_patterns_is_itself_and_nothing_stays_of_the_links(tmp_path):
    (tmp_path / "m.index").touch()
    with paths.without_pattern(tmp_path / "m") as prefix:
        assert prefix == tmp_path / "m"
    (tmp_path / "[L3]").mkdir()
    (tmp_path / "[L3]" / "m.index").write_text("index")
    with paths.without_pattern(tmp_path / "[L3]" / "m") as prefix:
        assert "[" not in str(prefix) and prefix.with_name("model.ckpt.index").read_text() == "index"
    assert not prefix.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows links by other means")
def test_where_temporary_files_lie_in_brackets_too_another_place_is_taken_or_the_sentence_said(tmp_path, monkeypatch):
    (tmp_path / "[L3]").mkdir()
    (tmp_path / "[L3]" / "m.index").write_text("index")
    monkeypatch.setattr(paths.tempfile, "tempdir", str(tmp_path / "[L3]"))
    with paths.without_pattern(tmp_path / "[L3]" / "m") as prefix:
        assert prefix.with_name("model.ckpt.index").read_text() == "index"

    def refused(self, *target, **options):
        raise OSError("no links here")

    for name in ("symlink_to", "hardlink_to"):
        monkeypatch.setattr(Path, name, refused)
    with paths.without_pattern(tmp_path / "[L3]" / "m") as prefix:  # copied
        assert not prefix.with_name("model.ckpt.index").is_symlink()
        assert prefix.with_name("model.ckpt.index").read_text() == "index"
    monkeypatch.setattr(shutil, "copyfile", refused)
    with pytest.raises(StorageError, match="brackets in its path"), paths.without_pattern(tmp_path / "[L3]" / "m"):
        pass
