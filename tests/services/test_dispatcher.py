"""The dispatcher: who may start what, on which device, and what becomes of a trainer that died."""

import contextlib
import random
import shutil
import subprocess
import sys
import time

import psutil
import pytest
from project import PROJECT
from runs_helpers import FakeChild, dies, new_settings
from waiting_helpers import until

from engine.core import machine
from engine.core.locks import Lock, held
from engine.runs import devices, lifecycle, queue, states
from engine.services import dispatcher, worker


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
        first.write_state(state=states.FINISHED)
    started[-1][1].returncode = 0
    d.turn()
    assert [name for name, _ in started] == ["first", "first", "second"]
    with Lock(second.folder / "lock") as lock:
        lock.acquire()
        second.write_state(state=states.FAILED)
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
    assert first.state().state == states.FAILED
    assert "died 4 times without a new checkpoint in between" in str(first.state().error)


def test_a_run_that_the_system_kills_again_and_again_says_what_to_change(root):
    run = lifecycle.create(new_settings())
    d = dispatcher.Dispatcher(root, lambda run, device: FakeChild())
    d.turn()
    dies(run, d.children["cpu"][1], -9, starts=4)
    d.turn()
    assert run.state().state == states.FAILED
    assert "when memory runs out: choose a smaller batch_size or sequence_length, LoRA, or a smaller preset" in str(
        run.state().error
    )


def test_a_run_whose_trainer_and_dispatcher_both_died_is_found_and_resumed(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING, starts=1)
    assert run.orphaned() and dispatcher.work_left(root)
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == ["one"]


def test_a_dispatcher_stays_while_a_run_in_somebodys_terminal_is_at_work(root):
    run, started = lifecycle.create(new_settings()), []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING, starts=1)
        assert d.turn()
        assert started == []
    assert d.turn()  # it was killed
    assert started == ["one"]


def test_a_process_that_trains_has_a_dispatcher_beside_it_and_leaves_one_where_work_is_left(root, monkeypatch):
    requests = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root: requests.append(root))
    monkeypatch.setattr(dispatcher, "_FIRST_LOOK_SECONDS", 0.01)
    with dispatcher.watching(root):
        until(lambda: requests)
    assert requests == [root]  # while it trained alone: nothing waits
    run = lifecycle.create(new_settings())
    monkeypatch.setattr(dispatcher, "_FIRST_LOOK_SECONDS", 60)
    with pytest.raises(KeyboardInterrupt), dispatcher.watching(root):
        raise KeyboardInterrupt
    assert requests == [root, root]
    run.request_stop()


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
    until(lambda: second.state().state == states.FAILED)
    assert "There is no preset p" in str(second.state().error)
    until(lambda: not dispatchers(root))  # nothing is left to do: the first, too, has been looked after
    assert first.state().state == (states.FINISHED if trainer_ends == "finished" else states.FAILED)


@pytest.mark.parametrize("most", [5, pytest.param(100, marks=pytest.mark.long)])
def test_killed_dispatchers_start_each_run_once_and_in_order(root, most):
    """Each run fails as soon as its trainer has begun, since there is no preset; whoever is asked starts the next."""
    rng, kills, names, end = random.Random(1), 0, [], time.monotonic() + 12 * most + 60
    while kills < most or any(
        lifecycle.find(name, root).state().state in (states.QUEUED, states.RUNNING) for name in names
    ):
        assert time.monotonic() < end
        if kills < most and len(queue.waiting(root)) < 3:
            names.append(lifecycle.create(new_settings(name=f"run-{len(names):02}", device="cpu")).name)
        dispatcher.ensure(root)
        time.sleep(rng.uniform(0, 1.0))  # to any moment of its life
        for process in dispatchers(root) if kills < most else ():
            kills += held(dispatcher.lock_path(root))  # at work: one that is still loading shows nothing
            process.kill()
    until(lambda: not dispatchers(root))
    starts = [
        [e["time"] for e in lifecycle.find(name, root).events("state") if e["state"] == states.RUNNING]
        for name in names
    ]
    assert all(len(times) == 1 for times in starts) and len(starts) > most // 5
    assert starts == sorted(starts)
    assert {lifecycle.find(name, root).state().state for name in names} == {states.FAILED}
    assert not any(path.name.startswith(".") and path.name != ".locks" for path in root.iterdir())


def test_a_dispatcher_whose_folder_is_gone_ends(root):
    lifecycle.create(new_settings(device="cpu"))
    with Lock(devices.device_lock("cpu", root)) as lock:  # the run waits
        assert lock.acquire()
        command = [sys.executable, "-m", "engine.services.dispatcher", str(root)]
        with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as process:
            until(lambda: held(dispatcher.lock_path(root)))
            shutil.rmtree(root)
            process.wait(20)
    assert not root.exists()


