"""What people bring: each form read right, or recognised and named; files of `tests/files/brought` as they came."""

import csv
import gzip
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from conftest import article_line
from project import BROUGHT, PROJECT

from engine.articles import (
    Options,
    Skipped,
    Source,
    encodings,
    isolation,
    names,
    packed,
    pdf_layout,
    table,
    unread,
    word,
)
from engine.core.errors import ArticlesError
from engine.corpus import little, preparation, store
from engine.presets import tokenizers


def read(path, options=None):
    """The training articles, the sentences of what was skipped, what was left out, and the source."""
    skipped, source = Skipped(), Source(path, options)
    articles = list(source.read("train", skipped))
    left = Counter[str]()
    for article in articles:
        left.update(dict(article.left_out))
    return articles, [str(problem) for problem in skipped.examples], dict(left), source


@pytest.fixture
def tokenizer(vocabulary) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer(*vocabulary)


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


# Encodings and languages


def test_excels_french_csv_is_read_whole_and_its_encoding_is_said():
    articles, problems, _, source = read(BROUGHT / "excel_fr.csv")
    expected, *_ = read(BROUGHT / "excel_fr_utf8.csv")
    assert (articles, problems) == (expected, [])
    assert "L'étude a été réalisée à l'hôpital." in articles[1].text()
    assert [str(r) for r in source.remarks] == [
        "excel_fr.csv is not in UTF-8: it was read in the usual encoding of Excel on Windows."
    ]


FRENCH = "L'étude a été réalisée à l'hôpital ; les résultats, très variés, ont été obtenus chez 12 patients âgés."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "utf-8"), (FRENCH, "cp1252"), (FRENCH, "mac_roman"), (FRENCH, "cp850"), (FRENCH, "utf-16"),
        (FRENCH, "utf-16-le"), (FRENCH, "utf-16-be"), (FRENCH, "utf-8-sig"), ("un café", "cp1252"),
        ("Die Größe der Mäuse war möglich.", "cp1252"), ("El niño tenía años. ¿Cómo fue la investigación?", "cp1252"),
        ("“Naïve” cells – 5 µg/ml", "cp1252"), ("He said “so” – and more…", "cp1252"), ("He said “so” – and more…", "mac_roman"), ("Исследование было проведено в больнице.", "cp1251"),
        ("Badanie przeprowadzono w szpitalu, wyniki uzyskano u pacjentów, którzy się zgłosili, źródło", "cp1250"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_a_text_in_an_encoding_of_its_own_comes_back(tmp_path, text, encoding, ending):
    content = f"{text}\n\n" if ending == "txt" else f'id;text\n1;"{text}"\n'
    (tmp_path / f"a.{ending}").write_bytes(content.encode(encoding))
    (article, *_), problems, *_ = read(tmp_path / f"a.{ending}")
    assert (article.sections[0].paragraphs, problems) == ((text,), [])


def test_an_accent_far_behind_the_beginning_is_seen(tmp_path):
    rows = "".join(f"{n};plain text of row {n}\n" for n in range(20_000)) + "20000;réalisée\n"
    (tmp_path / "a.csv").write_bytes(("id;text\n" + rows).encode("cp1252"))
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert (len(articles), articles[-1].sections[0].paragraphs, problems) == (20_001, ("réalisée",), [])


def test_reading_goes_on_from_any_place_of_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes(("id;texte\n" + "".join(f"{n};été {n}\n" for n in range(9))).encode("cp1252"))
    source = Source(tmp_path / "a.csv")
    items = list(source.items("train"))
    assert len(items) == 9
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


def test_damage_in_a_utf8_file_stays_damage(tmp_path):
    assert encodings.of_text(io.BytesIO("é è à".encode() + b" caf\xe9")) == encodings.UTF8


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Méthodes", names.METHODS), ("Matériel et méthodes", names.METHODS), ("Patients et méthodes", names.METHODS),
        ("Résultats", names.RESULTS), ("Résumé", names.ABSTRACT), ("RÉSUMÉ", names.ABSTRACT), ("Contexte", names.INTRODUCTION),
        ("Conclusion", names.DISCUSSION), ("Objectifs", names.INTRODUCTION), ("Ergebnisse", names.RESULTS),
        ("Zusammenfassung", names.ABSTRACT), ("Einleitung", names.INTRODUCTION), ("Métodos", names.METHODS),
        ("Resultados", names.RESULTS), ("Discusión", names.DISCUSSION), ("Risultati", names.RESULTS),
        ("Методы", names.METHODS), ("结果", names.RESULTS), ("2. Matériels", names.METHODS), ("Remerciements", names.OTHER),
        ("Funding", names.OTHER), ("Butter", names.OTHER), ("Materials and Methods", names.METHODS),
    ],
)  # fmt: skip
def test_section_names_of_other_languages_are_kinds(name, kind):
    assert names.kind_of(name) == kind


def test_a_corpus_of_less_than_half_its_rows_is_never_made_without_a_question(tmp_path, tokenizer, capsys):
    from engine.__main__ import main

    rows = [article_line(n) for n in range(4)] + ["{broken"] * 5
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.raises(preparation.FewRead, match=r"Of 9 texts in .*a.jsonl only 4 can be read"):
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
    told = [str(notice) for notice in little.notices(prepared)]
    assert len(told) == 3
    assert told[0].startswith("18 texts with 429 tokens are little to learn from")
    assert "guesses 87.0 % of the tokens of the validation texts" in told[2]
    followers: dict[int, Counter[int]] = {}
    for one, next_one in itertools.pairwise(prepared.tokens("train").tolist()):
        followers.setdefault(one, Counter())[next_one] += 1
    pairs = list(itertools.pairwise(prepared.tokens("validation").tolist()))
    guessed = [one in followers and max(sorted(followers[one]), key=followers[one].get) == then for one, then in pairs]
    assert prepared.card["template_share"] == round(sum(guessed) / len(pairs), 4) == 0.8696
    assert little.notices(preparation.prepare(paths.SAMPLE_ARTICLES, mini, tmp_path / "corpora")) == []


