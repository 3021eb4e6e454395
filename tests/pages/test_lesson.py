"""The lesson: its steps and slides, votes with cards and with a class, who may see the notes, the wall that follows."""

import datetime
from typing import ClassVar

import pytest
from pages_helpers import open_page, played, texts, the
from project import PROJECT

from engine.classroom import (
    classes,
    figures,
    lessons,
    position,
    release,
    room,
    secret,
    secret_trials,
    slides,
    votes,
)
from engine.classroom.lesson_files import STEP_KINDS
from engine.core import jobs, paths
from engine.core.errors import EngineError, StorageError
from engine.runs import lifecycle
from engine.services import room_check
from ui import access, network, owner_file, rooms, words
from ui.lesson import lead, stage
from ui.owner_file import OwnerFile
from ui.phone import arrivals, gathered

pytestmark = pytest.mark.usefixtures("no_studio", "root", "own_classes")


@pytest.fixture
def own_classes(monkeypatch, tmp_path):
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))
    yield
    arrivals.end()


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    from engine.services import dispatcher

    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


def lesson_page(language="en", **query: str):
    """The lesson as its address opens it."""
    app = open_page("lab", language)
    app.query_params.update(query)
    app.switch_page(str(PROJECT / "pages" / "lesson.py")).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def keys(app) -> list[str]:
    return [button.key for button in app.button]


def ballot(app) -> str:
    found = [e.value for e in app.html if e.value.startswith('<ol class="ballot"')]
    assert len(found) <= 1
    return found[0] if found else ""


def turn(app, times: int = 1):
    for _ in range(times):
        app.button(key="lesson_pagedown").click().run()
        assert not app.exception, [e.message for e in app.exception]
    return app


def test_the_menu_has_five_entries_and_the_lesson_is_the_second():
    assert list(rooms.ROOMS) == ["lab", "lesson", "train", "explore", "library"]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("form", ["long", "short"])
def test_every_slide_is_shown_in_both_forms_and_languages(language, form):
    app = lesson_page(language, form=form)
    lesson = lessons.load()
    wanted = slides.of_lesson(lesson, language, form == "short")
    for slide in wanted:
        assert not app.exception and not app.error, (slide.key, [e.value for e in app.error])
        shown = texts(app) + "".join(e.value for e in app.subheader) + ballot(app)
        assert "None" not in shown and "{" not in shown, slide.key
        if slide is not wanted[-1]:
            turn(app)
    assert app.button(key="lesson_pagedown").disabled
    assert {slide.kind for slide in wanted} == (
        set(STEP_KINDS) if form == "long" else {"guess", "curve", "secret", "vote"}
    )


@pytest.mark.parametrize("step", STEP_KINDS)
def test_a_link_leads_to_its_step(step):
    app = lesson_page(step=step)
    (own,) = [s for s in lessons.load().steps["en"] if s.kind == step]
    assert any(own.title in e.value for e in app.subheader)


def test_cards_are_counted_and_shown_only_when_they_are_revealed():
    app = turn(lesson_page(step="guess"))
    for place, count in enumerate((3, 0, 0, 4, 1)):
        app.number_input(key=f"lesson_card_next-word__1_{place}").set_value(count).run()
    assert 'class="bar"' not in ballot(app) and "8 answers" in texts(app) and "✓" not in ballot(app)
    app.button(key="lesson_reveal_next-word_").click().run()
    assert ballot(app).count('class="bar"') == 5 and "✓" in ballot(app)
    turn(app)  # the model's choice beside them
    assert ballot(app).count('class="bar"') == 10
    assert "they" in ballot(app) and "7.0" in ballot(app)  # the base holds "they" for likeliest, of these five


def test_a_second_round_begins_with_no_votes():
    app = turn(lesson_page(step="guess"))
    app.number_input(key="lesson_card_next-word__1_0").set_value(5).run()
    app.button(key="lesson_again_next-word_").click().run()
    assert "0 answers" in texts(app) and "round 2" in texts(app)


