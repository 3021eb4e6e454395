"""Tests find what a page shows by its key or by what it says, and wait for a thing itself instead of sleeping."""

import ast
import io
import tokenize

import pytest
from pages_helpers import stands_first, the
from project import PROJECT
from streamlit.testing.v1 import AppTest
from waiting_helpers import until, until_files_are_later

TESTS = sorted((PROJECT / "tests").rglob("*.py"))
OPEN_PAGES = ("AppTest", "pages_helpers", "damage_helpers")  # in other files `.text[0]` is no page's
# The elements of a page, by kind: `app.metric`. Tables have columns too.
KINDS = {name for name in dir(AppTest) if isinstance(getattr(AppTest, name), property)} - {"columns"}


def are_elements(node: ast.expr, names: set[str]) -> bool:
    """Tells whether an expression gives all elements of a kind, or something of each; `names` are variables that do."""
    match node:
        case ast.Name(name):
            return name in names
        case ast.Attribute(page, "columns"):
            return isinstance(page, ast.Name) and page.id == "app"
        case ast.Attribute(_, kind):
            return kind in KINDS
        case ast.Call(ast.Attribute(_, "get"), [ast.Constant(str())]):
            return True
        case ast.Call(ast.Name("list" | "tuple" | "iter"), [inner]):
            return are_elements(inner, names)
        case ast.ListComp(_, [one]) | ast.GeneratorExp(_, [one]):
            return not one.ifs and are_elements(one.iter, names)  # with a condition they are found by what they say
    return False


def taken_by_number(source: str) -> list[int]:
    """Finds the lines that take an element of a page by its place among those of its kind."""
    found, tree = set(), ast.parse(source)
    for scope in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))):
        names: set[str] = set()  # of the whole file none: one of another function may be something else
        for node in sorted(ast.walk(scope), key=lambda node: getattr(node, "lineno", 0)):
            match node:
                case ast.Assign([ast.Name(name)], value) if scope is not tree:
                    (names.add if are_elements(value, names) else names.discard)(name)
                case ast.Subscript(value, index):
                    is_name = isinstance(index, ast.Constant) and isinstance(index.value, str)
                    found |= {node.lineno} if not is_name and are_elements(value, names) else set()
                case ast.Call(ast.Name("next"), [value, *_]) if are_elements(value, names):
                    found.add(node.lineno)
    return sorted(found)


@pytest.mark.parametrize(
    "line",
    [
        "app.metric[4].value",
        "app.button[0].click().run()",
        "app.caption[-1]",
        "app.dataframe[1:3]",
        "app.columns[number].metric",
        "app.get('plotly_chart')[0].proto",
        "open_page('lab').title[0]",
        "list(app.error)[0]",
        "next(iter(app.error))",
        "[element.value for element in app.text][0]",
        "shown = [element.value for element in app.text]\n    shown[0]",
        "shown = app.text\n    shown[0]",
    ],
)
def test_a_place_among_the_elements_of_a_page_is_seen(line):
    assert taken_by_number(f"def test(app):\n    {line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "app.button(key='lab_start').click()",
        "the(app.metric, 'Articles').value[0]",
        "app.session_state['x']",
        "table.columns[0]",
        "(chart,) = app.get('plotly_chart')",
        "[e.value for e in app.text if 'one' in e.value][0]",
        "shown = app.text\n    shown = ['one']\n    shown[0]",
    ],
)
def test_a_key_and_what_is_said_are_no_place(line):
    assert not taken_by_number(f"def test(app):\n    {line}\n")


def test_no_test_takes_an_element_of_a_page_by_its_place():
    sources = {file: file.read_text(encoding="utf-8") for file in TESTS}
    sources = {file: source for file, source in sources.items() if any(name in source for name in OPEN_PAGES)}
    assert len(sources) > 20
    found = [f"{file.name}, line {line}" for file, source in sources.items() for line in taken_by_number(source)]
    assert found == [], "find it by its key, or with pages_helpers.the() by what it says"


def sleeps_without_a_reason(source: str) -> list[int]:
    """Finds the lines that sleep and have no comment."""
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(ast.Attribute(_, "sleep" | "wait_for_timeout") | ast.Name("sleep")):
                found.add(node.lineno)
    return sorted(found - comments)


def test_a_sleep_without_a_reason_is_seen():
    source = (
        "time.sleep(1)\npage.wait_for_timeout(9)\nsleep(2)\ntime.sleep(1)  # a slow reader\nprint('time.sleep(1)')\n"
    )
    assert sleeps_without_a_reason(source) == [1, 2, 3]


def test_no_test_sleeps_without_a_reason():
    found = [
        f"{file.name}, line {line}"
        for file in TESTS
        for line in sleeps_without_a_reason(file.read_text(encoding="utf-8"))
    ]
    assert found == [], (
        "wait for the thing itself with waiting_helpers.until(), or say in a comment why time has to pass"
    )


def a_page():
    import pandas as pd
    import streamlit as st

    st.metric("Articles", "3")
    st.metric("Articles left out", "1")
    st.error("There is no run *one*.")
    st.error("There is no run *two*.")
    st.dataframe(pd.DataFrame({"run": ["one"]}))
    st.dataframe(pd.DataFrame({"model": ["base"], "running": [0]}))


def test_an_element_is_found_by_its_whole_label_or_text_before_a_part_of_it_and_never_one_of_several():
    app = AppTest.from_function(a_page).run()
    assert the(app.metric, "Articles").value == "3" and the(app.metric, "left out").value == "1"
    assert the(app.dataframe, "run").value["run"].tolist() == ["one"]
    assert the(app.error, "*two*").value == "There is no run *two*."
    assert stands_first(app.error, "*one*") and not stands_first(app.error, "*two*")
    for elements, says in ((app.error, "There is no run"), (app.error, "three"), (app.info, "")):
        with pytest.raises(AssertionError, match=r"(0|2) say"):
            the(elements, says)


def test_waiting_ends_as_soon_as_it_holds_with_what_it_gives_and_fails_at_its_limit():
    answers = iter([None, 0, "", "there"])
    assert until(lambda: next(answers)) == "there"
    with pytest.raises(pytest.fail.Exception, match="not within 0 s"):
        until(lambda: False, 0)


def test_what_is_written_after_the_clock_of_files_has_gone_on_is_later(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    until_files_are_later(tmp_path / "a", tmp_path / "probe")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "b").stat().st_mtime_ns > (tmp_path / "a").stat().st_mtime_ns
