"""The check of a room: what is whole, what is wrong and what to do about it, and where the lesson of a class stands."""

import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest
from project import PROJECT

from engine.classroom import classes, lessons, position, room, room_speed, secret, votes
from engine.classroom.room import LOOK, MISSING, WELL, Finding
from engine.classroom.room_speed import Speed
from engine.core import paths
from engine.core.errors import EngineError, StorageError
from engine.runs import lifecycle


@pytest.fixture(autouse=True)
def own_classes(root, monkeypatch, tmp_path):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))


@pytest.fixture
def own_lessons(monkeypatch, tmp_path):
    """The lessons' texts, to be spoilt."""
    shutil.copytree(PROJECT / "lessons", tmp_path / "lessons")
    monkeypatch.setattr(paths, "LESSONS", tmp_path / "lessons")
    return tmp_path / "lessons" / lessons.FINE_TUNING


@pytest.fixture
def own_recordings(monkeypatch, tmp_path):
    """The recorded runs, to be spoilt."""
    folder = tmp_path / "shipped"
    for run in (PROJECT / "checkpoints").glob("recorded-*"):
        shutil.copytree(run, folder / run.name)
    monkeypatch.setattr(paths, "RECORDED", folder / "recorded-mini")
    return folder


def spoilt(file, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_whole_texts_are_counted_and_a_figure_that_nobody_recorded_is_named(own_lessons):
    found = room.texts(lessons.FINE_TUNING)
    assert found[0].state == WELL and found[0].sentence.values["steps"] == 7
    measured = own_lessons.parent / "measured.json"
    values = json.loads(measured.read_text())
    del values["bigram_accuracy"]
    measured.write_text(json.dumps(values))
    used = "{bigram_accuracy}" in "".join(f.read_text(encoding="utf-8") for f in own_lessons.rglob("*.md"))
    assert used, "the test needs another figure"
    (look,) = [one for one in room.texts(lessons.FINE_TUNING) if one.state == LOOK]
    assert "bigram_accuracy" in str(look.sentence)


def test_each_text_that_is_wrong_is_told_with_its_file_and_line(own_lessons):
    english, french = (sorted((own_lessons / code).glob("*.md")) for code in ("en", "fr"))
    spoilt(english[2], "minutes:", "minuts:")
    spoilt(french[1], "- [x]", "- [y]")
    found = room.texts(lessons.FINE_TUNING)
    assert [one.state for one in found] == [MISSING, MISSING]
    assert f"en/{english[2].name}, line " in str(found[0].sentence)
    assert f"fr/{french[1].name}, line " in str(found[1].sentence)
    assert room.summary(found).state == MISSING


def test_languages_that_do_not_suit_one_another_are_told(own_lessons):
    sorted((own_lessons / "fr").glob("*.md"))[3].unlink()
    (found,) = room.texts(lessons.FINE_TUNING)
    assert found.state == MISSING and "the other language has no step 3" in str(found.sentence)


def test_recordings_that_ship_are_whole():
    (found,) = room.recordings(lessons.FINE_TUNING)
    assert found.state == WELL, found


def test_a_recording_that_is_missing_emptied_or_altered_by_one_bit_is_named(own_recordings):
    shutil.rmtree(own_recordings / "recorded-random")
    (own_recordings / "recorded-break" / "events.jsonl").write_text("")
    (weights,) = (own_recordings / "recorded-mini").glob("step-*/*.weights.h5")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    found = room.recordings(lessons.FINE_TUNING)
    assert {one.state for one in found} == {MISSING} and all(one.advice for one in found)
    told = " ".join(str(one.sentence) for one in found)
    assert len(found) == 3 and all(name in told for name in ("recorded-random", "recorded-break", "recorded-mini/200"))


def test_words_that_were_changed_since_their_recording_are_told(own_recordings, own_lessons):
    for code in ("en", "fr"):
        (file,) = [f for f in (own_lessons / code).glob("*.md") if "next-word" in f.read_text(encoding="utf-8")]
        spoilt(file, "] examinations", "] exams")
    assert "next_word.json" in " ".join(str(one.sentence) for one in room.recordings(lessons.FINE_TUNING))


def test_answers_are_tried_out_and_nothing_of_it_stays(tmp_path):
    found = room.answers()
    assert found.state == WELL and list(paths.classes_root().iterdir()) == []


def test_answers_that_cannot_be_written_are_told_and_cards_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "file" / "classes"))
    found = room.answers()
    assert found.state == LOOK and "cards" in str(found.advice)
    assert "cards instead of phones" in str(room.summary([found]).sentence)


def test_a_class_that_sqlite_cannot_write_is_refused_in_a_sentence(monkeypatch):
    def full(*_args, **_more):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(classes.sqlite3, "connect", full)
    with pytest.raises(StorageError):
        classes.open_class("fine_tuning", "en")
    assert room.answers().state == LOOK