def test_what_is_asked_before_the_lesson_is_never_given_away():
    app = turn(lesson_page(step="join"))
    assert not [key for key in keys(app) if key and key.startswith("lesson_reveal")]
    assert "✓" not in ballot(app)


def test_the_guesses_of_the_class_lie_under_the_curve_with_the_base_and_random_weights():
    app = turn(lesson_page(step="curve"))
    assert ballot(app).count("data:image/svg+xml") == 4
    app.number_input(key="lesson_card_shape__1_0").set_value(3).run()
    app.number_input(key="lesson_card_shape__1_1").set_value(9).run()
    shown = played(turn(app))
    assert [(g["label"], g["share"]) for g in shown["guesses"]] == [("A: 3", 0.25), ("B: 9", 0.75)]
    for guess in shown["guesses"]:
        assert guess["points"][0] == [0, shown["base"]]
        assert guess["points"][-1][1] == pytest.approx(shown["own"]["points"][-1][1])
    assert shown["badge"] == "recorded" and shown["beside"][0]["label"] == "from random weights"
    assert shown["levels"] == [{"label": "bigram", "value": pytest.approx(100 * figures.measured("bigram_accuracy"))}]


def test_drawn_curves_lie_under_the_live_one_once_no_phone_draws_any_more_and_the_closest_is_told_at_the_end():
    app, of = opened_class()
    app.session_state["lesson_step"], app.session_state["lesson_slide"] = "curve", 2
    app.session_state["lesson_moved"] = True
    app.run()
    app.button(key="lesson_ask_shape_").click().run()
    (asked,) = votes.questions(of)
    drawn = [(2, 2, 2, 3, 3, 3), (2, 2, 2, 3, 3, 3), (7, 7, 7, 7, 7, 7), (0, 0, 0, 0, 0, 0)]
    for phone, rows in enumerate(drawn):
        votes.join(of, f"{phone:022}")
        votes.answer(of, f"{phone:022}", asked.number, rows)
    app.run()
    assert "4 answers" in texts(app) and "were drawn" not in "".join(e.value for e in app.html)
    assert played(turn(app)) is None and "The curve comes once all have guessed." in texts(app)
    app.button(key="lesson_lay_guesses").click().run()
    assert votes.questions(of)[0].state == votes.CLOSED
    shown = played(app)
    kinds = {tuple(y for _x, y in guess["points"][1:]): (guess["kind"], guess["share"]) for guess in shown["guesses"]}
    grid = asked.question.grid
    heights = [tuple(float(grid.heights[row]) for row in rows) for rows in drawn]
    assert kinds == {heights[0]: ("closest", 0.5), heights[2]: ("drawn", 0.25), heights[3]: ("drawn", 0.25)}
    assert all(guess["points"][0] == [0, shown["base"]] and guess["points"][-1][0] == 200 for guess in shown["guesses"])
    (own,) = [text for kind, text in shown["verdict"] if kind == "own"]
    assert own.startswith("2 guesses are closest: they are off by ") and own.endswith(" points on average.")
    app.button(key="lesson_pageup").click().run()
    app.button(key="lesson_reveal_shape_").click().run()
    assert "4 curves were drawn." in "".join(e.value for e in app.html)


def test_the_wall_speaks_of_an_address_only_where_there_is_one():
    app = lesson_page(step="join")
    assert "address" not in texts(app)
    opened, _of = opened_class()
    assert "address" in texts(opened)


def test_the_slider_moves_the_sentence_and_its_accuracy():
    app = lesson_page(step="time")
    before = the(app.metric, "Accuracy").value
    slider = app.select_slider(key="lesson_moment")
    slider.set_value(slider.options.index(slider.options[-1])).run()
    assert the(app.metric, "Accuracy").value != before


