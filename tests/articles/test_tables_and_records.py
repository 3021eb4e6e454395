"""Tables, records, JSON and lists as people write them: the right texts, and no markup among them."""

import itertools
import json

import pyarrow
import pyarrow.parquet
import pytest
from articles_helpers import read

from engine.articles import Article, Options, Source, listed
from engine.articles.options import LINE
from engine.core.errors import ArticlesError


def texts(path, options=None) -> list[str]:
    return [article.text() for article in read(path, options)[0]]


def goes_on_from_every_place(path) -> None:
    source = Source(path)
    items = list(source.items("train"))
    assert items and all(isinstance(item, Article) for _, item in items)
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


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
@pytest.mark.parametrize(("written", "wanted"), FIELDS)
def test_markup_in_a_field_is_never_trained_on_in_any_form(tmp_path, form, written, wanted):
    path = tmp_path / f"a.{form}"
    quoted = '"' + written.replace('"', '""') + '"'
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": ["1"], "text": [written]}), path)
    else:
        path = tmp_path / {"list": "a.json", "marked": "a.txt"}.get(form, f"a.{form}")
        content = {
            "jsonl": json.dumps({"id": 1, "text": written}) + "\n",
            "json": json.dumps([{"id": 1, "text": written}], indent=1),
            "list": json.dumps([written]),
            "csv": f"id,text\n1,{quoted}\n",
            "tsv": f"id\ttext\n1\t{quoted}\n",
            "txt": f"{written}\n",
            "marked": f"<|startoftext|>{written}",
        }[form]
        path.write_text(content, "utf-8")
    if form == "txt" and "</table>" in written:
        with pytest.raises(ArticlesError, match=r"a.txt holds HTML \(<table>\)"):
            read(path)
    elif form in ("txt", "marked") and "<|" in written:
        assert texts(path) == ["first\n", "second\n"]
    else:
        articles, problems, left, _ = read(path)
        assert ([a.text() for a in articles], problems) == ([wanted], [])
        assert ("tags" in left or "marks" in left) == (wanted != written + "\n")


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
        ("a.jsonl", '{"other": "x"}\n', "a.jsonl, line 1: an article without text."),
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


# S2ORC and CORD-19


BODY = [{"section": "Intro", "text": "I text."}, {"section": [["2", "Cells"]], "text": "C text."}]


@pytest.mark.parametrize("parse", ["pdf_parse", "latex_parse"])
def test_s2orc_of_2020_gives_its_sections(tmp_path, parse):
    value = {"paper_id": "7", "title": "T", "authors": [{"last": "x"}], "abstract": "Ab.", "pdf_parse": None}
    value |= {parse: {"abstract": [{"text": "other"}], "body_text": BODY, "bib_entries": {"b": {}}}}
    for name, indent in (("a.jsonl", None), ("a.json", 1)):
        (tmp_path / name).write_text(json.dumps(value, indent=indent) + "\n")
        (article,), _, left, _ = read(tmp_path / name)
        assert (article.id, left) == ("7", {"references": 1})
        assert article.text() == "T\n\nAbstract\nAb.\n\nIntro\nI text.\n\nCells\nC text.\n"


def test_cord19_without_a_body_is_its_abstract_and_without_both_it_is_counted(tmp_path):
    value = {"paper_id": "1", "metadata": {"title": "T"}, "abstract": [{"text": "Ab."}], "body_text": []}
    (tmp_path / "a.json").write_text(json.dumps(value, indent=1))
    assert texts(tmp_path / "a.json") == ["T\n\nAbstract\nAb.\n"]
    (tmp_path / "b.json").write_text(json.dumps({**value, "abstract": []}, indent=1))
    assert read(tmp_path / "b.json")[1] == ["b.json, line 1: an article without text."]


def test_sections_that_are_objects_are_one_articles_sections(tmp_path):
    value = {
        "id": 1,
        "title": "T",
        "sections": [{"heading": "Intro", "text": "One."}, {"title": "M", "paragraphs": ["Two."]}],
    }
    (tmp_path / "a.json").write_text(json.dumps([value, value]))
    assert texts(tmp_path / "a.json") == ["T\n\nIntro\nOne.\n\nM\nTwo.\n"] * 2


# JSON


ROWS = [{"id": n, "text": f"text é {n}"} for n in range(4)]


def written(orient: str) -> object:
    return {
        "columns": {key: {str(n): row[key] for n, row in enumerate(ROWS)} for key in ("id", "text")},
        "lists": {key: [row[key] for row in ROWS] for key in ("id", "text")},
        "index": {str(n): {"text": row["text"]} for n, row in enumerate(ROWS)},
        "split": {"columns": ["id", "text"], "index": [0, 1, 2, 3], "data": [[r["id"], r["text"]] for r in ROWS]},
        "records": ROWS,
        "table": {"schema": {"fields": [{"name": "id"}], "primaryKey": ["index"]}, "data": ROWS},
        "beside": {"data": ROWS, "licences": [{"url": "x"}]},
    }[orient]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("orient", ["columns", "lists", "index", "split", "records"])
