"""Who is the owner: a secrets file that cannot be used shuts the door, wrong tries wait, the code stays over a reload."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import streamlit as st
from pages_helpers import open_page, the
from project import PROJECT
from starlette.applications import Starlette
from starlette.testclient import TestClient

from engine.core.errors import EngineError
from ui import access, owner, owner_file, tries

pytestmark = pytest.mark.usefixtures("no_studio")

CODE = "correct horse battery"
SECRETS_FILES = owner_file._secrets_files  # the real ones: pages under test have none


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """The only secrets file that counts; it does not exist yet."""
    path = tmp_path / ".streamlit" / "secrets.toml"
    path.parent.mkdir()
    monkeypatch.setattr(owner_file, "_secrets_files", lambda: ([path], False))
    monkeypatch.setattr(owner_file, "_last", None)
    monkeypatch.setattr(owner_file, "_seen", False)
    monkeypatch.setattr(owner, "tries", tries.Tries())
    return path


BROKEN = {
    "no quotes": (b"owner_code = a long secret", 1),
    "curly quotes": ("owner_code = “a long secret”".encode(), 1),
    "a broken second line": (b'owner_code = "a long secret"\narticle_folders = [', 2),
    "no closing quote": (b'# mine\nowner_code = "a long secret\n', 2),
    "under a table": (b'[owner]\nowner_code = "a long secret"\n', 2),
    "inside a table": (b'x = 1\n\n[a.b]\nc.owner_code = "a long secret"\n', 4),
    "capitals": (b'OWNER_CODE = "a long secret"', 1),
    "a hyphen": (b'\nowner-code = "a long secret"', 2),
    "empty": (b'owner_code = ""', 1),
    "blank": (b'owner_code = "              "', 1),
    "short": (b'owner_code = "0042"', 1),
    "a number": (b"article_folders = []\nowner_code = 12345678", 2),
    "a list": (b'owner_code = ["a long secret"]', 1),
    "no code": (b'article_folders = ["/srv"]', None),
    "nothing": (b"", None),
    "UTF-16": ('owner_code = "a long secret"'.encode("utf-16"), None),
    "UTF-16 without a mark": ('owner_code = "a long secret"'.encode("utf-16-le"), None),
    "Latin-1": ('owner_code = "a long secret"\n# à'.encode("latin-1"), 2),
    "deep": (b"x = " + b"[" * 20_000, 1),
    "a long number": (b'owner_code = "a long secret"\nx = ' + b"9" * 5000, None),
    "large": (b"#" * (owner_file.LARGEST_BYTES + 1), None),
}


@pytest.mark.parametrize("content, line", BROKEN.values(), ids=BROKEN)
def test_a_secrets_file_without_a_usable_code_makes_everybody_a_visitor_and_says_the_line(content, line, secrets):
    assert access.is_owner()  # without a file
    secrets.write_bytes(content)
    assert not access.is_owner()
    (problem,) = owner_file.read().problems
    assert "secrets.toml" in str(problem)
    if line:
        assert problem.values["line"] == line
    for hidden in ("long secret", "0042", "1234", "/srv", str(secrets.parent)):
        assert hidden not in str(problem)


def test_a_folder_a_pipe_a_dangling_link_and_a_file_without_rights_shut_the_door(secrets, monkeypatch):
    secrets.mkdir()
    assert not access.is_owner()
    secrets.rmdir()
    secrets.symlink_to(secrets.parent / "nowhere")
    assert not access.is_owner()
    secrets.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(secrets)
        assert not access.is_owner()
        secrets.unlink()

    def refused(*_args, **_named):
        raise PermissionError(13, "Permission denied")

    secrets.write_text(f'owner_code = "{CODE}"')
    assert owner_file.read().code
    monkeypatch.setattr(owner_file.os, "stat", refused)
    assert not access.is_owner() and owner_file.read().exists and not owner_file.read().code


def test_a_live_edit_counts_at_once_and_a_file_that_is_gone_opens_no_door(secrets, monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    assert access.is_owner()
    secrets.write_text(f'owner_code = "{CODE}"')
    assert not access.is_owner()
    assert owner.enter(CODE).right and access.is_owner()
    secrets.write_text(f'owner_code = "{CODE}\n')  # broken
    assert not access.is_owner()
    secrets.write_text(f'owner_code = "{CODE[::-1]}"')  # of the same length, within the same second
    assert not access.is_owner()
    assert owner.enter(CODE[::-1]).right and access.is_owner()
    secrets.unlink()
    assert not access.is_owner()
    assert "start the server again" in str(owner_file.read().problems[0])


def test_all_places_count_and_one_that_cannot_be_read_shuts_the_door(tmp_path, secrets, monkeypatch):
    home = tmp_path / "home.toml"
    monkeypatch.setattr(owner_file, "_secrets_files", lambda: ([home, secrets], False))
    home.write_text(f'owner_code = "{CODE}"')
    secrets.write_text('article_folders = ["/srv/articles"]')
    assert owner_file.read().code == CODE
    assert owner_file.read().article_folders == (Path("/srv/articles").resolve(),)
    secrets.write_text('owner_code = "another one"')  # the later place is the nearer one
    assert owner_file.read().code == "another one"
    home.write_text("owner_code = x")
    assert not owner_file.read().code and not access.is_owner()


def test_the_places_are_streamlits_own_and_the_projects(monkeypatch, tmp_path):
    from streamlit import config

    named = tmp_path / "named.toml"
    monkeypatch.setattr(owner_file, "_taken", [str(named)])
    files, _ = SECRETS_FILES()
    assert files == [named, PROJECT / ".streamlit" / "secrets.toml"]
    monkeypatch.setattr(owner_file, "_taken", None)
    assert SECRETS_FILES()[0][0] == Path(config.get_option("secrets.files")[0])
    monkeypatch.setattr(owner_file, "_secrets_files", lambda: ([named], True))
    monkeypatch.setattr(owner_file, "_last", None)
    assert owner_file.read().exists  # she named a file that is not there: no open door


@pytest.mark.parametrize("wrong", ['"/srv/articles"', '[""]', '["articles"]', "[1]", "true", '{a = "/srv"}'])
def test_folders_of_another_kind_offer_none_and_say_so(wrong, secrets, monkeypatch):
    secrets.write_text(f'owner_code = "{CODE}"\narticle_folders = {wrong}\n')
    monkeypatch.setattr(st, "session_state", {"owner_admitted": owner._fingerprint(CODE)})
    monkeypatch.setattr(access, "is_local", lambda: False)
    assert access.is_owner() and access.path_folders() == [] and not access.paths_allowed()
    (problem,) = owner_file.read().problems
    assert "article_folders" in str(problem) and problem.values["line"] == 2
    with pytest.raises(EngineError, match="not offered here"):
        access.check_path("/etc/passwd")


@pytest.mark.parametrize(
    "wrong",
    ['"https://a.example"', '["*"]', '["https:"]', '["https://a.example/x"]', '["https://a.example; script-src *"]',
     '["https://a.example\\nSet-Cookie: x"]', '["https://a .example"]', '["javascript://a"]', '["\'none\'"]', "[1]"],
)  # fmt: skip
def test_only_origins_may_frame_the_pages(wrong, secrets):
    secrets.write_text(f'owner_code = "{CODE}"\nframe_ancestors = {wrong}\n')
    assert owner_file.read().frame_ancestors == ()
    assert "frame_ancestors" in str(owner_file.read().problems[0])


def test_the_first_page_says_what_is_wrong_in_both_languages_and_hides_what_stands_there(secrets):
    secrets.write_text('# first\nowner_code = "0042"\n')
    for language, said in (("en", "Everybody is a visitor here"), ("fr", "tout le monde est visiteur")):
        app = open_page("lab", language)
        shown = " ".join(error.value for error in app.error)
        assert said.lower() in shown.lower()
        assert "2" in shown and "0042" not in shown and str(secrets.parent) not in shown
    assert not open_page("articles").error


# Wrong tries


def test_wrong_codes_are_logged_without_the_code_and_a_new_session_waits_too(secrets, caplog, monkeypatch):
    monkeypatch.setattr(owner, "tries", tries.Tries(clock=lambda: 0.0))
    secrets.write_text(f'owner_code = "{CODE}"')
    for number in range(3):
        app = open_page("lab")
        app.text_input(key="owner_code").set_value(f"guess {number}")
        app.button(key="FormSubmitter:owner_form-Enter").click().run()
        assert not app.exception and the(app.error, "not the owner's code")
    app = open_page("lab")  # another session: the wait is the server's
    app.text_input(key="owner_code").set_value(CODE)
    app.button(key="FormSubmitter:owner_form-Enter").click().run()
    assert the(app.warning, "Nobody looked")
    lines = [record.getMessage() for record in caplog.records if record.name == "atelier.access"]
    assert len(lines) == 3 and "number 3" in lines[-1]
    assert not any("guess" in line or CODE in line for line in lines)


def test_the_right_code_makes_the_session_its_owners_until_she_leaves(secrets):
    secrets.write_text(f'owner_code = "{CODE}"')
    app = open_page("lab")
    app.text_input(key="owner_code").set_value(f" {CODE} ")
    app.button(key="FormSubmitter:owner_form-Enter").click().run()
    assert not app.exception and not app.error
    assert any("You are the owner" in caption.value for caption in app.caption)
    assert CODE not in str(app.session_state)
    app.button(key="owner_leave").click().run()
    assert app.text_input(key="owner_code")


# The cookie


@pytest.fixture
def route(monkeypatch):
    monkeypatch.setattr(owner, "_tickets", {})
    monkeypatch.setattr(owner, "_cookies", {})
    monkeypatch.setattr(owner, "_served", False)
    return TestClient(Starlette(routes=owner.routes()), base_url="http://atelier.example")


def browser(monkeypatch, cookie: str, origin="http://atelier.example", host="atelier.example") -> None:
    """A new session of a browser that has this cookie."""
    from types import SimpleNamespace

    context = SimpleNamespace(
        cookies={owner._COOKIE: cookie}, headers={"Origin": origin, "Host": host}, ip_address=None
    )
    monkeypatch.setattr(st, "context", context)
    monkeypatch.setattr(st, "session_state", {})


def test_a_ticket_is_exchanged_once_for_a_cookie_that_no_script_reads(secrets, route, monkeypatch):
    secrets.write_text(f'owner_code = "{CODE}"')
    browser(monkeypatch, "")
    assert owner.enter(CODE).right
    ticket = st.session_state["owner_ticket"].number
    assert (
        route.post("/_atelier/owner", data={"ticket": ticket}).status_code == 415
    )  # what a form of a foreign page sends
    assert (
        route.post("/_atelier/owner", json={"ticket": ticket}, headers={"Sec-Fetch-Site": "same-site"}).status_code
        == 403
    )
    assert route.get("/_atelier/owner").status_code == 405
    for body in ({"ticket": "x"}, {"ticket": CODE}, {"ticket": None}):
        assert route.post("/_atelier/owner", json=body).status_code == 410
    for body in (b"", b"[]", b"1", b'{"code": 1}', b"[" * 999, b"\xff"):
        assert (
            route.post("/_atelier/owner", content=body, headers={"Content-Type": "application/json"}).status_code == 400
        )
    assert route.post("/_atelier/owner", json={"ticket": "x" * 2000}).status_code == 413
    answer = route.post("/_atelier/owner", json={"ticket": ticket})
    assert answer.status_code == 204
    attributes = answer.headers["set-cookie"].lower()
    assert all(one in attributes for one in ("httponly", "samesite=strict", "path=/", "max-age=43200"))
    assert "secure" not in attributes
    assert route.post("/_atelier/owner", json={"ticket": ticket}).status_code == 410
    cookie = answer.cookies[owner._COOKIE]
    assert cookie not in str(owner._cookies) and ticket not in owner._tickets

    browser(monkeypatch, cookie)  # a reload
    assert access.is_owner()
    browser(monkeypatch, cookie, origin="http://atelier.example:9000")  # a page on another port of the same machine
    assert not access.is_owner()
    browser(monkeypatch, cookie[:-1])
    assert not access.is_owner()
    browser(monkeypatch, cookie)
    secrets.write_text('owner_code = "another code"')
    assert not access.is_owner()
    secrets.write_text(f'owner_code = "{CODE}"')
    assert access.is_owner()
    owner.leave()
    assert not access.is_owner()
    browser(monkeypatch, cookie)
    assert not access.is_owner()


def test_over_https_the_cookie_goes_by_https_alone_and_it_ends_after_its_hours(secrets, route, monkeypatch):
    secrets.write_text(f'owner_code = "{CODE}"')
    browser(monkeypatch, "")
    owner.enter(CODE)
    ticket = st.session_state["owner_ticket"].number
    answer = route.post("/_atelier/owner", json={"ticket": ticket}, headers={"Origin": "https://atelier.example"})
    assert "; secure" in answer.headers["set-cookie"].lower()
    browser(monkeypatch, answer.headers["set-cookie"].split("=")[1].split(";")[0])
    assert access.is_owner()
    later = time.monotonic() + owner.COOKIE_SECONDS + 1
    monkeypatch.setattr(owner.time, "monotonic", lambda: later)
    assert not access.is_owner()


# Streamlit does not read the file


def test_the_code_is_not_copied_into_the_environment_and_utf_16_stops_no_server(tmp_path):
    """A process of its own imports the application as the server does, and starts it."""
    code = """
