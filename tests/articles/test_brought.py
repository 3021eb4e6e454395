"""What people bring as tables, lists and marked texts: each form read right, or named; files of `tests/files/brought` as they came."""

import csv
import io
import itertools
import json
from collections import Counter

import pyarrow
import pyarrow.parquet
import pytest
from articles_helpers import goes_on_from_every_place, read
from project import BROUGHT
from pubmed_helpers import article_line

from engine.articles import Options, isolation, marked, table
from engine.corpus import finishing, little, preparation

# Tables


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "hub"])
def test_a_table_of_abstracts_gives_every_text_once(tmp_path, form):
    rows = list(csv.DictReader(io.StringIO((BROUGHT / "abstracts_kaggle.csv").read_text("utf-8"))))
    path = tmp_path / f"a.{form}"
    if form == "csv":
        path = BROUGHT / "abstracts_kaggle.csv"
    elif form == "tsv":
        path.write_text("\n".join("\t".join(cells) for cells in [rows[0], *(r.values() for r in rows)]), "utf-8")
    else:
        path = tmp_path / ("train-00000-of-00001.parquet" if form == "hub" else "a.parquet")
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    articles, problems, left, _ = read(tmp_path if form == "hub" else path)
    assert (len(articles), problems) == (30, [])
    for article, row in zip(articles, rows, strict=True):
        assert article.text() == f"{row['title']}\n\n{row['abstract']}\n"
        assert article.id == row["pmid"]
    assert left == {"columns": 1}  # the keywords


def test_a_column_that_is_chosen_away_is_not_read(tmp_path):
    (tmp_path / "a.csv").write_text("id,abstract,content\n1,short one,long one\n")
    (article,), *_ = read(tmp_path / "a.csv", Options("content", "-", "-", "", "-"))
    assert (article.id, article.text()) == ("", "long one\n")


def test_a_page_offers_the_command_lines_columns_else_the_longest_texts_else_none():
    assert table.likely(["id", "content"], [["1", "x"]]).text_column == "content"
    assert table.likely(["id", "words", "note"], [["1", "w" * 300, "short"]]).text_column == "words"
    assert table.likely(["a", "b"], [["1", "2"]]).text_column == ""
    assert table.likely(["a", "b"], [["x" * 300, "y" * 290]]).text_column == ""
    seen = isolation.preview(BROUGHT / "id_content.csv")
    assert seen.likely.text_column == "content"
    assert [article["id"] for article in seen.articles] == ["1", "2", "3"]
    assert all(article["text"].startswith("The patients of group") for article in seen.articles)


