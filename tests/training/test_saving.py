"""When a run saves, and the disk that it needs for it."""

import math

import pytest
from training_helpers import settings_of

from engine.corpus import preparation, windows
from engine.presets import tokenizers
from engine.runs import needs, spacing, submission
from engine.services import worker

pytestmark = pytest.mark.slow


def test_a_save_that_costs_too_much_of_the_training_is_left_out_where_nobody_said_how_often(
    tiny_preset, sample_folder, root, only_trains, monkeypatch
):
    small, large = needs.checkpoint_bytes(2_600_000, 0), needs.checkpoint_bytes(124_000_000, 0)
    assert needs.checkpoint_bytes(124_000_000, lora_rank=4) == large / 3
    assert spacing.worth_saving(small, 3.7, 1, 1)
    assert spacing.worth_saving(large, 3.7, 75, 75)
    assert not spacing.worth_saving(large, 3.7, 70, 1000) and not spacing.worth_saving(large, 3.7, 1000, 70)
    monkeypatch.setattr(spacing, "SMALL_CHECKPOINT_BYTES", 0)  # as if the model were large
    monkeypatch.setattr(spacing, "SAVE_BYTES_PER_SECOND", 1)
    saved = {}
    for every in (0, 2):
        settings = settings_of(tiny_preset, sample_folder, steps=4, evaluate_steps=every, name=f"every-{every}")
        run = submission.submit(settings)
        worker.work(run)
        saved[every] = [event["step"] for event in run.events("checkpoint")]
    assert saved == {0: [4], 2: [2, 4]}
    minute = settings_of(tiny_preset, sample_folder, steps=None, minutes=1.0, evaluate_steps=0)
    assert needs.estimate(minute).checkpoints == 1


@pytest.mark.parametrize(
    ("given", "steps", "interval"),
    [
        ({"steps": 200}, 200, 20),
        ({"minutes": 1.0}, 102, 17),
        ({"minutes": 30.0}, 3000, 300),
        ({"minutes": 0.02}, 21, 21),
    ],
)
def test_a_run_saves_ten_times_but_not_more_often_than_every_ten_seconds(given, steps, interval):
    settings = settings_of("preset", "articles", **{"steps": None, "evaluate_steps": 0, **given})
    assert spacing.interval(settings, steps) == interval


@pytest.mark.parametrize(
    ("given", "checkpoints_at_a_time"),
    [
        ({"steps": 200}, 10),
        ({"steps": 4}, 4),
        ({"steps": 1000, "evaluate_steps": 10}, 100),
        ({"steps": 1000, "evaluate_steps": 10, "keep_checkpoints": 3}, 5),  # the best, and one that is being written
        ({"steps": 2, "keep_checkpoints": 3}, 2),
        ({"minutes": 1.0}, 6),
        ({"epochs": 4.0, "evaluate_steps": 5}, None),  # known since the articles are prepared
    ],
)
def test_the_disk_that_a_run_will_need_follows_from_when_it_saves_and_what_it_keeps(
    tiny_preset, sample_folder, root, given, checkpoints_at_a_time
):
    corpus = preparation.prepare(sample_folder, tokenizers.load(tiny_preset))
    settings = settings_of(
        tiny_preset, sample_folder, **{"steps": None, "evaluate_steps": 0, "keep_checkpoints": 0, **given}
    )
    needed = needs.estimate(settings)
    steps = 4 * windows.count(len(corpus.tokens("train")), 32) / 4
    assert needed.checkpoints == (checkpoints_at_a_time or math.ceil(round(steps) / 5))
