"""Tables and the fields of records as people write them: the right texts, and no markup among them."""

import json
import time

import pyarrow
import pyarrow.parquet
import pytest
from articles_helpers import goes_on_from_every_place, read, texts

from engine.articles import Article, Options, Source, field_texts, isolation
from engine.articles.options import SECTIONS
from engine.core.errors import ArticlesError

# Fields


MARKED_UP = "<p>10<sup>5</sup> cells &amp; <i>E. coli</i>, p &lt; 0.05</p><table><tr><td>12</td></tr></table><script>x()</script>"
FIELDS = [
    (MARKED_UP, "10^5 cells & E. coli, p < 0.05\n12\n"),
    ("one<br>two p < 0.05 and n > 3", "one\ntwo p < 0.05 and n > 3\n"),
    ("<|startoftext|>first<|endoftext|>second<|endoftext|>", "first\nsecond\n"),
    ("cut off</div> here <a href='x'>and", "cut off\nhere\nand\n"),
    ("the program <script>x(); // never closed", "the program\n"),
    ("the mark <unk> and p <i> 0.05", "the mark <unk> and p <i> 0.05\n"),
]


@pytest.mark.parametrize("form", ["jsonl", "json", "list", "csv", "tsv", "parquet", "txt", "marked"])
@pytest.mark.parametrize(("field", "wanted"), FIELDS)
def test_markup_in_a_field_is_never_trained_on_in_any_form(tmp_path, form, field, wanted):
    path = tmp_path / f"a.{form}"
    quoted = '"' + field.replace('"', '""') + '"'
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": ["1"], "text": [field]}), path)
    else:
        path = tmp_path / {"list": "a.json", "marked": "a.txt"}.get(form, f"a.{form}")
        content = {
            "jsonl": json.dumps({"id": 1, "text": field}) + "\n",
            "json": json.dumps([{"id": 1, "text": field}], indent=1),
            "list": json.dumps([field]),
            "csv": f"id,text\n1,{quoted}\n",
            "tsv": f"id\ttext\n1\t{quoted}\n",
            "txt": f"{field}\n",
            "marked": f"<|startoftext|>{field}",
        }[form]
        path.write_text(content, "utf-8")
    if form == "txt" and "</table>" in field:
        with pytest.raises(ArticlesError, match=r"a.txt holds HTML \(<table>\)"):
            read(path)
    elif form in ("txt", "marked") and "<|" in field:
        assert texts(path) == ["first\n", "second\n"]
    else:
        articles, problems, left, _ = read(path)
        assert ([a.text() for a in articles], problems) == ([wanted], [])
        assert ("tags" in left or "marks" in left) == (wanted != field + "\n")


def test_titles_and_names_of_sections_lose_their_tags_too(tmp_path):
    value = {"title": "A <i>study</i>", "section_names": ["<b>Methods</b>"], "sections": [["Done."]], "abstract": "Ab."}
    (tmp_path / "a.jsonl").write_text(json.dumps(value) + "\n")
    assert texts(tmp_path / "a.jsonl") == ["A study\n\nAbstract\nAb.\n\nMethods\nDone.\n"]


def test_the_releases_sentences_are_no_tags(tmp_path):
    value = {"article_text": ["a ."], "abstract_text": ["<S> one . </S>", "<S> two . </S>"]}
    (tmp_path / "a.jsonl").write_text(json.dumps(value) + "\n")
    articles, _, left, _ = read(tmp_path / "a.jsonl")
    assert (articles[0].abstract, left) == (("one .", "two ."), {})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", '<TEI xmlns="http://www.tei-c.org/ns/1.0">\n<text><p>x</p></text></TEI>', "TEI XML"),
        ("a.txt", "<TEI>\n<text><p>x</p></text>\n</TEI>", "TEI XML"),
        ("a.txt", "<div><p>Hello</p>\n<p>x</p></div>", "a.txt holds HTML (<div>)"),
        ("a.txt", "Text.\n\n<script>\nvar a = 1;\n</script>\n\nMore.", "a.txt holds HTML (<script>)"),
        ("a.md", "Text.\n\n<table>\n<tr><td>1</td></tr>\n</table>\n", "a.md holds HTML (<table>)"),
        ("a.csv", "<table><tr><td>text</td></tr>\n<tr><td>x</td></tr></table>", "a.csv holds HTML (<table>)"),
        ("a.txt", '<doc id="1">\nHello.\n</doc>\n', "XML (<doc>)"),
        ("a.txt", "\\section{One}\nHello.\n\\begin{figure}[t]\n\\end{figure}\n", "a.txt is LaTeX"),
        (
            "a.jsonl",
            '{"corpusid": 1, "title": "T", "body": {"text": "x", "annotations": {}}}\n',
            "S2ORC (2022 and later)",
        ),
        ("a.json", '{"id": 1, // a comment\n "text": "x"}', "a.json, line 1: a comment (// …) inside JSON"),
        (
            "a.jsonl",
            '{"other": "x"}\n',
            "a.jsonl, line 1: none of its fields (other) is called as an article's text is",
        ),
    ],
)
def test_what_is_no_text_is_named(tmp_path, name, content, said):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ArticlesError) as caught:
        articles, problems, *_ = read(tmp_path / name)
        assert articles == []
        raise ArticlesError(problems[0])
    assert said in str(caught.value)


