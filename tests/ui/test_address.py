"""Addresses: every row of the table goes there and back, and takes no nonsense; one place reads and writes them."""

import re
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import streamlit as st
from project import PROJECT

from ui import address, rooms
from ui.address import TABLE, Parameter

# A value of each parameter that is not its default, and values that are none.
VALUES = {
    "run": ("one/400", ["", "a\0b", "two\nlines", "\u202ename"]),
    "against": ("checkpoints/presets/gpt2_mini_en", ["", "a\tb"]),
    "tab": ({rooms.EXPLORE: "words", rooms.LIBRARY: "articles"}, ["", "Words", "kurve"]),
    "present": (True, ["2", "-1", "true", "", "<script>alert(1)</script>", "1 "]),
    "screen": (3, ["0", "-1", "100", "1.5", "one", ""]),
    "parent": ("one/4", [""]),
    "experiment": ("more-data", ["", "Learn", "apprendre"]),
    "answer": ("30", ["", "31", "plus souvent"]),
    "step": ("curve", ["", "Curve", "courbe"]),
    "slide": (3, ["0", "100", "x"]),
    "view": ("teacher", ["", "Wall"]),
    "form": ("short", ["", "kurz"]),
    "class": ("K7FM", ["", "a\0b"]),
    "key": ("K7FM-abcdefghijklmnopqrstuv", ["", "a\0b"]),
    "figure": ("loss", ["", "Loss", "x"]),
    "axis": ("minutes", ["Schritte"]),
    "smooth": (True, ["true", "2", ""]),
    "runs": (["one", "a, b and c", "50%", "d"], ["a,,b", ",".join("a" * 60), "%ff"]),
    "moment": ("one/400", [""]),
    "chain": (False, ["no"]),
    "from": ({"write": "article", "words": "text", "copied": "text"}, ["", "upload"]),
    "prompt": ("Two lines\nand a <b>tag</b> & “quotes”, 2 % 🧪", ["a\0b", "\ud800"]),
    "text": ("The cells were\ttreated.", ["\x1b[0m"]),
    "articles": ("corpora/a key of=some&kind", ["", "a\0b"]),
    "article": (7, ["0", "-1", "1e3", "٣", "9999999999", "7.0", ""]),
    "tokens": (64, ["0", "513"]),
    "models": (["one/4", "two, too/8"], ["a,b,c"]),
    "next": ("beam", ["Beam"]),
    "length": ({"write": 120, "articles": 9}, ["0", "", "x"]),
    "temperature": (0.35, ["nan", "inf", "-0.1", "2.1", "0,5", ""]),
    "seed": (2**31 - 1, ["-1", str(2**31), "x"]),
    "samples": (4, ["0", "5"]),
    "top_k": (0, ["101"]),
    "top_p": (0.55, ["0", "1.5"]),
    "beams": (8, ["1", "9"]),
    "marked": (True, ["true", ""]),
    "token": (41, ["0", "99999999"]),
    "colour": ("rank", ["red"]),
    "split": ({"score": "test", "articles": "test"}, ["Test", "train "]),
    "corpus": ("0123456789abcdef", ["", "0" * 17]),
}


def value_of(parameter: Parameter):
    value = VALUES[parameter.name][0]
    return value[parameter.where] if isinstance(value, dict) else value


def named(parameter: Parameter) -> str:
    return f"{parameter.where or 'everywhere'}-{parameter.name}"


def test_a_secret_is_taken_from_an_address_and_stands_in_none(monkeypatch):
    secrets = [parameter for parameter in TABLE if parameter.secret]
    assert [parameter.name for parameter in secrets] == ["key"]
    for parameter in secrets:
        value = value_of(parameter)
        assert address.decode({parameter.name: value}, [parameter]) == ({parameter.key: value}, [])
        assert address.encode({parameter.key: value}, [parameter]) == {}


@pytest.mark.parametrize("parameter", [p for p in TABLE if not p.secret], ids=named)
def test_a_value_comes_back_from_an_address_and_its_default_stays_out_of_it(parameter):
    value = value_of(parameter)
    assert value != parameter.default
    query = address.encode({parameter.key: value}, [parameter])
    (text,) = query.values()
    assert len(text) <= parameter.limit and text == text.encode("utf-8").decode()
    assert address.decode(query, [parameter]) == ({parameter.key: value}, [])
    assert address.encode({parameter.key: parameter.default}, [parameter]) == {}
    assert address.encode({}, [parameter]) == {}


@pytest.mark.parametrize("parameter", TABLE, ids=named)
def test_nonsense_and_what_is_too_long_is_refused_by_its_name(parameter):
    for text in [*VALUES[parameter.name][1], "a" * (parameter.limit + 1), "1" * 10_000, "x" * 10_000]:
        assert address.decode({parameter.name: text}, [parameter]) == ({}, [parameter.name]), text[:40]


@pytest.mark.parametrize("parameter", [p for p in TABLE if p.limit >= 100], ids=named)
def test_what_is_too_long_to_be_read_is_not_written(parameter):
    value = ["a" * 3_000, "b" * 3_000] if isinstance(value_of(parameter), list) else "a" * (parameter.limit + 1)
    assert address.encode({parameter.key: value}, [parameter]) == {}


def test_no_two_parameters_of_a_page_have_one_name_and_no_two_pages_share_a_key_by_chance():
    for room, tabs in rooms.ROOMS.items():
        for tab in tabs or ("",):
            names = [parameter.name for parameter in address.parameters(room, tab)]
            assert len(names) == len({*names}), (room, tab)
    shared = {p.key for p in TABLE for q in TABLE if p is not q and p.key == q.key}
    assert shared == {"compare_figure", "compare_axis", "compare_smooth"}


def test_names_and_values_are_codes_without_a_language():
    for parameter in TABLE:
        assert re.fullmatch("[a-z_]+", parameter.name)
        value = value_of(parameter)
        if parameter.secret:
            continue
        if not isinstance(value, list) and parameter.name not in ("prompt", "text", "articles", "against"):
            assert re.fullmatch(
                r"[\w./-]+", address.encode({parameter.key: value}, [parameter])[parameter.name], re.ASCII
            )


@pytest.mark.parametrize("place", [place for tabs in rooms.ROOMS.values() for place in tabs])
def test_a_shared_address_has_everything_and_leads_back_to_it(place, monkeypatch):
    room = rooms.room_of(place)
    wanted = address.parameters(room, place)
    state = {p.key: value_of(p) if p.name != "tab" else place for p in wanted}
    monkeypatch.setattr(st, "session_state", dict(state))
    monkeypatch.setattr(st, "context", SimpleNamespace(url=f"http://lab:8501/{room}?old=1"))
    shared = address.shared(room, "one/400")
    query = dict(parse_qsl(urlsplit(shared).query))
    assert shared.startswith(f"http://lab:8501/{room}?") and "old" not in query
    assert address.decode(query, wanted) == ({**state, "run_chosen": "one/400"}, [])
    assert list(address.too_long(room)) == []
    if "side_prompt" in state:
        st.session_state["side_prompt"] = "a" * 501
        assert list(address.too_long(room)) == ["prompt"]
        assert "prompt" not in dict(parse_qsl(urlsplit(address.shared(room, "one")).query))


def test_an_address_is_read_and_written_in_one_place():
    for file in [*PROJECT.glob("pages/*.py"), *PROJECT.glob("ui/**/*.py")]:
        if file.name not in ("address.py", "former.py"):
            assert not re.search(r"\bst\.query_params", file.read_text(encoding="utf-8")), file