def test_the_network_is_what_answers_where_phones_type():
    assert "no network" in str(room.network(["http://localhost:8501", "http://127.0.0.1:8501"]).sentence)
    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Health) as server:
        # Of the loopback's network, which no phone has: this machine answers there all the same.
        address = f"http://127.0.0.2:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Health.says = b"something else"
        other = room.network([address])
        Health.says = b"ok"
        found = room.network([address, "http://localhost:8501"])
        long = room.network([address + "/atelier-of-the-school"])
        server.shutdown()
    nothing = room.network([address])
    assert other.state == nothing.state == LOOK and "firewall" in str(nothing.advice)
    assert found.state == WELL and str(found.sentence) == f"Phones type {address.removeprefix('http://')}/c."
    assert long.state == LOOK and "QR code" in str(long.advice)


class Health(http.server.BaseHTTPRequestHandler):
    """What a server says of its health."""

    says = b""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.says)

    def log_message(self, *_args):
        """Prints nothing."""


def test_a_run_that_waits_is_named(root):
    assert room.others().state == WELL
    settings = secret.settings(secret.Secret(secret.EXAMPLE, 1), "articles/sample")
    lifecycle.create(settings.__class__(**{**settings.__dict__, "name": "another"}), root=root)
    found = room.others()
    assert found.state == LOOK and "another" in str(found.sentence)


def of(subject: str, state: str) -> Finding:
    return Finding(subject, state, EngineError("x"))


@pytest.mark.parametrize(
    "states, said, state",
    [
        ({room.PHONE: WELL}, "This room is ready.", WELL),
        ({}, "not tried yet", LOOK),
        ({room.PHONE: LOOK}, "with cards instead of phones", LOOK),
        ({room.NETWORK: LOOK, room.PHONE: WELL}, "with cards instead of phones", LOOK),
        ({room.FRAMEWORK: LOOK, room.PHONE: WELL}, "with recorded runs.", LOOK),
        ({room.MINUTE: LOOK, room.ANSWERS: LOOK}, "with recorded runs, and with cards", LOOK),
        ({room.QUEUE: LOOK, room.SECRET: LOOK, room.PHONE: WELL}, "This room is ready.", WELL),
        ({room.RECORDINGS: MISSING, room.PHONE: WELL}, "not ready yet", MISSING),
    ],
)
def test_one_sentence_says_how_the_lesson_goes(states, said, state):
    found = room.summary([of(room.TEXTS, WELL), *(of(*one) for one in states.items())])
    assert said in str(found.sentence) and found.state == state


def test_a_finding_comes_back_from_a_file_and_damage_is_none():
    found = Finding(room.MINUTE, LOOK, EngineError("{n} s", n=3), EngineError("Wait."), 12.0)
    back = Finding.from_json(json.loads(json.dumps(found.to_json())))
    assert back is not None and back.to_json() == found.to_json() and str(back.sentence) == "3 s"
    for damaged in (None, [], {}, {**found.to_json(), "state": "?"}, {**found.to_json(), "sentence": "x"}):
        assert Finding.from_json(damaged) is None


