"""Any bytes give articles or sentences, and any article that is written comes back."""

import csv
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources_helpers import read

from engine.articles import Article, Options, Section, Source, csv_table, member, names, text
from engine.articles.article import clean
from engine.core.errors import ArticlesError


@given(content=st.binary(max_size=400), ending=st.sampled_from(["jsonl", "csv", "txt", "xml", "parquet", "zip", "dat"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_articles_or_sentences(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("any") / f"a.{ending}"
    path.write_bytes(content)
    try:
        for article in Source(path).read("train"):
            assert isinstance(article, Article) and article.text().encode()
    except ArticlesError as error:
        assert str(error)


@given(
    lines=st.lists(st.text(max_size=40), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@settings(max_examples=150, deadline=None)
def test_csv_written_by_python_comes_back_whole(tmp_path_factory, lines, quoting):
    lines = [line.replace("\0", "") for line in lines]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=quoting)
    writer.writerow(["id", "text"])
    writer.writerows([number, line] for number, line in enumerate(lines))
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(buffer.getvalue().encode("utf-8", "replace"))
    source = Source(path)
    found = {a.id: list(a.sections[0].paragraphs) for a in source.read("train")}
    expected = {}
    for number, line in enumerate(lines):
        wanted = [clean(part) for part in line.encode("utf-8", "replace").decode().splitlines()]
        if any(wanted) and not names.is_placeholder(line):
            expected[str(number)] = [part for part in wanted if part]
    assert found == expected


WORDY = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1, max_size=30)
    .map(clean)
    .filter(lambda line: line and not line.startswith("<S>") and not line.endswith("</S>")),
    min_size=1,
    max_size=4,
)

ARTICLES = st.lists(
    st.builds(
        lambda abstract, bodies: Article("", tuple(abstract), tuple(Section("name", tuple(b)) for b in bodies)),
        WORDY,
        st.lists(WORDY, min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=5,
)


def fields_of(article: Article) -> dict:
    return {
        "article_text": [p for s in article.sections for p in s.paragraphs],
        "abstract_text": [f"<S> {line} </S>" for line in article.abstract],
        "section_names": [s.name for s in article.sections],
        "sections": [list(s.paragraphs) for s in article.sections],
    }


@given(articles=ARTICLES)
@settings(max_examples=60, deadline=None)
def test_any_article_comes_back_from_json_lines_and_parquet(tmp_path_factory, articles):
    folder, rows = tmp_path_factory.mktemp("round"), [fields_of(article) for article in articles]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "a.parquet")
    assert read(folder / "a.jsonl") == read(folder / "a.parquet") == (articles, [])


@given(articles=st.lists(WORDY, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_paragraphs_come_back_from_plain_text(tmp_path_factory, articles):
    path = tmp_path_factory.mktemp("round") / "a.md"
    path.write_bytes("\n\n".join("\n".join(paragraphs) for paragraphs in articles).encode())
    m = member.of_file(path)
    items = [item for _, item in text.read(m, Options(text_unit="blank-lines"))]
    assert [item.sections[0].paragraphs for item in items] == [tuple(paragraphs) for paragraphs in articles]


LINES = st.lists(
    st.sampled_from(
        [b'1,"a"', b'2,"open', b"3,b", b"", b"4", b'5,"two\nlines"', b"6,caf\xe9", b'7,""""', b"8,x\ry", b'"']
    ),
    max_size=12,
)


@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n"]))
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("reader", [csv_table, text])
def test_reading_goes_on_from_every_place_of_any_lines(tmp_path_factory, reader, lines, end):
    path = tmp_path_factory.mktemp("places") / "a.csv"
    path.write_bytes(end.join([b"id,text", *lines]))

    def items(start=()):
        return [(place, *shape(item)) for place, item in reader.read(member.of_file(path), Options(), start)]

    def shape(item):
        return (item.id, item.text()) if isinstance(item, Article) else ("", str(item))

    whole = items()
    for number, (place, *_) in enumerate(whole):
        assert items(place) == whole[number + 1 :]
