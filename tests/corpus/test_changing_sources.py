"""A source that changes while it is prepared, or between two tries: nothing is made of both its states."""

import os
import shutil
import zipfile

import pytest
from pubmed_helpers import article_line
from sources_helpers import cancelled_after, contents, write_articles
from waiting_helpers import until_files_are_later

from engine.cli.app import main
from engine.core.progress import Cancelled, Progress
from engine.corpus import lookup, preparation, reading


def test_a_source_that_changes_between_stop_and_resume_is_begun_anew(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_BYTES", 4000)
    source = write_articles(tmp_path / "all.jsonl", range(60))
    with pytest.raises(Cancelled):
        preparation.prepare(source, tokenizer, out=tmp_path / "a", on_progress=cancelled_after(1))
    write_articles(source, range(30, 60))
    prepared = preparation.prepare(source, tokenizer, out=tmp_path / "a")
    assert prepared.identifier("train", 1) == "article-30"


def cut_off(path):
    path.write_bytes(path.read_bytes()[:9000])


def grow(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(article_line(99) + "\n")


def rewrite_with_its_size_and_time(path):
    was = path.stat()
    path.write_bytes(path.read_bytes().replace(b"insulin", b"nilusni"))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def replace_by_another(path):
    other = path.with_name("another")
    shutil.copy2(path, other)
    other.replace(path)


def take_away(path):
    path.unlink()


def add_beside(path):
    shutil.copy2(path, path.with_name("train-2.jsonl"))


CHANGES = [cut_off, grow, rewrite_with_its_size_and_time, replace_by_another, take_away, add_beside]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a file that is open, and its time of change is its making")
@pytest.mark.parametrize(
    ("form", "change"),
    [
        (form, change)
        for form in ("file", "folder", "zip")
        for change in CHANGES
        if form == "folder" or change != add_beside
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_source_that_changes_while_it_is_read_is_said_and_nothing_is_called_complete(
    form, change, tmp_path, tokenizer, monkeypatch
):
    (folder := tmp_path / "source").mkdir()
    file = write_articles(folder / "train.jsonl", range(60))
    if form == "zip":
        with zipfile.ZipFile(folder / "train.zip", "w") as archive:
            archive.write(file, "train.jsonl")
        file.unlink()
        file = folder / "train.zip"
    source, content = (folder if form == "folder" else file), file.read_bytes()
    monkeypatch.setattr(reading, "BATCH_BYTES", 4000)
    monkeypatch.setattr(reading, "JOURNAL_SECONDS", 0)
    changes = iter([change])

    def changes_once(progress: Progress) -> None:  # behind each batch
        for one in changes:
            until_files_are_later(file, tmp_path / "later")
            one(file)

    with pytest.raises(reading.SourceChanged, match=r"changed while it was read \(.*\): something still writes there"):
        preparation.prepare(source, tokenizer, out=tmp_path / "out", on_progress=changes_once)
    monkeypatch.undo()
    assert not (tmp_path / "out").exists() and not lookup.staging_of(tmp_path / "out").exists()
    for left in folder.iterdir():
        left.unlink()
    file.write_bytes(content)
    assert preparation.prepare(source, tokenizer, out=tmp_path / "out").articles("train") == 54


@pytest.mark.skipif(os.name == "nt", reason="the time of change is the file's making there")
def test_a_source_that_was_rewritten_between_stop_and_resume_is_not_mixed(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_BYTES", 4000)
    source = write_articles(tmp_path / "all.jsonl", range(60))
    with pytest.raises(Cancelled):
        preparation.prepare(source, tokenizer, out=tmp_path / "a", on_progress=cancelled_after(3))
    until_files_are_later(source, tmp_path / "later")
    rewrite_with_its_size_and_time(source)
    resumed = preparation.prepare(source, tokenizer, out=tmp_path / "a")
    whole = preparation.prepare(source, tokenizer, out=tmp_path / "b")
    assert contents(resumed.folder) == contents(whole.folder)


def test_the_command_says_that_a_source_changes_and_does_not_exit_with_0(tmp_path, tiny_preset, monkeypatch, capsys):
    source = write_articles(tmp_path / "all.jsonl", range(60))
    read = reading.Growing._read

    def cut_meanwhile(self):
        read(self)
        cut_off(source)

    monkeypatch.setattr(reading.Growing, "_read", cut_meanwhile)
    out = ["--out", str(tmp_path / "out")]
    assert main(["prepare", "--source", str(source), "--preset", str(tiny_preset), *out]) == 1
    assert "all.jsonl changed while it was read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
