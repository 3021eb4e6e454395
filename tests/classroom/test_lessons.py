"""A lesson's texts: both languages whole and alike, and what is wrong in one of them is told with its file and line."""

import json
import shutil

import pytest
from project import PROJECT

from engine.classroom import figures, lessons
from engine.classroom.questions import AFTER, BEFORE, TEXT
from engine.core.errors import LessonError

SHIPPED = PROJECT / "lessons" / lessons.FINE_TUNING


@pytest.fixture
def copy(tmp_path):
    """The lesson that ships, to be changed."""
    shutil.copytree(SHIPPED, tmp_path / "mine")
    return tmp_path / "mine"


def test_the_lesson_that_ships_is_whole_in_both_languages():
    lesson = lessons.load()
    assert [step.number for step in lesson.steps["fr"]] == list(range(7))
    assert lesson.minutes() == 48 and lesson.minutes(short=True) == 20
    assert lesson.parallel() == ["1", "2", "3", "4", "5", "6"]
    for name in lesson.parallel():
        question = lesson.question(name)
        assert question.count == 5 and question.unsure == 4 and question.right is not None
        for code in lessons.LANGUAGES:
            first, second = (question.wording(form, code) for form in (0, 1))
            assert first.ask != second.ask and first.why and second.why
        forms = [question.form(moment, half) for half in (0, 1) for moment in (BEFORE, AFTER)]
        assert forms == [0, 1, 1, 0]
    assert lesson.question("secret").kind == TEXT
    assert all(step.wall and step.teacher and step.gloss for steps in lesson.steps.values() for step in steps)


def test_the_right_answers_do_not_all_stand_at_one_place():
    lesson = lessons.load()
    assert len({lesson.question(name).right for name in lesson.parallel()}) >= 3


