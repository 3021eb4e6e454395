"""How long until a run that waits starts: told by what was measured here, or not told."""

import json

import pytest
from runs_helpers import MINI, a_request

from engine.core import files, machine
from engine.core.locks import Lock
from engine.presets import catalogue
from engine.runs import durations, inputs, lifecycle, queue, states
from engine.runs.folder import Run


def finished(root, name: str, slower: float = 1, device: str | None = None, **changes) -> Run:
    """A run that took 100 s: 20 until training began, 60 of training, 10 of evaluations, 10 at the end.

    Args:
        slower: by which everything took longer. device: that its trainer had; None = it does not say.
    """
    run = lifecycle.create(a_request(name=name, **changes), root=root)
    lines = [
        {"kind": "state", "time": 1000.0, "state": states.RUNNING, **({"device": device} if device else {})},
        {"kind": "step", "time": 1000 + 21 * slower, "step": 1, "seconds": slower, "tokens": 2048},
        {"kind": "step", "time": 1000 + 90 * slower, "step": 60, "seconds": 60 * slower, "tokens": 60 * 2048},
        {"kind": "state", "time": 1000 + 100 * slower, "state": states.FINISHED},
    ]
    (run.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.write_state(state=states.FINISHED)
    return run


def test_a_place_says_how_long_those_before_it_take_by_what_was_measured(root):
    finished(root, "measured", articles="x", preset="p")
    for name, changes in (("a", {"minutes": 1, "steps": None}), ("b", {"minutes": 2, "steps": None}), ("c", {})):
        lifecycle.create(a_request(name=name, articles="x", preset="p", device="cpu", **changes), root=root)
    # 60 s of training took 100 in all; 120 take 20 + 120 + 20 + 10.
    assert [round(place.seconds) for place in queue.positions(root)] == [0, 100, 270]


def test_what_nothing_tells_is_unknown_and_the_mini_models_first_run_is_not(root, capsys):
    from engine.cli.app import main

    lifecycle.create(a_request(name="mini", steps=None, minutes=1, device="cpu"), root=root)
    lifecycle.create(
        a_request(name="second", device="cpu", articles="x"), root=root
    )  # of articles nobody has trained on
    lifecycle.create(a_request(name="third", device="cpu"), root=root)
    assert [place.seconds for place in queue.positions(root)] == [0.0, pytest.approx(96), None]
    assert main(["queue"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mini  1 of 3, starts in about 0 s",
        "second  2 of 3, starts in about 1 min 40 s",
        "third  3 of 3, unknown when it starts",
    ]
    assert main(["runs"]) == 0
    assert "third" in (output := capsys.readouterr().out) and "3 of 3, unknown when it starts" in output


def test_steps_of_a_known_speed_and_a_run_at_work_are_counted(root, monkeypatch):
    lifecycle.create(a_request(name="before-any", steps=100), root=root)
    assert queue.positions(root)[0].seconds == 0
    assert queue.durations.whole(a_request(steps=100), lifecycle.all_runs(root)) is None
    lifecycle.find("before-any", root).append_event("step", step=4, seconds=4.0, tokens=4 * 2048)  # as one at work says
    assert queue.durations.whole(a_request(steps=100), lifecycle.all_runs(root)) == pytest.approx(
        20 + 110 + 10, rel=0.2
    )
    lifecycle.find("before-any", root).request_stop()
    finished(root, "measured")
    length, batch = inputs.window_shape(a_request(), *shape())
    at_work = lifecycle.create(a_request(name="at-work", steps=100), root=root)
    lifecycle.create(a_request(name="next", steps=100), root=root)
    lifecycle.create(a_request(name="last", steps=100), root=root)
    with Lock(at_work.folder / "lock") as lock:
        assert lock.acquire()
        files.write_json(at_work.folder / "owner.json", {"device": machine.devices("auto")[0]})
        at_work.write_state(state=states.RUNNING, step=40, steps=100)
        at_work.append_event("step", step=40, seconds=20.0, tokens=1)
        first, second = queue.positions(root)
    assert first.seconds == pytest.approx(60 * 0.5 * (1 + 1 / 6) + 10, abs=1)  # its own pace, half a second a step
    own = 100 * length * batch / 2048  # seconds of training: 2,048 tokens a second
    assert second.seconds - first.seconds == pytest.approx(20 + own * (1 + 1 / 6) + 10, abs=1)


def shape() -> tuple[int, int]:
    preset = catalogue.find(MINI)
    return preset.max_sequence_length, preset.vocabulary_size


def test_two_devices_are_waited_for_at_the_same_time_and_a_stage_waits_for_its_parent(root, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)  # whatever TensorFlow is installed here
    finished(root, "measured", articles="x", preset="p")
    minute = {"articles": "x", "preset": "p", "minutes": 1, "steps": None}
    for name, after in (("a", None), ("b", None), ("c", None), ("d", "c")):
        lifecycle.create(a_request(name=name, parent=after, after=after, **minute), root=root)
    assert [round(place.seconds) for place in queue.positions(root)] == [0, 0, 100, 200]


def whole_of_sixty_steps(every: list[Run], recorded: float | None = None) -> float:
    length, batch = inputs.window_shape(a_request(), *shape())
    asked = a_request(steps=60 * 2048 // (length * batch), seed=7)
    return durations.whole(asked, every, recorded)


def test_one_slow_run_leads_no_estimate_astray(root):
    """The machine was busy with something else, or asleep."""
    usual = [finished(root, f"usual-{n}") for n in range(2)]
    slow = finished(root, "slow", slower=8)
    assert whole_of_sixty_steps([slow, *usual]) == pytest.approx(100, rel=0.05)
    assert whole_of_sixty_steps([slow, usual[0]]) == pytest.approx(100, rel=0.05)
    assert whole_of_sixty_steps([slow]) == pytest.approx(800, rel=0.05)
    assert whole_of_sixty_steps([slow], recorded=90) == 90
    slower_still = [finished(root, f"slow-{n}", slower=8) for n in range(2)]  # the machine itself is slow
    assert whole_of_sixty_steps([slow, *slower_still], recorded=90) == pytest.approx(800, rel=0.05)


def test_runs_of_the_same_settings_tell_more_than_others_on_the_same_articles_and_only_those_of_the_same_device(root):
    length, batch = inputs.window_shape(a_request(), *shape())
    same = finished(root, "same", slower=2, steps=60 * 2048 // (length * batch))
    others = [finished(root, f"other-{n}", steps=7) for n in range(3)]
    on_gpu = [finished(root, f"on-gpu-{n}", slower=0.1, device="gpu:0") for n in range(3)]
    assert whole_of_sixty_steps([*on_gpu, *others, same]) == pytest.approx(200, rel=0.05)
    assert whole_of_sixty_steps([*on_gpu, *others]) == pytest.approx(100, rel=0.05)
