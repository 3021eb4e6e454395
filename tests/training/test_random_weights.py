"""A run from random weights: what it begins with is measured, its base stays the preset, and it goes on exactly."""

import dataclasses

import pytest
from training_helpers import cut_off_at, ends_alike, settings_of

from engine.core.errors import SettingsError
from engine.runs import checkpoints, lifecycle, queue, submission
from engine.runs.history import shared, snapshots
from engine.runs.settings import FROM_PRESET, RANDOM
from engine.services import worker
from engine.training import loop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both(tmp_path_factory, tiny_preset, sample_folder):
    """The same training from random weights and from the preset's."""
    root = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(root))
        patch.setenv("ATELIER_CORPORA", str(root / ".corpora"))
        patch.setattr(loop, "REPORT_SECONDS", 0.0)  # the loss of each step
        runs = []
        for name, weights in (("random", RANDOM), ("preset", FROM_PRESET)):
            run = submission.submit(
                settings_of(tiny_preset, sample_folder, name=name, initial_weights=weights, dropout=0.1)
            )
            worker.work(run)
            runs.append(run)
        yield runs


def losses(run, model: str) -> dict[int, float]:
    return {e["step"]: e["loss"] for e in shared.of(run.folder).at_intervals() if e["model"] == model}


def test_its_base_is_the_presets_and_its_curve_begins_at_what_it_begins_with(both):
    random, preset = both
    assert losses(random, "base") == losses(preset, "base")
    begun = losses(random, "parent")
    assert list(begun) == [0] and begun[0] != losses(random, "base")[0]
    _base, own = shared.of(random.folder).on_validation()
    assert [(e["model"], e["step"]) for e in own] == [("parent", 0), ("run", 3), ("run", 6)]
    assert losses(random, "run")[6] < begun[0]
    assert losses(random, "run")[6] != losses(preset, "run")[6]


def test_it_is_frozen_in_its_configuration_and_shown_where_the_run_begins(both):
    from ui.readers import folders

    random, preset = both
    assert random.config["initial_weights"] == RANDOM and random.settings.initial_weights == RANDOM
    assert preset.settings.initial_weights == FROM_PRESET
    first = [s for s in snapshots.of_run(random, shared.of(random.folder)) if s.is_parent]
    assert [folders.snapshot_title(snapshot) for snapshot in first] == ["random weights"]


def test_a_run_of_an_earlier_version_began_with_its_preset(both):
    from engine.runs import settings

    config = {name: value for name, value in both[1].config.items() if name != "initial_weights"}
    assert settings.from_json(config).initial_weights == FROM_PRESET


def test_it_goes_on_as_if_it_had_not_been_cut_off(both, tiny_preset, sample_folder, root, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    cut = submission.submit(settings_of(tiny_preset, sample_folder, name="cut", initial_weights=RANDOM, dropout=0.1))
    cut_off_at(cut, 3)
    worker.work(cut)
    assert ends_alike(cut, both[0])


def test_what_goes_on_from_its_checkpoint_begins_there(both):
    run = both[0]
    settings = queue.from_checkpoint(f"{run.name}/6", run.folder.parent, steps=2)
    assert (settings.initial_weights, settings.parent) == (FROM_PRESET, f"{run.name}/6")
    assert queue.again(run, steps=2).initial_weights == RANDOM
    assert checkpoints.of_run(lifecycle.find(run.name, run.folder.parent))[-1].manifest.get("parent_hash") is None


@pytest.mark.parametrize("change", [{"parent": "one/4"}, {"lora_rank": 4}])
def test_random_weights_go_with_no_checkpoint_and_no_adapters(tiny_preset, sample_folder, change):
    settings = settings_of(tiny_preset, sample_folder, initial_weights=RANDOM)
    with pytest.raises(SettingsError, match="andom weights"):
        dataclasses.replace(settings, **change)
