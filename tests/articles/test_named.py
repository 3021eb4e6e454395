"""A form that is not read is named with what to do; of a folder of many forms each is shown."""

import zipfile
from pathlib import Path

import pytest
from articles_helpers import docx_of, page_of, pdf_of, read
from project import BROUGHT, PROJECT

from engine.articles import Options, Source, isolation, unread
from engine.core.errors import ArticlesError


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
        ("a.bib", b"@online{a1,\n title={y}\n}", "list of references in the BibTeX form"),
        ("a.txt", b"@inbook{a1,\n title={y}\n}\n\n@article{b,\n title={z}\n}", "list of references in the BibTeX form"),
        ("a.txt", b"@phdthesis{smith:2010,\n title={y}\n}", "list of references in the BibTeX form"),
        ("a.bib", b"These are my references.\n", "list of references in the BibTeX form"),
        (
            "a.txt",
            b"Provider: JSTOR\nContent: text/plain\n\n\nTY  - JOUR\nTI  - x\nER  - \n",
            "references in the RIS form",
        ),
        ("a.txt", b"TY  - JOUR\n\nT1  - T\nER  -\n", "list of references in the RIS form"),
        (
            "a.txt",
            b"RT Journal Article\nSR Print(0)\nT1 Effect\nAB Mice ate.\n",
            "list of references in the RefWorks form",
        ),
        ("a.txt", b"Record #1 of 2\nID: CN-1\nTI: Mice\nAB: Mice ate.\n", "list of references in the Cochrane form"),
        ("a.txt", b"<1>\nUnique Identifier\n  123\nTitle\n  Mice\n", "list of references in the Ovid form"),
        ("a.tex", b"\\section{Intro}\nMice \\cite{a} ate.\n", "a.tex is LaTeX"),
        (
            "~$article.docx",
            b"\x06Author" + b" " * 99,
            "~$article.docx is what Word keeps beside a document while it is open",
        ),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", "Thumbs.db is a file that Windows keeps in folders"),
        ("a.tex", b"% a comment\n\\documentclass{article}\n", "a.tex is LaTeX"),
        ("a.csv", b"PMID,Title,Authors,Citation,First Author\n1,a,b,c,d\n", "PubMed's CSV, which holds no abstracts"),
        ("a.rtf", b"{\\rtf1 text}", "a.rtf is a RTF file, which is not read: save it as plain text"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word or Excel file of before 2007"),
        ("a.html", b"<!DOCTYPE html><html><body>x", "a.html is a HTML file, which is not read"),
        ("a.xz", b"\xfd7zXZ\x00", "xz archive, which is not read: unpack it"),
        ("a.py", b"import os\n\nprint(1)\n", "a.py is a program or a file of settings (.py), no article: bring"),
        ("a.yaml", b"name: x\nvalue: 1\n", "a.yaml is a program or a file of settings (.yaml), no article: bring"),
        (
            "a.srt",
            b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\nHello.\r\n",
            "a.srt holds subtitles, whose numbers",
        ),
        ("a.txt", b"1\n00:00:01,000 --> 00:00:02,000\nHello.\n", "a.txt holds subtitles, whose numbers"),
        ("a.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n", "a.vtt holds subtitles, whose numbers"),
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
    assert any(part in str(caught.value) for part in ("unpack", "holds no", ": ", ", no article"))


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
