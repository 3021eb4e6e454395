"""Word documents: headings and text as they are shown; what is hidden, laid out or of another kind is counted or named."""

import zipfile
from pathlib import Path

import pytest
from articles_helpers import docx_of, goes_on_from_every_place, read, texts

from engine.articles import word
from engine.core.errors import ArticlesError


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
    address = b"http://schemas.openxmlformats.org/%s/2006/%s"
    strict = [
        (address % (b"officeDocument", b"relationships"), b"http://purl.oclc.org/ooxml/officeDocument/relationships"),
        (address % (b"wordprocessingml", b"main"), b"http://purl.oclc.org/ooxml/wordprocessingml/main"),
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


# Several articles in one document


def document_of(path: Path, *lines: tuple[str, str]) -> Path:
    import docx

    document = docx.Document()
    for style, text in lines:
        document.add_paragraph(text, style or None)
    document.save(str(path))
    return path


ASKED, COUNTED = "We asked why they die. Nobody knew.", "They were counted. Twice a day it was."


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([("List Number", f"Sentence {n} is here.") for n in range(3)], [f"Sentence {n} is here.\n" for n in range(3)]),
        ([("Title", "My list"), *(("List Bullet", f"Item {n}") for n in range(3))], [f"Item {n}\n" for n in range(3)]),
        ([("", "My sentences:"), *(("", f"{n}) Item {n}") for n in range(1, 4))], [f"Item {n}\n" for n in range(1, 4)]),
        ([("", f"Sentence {n} is here.") for n in range(6)], [f"Sentence {n} is here.\n" for n in range(6)]),
        ([("Title", "A"), ("", ASKED), ("Heading 1", "Methods"), ("", COUNTED), ("Title", "B"), ("", COUNTED)],
         [f"A\n\n{ASKED}\n\nMethods\n{COUNTED}\n", f"B\n\n{COUNTED}\n"]),
        ([("Heading 1", "Results of A"), ("Heading 2", "Methods"), ("", COUNTED), ("Heading 1", "B"), ("Heading 2", "Methods"), ("", ASKED)],
         [f"Results of A\n\nMethods\n{COUNTED}\n", f"B\n\nMethods\n{ASKED}\n"]),
        ([("Heading 1", "Article 1"), ("", COUNTED), ("Heading 1", "Article 2: cells"), ("", ASKED)],
         [f"Article 1\n\n{COUNTED}\n", f"Article 2: cells\n\n{ASKED}\n"]),
    ],
)  # fmt: skip
def test_a_document_that_is_surely_several_articles_is_parted(tmp_path, lines, wanted):
    path = document_of(tmp_path / "a.docx", *lines)
    articles, problems, left, _source = read(path)
    assert ([a.text() for a in articles], problems) == (wanted, [])
    assert [a.id for a in articles] == [f"a-{n}" for n in range(1, len(wanted) + 1)]
    assert left == ({"list_titles": 1} if lines[0][1].startswith("My") else {})
    goes_on_from_every_place(path)


@pytest.mark.parametrize(
    "lines",
    [
        [("Title", "A"), ("", ASKED), ("Title", "A"), ("", COUNTED)],
        [("Title", "Introduction"), ("", ASKED), ("Title", "Methods"), ("", COUNTED)],
        [("Title", "A long title"), ("Title", "over two lines"), ("", ASKED)],
        [("Heading 1", "Cells"), ("Heading 2", "Mice"), ("", ASKED), ("Heading 1", "Rats"), ("", COUNTED)],
        [("Heading 1", "Methods"), ("Heading 2", "Results"), ("", ASKED), ("Heading 1", "B"), ("Heading 2", "Results"), ("", COUNTED)],
        [("", ASKED), ("List Bullet", "one"), ("List Bullet", "two"), ("", COUNTED)],
        [("", "One sentence."), ("", "Another."), ("", ASKED), ("", "And one."), ("", "More."), ("", "End.")],
        [("Heading 1", "References"), *(("List Number", f"Smith {n}. A paper.") for n in range(4)), ("Heading 1", "End"), ("", ASKED)],
    ],
)  # fmt: skip
def test_a_document_that_may_be_one_article_stays_one_and_it_is_said_how_to_part_it(tmp_path, lines):
    articles, _, _, source = read(document_of(tmp_path / "a.docx", *lines))
    assert len(articles) == 1
    assert str(source.remarks[0]).startswith("a.docx: a Word document is read as one article, unless it is a list")


def test_of_a_document_that_its_headings_parted_nothing_is_remarked(tmp_path):
    lines = [
        ("Heading 1", "A"),
        ("Heading 2", "Methods"),
        ("", ASKED),
        ("Heading 1", "B"),
        ("Heading 2", "Methods"),
        ("", COUNTED),
    ]
    articles, _, _, source = read(document_of(tmp_path / "a.docx", *lines))
    assert (len(articles), source.remarks) == (2, [])


def test_a_document_whose_texts_stand_in_a_table_is_told_from_one_without_text(tmp_path):
    import docx

    document = docx.Document()
    for row in document.add_table(3, 2).rows:
        row.cells[0].text, row.cells[1].text = "1", ASKED
    document.save(str(tmp_path / "a.docx"))
    articles, problems, _, source = read(tmp_path / "a.docx")
    assert (articles, source.remarks) == ([], [])
    assert problems[0].startswith(
        "a.docx: this Word document has text in tables alone, which are not read: in Word, choose"
    )
    docx.Document().save(str(tmp_path / "b.docx"))
    assert read(tmp_path / "b.docx")[1] == ["b.docx: a Word document without text."]


def test_what_belongs_to_an_item_of_a_list_stays_with_it(tmp_path):
    item = '<w:p><w:pPr><w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr></w:pPr>{}</w:p>'
    body = item.format(0, run("One:")) + item.format(1, run("a part")) + item.format(0, run("Two"))
    assert texts(word_of(tmp_path / "a.docx", body)) == ["One:\na part\n", "Two\n"]
