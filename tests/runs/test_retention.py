"""Which checkpoints are kept: the specification is the list of what is left. And when a whole run may go."""

import pytest

from engine import __main__ as cli
from engine.core.errors import CheckpointError, RunError, StorageError
from engine.core.locks import Lock
from engine.runs import checkpoints, lifecycle, removal, retention, states
from engine.runs.folder import Run
from engine.runs.settings import RunSettings


def a_run(root, losses, name="one", **settings):
    run = lifecycle.create(RunSettings(preset="p", articles="a", name=name, steps=100, **settings), root=root)
    for step, loss in losses.items():
        with checkpoints.commit(run, step, {"metrics": {"validation": {"loss": loss}}}) as staging:
            (staging / checkpoints.WEIGHTS).write_bytes(b"weights %d" % step)
    return run


def steps(run):
    return [checkpoint.step for checkpoint in checkpoints.of_run(run)]


LOSSES = {10: 5.0, 20: 4.0, 30: 3.0, 40: 3.5, 50: 3.6, 60: 3.7}


def test_the_newest_and_the_best_are_kept(root):
    run = a_run(root, LOSSES)
    assert retention.apply(run, 2) == [10, 20, 40]
    assert steps(run) == [30, 50, 60]


def test_nothing_goes_when_all_are_kept(root):
    run = a_run(root, LOSSES)
    assert retention.apply(run, 0) == []
    assert retention.apply(run, 9) == []
    assert steps(run) == list(LOSSES)


def test_the_pinned_and_those_that_others_came_from_stay(root):
    run = a_run(root, LOSSES)
    a_run(root, {1: 1.0}, name="two", parent="one/10")
    retention.pin(checkpoints.of_run(run)[1], True)
    retention.apply(run, 1)
    assert steps(run) == [10, 20, 30, 60]
    retention.pin(checkpoints.of_run(run)[1], False)
    retention.apply(run, 1)
    assert steps(run) == [10, 30, 60]


def test_the_last_verified_one_stays_although_newer_ones_are_damaged(root):
    run = a_run(root, {10: 5.0, 20: 6.0, 30: 7.0})
    for checkpoint in checkpoints.of_run(run)[1:]:
        (checkpoint.folder / checkpoints.WEIGHTS).write_bytes(b"damaged")
    retention.apply(run, 1)
    assert 10 in steps(run)
    with pytest.raises(CheckpointError, match="is the last whole checkpoint"):
        checkpoints.delete(checkpoints.of_run(run)[0])


def test_what_an_unfinished_run_started_from_is_kept_until_it_can_go_on_without_it(root):
    first = checkpoints.of_run(a_run(root, LOSSES))[0]
    child = a_run(root, {}, name="child", parent="one/10")
    adapters = a_run(root, {5: 1.0}, name="adapters", parent="one/10", lora_rank=4)
    with pytest.raises(CheckpointError, match="one/10 is kept: adapters, child started from it and cannot go on"):
        checkpoints.delete(first)
    with checkpoints.commit(child, 5, {}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    assert [run.name for run in checkpoints.needed_by(first)] == ["adapters"]
    adapters.write_state(state=states.FINISHED)
    checkpoints.delete(first)
    assert steps(Run(root / "one")) == [20, 30, 40, 50, 60]


def test_a_save_that_will_not_fit_is_not_begun(root):
    with pytest.raises(StorageError, match=r"needs 1000000000 MB and \d+ MB of disk are free"):
        retention.require_space(root, 10**15)


def at(run, state):
    with Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        run.write_state(state=state)
    return run


def test_a_whole_run_goes_with_its_last_checkpoint_when_nothing_needs_it(root):
    run = at(a_run(root, {10: 5.0, 20: 4.0}), states.FINISHED)
    retention.pin(checkpoints.of_run(run)[0], True)
    lost = removal.loss(run)
    assert (lost.checkpoints, lost.pinned) == (2, 1) and lost.bytes > 0
    (root / ".other.1.gone").mkdir()  # what a kill has left
    removal.remove(run)
    assert list(root.iterdir()) == []
    a_run(root, {10: 5.0})  # its name is free


@pytest.mark.parametrize("state", [states.QUEUED, states.RUNNING])
def test_a_run_that_waits_or_is_about_to_go_on_is_not_deleted(root, state):
    run = at(a_run(root, {10: 5.0}), state)
    with pytest.raises(RunError, match="works or waits: stop it first"):
        removal.remove(run)
    run.request_stop()
    removal.remove(run)


def test_a_run_whose_trainer_is_alive_is_not_deleted(root):
    run = at(a_run(root, {10: 5.0}), states.FINISHED)
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        with pytest.raises(RunError, match="works or waits"):
            removal.remove(run)
    assert steps(run) == [10]


def test_a_run_that_others_came_from_or_that_ships_is_not_deleted(root):
    run = at(a_run(root, {10: 5.0}), states.FINISHED)
    at(a_run(root, {1: 5.0}, "two", parent="one/10"), states.FINISHED)
    at(a_run(root, {1: 5.0}, "one-more"), states.FINISHED)  # only its name begins alike
    with pytest.raises(RunError, match="came from one, .*: two. Delete those first"):
        removal.remove(run)
    removal.remove(lifecycle.find("two"))
    (run.folder / "recorded.json").write_text('{"command": "train"}')
    with pytest.raises(RunError, match="ships with Atelier"):
        removal.remove(run)


def test_the_command_asks_for_the_name(root, capsys, monkeypatch):
    at(a_run(root, {10: 5.0}), states.FINISHED)
    assert cli.main(["delete", "one"]) == 1  # no terminal
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda prompt: "on")
    assert cli.main(["delete", "one"]) == 1
    assert "one: 1 checkpoints (0 pinned)" in capsys.readouterr().err
    monkeypatch.setattr("builtins.input", lambda prompt: "one")
    assert cli.main(["delete", "one"]) == 0
    assert lifecycle.all_runs(root) == []
    at(a_run(root, {10: 5.0}), states.FINISHED)
    assert cli.main(["delete", "one", "--yes"]) == 0
