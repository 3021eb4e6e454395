"""The pages that are taken home: a pupil's with her own answers and nobody else's, a class's in which nobody can be found."""

import csv
import datetime
import io
import itertools
import re
from dataclasses import replace
from html import unescape

import pytest
from class_helpers import choice_of, taught, token
from pages_helpers import a_run
from report_helpers import HOSTILE, Elements, a_report, filled_with, printed

from engine.classroom import class_figures, classes, own_answers, release, take_home_page, tallies, votes
from engine.classroom.class_figures import NOTHING_GUESSED, ClassFigures, Guessed, QuestionFigures, Row
from engine.classroom.curve_picture import Guess, Guesses, picture
from engine.classroom.own_answers import Answered, Chosen
from engine.classroom.questions import AFTER, BEFORE, ONCE, TEXT, Question, Wording, typed
from engine.classroom.votes import letter
from engine.core.errors import ClassError
from engine.core.wording import Wording as Sentences
from engine.runs import lifecycle

pytestmark = pytest.mark.usefixtures("own_classes")
LANGUAGES = ["en", "fr"]
RIGHT = {"en": "Right: ", "fr": "Juste\u00a0: "}
PARALLEL = Question("1", ({"en": Wording("A?", ("a0", "a1"))}, {"en": Wording("B?", ("b0", "b1"))}), right=0)


@pytest.fixture
def room():
    return classes.find(classes.open_class("fine_tuning", "en").code)


def text_of(page: str) -> str:
    """What a person reads of a page."""
    body = page.partition("<main>")[2]
    return re.sub("[ \n]+", " ", unescape(re.sub("<[^>]+>", "", body)))


def second_page(page: str) -> str:
    return text_of("<main>" + page.partition('<section class="second">')[2])


def a_pupils(room, pupil: int, language: str = "en", report=None) -> str:
    answers = own_answers.of_phone(room, token(pupil), language)
    return take_home_page.of_pupil(report, answers, class_figures.guesses(room), language)