def test_a_trainer_that_died_after_a_stop_was_asked_for_is_not_started_again(root):
    run = lifecycle.create(new_settings())
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING, starts=1)
        run.request_pause()
    started = []
    assert not dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert (started, run.state().state, run.control()) == ([], states.PAUSED, "")


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
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)  # whatever TensorFlow is installed here
    for name, device in (("a", "gpu:0"), ("b", "gpu:0"), ("c", "gpu:1")):
        lifecycle.create(new_settings(name=name, device=device))
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == ["a", "c"]


def test_a_run_on_any_device_takes_the_one_that_is_free(root, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two", "three"))
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)  # whatever TensorFlow is installed here
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
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)  # whatever TensorFlow is installed here
    monkeypatch.setattr(worker, "_train", lambda run, device, on_progress, locks: device)
    run = lifecycle.create(new_settings())
    with Lock(devices.device_lock("gpu:0", root)) as lock:
        assert lock.acquire()
        assert worker.work(run, 0) == "gpu:1"
        assert (
            worker.work(run, 0, device="gpu:0") is None
        )  # the dispatcher's choice, taken meanwhile: back to the queue
    assert worker.work(run, 0) == "gpu:0"


@pytest.fixture
def two_gpus_of_jax(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # which alone shares a run over several
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)


def test_what_comes_free_is_kept_for_a_run_that_waits_for_several(root, two_gpus_of_jax):
    for name, count in (("pair", 2), ("single", 1)):
        lifecycle.create(new_settings(name=name, devices=count, checkpoint_format="weights.h5"))
    started = []
    d = dispatcher.Dispatcher(root, lambda run, device: started.append((run.name, device)) or FakeChild())
    with Lock(devices.device_lock("gpu:0", root)) as lock:  # somebody's terminal
        assert lock.acquire()
        d.turn()
        assert started == [], "a run behind it, and the next one, would take the other for ever"
    d.turn()
    assert started == [("pair", "gpu:0,gpu:1")]
    d.turn()
    assert len(started) == 1, "both are at work"
    d.children["gpu:0,gpu:1"][1].returncode = 0
    lifecycle.find("pair").write_state(state=states.FINISHED)
    d.turn()
    assert started[1:] == [("single", "gpu:0")]


def test_a_trainer_holds_all_devices_that_share_its_run_and_two_servers_start_one(root, two_gpus_of_jax, monkeypatch):
    run = lifecycle.create(new_settings(devices=2, checkpoint_format="weights.h5"))
    seen = []

    def trains(run, device, on_progress, locks):
        seen.append((device, len(locks), [held(devices.device_lock(name, root)) for name in ("gpu:0", "gpu:1")]))
        assert worker.work(run, 0, device=device) is None, "another server's trainer of the same run"
        other = lifecycle.create(new_settings(name="other", devices=2, checkpoint_format="weights.h5"))
        assert worker.work(other, 0) is None, "and one of another run"
        return device

    monkeypatch.setattr(worker, "_train", trains)
    assert worker.work(run, 0, device="gpu:0,gpu:1") == "gpu:0,gpu:1"
    assert seen == [("gpu:0,gpu:1", 3, [True, True])]
    assert not any(held(devices.device_lock(name, root)) for name in ("gpu:0", "gpu:1"))


def test_a_run_that_waits_for_several_starts_when_the_last_of_them_comes_free(root, two_gpus_of_jax):
    pair = lifecycle.create(new_settings(name="pair", devices=2, checkpoint_format="weights.h5"))
    soon, late, unknown = {"gpu:0": 5.0}, {"gpu:0": 5.0, "gpu:1": 9.0}, {"gpu:0": None}
    assert [queue._start(pair, free, {}) for free in (soon, late, unknown)] == [5.0, 9.0, None]


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
    assert lifecycle.find("one").state().state == states.INTERRUPTED


@pytest.mark.parametrize(
    "config", ["{}", '{"schema_version": 1, "name": "broken"}', '{"schema_version": 1, "steps": 7}']
)
def test_a_damaged_run_does_not_stop_the_queue(root, config):
    broken, good = lifecycle.create(new_settings(name="broken")), lifecycle.create(new_settings(name="good"))
    (broken.folder / "config.json").write_text(config)
    started = []
    dispatcher.Dispatcher(root, lambda run, device: started.append(run.name) or FakeChild()).turn()
    assert started == [good.name]