def a_measured_run(root, seconds_a_step: float = 0.1):
    """A run of the check that took 20 s before its first step, 1 s for each interval, and 5 s at its end."""
    (root / "articles").mkdir()
    for name, content in secret.articles(secret.Secret(secret.EXAMPLE, 1)).items():
        (root / "articles" / name).write_bytes(content)
    run = lifecycle.create(room_speed.tried(str(root / "articles")), root=root)
    lines = [{"kind": "state", "state": "running", "time": 1000.0}]
    for step, waited in ((1, 20.0), (10, 20.0), (20, 21.0), (30, 22.0)):
        seconds = 2.0 + (step - 1) * seconds_a_step  # the first one was compiled in 2 s
        lines.append(
            {"kind": "step", "step": step, "tokens": step * 768, "seconds": seconds, "time": 1000.0 + waited + seconds,
             "epoch": 1.0, "loss": 1.0, "accuracy": 0.1, "learning_rate": 0.1, "tokens_per_second": 1.0, "memory_bytes": 1}
        )  # fmt: skip
    lines.append({"kind": "state", "state": "finished", "time": lines[-1]["time"] + 5.0})
    (run.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


def test_a_speed_is_told_from_a_run_and_says_how_long_the_lesson_waits(root):
    speed = room_speed.of_run(a_measured_run(root))
    assert speed is not None
    assert speed.tokens_per_second == pytest.approx(7680) and speed.step_tokens == pytest.approx(768)
    assert (speed.before, speed.after) == (pytest.approx(22.0), pytest.approx(5.0))
    assert speed.within == pytest.approx(2.0 / 2.9)
    # 119 more steps of 0.1 s, each second with its share of the intervals
    assert speed.seconds(120) == pytest.approx(22 + 11.9 * (1 + 2 / 2.9) + 5)
    assert speed.steps_within(60, 2048) == round(33 / (1 + 2 / 2.9) * 7680 / 2048)
    minute, hidden = room_speed.findings(speed, now_measured=True)
    assert (minute.state, hidden.state) == (WELL, WELL) and minute.at is None
    assert hidden.sentence.values["seconds"] == 47 and minute.sentence.values["training"] == 33
    assert [one.at for one in room_speed.findings(speed, now_measured=False)] == [speed.at] * 2
    assert Speed.from_json(json.loads(json.dumps(speed.to_json()))) == speed
    assert Speed.from_json({**speed.to_json(), "tokens_per_second": 0}) is None


def test_a_slow_machine_is_told_what_to_do(root):
    speed = room_speed.of_run(a_measured_run(root, seconds_a_step=1.0))
    slow = Speed(**{**speed.__dict__, "before": 50.0})
    minute, hidden = room_speed.findings(slow, now_measured=True)
    assert (minute.state, hidden.state) == (LOOK, LOOK) and "recorded run" in str(minute.advice)
    assert hidden.sentence.values["seconds"] > 90


def test_the_newest_run_of_the_lessons_kind_tells_a_speed(root):
    a_measured_run(root)
    found = room_speed.last_here(lifecycle.all_runs(root))
    assert found is not None and found.at == pytest.approx(1000 + 22 + 4.9 + 5, abs=1)
    assert room_speed.last_here([]) is None


@pytest.fixture
def school_class():
    return classes.find(classes.open_class("fine_tuning", "en").code)


def test_a_position_is_read_by_any_process_and_written_only_when_it_changes(school_class):
    assert position.of(school_class) is None
    first = position.put(school_class, "2 text", False, "run", True)
    assert position.of(school_class) == first and first.begun == first.entered
    written = votes.progress(school_class)
    assert position.put(school_class, "2 text", False, "run", False) == first
    assert votes.progress(school_class) == written
    moved = position.put(school_class, "3 text", True, "run", True)
    assert moved.begun == first.begun and moved.entered >= first.entered
    assert votes.progress(school_class) == written + 1  # whoever follows sees that something is new
    script = (
        f"from engine.classroom import classes, position; print(position.of(classes.find('{school_class.code}')).slide)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.strip() == "3 text"


def test_the_moment_that_is_looked_back_at_belongs_to_the_class_and_to_its_run(school_class):
    position.put_moment(school_class, 3)  # nothing was shown yet
    assert position.of(school_class) is None
    position.put(school_class, "4 text", False, "run", True)
    assert position.of(school_class).moment == 0
    position.put_moment(school_class, 3)
    written = votes.progress(school_class)
    position.put_moment(school_class, 3)
    assert votes.progress(school_class) == written and position.of(school_class).moment == 3
    assert position.put(school_class, "5 text", False, "run", True).moment == 3  # who comes back finds it there
    assert position.put(school_class, "5 text", False, "another", False).moment == 0
    for wrong in (-1, position.LAST_MOMENT + 1, True, 1.0):
        with pytest.raises(ValueError, match="moments are counted"):
            position.put_moment(school_class, wrong)


def test_a_class_of_before_has_its_position_and_no_moment_yet(school_class):
    former = {"slide": "4 text", "short": False, "run": "run", "begun": 1.0, "entered": 2.0}
    position.put(school_class, "2 text", False, "", True)
    school_class.write(lambda c: c.execute("UPDATE facts SET value = ? WHERE name = 'position'", (json.dumps(former),)))
    assert position.of(school_class) == position.Position(**former, moment=0)
    position.put_moment(school_class, 2)
    assert position.of(school_class) == position.Position(**former, moment=2)


def test_turning_the_page_is_nothing_new_for_phones(school_class):
    votes.join(school_class, "token")
    before = votes.news(school_class, "token")
    position.put(school_class, "2 text", False, "", True)
    assert votes.news(school_class, "token") == before


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "{}",
        "{",
        '{"slide": 1, "short": 0}',
        "9" * 5000,
        '{"slide": "2 text", "short": false, "run": "", "begun": 1, "entered": 1, "moment": -1}',
    ],
)
def test_a_position_that_was_damaged_is_none_and_is_written_anew(school_class, damage):
    position.put(school_class, "2 text", False, "", True)
    school_class.write(lambda c: c.execute("UPDATE facts SET value = ? WHERE name = 'position'", (damage,)))
    assert position.of(school_class) is None
    assert position.put(school_class, "3 text", False, "", True).slide == "3 text"
