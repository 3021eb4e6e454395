"""A class led from the command line."""

import csv
import json
import shutil

import pytest
from class_helpers import taught
from project import PROJECT

from engine.classroom import classes, opening, release, room, votes
from engine.cli.app import main
from engine.core import jobs, machine, paths
from engine.core.files import write_json
from engine.services import room_check


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    monkeypatch.setattr(machine, "addresses", lambda: ["192.168.100.100", "10.0.0.5"])


def told(capsys, *arguments: str) -> dict:
    assert main(["class", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_teacher_leads_a_class_from_opening_to_erasing(capsys, tmp_path):
    opened = told(capsys, "open", "--language", "fr")
    assert opened["join"] == ["10.0.0.5:8501/c", "192.168.100.100:8501/c"]
    assert all(len(address) <= opening.MOST_TYPED for address in opened["join"])
    room = classes.by_key(opened["key"])
    for number in range(12):
        votes.join(room, f"token-{number}")
    assert told(capsys, "ask", "before")["questions"] == [1, 2, 3, 4, 5, 6]
    for number in range(12):
        votes.answer(room, f"token-{number}", 1, 0)
    assert told(capsys, "close")["closed"] == [1, 2, 3, 4, 5, 6]
    told(capsys, "ask", "after")
    for number in range(12):
        votes.answer(room, f"token-{number}", 7, 2)
    told(capsys, "ask", "--text", "Qui ?", "--choice", "moi", "--choice", "toi", "--right", "B")
    assert told(capsys, "cards", "A=3", "b=9")["paper"] == [3, 9]
    assert told(capsys, "reveal")["number"] == 13
    found = told(capsys, "results", "--csv", str(tmp_path / "table.csv"))
    assert found["pairs"]["1"] == {"right_right": 0, "wrong_right": 12, "right_wrong": 0, "wrong_wrong": 0}
    assert found["questions"][12]["state"] == votes.REVEALED and found["phones"] == 12
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [row["answers"] for row in rows if row["question"] == "own"] == ["<5", "hidden", "hidden"]
    told(capsys, "joining", "off")
    assert not votes.joining(room)
    assert told(capsys, "list")["classes"][0]["code"] == opened["code"]
    assert told(capsys, "delete")["deleted"] == [opened["code"]]
    assert list(paths.classes_root().iterdir()) == []


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["ask", "before"], "open one first"),
        (["ask", "before", "--class", "AAAA"], "no class AAAA"),
        (["open", "--lesson", "nothing"], "there are fine_tuning"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, words, capsys):
    assert main(["class", *arguments]) == 1
    assert words in capsys.readouterr().err


def test_faults_of_a_question_are_one_sentence_each(capsys):
    told(capsys, "open")
    for arguments, words in (
        (["ask"], "Give the names of questions"),
        (["ask", "nothing"], "has no question nothing"),
        (["ask", "--text", "Alone?", "--choice", "one"], "2 to 8 choices"),
        (["ask", "--text", "Which?", "--choice", "a", "--choice", "b", "--right", "C"], "one of 1 to 2"),
        (["cards", "A=3"], "not asked a question"),
        (["reveal"], "not asked a question"),
    ):
        assert main(["class", *arguments]) == 1
        assert words in capsys.readouterr().err
    code = classes.codes()[0]
    told(capsys, "open")
    assert main(["class", "ask", "before"]) == 1
    assert "Several classes" in capsys.readouterr().err
    told(capsys, "ask", "before", "--class", code)


def test_no_class_is_opened_on_a_public_server(capsys, monkeypatch):
    for name, value in (("SPACE_ID", "somebody/atelier"), ("COLAB_RELEASE_TAG", "release")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert main(["class", "open"]) == 1
            assert "is a public server" in capsys.readouterr().err
    from pathlib import Path

    monkeypatch.setattr(paths, "PROJECT", Path("/mount/src/atelier"))
    assert str(opening.refusal()).count("Streamlit Community Cloud") == 1
    assert not paths.classes_root().exists()


def test_the_report_of_a_class_and_the_page_without_answers_are_written_and_the_page_is_released(
    capsys, tmp_path, root, prepared_sample
):
    of = taught(12, "fr")
    assert told(capsys, "release", "on")["released"] and release.is_released(of)
    assert not told(capsys, "release", "off")["released"] and not release.is_released(of)
    found = told(capsys, "report", of.code.lower(), "--out", str(tmp_path / "class.html"))
    page = (tmp_path / "class.html").read_text(encoding="utf-8")
    assert found["language"] == "fr" and found["run"] == "recorded-mini"
    assert f"le rapport de la classe {of.code}" in page and "29,7\u00a0%" in page
    told(capsys, "report", "--out", str(tmp_path / "page.html"), "--language", "en", "--without-answers")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Right: C. still write in their style" in page and "You: " not in page


def test_the_room_is_checked_with_the_findings_of_the_page(capsys, root):
    found = told(capsys, "check", "--no-training", "--port", "9")
    assert found["ready"] is True and "with cards instead of phones" in found["summary"]
    of = {row["subject"]: row for row in found["findings"]}
    assert list(of) == list(room.SUBJECTS[: room.SUBJECTS.index(room.MINUTE) + 1])
    assert of["texts"]["state"] == "well" and "7 steps" in of["texts"]["sentence"]
    assert "10.0.0.5:9/c" in of["network"]["sentence"] and "--server.address" in of["network"]["advice"]
    assert main(["class", "check", "--no-training", "--port", "9"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("in order") and "texts" in printed[0] and printed[-1] == found["summary"]
    assert any(line.startswith("LOOK") for line in printed) and any("-> " in line for line in printed)


def test_a_room_whose_lesson_has_a_wrong_text_is_not_ready(capsys, root, monkeypatch, tmp_path):
    copy = tmp_path / "project" / "lessons"
    shutil.copytree(PROJECT / "lessons", copy)
    monkeypatch.setattr(paths, "LESSONS", copy)
    monkeypatch.setattr(room_check, "Check", InThisProcess)
    file = sorted((copy / "fine_tuning" / "fr").glob("*.md"))[0]
    file.write_text(file.read_text(encoding="utf-8").replace("kind:", "kinds:"), encoding="utf-8")
    assert main(["class", "check", "--no-training", "--json"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not found["ready"] and f"fr/{file.name}, line " in found["findings"][0]["sentence"]
    assert main(["class", "check", "--lesson", "another"]) == 1
    assert "there are fine_tuning" in capsys.readouterr().err


class InThisProcess:
    """A check whose work is done here, where a test has changed what is looked at."""

    def start(self, lesson, addresses, trains=True):
        file = room_check.folder() / "check.json"
        file.parent.mkdir(parents=True)
        write_json(
            file, {"state": room_check.CHECKING, "since": 1.0, "lesson": lesson, "addresses": [], "trains": trains}
        )
        assert jobs.work(file, room_check.check) == 0

    def status(self):
        return _Check().status()


_Check = room_check.Check
