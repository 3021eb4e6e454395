"""Curves that phones draw: as one number and back, what is refused, how near they come, and what of them leaves the class."""

import csv
import io
import json
import sqlite3

import pytest

from engine.classroom import classes, tallies, votes
from engine.classroom.drawn import Grid, closest
from engine.classroom.questions import CURVE, Question, Wording
from engine.core.errors import ClassError

pytestmark = pytest.mark.usefixtures("own_classes")
GRID = Grid((10, 20, 60), (0, 10, 20, 30, 40))
DRAWN = Question("shape", ({"en": Wording("How?", ("up", "down"))},), kind=CURVE, right=0, grid=GRID)


@pytest.fixture
def room():
    return classes.find(classes.open_class("fine_tuning", "en").code)


def drawn(room, *several) -> votes.Asked:
    """Asks, and lets a phone answer each of these."""
    number = votes.ask(room, DRAWN)
    for phone, rows in enumerate(several):
        votes.join(room, f"phone-{phone}")
        votes.answer(room, f"phone-{phone}", number, rows)
    return votes.questions(room)[-1]


def test_a_curve_is_one_number_that_is_no_choice():
    assert GRID.number((0, 4, 2)) == 1042 and GRID.rows(1042) == (0, 4, 2)
    assert GRID.number((0, 0, 0)) == 1000 > DRAWN.count
    assert GRID.points((0, 4, 2)) == ((10 / 60, 0.0), (20 / 60, 0.4), (1.0, 0.2))


@pytest.mark.parametrize("number", [None, 0, 3, 42, 1052, 2042, 10420, -1042, 10**30, "1042", 1042.0, b"1042", True])
def test_another_number_is_no_curve(number):
    assert GRID.rows(number) is None


@pytest.mark.parametrize(
    "moments, heights",
    [
        ((10,), (0, 10)),
        ((10, 20), ()),
        ((20, 10), (0, 10)),
        ((10, 10), (0, 10)),
        ((0, 10), (0, 10)),
        ((10, 20), (0, 101)),
        ((10, 20), (-1, 10)),
        ((10, 20.5), (0, 10)),
        ((10, "20"), (0, 10)),
        (tuple(range(1, 10)), (0, 10)),
        ((10, 20), tuple(range(11))),
    ],
)
def test_a_grid_that_no_page_could_show_is_none(moments, heights):
    with pytest.raises(ValueError):
        Grid(moments, heights)


def test_a_question_that_is_drawn_is_kept_with_its_grid_and_a_damaged_grid_is_told():
    assert Question.from_json("shape", DRAWN.to_json()) == DRAWN
    value = json.loads(DRAWN.to_json())
    for grid in ([[10], [0, 10]], [[10, 20]], 5, None, [[10, 20], [0, "x"]], [[10, 20], [0, [1]]]):
        with pytest.raises(ClassError, match="damaged"):
            Question.from_json("shape", json.dumps({**value, "grid": grid}))
    for kind in ("choice", "text"):
        with pytest.raises(ClassError, match="damaged"):
            Question.from_json("shape", json.dumps({**value, "kind": kind}))


def test_a_phone_draws_or_chooses_changes_its_mind_and_is_counted_once(room):
    asked = drawn(room, (0, 1, 2), (4, 4, 4), 1)
    found = tallies.tally(room, asked)
    assert found.curves == ((0, 1, 2), (4, 4, 4)) and found.counts == (0, 1) and found.total == 3
    votes.answer(room, "phone-0", asked.number, 0)
    votes.answer(room, "phone-2", asked.number, (2, 2, 2))
    found = tallies.tally(room, asked)
    assert found.curves == ((2, 2, 2), (4, 4, 4)) and found.counts == (1, 0) and found.total == 3
    votes.count_paper(room, asked.number, {1: 7})
    assert tallies.tally(room, asked).total == 10


