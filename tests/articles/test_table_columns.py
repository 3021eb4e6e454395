"""Which columns of a table, or fields of a record, hold the articles: none of labels, addresses or cells that say nothing."""

import csv
import json

import pyarrow
import pyarrow.parquet
import pytest
from articles_helpers import read, texts

from engine.articles import names, wrapped
from engine.core.errors import ArticlesError

ONE = "The mice were treated with saline for ten days. We then measured the weight of each animal."
TWO = "Weight rose by 12 % in the treated group, and did not change in the control group during the whole of the study."


def table_of(path, heads: list[str], rows: list[list[str]]):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])
    return path


NOTHING = [
    "nan",
    "NULL",
    "N/A",
    "None",
    "[No abstract available]",
    "No abstract",
    "<NA>",
    "n.a.",
    "-",
    "Pas de résumé",
    "#N/A",
]


@pytest.mark.parametrize("head", ["text", "abstract", "Full Text"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_cell_that_says_that_there_is_nothing_is_no_text(tmp_path, head, form):
    cells = [ONE, *NOTHING, TWO]
    if form == "csv":
        path = table_of(tmp_path / "a.csv", ["id", head], [[str(n), cell] for n, cell in enumerate(cells)])
    else:
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps({"id": n, head: cell}) + "\n" for n, cell in enumerate(cells)))
    articles, problems, *_ = read(path)
    assert [a.id for a in articles] == ["0", str(len(cells) - 1)]
    assert len(problems) == 3 and all(problem.endswith("an article without text.") for problem in problems)


def test_a_section_that_says_that_there_is_nothing_is_none(tmp_path):
    path = table_of(
        tmp_path / "a.csv", ["Introduction", "Methods", "Results"], [[ONE, "N/A", TWO], [ONE, "nan", "None"]]
    )
    assert texts(path) == [f"Introduction\n{ONE}\n\nResults\n{TWO}\n", f"Introduction\n{ONE}\n"]


@pytest.mark.parametrize(
    "heads",
    [
        ["Introduction", "Materials & Methods", "Results & Discussion"], ["Introduction", "Matériels & méthodes", "Résultats & discussion"],
        ["Intro", "Materials and Methods", "Results/Discussion"], ["Einleitung", "Material & Methoden", "Ergebnisse & Diskussion"],
        ["Introducción", "Materiales y métodos", "Resultados y discusión"], ["Background", "Methods & Materials", "Discussion & Conclusions"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_no_section_is_lost_by_how_its_name_is_written(tmp_path, heads, form):
    parts = [ONE, TWO, ONE]
    if form == "csv":
        path = table_of(tmp_path / "a.csv", heads, [parts] * 2)
    else:
        path = tmp_path / "a.jsonl"
        path.write_text((json.dumps(dict(zip(heads, parts, strict=True))) + "\n") * 2)
    articles, problems, *_ = read(path)
    assert [[s.name for s in a.sections] for a in articles] == [heads] * 2 and not problems
    assert all(map(names.is_section, heads))


@pytest.mark.parametrize(
    ("heads", "row"),
    [
        (["sample", "date", "method", "result", "comment"], ["S1", "2021-01-01", "PCR", "positive", ONE]),
        (["Study", "Aim", "Methods", "Findings", "Full notes"], ["Smith", "To assess X", "RCT", "No effect", ONE + TWO]),
        (["Study", "Methods", "Findings", "Notes"], ["Smith", ONE[:60] * 2, ONE[:60] * 2, 3 * TWO]),
        (["sample", "method", "result"], ["S1", "PCR", "positive"]),
    ],
)  # fmt: skip
def test_of_a_table_of_measurements_or_studies_the_column_is_asked_for(tmp_path, heads, row):
    with pytest.raises(ArticlesError, match="which column holds the articles' text"):
        texts(table_of(tmp_path / "a.csv", heads, [row] * 5))


@pytest.mark.parametrize("heads", [["Methods", "Results"], ["Aims", "Findings"]])
def test_long_sections_are_an_article_without_an_introduction_too(tmp_path, heads):
    assert texts(table_of(tmp_path / "a.csv", heads, [[2 * ONE, 2 * TWO]])) == [
        f"{heads[0]}\n{2 * ONE}\n\n{heads[1]}\n{2 * TWO}\n"
    ]


ADDRESSES = [
    "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC123450/pdf/main.pdf", "www.example.org/articles/2020/one-of-many-that-are-there",
    "C:\\Users\\teacher\\Documents\\articles\\the_first_article_of_all.pdf", "/home/teacher/articles/the_first_article_of_all_of_them.txt",
    "Smith et al. (2010) - Effect of saline on the weight of mice.pdf", "doi:10.1371/journal.pone.0123456789012345678901",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_column_of_addresses_is_no_text(tmp_path, address):
    path = table_of(tmp_path / "a.csv", ["Title", "Abstract", "Full Text"], [["T", ONE, address]] * 4)
    assert texts(path) == [f"T\n\n{ONE}\n"] * 4
    (tmp_path / "a.jsonl").write_text(json.dumps({"title": "T", "abstract": ONE, "full_text": address}))
    assert texts(tmp_path / "a.jsonl") == [f"T\n\nAbstract\n{ONE}\n"]
    with pytest.raises(ArticlesError, match="which column holds the articles' text"):
        texts(table_of(tmp_path / "b.csv", ["Title", "Full Text"], [["T", address]] * 4))


def test_a_passage_that_was_broken_at_a_width_is_one_paragraph_and_lines_of_their_own_stay():
    lines = [
        "A fully differential calculation in perturbative quantum chromodynamics is",
        "presented for the production of massive photon pairs at hadron colliders, gluon-",
        "gluon and others.",
    ]
    assert wrapped.paragraphs("  " + "\n".join(lines) + "\n") == [f"{lines[0]} {lines[1]}gluon and others."]
    assert wrapped.paragraphs("\n".join(lines) + "\n  " + "\n".join(lines)) == 2 * [
        f"{lines[0]} {lines[1]}gluon and others."
    ]
    for alone in ([ONE, TWO], ["a rose", "is a rose", "is a rose"], ["T", *[f"{n}. {ONE[:70]}" for n in range(3)]]):
        assert wrapped.paragraphs("\n".join(alone)) == alone


@pytest.mark.parametrize(
    "full_text",
    [
        {"section_name": ["Introduction", "Methods ::: Data"], "paragraphs": [[ONE, TWO], [TWO]]},
        [{"section_name": "Introduction", "paragraphs": [ONE, TWO]}, {"section_name": "Methods ::: Data", "paragraphs": [TWO]}],
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_qaspers_sections_are_read_in_both_its_shapes(tmp_path, full_text, form):
    row = {"id": "1", "title": "T", "abstract": "Short.", "full_text": full_text}
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a.parquet")
    else:
        (tmp_path / "a.jsonl").write_text(json.dumps(row))
    assert texts(tmp_path / f"a.{form}") == [
        f"T\n\nAbstract\nShort.\n\nIntroduction\n{ONE}\n{TWO}\n\nMethods: Data\n{TWO}\n"
    ]
