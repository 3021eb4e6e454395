"""A class's answers: each counts once, none that was confirmed is lost, and none says who gave it."""

import contextlib
import csv
import datetime
import io
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from project import PROJECT

from engine.classroom import classes, tallies, votes
from engine.classroom.questions import AFTER, BEFORE, TEXT, Question, Wording, typed
from engine.core import paths
from engine.core.errors import ClassError

COLOUR = typed("colour", "Which?", ["red", "green", "blue"], "en", right=1)
PARALLEL = Question(
    "1",
    ({"en": Wording("A?", ("a0", "a1", "?"), "because A")}, {"en": Wording("B?", ("b0", "b1", "?"), "because B")}),
    right=0,
    unsure=2,
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    return tmp_path / "classes"


@pytest.fixture
def room():
    return classes.find(classes.open_class("fine_tuning", "en").code)


def phones(room, count: int) -> list[str]:
    tokens = [f"token-{n}" for n in range(count)]
    for token in tokens:
        votes.join(room, token)
    return tokens


def test_a_key_opens_its_own_class_and_no_other(folder):
    one, other = classes.open_class("fine_tuning", "en"), classes.open_class("fine_tuning", "fr")
    assert classes.by_key(one.key).code == one.code and classes.by_key(other.key).language == "fr"
    assert classes.by_key(one.code + other.key[classes.CODE_LENGTH :]) is None
    assert classes.by_key("") is None and classes.by_key("../.." + one.key) is None
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert one.key.encode() not in kept and one.key[5:].encode() not in kept


def test_a_code_is_found_as_people_type_it(room):
    assert classes.normal(f" {room.code[:2].lower()}-{room.code[2:]} ") == room.code
    for wrong in ("", "K7F", "K7FMM", "../x", "K0IO", "é" * 4, "A" * 10_000):
        assert classes.normal(wrong) == ""


def test_two_taps_count_once_and_a_changed_mind_counts_as_it_was_last(room):
    (token,) = phones(room, 1)
    number = votes.ask(room, COLOUR)
    for choice in (2, 2, 1):
        votes.answer(room, token, number, choice)
    assert tallies.tally(room, votes.questions(room)[0]).counts == (0, 1, 0)
    votes.join(room, token)
    assert votes.pupils(room) == 1


def test_who_may_not_answer_is_told_why_and_changes_nothing(room):
    (token,) = phones(room, 1)
    number = votes.ask(room, COLOUR)
    text = votes.ask(room, Question("secret", ({"en": Wording("Say?")},), kind=TEXT))
    refusals = {
        "has no such answer": [(token, number, 3), (token, number, -1), (token, text, 0)],
        "join again": [("another", number, 1)],
        "not asked a question 99": [(token, 99, 0)],
    }
    for words, tried in refusals.items():
        for one in tried:
            with pytest.raises(ClassError, match=words):
                votes.answer(room, *one)
    for state in (votes.CLOSED, votes.REVEALED):
        votes.set_state(room, number, state)
        with pytest.raises(ClassError, match="no more answers"):
            votes.answer(room, token, number, 1)
    assert tallies.tally(room, votes.questions(room)[0]).total == 0
    votes.set_joining(room, False)
    with pytest.raises(ClassError, match="Nobody else"):
        votes.join(room, "too late")
    votes.join(room, token)  # who is in stays in


def test_a_phone_sees_neither_right_nor_counts_before_they_are_revealed(room):
    token, other = phones(room, 2)
    number = votes.ask(room, COLOUR)
    votes.answer(room, token, number, 1)
    for state in (votes.OPEN, votes.CLOSED):
        votes.set_state(room, number, state)
        seen = votes.phone(room, other, "en")
        (shown,) = seen.open or (seen.closed,)
        assert shown.right is None and shown.why == "" and shown.counts == () and shown.own is None
    votes.set_state(room, number, votes.REVEALED)
    shown = votes.phone(room, token, "en").closed
    assert (shown.own, shown.right, shown.counts) == (1, 1, (0, 1, 0))
    assert votes.phone(room, "nobody", "en") is None


def test_halves_are_equal_and_get_the_forms_crossed(room):
    tokens = phones(room, 10)
    votes.ask(room, PARALLEL, BEFORE)
    before = [votes.phone(room, token, "fr").open[0].ask for token in tokens]
    assert before.count("A?") == before.count("B?") == 5
    votes.ask(room, PARALLEL, AFTER)
    after = [votes.phone(room, token, "en").open[1].ask for token in tokens]
    assert all({first, second} == {"A?", "B?"} for first, second in zip(before, after, strict=True))


def test_changes_from_before_to_after_are_told_of_ten_pairs_and_not_of_nine(room):
    tokens = phones(room, 12)
    before, after = votes.ask(room, PARALLEL, BEFORE), votes.ask(room, PARALLEL, AFTER)
    # 2 stay right, 4 learn, 1 unlearns, 2 stay wrong: nine pairs
    for token, first, second in zip(tokens, (0, 0, 1, 1, 2, 2, 0, 1, 2), (0, 0, 0, 0, 0, 0, 1, 1, 2), strict=False):
        votes.answer(room, token, before, first)
        votes.answer(room, token, after, second)
    votes.answer(room, tokens[9], before, 0)
    votes.answer(room, tokens[10], after, 0)
    assert tallies.pairs(room, "1") is None
    votes.answer(room, tokens[9], after, 1)
    assert tallies.pairs(room, "1") == tallies.Pairs(2, 4, 2, 2)


def test_cards_and_hands_have_the_same_figures_as_phones(room):
    (token,) = phones(room, 1)
    number = votes.ask(room, COLOUR)
    votes.answer(room, token, number, 0)
    votes.count_paper(room, number, {0: 3, 1: 12})
    votes.count_paper(room, number, {0: 4})
    tally = tallies.tally(room, votes.questions(room)[0])
    assert tally.phones == (1, 0, 0) and tally.paper == (4, 12, 0) and tally.counts == (5, 12, 0)
    for wrong in ({3: 1}, {0: -1}, {0: 10**9}):
        with pytest.raises(ClassError, match="choices A to C"):
            votes.count_paper(room, number, wrong)


def test_the_interval_of_a_blind_vote_is_wilsons_and_of_several_texts_that_of_pupils(room):
    tokens = phones(room, 20)
    number = votes.ask(room, COLOUR)
    for place, token in enumerate(tokens):
        votes.answer(room, token, number, 1 if place < 14 else 0)
    share = tallies.blind_vote(room, votes.questions(room))
    # R: prop.test(14, 20, correct = FALSE): 0.4810 to 0.8545
    assert (share.share, round(share.low, 4), round(share.high, 4)) == (0.7, 0.4810, 0.8545)
    assert share.chance == pytest.approx(1 / 3)
    second = votes.ask(room, COLOUR)
    for place, token in enumerate(tokens):  # each as before: no new knowledge, so the interval is not narrower
        votes.answer(room, token, second, 1 if place < 14 else 0)
    both = tallies.blind_vote(room, votes.questions(room))
    assert both.total == 40 and both.share == 0.7 and both.high - both.low > 0.95 * (share.high - share.low)


def test_a_table_that_leaves_the_class_hides_numbers_under_five_and_what_tells_them(room):
    assert tallies.hidden((30, 0, 7, 2)) == [30, "<5", 7, "<5"]
    assert tallies.hidden((30, 4, 7)) == [30, "<5", "hidden"]  # else the total less the others tells it
    number = votes.ask(room, typed("q", "Which?", ["=1+1", "b", "c"], "en"))
    votes.count_paper(room, number, {0: 9, 1: 6, 2: 1})
    rows = list(csv.DictReader(io.StringIO(tallies.table(room, "en"))))
    assert [row["answers"] for row in rows] == ["9", "hidden", "<5", "hidden"]
    assert rows[0]["text"] == "'=1+1"


def test_a_table_keeps_texts_from_being_run_and_says_which_number_is_small(room):
    number = votes.ask(room, typed("own", "Which?", ["=1+1", "＝1+1"], "en"))
    votes.count_paper(room, number, {0: 3, 1: 15})
    rows = list(csv.DictReader(io.StringIO(tallies.table(room, "en"))))
    assert [row["answers"] for row in rows] == ["<5", "hidden", "hidden"]
    assert [row["text"][:2] for row in rows] == ["'=", "'＝", ""]


def test_presses_for_cards_at_the_same_time_are_all_counted(room):
    number = votes.ask(room, COLOUR)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: votes.add_paper(room, number, 1, 1), range(40)))
    assert tallies.tally(room, votes.questions(room)[0]).paper == (0, 40, 0)


