"""What visitors may do and name: runs within their limits, paths where they are offered, uploads under names that are no paths."""

from pathlib import Path

import pytest

from engine.core import paths
from engine.core.errors import ArticlesError, EngineError
from engine.runs.settings import RunSettings
from ui import access

pytestmark = pytest.mark.usefixtures("no_studio")


def test_visitors_without_the_owners_code_neither_stop_nor_queue_much(root, monkeypatch):
    import streamlit as st

    from ui import access, budget, owner, owner_file

    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(exists=True, code="the secret"))
    monkeypatch.setattr(st, "session_state", {})
    sample = {"preset": "checkpoints/presets/gpt2_mini_en", "articles": "articles/sample"}
    with pytest.raises(EngineError, match="trains for 3 minutes; a visitor's run may train for 2"):
        budget.enter(RunSettings(**sample, name="long", minutes=3), "", join=False)
    for number in range(30):
        budget.enter(RunSettings(**sample, name=f"waits-{number}", minutes=1, seed=number), "", join=False)
    with pytest.raises(EngineError, match="room for 30 of visitors' runs, and 30 of them wait"):
        budget.enter(RunSettings(**sample, name="next", minutes=1), "", join=False)
    monkeypatch.setattr(st, "session_state", {"owner_code": "the secret"})  # typing alone is nothing
    assert not access.is_owner()
    assert owner.enter("the secret").right
    budget.enter(RunSettings(**sample, name="hers", epochs=3), "", join=False)


def test_paths_are_offered_on_loopback_or_under_named_folders_with_links_resolved(tmp_path, monkeypatch):
    import streamlit as st

    from ui import access, owner_file

    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0")
    with pytest.raises(EngineError, match="not offered here"):
        access.check_path(str(inside))
    monkeypatch.setattr(access, "is_owner", lambda: True)
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, article_folders=(inside.resolve(),)))
    access.check_path(str(inside / "a.jsonl"))
    for path in (inside / "link" / "a.jsonl", inside / ".." / "outside", Path("/etc/passwd")):
        with pytest.raises(EngineError, match="outside the folders"):
            access.check_path(str(path))
    monkeypatch.setattr(st, "get_option", lambda name: "127.0.0.1")
    access.check_path("/etc/passwd")


@pytest.mark.parametrize("path", ["x" * 5000, "/" + "x" * 5000, "~nobodyhere/x", "a\0b", "/a\0b"], ids=repr)
def test_what_can_be_no_path_is_a_sentence(path, monkeypatch):
    from engine.core import paths
    from engine.runs import inputs

    monkeypatch.setattr(access, "is_local", lambda: True)
    for look in (paths.locate, access.check_path, inputs.articles_path):
        with pytest.raises(ArticlesError, match="no path on this machine") as raised:
            look(path)
        assert len(str(raised.value)) < 200


def test_an_uploaded_name_is_a_name_and_no_path(root):
    from ui import sources

    assert [sources.safe_name(n) for n in ("../../x.csv", "C:\\a\\b.txt", ".bashrc", "")] == [
        "x.csv",
        "b.txt",
        "bashrc",
        "articles.txt",
    ]
    one = sources.save_uploads([("../a.jsonl", b"{}")])
    assert one.endswith("a.jsonl") and ".uploads" in one
    assert sources.save_uploads([("a.xml", b"1"), ("b.xml", b"2")]).count(".") == 1


def test_uploads_whose_names_are_alike_are_all_kept(root):
    from ui import sources

    files = [("a b.txt", b"1"), ("a_b.txt", b"2"), ("A_B.txt", b"3"), ("train.jsonl", b"4"), ("train.jsonl", b"5")]
    folder = paths.locate(sources.save_uploads(files))
    saved = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(saved.values()) == [b"1", b"2", b"3", b"4", b"5"]
    assert saved["train-2.jsonl"] == b"5"