import os, sys
from pathlib import Path
sys.path.insert(0, str(Path.cwd()))
from streamlit import config
config._main_script_path = str(Path("streamlit_app.py").resolve())
config.get_config_options()
import streamlit_app
from starlette.testclient import TestClient
with TestClient(streamlit_app.app) as client:
    assert client.get("/_stcore/health").status_code == 200
    config.get_config_options(force_reparse=True)  # what a change of config.toml does
    import streamlit as st
    assert st.secrets.load_if_toml_exists() is False
    from ui import owner_file
    found = owner_file.read()
    print("code" if found.code else found.problems[0], "owner_code" in os.environ)
"""
    home = tmp_path / "home"
    (home / ".streamlit").mkdir(parents=True)
    file = home / ".streamlit" / "secrets.toml"
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    for content, said in (
        (f'owner_code = "{CODE}"'.encode(), "code False"),
        (
            f'owner_code = "{CODE}"'.encode("utf-16"),
            "~/.streamlit/secrets.toml is saved as UTF-16: save it as UTF-8. False",
        ),
    ):
        file.write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.stdout.strip().endswith(said), done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize("name", ["secrets.toml.txt", "Secrets.toml", "secret.toml", "secrets"])
def test_a_file_of_nearly_the_right_name_shuts_the_door_and_says_so(name, secrets):
    secrets.unlink(missing_ok=True)
    misnamed = secrets.with_name(name)
    misnamed.write_text('owner_code = "a long secret"\n')
    try:
        found = owner_file.read()
        assert found.exists and not found.code
        assert f"{name} is not read: rename it to secrets.toml." in str(found.problems[0])
    finally:
        misnamed.unlink()


def test_a_folder_that_is_none_costs_no_answer(secrets):
    secrets.write_text('owner_code = "a long secret"\narticle_folders = ["/srv/\\u0000x"]\n')
    found = owner_file.read()
    assert found.code == "a long secret" and found.article_folders == ()
    assert "line 2: article_folders must be a list" in str(found.problems[0])


def test_eight_invisible_signs_are_no_code(secrets):
    secrets.write_text('owner_code = "' + "\\u200b" * 8 + '"\n')
    assert owner_file.read().exists and not owner_file.read().code