@pytest.mark.slow
def test_twenty_sentences_can_be_trained_on(root, tiny_preset, capsys):
    from engine.__main__ import main

    command = ["train", "--preset", str(tiny_preset), "--articles", str(BROUGHT / "twenty_lines.txt"), "--steps", "2"]
    assert main([*command, "--sequence-length", "32", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 2


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


# JSON of other shapes


@pytest.mark.parametrize("name", ["array.json", "array.json.gz"])
def test_an_array_of_objects_is_read_also_indented_and_packed(name):
    value = json.loads((BROUGHT / "array.json").read_text("utf-8"))
    articles, problems, *_ = read(BROUGHT / name)
    assert ([a.title for a in articles], problems) == ([v["title"] for v in value], [])
    assert [a.sections[0].paragraphs for a in articles] == [(v["text"],) for v in value]
    assert [a.abstract for a in articles] == [(v["abstract"],) for v in value]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("form", ["array", "object", "values"])
def test_json_of_every_layout_goes_on_from_every_place(tmp_path, indent, form):
    values = [{"id": str(n), "text": f'text é {n} [{{"', "more": [1, {"a": 2}]} for n in range(5)]
    whole = {"array": values, "object": {"count": 5, "articles": values}}.get(form)
    parts = [json.dumps(v, indent=indent, ensure_ascii=False) for v in ([whole] if whole is not None else values)]
    (tmp_path / "a.json").write_text("\n".join(parts), "utf-8")
    source = Source(tmp_path / "a.json")
    items = list(source.items("train"))
    assert [item.id for _, item in items] == list("01234")
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


def test_json_that_is_cut_off_keeps_what_stands_before_and_says_where(tmp_path):
    content = (BROUGHT / "array.json").read_bytes()
    (tmp_path / "a.json").write_bytes(content[: content.index(b'"T7"')])
    articles, problems, *_ = read(tmp_path / "a.json")
    assert [a.title for a in articles] == [f"T{n}" for n in range(7)]
    assert problems[0].startswith("a.json, line 38: JSON that is broken or cut off")


def test_cord19_and_s2orc_give_their_sections():
    articles, problems, *_ = read(BROUGHT / "cord19")
    assert (len(articles), problems) == (12, [])
    assert [s.name for s in articles[0].all_sections()][:3] == ["Abstract", "Introduction", "Methods"]
    articles, problems, *_ = read(BROUGHT / "s2orc.jsonl")
    first = json.loads((BROUGHT / "s2orc.jsonl").read_text("utf-8").splitlines()[0])
    assert [p for s in articles[0].sections for p in s.paragraphs] == [p["text"] for p in first["body_text"]]
    assert articles[0].abstract == (first["abstract"],)


def test_a_long_field_that_is_not_read_is_counted(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "read", "review": "x" * 300, "year": 2020}) + "\n")
    assert read(tmp_path / "a.jsonl")[2] == {"long_fields": 1}


def test_a_field_of_text_under_another_usual_name_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"abstract": "short", "full_text": "long", "Titre": "T"}) + "\n")
    assert read(tmp_path / "a.jsonl")[0][0].text() == "T\n\nAbstract\nshort\n\nlong\n"


def test_tags_inside_texts_are_never_trained_on_and_signs_stay(tmp_path):
    text = "<jats:p>We saw <b>p</b> &lt; 0.05 and a < b > c.</jats:p><jats:p>Then.</jats:p>"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n" + json.dumps({"text": "p <i> 0.05"}) + "\n")
    (one, two), _, left, _ = read(tmp_path / "a.jsonl")
    assert one.sections[0].paragraphs == ("We saw p < 0.05 and a < b > c.", "Then.")
    assert two.sections[0].paragraphs == ("p <i> 0.05",)
    assert left == {"tags": 6}


# PubMed's downloads


def test_pubmeds_abstracts_are_its_titles_and_abstracts_alone():
    articles, problems, left, _ = read(BROUGHT / "pubmed_abstract_export.txt")
    assert (len(articles), problems) == (12, [])
    assert articles[2].title == "A trial of treatment number 3 in cells."
    assert articles[2].id == "39000003"
    assert [p.split(":")[0] for p in articles[2].abstract] == ["BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS"]
    assert not any(word in a.text() for a in articles for word in ("University", "Copyright", "PMID", "Smith"))
    assert left == {"addresses": 24, "notices": 36}


def test_pubmeds_wrapped_lines_and_records_without_abstract(tmp_path):
    (tmp_path / "a.txt").write_text(
        "1. Nature. 2020 Mar;579(7798):270-273. doi: 10.1038/s41586-020-2012-7. Epub 2020\nFeb 3.\n\n"
        "A pneumonia outbreak associated with a new\ncoronavirus.\n\nZhou P(#)(1), Yang XL(#)(1), Wang\nXG(#)(2).\n\n"
        "Author information:\n(1)CAS Key Laboratory.\n\nComment in\n    Nat Rev. 2020;1:2.\n\n"
        "Since the outbreak of severe acute\nrespiratory syndrome.\n\nDOI: 10.1038/s41586-020-2012-7\nPMID: 32015507\n\n\n"
        "2. Lancet. 2021;1(1):2.\n\nA letter.\n\nSmith J.\n\nPMID: 2\n"
    )
    (article,), problems, *_ = read(tmp_path / "a.txt")
    assert article.title == "A pneumonia outbreak associated with a new coronavirus."
    assert article.abstract == ("Since the outbreak of severe acute respiratory syndrome.",)
    assert problems == ["a.txt, line 23: a record without an abstract."]