def test_a_field_that_was_chosen_and_is_not_there_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    assert read(tmp_path / "a.jsonl", Options(text_column="words"))[1] == [
        "a.jsonl, line 1: no field “words”, which was chosen for the text."
    ]


# Tables


TEXT = "Les patients âgés ont été traités; les résultats, très variés, furent bons."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\r\n', "\r\nSEP=;\r\n", "\r\n\r\n", ""])
def test_the_separator_that_excel_names_is_no_row(tmp_path, first, encoding):
    (tmp_path / "a.csv").write_bytes(f'{first}id;titre;résumé\r\n1;Été;"{TEXT}"\r\n2;B;Autre.\r\n'.encode(encoding))
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert ([a.text() for a in articles], problems) == ([f"Été\n\n{TEXT}\n", "B\n\nAutre.\n"], [])
    goes_on_from_every_place(tmp_path / "a.csv")


def test_two_columns_of_one_name_stay_two(tmp_path):
    (tmp_path / "a.csv").write_text("text,text,id\nhello,world,1\n")
    columns = [pyarrow.array([value]) for value in ("hello", "world", "1")]
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(columns, ["text", "text", "id"]), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        articles, _, left, _ = read(tmp_path / name)
        assert ([(a.id, a.text()) for a in articles], left) == ([("1", "hello\n")], {"columns": 1})
        assert texts(tmp_path / name, Options(text_column="text (2)", abstract_column="-")) == ["world\n"]
        with pytest.raises(ArticlesError, match=r"its columns are text, text \(2\), id"):
            read(tmp_path / name, Options(text_column="x"))


def test_separators_at_the_end_of_lines_and_rows_that_are_short(tmp_path):
    (tmp_path / "a.csv").write_text("id;text;note;;\n1;one;x\n2;two\n3;three;x;;;;\n4;four;x;y;\n5;five;x;;;z\n")
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert [a.id for a in articles] == ["1", "3", "4"]
    assert problems == [
        "a.csv, line 3: 2 fields where the header has 3.",
        "a.csv, line 6: 6 fields where the header has 3.",
    ]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('"Titre, sous-titre, etc.";texte\n"T";Bonjour\n', "Bonjour"),
        ("Numéro, au dossier;Texte intégral;Note, ou rien\n1;Bonjour, vous;n\n", "Bonjour, vous"),
        ('id, text\n1, "hello, world"\n', "hello, world"),
        ('id,text\n1, "hello" he said\n', '"hello" he said'),
        ('id,text\n1,"quote \\"in\\" side, and more"\n', 'quote "in" side, and more'),
        ('id\ttext\n1\t"Bread" is a word, so is "salt"\n', '"Bread" is a word, so is "salt"'),
        ('id\ttext\n1\t"Bread is a word\n', '"Bread is a word'),
        ("abstract\nHello, this; is one, with commas.\n", "Hello, this; is one, with commas."),
        ("id|text\n1|hello, you\n", "hello, you"),
    ],
)
def test_the_separator_is_told_right(tmp_path, content, wanted):
    (tmp_path / "a.csv").write_text(content, "utf-8")
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert ([a.all_sections()[-1].paragraphs for a in articles], problems) == ([(wanted,)], [])


@pytest.mark.parametrize("ending", ["csv", "txt"])
@pytest.mark.parametrize(
    "head",
    ["Résumé de l'article", "Texte intégral", "Full Text", "Full text", "full-text", "Contenu", "Abstract Note",
     "RÉSUMÉ", "Texte de l'article", "Article Text", "Text of the article"],
)  # fmt: skip
def test_a_head_is_recognised_as_people_write_it(tmp_path, head, ending):
    (tmp_path / f"a.{ending}").write_text(f"N°;{head};Année\n1;Bonjour à tous;2020\n", "utf-8")
    assert texts(tmp_path / f"a.{ending}") == ["Bonjour à tous\n"]


