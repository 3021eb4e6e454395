"""A preset that has changed since a run was made from it: nothing is compared with it as if it were the run's base."""

import json
import shutil

import pytest
from pages_helpers import a_run, open_page, the
from waiting_helpers import until_files_are_later

from engine import __main__ as cli
from engine.core.errors import CheckpointError
from engine.evaluation import measure
from engine.inference import differences
from engine.inference.samples import streaming
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, references
from engine.runs.references import ModelReference

pytestmark = pytest.mark.usefixtures("no_studio")

CHANGED = "is not the one that .* was trained from: its weights have changed since"


@pytest.fixture
def changed(root, tmp_path, tiny_preset):
    """A run of a preset of its own whose weights have been replaced since."""
    preset = tmp_path / "preset"
    shutil.copytree(tiny_preset, preset)
    run = a_run(root, preset=str(preset))
    config = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps({**config, "preset_hash": catalogue.find(preset).hash()}))
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"\0")
    return ModelReference(catalogue.find(preset), checkpoints.of_run(run)[-1])


def test_the_hash_of_a_preset_follows_its_file_also_where_size_and_time_stay(tiny_preset, tmp_path):
    import os

    preset = tmp_path / "preset"
    shutil.copytree(tiny_preset, preset)
    weights = preset / "model.weights.h5"
    was, before = weights.stat(), catalogue.find(preset).hash()
    until_files_are_later(weights, tmp_path / "later")
    weights.write_bytes(b"\0" + weights.read_bytes()[1:])
    os.utime(weights, ns=(was.st_atime_ns, was.st_mtime_ns))
    if os.name != "nt":  # whose time of change is the file's making
        assert catalogue.find(preset).hash() != before


@pytest.mark.parametrize("against", ["base", "checkpoints/presets/gpt2_mini_en"])
def test_evaluate_against_anything_refuses_it(changed, against, sample_folder, capsys):
    articles = ["--articles", str(sample_folder)]
    assert cli.main(["evaluate", "--checkpoint", "one", "--against", against, *articles]) == 1
    assert "its weights have changed since" in capsys.readouterr().err
    assert cli.main(["evaluate", "--checkpoint", str(changed.preset.reference), "--against", "one", *articles]) == 1


def test_so_do_the_microscope_and_the_measurement_of_an_import(changed, sample_folder):
    base = ModelReference(changed.preset)
    for pair in ((base, changed), (changed, base)):
        with pytest.raises(CheckpointError, match=CHANGED):
            differences.largest_differences(pair, str(sample_folder), "test")
    with pytest.raises(CheckpointError, match=CHANGED):
        measure.parity(changed.checkpoint)


def test_the_studio_looks_at_one_such_model_but_not_at_two(changed, monkeypatch):
    from engine.services.inference_server import Studio

    studio = Studio(changed.checkpoint.folder.parent.parent)
    monkeypatch.setattr(studio._models, "get", lambda reference: (references.resolve(reference), None))
    with pytest.raises(CheckpointError, match=CHANGED):
        studio._look({"references": [changed.preset.reference, "one"], "text": "x"}, None)
    with pytest.raises(AttributeError):  # it goes on to the generator, which is none here
        studio._look({"references": ["one"], "text": "x"}, None)


def test_side_by_side_says_it_in_place_of_the_column(changed):
    messages = []

    def find(reference):
        return (changed if reference == "one/4" else ModelReference(changed.preset)), None

    settings = {"temperature": 0, "top_k": 0, "top_p": 1, "seed": 1, "max_new_tokens": 2}
    columns = [{"reference": name, **settings} for name in (changed.preset.reference, "one/4")]
    with pytest.raises(AttributeError):  # the base's column goes on to the generator, which is none here
        list(
            streaming.turns(
                {"columns": columns, "prompt": "x"}, find, lambda kind, **fields: messages.append((kind, fields))
            )
        )
    assert [(kind, fields["column"]) for kind, fields in messages if kind == "error"] == [("error", 1)]
    assert "its weights have changed since" in messages[0][1]["template"]


@pytest.mark.parametrize("page", ["lab", "runs", "time", "copied"])
def test_pages_say_whose_the_figures_of_the_base_are(changed, page):
    app = open_page(page)
    messages = [w.value for w in app.warning if "its weights have changed since" in w.value]
    assert messages and "former weights" in messages[0]


def test_evaluate_tells_the_base_of_a_run_from_the_preset_as_it_is_now(changed, monkeypatch):
    app = open_page("score")
    shown = the(app.dataframe, "model").value
    assert "base · preset (as it was for one)" in list(shown["model"])
    before = lifecycle.find("one").config["preset_hash"]
    assert before[:10] in list(shown["hash"]) and changed.preset.hash() != before


def test_evaluate_measures_nothing_against_it(changed, monkeypatch):
    from engine.services import inference_client

    monkeypatch.setattr(inference_client, "ensure", lambda root=None: pytest.fail("nothing is asked of the studio"))
    app = open_page("score")
    the(app.button, "Measure").click().run()
    assert not app.exception and any("its weights have changed since" in e.value for e in app.error)
