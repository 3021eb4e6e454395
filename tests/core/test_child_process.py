"""A process that reads strangers' files: it answers, is ended where it breaks a limit, and takes nothing down with it."""

import time

import pytest

from engine.core import child_process
from engine.core.child_process import Child, Died, Limits

MEMORY = 200 << 20
# A reader that does what its request says.
READER = """
import os, sys, time
from engine.core.child_main import Asker, give_up_for_memory
from engine.core.progress import Phase, Progress

BEFORE

asker = Asker()
print("what a library prints")
for request in asker.requests():
    exec(request["do"])
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a reader with so many seconds of patience, `before` being what it does first of all."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # as a person starts it
    started = []

    def start(silent_seconds: float = 30.0, before: str = "", memory_bytes: int = MEMORY) -> Child:
        (tmp_path / "reader_of_a_test.py").write_text(READER.replace("BEFORE", before))
        started.append(Child("reader_of_a_test", limits=Limits(memory_bytes, 2 * MEMORY, silent_seconds)))
        return started[-1]

    yield start
    for one in started:
        one.close()
        assert one.process.poll() is not None


def answer(of: Child, do: str) -> list:
    return list(of.ask({"do": do}))


def test_it_answers_one_request_after_the_other_and_what_libraries_print_is_no_message(start):
    reader = start()
    for number in (1, 2):
        body = b"x" * number
        assert answer(reader, f"print('more'); asker.say('found', b'x' * {number}, number={number})") == [
            ({"kind": "found", "number": number}, body)
        ]


@pytest.mark.parametrize(
    ("act", "silent_seconds", "broke", "words"),
    [
        ("os._exit(3)", 30.0, "", ""),
        ("raise ValueError('such a file')", 30.0, "", "ValueError: such a file"),
        ("time.sleep(60)", 0.5, "silence", ""),
        ("x = b'1' * (300 << 20); time.sleep(60)", 30.0, "memory", ""),
        ("sys.exit(give_up_for_memory())", 30.0, "memory", "MemoryError"),
        ("asker._out.write(b'\\xff' * 99); asker._out.flush(); time.sleep(60)", 30.0, "", ""),
    ],
    ids=["exit", "exception", "silence", "memory", "no memory", "no message"],
)
def test_a_death_is_told_after_what_was_said_before(start, act, silent_seconds, broke, words):
    reader = start(silent_seconds)
    messages = reader.ask({"do": f"asker.say_now('found'); {act}"})
    assert next(messages) == ({"kind": "found"}, b"")
    with pytest.raises(Died) as died:
        next(messages)
    assert (died.value.broke, died.value.last_words) == (broke, words or died.value.last_words)
    assert died.value.code == {"os._exit(3)": 3}.get(act, died.value.code) != 0
    with pytest.raises(Died):  # and not for ever
        answer(reader, "asker.say('found')")


def test_the_time_without_a_request_is_no_silence(start):
    reader = start(silent_seconds=0.5)
    assert answer(reader, "") == []
    time.sleep(1.0)  # twice the silence that is allowed
    assert answer(reader, "asker.say('found')") == [({"kind": "found"}, b"")]


def test_a_caller_who_does_not_keep_up_is_no_silence(start):
    reader = start(silent_seconds=0.5)
    messages = reader.ask({"do": "for _ in range(20): asker.say('found', bytes(1 << 20))"})
    next(messages)
    time.sleep(1.0)  # twice the silence that is allowed
    assert len(list(messages)) == 19


def test_progress_is_told_now_and_then_and_is_no_silence(start):
    reader = start(silent_seconds=1.0)
    told = answer(
        reader,
        "for n in range(200): asker.on_progress(Progress(n, 200, Phase.CHECKING)); time.sleep(0.01)",
    )
    assert told[0] == ({"kind": "progress", "done": 0, "total": 200, "phase": "checking"}, b"")
    assert 2 <= len(told) <= 6


def test_one_that_does_not_start_is_said_and_one_that_starts_slowly_is_waited_for(start, monkeypatch):
    assert not start(before="raise SystemExit(1)").wait_until_started()
    slow = start(silent_seconds=0.5, before="time.sleep(1.0)")
    assert slow.wait_until_started() and answer(slow, "asker.say('found')")
    monkeypatch.setattr(child_process, "START_SECONDS", 1.0)
    assert not start(silent_seconds=0.5, before="time.sleep(60)").wait_until_started()


def test_closing_it_ends_it_whatever_it_does_and_whatever_is_still_to_be_taken(start):
    reader = start()
    next(reader.ask({"do": "while True: asker.say('found', bytes(1 << 20))"}))
    reader.close()
    assert reader.process.poll() is not None
