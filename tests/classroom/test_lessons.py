"""A lesson's texts: both languages whole and alike, and what is wrong in one of them is told with its file and line."""

import json
import shutil

import pytest
from project import PROJECT

from engine.classroom import figures, lessons
from engine.classroom.questions import AFTER, BEFORE, CHOICE, CURVE, TEXT
from engine.core import paths
from engine.core.errors import LessonError
from engine.runs.history import shared
from scripts import record

SHIPPED = PROJECT / "lessons" / lessons.FINE_TUNING


@pytest.fixture
def copy(tmp_path):
    """The lesson that ships, to be changed."""
    shutil.copytree(SHIPPED, tmp_path / "mine")
    return tmp_path / "mine"


def test_the_lesson_that_ships_is_whole_in_both_languages():
    lesson = lessons.load()
    assert [step.number for step in lesson.steps["fr"]] == list(range(7))
    # With the slack: the fifty and the twenty minutes that the papers and the wall speak of.
    assert lessons.SLACK_MINUTES == 2 and lesson.minutes() == 48 and lesson.minutes(short=True) == 18
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
    assert quoted.startswith("… ") and quoted.endswith(" …")  # as what the models wrote: nothing gives it away
    lengths = {
        len(text.strip("… ").split())
        for text in (quoted, *(figures.recorded("en")[f"{of}_words"] for of in ("base", "run")))
    }
    assert len(lengths) == 1
    assert quoted.strip("… ") in (PROJECT / "articles/sample/test.jsonl").read_text(encoding="utf-8")
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
    "short": ("en/01-guess.md", "short: 4", "short: often", 6, "short is a number from 0 to 99"),
    "other short": ("fr/02-curve.md", "short: 5", "short: 7", 1, "are those of en/02-curve.md"),
    "kind": ("en/01-guess.md", "kind: guess", "kind: gess", 5, "“gess” is none of join"),
    "missing": ("en/01-guess.md", "kind: guess\n", "", 6, "kind is missing"),
    "figure": ("en/02-curve.md", "{base_accuracy}", "{base_acuracy}", 12, "no figure is called “base_acuracy”"),
    "section": ("fr/02-curve.md", "## Enseignant", "## Ensegnant", 14, "is no section"),
    "two right": ("en/01-guess.md", "- [ ] midnight", "- [x] midnight", 38, "one right choice"),
    "box": ("en/01-guess.md", "- [ ] midnight", "- [] midnight", 38, "a choice begins with"),
    "no reason": ("en/02-curve.md", "Why: What", "What", 34, "the reason begins with"),
    "gloss": ("en/02-curve.md", "- base: the", "- base the", 22, "a gloss is a line"),
    "name": ("en/02-curve.md", "## Question shape", "## Question The Shape", 26, "small letters"),
    "other right": (
        "fr/02-curve.md",
        "- [x] raide",
        "- [ ] raide",
        26,
        "the right one and the grid are those of en/02-curve.md",
    ),
    "other choices": ("fr/02-curve.md", "- [ ] une droite qui monte\n", "", 26, "number of choices"),
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
    "moments shrink": ("en/02-curve.md", "10, 20, 30", "30, 20, 10", 26, "numbers that grow"),
    "no heights": (
        "fr/02-curve.md",
        "Hauteurs : 15, 20, 25, 30, 35, 40, 45, 50\n",
        "",
        26,
        "2 to 10 heights in percent",
    ),
    "too high": ("en/02-curve.md", "45, 50", "45, 150", 26, "2 to 10 heights in percent"),
    "other grid": ("fr/02-curve.md", "45, 50", "45, 55", 26, "and the grid are those of en/02-curve.md"),
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


def test_who_takes_the_grid_out_of_the_file_has_the_shapes_on_phones_too(copy):
    lesson = lessons.load()
    assert lesson.question("shape").kind == CURVE and lesson.question("shape").count == 4
    for file in copy.glob("*/02-curve.md"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text(
            "".join(x for x in lines if not x.startswith(("Moments", "Heights", "Hauteurs"))), encoding="utf-8"
        )
    alone = lessons.load("mine", copy).question("shape")
    assert alone.kind == CHOICE and alone.grid is None and alone.count == 4


def test_the_recorded_minute_lies_on_the_grid():
    grid, run = lessons.load().question("shape").grid, shared.of(PROJECT / "checkpoints" / "recorded-mini")
    reached = [100 * event["accuracy"] for event in run.at_intervals()]
    each = grid.heights[1] - grid.heights[0]
    assert abs(reached[0] - grid.heights[0]) < each  # the lowest row is where the base stands
    assert max(reached) < grid.heights[-2]  # and above what comes there is room to be wrong


def test_the_simplest_guesses_are_measured_on_the_tokens_of_the_curve():
    shipped = json.loads((paths.LESSONS / figures.MEASURED_FILE).read_text(encoding="utf-8"))
    assert record.baselines() == {name: shipped[name] for name in ("bigram_accuracy", "frequent_accuracy")}


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault(copy):
    for file in copy.rglob("*.md"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert lessons.load("mine", copy).names() == lessons.load().names()


def test_a_lesson_or_question_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(LessonError, match="there are fine_tuning"):
        lessons.load("../engine")
    with pytest.raises(LessonError, match="next-word"):
        lessons.load().question("nothing")