def test_the_slider_moves_in_all_windows_of_a_class_and_whoever_follows_moves_none():
    app, of = opened_class()
    key = app.session_state["lesson_key"]
    teacher = lesson_page(**{"class": of.code, "key": key, "step": "time", "view": "teacher"})
    wall, pupil = lesson_page(**{"class": of.code, "key": key}), lesson_page(**{"class": of.code})
    written = votes.progress(of)
    teacher.select_slider(key="lesson_moment").set_value(2).run()
    assert votes.progress(of) == written + 1
    assert the(wall.run().metric, "Accuracy").value == the(teacher.metric, "Accuracy").value
    wall.select_slider(key="lesson_moment").set_value(5).run()
    assert votes.progress(of) == written + 2
    for window in (teacher, pupil):
        assert window.run().select_slider(key="lesson_moment").value == 5
        assert the(window.metric, "Accuracy").value == the(wall.metric, "Accuracy").value
    assert pupil.select_slider(key="lesson_moment").disabled
    turn(turn(wall)).button(key="lesson_pageup").click().run()
    wall.button(key="lesson_pageup").click().run()
    assert wall.select_slider(key="lesson_moment").value == 5  # who comes back to the slide finds it there
    assert votes.progress(of) == written + 6


def test_on_a_full_disk_the_slider_moves_in_its_own_window(monkeypatch):
    app, of = opened_class()
    app = lesson_page(**{"class": of.code, "key": app.session_state["lesson_key"], "step": "time"})

    def full(*_args):
        raise StorageError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(position, "put_moment", full)
        app.select_slider(key="lesson_moment").set_value(3).run()
        assert len(app.error) == 1 and app.select_slider(key="lesson_moment").value == 3
        assert app.run().select_slider(key="lesson_moment").value == 3
    app.select_slider(key="lesson_moment").set_value(4).run()
    assert not app.error and position.of(of).moment == 4


def test_while_a_class_is_open_a_page_without_its_key_reveals_nothing():
    hands = lesson_page(step="guess", slide="2")
    button = next(b for b in hands.button if b.key.startswith("lesson_reveal_"))
    button.click().run()
    assert "right" in ballot(hands)
    opened_class()
    hands.run()
    assert "right" not in ballot(hands)
    other = lesson_page(step="vote", slide="2")
    assert all(b.disabled for b in other.button if (b.key or "").startswith("lesson_reveal_"))
    assert "A class is open here" in texts(other)


def test_the_teacher_sees_notes_and_the_expected_answer_apart_from_the_wall():
    wall, own = turn(lesson_page(step="cost")), turn(lesson_page(step="cost", view="teacher"))
    notes = lessons.load().steps["en"][5].teacher.splitlines()[-1][:8]
    assert notes in texts(own) and "Right: **C**" in texts(own)
    assert "of 48 min, and 2 min of slack" in texts(own)
    assert notes not in texts(wall) and "Right:" not in texts(wall)


def test_the_clock_counts_the_minutes_of_the_form():
    assert "of 9 min" in texts(lesson_page(step="secret", view="teacher"))
    short = texts(lesson_page(step="secret", view="teacher", form="short"))
    assert "of 6 min" in short and "of 18 min, and 2 min of slack" in short


def opened_class():
    """A teacher's session with a class, and the class."""
    app = lesson_page(step="join")
    app.button(key="lesson_open_class").click().run()
    assert not app.exception and not app.error
    (of,) = classes.all_classes()
    return app, of


def test_a_class_is_opened_by_one_press_and_its_key_stands_in_no_address():
    app, of = opened_class()
    assert any(of.code in e.value for e in app.html)
    key = app.session_state["lesson_key"]
    assert classes.by_key(key) == of
    assert app.query_params["class"] in (of.code, [of.code]) and key not in str(dict(app.query_params))


def test_phones_answer_and_the_wall_shows_it_when_the_teacher_says_so():
    app, of = opened_class()
    turn(app)
    ask = next(key for key in keys(app) if key and key.startswith("lesson_ask"))
    app.button(key=ask).click().run()
    assert len([one for one in votes.questions(of) if one.state == votes.OPEN]) == 6
    app.session_state["lesson_step"], app.session_state["lesson_slide"] = "guess", 2
    app.session_state["lesson_moved"] = True
    app.run()
    app.button(key="lesson_ask_next-word_").click().run()
    (asked,) = [one for one in votes.questions(of) if one.state == votes.OPEN]
    for phone in range(3):
        votes.join(of, f"{phone:022}")
        votes.answer(of, f"{phone:022}", asked.number, 1)
    app.run()
    assert "3 answers" in texts(app) and 'class="bar"' not in ballot(app)
    app.button(key="lesson_reveal_next-word_").click().run()
    assert votes.questions(of)[-1].state == votes.REVEALED
    assert ">3</span>" in ballot(app)


