"""Lists and lines of text as people write them: each item once, without its mark."""

import itertools
import json

import pytest
from articles_helpers import goes_on_from_every_place, read, texts

from engine.articles import Options, listed
from engine.articles.options import FILE, LINE

# Lists


SENTENCES = [f"The patients of group {n} were treated with aspirin." for n in range(1, 25)]
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
ROMAN += ["x", *("x" + r for r in ROMAN), "xx", *("xx" + r for r in ROMAN[:4])]
MARKS = [
    "{n}. ", "{n}) ", "({n}) ", "{n}/ ", "{n} - ", "{n} – ", "{n}\t", "{n}.", "{n}.) ", "{n}: ", "{a}) ", "{a}. ", "{a}/ ",
    "{r}. ", "{r}) ", "• ", "•", "– ", "— ", "→ ", "-> ", "‣ ", "☐ ", "✓ ", "· ", "* ", "- ",
]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"])
@pytest.mark.parametrize("mark", MARKS)
def test_every_list_is_its_items(tmp_path, mark, end):
    letters = "abcdefghijklmnopqrstuvwx"
    marks = [mark.format(n=n, a=letters[n - 1], r=ROMAN[n - 1]) for n in range(1, 25)]
    content = end.join(m + s for m, s in zip(marks, SENTENCES, strict=True))
    blank = end if len(end.splitlines()) == 2 else end * 2
    for name, before in (("a.txt", ""), ("b.txt", f"My sentences{blank}")):
        (tmp_path / name).write_bytes((before + content).encode())
        articles, problems, left, _ = read(tmp_path / name)
        assert ([a.text() for a in articles], problems) == ([s + "\n" for s in SENTENCES], [])
        assert left == ({"list_titles": 1} if before else {})
        goes_on_from_every_place(tmp_path / name)


def test_a_title_above_sentences_without_marks_is_no_text(tmp_path):
    (tmp_path / "a.txt").write_text("My twenty sentences\n\n" + "\n".join(SENTENCES))
    articles, _, left, source = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], left) == ([s + "\n" for s in SENTENCES], {"list_titles": 1})
    assert [str(r) for r in source.remarks] == ["a.txt: its lines are a list, so each of them was taken as one text."]


def test_a_title_right_above_a_list_is_no_text_either(tmp_path):
    (tmp_path / "a.txt").write_text("My sentences:\n" + "\n".join(f"1. {s}" for s in SENTENCES))
    articles, _, left, _ = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], left) == ([s + "\n" for s in SENTENCES], {"list_titles": 1})


def test_items_over_several_lines_lose_their_marks_and_stay_whole(tmp_path):
    items = [f"{n}. A long sentence that goes\non over two lines.\n" for n in range(1, 6)]
    (tmp_path / "a.txt").write_text("\n".join(items))
    assert texts(tmp_path / "a.txt") == ["A long sentence that goes\non over two lines.\n"] * 5


@pytest.mark.parametrize("end", ["\n", "\r"])
@pytest.mark.parametrize("title", ["", "My sentences\n", "My sentences:\n\n"])
@pytest.mark.parametrize("mark", ["{n}. ", "({n}) ", "{a}) ", "{r}. ", "- ", "• "])
def test_items_that_an_editor_broke_into_lines_stay_whole(tmp_path, mark, title, end):
    items = [f"The patients of group {n} had\naspirin in 2019 and then\nanother drug." for n in range(1, 21)]
    items[3] = "The patients of the fourth group were seen by Dr.\nSmith."
    marks = [mark.format(n=n, a=chr(96 + n), r=ROMAN[n - 1]) for n in range(1, 21)]
    content = title + "".join(f"{before}{item}\n" for before, item in zip(marks, items, strict=True))
    (tmp_path / "a.txt").write_bytes(content.replace("\n", end).encode())
    articles, problems, left, source = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], problems) == ([item + "\n" for item in items], [])
    assert left == ({"list_titles": 1} if title else {})
    assert "each of its items was taken as one text" in str(source.remarks[0])
    goes_on_from_every_place(tmp_path / "a.txt")


def test_a_number_inside_an_item_begins_no_other(tmp_path):
    items = [
        "The cells were kept until the winter of the year\n1999. It was a long one, and they\nlived.",
        "They died\nlater.",
    ]
    (tmp_path / "a.txt").write_text("".join(f"{n}. {item}\n" for n, item in enumerate(items, start=1)))
    assert texts(tmp_path / "a.txt") == [item + "\n" for item in items]


def test_a_dialogue_that_an_editor_broke_into_lines_is_one_text(tmp_path):
    lines = [
        "— Bonjour, dit-il en entrant dans la salle où tous",
        "attendaient depuis longtemps.",
        "— Bonsoir, dit-elle à",
        "tous ceux qui étaient là.",
    ] * 3
    (tmp_path / "a.txt").write_text("\n".join(lines), "utf-8")
    assert "".join(texts(tmp_path / "a.txt")) == "\n".join(lines) + "\n"