@pytest.mark.parametrize("head", ["Document Type", "Text language", "content_type", "article id", "text length"])
def test_a_head_that_only_begins_so_is_not_taken_for_the_text(tmp_path, head):
    (tmp_path / "a.csv").write_text(f"nr,{head}\n1,x\n")
    with pytest.raises(ArticlesError, match="which column holds the articles' text"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize(
    ("name", "label"), [("article", "Journal Article"), ("document", "file1.pdf"), ("content", "12")]
)
def test_a_column_of_types_or_names_is_no_text(tmp_path, form, name, label):
    rows = [{"pmid": str(n), name: label, "abstract": f"The real abstract {n} has words."} for n in range(3)]
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif form == "csv":
        path.write_text("\n".join(map(",".join, [rows[0], *(row.values() for row in rows)])))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    articles, problems, left, _ = read(path)
    assert problems == [] and left in ({"columns": 1}, {"fields": 3})
    assert [a.text().removeprefix("Abstract\n") for a in articles] == [row["abstract"] + "\n" for row in rows]


def table_of(path, rows: list[dict[str, str]]) -> None:
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        mark = ";" if path.suffix == ".csv" else "\t"
        path.write_text("\n".join(map(mark.join, [rows[0], *(row.values() for row in rows)])), "utf-8")


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize(
    ("heads", "names"),
    [
        (["introduction", "materials_and_methods", "results", "discussion"], ["Introduction", "Materials and methods", "Results", "Discussion"]),
        (["Contexte", "Méthodes", "Résultats", "Conclusion"], ["Contexte", "Méthodes", "Résultats", "Conclusion"]),
        (["1. Background", "2. Methods", "3. Results", "4. Conclusions"], ["1. Background", "2. Methods", "3. Results", "4. Conclusions"]),
    ],
)  # fmt: skip
def test_a_table_with_a_column_for_each_section_is_read_whole(tmp_path, form, heads, names):
    parts = [
        "We asked why the cells die.",
        "They were counted twice a day.",
        "Most of them lived on.",
        "We were wrong.",
    ]
    rows = [
        {"id": str(n), "title": f"T{n}", "abstract": "Short.", **dict(zip(heads, parts, strict=True)), "journal": "J"}
        for n in range(3)
    ]
    rows[2][heads[2]] = ""
    table_of(tmp_path / f"a.{form}", rows)
    articles, problems, left, _ = read(tmp_path / f"a.{form}")
    body = [f"{name}\n{part}\n" for name, part in zip(names, parts, strict=True)]
    assert [a.text() for a in articles[:2]] == ["\n".join([f"T{n}\n", "Abstract\nShort.\n", *body]) for n in range(2)]
    assert [s.name for s in articles[2].sections] == [names[0], names[1], names[3]]
    assert (problems, left, [a.id for a in articles]) == ([], {"columns": 1}, ["0", "1", "2"])
    goes_on_from_every_place(tmp_path / f"a.{form}")
    assert texts(tmp_path / f"a.{form}", Options(text_column=heads[1], abstract_column="-"))[0] == f"T0\n\n{parts[1]}\n"
    seen = isolation.preview(tmp_path / f"a.{form}")
    assert (seen.likely.text_column, len(seen.articles), seen.problem) == (SECTIONS, 3, None)


def test_columns_of_labels_that_are_called_as_sections_are_no_article(tmp_path):
    rows = [{"abstract": "The cells were counted twice a day.", "methods": "RCT", "results": "positive"}]
    table_of(tmp_path / "a.csv", rows)
    assert texts(tmp_path / "a.csv") == ["The cells were counted twice a day.\n"]
    table_of(
        tmp_path / "b.csv", [{"text": "Whole.", "methods": "We counted the cells.", "results": "There were many."}]
    )
    assert texts(tmp_path / "b.csv") == ["Whole.\n"]


@pytest.mark.parametrize("name", ["table", "table.txt", "table.dat"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "mac_roman", "utf-16"])
def test_a_table_without_its_ending_is_recognised_in_any_encoding(tmp_path, name, encoding):
    rows = "".join(
        f'{n};Étude {n};"Les patients âgés, {n} en tout; ils ont été traités à l\'hôpital."\r\n' for n in range(3)
    )
    (tmp_path / name).write_bytes(f"N°;Titre;Résumé\r\n{rows}".encode(encoding))
    articles, problems, _, source = read(tmp_path / name)
    assert (source.forms(), problems) == ({"csv": 1}, [])
    assert [a.title for a in articles] == ["Étude 0", "Étude 1", "Étude 2"]


def test_a_table_that_no_name_tells_is_asked_for_its_column(tmp_path):
    (tmp_path / "a.txt").write_text(
        "Nr\tVille\tPropos\n" + "".join(f"{n}\tLyon\tIl a dit cela, {n} fois.\n" for n in range(5))
    )
    with pytest.raises(ArticlesError, match="which column holds the articles' text"):
        read(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text(
        "".join(f"He saw {n}; he came; he won.\n" for n in range(3)) + "And then; he left.\n"
    )
    assert len(texts(tmp_path / "b.txt")) == 4


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_header_of_joined_tables_is_no_article(tmp_path, mark, encoding):
    if mark and encoding != "utf-8":
        return
    tables = [f"title;résumé;note\nT{n};The abstract, number {n}.;x\n" for n in range(3)]
    (tmp_path / "a.csv").write_bytes(mark.join(["", *tables]).encode(encoding))
    articles, problems, *_ = read(tmp_path / "a.csv")
    assert [a.text() for a in articles] == [f"T{n}\n\nThe abstract, number {n}.\n" for n in range(3)]
    assert problems == [
        f"a.csv, line {line}: the header again, as where tables were joined; it is no article." for line in (3, 5)
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_joined_tables_are_read_by_their_own_headers(tmp_path, end):
    rows = [
        "id,title,text",
        "1,A,One text.",
        "text,id,title",
        "Two text.,2,B",
        "3,x",
        "",
        "doi,full text",
        "9,Three text.",
        "id,title,text",
        "4,D,Four text.",
    ]
    (tmp_path / "a.csv").write_bytes(end.join(rows).encode())
    source = Source(tmp_path / "a.csv")
    items = list(source.items("train"))
    found = [item for _, item in items if isinstance(item, Article)]
    assert [(a.id, a.title, a.sections[0].paragraphs[0]) for a in found] == [
        ("1", "A", "One text."), ("2", "B", "Two text."), ("9", "", "Three text."), ("4", "D", "Four text.")
    ]  # fmt: skip
    other = "the header of another table; the rows behind it were read by it."
    said = [
        f"a.csv, line 3: {other}",
        "a.csv, line 5: 2 fields where the header has 3.",
        f"a.csv, line 7: {other}",
        f"a.csv, line 9: {other}",
    ]
    assert [str(item) for _, item in items if not isinstance(item, Article)] == said
    for number, (place, _) in enumerate(items):
        after = [(p, str(i)) for p, i in source.items("train", place)]
        assert after == [(p, str(i)) for p, i in items[number + 1 :]]


def test_a_short_text_beside_its_abstract_stays_the_text(tmp_path):
    rows = "1,The patient died.,The patient whom we saw died within a day of coming.\n2,Too late.,Nothing to be done here now.\n"
    (tmp_path / "a.csv").write_text("id,text,abstract\n" + rows)
    assert [a.sections[0].paragraphs for a in read(tmp_path / "a.csv")[0]] == [("The patient died.",), ("Too late.",)]


def test_each_table_of_a_folder_is_read_by_its_own_heads(tmp_path):
    (tmp_path / "a.csv").write_text("id,text\n1,hello\n")
    (tmp_path / "b.csv").write_text("nr;Résumé de l'article;titre\n1;bonjour;T\n", "utf-8")
    (tmp_path / "c.tsv").write_text("Full Text\tdoi\nhola\t10.1/x\n")
    assert texts(tmp_path) == ["hello\n", "T\n\nbonjour\n", "hola\n"]
    articles, problems, *_ = read(tmp_path, Options(text_column="text"))
    assert len(articles) == 1
    assert problems[0] == "b.csv has no column “text”; its columns are nr, Résumé de l'article, titre."


def test_a_cell_that_only_says_that_there_is_no_abstract_is_none(tmp_path):
    (tmp_path / "a.csv").write_text(
        "title,text,abstract\nOne,The cells were treated twice.,[No abstract available]\nTwo,They grew.,nan\n"
    )
    articles, *_others = read(tmp_path / "a.csv")
    assert [article.abstract for article in articles] == [(), ()]


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("['One.', 'Two.']", "One.\nTwo.\n"),
        ("['One.'\n 'Two.']", "One.\nTwo.\n"),
        ('["One.", "It\'s 5 [mg]."]', "One.\nIt's 5 [mg].\n"),
        ("['It\\'s one.', \"Two's\"]", "It's one.\nTwo's\n"),
        ("[One, two]", "[One, two]\n"),
        ("['One.', 2]", "['One.', 2]\n"),
        ("['One.'] and ['two']", "['One.'] and ['two']\n"),
    ],
)
def test_a_list_that_a_program_wrote_into_a_field_is_its_texts(tmp_path, form, cell, wanted):
    quoted = '"' + cell.replace('"', '""') + '"'
    content = (
        json.dumps({"text": cell})
        if form == "jsonl"
        else f"id{chr(9) if form == 'tsv' else ','}text\n1{chr(9) if form == 'tsv' else ','}{quoted}\n"
    )
    (tmp_path / f"a.{form}").write_text(content)
    assert texts(tmp_path / f"a.{form}") == [wanted]


def test_a_field_of_open_quotes_takes_no_time_out_of_proportion():
    began = time.process_time()
    for piece in ("'", "['", "'a' ", "\\'", "\"'", "'a', "):
        field_texts.texts("[" + piece * 200_000 + "]")
    assert time.process_time() - began < 10
