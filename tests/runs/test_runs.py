"""A run's folder: the queue, locks, events, and who may start what."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from project import PROJECT

from engine.__main__ import main
from engine.core import files, machine
from engine.core.errors import CheckpointError, EngineError, RunError, SettingsError, StorageError
from engine.core.locks import Lock, held
from engine.runs import checkpoints, devices, lifecycle, queue
from engine.runs.settings import RunSettings, from_json
from engine.services import dispatcher, ending, worker


def new_settings(**changes) -> RunSettings:
    return RunSettings(**{"preset": "p", "articles": "a", "name": "one", "steps": 4, **changes})


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


def test_a_lock_is_exclusive_between_processes_and_free_after_a_kill(tmp_path):
    path = tmp_path / "lock"
    code = f"import sys, time; sys.path.insert(0, {str(PROJECT)!r}); from engine.core.locks import Lock; " + (
        f"from pathlib import Path; lock = Lock(Path({str(path)!r})); print(lock.acquire(), flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "True\n"
        assert held(path)
        assert not Lock(path).acquire()
        child.kill()
        child.wait()
        with Lock(path) as lock:
            assert lock.acquire(patience_seconds=5)


def test_running_without_a_holder_reads_as_interrupted_with_a_reason(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        assert lock.acquire()
        run.write_state(state=lifecycle.RUNNING)
        assert run.state().state == lifecycle.RUNNING
    assert run.state().state == lifecycle.INTERRUPTED
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
    run.append_event("state", state=lifecycle.INTERRUPTED)
    run.append_event("resume", step=-1)  # nothing to go on from
    assert [e["kind"] for e in run.events()] == ["state", "resume"]


def test_a_waiting_run_that_is_stopped_leaves_the_queue_and_can_be_resumed(root):
    run = lifecycle.create(new_settings())
    assert queue.waiting(root)[0].name == "one"
    run.request_stop()
    assert run.state().state == lifecycle.STOPPED
    assert queue.waiting(root) == []
    run.request_resume()
    assert run.state().state == lifecycle.QUEUED


class FakeChild:
    """Stands for a trainer's process: a test says when and how it ends."""

    def __init__(self):
        self.returncode = None

    def poll(self):
        return self.returncode


def dies(run, child, code, starts=1):
    """A trainer that had begun its work ends: its lock is free, its state still says running."""
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=lifecycle.RUNNING, starts=starts)
    child.returncode = code


def test_the_dispatcher_runs_one_at_a_time_and_resumes_what_died(root):
    first, second = lifecycle.create(new_settings(name="first")), lifecycle.create(new_settings(name="second"))
    started = []

    def start(run, device):
        started.append((run.name, FakeChild()))
        return started[-1][1]

    d = dispatcher.Dispatcher(root, start)
    assert d.turn()
    assert d.turn()
    assert [name for name, _ in started] == ["first"]
    dies(first, started[-1][1], -9)
    d.turn()
    assert [name for name, _ in started] == ["first", "first"]  # at its old place, by itself
    assert "killed (signal 9)" in str(first.state().error)
    assert "choose a smaller batch_size or sequence_length" in str(first.state().error)
    with Lock(first.folder / "lock") as lock:
        lock.acquire()
        first.write_state(state=lifecycle.FINISHED)
    started[-1][1].returncode = 0
    d.turn()
    assert [name for name, _ in started] == ["first", "first", "second"]
    with Lock(second.folder / "lock") as lock:
        lock.acquire()
        second.write_state(state=lifecycle.FAILED)
    started[-1][1].returncode = 1
    assert not d.turn()


