"""What models write: shown as it is, in a face that ships with the project."""

import re
import tomllib

from project import PROJECT

from ui import texts
from ui.texts import Stretch

NASTY = "<script>alert(1)</script> & \"quotes\" 'here' *bold*"


def test_nothing_that_a_model_writes_is_run_or_formatted():
    body = texts.written(NASTY, [Stretch(NASTY), Stretch(NASTY, 3, NASTY)], "#0072B2")
    assert set(re.findall(r"<(\w+)", body)) == {"div", "b", "mark"} and "--author:#0072B2" in body
    assert body.count("&lt;script&gt;") == 4
    assert all(quoted.count("&quot;") == 2 for quoted in re.findall(r'title="([^"]*alert[^"]*)"', body))


def test_a_stretch_that_was_not_copied_bears_no_mark_and_an_empty_prompt_no_tint():
    assert "<mark" not in texts.written("", [Stretch("one"), Stretch(" two")], "grey")
    assert "<b" not in texts.written("", "one", "grey")
    assert len({line for _ground, _ink, line in texts.GROUNDS}) == len(texts.GROUNDS)  # told apart without colour too


def test_the_reading_face_ships_with_the_project_and_its_name_is_one_that_css_takes():
    config = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    faces = config["theme"]["fontFaces"]
    assert config["server"]["enableStaticServing"] and {face["weight"] for face in faces} == {400, 700}
    for face in faces:
        file = PROJECT / face["url"].removeprefix("app/")
        assert file.read_bytes()[:4] == b"wOF2" and file.stat().st_size < 40_000
        assert all(
            re.fullmatch(r"[A-Za-z][\w-]*", word) for word in face["family"].split()
        )  # Streamlit quotes it nowhere
    assert f'"{faces[0]["family"]}"' in (PROJECT / "ui" / "look.css").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in (PROJECT / "static" / "fonts" / "LICENSE.txt").read_text(encoding="utf-8")