def test_every_figure_of_a_recording_is_filled_in_as_the_language_writes_it():
    filled = {code: figures.recorded(code) for code in lessons.LANGUAGES}
    assert figures.RECORDED <= set(filled["en"]) == set(filled["fr"]) <= figures.NAMES
    lines = (PROJECT / "checkpoints/recorded-mini/events.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = [json.loads(line) for line in lines]
    points = [e for e in recorded if e["kind"] == "evaluation" and e["split"] == "validation" and not e["whole"]]
    for name, point in (("base_accuracy", points[0]), ("run_accuracy", points[-1])):  # as the curve on the wall ends
        assert filled["en"][name] == f"{100 * point['accuracy']:.1f}\u00a0%"
        assert filled["fr"][name] == filled["en"][name].replace(".", ",")
    why = lessons.load().question("4", filled).wording(0, "fr").why
    assert filled["fr"]["run_accuracy"] in why and filled["fr"]["random_accuracy"] in why and "{" not in why
    assert 8 <= len(filled["en"]["run_words"].strip("… ").split()) <= 12


def test_the_article_of_the_vote_is_one_of_the_samples_and_the_recordings_confirm_questions_4_and_5():
    lesson = lessons.load()
    quoted = lesson.question("who-wrote-2").wording(0, "en").ask.split('"')[1]
    assert quoted in (PROJECT / "articles/sample/test.jsonl").read_text(encoding="utf-8")
    number = {
        name: float(text.rstrip("\u00a0%")) for name, text in figures.recorded("en").items() if text.endswith("%")
    }
    assert number["random_accuracy"] < number["base_accuracy"] < number["run_accuracy"]
    assert number["english_after"] < number["english_before"]


def change(file, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


WRONG = {
    "no front matter": ("en/01-guess.md", "---\nstep", "step", 1, "three hyphens"),
    "unknown key": ("en/01-guess.md", "minutes: 7", "minute: 7", 4, "“minute” is none of step"),
    "twice": ("en/01-guess.md", "minutes: 7", "step: 7", 4, "is there twice"),
    "no number": ("fr/01-guess.md", "minutes: 7", "minutes: sept", 4, "number from 0 to 99"),
    "short": ("en/01-guess.md", "short: 5", "short: often", 6, "short is a number from 0 to 99"),
    "other short": ("fr/02-curve.md", "short: 6", "short: 7", 1, "are those of en/02-curve.md"),
    "kind": ("en/01-guess.md", "kind: guess", "kind: gess", 5, "“gess” is none of join"),
    "missing": ("en/01-guess.md", "kind: guess\n", "", 6, "kind is missing"),
    "figure": ("en/02-curve.md", "{base_accuracy}", "{base_acuracy}", 12, "no figure is called “base_acuracy”"),
    "section": ("fr/02-curve.md", "## Enseignant", "## Ensegnant", 14, "is no section"),
    "two right": ("en/01-guess.md", "- [ ] midnight", "- [x] midnight", 38, "one right choice"),
    "box": ("en/01-guess.md", "- [ ] midnight", "- [] midnight", 38, "a choice begins with"),
    "no reason": ("en/02-curve.md", "Why: What", "What", 31, "the reason begins with"),
    "gloss": ("en/02-curve.md", "- base: the", "- base the", 22, "a gloss is a line"),
    "name": ("en/02-curve.md", "## Question shape", "## Question The Shape", 25, "small letters"),
    "other right": ("fr/02-curve.md", "- [x] raide", "- [ ] raide", 25, "the right one are those of en/02-curve.md"),
    "other choices": ("fr/02-curve.md", "- [ ] une droite qui monte\n", "", 25, "number of choices"),
    "other minutes": ("fr/02-curve.md", "minutes: 10", "minutes: 9", 1, "are those of en/02-curve.md"),
    "other gloss": ("fr/02-curve.md", "- base:", "- bases:", 1, "same English"),
    "form B alone": ("en/00-join.md", "## Question 1 A", "## Question 7 A", None, "form A is needed"),
    "forms apart": (
        "en/00-join.md",
        "- [ ] one of five of its statements is true\n",
        "",
        None,
        "form B has the choices",
    ),
    "step twice": ("en/02-curve.md", "step: 2", "step: 1", 1, "step 1 is already in"),
}


@pytest.mark.parametrize("place, old, new, line, words", WRONG.values(), ids=WRONG)
def test_one_sentence_names_file_and_line_of_what_is_wrong(place, old, new, line, words, copy):
    change(copy / place, old, new)
    with pytest.raises(LessonError) as caught:
        lessons.load("mine", copy)
    assert str(caught.value).startswith(f"{place}, line {line or ''}") and words in str(caught.value)


def test_a_step_that_one_language_lacks_and_a_file_in_another_encoding_are_told(copy):
    (copy / "fr" / "03-time.md").unlink()
    with pytest.raises(LessonError, match=r"en/03-time.md, line 1: the other language has no step 3"):
        lessons.load("mine", copy)
    shutil.copy(SHIPPED / "fr" / "03-time.md", copy / "fr")
    text = (copy / "fr" / "00-join.md").read_text(encoding="utf-8")
    (copy / "fr" / "00-join.md").write_bytes(text.encode("latin-1", "replace"))
    with pytest.raises(LessonError, match=r"fr/00-join.md, line 8: it is no UTF-8"):
        lessons.load("mine", copy)


def test_a_text_of_before_says_only_whether_the_short_form_has_its_step(copy):
    for code in lessons.LANGUAGES:
        change(copy / code / "02-curve.md", "short: 6", "short: yes")
        change(copy / code / "01-guess.md", "short: 5", "short: no")
    lesson = lessons.load("mine", copy)
    assert lesson.step(2, "en").planned(short=True) == lesson.step(2, "en").minutes == 10
    assert not lesson.step(1, "fr").short and lesson.minutes(short=True) == 20 - 5 + 4


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault(copy):
    for file in copy.rglob("*.md"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert lessons.load("mine", copy).names() == lessons.load().names()


def test_a_lesson_or_question_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(LessonError, match="there are fine_tuning"):
        lessons.load("../engine")
    with pytest.raises(LessonError, match="next-word"):
        lessons.load().question("nothing")