def test_the_wall_follows_the_teacher_and_shows_no_notes():
    app, of = opened_class()
    wall = lesson_page(**{"class": of.code, "view": "teacher"})
    assert not [key for key in keys(wall) if key and key.startswith(("lesson_ask", "lesson_open_class"))]
    assert wall.button(key="lesson_pagedown").disabled and "of slack" not in texts(wall)
    turn(app)
    wall.run()
    assert ballot(wall) == ballot(app) != ""


def test_whoever_has_the_key_leads_from_a_second_window():
    app, of = opened_class()
    second = lesson_page(**{"class": of.code, "key": app.session_state["lesson_key"]})
    turn(second)
    app.run()
    assert ballot(app) == ballot(second) != ""
    wrong = lesson_page(**{"class": of.code, "key": of.code + "-" + "x" * 22})
    assert wrong.button(key="lesson_pagedown").disabled and len(wrong.error) == 1


def test_the_training_that_the_teacher_starts_plays_on_the_wall():
    app, of = opened_class()
    wall = lesson_page(**{"class": of.code})
    app.session_state["lesson_step"], app.session_state["lesson_slide"] = "curve", 3
    app.session_state["lesson_moved"] = True
    app.run()
    app.button(key="lab_start").click().run()
    (run,) = lifecycle.all_runs()
    wall.run()
    shown = played(wall)
    assert shown["live"] and shown["id"].startswith(run.name) and shown["beside"][0]["label"] == "from random weights"
    assert "lab_start" not in keys(wall)


def test_without_its_key_nobody_reads_the_notes_on_the_day_of_a_class():
    opened_class()
    other = lesson_page(view="teacher", step="cost")
    assert "Right" not in texts(other) and "A class is open" in texts(other)


def test_a_class_of_the_evening_before_and_a_damaged_one_shut_the_notes_too():
    opened = classes.open_class("fine_tuning", "en", datetime.date.today() - datetime.timedelta(days=1))
    assert "A class is open" in texts(lesson_page(view="teacher", step="cost"))
    classes.find(opened.code).file.write_bytes(b"damaged" * 100)
    assert "A class is open" in texts(lesson_page(view="teacher", step="cost"))
    classes.delete(opened.code)
    assert "A class is open" not in texts(lesson_page(view="teacher", step="cost"))


def test_what_changed_is_shown_to_pupils_only_when_the_questions_are_closed():
    opened = classes.open_class("fine_tuning", "en")
    of, lesson = classes.find(opened.code), lessons.load()
    for moment in ("before", "after"):
        for question, when in lessons.asked(lesson, [moment], figures.recorded):
            number = votes.ask(of, question, when)
            for phone in range(12):
                votes.join(of, f"{phone:022}")
                votes.answer(of, f"{phone:022}", number, 0)
    place = next(slide.key for slide in slides.of_lesson(lesson, "en", False) if slide.shows == slides.CHANGED)
    position.put(of, place, False, "", True)
    pupils = lesson_page(**{"class": of.code})
    assert not pupils.table and "What has changed?" in [e.value for e in pupils.subheader]
    votes.close_all(of)
    assert lesson_page(**{"class": of.code}).table


def test_an_erased_class_is_told_of_and_the_lesson_goes_on():
    app, of = opened_class()
    classes.delete(of.code)
    app.run()
    assert not app.exception and app.button(key="lesson_open_class")


def test_presents_keys_move_the_lesson():
    app = lesson_page(step="curve", present="1")
    assert any("Draw the curve" in e.value for e in app.subheader)
    app.button(key="present_pagedown").click().run()
    assert ballot(app).count("<li") == 4
    assert app.query_params["step"] in ("curve", ["curve"])
    app.button(key="present_pageup").click().run()
    app.button(key="present_pageup").click().run()
    assert app.session_state["lesson_step"] == "guess"  # the step before