def test_a_preview_of_a_table_without_a_text_column_says_what_to_choose(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    seen = isolation.preview(tmp_path / "a.csv")
    assert (seen.articles, seen.likely.text_column) == ([], "")
    assert "which column holds the articles' text? Choose one of a, b" in str(seen.problem)


def test_a_corpus_of_less_than_half_its_rows_is_never_made_without_a_question(tmp_path, tokenizer, capsys):
    from engine.cli.app import main

    rows = [article_line(n) for n in range(4)] + ["{broken"] * 5
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.raises(finishing.FewRead, match=r"Of 9 texts in .*a.jsonl only 4 can be read"):
        preparation.prepare(tmp_path / "a.jsonl", tokenizer, tmp_path / "corpora")
    assert [path.name for path in (tmp_path / "corpora").iterdir()] == [".locks"]
    prepared = preparation.prepare(tmp_path / "a.jsonl", tokenizer, tmp_path / "corpora", accept_part=True)
    assert prepared.skipped.count == 5
    again = preparation.prepare(tmp_path / "a.jsonl", tokenizer, tmp_path / "corpora")  # it has been asked
    assert again.folder == prepared.folder
    command = ["prepare", "--source", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "out"), "--json"]
    assert main(command) == 1
    assert "prepare --accept-part" in capsys.readouterr().err
    assert main([*command, "--accept-part"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["skipped"]["count"] == 5


# Twenty sentences


def test_twenty_sentences_a_line_each_are_twenty_texts(tokenizer, tmp_path):
    articles, _, _, source = read(BROUGHT / "twenty_lines.txt")
    blank, *_ = read(BROUGHT / "twenty_blank.txt")
    assert [a.sections for a in articles] == [a.sections for a in blank]
    assert len(articles) == 20
    assert "twenty_lines.txt: no line is blank, so each line was taken as one text." in map(str, source.remarks)
    prepared = preparation.prepare(BROUGHT / "twenty_lines.txt", tokenizer, tmp_path / "corpora")
    assert (prepared.articles("train"), prepared.articles("validation")) == (18, 2)


def test_so_little_and_a_pattern_are_told(tmp_path):
    from engine.core import paths
    from engine.presets import catalogue

    mini = catalogue.tokenizer(catalogue.find(paths.portable(paths.MINI_PRESET)))
    prepared = preparation.prepare(BROUGHT / "twenty_lines.txt", mini, tmp_path / "corpora")
    notices = [str(notice) for notice in little.notices(prepared)]
    assert len(notices) == 3
    assert notices[0].startswith(f"18 texts with {len(prepared.tokens('train'))} tokens are little to learn from")
    followers: dict[int, Counter[int]] = {}
    for one, next_one in itertools.pairwise(prepared.tokens("train").tolist()):
        followers.setdefault(one, Counter())[next_one] += 1
    pairs = list(itertools.pairwise(prepared.tokens("validation").tolist()))
    guessed = [one in followers and max(sorted(followers[one]), key=followers[one].get) == then for one, then in pairs]
    assert f"guesses {100 * sum(guessed) / len(guessed):.1f} % of the tokens of the validation texts" in notices[2]
    assert prepared.card["template_share"] == round(sum(guessed) / len(pairs), 4) > 0.8
    assert little.notices(preparation.prepare(paths.SAMPLE_ARTICLES, mini, tmp_path / "corpora")) == []


@pytest.mark.slow
def test_twenty_sentences_can_be_trained_on(root, tiny_preset, eager):
    from training_helpers import settings_of

    from engine.runs import states, submission
    from engine.services import worker

    run = submission.submit(settings_of(tiny_preset, BROUGHT / "twenty_lines.txt", steps=2))
    worker.work(run)
    assert (run.state().state, run.state().step) == (states.FINISHED, 2)
    measured = {(e["model"], e["whole"]) for e in run.events("evaluation") if e["split"] == "validation"}
    assert measured == {("base", False), ("run", False), ("base", True), ("run", True)}


@pytest.mark.parametrize("mark", ["{n}. ", "{n}) ", "- ", "• ", "* "])
def test_the_marks_of_a_list_are_no_text(tmp_path, mark):
    (tmp_path / "a.txt").write_text("".join(mark.format(n=n) + f"Sentence {n}.\n" for n in range(1, 9)), "utf-8")
    articles, *_ = read(tmp_path / "a.txt")
    assert [a.text() for a in articles] == [f"Sentence {n}.\n" for n in range(1, 9)]


def test_a_list_in_json_is_its_sentences(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["One sentence.", "Another one."]))
    assert [a.text() for a in read(tmp_path / "a.json")[0]] == ["One sentence.\n", "Another one.\n"]


def test_a_text_that_an_editor_broke_into_lines_is_one(tmp_path):
    words = " ".join(["the cells were treated with insulin and showed lower levels of protein"] * 12)
    lines = [words[i : i + 70] for i in range(0, len(words), 70)]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert len(read(tmp_path / "a.txt")[0]) == 1
    assert len(read(tmp_path / "a.txt", Options(text_unit="line"))[0]) == len(lines)


# gpt-2-simple


@pytest.mark.parametrize("sep", ["\n", "", "\n\n", "\r\n"])
@pytest.mark.parametrize("marks", ["both", "start", "end", "start_line"])
def test_marks_part_articles_and_are_no_text(tmp_path, sep, marks):
    start, end = {
        "both": (marked.START, marked.END), "start": (marked.START, ""), "end": ("", marked.END), "start_line": (f"{marked.START}\n", ""),
    }[marks]  # fmt: skip
    content = "".join(f"{start}Text {n}\n\nmore é {n}{end}{sep}" for n in range(4))
    (tmp_path / "a.txt").write_bytes(content.encode())
    articles, problems, _, source = read(tmp_path / "a.txt")
    assert [a.text() for a in articles] == [f"Text {n}\nmore é {n}\n" for n in range(4)]
    assert (problems, source.forms()) == ([], {"marked": 1})
    goes_on_from_every_place(tmp_path / "a.txt")
