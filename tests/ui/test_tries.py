"""Wrong tries of the owner's code: each next one waits longer, and none within a wait is looked at."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ui import tries


def test_the_wait_grows_with_each_wrong_try_and_no_try_within_it_is_looked_at():
    now = [0.0]
    counted = tries.Tries(lambda: now[0])
    waits = []
    for _ in range(12):
        answer = counted.answer("10.0.0.1", lambda: False)
        assert answer.examined
        waits.append(answer.wait_seconds)
        if answer.wait_seconds:
            assert not counted.answer("10.0.0.1", lambda: pytest.fail("looked at within the wait")).examined
        now[0] += answer.wait_seconds
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert counted.answer("10.0.0.1", lambda: True) == tries.Answer(True, True, 0.0, 12)
    assert counted.answer("10.0.0.1", lambda: False).wait_seconds == 0  # the right one ended the row
    assert 10_000 * 60 / 86_400 > 6  # days for four digits, which fell in minutes


def test_another_address_does_not_wait_and_a_changed_file_ends_all_waits():
    now = [0.0]
    counted = tries.Tries(lambda: now[0])
    for _ in range(20):
        counted.answer("10.0.0.1", lambda: False, version=1)
        now[0] += 61
    counted.answer("10.0.0.1", lambda: False, version=1)
    assert not counted.answer("::ffff:10.0.0.1", lambda: True, version=1).examined  # the same one, otherwise written
    assert counted.answer("10.0.0.2", lambda: True, version=1).right
    assert counted.answer("10.0.0.1", lambda: True, version=2).right


def test_many_addresses_are_slowed_together_but_never_for_long():
    now = [0.0]
    counted = tries.Tries(lambda: now[0])
    examined = 0
    for number in range(2000):  # a try each tenth of a second, each from an address of its own
        examined += counted.answer(f"10.1.{number // 250}.{number % 250}", lambda: False).examined
        now[0] += 0.1
    assert examined < tries.ALL.free + 200 / tries.ALL.longest_seconds + 5
    assert tries.network("2001:db8::1") == tries.network("2001:db8::ffff:1") != tries.network("2001:db8:1::1")
    assert counted.answer("10.9.9.9", lambda: False).wait_seconds <= tries.ALL.longest_seconds


def test_thirty_sessions_at_once_get_as_many_looks_as_one():
    counted = tries.Tries()
    gate = threading.Barrier(30)

    def one(_):
        gate.wait()
        return counted.answer("10.0.0.1", lambda: False).examined

    with ThreadPoolExecutor(30) as pool:
        assert sum(pool.map(one, range(30))) == tries.ONE.free + 1
