"""Every form of source: what is read of it, what is refused, and how it is said."""

import csv
import io
import itertools
import json
import os
import random
import struct
import zipfile
from pathlib import Path

import psutil
import pyarrow
import pyarrow.parquet
import pytest
from conftest import article_line
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.articles import Article, Options, Section, Skipped, Source, csv_table, hub, isolation, member, parquet, text
from engine.articles.article import clean
from engine.core.errors import ArticlesError
from engine.corpus import preparation
from engine.presets import tokenizers
from engine.services import import_job


def read(path, split="train", options=None):
    """The articles of a split, and the sentences of what was skipped."""
    skipped = Skipped()
    source = Source(path, options)
    articles = list(source.read(split, skipped))
    return articles, [str(problem) for problem in skipped.examples]


def jsonl(*numbers: int) -> str:
    return "".join(article_line(number) + "\n" for number in numbers)


# The PubMed release as downloaded


@pytest.fixture
def release(tmp_path):
    path = tmp_path / "pubmed-dataset.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pubmed-dataset/vocab", "the 120\nof 80\n")
        archive.writestr("pubmed-dataset/train.txt", jsonl(*range(8)))
        archive.writestr("pubmed-dataset/val.txt", jsonl(8, 9))
        archive.writestr("pubmed-dataset/test.txt", jsonl(10))
        archive.writestr("__MACOSX/pubmed-dataset/._train.txt", b"\0\5\26\7")
    return path


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
    told = []
    m.tick = lambda: told.append(m.done_bytes())
    with m.open(40 << 20) as file:
        assert told[-1] == 40 << 20
        assert all(0 < after - before <= 1 << 20 for before, after in itertools.pairwise([0, *told]))
        file.seek(0)
        file.seek(-5, 2)
        assert len(file.read()) == 5


# Tables


def table_rows(count=6):
    return [{"article": f"body {n} one .\nbody {n} two .", "abstract": f"abstract {n}\nmore"} for n in range(count)]


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


# JATS