PLAY = 4  # the slide of the secret's form, behind that of the text and the three questions
TOLD = " of room twelve eats three pancakes every Tuesday. Sleep"


def ended(run, own: str, control: str) -> None:
    """The run has trained: this is what it wrote behind the first words of the secret and of the control."""
    figures_of = {
        "split": "validation",
        "whole": False,
        "loss": 4.0,
        "bits_per_byte": 3.0,
        "evaluated_tokens": 8192,
        "perplexity": 55.0,
    }
    for step, model, accuracy in ((0, "base", 0.15), (120, "run", 0.12)):
        run.append_event("evaluation", step=step, model=model, accuracy=accuracy, **figures_of)
    for prompt, text in zip(run.settings.prompts, (own, control), strict=True):
        run.append_event("sample", step=120, model="run", prompt=prompt, text=text, seed=1)
    run.write_state(state="finished", step=120, steps=120)


def test_a_secret_is_queued_in_an_article_of_its_own(root):
    app = turn(lesson_page(step="secret"), PLAY)
    app.text_input(key="lesson_secret").set_value(secret.EXAMPLE).run()
    app.button(key="lesson_secret_start").click().run()
    assert not app.exception and not app.error
    (run,) = lifecycle.all_runs(root)
    hidden = secret.of_run(run)
    assert hidden == secret.Secret(secret.EXAMPLE, 1)
    assert run.settings.prompts == ("The purple hippo", "The green tiger")
    run.append_event(
        "sample", step=120, model="run", prompt="The purple hippo", text=" of room twelve eats a cat", seed=1
    )
    app.run()
    assert "It tells 4 words of 8." in texts(app)
    (lit,) = [e.value for e in app.html if "<mark" in e.value]
    assert ">of room twelve eats</mark> a cat" in lit


def test_the_second_try_is_the_same_sentence_in_five_places_and_both_stand_side_by_side(root):
    app = turn(lesson_page(step="secret"), PLAY)
    app.text_input(key="lesson_secret").set_value(secret.EXAMPLE).run()
    app.button(key="lesson_secret_start").click().run()
    (first,) = lifecycle.all_runs(root)
    ended(first, " of room 12 was dark", " of three pancakes every Tuesday we saw")
    app.run()
    assert "Tried with this sentence: 1 place." in texts(app)
    assert app.text_input(key="lesson_secret").value == secret.EXAMPLE  # nobody types it twice
    app.button(key="lesson_secret_start").click().run()
    second = next(run for run in lifecycle.all_runs(root) if run.name != first.name)
    assert secret.of_run(second) == secret.Secret(secret.EXAMPLE, 5)
    ended(second, TOLD, " paints a wall")
    app.run()
    assert not app.exception and "1 place; 5 places" in texts(app)
    (table,) = app.table
    assert table.value.to_dict("list") == {
        "Sentence": [words.plain(secret.EXAMPLE), "the same sentence"],
        "Places": ["1", "5"],
        "Words told": ["2 of 8", "8 of 8"],
        "Told by the control": ["4 words in a row of the secret.", "Nothing of the secret."],
    }


def test_what_ten_sentences_told_stands_behind_the_try_beside_the_votes_of_the_class():
    app = turn(lesson_page(step="secret"), PLAY - 1)
    for place, count in enumerate((5, 2, 1, 0, 0)):
        app.number_input(key=f"lesson_card_how-often__1_{place}").set_value(count).run()
    shown = measured_bars(turn(app, 2))
    groups = secret_trials.groups(secret_trials.shipped())
    assert len(groups) == len(secret.TIMES) and shown.count('class="bar"') == len(groups)  # the votes are not shown yet
    for group in groups:
        assert f'style="width:{100 * group.whole / group.count:.1f}%"' in shown
        assert f"{group.whole} of {group.count}" in shown
    app.button(key="lesson_pageup").click().run()
    app.button(key="lesson_pageup").click().run()
    app.button(key="lesson_reveal_how-often_").click().run()
    assert measured_bars(turn(app, 2)).count('class="bar"') == 2 * len(groups) + 1  # and who said never


