"""A run's folder: its settings, name, events, place in the queue, and what is asked of it."""

import os
import threading

import pytest
from runs_helpers import new_settings

from engine.core.errors import EngineError, RunError, SettingsError, StorageError
from engine.core.locks import Lock
from engine.runs import lifecycle, queue, references, states
from engine.runs.settings import from_json


def test_all_problems_of_a_configuration_are_named_at_once():
    with pytest.raises(SettingsError) as caught:
        new_settings(name="../up", steps=None, learning_rate=3, precision="int8", batch_size=-1, seed=-1)
    sentences = [str(problem) for problem in caught.value.problems]
    assert len(sentences) == 6
    assert sentences[0].startswith("The name “../up” cannot be a folder")
    assert "batch_size must lie between 0 and 1024; received -1." in sentences


def test_settings_survive_the_file(root):
    run = lifecycle.create(new_settings(first_article=3, last_article=9, prompts=("Cells",)), {"extra": 1})
    assert lifecycle.find("one").settings == run.settings
    with pytest.raises(RunError, match="schema_version 99"):
        from_json({**run.config, "schema_version": 99})


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ({"preset": None}, "preset"),
        ({"steps": "7"}, "steps"),
        ({"prompts": 3}, "prompts"),
        ({"prompts": [1]}, "prompts"),
        ({"batch_size": [1], "seed": True}, "batch_size, seed"),
    ],
)
def test_a_configuration_of_the_wrong_kind_is_one_sentence(root, damage, named):
    config = lifecycle.create(new_settings()).config
    with pytest.raises(RunError, match=f"config.json is damaged. Missing or of the wrong kind: {named}"):
        from_json({**config, **damage})
    with pytest.raises(RunError, match="config.json is damaged. Missing or of the wrong kind: articles, preset"):
        from_json({"schema_version": 1, "name": "bad"})


def test_a_name_is_taken_once_and_strange_names_find_nothing(root):
    lifecycle.create(new_settings())
    with pytest.raises(RunError, match="There is already a run one"):
        lifecycle.create(new_settings())
    for name in ("../one", "nothing", ".hidden"):
        with pytest.raises(RunError, match="There is no run"):
            lifecycle.find(name)


def test_running_without_a_holder_reads_as_interrupted_with_a_reason(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        run.write_state(state=states.RUNNING)
        assert run.state().state == states.RUNNING
    assert run.state().state == states.INTERRUPTED
    assert "ended without a word" in str(run.state().error)


def test_a_torn_last_event_is_ignored_and_cut(root):
    run = lifecycle.create(new_settings())
    run.append_event("step", step=1)
    with open(run.folder / "events.jsonl", "ab") as file:
        file.write(b'{"kind": "step", "st')
    assert [event["step"] for event in run.events("step")] == [1]
    run.cut_torn_event()
    run.append_event("step", step=2)
    assert [event["step"] for event in run.events("step")] == [1, 2]


def test_what_a_resumed_run_reports_again_replaces_what_it_had_reported(root):
    run = lifecycle.create(new_settings())
    for step in (1, 2, 3):
        run.append_event("step", step=step, loss=step)
    run.append_event("resume", step=1)
    run.append_event("step", step=2, loss=20)
    assert [(e["step"], e["loss"]) for e in run.events("step")] == [(1, 1), (2, 20)]
    run.append_event("state", state=states.INTERRUPTED)
    run.append_event("resume", step=-1)  # nothing to go on from
    assert [e["kind"] for e in run.events()] == ["state", "resume"]


def test_a_waiting_run_that_is_stopped_leaves_the_queue_and_can_be_resumed(root):
    run = lifecycle.create(new_settings())
    assert queue.waiting(root)[0].name == "one"
    run.request_stop()
    assert run.state().state == states.STOPPED
    assert queue.waiting(root) == []
    run.request_resume()
    assert run.state().state == states.QUEUED


def test_waiting_runs_are_moved_and_their_order_survives(root):
    for name in "abcd":
        lifecycle.create(new_settings(name=name))
    assert [run.name for run in queue.move(lifecycle.find("d"), -10)] == ["d", "a", "b", "c"]
    assert [run.name for run in queue.move(lifecycle.find("a"), 1)] == ["d", "b", "a", "c"]
    lifecycle.find("b").request_stop()
    assert [run.name for run in queue.waiting(root)] == ["d", "a", "c"]
    with pytest.raises(RunError, match="b is not waiting"):
        queue.move(lifecycle.find("b"), 1)


def test_a_run_that_waits_keeps_its_place_when_it_is_resumed(root):
    for name in "ab":
        lifecycle.create(new_settings(name=name))
    lifecycle.find("a").request_resume()
    assert [run.name for run in queue.waiting(root)] == ["a", "b"]


def test_what_is_asked_of_a_run_while_somebody_looks_at_its_lock_is_not_lost(root):
    run = lifecycle.create(new_settings())
    lock = Lock(run.folder / "lock")
    assert lock.acquire()  # a page's probe
    threading.Timer(0.1, lock.release).start()
    run.request_pause()
    assert (run.state().state, run.control()) == (states.PAUSED, "")
    assert lock.acquire()
    threading.Timer(0.1, lock.release).start()
    run.request_stop()
    assert (run.state().state, run.control()) == (states.STOPPED, "")


def test_a_waiting_run_that_is_paused_leaves_the_queue_until_it_is_resumed(root):
    run = lifecycle.create(new_settings())
    run.request_pause()
    assert run.state().state == states.PAUSED
    assert queue.waiting(root) == []
    run.request_resume()
    assert run.state().state == states.QUEUED


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_one_sentence(root):
    root.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="No rights to write in"):
            lifecycle.create(new_settings())
    finally:
        root.chmod(0o700)


def test_a_model_that_is_not_there_is_answered_with_the_runs_there_are(root):
    with pytest.raises(EngineError, match="There is no run, checkpoint or preset second, and no run at all yet"):
        references.resolve("second")