def a_class(room, language: str = "en", report=None) -> str:
    figures = class_figures.of_class(room, language)
    return take_home_page.of_class(report, figures, class_figures.guesses(room), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pupils_page_has_each_question_with_her_choices_before_and_after_the_right_one_and_why(language):
    room, pupil = taught(12), 7
    release.release(room)
    text = second_page(a_pupils(room, pupil, language))
    asked = [one for one in votes.questions(room) if one.question.kind != TEXT]
    assert len(asked) == 6 + 10 + 6
    right_before = right_after = 0
    for one in asked:
        chosen, question = choice_of(pupil, one.number, one.question.count), one.question
        wording = question.wording(question.form(one.moment, pupil % 2), language)
        twin = next((o for o in asked if o.question.name == question.name and o.moment != one.moment), None)
        same = twin is not None and choice_of(pupil, twin.number, question.count) == chosen
        right_before += one.moment == BEFORE and chosen == question.right
        right_after += one.moment == AFTER and chosen == question.right
        if one.moment == BEFORE:
            assert same or f"{letter(chosen)}. {wording.choices[chosen]}" in text
            continue
        own = f"{letter(chosen)}. {wording.choices[chosen]}"
        if question.grid is not None:
            own, chosen = {"en": "You: the dotted curve", "fr": "Vous\u00a0: la courbe en pointillé"}[language], None
        assert wording.ask in text and own in text, one
        if question.right is not None:
            told = f"{RIGHT[language]}{letter(question.right)}. {wording.choices[question.right]}"
            assert (told in text) == (chosen != question.right) and wording.why in text, one
    score = {
        "en": f"Right before the lesson: {right_before} of 6; after it: {right_after} of 6.",
        "fr": f"Justes avant la leçon\u00a0: {right_before} sur 6\u00a0; après\u00a0: {right_after} sur 6.",
    }
    assert score[language] in text


def test_before_the_teacher_releases_it_there_is_no_page_and_what_is_open_has_no_right_answer(room):
    votes.join(room, token(1))
    first = votes.ask(room, replace(PARALLEL), BEFORE)
    votes.answer(room, token(1), first, 0)
    with pytest.raises(ClassError, match="not let the page"):
        own_answers.of_phone(room, token(1), "en")
    release.release(room)
    assert votes.questions(room)[0].state == votes.CLOSED and votes.phone(room, token(1), "en").released
    (one,) = own_answers.of_phone(room, token(1), "en")
    assert one.right == (0, "a0") and one.chosen == (Chosen(BEFORE, 0, "a0"),)
    number = votes.ask(room, PARALLEL, AFTER)  # the same idea is asked once more: the page is not to be had meanwhile
    votes.set_state(room, number, votes.CLOSED)  # and not while neighbours talk either
    assert not votes.phone(room, token(1), "en").released
    with pytest.raises(ClassError, match="not let the page"):
        own_answers.of_phone(room, token(1), "en")
    release.release(room)
    votes.set_state(room, number, votes.OPEN)
    assert not release.is_released(room)
    release.release(room)
    assert own_answers.of_phone(room, token(2), "en") is None  # who is not in the class
    release.take_back(room)
    assert not votes.phone(room, token(1), "en").released
    with pytest.raises(ClassError, match="not let the page"):
        own_answers.of_phone(room, token(1), "en")


def test_a_class_of_before_has_released_nothing(room):
    votes.join(room, token(1))
    assert not release.is_released(room) and not votes.phone(room, token(1), "en").released


def test_a_pupils_page_says_nowhere_whose_it_is_or_when_or_where_it_was_made():
    room, pupil = taught(3), 1
    release.release(room)
    page = a_pupils(room, pupil, report=a_report())
    hash_ = votes.pupil_of(room.code, token(pupil)).hex()
    assert not re.search(rf"{token(pupil)}|{room.code}\b|{hash_}|\b\d\d?:\d\d\b", page)
    today = datetime.date.today()
    for day in (today.isoformat(), f"{today.day} {today:%B}", str(today.year)):
        assert day not in text_of(page), day


def test_a_question_that_was_voted_on_twice_has_both_answers_and_a_teachers_own_are_different_questions(room):
    votes.join(room, token(1))
    colour, other = typed("own", "Which?", ["red", "green"], "en", 1), typed("own", "Who?", ["me", "you"], "en")
    for question, choice in ((colour, 0), (other, 1), (colour, 1)):
        votes.answer(room, token(1), votes.ask(room, question), choice)
        votes.close_all(room)
    release.release(room)
    text = second_page(a_pupils(room, 1))
    assert "First: A. red Then" in text and "Then: B. green ✓" in text and "You: B. you" in text


def cells(room) -> dict[tuple[str, str, str], str]:
    """The table of a class: question, moment and letter → number; of each the last round."""
    rows = csv.DictReader(io.StringIO(tallies.table(room, "en")))
    return {(row["question"], row["moment"], row["choice"] or row["text"]): row["answers"] for row in rows}


def test_a_class_has_the_numbers_of_its_table_and_hides_what_that_hides():
    room = taught(27)
    table, figures = cells(room), class_figures.of_class(room, "en")
    assert figures.phones == 27 and len(figures.questions) == 16
    hidden = 0
    for one in figures.questions:
        for row in one.rows:
            moment = row.when if row.when in (BEFORE, AFTER) else ONCE
            wanted = [table[one.name, moment, letter(n)] for n in range(len(row.counts))]
            assert [str(count) for count in row.counts] == wanted
            assert str(row.total) == table[one.name, moment, ""]
            hidden += "<5" in wanted
        if one.parallel:
            key = one.name, "before→after"
            assert str(one.changed.wrong_right) == table[(*key, "wrong→right")]
            assert str(one.changed.right_wrong) == table[(*key, "right→wrong")]
    assert hidden > 5
    for language, small in (("en", "“<5” is fewer than five"), ("fr", "«\u00a0<5\u00a0» veut dire moins de cinq")):
        page = a_class(room, language, a_report())
        assert small in text_of(page) and "hidden" not in text_of(page) and "Questions that this page" not in page
        words = figures.questions[0]
        assert all(f"{letter(n)}. " in second_page(page) for n in range(len(words.choices)))
    assert figures.vote is None and "for a share to be told" in text_of(a_class(room))  # one of its numbers is small
    assert "This is no proof" in text_of(a_class(room))


@pytest.mark.parametrize("pupils", [9, 10])
def test_of_nine_pairs_nothing_is_told_and_of_ten_what_changed(room, pupils):
    before, after = votes.ask(room, PARALLEL, BEFORE), votes.ask(room, PARALLEL, AFTER)
    for pupil in range(pupils):
        votes.join(room, token(pupil))
        votes.answer(room, token(pupil), before, 1)
        votes.answer(room, token(pupil), after, 0)
    text = second_page(a_class(room))
    (one,) = class_figures.of_class(room, "en").questions
    if pupils < tallies.FEWEST_PAIRS:
        assert one.changed is None and "fewer than ten pairs" in text and "wrong → right" not in text
    else:
        # How many were right before and after stands beside it: with that, one of the four numbers tells all.
        assert (one.changed.wrong_right, one.changed.right_wrong, one.changed.pairs) == ("hidden",) * 3
        assert "wrong → right –, right → wrong –, of – pairs" in text


def test_no_small_number_follows_from_those_that_are_told(room):
    before, after = votes.ask(room, PARALLEL, BEFORE), votes.ask(room, PARALLEL, AFTER)
    for pupil in range(40):  # 12 stay right, 10 become right, 6 become wrong, 12 stay wrong
        votes.join(room, token(pupil))
        votes.answer(room, token(pupil), before, 0 if pupil < 18 else 1)
        votes.answer(room, token(pupil), after, 0 if pupil < 12 or 18 <= pupil < 28 else 1)
    (one,) = class_figures.of_class(room, "en").questions
    assert (one.changed.wrong_right, one.changed.right_wrong, one.changed.pairs) == (10, 6, 40)
    for number, (right, wrong) in enumerate([(12, 8), (10, 10), (1, 19)]):
        asked = votes.ask(room, typed(f"who-wrote-{number}", "Who?", ["a", "b"], "en", 0))
        votes.count_paper(room, asked, {0: right, 1: wrong})
        for pupil in range(right + wrong):
            votes.answer(room, token(pupil), asked, 0 if pupil < right else 1)
        told = class_figures.of_class(room, "en").vote
        assert (told is None) == (number == 2)


def test_a_vote_of_which_few_were_right_or_wrong_is_not_told(room):
    number = votes.ask(room, typed("who-wrote-1", "Who?", ["a", "b"], "en", 0))
    votes.count_paper(room, number, {0: 20, 1: 4})
    assert class_figures.of_class(room, "en").vote is None and "for a share to be told" in text_of(a_class(room))
    votes.count_paper(room, number, {0: 20, 1: 5})
    assert class_figures.of_class(room, "en").vote.total == 25 and "80 % right" in text_of(a_class(room))


def labels_of(page: str) -> list[str]:
    """What the shapes are called beside the curve."""
    return sorted(map(unescape, re.findall(r"<text [^>]*>([A-D]: [^<]*|yours)</text>", page)))


def test_the_guesses_lie_under_the_curve_with_small_numbers_hidden_and_ones_own_marked():
    room = taught(27)
    release.release(room)
    guessed = class_figures.guesses(room)
    asked = next(one for one in votes.questions(room) if one.question.name == "shape")
    found, grid = tallies.tally(room, asked), asked.question.grid
    assert (
        guessed.shapes == tuple(tallies.hidden(found.counts))
        and len(found.curves) == 13
        and guessed.curves == tallies.HIDDEN
    )  # beside 13 at one point it would tell a small one
    through = dict(zip(grid.moments, grid.counts(found.curves), strict=True))
    for share, accuracy, count in guessed.drawn:
        assert count == through[round(share * 60)][grid.heights.index(round(100 * accuracy))] >= 5
    assert (grid.moments[0] / 60, grid.heights[0] / 100, 13) in guessed.drawn and len(guessed.drawn) < 12
    names = [f"{letter(n)}: {count}".replace("hidden", "–") for n, count in enumerate(guessed.shapes)]
    own = choice_of(6, asked.number, 4)
    chose = [name + ", yours" * (n == own) for n, name in enumerate(names)]
    for page, labels in (
        (a_pupils(room, 6, report=a_report()), chose),
        (a_pupils(room, 7, report=a_report()), [*names, "yours"]),
        (a_class(room, report=a_report()), names),
    ):
        assert labels_of(page) == labels and page.count('stroke-dasharray="2 5"') == (labels != names)
        assert page.count('fill-opacity="0.5"') == len(guessed.drawn)
    drawn = re.search(r'points="([^"]+)"[^>]*stroke-dasharray="2 5"', a_pupils(room, 7, report=a_report()))[1].split()
    heights = [float(point.partition(",")[2]) for point in drawn]
    assert len(drawn) == 1 + len(grid.moments) and heights[1:] == sorted(heights[1:], reverse=True)
    assert "curves drawn on phones: –" in second_page(a_class(room))


def test_of_few_guesses_no_number_is_told_and_of_none_there_is_no_line(room):
    few = taught(2)
    found = class_figures.guesses(few)
    assert (found.shapes, found.drawn, found.curves) == (("<5",) * 4, (), "<5")
    assert class_figures.guesses(room) == NOTHING_GUESSED
    assert labels_of(a_class(room, report=a_report())) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_run_a_page_says_so_in_one_sentence_and_shows_the_rest(language):
    room = taught(3)
    release.release(room)
    said = {"en": "The run of this class is not here", "fr": "L’entraînement de cette classe n’est pas"}[language]
    for page in (a_pupils(room, 1, language), a_class(room, language)):
        assert text_of(page).count(said) == 1 and "<svg" not in page
        assert {"en": "Twelve words", "fr": "Douze mots"}[language] in text_of(page)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_whether_its_run_was_trained_in_the_lesson_or_recorded(language):
    recorded = a_report(recorded={"date": "2026-11-01T10:00", "commit": "abcdef1234567", "command": "x"})
    live, kept = (
        text_of(take_home_page.of_pupil(one, [], NOTHING_GUESSED, language)) for one in (a_report(), recorded)
    )
    words = {
        "en": ("was trained in the lesson", "was recorded before"),
        "fr": ("a eu lieu en classe", "a été enregistré"),
    }
    for sentence, (page, other) in zip(words[language], ((live, kept), (kept, live)), strict=True):
        assert sentence in page and sentence not in other
    assert "2026" in kept and "abcdef1234" in kept and "abcdef1234" not in live


def hostile_pages(text: str, language: str) -> list[str]:
    answers = [Answered("own", text, (Chosen(when, 0, text),), (1, text), text) for when in (BEFORE, ONCE)]
    counted = QuestionFigures(
        "own", text, (text,) * 8, 1, (Row(BEFORE, (9,) * 8, 72), Row(AFTER, (9,) * 8, 72)), None, True
    )
    figures = ClassFigures("ACDE", datetime.date(2026, 11, 26), 27, (counted, replace(counted, parallel=False)), None)
    report = filled_with(text)
    return [
        take_home_page.of_pupil(report, answers, Guessed((7, 7, 7, 7)), language),
        take_home_page.of_class(report, figures, Guessed((7, "<5", "hidden", 7)), language),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 400], ids=["once", "often"])