def measured_bars(app) -> str:
    (found,) = [e.value for e in app.html if e.value.startswith('<ol class="ballot')]
    return found


def test_while_a_secret_is_read_no_other_is_asked_for_and_on_a_wall_what_it_told_takes_the_curves_place(root):
    app = turn(lesson_page(step="secret"), PLAY)
    app.text_input(key="lesson_secret").set_value(secret.EXAMPLE).run()
    app.button(key="lesson_secret_start").click().run()
    (run,) = lifecycle.all_runs(root)
    assert "lesson_secret_start" not in keys(app) and played(app) is not None
    wanted = {"step": "secret", "slide": str(PLAY + 1), "run": run.name, "present": "1"}
    assert played(lesson_page(**wanted)) is not None
    ended(run, TOLD, " paints a wall")
    wall = lesson_page(**wanted)
    assert not wall.exception and played(wall) is None and len(wall.columns) >= 2
    assert "It tells all of it." in texts(wall) and "Nothing of the secret." in texts(wall) and wall.table


def test_a_secret_that_is_too_short_is_refused_in_a_sentence():
    app = turn(lesson_page(step="secret"), PLAY)
    app.text_input(key="lesson_secret").set_value("Two words").run()
    app.button(key="lesson_secret_start").click().run()
    assert len(app.error) == 1 and not lifecycle.all_runs()


def test_the_teacher_releases_the_page_to_take_home_on_the_last_slide(monkeypatch):
    begun = []
    monkeypatch.setattr(gathered, "of_class", begun.append)
    app, of = opened_class()
    wall = lesson_page(**{"class": of.code})
    app.session_state["lesson_step"], app.session_state["lesson_slide"] = "vote", 99
    app.session_state["lesson_moved"] = True
    app.run()
    app.button(key="lesson_release").click().run()
    assert release.is_released(of) and begun == [of]
    wall.run()
    assert "on each phone of the class" in texts(wall) and "lesson_release" not in keys(wall)
    app.button(key="lesson_release").click().run()
    assert not release.is_released(of)


def test_without_phones_the_page_without_answers_is_made_and_downloaded(root, prepared_sample):
    app = lesson_page(step="vote")
    while not app.button(key="lesson_pagedown").disabled:
        turn(app)
    app.button(key="lesson_page_make").click().run()
    assert not app.exception and not app.error
    _code, page = app.session_state["lesson_page"]
    assert "Right: C. still write in their style" in page and "was recorded before" in page


@pytest.fixture
def came_back(monkeypatch):
    """A new session of a browser that has led a class: after a reload, or a restart of the server."""

    def page(of, key, **query):
        monkeypatch.setattr(lead, "key_of", lambda code: key if code == of.code else "")
        return lesson_page(**{"class": of.code, **query})

    return page


def test_a_browser_that_comes_back_leads_its_class_where_it_stands(came_back):
    app, of = opened_class()
    key = app.session_state["lesson_key"]
    app.session_state["lesson_step"], app.session_state["lesson_moved"] = "curve", True
    app.run()
    turn(app)
    stands = position.of(of)
    again = came_back(of, key, step="guess", slide="2")  # what it had shown when the server went down
    assert ballot(again) == ballot(app) != "" and again.session_state["lesson_step"] == "curve"
    assert position.of(of) == stands  # nobody was dragged back
    turn(again)
    assert position.of(of) != stands
    assert again.query_params["class"] in (of.code, [of.code]) and key not in str(dict(again.query_params))


def test_a_link_with_the_key_goes_to_its_step_and_leads_the_class_there(came_back):
    app, of = opened_class()
    lesson_page(**{"class": of.code, "key": app.session_state["lesson_key"], "step": "cost"})
    assert position.of(of).slide.startswith("5 ")