def test_after_three_resumes_without_a_checkpoint_a_run_is_failed_and_the_next_one_starts(root):
    first, _ = lifecycle.create(new_settings(name="first")), lifecycle.create(new_settings(name="second"))
    started = []

    def start(run, device):
        started.append((run.name, FakeChild()))
        return started[-1][1]

    d = dispatcher.Dispatcher(root, start)
    d.turn()
    for starts in (1, 2, 3, 4):
        dies(first, started[-1][1], -11, starts)
        d.turn()
    assert [name for name, _ in started] == ["first", *3 * ["first"], "second"]
    assert first.state().state == lifecycle.FAILED
    assert "died 4 times without a new checkpoint in between" in str(first.state().error)


def test_a_run_that_the_system_kills_again_and_again_says_what_to_change(root):
    run = lifecycle.create(new_settings())
    d = dispatcher.Dispatcher(root, lambda run, device: FakeChild())
    d.turn()
    dies(run, d.children["cpu"][1], -9, starts=4)
    d.turn()
    assert run.state().state == lifecycle.FAILED
    assert "when memory runs out: choose a smaller batch_size or sequence_length, LoRA, or a smaller preset" in str(
        run.state().error
    )


def test_a_run_whose_trainer_and_dispatcher_both_died_is_found_and_resumed(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=lifecycle.RUNNING, starts=1)
    assert run.orphaned() and dispatcher.work_left(root)
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == ["one"]


def test_a_dispatcher_stays_while_a_run_in_somebodys_terminal_is_at_work(root):
    run, started = lifecycle.create(new_settings()), []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=lifecycle.RUNNING, starts=1)
        assert d.turn()
        assert started == []
    assert d.turn()  # it was killed
    assert started == ["one"]


def test_a_process_that_trains_has_a_dispatcher_beside_it_and_leaves_one_where_work_is_left(root, monkeypatch):
    asked = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root: asked.append(root))
    monkeypatch.setattr(dispatcher, "_FIRST_LOOK_SECONDS", 0.01)
    with dispatcher.watching(root):
        while not asked:
            time.sleep(0.01)
    assert asked == [root]  # while it trained alone: nothing waits
    run = lifecycle.create(new_settings())
    monkeypatch.setattr(dispatcher, "_FIRST_LOOK_SECONDS", 60)
    with pytest.raises(KeyboardInterrupt), dispatcher.watching(root):
        raise KeyboardInterrupt
    assert asked == [root, root]
    run.request_stop()