def test_nothing_that_a_class_was_asked_or_a_model_wrote_becomes_markup(language, text):
    for page, plain in zip(hostile_pages(text, language), hostile_pages("text", language), strict=True):
        own, hostile = Elements(), Elements()
        own.feed(plain)
        hostile.feed(page)
        assert [tag for tag, _a in hostile.found] == [tag for tag, _a in own.found]
        assert not {tag for tag, _a in hostile.found} & {"script", "img", "link", "iframe", "object", "base", "form"}
        assert not any(
            name.startswith("on") or name in ("src", "href", "style") for _tag, a in hostile.found for name in a
        )
        assert "49" not in re.findall(r"\{\{.*?\}\}|alert\(1\).{40}", page)


def test_the_run_that_a_class_has_watched_is_its_own_and_the_recorded_one_where_that_cannot_be(room, root):
    recorded = release.run_of(room)
    assert recorded.recorded
    run = a_run(root)
    release.note_run(room, run)
    written = votes.progress(room)
    release.note_run(room, run)  # known: nothing is written, at each look of the teacher's page
    release.note_run(room, recorded)
    assert votes.progress(room) == written and release.run_of(room).folder == run.folder
    run.change_config(id="another run of this name")
    assert release.run_of(room).recorded
    release.note_run(room, lifecycle.find(run.name))
    assert release.run_of(room).folder == run.folder
    (run.folder / "events.jsonl").write_text("", encoding="utf-8")  # measured nothing yet
    assert release.run_of(room).recorded


