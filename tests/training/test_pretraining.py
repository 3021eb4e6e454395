"""Pretraining from nothing: what is held out is never seen, and an interrupted or a longer run ends as an undisturbed one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest

from engine.core.errors import RunError, SettingsError
from engine.core.files import sha256
from engine.presets import tokenizers
from engine.runs import checkpoints, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import PRETRAINING
from engine.training import loop, pretraining, saver, schedules
from engine.training.pretraining import Settings

pytestmark = pytest.mark.usefixtures("without_xla")

SMALL = Settings(
    tokens=40 * 2 * 16,
    vocabulary_size=300,
    num_layers=1,
    num_heads=2,
    hidden_dim=16,
    sequence_length=16,
    batch_size=2,
    warmup_steps=4,
    hold_out=("held",),
    checkpoint_steps=10,
)


LONGER = replace(SMALL, tokens=60 * 2 * 16)


class Undisturbed(NamedTuple):
    """A pretraining that was not cut off.

    Attributes:
        preset: what it has written. figures: what it has said at its end. seen: its progress.
        left: step → what would have been left beside the preset, had it been killed when it had saved there.
    """

    preset: Path
    figures: dict
    seen: list
    left: dict[int, Path]


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    rng = np.random.default_rng(3)
    words = ["the", "sea", "rose", "and", "old", "captain", "spoke", "slowly", "of", "home"]
    for name in ("one", "two", "held"):
        lines = (" ".join(rng.choice(words, 9)) + ".\n" for _ in range(60))
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    with (folder / "held.txt").open("a", encoding="utf-8") as file:
        file.write("zyzzyva " * 40)
    return folder


def undisturbed(books, root, settings) -> Undisturbed:
    seen, left = [], {}

    def on_progress(progress):
        seen.append(progress)
        if progress.held_out:
            left[progress.done] = root / f"left-{progress.done}"
            shutil.copytree(root / ".preset.pretraining", left[progress.done])

    return Undisturbed(root / "preset", pretraining.pretrain(books, root / "preset", settings, on_progress), seen, left)


@pytest.fixture(scope="module")
def whole(books, tmp_path_factory, without_xla) -> Undisturbed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "REPORT_SECONDS", 0)
        return undisturbed(books, tmp_path_factory.mktemp("whole"), SMALL)


@pytest.fixture(scope="module")
def longer(books, tmp_path_factory, without_xla) -> Undisturbed:
    return undisturbed(books, tmp_path_factory.mktemp("longer"), LONGER)


def killed(left: Path, preset: Path) -> Run:
    """A pretraining of `preset` that was killed with this left."""
    return Run(shutil.copytree(left, preset.with_name(f".{preset.name}.pretraining")))


def weights(preset):
    found = {}
    with h5py.File(preset / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def same(first, second):
    first, second = weights(first), weights(second)
    assert first.keys() == second.keys()
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_an_interrupted_pretraining_ends_with_the_same_weights(books, whole, tmp_path):
    run = killed(whole.left[20], tmp_path / "cut")
    kept = []
    figures = pretraining.pretrain(
        books, tmp_path / "cut", SMALL, lambda p: kept.append([e["step"] for e in run.events("checkpoint")])
    )
    assert same(whole.preset, tmp_path / "cut")
    assert figures == whole.figures and figures["tokens"] == SMALL.tokens
    assert kept[-1] == [10, 20, 30], "it went on where it was"
    assert not list(tmp_path.glob(".*.pretraining"))


def test_its_folder_is_a_runs(whole):
    """Its settings, its events and its checkpoints are read as those of any other."""
    run = Run(whole.left[30])
    settings = run.settings
    assert (settings.method, settings.steps, settings.sequence_length, settings.batch_size) == (PRETRAINING, 40, 16, 2)
    assert run.config[PRETRAINING]["hold_out"] == ["held"]
    assert (run.stored_state().state, run.stored_state().step) == (states.RUNNING, 30)
    history = shared.of(run.folder)
    assert history.steps["step"].tolist() == list(range(1, 31)) and not history.damaged and not history.unknown
    rates = [schedules.warmup_constant_decay(step, SMALL.learning_rate, 4, 10, 40) for step in range(30)]
    assert history.steps["learning_rate"].tolist() == rates
    assert [e["step"] for e in history.at_intervals()] == [10, 20, 30]
    newest = checkpoints.newest_verified(run, fresh=True)
    assert newest.step == 30 and newest.manifest["tokens"] == run.events("step")[-1]["tokens"] > 900
    assert newest.manifest["metrics"]["validation"]["loss"] == history.at_intervals()[-1]["loss"]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(books, whole, tmp_path):
    """Before, a pretraining whose last save was damaged began anew."""
    run = killed(whole.left[30], tmp_path / "cut")
    weights = run.folder / "step-00000030" / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:-1])
    if not (run.folder / "step-00000020").exists():  # it was not the best: take it from where it was the newest
        shutil.copytree(whole.left[20] / "step-00000020", run.folder / "step-00000020")
    said = []
    pretraining.pretrain(books, tmp_path / "cut", SMALL, lambda p: said.append(run.events("resume", "damaged")))
    assert [(event["kind"], event.get("step")) for event in said[0]] == [("resume", 20), ("damaged", None)]
    assert same(whole.preset, tmp_path / "cut")


def test_what_version_02_kept_of_one_is_gone_on_from(books, whole, tmp_path):
    """All weights and moments in one file, beside it the step, the tokens and the file's hash; no events, no settings."""
    model = pretraining.new_model(SMALL)
    saver.restore(model, checkpoints.newest_verified(Run(whole.left[20])))
    work = tmp_path / ".cut.pretraining"
    (work / "state").mkdir(parents=True)
    shutil.copy(whole.left[20] / "vocabulary.json", work)
    model.save_weights(work / "state" / "model.weights.h5")
    facts = {"step": 20, "tokens": SMALL.tokens, "sha256": sha256(work / "state" / "model.weights.h5")}
    (work / "state" / "state.json").write_text(json.dumps(facts), encoding="utf-8")
    steps = []
    pretraining.pretrain(books, tmp_path / "cut", SMALL, lambda p: steps.append(p.done))
    assert min(steps) == 20 and same(whole.preset, tmp_path / "cut")