NBIB = """PMID- 1
OWN - NLM
TI  - On cells
      and more.
AB  - BACKGROUND: One line
      goes on. METHODS: Two.
FAU - Smith, John
AD  - University.
MH  - Cells

PMID- 2
TI  - Without.

PMID- 3
TI  - Third.
AB  - Text of three.
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pubmeds_nbib_is_titles_and_abstracts(tmp_path, end):
    (tmp_path / "pubmed.nbib").write_bytes(NBIB.replace("\n", end).encode())
    articles, problems, left, source = read(tmp_path / "pubmed.nbib")
    assert [(a.id, a.title, a.abstract) for a in articles] == [
        ("1", "On cells and more.", ("BACKGROUND: One line goes on. METHODS: Two.",)),
        ("3", "Third.", ("Text of three.",)),
    ]
    assert problems == ["pubmed.nbib, line 11: a record without an abstract."]
    assert left == {"fields": 2, "addresses": 2}
    items = [(place, str(item)) for place, item in source.items("train")]
    for number, (place, _) in enumerate(items):
        assert [(p, str(item)) for p, item in source.items("train", place)] == items[number + 1 :]


PUBMED = """<?xml version="1.0" ?><!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "http://127.0.0.1:9/p.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>On <i>E. coli</i>.</ArticleTitle>
<Abstract><AbstractText Label="METHODS">We did p &lt; 1.</AbstractText><AbstractText>Then.</AbstractText></Abstract>
<AuthorList><Author><LastName>Smith</LastName></Author></AuthorList></Article>
<OtherAbstract><AbstractText>Autre.</AbstractText></OtherAbstract></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>2</PMID><Article><ArticleTitle>No.</ArticleTitle></Article></MedlineCitation>
</PubmedArticle></PubmedArticleSet>"""


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz", "a.txt"])
def test_pubmeds_xml_is_titles_and_abstracts(tmp_path, name):
    content = PUBMED.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (article,), problems, left, source = read(tmp_path / name)
    assert (article.id, article.title, article.abstract) == ("1", "On E. coli.", ("METHODS: We did p < 1.", "Then."))
    assert problems == [f"{name}, record 2: without an abstract."]
    assert left == {"addresses": 1, "other_abstracts": 1}
    assert source.forms() == {"pubmed-xml": 1}


def pubmed_record(number: int, *parts: str, authors: str = "Smith A(1), Jones B(2).") -> str:
    blocks = [f"{number}. J Test. 2024 Mar;1(3):1-9.", f"Title {number}.", *([authors] if authors else []), *parts]
    return "\n\n".join([*blocks, f"PMID: {number}"]) + "\n\n\n"


@pytest.mark.parametrize(
    "beginning",
    [
        "This article reviews", "Copyright law governs", "The Author discusses", "The Authors report", "Conflict of interest is",
        "Retraction rates show", "Comment on the guideline of 2015: we hold", "Comment on these findings. 2019 was", "Update of these criteria changed", "Publisher policies differ in",
        "Published by the WHO in 2019, the guideline changed", "The Authors reviewed all guidelines published by the WHO and saw",
        "Erratum in a genome means", "Collaborators in this trial saw", "Competing interests are", "Expression of concern is",
        "Trial registration: is", "Copyright 2020 was",
    ],
)  # fmt: skip
def test_an_abstract_that_begins_like_a_notice_is_read(tmp_path, beginning):
    text = f"{beginning} what the trial of cells is about."
    (tmp_path / "a.txt").write_text(pubmed_record(1, "Author information:\n(1)Here.", text))
    (article,), problems, left, _ = read(tmp_path / "a.txt")
    assert (article.abstract, problems, left) == ((text,), [], {"addresses": 2, "notices": 1})


@pytest.mark.parametrize(
    "notice",
    [
        "This article is protected by copyright. All rights reserved.",
        "This article is a U.S. Government work and is in the public domain in the USA.",
        "Copyright © 2020 Elsevier Inc. All rights reserved.", "Copyright 1999 Wiley-Liss, Inc.", "(c) 2008 Wiley-Liss, Inc.",
        "Crown Copyright © 2020. Published by Elsevier B.V. All rights reserved.", "© The Author(s) 2021.",
        "The Author(s) 2020. Published by Oxford University Press on behalf of the Society of Tests.",
        "The Authors. Journal of Tests published by John Wiley & Sons Ltd.", "Published by Elsevier Ltd.",
        "Published by the BMJ Publishing Group Limited. For permission to use (where not already granted under a licence) please go to http://x.",
        "Conflict of interest statement: The authors declare none.", "Collaborators: Smith A, Jones B.", "[Article in French]",
        "Publisher: Abstract available from the publisher.", "Retraction in\n    Lancet. 2021;1:2.", "Comment in: Nature. 2020;1:2.",
        "Expression of concern in\n    J Test. 2022;1:1.", "Republished from\n    Lancet. 2020;1:2.", "Erratum in\n    J Test. 2024.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_first", [False, True])
def test_a_real_notice_is_no_text_wherever_it_stands(tmp_path, notice, is_first):
    parts = [notice, "The text."] if is_first else ["The text.", notice]
    (tmp_path / "a.txt").write_text(pubmed_record(1, *parts))
    (article,), _, left, _ = read(tmp_path / "a.txt")
    assert (article.abstract, left) == (("The text.",), {"addresses": 1, "notices": 2})


@pytest.mark.parametrize(
    "authors",
    [
        "[No authors listed]", "Ångström Å(1), Öberg Ö(2), Åström Å-Ö.", "A\u030angström A\u030a(1), O\u0308berg O\u0308.",
        "Horby P(1), Lim WS(2); RECOVERY Collaborative Group.", "WHO Solidarity Trial Consortium.", "Groupe d'Étude de l'Asthme.",
        "Writing Committee for the REMAP-CAP Investigators(1); Nordic study group.", "van der Berg A, O'Brien K Jr, Smith JA 3rd(1)(2).",
        "Society for the Study of Cells. Electronic address: a@b.eu; Panel chair:.",
    ],
)  # fmt: skip
def test_no_author_is_trained_on(tmp_path, authors):
    (tmp_path / "a.txt").write_text(pubmed_record(1, "The text of it.", authors=authors))
    (article,), _, left, _ = read(tmp_path / "a.txt")
    assert (article.abstract, left) == (("The text of it.",), {"addresses": 1, "notices": 1})


@pytest.mark.parametrize("numbers", [(5, 6, 7), (40, 43, 44), (1, 2, 1, 2)])
def test_pubmeds_text_may_begin_at_any_record_and_begin_again(tmp_path, numbers):
    path = tmp_path / "a.txt"
    path.write_text("".join(pubmed_record(n, f"Abstract {n}.\n1. A line of it in 2010.") for n in numbers))
    articles, problems, _, source = read(path)
    assert ([a.id for a in articles], problems) == ([str(n) for n in numbers], [])
    assert source.forms() == {"pubmed-text": 1}
    items = [(place, item) for place, item in source.items("train")]
    for number, (place, _) in enumerate(items):
        assert [p for p, _ in source.items("train", place)] == [p for p, _ in items[number + 1 :]]


def test_of_pubmeds_abstracts_the_next_is_read_where_the_main_one_is_empty(tmp_path):
    other = "Publisher: CONTEXTE: Une étude."
    (tmp_path / "a.txt").write_text(pubmed_record(1, "Main.", other) + pubmed_record(2, other), encoding="utf-8")
    articles, _, left, _ = read(tmp_path / "a.txt")
    assert [a.abstract for a in articles] == [("Main.",), ("CONTEXTE: Une étude.",)]
    assert left["other_abstracts"] == 1
    (tmp_path / "b.nbib").write_text("PMID- 1\nTI  - T.\nOAB - Autre.\n\nPMID- 2\nAB  - Main.\nOAB - Autre.\n")
    articles, _, left, _ = read(tmp_path / "b.nbib")
    assert ([a.abstract for a in articles], left) == ([("Autre.",), ("Main.",)], {"other_abstracts": 1})
    empty = "<Abstract><AbstractText/></Abstract></Article><OtherAbstract><AbstractText>Autre.</AbstractText></OtherAbstract>"
    (tmp_path / "c.xml").write_text(PUBMED_ONE % ("T", empty))
    (article,), *_ = read(tmp_path / "c.xml")
    assert article.abstract == ("Autre.",)


PUBMED_ONE = (
    "<PubmedArticleSet xmlns:mml='http://www.w3.org/1998/Math/MathML'><PubmedArticle><MedlineCitation><PMID>1</PMID>"
    "<Article><ArticleTitle>%s</ArticleTitle>%s</MedlineCitation></PubmedArticle></PubmedArticleSet>"
)


def test_what_is_raised_in_pubmeds_downloads_keeps_its_meaning(tmp_path):
    text = "At 10<sup>5</sup> cells, 10<sup>3,5</sup> ml<sup>-1</sup> of H<sub>2</sub>O as before<sup>3,4</sup>"
    wanted = "At 10^5 cells, 10^(3,5) ml^-1 of H2O as before"
    abstract = (
        f"<Abstract><AbstractText>{text} <mml:math><mml:mi>x</mml:mi></mml:math></AbstractText></Abstract></Article>"
    )
    (tmp_path / "a.xml").write_text(PUBMED_ONE % (text, abstract))
    (article,), *_ = read(tmp_path / "a.xml")
    assert (article.title, article.abstract, article.formulas) == (wanted, (f"{wanted} x",), (1, 0))
    (tmp_path / "b.nbib").write_text(f"PMID- 1\nTI  - {text}\nAB  - {text}, p < 0.05 and n > 3.\n")
    (article,), _, left, _ = read(tmp_path / "b.nbib")
    assert (article.title, article.abstract) == (wanted, (f"{wanted}, p < 0.05 and n > 3.",))
    assert left == {"tags": 20}
    (tmp_path / "c.txt").write_text(pubmed_record(1, text))
    assert read(tmp_path / "c.txt")[0][0].abstract == (wanted,)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("before", ["", "\n "])
def test_xml_that_declares_utf16_is_read_whatever_its_bytes_are(tmp_path, encoding, before):
    declaration = before + '<?xml version="1.0" encoding="UTF-16"?>\n'
    abstract = "<Abstract><AbstractText>Été.</AbstractText></Abstract></Article>"
    jats = "<article><body><p>Été.</p></body></article>"
    for written in (PUBMED_ONE % ("T", abstract), jats):
        (tmp_path / "a.xml").write_bytes((declaration + written).encode(encoding))
        (article,), problems, *_ = read(tmp_path / "a.xml")
        assert (article.all_sections()[0].paragraphs, problems) == (("Été.",), [])


# Archives


def tar_of(path: Path, files: dict[str, bytes], links: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return path


NXML = b"<article><front><article-meta><article-id pub-id-type='pmc'>PMC%d</article-id></article-meta></front><body><p>Text %d.</p></body></article>"


@pytest.mark.parametrize("ending", ["tar.gz", "tgz", "tar"])
def test_pmcs_package_gives_its_article_and_not_its_pdf_again(tmp_path, ending):
    files = {"PMC1/a.nxml": NXML % (1, 1), "PMC1/a.pdf": b"%PDF-1.4", "PMC1/f.jpg": b"\xff\xd8\xff"}
    files |= {"PMC2/b.nxml": NXML % (2, 2)}
    tar_of(tmp_path / f"p.{ending}", files)
    articles, _, _, source = read(tmp_path / f"p.{ending}")
    assert [(a.id, a.text()) for a in articles] == [("PMC1", "Text 1.\n"), ("PMC2", "Text 2.\n")]
    assert [str(e).split(": left out")[0] for e in source.refused] == [
        f"p.{ending}: PMC1/{name}" for name in ("a.pdf", "f.jpg")
    ]


def test_links_and_names_that_lead_out_of_a_tar_are_not_followed(tmp_path):
    tar_of(tmp_path / "p.tar.gz", {"../x.txt": b"x", "good.txt": b"good\n\nmore"}, links=("l.txt",))
    articles, _, _, source = read(tmp_path / "p.tar.gz")
    assert [a.text() for a in articles] == ["good\n", "more\n"]
    assert "its name leads out of the archive" in str(source.refused[0])
    assert "is a link or a device in an archive" in str(source.refused[1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.tar.gz"]


@pytest.mark.parametrize("kind", ["gz", "tar"])
def test_a_gzip_bomb_is_not_unpacked(tmp_path, kind):
    zeros = b"0" * (64 << 20)
    if kind == "gz":
        (tmp_path / "a.txt.gz").write_bytes(gzip.compress(zeros))
    else:
        tar_of(tmp_path / "a.tar.gz", {"a.txt": zeros})
    said = []
    try:
        with isolation.Reading(next(tmp_path.iterdir())) as reading:
            for header, _ in reading:
                said += [header] if header["kind"] == "skipped" else []
                assert header["kind"] != "article"
        said = [h["template"].format(**h["values"]) for h in said]
    except ArticlesError as error:
        said = [str(error)]
    assert any("more than a hundred times its size" in text for text in said)


@pytest.mark.parametrize("cut", [10, 200, -30])
def test_an_archive_that_is_cut_off_is_one_sentence(tmp_path, cut):
    path = tar_of(tmp_path / "a.tar.gz", {f"{n}.txt": os.urandom(200).hex().encode() for n in range(9)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ArticlesError, match=r"a.tar.gz( is an archive that)? is damaged or cut off"):
        Source(path)


def test_a_tars_files_are_unpacked_once_each_way(tmp_path, monkeypatch):
    read_bytes = []
    readinto = packed._Unpacked.readinto

    def counted(self, buffer):
        read_bytes.append(readinto(self, buffer))
        return read_bytes[-1]

    monkeypatch.setattr(packed._Unpacked, "readinto", counted)
    files = {f"{n:03}.txt": os.urandom(20_000).hex().encode() for n in range(100)}
    tar_of(tmp_path / "a.tar.gz", files)
    assert len(read(tmp_path / "a.tar.gz")[0]) == 100
    assert sum(read_bytes) < 6 * sum(map(len, files.values()))  # a pass to list, to recognise, for encodings, to read


# gpt-2-simple


@pytest.mark.parametrize("sep", ["\n", ""])
def test_marks_part_articles_and_are_no_text(tmp_path, sep):
    content = "".join(f"<|startoftext|>Text {n}\n\nmore é {n}<|endoftext|>{sep}" for n in range(4))
    (tmp_path / "a.txt").write_text(content, "utf-8")
    articles, problems, _, source = read(tmp_path / "a.txt")
    assert [a.text() for a in articles] == [f"Text {n}\nmore é {n}\n" for n in range(4)]
    assert (problems, source.forms()) == ([], {"marked": 1})
    items = list(source.items("train"))
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


# Word


def docx_of(path: Path) -> Path:
    import docx

    document = docx.Document()
    document.add_heading("Une étude", 0)
    document.add_heading("Résumé", 1)
    document.add_paragraph("Nous avons mesuré.")
    document.add_heading("Matériel et méthodes", 1)
    document.add_heading("Cellules", 2)
    paragraph = document.add_paragraph("Les cellules ")
    paragraph.add_run("étaient").bold = True
    paragraph.add_run(" vivantes.")
    document.add_table(2, 2).cell(0, 0).text = "no table"
    bold = document.add_paragraph()
    bold.add_run("Discussion").bold = True
    document.add_paragraph("Bien.")
    document.save(str(path))
    return path


def test_a_word_document_gives_headings_and_text_and_counts_its_tables(tmp_path):
    (article,), problems, left, source = read(docx_of(tmp_path / "a.docx"))
    assert (article.title, problems, source.forms()) == ("Une étude", [], {"docx": 1})
    assert [(s.name, s.paragraphs) for s in article.sections] == [
        ("Résumé", ("Nous avons mesuré.",)),
        ("Matériel et méthodes", ("Cellules", "Les cellules étaient vivantes.")),
        ("Discussion", ("Bien.",)),
    ]
    assert left == {"tables": 1}


def test_word_documents_in_a_zip_are_read(tmp_path):
    docx_of(tmp_path / "a.docx")
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for name in ("one.docx", "two.docx"):
            archive.write(tmp_path / "a.docx", f"class/{name}")
    articles, *_ = read(tmp_path / "class.zip")
    assert [a.id for a in articles] == ["one", "two"]


def changed(path: Path, to: Path, replace) -> Path:
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as other:
        for info in archive.infolist():
            other.writestr(info.filename, replace(info.filename, archive.read(info)))
    return to


def test_what_was_deleted_or_lies_outside_a_document_is_not_text(tmp_path):
    (tmp_path / "secret").write_text("the secret")
    outside = f'<!DOCTYPE w [<!ENTITY e SYSTEM "file://{tmp_path / "secret"}">]>'.encode()

    def replace(name: str, content: bytes) -> bytes:
        if name == word.DOCUMENT:
            content = content.replace(
                b"Bien.</w:t>",
                b"Bien &e;.</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t> added</w:t></w:r></w:ins><w:r><w:t></w:t>",
            )
            return content.replace(b"?>", b"?>" + outside, 1)
        if name.endswith("document.xml.rels"):
            link = b'<Relationship Id="x" Type="http://x/image" Target="http://127.0.0.1:9/x" TargetMode="External"/>'
            return content.replace(b"</Relationships>", link + b"</Relationships>")
        return content

    (article,), _, left, _ = read(changed(docx_of(tmp_path / "a.docx"), tmp_path / "b.docx", replace))
    assert article.sections[-1].paragraphs == ("Bien added",)
    assert left["deleted"] == 1


def test_a_word_document_that_unpacks_to_too_much_is_not_opened(tmp_path):
    big = changed(
        docx_of(tmp_path / "a.docx"),
        tmp_path / "b.docx",
        lambda n, c: c + b" " * (20 << 20) if n == word.DOCUMENT else c,
    )
    with pytest.raises(ArticlesError, match="unpacks to more than a"):
        _, problems, *_ = read(big)
        raise ArticlesError(problems[0])


def word_of(path: Path, body: str, styles: str = "") -> Path:
    """A document whose body is the given XML, with further styles."""
    import docx

    document = docx.Document()
    document.save(str(path.with_suffix(".base")))

    def replace(name: str, content: bytes) -> bytes:
        if name == word.DOCUMENT:
            namespaces = content[content.index(b"<w:document") : content.index(b"<w:body>")]
            math = b'<w:document xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
            if b"xmlns:m=" not in namespaces:
                namespaces = namespaces.replace(b"<w:document", math)
            return b'<?xml version="1.0"?>' + namespaces + f"<w:body>{body}</w:body></w:document>".encode()
        return (
            content.replace(b"</w:styles>", f"{styles}</w:styles>".encode()) if name == "word/styles.xml" else content
        )

    return changed(path.with_suffix(".base"), path, replace)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str, style: str = "") -> str:
    named = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{named}{''.join(r if r.startswith('<') else run(r) for r in runs)}</w:p>"


UP, DOWN, ITALIC, HIDDEN = (
    '<w:vertAlign w:val="superscript"/>',
    '<w:vertAlign w:val="subscript"/>',
    "<w:i/>",
    "<w:vanish/>",
)
RAISING_STYLE = (
    '<w:style w:type="character" w:styleId="Base"><w:name w:val="Base"/><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="Up"><w:name w:val="Up"/><w:basedOn w:val="Base"/></w:style>'
    '<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>'
)


def field(instruction: str, result: str) -> str:
    def mark(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    return f"{mark('begin')}<w:r><w:instrText>{instruction}</w:instrText></w:r>{mark('separate')}{result}{mark('end')}"


def office_math(content: str) -> str:
    return f"<m:oMath>{content}</m:oMath>"


def m(name: str, *parts: tuple[str, str]) -> str:
    return f"<m:{name}>{''.join(f'<m:{p}><m:r><m:t>{t}</m:t></m:r></m:{p}>' for p, t in parts)}</m:{name}>"


@pytest.mark.parametrize(
    ("runs", "wanted"),
    [
        (("10", run("5", UP), " cells in H", run("2", DOWN), "O"), "10^5 cells in H2O"),
        (("10", run("−", UP), run("5", UP), " and 10", run("3,5", UP)), "10^−5 and 10^(3,5)"),
        (("10", run("5", '<w:rStyle w:val="Up"/>'), "!"), "10^5!"),
        (("10", run("5", '<w:rStyle w:val="Up"/><w:vertAlign w:val="baseline"/>')), "105"),
        ((run("R", ITALIC), run("1,2", UP), " of cells", run("3,4", UP), " known.", run("12", UP), " So"), "R^(1,2) of cells known. So"),
        (("so", field("ADDIN ZOTERO_ITEM CSL_CITATION {}", run("12", UP)), " and m", run("2", UP)), "so and m^2"),
        (("on", '<w:hyperlink w:anchor="_Ref1">' + run("7", UP) + "</w:hyperlink>", "."), "on."),
        (("seen ", run("not to be read", HIDDEN), run("shown", '<w:vanish w:val="0"/>')), "seen shown"),
        (("seen", run(" not to be read", '<w:rStyle w:val="Secret"/>'), "."), "seen."),
        (("TNF-", '<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>', " ", '<w:r><w:sym w:font="Symbol" w:char="F0A3"/></w:r>', " 3"), "TNF-α ≤ 3"),
        (('<w:r><w:sym w:font="Wingdings" w:char="F0E0"/></w:r>', " next", '<w:r><w:sym w:font="Arial" w:char="00B5"/></w:r>'), "→ nextµ"),
        ((run("\uf06d", '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'), "m"), "μm"),
        (("Let ", office_math(m("sSup", ("e", "x"), ("sup", "2")) + m("f", ("num", "a+b"), ("den", "c"))), "."), "Let x^2(a+b)/c."),
        (("Let ", office_math(m("rad", ("e", "n")) + m("sSub", ("e", "k"), ("sub", "cat")) + m("d", ("e", "y")))), "Let √(n)k_cat(y)"),
    ],
)  # fmt: skip
def test_a_word_paragraph_is_what_it_shows(tmp_path, runs, wanted):
    (article,), problems, *_ = read(word_of(tmp_path / "a.docx", paragraph(*runs), RAISING_STYLE))
    assert (article.sections[0].paragraphs, problems) == ((wanted,), [])


def test_what_a_word_paragraph_hides_is_counted(tmp_path):
    star = '<w:r><w:sym w:font="Wingdings" w:char="F021"/></w:r>'
    body = paragraph("One ", run("a", HIDDEN), run("b", HIDDEN), "two ", run("c", HIDDEN), star) + paragraph(
        run("d", HIDDEN)
    )
    (article,), _, left, _ = read(word_of(tmp_path / "a.docx", body))
    assert (article.text(), left) == ("One two\n", {"hidden": 3, "pictures": 1})


def test_a_formula_of_word_of_great_depth_takes_no_great_time(tmp_path):
    deep = "<m:rad><m:e>" * 60 + "<m:r><m:t>x</m:t></m:r>" + "</m:e></m:rad>" * 60
    (article,), *_ = read(word_of(tmp_path / "a.docx", paragraph(office_math(deep))))
    assert (article.text(), article.formulas) == ("√(" * 60 + "x" + ")" * 60 + "\n", (1, 0))


@pytest.mark.parametrize("heading", ["styled", "bold", "plain"])
@pytest.mark.parametrize("name", ["References", "7. REFERENCES", "Références bibliographiques", "Literaturverzeichnis"])
def test_references_of_word_are_counted_and_not_read(tmp_path, heading, name):
    of = {"styled": paragraph(name, style="Heading1"), "bold": paragraph(run(name, "<w:b/>")), "plain": paragraph(name)}
    body = paragraph("Results", style="Heading1") + paragraph("We saw it.") + of[heading]
    body += paragraph("Smith J. A paper of long ago. 1999.") + paragraph("Legendre P. Ecology. 1998.")
    for behind in (paragraph("Appendix", style="Heading1"), paragraph("Appendix")):
        (article,), _, left, _ = read(word_of(tmp_path / "a.docx", body + behind + paragraph("More.")))
        assert [(s.name, s.paragraphs) for s in article.sections] == [
            ("Results", ("We saw it.",)),
            ("Appendix", ("More.",)),
        ]
        assert left == {"references": 2}


def test_references_and_contents_that_programs_made_are_counted_and_not_read(tmp_path):
    begin, end = field("TOC \\o", "@").split("@")
    contents = paragraph(begin, "Methods 1") + paragraph("Results 2") + paragraph(end)
    gallery = '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Bibliographies"/></w:docPartObj></w:sdtPr><w:sdtContent>'
    begin, end = field("ADDIN ZOTERO_BIBL {}", "@").split("@")
    body = contents + paragraph("Methods", style="Heading1") + paragraph("We did it.")
    body += paragraph(begin, "Smith. 1999.") + paragraph("Jones. 2000.", end) + paragraph("Behind it.")
    body += gallery + paragraph("Martin. 2001.") + "</w:sdtContent></w:sdt>" + paragraph("A figure", style="Caption")
    (article,), _, left, _ = read(word_of(tmp_path / "a.docx", body + paragraph("Figure 2. Cells.")))
    assert article.text() == "Methods\nWe did it.\nBehind it.\n"
    assert left == {"contents": 2, "references": 3, "figures": 2}


def test_a_field_that_never_ends_loses_no_section(tmp_path):
    begin = field("TOC \\o", "@").split("@")[0]
    body = paragraph(begin, "Methods 1") + paragraph("Methods", style="Heading1") + paragraph("We did it.")
    (article,), _, left, _ = read(word_of(tmp_path / "a.docx", body))
    assert (article.text(), left) == ("Methods\nWe did it.\n", {"contents": 1})


def test_headers_and_footers_of_word_are_counted_and_not_read(tmp_path):
    import docx

    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Journal of Tests"
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    document.add_paragraph("The text.")
    document.save(str(tmp_path / "a.docx"))
    (article,), _, left, _ = read(tmp_path / "a.docx")
    assert (article.text(), left) == ("The text.\n", {"running_lines": 2})


def test_a_table_that_lays_out_prose_is_read_and_any_other_counted(tmp_path):
    def table(*rows: tuple[str, ...]) -> str:
        cells = ("".join(f"<w:tc>{paragraph(text)}</w:tc>" for text in row) for row in rows)
        return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"

    left_cell, right_cell = "The left column of it says this. " * 8, "The right column says that. " * 8
    body = table((left_cell, right_cell)) + table(("In a box.",), ("And below.",)) + table(("1", "2"), ("3", "4"))
    (article,), _, left, _ = read(word_of(tmp_path / "a.docx", body + paragraph("End.")))
    assert article.sections[0].paragraphs == (left_cell.strip(), right_cell.strip(), "In a box.", "And below.", "End.")
    assert left == {"tables": 1}


def test_each_item_of_a_list_of_word_is_a_line(tmp_path):
    number = '<w:pPr><w:pStyle w:val="ListNumber"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    line = "<w:r><w:br/></w:r>"
    body = "".join(f"<w:p>{number}{run(text)}</w:p>" for text in ("First item", "second item"))
    body += paragraph(
        "Take:", line, "one cell", line, "- two cells", line, "- three of", line, "them. ", line, "Then stop."
    )
    (article,), *_ = read(word_of(tmp_path / "a.docx", body))
    assert article.sections[0].paragraphs == (
        "First item", "second item", "Take:", "one cell", "- two cells", "- three of them.", "Then stop.",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["strict", "macros", "template", "web"])
def test_every_kind_of_word_document_is_read(tmp_path, kind):
    written = b"http://schemas.openxmlformats.org/%s/2006/%s"
    strict = [
        (written % (b"officeDocument", b"relationships"), b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
        (written % (b"wordprocessingml", b"main"), b"http://purl.oclc.org/ooxml/wordprocessingml/main"),
    ]
    main = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    other = {
        "strict": strict,
        "macros": [(main, b"application/vnd.ms-word.document.macroEnabled.main+xml")],
        "template": [(main, main.replace(b"document.main", b"template.main"))],
        "web": [(b"document.xml\"", b"document2.xml\"")],
    }[kind]  # fmt: skip

    def replace(name: str, content: bytes) -> bytes:
        for old, new in other:
            content = content.replace(old, new)
        return content

    changed(docx_of(tmp_path / "a.docx"), tmp_path / "b.docx", replace)
    if kind == "web":
        with zipfile.ZipFile(tmp_path / "b.docx") as archive, zipfile.ZipFile(tmp_path / "c.docx", "w") as other_zip:
            for info in archive.infolist():
                other_zip.writestr(
                    info.filename.replace("word/document.xml", "word/document2.xml").replace(
                        "_rels/document.xml", "_rels/document2.xml"
                    ),
                    archive.read(info),
                )
        (tmp_path / "c.docx").replace(tmp_path / "b.docx")
    (tmp_path / "a.docx").unlink()
    (article,), _, left, _ = read(tmp_path / "b.docx")
    assert (article.title, article.sections[-1].paragraphs, left) == ("Une étude", ("Bien.",), {"tables": 1})


# PDF


def pdf_of(path: Path, pages: list[list[tuple[float, float, int, str]]], pictures: int = 0) -> Path:
    """A PDF of (x, y, size, text) by page, size below 0 for bold, and pages that hold a picture alone."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    fonts = b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >> >>"
    kids = []
    for lines in [*pages, *[None] * pictures]:
        if lines is None:
            content, resources = b"q 500 0 0 700 0 0 cm /I Do Q", b"<< /XObject << /I %d 0 R >> >>" % (len(objects) + 3)
        else:
            parts = [f"BT /F{1 + (s < 0)} {abs(s)} Tf 1 0 0 1 {x} {y} Tm ({t}) Tj ET" for x, y, s, t in lines]
            content, resources = "\n".join(parts).encode("latin-1"), b"<< /Font %s >>" % fonts
        number = len(objects) + 1
        kids.append(b"%d 0 R" % number)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources %s /Contents %d 0 R >>"
            % (resources, number + 1)
        )
        objects.append(b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content))
        if lines is None:
            objects.append(
                b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 1 >> stream\n0\nendstream"
            )
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj %s endobj\n" % (number, content)
    table_at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % p for p in places)
    path.write_bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table_at))
    return path