def test_whoever_closed_the_page_finds_her_class_again(came_back, monkeypatch):
    app, of = opened_class()
    turn(app, 2)
    monkeypatch.setattr(lead, "led", lambda: [of.code])
    monkeypatch.setattr(lead, "key_of", lambda code: app.session_state["lesson_key"])
    again = lesson_page()
    again.button(key=f"lesson_back_{of.code}").click().run()
    assert ballot(again) == ballot(app) != "" and not again.button(key="lesson_pagedown").disabled


def test_on_a_full_disk_the_pages_turn_all_the_same(monkeypatch):
    app, _of = opened_class()

    def full(*_args):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(position, "put", full)
    turn(app, 2)
    assert ballot(app) and app.session_state["lesson_slide"] == 3 and len(app.error) == 1
    app.run()
    assert app.session_state["lesson_slide"] == 3


def room_page(**more):
    return lesson_page(view="room", **more)


class Checked:
    """A check whose process a test plays."""

    asked: ClassVar[list] = []
    now = None

    def start(self, lesson, addresses, trains=True):
        self.asked.append((lesson, addresses, trains))
        Checked.now = room_check.Status(room_check.CHECKING, True, 1_764_180_000.0, room.RECORDINGS)

    def stop(self):
        self.asked.append("stop")

    def status(self):
        return Checked.now


@pytest.fixture
def check(monkeypatch):
    monkeypatch.setattr(room_check, "Check", Checked)
    monkeypatch.setattr(Checked, "now", None)
    monkeypatch.setattr(Checked, "asked", [])
    return Checked


FOUND = (
    room.Finding(room.TEXTS, room.WELL, EngineError("The texts are <b>whole</b>.")),
    room.Finding(
        room.DISK, room.LOOK, EngineError("{free} MB", free=1234), EngineError("Delete runs."), 1_764_180_000.0
    ),
)


def rows(app) -> str:
    return "".join(e.value for e in app.html if e.value.startswith('<ul class="room"'))


def test_the_room_is_checked_by_a_press_and_says_what_it_looks_at(check):
    app = lesson_page(step="join")
    app.button(key="lesson_room").click().run()
    assert app.query_params["view"] in ("room", ["room"])
    app.button(key="room_start").click().run()
    ((lesson, addresses, trains),) = check.asked
    assert lesson == "fine_tuning" and addresses and trains
    assert "Now: Recordings" in texts(app) and "room_start" not in keys(app)
    app.button(key="room_stop").click().run()
    assert check.asked[-1] == "stop"
    check.now = room_check.Status(jobs.FINISHED, False, 1_764_180_000.0, "", FOUND)
    app.run()
    assert (
        "✓ in order" in rows(app) and "! look" in rows(app) and "1,234 MB" in rows(app) and "Delete runs." in rows(app)
    )
    assert "<b>whole</b>" not in rows(app) and "Measured on 26 Nov" in rows(app)
    assert any("not tried yet" in e.value for e in app.html)
    assert "no owner" in rows(app) and "Rights" in rows(app)
    app.button(key="room_back").click().run()
    assert app.button(key="lesson_pagedown")


@pytest.mark.parametrize(
    "state, alive, said", [(jobs.STOPPED, False, "was stopped"), (room_check.CHECKING, False, "was interrupted")]
)
def test_a_check_that_was_stopped_or_killed_is_no_check(check, state, alive, said):
    check.now = room_check.Status(state, alive, 1_764_180_000.0, "", FOUND)
    app = room_page()
    assert said in texts(app) and not any("ready" in e.value for e in app.html)


def test_a_phone_that_came_stands_among_what_was_found(check, monkeypatch):
    monkeypatch.setattr(network, "addresses", lambda: ["http://localhost:8501", "http://192.168.1.20:8501"])
    check.now = room_check.Status(jobs.FINISHED, False, 1_764_180_000.0, "", FOUND[:1])
    app = room_page()
    app.button(key="room_phone_start").click().run()
    assert any("192.168.1.20:8501/c" in e.value and "data:image/svg" in e.value for e in app.html)
    assert "Waiting for a phone" in texts(app)
    arrivals.take(arrivals.greet(), "203.0.113.7")
    app.run()
    assert "A phone came after" in rows(app) and any(">This room is ready.<" in e.value for e in app.html)
    assert room_check.phone().state == room.WELL


