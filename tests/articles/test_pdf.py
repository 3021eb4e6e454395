"""PDF: columns, hyphens, references and captions; damaged files are a sentence; none is used before somebody looked."""

import pytest
from articles_helpers import page_of, pdf_of, read

from engine.articles import isolation, pdf_layout
from engine.core.errors import ArticlesError
from engine.corpus import preparation, store


@pytest.mark.parametrize("across", [False, True])
def test_a_pdf_of_two_columns_is_read_column_by_column(tmp_path, across):
    title = [(50, 770, 20, "On the growth of cells"), (50, 730, -12, "Methods")]
    pages = [[*title, *page_of(1, across)], page_of(2, across), page_of(3, across)]
    (article,), problems, left, source = read(pdf_of(tmp_path / "a.pdf", pages, pictures=1))
    assert (article.title, problems, source.forms()) == ("On the growth of cells", [], {"pdf": 1})
    assert [s.name for s in article.sections] == ["Methods"]
    text = article.text()
    assert "hyphen in transgenic mice that go on" in text
    positions = [
        text.index(f"{side} {n} line {row}") for n in (1, 2, 3) for side in ("left", "right") for row in (2, 11)
    ]
    assert positions == sorted(positions)
    assert "Journal of Tests" not in text
    assert left == {"running_lines": 6, "scanned_pages": 1}


def test_a_pdf_of_pictures_says_that_its_text_must_be_recognised(tmp_path):
    _, problems, *_ = read(pdf_of(tmp_path / "a.pdf", [], pictures=2))
    assert problems == [
        "a.pdf holds pictures of pages and no text, as a scanner makes them: have its text recognised (OCR) first."
    ]


def test_references_and_captions_of_a_pdf_are_counted_and_not_read(tmp_path):
    lines = [(50, 700, -14, "Results"), (50, 680, 10, "We saw this and that in all of the cells."), (50, 640, 10, "Figure 1. A caption of it."), (50, 600, -14, "References"), (50, 580, 10, "1. Smith J. A paper of long ago. 1999.")]  # fmt: skip
    (article,), _, left, _ = read(pdf_of(tmp_path / "a.pdf", [lines]))
    assert article.text() == "Results\nWe saw this and that in all of the cells.\n"
    assert left == {"figures": 1, "references": 1}


@pytest.mark.parametrize(
    ("end", "beginning", "elsewhere", "wanted"),
    [
        ("a well-", "known effect", "", "a well-known effect"),  # English prose writes it so
        ("a consid-", "erable effect", "", "a considerable effect"),
        ("the co-", "operative mice", "one co-operative mouse", "the co-operative mice"),
        ("the co-", "operative mice", "one cooperative mouse", "the cooperative mice"),
        ("the knock-", "outs of it", "knockouts, knockouts and knock-outs", "the knockouts of it"),
        ("a double\u2010", "blind trial", "", "a double\u2010blind trial"),
        ("a drug-", "resistant strain", "", "a drug-resistant strain"),
        ("the phosphate-", "buffered salt", "", "the phosphate-buffered salt"),
        ("at follow-", "up they", "", "at follow-up they"),
        ("root-mean-", "square of it", "", "root-mean-square of it"),
        ("trans-", "genic mice", "", "transgenic mice"),
        ("over-", "expression of it", "expression over time, expression over it", "overexpression of it"),
        ("the geno-", "type of it", "", "the genotype of it"),
        ("pre-", "and postoperative care", "", "pre- and postoperative care"),
        ("of IL-", "6 and", "", "of IL-6 and"),
        ("by Kaplan-", "Meier curves", "", "by Kaplan-Meier curves"),
        ("soft hy\u00ad", "phens go", "", "soft hyphens go"),
    ],
)  # fmt: skip
def test_a_hyphen_at_a_lines_end_stays_where_the_word_has_one(end, beginning, elsewhere, wanted):
    vocabulary = pdf_layout._vocabulary([pdf_layout._Line(elsewhere, 0, 0, 0, 10, False)])
    assert pdf_layout._joined(end, beginning, vocabulary) == wanted


def test_a_pdf_keeps_the_hyphens_that_its_words_have(tmp_path):
    lines = ["We saw a well-", "known effect of trans-", "genic and sero-", "positive mice, all seropositive and put to", "the same dose as all of the others were."]  # fmt: skip
    page = [(50, 700 - 14 * n, 10, line) for n, line in enumerate(lines)]
    (article,), *_ = read(pdf_of(tmp_path / "a.pdf", [page]))
    assert "a well-known effect of transgenic and seropositive mice" in article.text()


@pytest.mark.parametrize("where", [20, 200, 500, -60])
def test_a_damaged_pdf_gives_an_article_or_a_sentence(tmp_path, where):
    path = pdf_of(tmp_path / "a.pdf", [page_of(1, False)])
    content = bytearray(path.read_bytes())
    content[where : where + 40 if where > 0 else None] = b"\xff" * 40
    path.write_bytes(content)
    with isolation.Reading(path) as reading:
        assert {h["kind"] for h, _ in reading} & {"article", "skipped"}


def test_pages_that_hold_each_other_end_in_a_sentence(tmp_path):
    path = pdf_of(tmp_path / "a.pdf", [page_of(1, False)])
    path.write_bytes(path.read_bytes().replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]"))
    with isolation.Reading(path) as reading:
        said = [h["template"].format(**h["values"]) for h, _ in reading if h["kind"] == "skipped"]
    assert len(said) == 1 and said[0].startswith("a.pdf")


def test_no_pdf_is_used_before_somebody_looked_at_what_was_read(tmp_path, tokenizer, capsys):
    from engine.cli.app import main

    folder = tmp_path / "pdfs"
    folder.mkdir()
    for n in range(3):
        pdf_of(folder / f"{n}.pdf", [page_of(n, False)])
    with pytest.raises(ArticlesError, match="prepare them first .* look at what was read"):
        preparation.prepare(folder, tokenizer, tmp_path / "corpora")
    assert main(["prepare", "--source", str(folder), "--out", str(tmp_path / "out")]) == 0
    first = store.Corpus(tmp_path / "out").identifier("train", 1)
    beginning = f"Look at what was read before you train on it:\n--- {first}\nJournal of Tests 12, 2024"
    assert first in ("0", "1", "2") and beginning in capsys.readouterr().err
    prepared = preparation.prepare(folder, tokenizer, tmp_path / "corpora", previewed=True)
    assert preparation.prepare(folder, tokenizer, tmp_path / "corpora").folder == prepared.folder