def page_of(number: int, across: bool) -> list[tuple[float, float, int, str]]:
    """A page of two columns with a running header and a number; its lines run across both where `across`."""
    more = "goes on for some while " + "so " * number
    left = [(50, 700 - 14 * n, 10, f"left {number} line {n} {more}") for n in range(12)]
    right = [(310, 700 - 14 * n, 10, f"right {number} line {n} {more}") for n in range(12)]
    left[0] = (50, 700, 10, f"left {number} line 0 {more} and a hyphen in trans-")
    left[1] = (50, 686, 10, "genic mice that go on for some while longer")
    body = [line for pair in zip(left, right, strict=True) for line in pair] if across else [*left, *right]
    return [(50, 800, 8, "Journal of Tests 12, 2024"), *body, (290, 30, 8, str(number))]


@pytest.mark.parametrize("across", [False, True])
def test_a_pdf_of_two_columns_is_read_column_by_column(tmp_path, across):
    title = [(50, 770, 20, "On the growth of cells"), (50, 730, -12, "Methods")]
    pages = [[*title, *page_of(1, across)], page_of(2, across), page_of(3, across)]
    (article,), problems, left, source = read(pdf_of(tmp_path / "a.pdf", pages, pictures=1))
    assert (article.title, problems, source.forms()) == ("On the growth of cells", [], {"pdf": 1})
    assert [s.name for s in article.sections] == ["Methods"]
    text = article.text()
    assert "hyphen in transgenic mice that go on" in text
    places = [text.index(f"{side} {n} line {row}") for n in (1, 2, 3) for side in ("left", "right") for row in (2, 11)]
    assert places == sorted(places)
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
    from engine.__main__ import main

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
    prepared = preparation.prepare(folder, tokenizer, tmp_path / "corpora", looked_at=True)
    assert preparation.prepare(folder, tokenizer, tmp_path / "corpora").folder == prepared.folder


