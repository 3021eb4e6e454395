"""PubMed's downloads: titles and abstracts alone, no notice and no author."""

import gzip

import pytest
from articles_helpers import read
from project import BROUGHT


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
    for document in (PUBMED_ONE % ("T", abstract), jats):
        (tmp_path / "a.xml").write_bytes((declaration + document).encode(encoding))
        (article,), problems, *_ = read(tmp_path / "a.xml")
        assert (article.all_sections()[0].paragraphs, problems) == (("Été.",), [])


@pytest.mark.parametrize(
    ("titles", "title", "others"),
    [
        (["BTI - The book of\n      cells", "CTI - A collection"], "The book of cells", 1),
        (["CTI - A collection"], "A collection", 0),
        (["BTI - The book", "TI  - A chapter"], "A chapter", 1),
    ],
)
def test_a_record_of_a_book_has_the_title_of_its_chapter_or_of_the_book(tmp_path, titles, title, others):
    (tmp_path / "a.nbib").write_text("\n".join(["PMID- 7", *titles, "AB  - An abstract.", "", ""]))
    articles, *_ = read(tmp_path / "a.nbib")
    assert [(a.id, a.title, a.abstract) for a in articles] == [("7", title, ("An abstract.",))]
    assert dict(articles[0].left_out).get("fields", 0) == others