def test_every_form_in_which_pandas_writes_json_is_read(tmp_path, orient, indent, name):
    (tmp_path / name).write_text(json.dumps(written(orient), indent=indent, ensure_ascii=False), "utf-8")
    articles, problems, *_ = read(tmp_path / name)
    assert [(a.id, a.text()) for a in articles] == [(str(r["id"]), r["text"] + "\n") for r in ROWS]
    assert problems == []
    goes_on_from_every_place(tmp_path / name)


@pytest.mark.parametrize("orient", ["table", "beside"])
def test_a_list_beside_what_describes_it_is_read(tmp_path, orient):
    (tmp_path / "a.json").write_text(json.dumps(written(orient), indent=1))
    assert [a.id for a in read(tmp_path / "a.json")[0]] == list("0123")


def test_an_article_whose_paragraphs_are_lists_is_no_table(tmp_path):
    value = {"article_id": "1", "article_text": ["a.", "b."], "abstract_text": ["c.", "d."]}
    (tmp_path / "a.json").write_text(json.dumps(value, indent=1))
    assert [a.id for a in read(tmp_path / "a.json")[0]] == ["1"]


@pytest.mark.parametrize(
    "content",
    [
        "// my data\n[\n{a},\n{b}\n]",
        "[\n// one\n{a},\n/* two\n lines */ {b}, # three\n]\n// end",
        "# made by hand\n{a}\n{b}\n",
        "[{a}]\n[{b}]\n",
        "{a},\n{b},\n",
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.txt"])
def test_json_with_comments_or_of_several_arrays_is_read_whole(tmp_path, content, name):
    a, b = (json.dumps({"id": n, "text": f"text // {n}"}) for n in "12")
    (tmp_path / name).write_text(content.replace("{a}", a).replace("{b}", b))
    articles, problems, *_ = read(tmp_path / name)
    assert ([(x.id, x.text()) for x in articles], problems) == ([("1", "text // 1\n"), ("2", "text // 2\n")], [])
    goes_on_from_every_place(tmp_path / name)


@pytest.mark.parametrize("ending", ["jsonl", "ndjson", "json"])
def test_json_is_read_by_its_content_whatever_its_ending(tmp_path, ending):
    values = [{"id": str(n), "text": f"text {n}"} for n in range(3)]
    layouts = ["\n".join(json.dumps(v, indent=i) for v in values) for i in (None, 2)]
    layouts += [json.dumps(values, indent=i) for i in (None, 2)]
    layouts += ["[" + ",\n".join(map(json.dumps, values)) + "]", '{"data": [\n' + json.dumps(values[0]) + "\n]}"]
    for number, layout in enumerate(layouts):
        path = tmp_path / f"{number}.{ending}"
        path.write_text(layout)
        articles, problems, *_ = read(path)
        assert ([a.id for a in articles], problems) == (["0"] if number == 5 else ["0", "1", "2"], [])


def test_a_broken_first_line_of_json_lines_costs_itself_alone(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "cut,\n{"text": "whole"}\n{"text": "too"}\n')
    articles, problems, *_ = read(tmp_path / "a.jsonl")
    assert ([a.text() for a in articles], problems) == (["whole\n", "too\n"], ["a.jsonl, line 1: not JSON."])


def test_json_lines_in_the_encoding_of_windows_are_read_and_it_is_said(tmp_path):
    lines = [json.dumps({"id": str(n), "text": f"Les patients âgés, été {n}"}, ensure_ascii=False) for n in range(3)]
    (tmp_path / "a.jsonl").write_bytes("\n".join(lines).encode("cp1252"))
    articles, problems, _, source = read(tmp_path / "a.jsonl")
    assert [a.text() for a in articles] == [f"Les patients âgés, été {n}\n" for n in range(3)]
    assert problems == [] and "a.jsonl is not in UTF-8" in str(source.remarks[0])
    goes_on_from_every_place(tmp_path / "a.jsonl")


def test_bytes_that_make_no_words_are_damage_of_json_lines(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "one"}\n{"text": "\xff\xfe\x81"}\n{"text": "three"}\n')
    assert read(tmp_path / "a.jsonl")[1] == ["a.jsonl, line 2: not UTF-8."]


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


# Lists


SENTENCES = [f"The patients of group {n} were treated with aspirin." for n in range(1, 25)]
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"]
ROMAN += ["x", *("x" + r for r in ROMAN), "xx", *("xx" + r for r in ROMAN[:4])]
MARKS = [
    "{n}. ", "{n}) ", "({n}) ", "{n}/ ", "{n} - ", "{n} – ", "{n}\t", "{n}.", "{n}.) ", "{n}: ", "{a}) ", "{a}. ", "{a}/ ",
    "{r}. ", "{r}) ", "• ", "•", "– ", "— ", "→ ", "-> ", "‣ ", "☐ ", "✓ ", "· ", "* ", "- ",
]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r"])
@pytest.mark.parametrize("mark", MARKS)
def test_every_list_is_its_items(tmp_path, mark, end):
    letters = "abcdefghijklmnopqrstuvwx"
    marks = [mark.format(n=n, a=letters[n - 1], r=ROMAN[n - 1]) for n in range(1, 25)]
    content = end.join(m + s for m, s in zip(marks, SENTENCES, strict=True))
    blank = end if len(end.splitlines()) == 2 else end * 2
    for name, before in (("a.txt", ""), ("b.txt", f"My sentences{blank}")):
        (tmp_path / name).write_bytes((before + content).encode())
        articles, problems, left, _ = read(tmp_path / name)
        assert ([a.text() for a in articles], problems) == ([s + "\n" for s in SENTENCES], [])
        assert left == ({"list_titles": 1} if before else {})
        goes_on_from_every_place(tmp_path / name)


def test_a_title_above_sentences_without_marks_is_no_text(tmp_path):
    (tmp_path / "a.txt").write_text("My twenty sentences\n\n" + "\n".join(SENTENCES))
    articles, _, left, source = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], left) == ([s + "\n" for s in SENTENCES], {"list_titles": 1})
    assert [str(r) for r in source.remarks] == ["a.txt: its lines are a list, so each of them was taken as one text."]


def test_a_title_right_above_a_list_is_no_text_either(tmp_path):
    (tmp_path / "a.txt").write_text("My sentences:\n" + "\n".join(f"1. {s}" for s in SENTENCES))
    articles, _, left, _ = read(tmp_path / "a.txt")
    assert ([a.text() for a in articles], left) == ([s + "\n" for s in SENTENCES], {"list_titles": 1})


def test_items_over_several_lines_lose_their_marks_and_stay_whole(tmp_path):
    items = [f"{n}. A long sentence that goes\non over two lines.\n" for n in range(1, 6)]
    (tmp_path / "a.txt").write_text("\n".join(items))
    assert texts(tmp_path / "a.txt") == ["A long sentence that goes\non over two lines.\n"] * 5


def test_dialogues_between_blank_lines_keep_their_dashes(tmp_path):
    parts = ["— Bonjour, dit-il.", "— Bonsoir.", "Il sortit alors.", "— Adieu, dit-elle."] * 4
    (tmp_path / "a.txt").write_text("\n\n".join(parts), "utf-8")
    assert texts(tmp_path / "a.txt") == [part + "\n" for part in parts]


@pytest.mark.parametrize(
    "lines",
    [
        [f"{1990 + n}. A good year for medicine." for n in range(8)],
        ["A. Smith saw it.", "B. Jones did not.", "K. Lee was there.", "C. Roy too."],
        ["1990: a year.", "1985: another.", "1999: one more.", "1970: the first."],
        ["3.5 mg were given.", "1.2 mg were not.", "4.1 mg helped."],
        ["1. Introduction", "We saw it.", "More of it.", "2. Methods", "We did it."],
    ],
)
def test_what_is_no_mark_stays(tmp_path, lines):
    (tmp_path / "a.txt").write_text("\n".join(lines))
    assert texts(tmp_path / "a.txt", Options(text_unit=LINE)) == [line + "\n" for line in lines]


def test_paragraphs_below_a_title_are_one_article(tmp_path):
    paragraph = "We treated the cells. They lived. We did it again, and they lived again. "
    (tmp_path / "a.txt").write_text("A study of cells\n\n" + "\n".join([paragraph * 3] * 4))
    assert len(texts(tmp_path / "a.txt")) == 2  # the title and the text, as blank lines part them


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.txt", "m.txt"])
def test_a_carriage_return_alone_ends_a_line_in_every_form(tmp_path, name):
    values = [f"Text {n}" for n in range(3)]
    lines = {
        "a.jsonl": [json.dumps({"text": v}) for v in values],
        "a.csv": ["id,text", *(f"1,{v}" for v in values)],
        "a.tsv": ["id\ttext", *(f"1\t{v}" for v in values)],
        "m.txt": [f"<|startoftext|>{v}<|endoftext|>" for v in values],
    }.get(name, values)
    (tmp_path / name).write_bytes("\r".join(lines).encode())
    assert texts(tmp_path / name) == [v + "\n" for v in values]
    goes_on_from_every_place(tmp_path / name)


def test_lines_are_those_of_python_whatever_the_bounds(monkeypatch):
    import io

    from engine.articles import lines

    monkeypatch.setattr(lines, "_PIECE_BYTES", 3)
    for content in map(bytes, itertools.product(b"a\r\n", repeat=7)):
        for longest in (1, 2, 4):
            found = list(lines.read(None, io.BytesIO(content), longest))
            ends = content.splitlines(keepends=True)
            assert found == [(line if len(line) <= longest else None, len(line)) for line in ends]


def test_roman_numbers_count_up():
    assert [listed._roman(mark) for mark in ROMAN] == list(range(1, 25))


def test_a_cell_that_only_says_that_there_is_no_abstract_is_none(tmp_path):
    (tmp_path / "a.csv").write_text(
        "title,text,abstract\nOne,The cells were treated twice.,[No abstract available]\nTwo,They grew.,nan\n"
    )
    articles, *_others = read(tmp_path / "a.csv")
    assert [article.abstract for article in articles] == [(), ()]