def test_two_at_once_are_refused(books, whole, tmp_path):
    run = killed(whole.left[20], tmp_path / "cut")
    with run.taken() as mine:
        assert mine
        with pytest.raises(RunError, match="Another process pretrains"):
            pretraining.pretrain(books, tmp_path / "cut", SMALL)
        with pytest.raises(RunError, match="Another process pretrains"):  # whose folder would go
            pretraining.pretrain(books, tmp_path / "cut", replace(SMALL, seed=2))
    assert checkpoints.newest_verified(run).step == 20


def test_values_that_no_run_may_have_are_named_before_anything_is_written(books, tmp_path):
    with pytest.raises(SettingsError, match="batch_size"):
        pretraining.pretrain(books, tmp_path / "preset", replace(SMALL, batch_size=5000, tokens=5000 * 16))
    assert not list(tmp_path.iterdir())


def test_a_run_can_be_made_longer_before_its_rate_falls_and_not_after(books, whole, longer, tmp_path):
    killed(whole.left[30], tmp_path / "extended")
    pretraining.pretrain(books, tmp_path / "extended", LONGER)
    assert same(longer.preset, tmp_path / "extended")
    killed(longer.left[50], tmp_path / "late")
    with pytest.raises(SettingsError, match="falls towards 1920 tokens at step 50 already"):
        pretraining.pretrain(books, tmp_path / "late", SMALL)


def test_held_out_books_give_the_figures_and_are_not_in_the_vocabulary(books, whole):
    tokenizer = tokenizers.load(whole.preset)
    held_out = tokenizer.encode((books / "held.txt").read_text(encoding="utf-8"))
    assert whole.figures["evaluated_tokens"] == len(held_out)
    assert len(tokenizer.encode(" zyzzyva")) > 4  # eight times more frequent than a merge needs, had it been read
    assert [p.done for p in whole.seen if p.held_out] == [10, 20, 30]


def test_the_rate_is_constant_until_it_falls():
    rates = [schedules.warmup_constant_decay(step, 1.0, 4, 10, 40) for step in range(41)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[5:31] == [1.0] * 26
    assert rates[31:] == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
    assert schedules.warmup_constant_decay(20, 1.0, 4, 10, 400) == rates[20]