def test_headings_above_lines_are_no_items_over_two_lines(tmp_path):
    lines = [
        "1. Introduction",
        "Fever is common in patients.",
        "2. Methods",
        "We looked at many things.",
        "3. Results",
        "There were some.",
    ]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert len(texts(tmp_path / "a.txt")) == 6


def test_dialogues_between_blank_lines_keep_their_dashes(tmp_path):
    parts = ["— Bonjour, dit-il.", "— Bonsoir.", "Il sortit alors.", "— Adieu, dit-elle."] * 4
    (tmp_path / "a.txt").write_text("\n\n".join(parts), "utf-8")
    assert texts(tmp_path / "a.txt") == [part + "\n" for part in parts]


@pytest.mark.parametrize(
    "lines",
    [
        [f"{1990 + n}. A good year for medicine." for n in range(8)],
        ["A. Smith saw it.", "B. Jones did not.", "K. Lee was there.", "C. Roy too."],
        ["1990: a year.", "1985: another.", "1999: one more.", "1970: the first."],
        ["3.5 mg were given.", "1.2 mg were not.", "4.1 mg helped."],
        ["1. Introduction", "We saw it.", "More of it.", "2. Methods", "We did it."],
    ],
)
def test_what_is_no_mark_stays(tmp_path, lines):
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert texts(tmp_path / "a.txt", Options(text_unit=LINE)) == [line + "\n" for line in lines]


def test_paragraphs_below_a_title_are_one_article(tmp_path):
    paragraph = "We treated the cells. They lived. We did it again, and they lived again. "
    (tmp_path / "a.txt").write_text("A study of cells\n\n" + "\n".join([paragraph * 3] * 4))
    assert len(texts(tmp_path / "a.txt")) == 2  # the title and the text, as blank lines part them


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.txt", "m.txt"])
def test_a_carriage_return_alone_ends_a_line_in_every_form(tmp_path, name):
    values = [f"Text {n}" for n in range(3)]
    lines = {
        "a.jsonl": [json.dumps({"text": v}) for v in values],
        "a.csv": ["id,text", *(f"1,{v}" for v in values)],
        "a.tsv": ["id\ttext", *(f"1\t{v}" for v in values)],
        "m.txt": [f"<|startoftext|>{v}<|endoftext|>" for v in values],
    }.get(name, values)
    (tmp_path / name).write_bytes("\r".join(lines).encode())
    assert texts(tmp_path / name) == [v + "\n" for v in values]
    goes_on_from_every_place(tmp_path / name)


def test_lines_are_those_of_python_whatever_the_bounds(monkeypatch):
    import io

    from engine.articles import lines

    monkeypatch.setattr(lines, "_PIECE_BYTES", 3)
    for content in map(bytes, itertools.product(b"a\r\n", repeat=7)):
        for longest in (1, 2, 4):
            found = list(lines.read(None, io.BytesIO(content), longest))
            ends = content.splitlines(keepends=True)
            assert found == [(line if len(line) <= longest else None, len(line)) for line in ends]


def test_roman_numbers_count_up():
    assert [listed._roman(mark) for mark in ROMAN] == list(range(1, 25))


@pytest.mark.parametrize("line", ["* * *", "***", "---", "_____", "⁂", "~ ~ ~", "•••"])
@pytest.mark.parametrize("end", ["\n", "\n\n"])
def test_a_break_between_parts_is_no_text(tmp_path, line, end):
    parts = ["One text.", line, "Two texts.", "Three.", line, line, "Four."]
    (tmp_path / "a.txt").write_text(end.join(parts), "utf-8")
    articles, problems, left, _ = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], problems) == (["One text.\n", "Two texts.\n", "Three.\n", "Four.\n"], [])
    assert left == {"marks": 3}
    goes_on_from_every_place(tmp_path / "a.txt")
    (whole,), *_ = read(tmp_path / "a.txt", Options(text_unit=FILE))
    assert whole.text() == "\n".join(parts) + "\n"


@pytest.mark.parametrize("line", ["...", "**", "-- so", "a * * *", "- - x"])
def test_what_only_looks_like_a_break_stays(tmp_path, line):
    (tmp_path / "a.txt").write_text(f"One text.\n\n{line}\n\nTwo texts.\n")
    assert texts(tmp_path / "a.txt")[1] == line + "\n"


@pytest.mark.parametrize("form", ['"{}"', '"{}",', "'{}',", "“{}”", "« {} »", '1. "{}"', "{};"])
def test_lines_that_are_all_in_quotes_are_their_texts(tmp_path, form):
    sentences = [f"The patients of group {n} had none." for n in range(5)]
    (tmp_path / "a.txt").write_text("\n".join(map(form.format, sentences)).replace("1.", "-"), "utf-8")
    assert texts(tmp_path / "a.txt") == [f"{sentence}\n" for sentence in sentences]
    (tmp_path / "b.txt").write_text('"So it is," he said.\n"It is."\n"Yes."\n')
    assert texts(tmp_path / "b.txt") == ['"So it is," he said.\n', '"It is."\n', '"Yes."\n']
