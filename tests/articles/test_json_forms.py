"""JSON of every layout, and fields of text under their usual names."""

import json

import pytest
from articles_helpers import read
from project import BROUGHT

from engine.articles import Source


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