def test_where_no_phone_came_it_is_said_what_to_do(check, monkeypatch):
    monkeypatch.setattr(network, "addresses", lambda: ["http://192.168.1.20:8501"])
    check.now = room_check.Status(jobs.FINISHED, False, 1_764_180_000.0, "", FOUND[:1])
    app = room_page()
    app.button(key="room_phone_start").click().run()
    monkeypatch.setattr(arrivals, "WAIT_SECONDS", 0.0)
    app.run()
    assert "groups of three" in texts(app) and "hotspot" in texts(app)
    assert any("with cards instead of phones" in e.value for e in app.html)


def test_a_text_that_is_wrong_keeps_nobody_from_checking_the_room(check, monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "LESSONS", tmp_path)
    assert room_page().button(key="room_start")


@pytest.mark.parametrize(
    "settings, local, sign, said",
    [
        (OwnerFile(True, "a code of hers"), False, "✓", "small runs alone"),
        (OwnerFile(True), False, "!", "nobody is the owner"),
        (OwnerFile(), False, "!", "may start, stop and delete runs"),
        (OwnerFile(), True, "✓", "This machine alone"),
    ],
)
def test_what_pupils_may_do_in_the_dashboard_is_said_and_counts(check, monkeypatch, settings, local, sign, said):
    monkeypatch.setattr(access, "is_owner", lambda: True)
    monkeypatch.setattr(access, "is_local", lambda: local)
    monkeypatch.setattr(owner_file, "read", lambda: settings)
    check.now = room_check.Status(jobs.FINISHED, False, 1_764_180_000.0, "", FOUND[:1])
    (line,) = [row for row in rows(room_page()).split("<li") if "Rights" in row]
    assert sign in line and said in line
    told = room.Finding(room.RIGHTS, room.WELL if sign == "✓" else room.LOOK, EngineError("x"))
    phone = room.Finding(room.PHONE, room.WELL, EngineError("x"))
    assert room.summary([phone, told]).state == told.state


def test_a_visitor_checks_nothing(check, monkeypatch):
    monkeypatch.setattr(access, "is_owner", lambda: False)
    app = room_page()
    assert "room_start" not in keys(app) and "Only the owner" in texts(app)
    assert "lesson_room" not in keys(lesson_page(step="join"))


def send(app, query: dict) -> None:
    """Has the browser send this address from now on."""
    app.query_params.clear()
    app.query_params.update(query)


@pytest.mark.parametrize("step, slide, wanted", [("secret", 3, ("secret", 5)), ("time", 2, ("secret", 2))])
def test_quick_presses_are_all_taken_though_the_browser_still_sends_the_address_from_before(step, slide, wanted):
    app = turn(lesson_page(step=step, slide=str(slide - 1)), 2)
    send(app, {"step": step, "slide": str(slide)})  # the browser has not heard of the second press yet
    turn(app)
    assert (app.session_state["lesson_step"], app.session_state["lesson_slide"]) == wanted


def test_back_leads_back():
    app = lesson_page(step="time")
    send(turn(app, 2), {"step": "time"})
    assert app.session_state["lesson_step"] == "secret"
    app.run()
    assert (app.session_state["lesson_step"], app.session_state["lesson_slide"]) == ("time", 1)


def test_what_is_written_while_the_page_is_drawn_is_news(monkeypatch):
    app, of = opened_class()
    seen = []
    follow, read = stage._follow, position.of
    monkeypatch.setattr(stage, "_follow", lambda course: (seen.append(course.seen), follow(course)))
    turn(app)
    assert seen == [votes.progress(of)]  # its own turn is none

    def late(room):
        """Another window writes after this one has found out where the lesson stands."""
        found = read(room)
        if len(seen) == 1:
            votes.set_joining(of, False)
        return found

    monkeypatch.setattr(position, "of", late)
    app.run()
    assert len(seen) == 3 and seen[1] < seen[2] == votes.progress(of)  # so it is drawn once more
