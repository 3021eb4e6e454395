"""Every form of source: what is read of it, by what it is recognised, and how a bad row is said."""

import csv
import itertools
import json
import random
import zipfile

import pyarrow
import pyarrow.parquet
import pytest
from pubmed_helpers import article_line, jsonl
from sources_helpers import JATS, read, table_rows

from engine.articles import Options, Source, csv_table, hub, member, text
from engine.core.errors import ArticlesError
from engine.services import import_job

# The PubMed release as downloaded


def test_the_release_is_read_inside_its_zip(release):
    source = Source(release)
    assert source.splits == ("train", "validation", "test")
    assert [a.id for a in source.read("validation")] == ["article-8", "article-9"]
    assert sum(1 for _ in source.read("train")) == 8


def test_reading_goes_on_from_any_place(release):
    source = Source(release)
    items = list(source.items("train"))
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


def test_the_way_to_a_place_inside_a_zip_is_told_as_it_is_gone(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.txt", random.Random(1).randbytes(1 << 20) * 48)
    (m,), _ = member.of_archive(path)
    done_bytes = []
    m.tick = lambda: done_bytes.append(m.done_bytes())
    with m.open(40 << 20) as file:
        assert done_bytes[-1] == 40 << 20
        assert all(0 < after - before <= 1 << 20 for before, after in itertools.pairwise([0, *done_bytes]))
        file.seek(0)
        file.seek(-5, 2)
        assert len(file.read()) == 5


# Tables


def test_the_hubs_copy_of_pubmed_is_read_in_its_exact_shape(tmp_path):
    for configuration in ("document", "section"):
        (tmp_path / configuration).mkdir()
        for split, parts in (("train", 2), ("validation", 1), ("test", 1)):
            for part in range(parts):
                name = f"{configuration}/{split}-{part:05}-of-{parts:05}.parquet"
                pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows()), tmp_path / name)
    source = Source(tmp_path)
    articles = list(source.read("train"))
    assert (len(articles), source.splits) == (12, ("train", "validation", "test"))
    assert articles[0].abstract == ("abstract 0", "more")
    assert articles[0].sections[0].paragraphs == ("body 0 one .", "body 0 two .")


