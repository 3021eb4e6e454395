"""Kept samples: they come back as they were, and files that are something else are refused."""

import json

import pytest
from pages_helpers import a_run
from side_by_side_helpers import ENVIRONMENT, a_result, a_sample

from engine.core.errors import CheckpointError, EngineError
from engine.inference.samples import outcome, saved, streaming
from engine.inference.samples.outcome import Column, Difference, Sample
from engine.runs import references
from engine.runs.references import ModelReference
from ui import side_view


def test_what_is_kept_comes_back_as_it_was(root):
    name = saved.save(a_result(), root)
    again = saved.read(name, root)
    assert again.to_json() == a_result(time=again.time).to_json()
    assert saved.names(root) == [name]
    later = saved.save(a_result(time=again.time + 60), root)
    assert saved.names(root) == [later, name]
    saved.delete(name, root)
    assert saved.names(root) == [later]
    with pytest.raises(EngineError, match="no kept result"):
        saved.read(name, root)
    with pytest.raises(EngineError, match="no kept result"):
        saved.delete("../one/config", root)


def test_only_complete_columns_are_kept(root):
    result = a_result()
    result.columns.append(Column("one/2", "one · step 2", "x", "p", [Sample(1, "cut")]))
    assert [c.reference for c in saved.read(saved.save(result, root), root).columns] == ["one/4"]
    result.columns[0].samples[1].done = False
    with pytest.raises(EngineError, match="nothing to keep"):
        saved.save(result, root)


def changed(*path, to):
    value = json.loads(json.dumps(a_result().to_json()))
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        changed("schema_version", to=2),
        changed("prompt", to=7),
        changed("prompt", to="x" * 300_000),
        changed("length", to=10**9),
        changed("seed", to=True),
        changed("settings", "temperature", to=float("nan")),
        changed("settings", to=[]),
        changed("columns", to=[]),
        changed("columns", to=a_result().to_json()["columns"] * 5),
        changed("columns", 0, "reference", to=None),
        changed("columns", 0, "samples", to=[]),
        changed("columns", 0, "samples", 0, "ids", to=[1, -2]),
        changed("columns", 0, "samples", 0, "ids", to=[1, 2, 3]),
        changed("columns", 0, "samples", 0, "text", to=" other cells"),
        changed("environment", "versions", to={"tensorflow": ["2"]}),
        changed("passage", to={"articles": "/etc", "number": "1", "tokens": 2}),
        {**changed("passage", to={"articles": "/etc", "number": 1, "tokens": 2}), "prompt": ""},
    ],
)
def test_a_file_that_is_something_else_is_refused(value, root):
    name = saved.save(a_result(), root)
    (root / saved.FOLDER / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(EngineError, match="no result that was kept here"):
        saved.read(name, root)


def test_a_file_that_is_no_json_is_refused(root):
    name = saved.save(a_result(), root)
    for content in (b"", b"\xff\xfe", b"[" * 100_000, b" " * (5 << 20)):
        (root / saved.FOLDER / f"{name}.json").write_bytes(content)
        with pytest.raises(EngineError, match="no result that was kept here"):
            saved.read(name, root)


def test_the_first_difference_is_found_in_ids_and_in_bytes():
    was = a_sample(pieces=(" a", " b", " c"))
    assert outcome.first_difference(was, a_sample(pieces=(" a", " b", " c"))) is None
    assert outcome.first_difference(was, a_sample(pieces=(" a", " x", " c"))) == Difference(2, " b", " x")
    assert outcome.first_difference(was, a_sample(pieces=(" a", " b"))) == Difference(3, " c", None)
    other = a_sample(pieces=(" a", " b", " c"))
    other.ids[2] = 77
    assert outcome.first_difference(was, other) == Difference(3, " c", " c")


def test_what_wrote_it_is_compared_by_name():
    now = {"device": "a GPU", "precision": "float32", "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"}}
    assert outcome.changed_environment(ENVIRONMENT, ENVIRONMENT) == []
    assert outcome.changed_environment(ENVIRONMENT, now) == [
        ("device", "a processor, 2 cores", "a GPU"),
        ("keras", "", "3.15.1"),
    ]


def test_a_column_is_found_by_its_weights_and_by_no_others(root):
    a_run(root)
    model = next(m for m in references.models(root) if not m.is_base)
    column = Column("one/4", "", model.hash, model.preset.hash(), [])
    assert outcome.model_of(column, [model]) is model
    column.reference = "former-name/4"
    assert outcome.model_of(column, [model]) is model
    with pytest.raises(CheckpointError, match="not there any more"):
        outcome.model_of(column, [ModelReference(model.preset)])
    column.reference, column.hash = "one/4", "0" * 64
    with pytest.raises(CheckpointError, match="other weights now"):
        outcome.model_of(column, [model])


def test_no_text_closes_its_fence_in_markdown(root):
    result = a_result(passage={"articles": "articles/sample", "number": 3, "tokens": 32}, article="the ``` truth")
    document = side_view.markdown(result).split("\n")
    fence = "`" * 7  # one more than the longest run in the text
    assert document.count(fence + "text") == document.count(fence) == 2
    opened = ""
    outside = []
    for line in document:
        if opened:
            opened = "" if line == opened else opened
        elif line.startswith("```"):
            opened = line.removesuffix("text")
        else:
            outside.append(line)
    assert not opened
    assert not any("<script>" in line or "fence" in line for line in outside)
    assert "h" * 64 in "\n".join(outside) and "seed 2, 3 tokens, 90 tokens/s:" in outside


def test_a_speed_counts_neither_loading_and_compiling_nor_the_turns_of_others():
    times = iter([0.0, 9.0, 10.0, 18.0, 20.0, 20.5, 30.0, 30.5])
    clock = streaming.Clock(lambda: next(times))
    clock.token()  # after 9 s
    for _token in range(2):
        clock.resume()
        clock.token()  # after 8 s: compiled; after 0.5 s
    clock.resume()
    clock.token()
    assert clock.tokens_per_second() == pytest.approx(2 / 1.0)
    assert streaming.Clock(lambda: 0.0).tokens_per_second() is None
