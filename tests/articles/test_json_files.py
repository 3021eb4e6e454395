"""JSON as people and programs write it: each article of a file, by whatever keys it lies in it."""

import json

import pytest
from articles_helpers import goes_on_from_every_place, read, texts

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


def as_pandas(orient: str) -> object:
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
    (tmp_path / name).write_text(json.dumps(as_pandas(orient), indent=indent, ensure_ascii=False), "utf-8")
    articles, problems, *_ = read(tmp_path / name)
    assert [(a.id, a.text()) for a in articles] == [(str(r["id"]), r["text"] + "\n") for r in ROWS]
    assert problems == []
    goes_on_from_every_place(tmp_path / name)


@pytest.mark.parametrize("orient", ["table", "beside"])
def test_a_list_beside_what_describes_it_is_read(tmp_path, orient):
    (tmp_path / "a.json").write_text(json.dumps(as_pandas(orient), indent=1))
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


# Shapes


IN, ME = "We asked why the cells die.", "They were counted twice a day."
SECTIONS = {"Introduction": IN, "Methods": ME}
READ = f"Introduction\n{IN}\n\nMethods\n{ME}\n"
PLAIN = f"{IN}\n{ME}\n"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"title": "T", "sections": SECTIONS}, f"T\n\n{READ}"),
        ({"title": "T", "text": {"Introduction": [IN], "Methods": {"text": ME}}}, f"T\n\n{READ}"),
        ({"title": "T", "body": {"Methods": {"Cells": ME, "Why": IN}}}, f"T\n\nMethods\nCells\n{ME}\nWhy\n{IN}\n"),
        ({"title": "T", "text": {"0": IN, "1": ME}}, f"T\n\n{PLAIN}"),
        ({"title": "T", "content": {"text": IN}}, f"T\n\n{IN}\n"),
        ({"title": "T", "paragraphs": [IN, ME]}, f"T\n\n{PLAIN}"),
        ({"title": "T", "introduction": IN, "results": "", "methods": [ME]}, f"T\n\n{READ}"),
        ({"title": "T", "abstract": "Ab.", "introduction": IN, "methods": ME}, f"T\n\nAbstract\nAb.\n\n{READ}"),
        ({"abstract": IN, "methods": "RCT", "results": "positive"}, f"Abstract\n{IN}\n"),
        ({"_index": "x", "_id": "7", "_source": {"title": "T", "text": IN}}, f"T\n\n{IN}\n"),
        ({"title": "T", "sections": [{"heading": "Methods", "sections": [{"heading": "Cells", "text": ME}]}, {"text": IN}]},
         f"T\n\nCells\n{ME}\n\n{IN}\n"),
        ({"text": IN, "prompt": "Why?", "completion": "So."}, f"{IN}\n"),
        ({"title": "T", "sections": [["Introduction", IN], ["Methods", [ME]]]}, f"T\n\n{READ}"),
        ({"title": "T", "abstract": [{"label": "AIM", "text": IN}, {"label": "METHODS", "text": ME}]}, f"T\n\nAbstract\nAIM: {IN}\nMETHODS: {ME}\n"),
        ({"title": "T", "abstract": {"AIM": IN, "METHODS": ME}}, f"T\n\nAbstract\nAIM: {IN}\nMETHODS: {ME}\n"),
        ({"title": "T", "sections": [[IN, ME], [ME, IN]], "section_names": ["A", "B"]}, f"T\n\nA\n{IN}\n{ME}\n\nB\n{ME}\n{IN}\n"),
        ({"title": "T", "abstract": {"en": IN, "fr": ME}}, f"T\n\nAbstract\n{IN}\n"),
        ({"article": {"title": "T", "text": IN}}, f"T\n\n{IN}\n"), ({"key": "A", "data": {"title": "T", "abstractNote": IN}}, f"T\n\nAbstract\n{IN}\n"),
        ({"articleTitle": "T", "bodyText": IN}, f"T\n\n{IN}\n"), ({"title": ["T"], "text": IN}, f"T\n\n{IN}\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("layout", ["lines", "array", "indented", "alone"])
def test_an_object_of_any_shape_is_one_article_with_its_sections(tmp_path, value, wanted, layout):
    content = {"lines": json.dumps(value), "array": json.dumps([value]), "indented": json.dumps(value, indent=1)}
    path = tmp_path / ("a.jsonl" if layout == "lines" else "a.json")
    path.write_text(content.get(layout, json.dumps(value)))
    assert texts(path) == [wanted]
    goes_on_from_every_place(path)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "value",
    [
        {"one": IN, "two": ME},
        {"one": [IN], "two": [ME]},
        {"one": {"sections": {"": IN}}, "two": {"paragraphs": [ME]}},
        {"took": 3, "hits": {"total": 2, "hits": [{"_id": "one", "_source": {"text": IN}}, {"_id": "two", "_source": {"text": ME}}]}},
        {"response": {"docs": [{"id": "one", "abstract": [IN]}, {"id": "two", "abstract": [ME]}]}, "facets": {"a": [{"x": 1}]}},
        {"rows": [{"row_idx": 0, "row": {"id": "one", "text": IN}}, {"row": {"id": "two", "text": ME}}], "features": [{"name": "text"}]},
        {"train": [{"id": "one", "text": IN}, {"id": "two", "text": ME}]},
    ],
)  # fmt: skip
def test_the_articles_of_one_object_are_found_wherever_they_lie(tmp_path, value, indent):
    (tmp_path / "a.json").write_text(json.dumps(value, indent=indent))
    articles, problems, *_ = read(tmp_path / "a.json")
    assert [(a.id, a.all_sections()[0].paragraphs) for a in articles] == [("one", (IN,)), ("two", (ME,))]
    assert problems == []
    goes_on_from_every_place(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([{"instruction": IN, "input": "", "output": ME}], "questions or instructions with their answers (instruction, output)"),
        ([{"prompt": IN, "completion": ME}], "questions or instructions with their answers (prompt, completion)"),
        ([{"id": 1, "Question": IN, "Context": ME, "answers": {"text": ["x"]}}], "with their answers (Question, answers)"),
        ({"question": IN, "answer": ME}, "with their answers (question, answer)"),
        ({"version": "2", "data": [{"title": "T", "paragraphs": [{"context": IN, "qas": []}]}]}, "with their answers (SQuAD)"),
        ([{"messages": [{"role": "user", "content": IN}]}], "holds conversations (messages)"),
        ({"messages": [{"role": "user", "content": IN}]}, "holds conversations (messages)"),
        ([{"role": "user", "content": IN}], "holds conversations (role, content)"),
        ([{"conversations": [{"from": "human", "value": IN}]}], "holds conversations (conversations)"),
        ({"train": [{"text": IN}], "validation": [{"text": ME}]}, "holds its parts (train, validation) in one file"),
        ({"train": {"text": [IN]}, "test": {"text": [ME]}}, "holds its parts (train, test) in one file"),
        ({"articles": [{"text": IN}], "references": [{"text": ME}]}, "several lists that may be articles (articles, references)"),
        ({"name": "x", "story": IN}, "none of its fields (name, story) is called as an article's text is"),
        ([[IN], [ME]], "a list in place of an article"),
        (None, "not a JSON object"),
        ([None], "not a JSON object"),
    ],
)  # fmt: skip
def test_json_that_holds_no_articles_is_named_with_what_to_do(tmp_path, value, said):
    (tmp_path / "a.json").write_text(json.dumps(value))
    articles, problems, *_ = read(tmp_path / "a.json")
    assert articles == [] and said in problems[0]
    assert problems[0].startswith("a.json")


def test_a_string_alone_is_a_text_without_its_quotes(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(IN))
    assert texts(tmp_path / "a.json") == [IN + "\n"]


@pytest.mark.parametrize(
    ("identifier", "wanted"), [(0, "0"), ({"$oid": "5f0"}, "5f0"), (["10.1/x"], "10.1/x"), (None, "")]
)
@pytest.mark.parametrize("body", [{"text": IN}, {"body_text": [{"text": IN, "section": "A"}]}])
def test_an_identifier_of_any_kind_is_kept(tmp_path, identifier, wanted, body):
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": identifier, **body}))
    assert [a.id for a in read(tmp_path / "a.jsonl")[0]] == [wanted]