def test_parquet_with_other_columns_says_which_there_are(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": ["x"], "b": ["y"]}), tmp_path / "t.parquet")
    with pytest.raises(ArticlesError, match=r"t.parquet: which column holds the articles' text\? Choose one of a, b"):
        read(tmp_path / "t.parquet")
    articles, _ = read(tmp_path / "t.parquet", options=Options(text_column="b"))
    assert articles[0].sections[0].paragraphs == ("y",)


def test_csv_rows_are_articles_and_the_column_may_be_chosen(tmp_path):
    with open(tmp_path / "a.csv", "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["number", "contents", "summary"])
        writer.writerows([[n, f"text of {n}; with a ; and\na break", f"sum {n}"] for n in range(3)])
    articles, problems = read(tmp_path / "a.csv", options=Options(text_column="contents", id_column="number"))
    assert [a.id for a in articles] == ["0", "1", "2"]
    assert articles[1].sections[0].paragraphs == ("text of 1; with a ; and", "a break")
    assert (articles[1].abstract, problems) == (("sum 1",), [])
    with pytest.raises(ArticlesError, match="has no column “x”; its columns are number, contents, summary"):
        read(tmp_path / "a.csv", options=Options(text_column="x"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'2,"never "closed" well"', "a.csv, lines 3 to 3: broken quotes"),
        (b"2,caf\xe9 in UTF-8: \xc3\xa9", "a.csv, line 3: not UTF-8."),
        (b"2,a\0b", "a.csv, line 3: "),
        (b"2", "a.csv, line 3: 1 fields where the header has 2."),
        (b"2,  ", "a.csv, line 3: an article without text."),
    ],
)
def test_a_bad_row_is_named_and_the_good_rest_is_used(tmp_path, row, reason):
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,first\n" + row + b"\n3,third\n")
    articles, problems = read(tmp_path / "a.csv")
    assert [a.id for a in articles] == ["1", "3"]
    assert len(problems) == 1 and problems[0].startswith(reason)


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(tmp_path):
    filler = b"x" * 99 + b"\n"
    (tmp_path / "a.csv").write_bytes(b'id,text\n1,first\n2,"open\n' + filler * 60_000 + b"3,third\n")
    articles, problems = read(tmp_path / "a.csv")
    assert articles[0].id == "1"
    assert any("broken quotes or an endless field" in problem for problem in problems)


def test_a_quote_that_is_never_closed_costs_its_own_line_alone(tmp_path):
    rows = "".join(f"{n},text of {n}\n" for n in range(3, 500))
    (tmp_path / "a.csv").write_text('id,text\n1,first\n2,"open\n' + rows)
    articles, problems = read(tmp_path / "a.csv")
    assert [a.id for a in articles] == ["1", *map(str, range(3, 500))]
    assert problems == ["a.csv, lines 3 to 3: broken quotes or an endless field (unexpected end of data)."]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_row_that_is_too_long_is_left_out_whole_and_lines_are_counted_right(tmp_path, monkeypatch, end):
    monkeypatch.setattr(csv_table, "LONGEST_LINE_BYTES", 200 if end != "\r" else 1000)
    lines = ["id,text", "1,first", "2," + "x y, " * 100, "3,third", "4"]
    (tmp_path / "a.csv").write_bytes(end.join(lines).encode())
    articles, problems = read(tmp_path / "a.csv")
    assert [a.id for a in articles] == ["1", "3"]
    assert problems[0].startswith("a.csv, line 3: longer than" if end != "\r" else "a.csv, line 3: 102 fields")
    assert problems[1:] == ["a.csv, line 5: 1 fields where the header has 2."]


def test_the_releases_columns_in_a_parquet_file_keep_their_sections(tmp_path):
    rows = [json.loads(article_line(n)) for n in range(3)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(jsonl(0, 1, 2))
    assert read(tmp_path / "a.parquet")[0] == read(tmp_path / "a.jsonl")[0]
    by_name = read(tmp_path / "a.parquet", options=Options("article_text", "abstract_text", "article_id"))
    assert by_name[0] == read(tmp_path / "a.jsonl")[0]
    (another, *_), _ = read(tmp_path / "a.parquet", options=Options(text_column="abstract_text"))
    assert [s.name for s in another.sections] == [""]


# Plain text


def test_text_between_blank_lines_is_an_article_in_one_file(tmp_path):
    (tmp_path / "all.txt").write_text("one\nmore\n\n\ntwo\n\nthree", encoding="utf-8")
    articles, _ = read(tmp_path / "all.txt")
    assert [a.sections[0].paragraphs for a in articles] == [("one", "more"), ("two",), ("three",)]
    (whole,), _ = read(tmp_path / "all.txt", options=Options(text_unit="file"))
    assert whole.sections[0].paragraphs == ("one", "more", "two", "three")


def test_each_of_several_text_files_is_an_article(tmp_path):
    for name in "abcde":
        (tmp_path / f"{name}.txt").write_text(f"text of {name}\n\nsecond paragraph", encoding="utf-8")
    articles, _ = read(tmp_path)
    assert [a.id for a in articles] == list("abcde")


def test_an_article_that_is_too_long_is_one_skip_and_lines_are_counted_right(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_ARTICLE_BYTES", 100)
    (tmp_path / "long.txt").write_bytes(b"one\n\n" + b"x" * 1000 + b"\nrest\n\n\xc3\xa9\n\ncaf\xe9\n")
    articles, problems = read(tmp_path / "long.txt")
    assert [a.id for a in articles] == ["long-1", "long-3"]
    assert problems == ["long.txt, line 3: an article of over 16 MB.", "long.txt, line 8: not UTF-8."]


# Recognition


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.csv", jsonl(1).encode(), "jsonl"),
        ("a.txt", b"id,article\n1,text\n", "csv"),
        ("a.txt", JATS.encode(), "jats"),
        ("noending", b"plain words\n", "text"),
        ("a.txt", b"\xef\xbb\xbf" + jsonl(1).encode(), "jsonl"),
    ],
)
def test_a_file_is_recognised_by_its_content(tmp_path, name, content, form):
    (tmp_path / name).write_bytes(content)
    assert Source(tmp_path / name).forms() == {form: 1}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdf", b"%PDF-1.7 ...", "a.pdf is a PDF that is damaged or cannot be read"),
        ("a.json", b'[{"a": 1}]', "a.json, line 1: none of its fields (a) is called as an article's text is"),
        ("a.bin", bytes(range(256)) * 9, "a.bin is no text and no form that is read"),
        ("a.html", b"<html><body>x", "a.html is a HTML file"),
        ("a.parquet", b"PAR1 and nothing", "a.parquet is damaged or cut off"),
        ("a.xml", b"<article><body>", "a.xml, line 1: XML that cannot be read"),
        ("a.xml", b"<note>no</note>", "a.xml: XML, but not a JATS article."),
        ("a.txt", b"\xc3\xa9 caf\xe9", "a.txt, line 1: not UTF-8."),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    try:
        articles, problems = read(tmp_path / name)
    except ArticlesError as error:
        articles, problems = [], [str(error)]
    assert articles == [] and len(problems) == 1
    assert problems[0].startswith(reason)


# The hub, through its own library


def test_a_hub_name_is_known_from_a_path(tmp_path, monkeypatch):
    assert hub.is_name("ccdv/pubmed-summarization")
    assert hub.is_name("hf://datasets/ccdv/pubmed-summarization")
    assert not hub.is_name("articles/sample")
    assert not hub.is_name("a.jsonl")
    assert not hub.is_name("mistyped/train.jsonl")


def test_offline_the_hub_is_one_sentence_with_the_manual_way(monkeypatch, root):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ArticlesError, match="cannot be reached. Without network: fetch the Parquet files of ccdv/pub"):
        hub.list_files("ccdv/pubmed-summarization")
    with pytest.raises(ArticlesError, match="There is no file or folder corpora/pubmd either"):
        import_job.locate("corpora/pubmd", lambda listing: None, lambda done, total: None)