def folder_of_forms(folder: Path) -> Path:
    """A folder of two tables with different columns, JSON, plain text, Word and PDF."""
    folder.mkdir()
    for name in ("abstracts_kaggle.csv", "id_content.csv", "array.json", "twenty_lines.txt"):
        (folder / name).write_bytes((BROUGHT / name).read_bytes())
    docx_of(folder / "word.docx")
    pdf_of(folder / "z.pdf", [page_of(1, False)])
    return folder


def test_the_beginning_of_each_file_is_shown_pdf_and_word_first(tmp_path):
    seen = isolation.preview(folder_of_forms(tmp_path / "mixed"))
    files = [article["file"] for article in seen.articles]
    others = ["abstracts_kaggle.csv", "array.json", "id_content.csv", "twenty_lines.txt"]
    assert (files, seen.files) == (["word.docx", "z.pdf", *others], 6)
    assert seen.articles[0]["text"].startswith("Une étude")
    assert seen.articles[1]["text"].startswith("Journal of Tests 12")
    assert (seen.table, seen.table_read) == ("abstracts_kaggle.csv", True)


def test_of_many_files_a_bounded_number_and_each_form_is_shown(tmp_path):
    for n in range(20):
        docx_of(tmp_path / f"{n:02}.docx")
    (tmp_path / "z.csv").write_text("key,words\n1,one\n2,two\n")
    seen = isolation.preview(tmp_path)
    assert ([article["file"] for article in seen.articles], seen.files) == ([f"{n:02}.docx" for n in range(11)], 21)
    assert (seen.table, seen.columns, seen.table_read) == ("z.csv", ["key", "words"], False)
    assert str(seen.problem).startswith("z.csv: which column holds")
    chosen = isolation.preview(tmp_path, Options(text_column="words"))
    assert [article["text"] for article in chosen.articles][-1] == "one\n" and chosen.table_read


