"""Several devices of one run: taken together or not at all, and free again when their holder dies."""

import subprocess
import sys
import threading

from project import PROJECT
from waiting_helpers import until

from engine.core.locks import Lock, held
from engine.runs.devices import Claim, device_lock

GPUS = ("gpu:0", "gpu:1", "gpu:2")
HOLDS = "import sys; from pathlib import Path; from engine.runs.devices import Claim\n" \
    "claim = Claim(('gpu:0', 'gpu:1'), 2, Path(sys.argv[1])); assert claim.acquire(); print('held', flush=True); sys.stdin.read()"  # fmt: skip


def test_all_are_taken_or_none(root):
    with Lock(device_lock("gpu:0", root)) as other:
        assert other.acquire()
        claim = Claim(GPUS[:2], 2, root)
        assert not claim.acquire()
        assert not held(device_lock("gpu:1", root)), "what could not be used is free for others"
        with Claim(GPUS, 2, root) as rest:
            assert rest.acquire() and list(rest.held) == ["gpu:1", "gpu:2"]
            assert not Claim(("gpu:2",), 1, root).acquire()
    with claim:
        assert claim.acquire()


def test_trainers_that_each_want_all_do_not_wait_for_one_another_for_ever(root):
    inside, most, turns = [], [], []

    def work(order):
        for _ in range(20):
            claim = Claim(order, 2, root)
            until(claim.acquire)
            inside.append(order)
            most.append(len(inside))
            inside.remove(order)
            claim.release()
        turns.append(order)

    # In opposite orders, in which each would hold what the other one waits for.
    threads = [threading.Thread(target=work, args=(order,)) for order in (GPUS[:2], GPUS[1::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(turns) == 2 and set(most) == {1}


def test_a_holder_that_is_killed_leaves_all_of_them_free(root):
    command = [sys.executable, "-c", HOLDS, str(root)]
    holder = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "held\n"
        assert not Claim(GPUS, 2, root).acquire()
        holder.kill()
        holder.wait()
        with Claim(GPUS[:2], 2, root) as claim:
            until(claim.acquire)