def test_a_card_beside_the_splits_is_not_counted_as_left_out_and_a_strangers_file_is(tmp_path):
    for name in ("README.md", "LICENSE", "train.jsonl", "more.jsonl"):
        (tmp_path / name).write_text(jsonl(1))
    assert [problem.values["path"] for problem in Source(tmp_path).refused] == ["more.jsonl"]


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("articles_train.jsonl", "", "articles_test.jsonl"), ("X_train.csv", "", "X_test.csv"), ("training.jsonl", "", "test.jsonl"),
        ("wiki.train.jsonl", "wiki.valid.jsonl", "wiki.test.jsonl"), ("train.jsonl", "dev.jsonl", "testing.jsonl"),
        ("train (1).jsonl", "", "test (1).jsonl"), ("train1.jsonl", "", "test1.jsonl"), ("entraînement.jsonl", "", "test.jsonl"),
        ("Train.jsonl", "Validation Set.jsonl", "Test Set.jsonl"), ("wiki_train.txt", "", "wiki_test.txt"),
        ("train.jsonl", "", "eval-2.jsonl"),
    ],
)  # fmt: skip
def test_a_files_split_is_told_by_a_word_of_its_name(tmp_path, train, validation, test):
    content = {".csv": "id,text\n1,one text\n", ".txt": "one text\n"}
    for name in filter(None, (train, validation, test)):
        (tmp_path / name).write_text(content.get(name[name.rindex(".") :], jsonl(1)))
    members = Source(tmp_path).members
    assert {split: [m.split_name for m in of_split] for split, of_split in members.items()} == {
        split: [name] for split, name in (("train", train), ("validation", validation), ("test", test)) if name
    }


def test_two_training_files_are_both_read_and_the_test_file_is_not_trained_on(tmp_path):
    for number, name in enumerate(("train1.jsonl", "train2.jsonl", "test.jsonl")):
        (tmp_path / name).write_text(jsonl(number))
    source = Source(tmp_path)
    assert [m.split_name for m in source.members["train"]] == ["train1.jsonl", "train2.jsonl"]
    assert [m.split_name for m in source.members["test"]] == ["test.jsonl"]


@pytest.mark.parametrize(
    "names",
    [
        ["Blood test.txt", "Strength training.txt", "Diet.txt"],
        ["Test 1.txt", "Test 2.txt"],
        ["a_dev.txt", "b.txt"],
        ["Le Val.csv", "Paris.csv"],
    ],
)
def test_a_document_that_is_about_a_test_is_an_article(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("id,text\n1,one text\n")
    assert [m.split_name for m in Source(tmp_path).members["train"]] == sorted(names)


@pytest.mark.parametrize(
    "names", [["test/a.txt", "test/b.txt"], ["dev/a.txt", "papers/b.txt"], ["articles.csv", "articles_test.csv"]]
)
def test_where_no_file_is_for_training_those_that_are_there_are_named(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "id,text\n1,one text\n")
    with pytest.raises(
        ArticlesError, match=f"has no articles for training: its files are {', '.join(names)}. Give those"
    ):
        Source(tmp_path / "a.zip")


def test_cards_and_licences_are_none_beside_one_file_of_data(tmp_path):
    for name in ("README.md", "LICENSE", "CITATION.cff"):
        (tmp_path / name).write_text("About the data.\n\nMore about them.")
    (tmp_path / "data.csv").write_text("id,text\n1,one text\n")
    source = Source(tmp_path)
    assert ([m.split_name for m in source.members["train"]], len(source.refused)) == (["data.csv"], 3)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "Readme_fr.txt",
        "LICENSE",
        "notes.txt",
        "LISEZMOI.txt",
        "CHANGELOG.md",
        "CITATION.cff",
        "data/readme",
    ],
)
def test_what_is_about_the_articles_beside_it_is_none_and_is_named(tmp_path, name, packed):
    files = {"a.txt": "one\n\ntwo", "b.txt": "three", name: "About these texts.\n\nMore about them."}
    folder = tmp_path / "in"
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)
    path = folder
    if packed:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(folder / file, file)
    articles, _ = read(path)
    assert [a.text() for a in articles] == ["one\n", "two\n", "three\n"]
    shown = f"a.zip: {name}" if packed else name.rpartition("/")[2]
    assert list(map(str, Source(path).refused)) == [
        f"{shown}: left out, since by its name it is about the articles beside it."
    ]


@pytest.mark.parametrize(
    "names", [["README.md"], ["1/notes.txt", "2/notes.txt"], ["note 1.txt", "note 2.txt", "licenses of old.txt"]]
)
def test_notes_that_are_all_there_is_are_the_articles(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    assert len(read(tmp_path)[0]) == len(names)
    assert Source(tmp_path).refused == []