# What is recognised and not read


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.tei.xml",
            b'<?xml version="1.0"?><TEI xmlns="http://www.tei-c.org/ns/1.0"><text/></TEI>',
            "TEI XML (GROBID)",
        ),
        (
            "a.xml",
            b"<?xml version='1.0'?><!DOCTYPE collection SYSTEM 'BioC.dtd'><collection><source/></collection>",
            "BioC XML",
        ),
        ("a.xml", b"<responseWrapper><resultList/></responseWrapper>", "in the form of Europe PMC"),
        ("a.json", b'{"version": "6.9", "resultList": {"result": [{"id": "1"}]}}', "in the form of Europe PMC"),
        ("a.json", b'[{"bioctype": "BioCCollection", "documents": [{"passages": []}]}]', "BioC JSON"),
        ("a.jsonl", b'{"corpusid": 1, "content": {"text": "x", "annotations": {}}}\n', "S2ORC (2022 and later)"),
        ("a.ipynb", b'{\n "cells": [],\n "nbformat": 4\n}', "a notebook of Jupyter"),
        ("a.ris", b"TY  - JOUR\nTI  - x\nER  - \n", "list of references in the RIS form"),
        ("a.bib", b"@article{x,\n title={y}\n}", "list of references in the BibTeX form"),
        ("a.tex", b"% a comment\n\\documentclass{article}\n", "a.tex is LaTeX"),
        ("a.csv", b"PMID,Title,Authors,Citation,First Author\n1,a,b,c,d\n", "PubMed's CSV, which holds no abstracts"),
        ("a.rtf", b"{\\rtf1 text}", "a.rtf is a RTF file, which is not read: save it as plain text"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word or Excel file of before 2007"),
        ("a.html", b"<!DOCTYPE html><html><body>x", "a.html is a HTML file, which is not read"),
        ("a.xz", b"\xfd7zXZ\x00", "xz archive, which is not read: unpack it"),
        ("a.png", b"\x89PNG\r\n", "a.png is a PNG file, which holds no text"),
    ],
)
def test_a_form_that_is_not_read_is_named_with_what_to_do(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArticlesError, match=".*") as caught:
        articles, problems, *_ = read(tmp_path / name)
        assert articles == []
        raise ArticlesError(problems[0])
    assert said in str(caught.value)
    assert "unpack" in str(caught.value) or "holds no" in str(caught.value) or ": " in str(caught.value)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (
            {"[Content_Types].xml": "x", "xl/workbook.xml": "x"},
            "an Excel workbook, which is not read: save its sheet as",
        ),
        ({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"}, "OpenDocument file"),
        ({"mimetype": "application/epub+zip", "META-INF/container.xml": "x"}, "EPUB file"),
        ({"[Content_Types].xml": "x", "ppt/presentation.xml": "x"}, "PowerPoint file"),
    ],
)
def test_an_office_file_that_is_not_read_is_named(tmp_path, inside, said):
    with zipfile.ZipFile(tmp_path / "a.bin", "w") as archive:
        for name, content in inside.items():
            archive.writestr(name, content)
    with pytest.raises(ArticlesError, match=said):
        Source(tmp_path / "a.bin")


def test_every_part_that_is_counted_has_a_name(tmp_path):
    used = set()
    for path in (PROJECT / "engine" / "articles").glob("*.py"):
        content = path.read_text("utf-8")
        used |= {part for part in unread.PARTS if f'"{part}"' in content and path.name != "unread.py"}
    assert used == set(unread.PARTS)


# The command line


@pytest.mark.slow
def test_a_pipe_that_is_closed_early_ends_without_a_traceback(root):
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "runs"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # the reader is gone before the first line
    said = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(), said) == (0, "")