def test_labels_beside_a_curve_stay_within_its_picture_and_apart():

    guesses = [Guess(f"{letter(n)}: 7", ((0, 0.162), (200, 0.297)), n == 2) for n in range(4)]
    drawn = str(picture(a_report().curve, Sentences("en"), "said", Guesses(tuple(guesses)), 230))
    labels = [(float(y), name) for y, name in re.findall(r'<text x="600" y="([\d.]+)" fill="[^"]+">([^<]+)', drawn)]
    heights = sorted(y for y, _name in labels)
    assert len(heights) == 7 and all(b - a >= 16.9 for a, b in itertools.pairwise(heights))
    assert heights[0] >= 14 and heights[-1] <= 230 - 46 + 4


WORDS = {"en": "Twelve words", "fr": "Douze mots"}


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_both_print_on_two_pages_of_a4_with_nothing_cut_small_or_on_one_another(browser, tmp_path, language):
    room = taught(27)
    release.release(room)
    recorded = a_report(recorded={"date": "2026-11-01", "commit": "abcdef1234567", "command": "x"})
    nobody = take_home_page.of_pupil(recorded, own_answers.of_nobody(room, language), NOTHING_GUESSED, language)
    pages = {
        "pupil": a_pupils(room, 7, language, recorded),
        "class": a_class(room, language, recorded),
        "without answers": nobody,
        "without a run": a_pupils(room, 7, language),
    }
    for text, name in ((HOSTILE * 100, "markup"), ("W" * 5_000, "wide"), ("a long word " * 400, "words")):
        for number, page in enumerate(hostile_pages(text, language)):
            pages[f"{name} {number}"] = page
    long = [typed("own", f"{n} " + "words " * 160, ["choice " * 25] * 8, "en", 1) for n in range(60)]
    for question in long:
        votes.ask(room, question)
    release.release(room)
    pages |= {
        "many, a pupil's": a_pupils(room, 7, language, recorded),
        "many, the class's": a_class(room, language, recorded),
    }
    for name, page in pages.items():
        file = tmp_path / f"{name}.html"
        file.write_text(page, encoding="utf-8")
        sheets, layout = printed(browser, file)
        assert [WORDS[language] in sheet for sheet in sheets] == [False, True], name
        assert not any(layout.values()), (name, layout)