@pytest.mark.parametrize(
    "rows", [(), (0, 1), (0, 1, 2, 3), (0, 1, 5), (0, -1, 2), 2, -1, 1042, 10**18, [9] * 3], ids=str
)
def test_a_curve_that_is_none_is_refused_with_a_sentence_and_not_kept(rows, room):
    with pytest.raises(ClassError, match="no such answer"):
        drawn(room, rows)
    assert tallies.tally(room, votes.questions(room)[-1]).total == 0


def test_a_question_that_is_not_drawn_takes_no_curve(room):
    number = votes.ask(room, Question("q", ({"en": Wording("Which?", ("a", "b"))},)))
    votes.join(room, "phone")
    with pytest.raises(ClassError, match="no such answer"):
        votes.answer(room, "phone", number, (0, 1, 2))


def test_a_number_written_into_the_file_by_hand_is_no_curve(room):
    asked = drawn(room, (0, 1, 2))
    with sqlite3.connect(room.file) as connection:
        for pupil, choice in enumerate((99999, "text", 1.5, -3, 1999)):
            connection.execute("INSERT INTO answers VALUES (?, ?, 0, ?)", (asked.number, bytes([pupil]), choice))
    assert tallies.tally(room, asked).curves == ((0, 1, 2),)
    connection.close()


def test_phones_see_points_of_all_curves_once_they_are_revealed_and_only_their_own_before(room):
    asked = drawn(room, (0, 1, 2), (0, 4, 4))
    before = votes.phone(room, "phone-0", "en").open[0]
    assert before.grid == GRID and GRID.rows(before.own) == (0, 1, 2) and before.drawn == () and before.counts == ()
    votes.set_state(room, asked.number, votes.REVEALED)
    after = votes.phone(room, "phone-0", "en").closed
    assert after.drawn == ((2, 0, 0, 0, 0), (0, 1, 0, 0, 1), (0, 0, 1, 0, 1)) and after.counts == (0, 0)


def test_the_closest_curve_is_the_one_whose_points_lie_nearest_on_average():
    measured = [(0.0, 0.1), (0.5, 0.3), (1.0, 0.3)]  # at 10, 20 and 60 s: 16.7, 23.3 and 30 %
    near, far = (2, 2, 3), (0, 0, 0)
    found = closest(GRID, [far, near, near], measured)
    assert found.rows == (near,) and found.count == 2
    assert found.off == pytest.approx((abs(0.2 - 1 / 6) + abs(0.2 - 7 / 30) + 0) / 3)
    assert closest(GRID, [], measured) is None and closest(GRID, [near], measured[:1]) is None


def rows_of(room) -> dict[tuple[str, str], str]:
    read = csv.DictReader(io.StringIO(tallies.table(room, "en"), newline=""))
    return {(row["choice"], row["text"]): row["answers"] for row in read}


def test_the_table_has_counts_of_points_and_hides_those_under_five_in_every_column(room):
    drawn(room, *[(0, 1, 2)] * 6, *[(0, 1, 3)] * 6, *[(0, 3, 3)] * 1)
    found = rows_of(room)
    assert [found["20 s", f"{height} %"] for height in GRID.heights] == ["<5", "12", "<5", "<5", "<5"]
    # Thirteen curves go through each moment: no column may add up to that.
    for moment in GRID.moments:
        assert not all(found[f"{moment} s", f"{height} %"].isdigit() for height in GRID.heights), moment
    assert len([key for key in found if key[0].endswith(" s")]) == 15


def test_a_column_without_a_small_number_gives_away_none_of_another():
    curves = [(0, 0)] * 6 + [(0, 1)] * 8 + [(1, 1)] * 2
    cells = tallies.drawn_cells(Grid((1, 2), (0, 50)), curves)
    assert cells == [(1, 0, "hidden"), (1, 50, "<5"), (2, 0, "hidden"), (2, 50, 10)]
    assert tallies.drawn_cells(Grid((1, 2), (0, 50)), curves[:6] + [(1, 1)] * 5) == [
        (1, 0, 6), (1, 50, 5), (2, 0, 6), (2, 50, 5),
    ]  # fmt: skip