def test_whatever_is_written_is_progress(room):
    tokens = phones(room, 3)
    numbers = [votes.ask(room, COLOUR) for _ in range(2)]
    seen = [votes.progress(room)]
    for choices in ((1, 0, 1), (0, 2, 0)):
        for token, choice in zip(tokens, choices, strict=True):
            votes.answer(room, token, numbers[0], choice)
            seen.append(votes.progress(room))
    votes.add_paper(room, numbers[0], 1, 1)
    for choice, cards in ((1, -1), (2, 1)):
        votes.add_paper(room, numbers[0], choice, cards)
        seen.append(votes.progress(room))
    assert len(set(seen)) == len(seen) and votes.progress(room) == seen[-1]


def test_what_is_asked_before_the_lesson_is_never_revealed(room):
    number = votes.ask(room, PARALLEL, BEFORE)
    with pytest.raises(ClassError, match="Do not tell it yet"):
        votes.set_state(room, number, votes.REVEALED)
    assert votes.questions(room)[0].state == votes.OPEN


def test_of_a_text_asked_again_the_newest_round_counts(room):
    text = typed("who-wrote-1", "Who?", ["a", "b"], "en", right=0)
    for right in (1, 8):
        votes.count_paper(room, votes.ask(room, text), {0: right, 1: 8 - right})
    (asked,) = tallies.blind_questions(room)
    assert asked.round == 2 and tallies.blind_vote(room, [asked]).share == 1