JATS = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS//EN" "http://127.0.0.1:9/never-fetched.dtd">
<article><front><article-meta><article-id pub-id-type="doi">10.1/x</article-id>
<title-group><article-title>On <italic>cells</italic></article-title></title-group>
<abstract abstract-type="graphical"><p>picture</p></abstract><abstract><p>Short.</p></abstract></article-meta></front>
<body><p>Loose &nbsp;start.</p><sec><title>Results</title><p>First<xref>1</xref> a &lt; b.
<fig><caption><p>no caption</p></caption></fig></p><sec><title>Inner</title><p>Second.</p>
<table-wrap><table><tr><td>no table</td></tr></table></table-wrap>
<list><list-item><p>Third.</p></list-item></list></sec></sec></body>
<back><ref-list><ref><p>no reference</p></ref></ref-list></back>
<sub-article><body><p>no letter</p></body></sub-article></article>"""


def test_jats_gives_abstract_sections_and_paragraphs_in_reading_order(tmp_path):
    (tmp_path / "x.xml").write_text(JATS, encoding="utf-8")
    (article,), _ = read(tmp_path / "x.xml")
    assert (article.id, article.title, article.abstract) == ("10.1/x", "On cells", ("Short.",))
    assert [(s.name, s.paragraphs) for s in article.sections] == [
        ("", ("Loose start.",)),
        ("Results", ("First1 a < b.", "Second.", "Third.")),
    ]
    assert dict(article.left_out) == {"other_abstracts": 1, "figures": 2, "references": 1, "inner_articles": 1}


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("<fig-group><fig><graphic/></fig><fig><caption><p>c</p></caption></fig></fig-group>", {"figures": 2}),
        ("<p>Seen <inline-graphic/> so.</p><media/>", {"pictures": 2}),
        ("<p>A formula <inline-formula><inline-graphic/></inline-formula> is no part.</p>", {}),
        ("<p>Noted.<fn><p>n</p></fn></p><table-wrap><table-wrap-foot><fn/></table-wrap-foot></table-wrap>", {"notes": 1, "figures": 1}),
        ("<p>As</p><code>x = 1</code><supplementary-material><caption><p>S1</p></caption></supplementary-material>", {"code": 1, "supplements": 1}),
        ("<p>x</p></body><back><ack><p>Thanks.</p></ack><app-group><app><p>One <fig/></p><p>Two</p></app></app-group>"
         "<ref-list><ref/><ref/><ref/></ref-list></back><body>", {"behind": 3, "figures": 1, "references": 3}),
        ("<p>x</p></body><response><body><p>Dear</p><fig/></body></response><body>", {"inner_articles": 1}),
    ],
)  # fmt: skip
def test_what_jats_holds_and_is_not_read_is_counted(tmp_path, written, counted):
    assert dict(jats_body(tmp_path, f"<p>Text.</p>{written}").left_out) == counted


def test_what_stands_before_a_jats_article_and_is_not_read_is_counted(tmp_path):
    front = (
        "<contrib-group><contrib/><contrib/></contrib-group><permissions><license><license-p>CC</license-p></license>"
        "</permissions><abstract><p>Main.<fn/></p></abstract><abstract abstract-type='teaser'><p>T.</p></abstract>"
        "<trans-abstract><p>Résumé.</p></trans-abstract><kwd-group><kwd>a</kwd><kwd>b</kwd></kwd-group>"
    )
    article = jats_body(tmp_path, "<p>x</p>", front)
    assert article.abstract == ("Main.",)
    counted = {"addresses": 2, "notices": 1, "notes": 1, "other_abstracts": 2, "fields": 2}
    assert dict(article.left_out) == counted


def jats_body(tmp_path, body: str, front: str = ""):
    mathml = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'
    front = f"<front><article-meta>{front}</article-meta></front>"
    (tmp_path / "x.xml").write_text(f"<article {mathml}>{front}<body>{body}</body></article>", encoding="utf-8")
    ((article,), problems) = read(tmp_path / "x.xml")
    assert not problems
    return article


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("10<sup>5</sup> cells", "10^5 cells"),
        ("10<italic><sup>5</sup></italic> cells", "10^5 cells"),
        ("<italic>x</italic><sup>2</sup>", "x^2"),
        ("Ca<sup>2+</sup> and Na<sup>+</sup>", "Ca^2+ and Na^+"),
        ("5 min<sup>−1</sup>", "5 min^−1"),
        ("2<sup>n + 1</sup>", "2^(n + 1)"),
        ("the 5<sup>th</sup> day", "the 5th day"),
        ("at 37<sup>∘</sup>C, x<sup>′</sup>", "at 37∘C, x′"),
        ("(n + 1)<sup>2</sup>", "(n + 1)^2"),
        ("<sup>14</sup>C and H<sub>2</sub>O", "14C and H2O"),
        ('before <sup><xref ref-type="bibr">12</xref>,<xref ref-type="bibr">13</xref></sup> and', "before and"),
        ('before<xref ref-type="bibr"><sup>12</sup></xref> and', "before and"),
        ('see <xref ref-type="fig">Figure 2<sup>a</sup></xref>', "see Figure 2^a"),
        ("known.<sup>12</sup> Then cells<sup>3,4</sup> and mice<sup>5–7</sup>", "known. Then cells and mice"),
        ('as [<xref ref-type="bibr">3</xref>]', "as [3]"),
        ("10<sup>3,5</sup> and 3 × 10<sup>3–5</sup>", "10^(3,5) and 3 × 10^(3–5)"),
        ("<italic>x</italic><sup>1–3</sup>, (y<sup>2, 3</sup>) and <italic>R</italic><sup>1,2</sup>", "x^(1–3), (y^(2, 3)) and R^(1,2)"),
        ("2<sup>10<sup>3</sup></sup> and e<sup>−x<sup>2</sup></sup>", "2^(10^3) and e^(−x^2)"),
        ("<sup>a<sup>2</sup></sup> and cm<sup>−<italic>n</italic></sup>", "a^2 and cm^−n"),
        ('10<sup><xref ref-type="bibr">3,5</xref></sup> <italic>x</italic><sup><xref ref-type="bibr">1–3</xref></sup>', "10 x"),
        ("in 2010<sup>3,4</sup>, of TNF-α<sup>5,6</sup>, hepatitis C<sup>1–3</sup>, 10<sup>[3,4]</sup>", "in 2010, of TNF-α, hepatitis C, 10"),
    ],
)  # fmt: skip
def test_what_is_raised_keeps_its_meaning_and_citations_go(tmp_path, written, wanted):
    assert jats_body(tmp_path, f"<p>{written}</p>").sections[0].paragraphs == (wanted,)


def math(content: str) -> str:
    return f"<m:math>{content}</m:math>"


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("<tex-math>p &lt; 0.05</tex-math>", "p < 0.05"),
        (r"<tex-math>\documentclass{minimal}\begin{document}$$ \alpha = 1 $$\end{document}</tex-math>", r"\alpha = 1"),
        (math("<m:mi>k</m:mi>"), "k"),
        (
            math("<m:mfrac><m:mrow><m:mi>a</m:mi><m:mo>+</m:mo><m:mn>1</m:mn></m:mrow><m:mi>b</m:mi></m:mfrac>"),
            "(a + 1)/b",
        ),
        (math("<m:msup><m:mn>10</m:mn><m:mrow><m:mo>−</m:mo><m:mn>3</m:mn></m:mrow></m:msup>"), "10^(−3)"),
        (math("<m:msub><m:mi>k</m:mi><m:mi>cat</m:mi></m:msub><m:mo>≤</m:mo><m:mn>2</m:mn>"), "k_cat ≤ 2"),
        (math("<m:mi>f</m:mi><m:mo>\u2061</m:mo><m:mfenced><m:mi>x</m:mi><m:mi>y</m:mi></m:mfenced>"), "f(x, y)"),
        (math("<m:msqrt><m:mi>n</m:mi></m:msqrt><m:mover><m:mi>x</m:mi><m:mo>¯</m:mo></m:mover>"), "√(n)bar(x)"),
        ("<alternatives><tex-math>TEX</tex-math>" + math("<m:mi>q</m:mi>") + "<inline-graphic/></alternatives>", "q"),
        ("<italic>r</italic><sup>2</sup> = 0.9", "r^2 = 0.9"),
    ],
)
def test_a_formula_becomes_its_text(tmp_path, formula, wanted):
    body = f"<p>Let <inline-formula>{formula}</inline-formula> be.</p>"
    article = jats_body(tmp_path, body)
    assert article.sections[0].paragraphs == (f"Let {wanted} be.",) and article.formulas == (1, 0)


def test_a_formula_of_great_depth_takes_no_great_time(tmp_path):
    deep = "<m:msqrt>" * 100 + "<m:mi>x</m:mi>" + "</m:msqrt>" * 100
    article = jats_body(tmp_path, f"<p><inline-formula>{math(deep)}</inline-formula></p>")
    assert article.sections[0].paragraphs[0] == "√(" * 100 + "x" + ")" * 100


def test_a_formula_that_is_a_picture_leaves_a_mark_and_is_counted(tmp_path, vocabulary):
    picture = "<inline-formula><inline-graphic/></inline-formula>"
    display = "<disp-formula><label>(1)</label><tex-math>E = m</tex-math></disp-formula>"
    body = f"<p>Let {picture} and {picture} be.{display}Then.</p><disp-formula><graphic/></disp-formula>{display}"
    article = jats_body(tmp_path, body)
    assert article.sections[0].paragraphs == ("Let [formula] and [formula] be. E = m Then.", "E = m")
    assert article.formulas == (2, 3)
    (tmp_path / "y.xml").write_text("<article><body><p>Another.</p></body></article>")
    prepared = preparation.prepare(tmp_path, tokenizers.Tokenizer(*vocabulary), tmp_path.with_name("corpora-formulas"))
    assert prepared.card["formulas"] == {"text": 2, "mark": 3}


def test_a_scanned_paper_is_read(tmp_path, real_data):
    (article,), _ = read(real_data / "inputs" / "ocr.nxml")
    assert article.title == "Scanned note"
    assert article.text().endswith("The text of an old scanned paper stands here only, line by line.\n")
    body = "<sec><title>Page</title><preformat>one\ntwo\n \nthree</preformat></sec>"
    assert jats_body(tmp_path, body).sections[0].paragraphs == ("one two", "three")


def test_an_article_with_all_of_these_is_read_right(real_data):
    (article,), _ = read(real_data / "inputs" / "one.nxml")
    assert article.title == "Growth of E. coli at 10^5 cells" and article.formulas == (2, 0)
    assert article.sections[0].paragraphs == (
        "We plated 10^5 cells in H2O as before and used p < 0.05 throughout; the rate was k per hour.",
        "Deep paragraph one. Text after the figure.",
        "First item.",
        "ABC: a short form",
    )


def test_a_definition_keeps_its_term(tmp_path):
    items = "<def-item><term>ABC</term><def><p>a short form</p><p>and more</p></def></def-item>"
    items += "<def-item><term><italic>K</italic><sub>m</sub></term></def-item>"
    assert jats_body(tmp_path, f"<p>Terms:<def-list>{items}</def-list></p>").sections[0].paragraphs == (
        "Terms:",
        "ABC: a short form",
        "and more",
        "Km",
    )


def test_titles_in_an_abstract_stay_and_the_main_abstract_wins(tmp_path):
    structured = "<title>Abstract</title><sec><title>Background</title><p>Why.</p><p>And so.</p></sec>"
    structured += "<sec><title>What was found?</title><p>This.</p></sec>"
    told = ("Background: Why.", "And so.", "What was found? This.")
    teaser = '<abstract abstract-type="teaser"><p>A much longer text than all the others, but only a teaser of it.</p></abstract>'
    summary = f'<abstract abstract-type="summary">{structured}</abstract>'
    other = '<abstract abstract-type="unheard-of"><p>Another.</p></abstract>'
    for front in (teaser + other + summary, summary + teaser, f"{summary}{teaser}{other}"):
        assert jats_body(tmp_path, "<p>x</p>", front).abstract == told
    assert jats_body(tmp_path, "<p>x</p>", f"{summary}{teaser}<abstract><p>Main.</p></abstract>").abstract == ("Main.",)
    assert jats_body(tmp_path, "<p>x</p>", teaser + other).abstract == ("Another.",)


def test_of_typed_abstracts_the_next_is_read_where_the_main_one_is_empty(tmp_path):
    empty = "<abstract><p><fig><graphic/></fig></p></abstract>"
    summary = '<abstract abstract-type="summary"><p>What we saw.</p></abstract>'
    teaser = '<abstract abstract-type="teaser"><p>Read on.</p></abstract>'
    article = jats_body(tmp_path, "<p>x</p>", empty + teaser + summary)
    assert article.abstract == ("What we saw.",)
    assert dict(article.left_out)["other_abstracts"] == 2
    assert jats_body(tmp_path, "<p>x</p>", empty).abstract == ()


def test_lists_and_quotations_stand_where_they_are_read(tmp_path):
    body = """<body><p>Before <list><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list> behind.</p>
    <disp-quote><p>First words.</p><p>More words.</p></disp-quote></body>"""
    (tmp_path / "x.xml").write_text(f"<article>{body}</article>")
    (article,), _ = read(tmp_path / "x.xml")
    assert article.sections[0].paragraphs == ("Before", "one", "two", "behind.", "First words.", "More words.")


@pytest.mark.parametrize("wrapper", ["pmc-articleset", "articles"])
def test_every_article_of_a_set_is_read(tmp_path, wrapper):
    inner = "".join(f"<article><body><p>text {n}</p></body></article>" for n in range(3))
    (tmp_path / "set.xml").write_text(f"<{wrapper}>{inner}<article/></{wrapper}>")
    articles, problems = read(tmp_path / "set.xml")
    assert [(a.id, a.sections[0].paragraphs) for a in articles] == [(f"set-{n + 1}", (f"text {n}",)) for n in range(3)]
    assert problems == ["set.xml: an article without text."]


@pytest.mark.parametrize("name", ["x.nxml", "x.txt"])
@pytest.mark.parametrize("before", ["<!-- a comment -->\n<!-- more -->", "\n  ", "\n <!-- c -->"])
def test_jats_behind_a_comment_or_white_space_is_recognised(tmp_path, name, before):
    (tmp_path / name).write_text(before + JATS.partition("?>\n")[2])
    assert read(tmp_path / name)[0][0].id == "10.1/x"


def test_jats_agrees_with_the_same_real_articles_in_another_form(real_data):
    known = {}
    for name in ("train", "validation", "test"):
        for line in (real_data / "articles" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            value = json.loads(line)
            known[value["article_id"]] = value["sections"]
    counts = []
    for path in sorted((real_data / "jats").glob("*.xml")):
        (article,), _ = read(path)
        theirs = known.get(path.stem) or known[path.stem.replace("elife", "elife-")]
        counts.append(sum(len(s.paragraphs) for s in article.sections) == sum(len(s) for s in theirs))
    assert len(counts) == 12 and sum(counts) >= 9  # the rest differ by boxes, which we keep as paragraphs of their own


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
        ("a.json", b'[{"a": 1}]', "a.json, line 1: an article without text."),
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


# Hostile files, read as they are in the lab: in a process of its own


def refusal(path) -> str:
    """The one sentence that importing a source ends with."""
    with pytest.raises(ArticlesError) as caught:
        counts = isolation.count(path)
        assert counts == {"train": 0}
        raise ArticlesError("nothing was read")
    return str(caught.value)


def test_a_truncated_zip_is_named(release):
    release.write_bytes(release.read_bytes()[:-40])
    assert "pubmed-dataset.zip is a zip archive that is damaged or cut off" in refusal(release)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.txt", b"0" * (64 << 20))
    assert "unpacks to more than a hundred times its size" in refusal(tmp_path / "bomb.zip")


@pytest.mark.parametrize("count", [2, 20])
def test_a_zip_bomb_in_many_small_members_is_not_unpacked(tmp_path, count):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(count):
            archive.writestr(f"{n}.txt", b"0" * (9 << 20))
    assert "unpacks to more than a hundred times its size" in refusal(tmp_path / "bomb.zip")


def test_a_parquet_bomb_is_not_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_RATIO_BYTES", 1 << 20)
    column = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 100, pyarrow.int32()), pyarrow.array(["x" * 50_000])
    )
    pyarrow.parquet.write_table(pyarrow.table({"article": column}), tmp_path / "a.parquet")
    with pytest.raises(ArticlesError, match="a.parquet holds more than a hundred times its size"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_genuine_parquet_is_far_from_a_bomb(real_data, tmp_path, monkeypatch, compression):
    monkeypatch.setattr(parquet, "_RATIO_BYTES", 0)
    monkeypatch.setattr(parquet, "_MOST_RATIO", 10)
    rows = [json.loads(line) for line in (real_data / "articles" / "test.jsonl").read_text("utf-8").splitlines()]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet", compression=compression)
    assert len(read(tmp_path / "a.parquet")[0]) == len(rows)


def test_an_article_of_too_many_sections_is_named_and_the_rest_is_used(tmp_path):
    many = {"article_text": ["x"], "section_names": ["n"] * 400_000, "sections": [["x"]] * 400_000}
    (tmp_path / "a.jsonl").write_text(jsonl(1) + json.dumps(many) + "\n" + jsonl(2))
    articles, problems = read(tmp_path / "a.jsonl")
    assert [a.id for a in articles] == ["article-1", "article-2"]
    assert problems == ["a.jsonl, line 2: an article of more than 10000 sections."]


def test_a_name_that_leads_out_of_an_archive_is_not_followed(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.txt", "x")
        archive.writestr("/etc/x.txt", "x")
        archive.writestr("good.txt", "text")
    source = Source(path)
    assert len(source.refused) == 2
    assert all("its name leads out of the archive" in str(problem) for problem in source.refused)
    assert [m.split_name for m in source.members["train"]] == ["good.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


@pytest.fixture
def linked(tmp_path):
    """A folder of articles beside another, and a way to make links in it; skips where none can be made."""
    (inside := tmp_path / "articles").mkdir()
    (outside := tmp_path / "secret").mkdir()
    (inside / "a.jsonl").write_text(jsonl(1))
    (outside / "b.jsonl").write_text(jsonl(2))

    def link(name, target):
        try:
            (inside / name).symlink_to(target, target_is_directory=Path(target).is_dir())
        except OSError:
            pytest.skip("no rights to make links here")

    return inside, outside, link


def test_links_that_lead_out_of_a_folder_are_not_followed_and_counted(linked, tmp_path):
    inside, outside, link = linked
    link("b.jsonl", outside / "b.jsonl")
    link("c.jsonl", "../secret/b.jsonl")
    link("folder", outside)
    link("gone.jsonl", outside / "gone.jsonl")
    (inside / "deep").mkdir()
    (inside / "deep" / "d.jsonl").write_text(jsonl(4))
    link("again.jsonl", inside / "deep" / "d.jsonl")  # stays inside
    link("deeper", inside / "deep")
    link("round", "round")
    source = Source(inside)
    assert [a.id for a in source.read("train")] == ["article-1", "article-4", "article-4"]
    assert sorted(str(problem) for problem in source.refused) == [
        f"{name} is a link that leads out of the folder; it was not read."
        for name in ("b.jsonl", "c.jsonl", "folder", "gone.jsonl")
    ]
    assert isolation.count(inside) == {"train": 3}
    assert len(isolation.preview(inside).refused) == 4


def test_a_folder_of_such_links_alone_is_refused_and_one_that_is_named_itself_is_read(linked, tmp_path):
    inside, outside, link = linked
    (inside / "a.jsonl").unlink()
    link("b.jsonl", outside / "b.jsonl")
    with pytest.raises(ArticlesError, match="b.jsonl is a link that leads out of the folder"):
        Source(inside)
    link("folder", outside)
    assert [a.id for a in Source(inside / "folder").read("train")] == ["article-2"]  # the person named it


def test_what_the_hubs_client_keeps_is_read_through_its_links(tmp_path):
    kept = tmp_path / "datasets--a--b"
    (kept / "blobs").mkdir(parents=True)
    (kept / "blobs" / "0123").write_text(jsonl(1))
    (folder := kept / "snapshots" / "abcd").mkdir(parents=True)
    try:
        (folder / "train.jsonl").symlink_to("../../blobs/0123")
    except OSError:
        pytest.skip("no rights to make links here")
    (folder / "test.jsonl").symlink_to("../../../elsewhere")
    source = Source(folder)
    assert [a.id for a in source.read("train")] == ["article-1"]
    assert [str(problem).split()[0] for problem in source.refused] == ["test.jsonl"]
    (configuration := folder / "document").mkdir()
    (configuration / "train.jsonl").symlink_to("../../../blobs/0123")
    (configuration / "test.jsonl").symlink_to("../../../../elsewhere")
    source = Source(configuration)
    assert [a.id for a in source.read("train")] == ["article-1"]
    assert [str(problem).split()[0] for problem in source.refused] == ["test.jsonl"]


def test_a_link_in_an_archive_is_not_an_article(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("secret.txt")
        link.create_system, link.external_attr = 3, (0o120777 << 16)
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.txt", "text")
    source = Source(tmp_path / "a.zip")
    assert [m.split_name for m in source.members["train"]] == ["good.txt"]
    assert str(source.refused[0]) == "a.zip: secret.txt is a link, not a file; it was not read."


def test_a_member_whose_bytes_are_damaged_is_named_and_the_rest_is_used(release):
    content = bytearray(release.read_bytes())
    at = content.find(b"pubmed-dataset/val.txt") + 60
    content[at : at + 20] = b"\xff" * 20
    release.write_bytes(content)
    source = Source(release)
    assert "pubmed-dataset/val.txt is damaged or cut off" in str(source.refused[0])
    assert source.splits == ("train", "test")
    assert len(list(source.read("train"))) == 8


def test_one_bad_file_among_good_ones_is_counted_and_the_rest_is_used(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl(1, 2))
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), tmp_path / "b.parquet")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows()), tmp_path / "c.parquet")
    (tmp_path / "c.parquet").write_bytes((tmp_path / "c.parquet").read_bytes()[:-50])
    (tmp_path / "d.zip").write_bytes(b"PK\3\4 and no more")
    (tmp_path / "e.jsonl").write_text(jsonl(3))
    source, skipped = Source(tmp_path), Skipped()
    assert [a.id for a in source.read("train", skipped)] == ["article-1", "article-2", "article-3"]
    starts = ("d.zip is a zip archive that is damaged", "b.parquet: which column holds", "c.parquet is damaged")
    said = [str(problem) for problem in (*source.refused, *skipped.examples)]
    assert all(problem.startswith(start) for problem, start in zip(said, starts, strict=True))


def test_a_folder_whose_first_table_is_bad_is_still_shown(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows()), tmp_path / name)
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-50])
    seen = isolation.preview(tmp_path)
    assert (seen.columns, len(seen.rows)) == (["article", "abstract"], 5)
    assert str(seen.refused[0]).startswith("a.parquet is damaged or cut off")


def test_files_that_are_left_out_are_counted(tmp_path):
    for name in ("train.jsonl", "more.jsonl"):
        (tmp_path / name).write_text(jsonl(1))
    assert [str(p) for p in Source(tmp_path).refused] == [
        "more.jsonl: left out, since other files are called train, val or test."
    ]


@pytest.mark.skipif(os.name == "nt", reason="every name is Unicode there")
def test_a_name_that_is_not_utf8_is_shown_as_well_as_can_be(tmp_path):
    for name in (b"caf\xe9.txt", b"k\xe4se.jsonl"):
        try:
            with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
                file.write(jsonl(1).encode() if name.endswith(b"l") else b"text")
        except OSError:
            pytest.skip("this file system holds Unicode names alone")
    assert sorted(a.id for a in Source(tmp_path).read("train")) == ["article-1", "caf\ufffd-1"]
    assert isolation.count(tmp_path) == {"train": 2}


def test_an_id_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a\nb.txt", "text")
        archive.writestr("c\nd.xml", "<article><body><p>x</p></body></article>")
    assert [a.id for a in Source(tmp_path / "a.zip").read("train")] == ["a b-1", "c d"]


ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE article [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 12}">' for n in range(12))
    + "]><article><body><p>x &m; y</p></body></article>"
)
EXTERNAL = '<!DOCTYPE article [<!ENTITY e SYSTEM "file://{path}">]><article><body><p>a &e; b</p></body></article>'


def test_entities_are_neither_expanded_nor_fetched(tmp_path):
    (tmp_path / "secret").write_text("the secret")
    (tmp_path / "bomb.xml").write_text(ENTITY_BOMB)
    (tmp_path / "outside.xml").write_text(EXTERNAL.format(path=tmp_path / "secret"))
    for name, wanted in (("bomb.xml", []), ("outside.xml", ["a b\n"])):
        with isolation.Reading(tmp_path / name) as reading:
            assert [body.decode() for header, body in reading if header["kind"] == "article"] == wanted
    _, problems = read(tmp_path / "bomb.xml")
    assert "bomb.xml, line 1: XML that cannot be read (Maximum entity amplification" in problems[0]


def test_a_line_of_100_mb_is_skipped_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with open(path, "w") as file:
        file.write(article_line(1) + "\n" + '{"article_text": ["')
        for _ in range(100):
            file.write("x" * (1 << 20))
        file.write('"]}\n' + article_line(2) + "\n")
    found, problems = [], []
    with isolation.Reading(path) as reading:
        for header, _ in reading:
            found += [header["id"]] if header["kind"] == "article" else []
            problems += [header["template"]] if header["kind"] == "skipped" else []
    assert found == ["article-1", "article-2"]
    assert problems == ["{path}, line {line}: longer than 8 MB."]


def test_a_reader_that_takes_too_much_memory_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "MEMORY_BYTES", 8 << 20)
    (tmp_path / "a.jsonl").write_text(jsonl(*range(50)))
    assert "needs more than 8 MB of memory to be read" in refusal(tmp_path / "a.jsonl")


def test_a_reader_that_stands_still_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "SILENT_SECONDS", 2.0)
    long_article = json.dumps({"article_id": "long", "article_text": ["word " * 200_000], "abstract_text": []})
    (tmp_path / "a.jsonl").write_text("\n".join([long_article] * 40))  # more than the reader keeps ready
    with isolation.Reading(tmp_path) as reading:
        messages = iter(reading)
        next(messages)
        psutil.Process(reading._process.pid).suspend()
        with pytest.raises(isolation.ReadingEnded, match="stood still for 2 seconds"):
            list(messages)


def test_the_file_in_a_folder_that_takes_too_much_memory_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(jsonl(1))
    (tmp_path / "b.jsonl").write_text(jsonl(*range(50)))
    with isolation.Reading(tmp_path) as reading:
        assert [header["kind"] for header, _ in reading if header["kind"] == "member"] == []
        reading._watchdog.killed = "memory"
        with pytest.raises(isolation.ReadingEnded, match="^b.jsonl needs more than"):
            reading._raise_why_it_ended()


def test_parquet_that_lies_about_its_size_is_one_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows(200)), path)
    content = bytearray(path.read_bytes())
    path.write_bytes(bytes(content[:-8]) + struct.pack("<I", 0x7FFFFFFF) + b"PAR1")
    assert "a.parquet is damaged or cut off" in refusal(path)


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
        if any(wanted):
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