def until(condition, seconds=30):
    """Waits for it, and fails where it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def dispatchers(root) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.cmdline()[2:] == ["engine.services.dispatcher", str(root.resolve())]
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


@pytest.mark.parametrize("trainer_ends", ["finished", "killed"])
def test_a_killed_dispatcher_is_replaced_by_the_trainer_and_the_queue_goes_on(root, trainer_ends):
    """Nobody asks for one here. The second run cannot begin, which shows that it was tried; nor can the first again."""
    first, second = (lifecycle.create(new_settings(name=name, device="cpu")) for name in ("first", "second"))
    code = (
        "import sys; from pathlib import Path; from engine.runs import devices, lifecycle; from engine.services import dispatcher; from engine.core.locks import Lock; "
        "run = lifecycle.Run(Path(sys.argv[1])); root = run.folder.parent; dispatcher._FIRST_LOOK_SECONDS = 0.1\n"
        "with Lock(run.folder / 'lock') as lock, Lock(devices.device_lock('cpu', root)) as device, dispatcher.watching(root):\n"
        "    lock.acquire(); device.acquire(); run.write_state(state='running', starts=4); sys.stdin.read()\n"
        "    run.write_state(state='finished')"
    )
    command = [sys.executable, "-c", code, str(first.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT) as process:
        until(lambda: dispatchers(root) and held(dispatcher.lock_path(root)))
        (killed,) = dispatchers(root)
        killed.kill()
        if trainer_ends == "finished":
            process.stdin.close()  # at once: it starts one when it ends
        else:
            until(lambda: [p for p in dispatchers(root) if p.pid != killed.pid] and held(dispatcher.lock_path(root)))
            process.kill()
    until(lambda: second.state().state == lifecycle.FAILED)
    assert "There is no preset p" in str(second.state().error)
    until(lambda: not dispatchers(root))  # nothing is left to do: the first, too, has been looked after
    assert first.state().state == (lifecycle.FINISHED if trainer_ends == "finished" else lifecycle.FAILED)


def test_twenty_killed_dispatchers_start_each_run_once_and_in_order(root):
    """Each run fails as soon as its trainer has begun, since there is no preset; whoever is asked starts the next."""
    rng, kills, names, end = random.Random(1), 0, [], time.monotonic() + 240
    while kills < 20 or any(
        lifecycle.find(name, root).state().state in (lifecycle.QUEUED, lifecycle.RUNNING) for name in names
    ):
        assert time.monotonic() < end
        if kills < 20 and len(queue.waiting(root)) < 3:
            names.append(lifecycle.create(new_settings(name=f"run-{len(names):02}", device="cpu")).name)
        dispatcher.ensure(root)
        time.sleep(rng.uniform(0, 1.0))
        for process in dispatchers(root) if kills < 20 else ():
            kills += held(dispatcher.lock_path(root))  # at work: one that is still loading shows nothing
            process.kill()
    until(lambda: not dispatchers(root))
    starts = [
        [e["time"] for e in lifecycle.find(name, root).events("state") if e["state"] == lifecycle.RUNNING]
        for name in names
    ]
    assert all(len(times) == 1 for times in starts) and len(starts) > 4
    assert starts == sorted(starts)
    assert {lifecycle.find(name, root).state().state for name in names} == {lifecycle.FAILED}
    assert not any(path.name.startswith(".") and path.name != ".locks" for path in root.iterdir())


def test_a_look_at_a_lock_makes_nothing(tmp_path):
    assert not held(tmp_path / "gone" / "lock")
    assert not (tmp_path / "gone").exists()
    path = tmp_path / "lock"
    with Lock(path) as lock:
        assert lock.acquire() and held(path)
    assert not held(path)


def test_a_dispatcher_whose_folder_is_gone_ends(root):
    lifecycle.create(new_settings(device="cpu"))
    with Lock(devices.device_lock("cpu", root)) as lock:  # the run waits
        assert lock.acquire()
        command = [sys.executable, "-m", "engine.services.dispatcher", str(root)]
        with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as process:
            while not held(dispatcher.lock_path(root)):
                time.sleep(0.02)
            shutil.rmtree(root)
            process.wait(20)
    assert not root.exists()


def test_a_trainer_that_died_after_a_stop_was_asked_for_is_not_started_again(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=lifecycle.RUNNING, starts=1)
        run.request_pause()
    started = []
    assert not dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert (started, run.state().state, run.control()) == ([], lifecycle.PAUSED, "")


def test_a_device_that_comes_free_in_the_middle_of_a_turn_goes_to_the_first_that_waits(root, monkeypatch):
    for name in ("first", "second", "third"):
        lifecycle.create(new_settings(name=name))
    taken = iter([True])  # a trainer of a dispatcher that was killed ends while the queue is looked through
    monkeypatch.setattr(dispatcher, "held", lambda path: next(taken, False))
    started = []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild())
    assert d.turn() and started == []
    assert d.turn() and started == ["first"]


def test_two_devices_run_two_runs(root, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    for name, device in (("a", "gpu:0"), ("b", "gpu:0"), ("c", "gpu:1")):
        lifecycle.create(new_settings(name=name, device=device))
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == ["a", "c"]


def test_a_run_on_any_device_takes_the_one_that_is_free(root, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two", "three"))
    for name in "abcd":
        lifecycle.create(new_settings(name=name))
    started = []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append((run.name, device)) or FakeChild())
    with Lock(devices.device_lock("gpu:1", root)) as lock:  # somebody's terminal
        assert lock.acquire()
        d.turn()
        assert started == [("a", "gpu:0"), ("b", "gpu:2")]
    d.turn()
    assert started[2:] == [("c", "gpu:1")]


def test_a_run_in_a_terminal_takes_the_device_that_is_free(root, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    monkeypatch.setattr(worker, "_train", lambda run, device, say, locks: device)
    run = lifecycle.create(new_settings())
    with Lock(devices.device_lock("gpu:0", root)) as lock:
        assert lock.acquire()
        assert worker.work(run, 0) == "gpu:1"
        assert (
            worker.work(run, 0, device="gpu:0") is None
        )  # the dispatcher's choice, taken meanwhile: back to the queue
    assert worker.work(run, 0) == "gpu:0"


def test_the_gpus_that_are_hidden_are_not_counted(monkeypatch):
    answer = subprocess.CompletedProcess([], 0, stdout="A\nB\n")
    monkeypatch.setattr(machine.shutil, "which", lambda name: "nvidia-smi")
    monkeypatch.setattr(machine.subprocess, "run", lambda *command, **options: answer)
    for visible, names in (("", ()), ("-1", ()), ("1", ("A",)), ("0,1", ("A", "B"))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        machine.gpus.cache_clear()
        assert machine.gpus() == names
    monkeypatch.undo()
    machine.gpus.cache_clear()


def test_a_trainer_that_cannot_even_start_does_not_start_for_ever(root):
    lifecycle.create(new_settings())
    children = []

    def start(run, device):
        children.append(FakeChild())
        children[-1].returncode = 1
        return children[-1]

    d = dispatcher.Dispatcher(root, start)
    for _ in range(5):
        d.turn()
    assert len(children) == 1
    assert lifecycle.find("one").state().state == lifecycle.INTERRUPTED


@pytest.mark.parametrize(
    "config", ["{}", '{"schema_version": 1, "name": "broken"}', '{"schema_version": 1, "steps": 7}']
)
def test_a_damaged_run_does_not_stop_the_queue(root, config):
    broken, good = lifecycle.create(new_settings(name="broken")), lifecycle.create(new_settings(name="good"))
    (broken.folder / "config.json").write_text(config)
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == [good.name]


def test_waiting_runs_are_moved_and_their_order_survives(root):
    for name in "abcd":
        lifecycle.create(new_settings(name=name))
    assert [run.name for run in queue.move(lifecycle.find("d"), -10)] == ["d", "a", "b", "c"]
    assert [run.name for run in queue.move(lifecycle.find("a"), 1)] == ["d", "b", "a", "c"]
    lifecycle.find("b").request_stop()
    assert [run.name for run in queue.waiting(root)] == ["d", "a", "c"]
    with pytest.raises(RunError, match="b is not waiting"):
        queue.move(lifecycle.find("b"), 1)


def test_the_command_queues_a_run_again_with_the_changes_alone(root, monkeypatch, capsys):
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    preset, articles = "checkpoints/presets/gpt2_mini_en", "articles/sample"
    lifecycle.create(
        RunSettings(preset, articles, "one", epochs=2, learning_rate=1e-3, batch_size=2, seed=5), root=root
    )
    changes = ["--clone", "one", "--name", "two", "--steps", "9", "--lora-rank", "4", "--range", "1-10", "--json"]
    assert main(["queue", *changes]) == 0
    assert [row["run"] for row in json.loads(capsys.readouterr().out)["waiting"]] == ["one", "two"]
    made = lifecycle.find("two", root).settings
    assert (made.steps, made.epochs, made.lora_rank, made.first_article, made.last_article) == (9, None, 4, 1, 10)
    assert (made.preset, made.learning_rate, made.batch_size, made.seed) == (preset, 1e-3, 2, 5)
    assert main(["queue", "--steps", "9"]) == 1
    assert "go with --clone RUN" in capsys.readouterr().err


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
    assert (run.state().state, run.control()) == (lifecycle.PAUSED, "")
    assert lock.acquire()
    threading.Timer(0.1, lock.release).start()
    run.request_stop()
    assert (run.state().state, run.control()) == (lifecycle.STOPPED, "")


@pytest.mark.parametrize("action", ["stop", "pause"])
def test_a_finished_run_is_said_to_be_finished(root, capsys, action):
    lifecycle.create(new_settings()).write_state(state=lifecycle.FINISHED)
    assert main([action, "one"]) == 0
    assert capsys.readouterr().out == "one is finished.\n"
    assert lifecycle.find("one").control() == ""


def test_a_waiting_run_that_is_paused_leaves_the_queue_until_it_is_resumed(root):
    run = lifecycle.create(new_settings())
    run.request_pause()
    assert run.state().state == lifecycle.PAUSED
    assert queue.waiting(root) == []
    run.request_resume()
    assert run.state().state == lifecycle.QUEUED


def test_a_trainer_that_gives_no_sign_of_life_is_noticed(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        (run.folder / lifecycle.HEARTBEAT).touch()
        assert run.silent_seconds() == 0
        long_ago = time.time() - lifecycle.FROZEN_SECONDS - 1
        os.utime(run.folder / lifecycle.HEARTBEAT, (long_ago, long_ago))
        assert lifecycle.FROZEN_SECONDS < run.silent_seconds() < 30
    assert run.silent_seconds() == 0  # nobody works on it: that is another matter


@pytest.fixture
def heart(root):
    now = [0.0]
    heart = worker.Heart(lifecycle.create(new_settings()), clock=lambda: now[0])
    yield heart, now
    heart.close()


def pass_time(now, seconds):
    now[0] += seconds


def test_a_training_that_hangs_falls_silent_although_its_process_lives(heart):
    heart, now = heart
    for _ in range(3):  # before the first step, the first one, which is compiled, and the second
        assert heart.beats()
        heart.progress()
        pass_time(now, 1)
    pass_time(now, 8)
    assert heart.beats()
    pass_time(now, 2)
    assert not heart.beats()
    heart.progress()  # it was only slow: a step of eleven seconds
    pass_time(now, 40)
    assert heart.beats()
    pass_time(now, 5)
    assert not heart.beats()
    # Noticed after the patience with a model of quick steps and the age at which a heartbeat is taken for none.
    assert worker.Heart.PAUSE_SECONDS + lifecycle.FROZEN_SECONDS <= 30


def test_what_loads_compiles_or_saves_may_take_minutes(heart):
    heart, now = heart
    pass_time(now, 600)
    assert heart.beats()
    for _ in range(3):
        heart.progress()
    heart.long_work()
    pass_time(now, worker.Heart.LONG_SECONDS)
    assert heart.beats()
    heart.progress()
    pass_time(now, 60)  # the first step of a phase: it is compiled
    assert heart.beats()
    pass_time(now, worker.Heart.LONG_SECONDS)
    assert not heart.beats()


def commit(run, step: int, content: bytes = b"weights"):
    with checkpoints.commit(run, step, {"tokens": step}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(content * step)
        (staging / checkpoints.TRAINING).write_bytes(b"state")


def test_which_checkpoints_were_passed_over_is_said_and_that_every_one_is_damaged(root):
    run = lifecycle.create(new_settings())
    for step in (2, 4, 6):
        commit(run, step)
    _, second, third = checkpoints.of_run(run)
    (second.folder / checkpoints.MANIFEST).write_text("{}")
    (third.folder / checkpoints.WEIGHTS).write_bytes(b"weighTs" * 6)  # of the same size: it must be read to be known
    assert [error.values["name"] for error in checkpoints.seen_damaged(run)] == ["one/4"]
    newest, damaged = checkpoints.newest_and_damaged(run)
    assert newest.step == 2
    assert [(error.values["name"], error.values["file"]) for error in damaged] == [
        ("one/6", checkpoints.WEIGHTS),
        ("one/4", checkpoints.MANIFEST),
    ]
    assert [error.values["name"] for error in checkpoints.seen_damaged(run)] == ["one/4", "one/6"]
    (newest.folder / checkpoints.WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="Every checkpoint of the run one is damaged: one/6, one/4, one/2"):
        checkpoints.find("one")


def test_a_bit_that_flips_without_a_trace_is_found_by_whoever_reads_afresh(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    commit(run, 4)
    newest = checkpoints.newest_verified(run)
    file = newest.folder / checkpoints.WEIGHTS
    status, content = file.stat(), bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    checkpoints.verify(newest)  # for a list
    with pytest.raises(CheckpointError, match="one/4 is damaged"):
        checkpoints.verify(newest, fresh=True)
    assert checkpoints.newest_verified(run).step == 2  # what was found is known from then on


def test_a_checkpoint_has_exactly_these_files_and_a_hash_of_each(root):
    run = lifecycle.create(new_settings())
    commit(run, 4)
    (checkpoint,) = checkpoints.of_run(run)
    assert sorted(p.name for p in checkpoint.folder.iterdir()) == ["manifest.json", "model.weights.h5", "training.npz"]
    assert set(checkpoint.manifest["files"]) == {"model.weights.h5", "training.npz"}
    checkpoints.verify(checkpoint)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(root, damage):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    commit(run, 4)
    newest = checkpoints.of_run(run)[-1]
    file = newest.folder / checkpoints.WEIGHTS
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[3] ^= 1
        file.write_bytes(content)
    elif damage == "truncate":
        file.write_bytes(content[:-1])
    else:
        file.unlink()
    with pytest.raises(CheckpointError, match="one/4"):
        checkpoints.verify(newest)
    assert checkpoints.newest_verified(run).step == 2


def test_every_flipped_bit_and_every_truncation_of_a_manifest_is_noticed_and_the_one_before_it_serves(root):
    run = lifecycle.create(new_settings())
    for step in (2, 4):
        commit(run, step)
        checkpoints.with_manifest(
            checkpoints.of_run(run)[-1], metrics={"validation": {"loss": 3.25}}, articles=[1, None]
        )
    file = checkpoints.of_run(run)[-1].folder / checkpoints.MANIFEST
    content = file.read_bytes()
    damaged = [content[:size] for size in range(len(content))]
    for position in range(len(content)):
        damaged += [
            content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :] for bit in range(8)
        ]
    for one in damaged:
        file.write_bytes(one)
        assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2], one
    with pytest.raises(CheckpointError, match="one/4 is damaged: its manifest.json is not what was written"):
        checkpoints.find("one/4")
    assert checkpoints.find("one").step == 2
    file.write_bytes(content)
    assert checkpoints.newest_verified(run).step == 4


def test_a_checkpoint_written_before_manifests_had_hashes_of_themselves_is_read(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    file = checkpoints.of_run(run)[-1].folder / checkpoints.MANIFEST
    manifest = files.read_json(file)
    del manifest["manifest_sha256"]
    files.write_json(file, {**manifest, "schema_version": 1})
    assert checkpoints.newest_verified(run).step == 2
    files.write_json(file, {**manifest, "schema_version": 2})
    assert checkpoints.of_run(run) == []


def test_a_save_that_is_cut_off_leaves_the_former_checkpoint_and_no_other(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    with pytest.raises(RuntimeError), checkpoints.commit(run, 4, {}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"half")
        raise RuntimeError
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2]
    assert sorted(p.name for p in run.folder.glob("*step-*")) == ["step-00000002"]


def test_what_a_killed_trainer_was_writing_is_swept_away(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    (run.folder / ".step-00000004.999.tmp").mkdir()
    (run.folder / ".step-00000004.999.tmp" / checkpoints.WEIGHTS).write_bytes(b"half")
    (run.folder / ".state.json.999.tmp").write_bytes(b"{")
    run.sweep()
    assert sorted(path.name for path in run.folder.glob(".*")) == []
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [2]


def test_the_last_checkpoint_of_a_run_is_kept(root):
    run = lifecycle.create(new_settings())
    commit(run, 2)
    with pytest.raises(CheckpointError, match="is the last whole checkpoint"):
        checkpoints.delete(checkpoints.of_run(run)[0])
    commit(run, 4)
    checkpoints.delete(checkpoints.of_run(run)[0])
    assert [checkpoint.step for checkpoint in checkpoints.of_run(run)] == [4]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_one_sentence(root):
    root.chmod(0o500)
    try:
        with pytest.raises(StorageError, match="No rights to write in"):
            lifecycle.create(new_settings())
    finally:
        root.chmod(0o700)


def test_a_full_disk_is_one_sentence_and_the_former_content_stays(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StorageError, match="is full: free some space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


@pytest.fixture
def held_run(root):
    """A run held by a process that stands for its trainer, by its command line and its files."""
    run = lifecycle.create(new_settings())
    code = (
        "import os, sys, time; from pathlib import Path; from engine.runs import lifecycle; from engine.core.files import write_json; "
        "from engine.core.locks import Lock; run = lifecycle.Run(Path(sys.argv[2])); lock = Lock(run.folder / 'lock'); "
        "lock.acquire(); write_json(run.folder / 'owner.json', {'pid': os.getpid(), 'since': time.time()}); "
        "run.write_state(state='running', starts=1); print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, "engine.services.worker", str(run.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout.readline() == "held\n"
        yield run, process
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that freezes a process")
@pytest.mark.parametrize("asked", ["", "stop"])
def test_a_frozen_trainer_is_ended_and_its_run_goes_on_or_is_stopped(held_run, asked, monkeypatch):
    run, process = held_run
    started = []
    monkeypatch.setattr(dispatcher, "ensure", started.append)
    d = dispatcher.Dispatcher(run.folder.parent, lambda run, device: started.append(run.name) or FakeChild())
    d.children["cpu"] = (run, process)  # it had started it
    process.send_signal(signal.SIGSTOP)
    if asked:
        assert main(["stop", run.name]) == 0
        assert run.state().state == lifecycle.RUNNING  # it cannot answer
        assert main(["stop", run.name, "--force"]) == 0
    else:
        ending.end_trainer(run)
    assert process.wait(5) == -signal.SIGKILL
    d.turn()
    assert started == ([] if asked else [run.folder.parent, run.name])
    assert run.state().state == (lifecycle.STOPPED if asked else lifecycle.QUEUED)
    assert run.control() == ""
    with pytest.raises(RunError, match="No trainer works on the run one"):
        ending.end_trainer(run)


@pytest.mark.parametrize("foreign", ["another process", "another run's trainer", "a later process of the same number"])
def test_a_process_that_is_not_certainly_the_trainer_is_left_alone(held_run, foreign):
    run, process = held_run
    owner = json.loads((run.folder / "owner.json").read_text())
    if foreign == "a later process of the same number":
        owner["since"] -= 60
    arguments = ["engine.services.worker", str(run.folder) + "-2"] if foreign == "another run's trainer" else []
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *arguments]) as other:
        if foreign != "a later process of the same number":
            owner["pid"] = other.pid
        (run.folder / "owner.json").write_text(json.dumps(owner))
        with pytest.raises(RunError, match=f"names process {owner['pid']} as its trainer, and that is not certain"):
            ending.end_trainer(run)
        assert (process.poll(), other.poll()) == (None, None)
        other.kill()
    assert run.state().state == lifecycle.RUNNING


def test_a_model_that_is_not_there_is_answered_with_the_runs_there_are(root):
    with pytest.raises(EngineError, match="There is no run, checkpoint or preset second, and no run at all yet"):
        checkpoints.resolve("second")