def test_nothing_of_a_phone_and_no_time_is_kept(room):
    tokens = phones(room, 3)
    number = votes.ask(room, COLOUR)
    for token in tokens:
        votes.answer(room, token, number, 1)
    with sqlite3.connect(room.file) as connection:
        columns = {
            table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        kept = "\n".join(connection.iterdump())
    connection.close()
    assert columns["pupils"] == ["pupil", "half"]
    assert columns["answers"] == ["question", "pupil", "form", "choice"]
    assert not any(token in kept for token in tokens)
    assert f"{datetime.date.today():%Y-%m-%d}" in kept and f"{datetime.datetime.now():%H:%M}" not in kept


def test_a_class_goes_after_thirty_days_or_at_once_with_all_its_files(folder):
    day = datetime.date(2026, 11, 1)
    opened = classes.open_class("fine_tuning", "en", day)
    young = classes.open_class("fine_tuning", "en", day + datetime.timedelta(days=5))
    assert classes.find(opened.code, day + datetime.timedelta(days=29))
    assert classes.erase_old(day + datetime.timedelta(days=30)) == [opened.code]
    assert [path.name for path in folder.iterdir()] == [young.code]
    room = classes.find(young.code, day + datetime.timedelta(days=30))
    phones(room, 1)
    classes.delete(young.code)
    assert list(folder.iterdir()) == []
    with pytest.raises(ClassError, match="no class"):
        votes.pupils(room)


def test_what_a_killed_erasure_has_left_goes_too(folder, monkeypatch):
    opened = classes.open_class("fine_tuning", "en")
    left = folder / f".{opened.code}.999999-abcdef.gone"
    (folder / opened.code).rename(left)
    old = time.time() - 3600
    os.utime(left, (old, old))
    classes.erase_old()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_damaged_class_is_one_sentence_and_can_be_erased(content, room):
    room.file.write_bytes(content)
    with pytest.raises(ClassError):
        classes.find(room.code)
    assert classes.all_classes() == [] and classes.codes() == [room.code]
    classes.delete(room.code)
    assert classes.codes() == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE facts SET value = 'x' WHERE name = 'changes'",
        "UPDATE facts SET value = 'x' WHERE name = 'writes'",
        "DELETE FROM facts WHERE name = 'key'",
        "UPDATE facts SET value = '9999-12-31' WHERE name = 'opened'",
    ],
)
def test_damaged_facts_are_one_sentence(damage, room):
    phones(room, 1)
    with contextlib.closing(sqlite3.connect(room.file)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(ClassError, match="damaged"):
        classes.by_key(f"{room.code}-key")
    assert classes.any_open()


@pytest.mark.parametrize("damage", ["content = 'x'", "content = replace(content, '\"right\": 1', '\"right\": 0.5')"])
def test_a_damaged_question_hides_no_other(damage, room):
    (token,) = phones(room, 1)
    first, second = votes.ask(room, COLOUR), votes.ask(room, COLOUR)
    with contextlib.closing(sqlite3.connect(room.file)) as connection, connection:
        connection.execute(f"UPDATE questions SET {damage} WHERE number = ?", (first,))
    assert [one.number for one in votes.questions(room)] == [second]
    assert [one.number for one in votes.phone(room, token, "en").open] == [second]
    with pytest.raises(ClassError, match="ask it again"):
        votes.answer(room, token, first, 1)


def test_a_folder_without_answers_goes_by_its_own_time_and_is_not_told_before(folder, room):
    (folder / "ACDE").mkdir()
    assert classes.erase_old() == [] and (folder / "ACDE").is_dir()
    old = time.time() - 31 * 24 * 3600
    os.utime(folder / "ACDE", (old, old))
    assert classes.erase_old() == ["ACDE"] and classes.codes() == [room.code]


def test_thirty_threads_and_a_second_process_lose_and_double_no_answer(room):
    tokens = phones(room, 60)
    number = votes.ask(room, COLOUR)
    other = subprocess.Popen(
        [sys.executable, "-c", _VOTER, room.code, str(number), "30", "60"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda place: votes.answer(room, tokens[place % 30], number, place % 3), range(90)))
    assert len(other.communicate(timeout=60)[0].split()) == 30
    tally = tallies.tally(room, votes.questions(room)[0])
    assert tally.total == 60


_VOTER = """
import sys
from engine.classroom import classes, votes
code, number, first, last = sys.argv[1], *map(int, sys.argv[2:])
room = classes.find(code)
for place in range(first, last):
    votes.answer(room, f"token-{place}", number, place % 3)
    print(place, flush=True)
"""


def test_what_was_confirmed_survives_a_kill(room):
    phones(room, 400)
    number = votes.ask(room, COLOUR)
    for first in (0, 200):
        voter = subprocess.Popen(
            [sys.executable, "-c", _VOTER, room.code, str(number), str(first), str(first + 200)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        confirmed = [int(voter.stdout.readline()) for _ in range(20)]
        voter.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        confirmed += [int(line) for line in voter.communicate(timeout=30)[0].split()]
        kept = {votes.pupil_of(room.code, f"token-{place}") for place in confirmed}
        there = {row[0] for row in room.read(lambda c: c.execute("SELECT pupil FROM answers").fetchall())}
        assert len(confirmed) >= 20 and kept <= there


def test_a_writer_waits_for_another_instead_of_failing(room):
    phones(room, 1)
    number = votes.ask(room, COLOUR)
    held, go = threading.Event(), threading.Event()

    def hold(_connection):
        held.set()
        go.wait(10)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(room.write, hold)
        held.wait(10)
        answered = pool.submit(votes.answer, room, "token-0", number, 0)
        assert not answered.done()
        go.set()
        holding.result(10), answered.result(10)
    assert tallies.tally(room, votes.questions(room)[0]).total == 1


def test_the_folder_of_classes_is_this_machines_alone(monkeypatch):
    monkeypatch.delenv("ATELIER_CLASSES")
    assert paths.classes_root() == PROJECT / "classes"
