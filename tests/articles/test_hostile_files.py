"""Hostile files, read as they are in the lab, in a process of its own: named, bounded, and nothing followed or fetched."""

import json
import os
import struct
import zipfile
from pathlib import Path

import psutil
import pyarrow
import pyarrow.parquet
import pytest
from pubmed_helpers import article_line, jsonl
from sources_helpers import read, table_rows

from engine.articles import Skipped, Source, isolation, parquet
from engine.core.errors import ArticlesError


def refusal(path) -> str:
    """The one sentence that importing a source ends with."""
    with pytest.raises(ArticlesError) as caught:
        counts = isolation.count(path)
        assert counts == {"train": 0}
        raise ArticlesError("nothing was read")
    return str(caught.value)


def test_a_truncated_zip_is_named(release):
    release.write_bytes(release.read_bytes()[:-40])
    assert "pubmed-dataset.zip is a zip archive that is damaged or cut off" in refusal(release)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.txt", b"0" * (64 << 20))
    assert "unpacks to more than a hundred times its size" in refusal(tmp_path / "bomb.zip")


@pytest.mark.parametrize("count", [2, 20])
def test_a_zip_bomb_in_many_small_members_is_not_unpacked(tmp_path, count):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(count):
            archive.writestr(f"{n}.txt", b"0" * (9 << 20))
    assert "unpacks to more than a hundred times its size" in refusal(tmp_path / "bomb.zip")


def test_a_parquet_bomb_is_not_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_RATIO_BYTES", 1 << 20)
    column = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 100, pyarrow.int32()), pyarrow.array(["x" * 50_000])
    )
    pyarrow.parquet.write_table(pyarrow.table({"article": column}), tmp_path / "a.parquet")
    with pytest.raises(ArticlesError, match="a.parquet holds more than a hundred times its size"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_genuine_parquet_is_far_from_a_bomb(real_data, tmp_path, monkeypatch, compression):
    monkeypatch.setattr(parquet, "_RATIO_BYTES", 0)
    monkeypatch.setattr(parquet, "_MOST_RATIO", 10)
    rows = [json.loads(line) for line in (real_data / "articles" / "test.jsonl").read_text("utf-8").splitlines()]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet", compression=compression)
    assert len(read(tmp_path / "a.parquet")[0]) == len(rows)


def test_an_article_of_too_many_sections_is_named_and_the_rest_is_used(tmp_path):
    many = {"article_text": ["x"], "section_names": ["n"] * 400_000, "sections": [["x"]] * 400_000}
    (tmp_path / "a.jsonl").write_text(jsonl(1) + json.dumps(many) + "\n" + jsonl(2))
    articles, problems = read(tmp_path / "a.jsonl")
    assert [a.id for a in articles] == ["article-1", "article-2"]
    assert problems == ["a.jsonl, line 2: an article of more than 10000 sections."]


def test_a_name_that_leads_out_of_an_archive_is_not_followed(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.txt", "x")
        archive.writestr("/etc/x.txt", "x")
        archive.writestr("good.txt", "text")
    source = Source(path)
    assert len(source.refused) == 2
    assert all("its name leads out of the archive" in str(problem) for problem in source.refused)
    assert [m.split_name for m in source.members["train"]] == ["good.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


@pytest.fixture
def linked(tmp_path):
    """A folder of articles beside another, and a way to make links in it; skips where none can be made."""
    (inside := tmp_path / "articles").mkdir()
    (outside := tmp_path / "secret").mkdir()
    (inside / "a.jsonl").write_text(jsonl(1))
    (outside / "b.jsonl").write_text(jsonl(2))

    def link(name, target):
        try:
            (inside / name).symlink_to(target, target_is_directory=Path(target).is_dir())
        except OSError:
            pytest.skip("no rights to make links here")

    return inside, outside, link


def test_links_that_lead_out_of_a_folder_are_not_followed_and_counted(linked, tmp_path):
    inside, outside, link = linked
    link("b.jsonl", outside / "b.jsonl")
    link("c.jsonl", "../secret/b.jsonl")
    link("folder", outside)
    link("gone.jsonl", outside / "gone.jsonl")
    (inside / "deep").mkdir()
    (inside / "deep" / "d.jsonl").write_text(jsonl(4))
    link("again.jsonl", inside / "deep" / "d.jsonl")  # stays inside
    link("deeper", inside / "deep")
    link("round", "round")
    source = Source(inside)
    assert [a.id for a in source.read("train")] == ["article-1", "article-4", "article-4"]
    assert sorted(str(problem) for problem in source.refused) == [
        f"{name} is a link that leads out of the folder; it was not read."
        for name in ("b.jsonl", "c.jsonl", "folder", "gone.jsonl")
    ]
    assert isolation.count(inside) == {"train": 3}
    assert len(isolation.preview(inside).refused) == 4


def test_a_folder_of_such_links_alone_is_refused_and_one_that_is_named_itself_is_read(linked, tmp_path):
    inside, outside, link = linked
    (inside / "a.jsonl").unlink()
    link("b.jsonl", outside / "b.jsonl")
    with pytest.raises(ArticlesError, match="b.jsonl is a link that leads out of the folder"):
        Source(inside)
    link("folder", outside)
    assert [a.id for a in Source(inside / "folder").read("train")] == ["article-2"]  # the person named it


def test_what_the_hubs_client_keeps_is_read_through_its_links(tmp_path):
    cache = tmp_path / "datasets--a--b"
    (cache / "blobs").mkdir(parents=True)
    (cache / "blobs" / "0123").write_text(jsonl(1))
    (folder := cache / "snapshots" / "abcd").mkdir(parents=True)
    try:
        (folder / "train.jsonl").symlink_to("../../blobs/0123")
    except OSError:
        pytest.skip("no rights to make links here")
    (folder / "test.jsonl").symlink_to("../../../elsewhere")
    source = Source(folder)
    assert [a.id for a in source.read("train")] == ["article-1"]
    assert [str(problem).split()[0] for problem in source.refused] == ["test.jsonl"]
    (configuration := folder / "document").mkdir()
    (configuration / "train.jsonl").symlink_to("../../../blobs/0123")
    (configuration / "test.jsonl").symlink_to("../../../../elsewhere")
    source = Source(configuration)
    assert [a.id for a in source.read("train")] == ["article-1"]
    assert [str(problem).split()[0] for problem in source.refused] == ["test.jsonl"]


def test_a_link_in_an_archive_is_not_an_article(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("secret.txt")
        link.create_system, link.external_attr = 3, (0o120777 << 16)
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.txt", "text")
    source = Source(tmp_path / "a.zip")
    assert [m.split_name for m in source.members["train"]] == ["good.txt"]
    assert str(source.refused[0]) == "a.zip: secret.txt is a link, not a file; it was not read."


def test_a_member_whose_bytes_are_damaged_is_named_and_the_rest_is_used(release):
    content = bytearray(release.read_bytes())
    at = content.find(b"pubmed-dataset/val.txt") + 60
    content[at : at + 20] = b"\xff" * 20
    release.write_bytes(content)
    source = Source(release)
    assert "pubmed-dataset/val.txt is damaged or cut off" in str(source.refused[0])
    assert source.splits == ("train", "test")
    assert len(list(source.read("train"))) == 8


def test_one_bad_file_among_good_ones_is_counted_and_the_rest_is_used(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl(1, 2))
    pyarrow.parquet.write_table(pyarrow.table({"a": [1], "b": [2]}), tmp_path / "b.parquet")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows()), tmp_path / "c.parquet")
    (tmp_path / "c.parquet").write_bytes((tmp_path / "c.parquet").read_bytes()[:-50])
    (tmp_path / "d.zip").write_bytes(b"PK\3\4 and no more")
    (tmp_path / "e.jsonl").write_text(jsonl(3))
    source, skipped = Source(tmp_path), Skipped()
    assert [a.id for a in source.read("train", skipped)] == ["article-1", "article-2", "article-3"]
    starts = ("d.zip is a zip archive that is damaged", "b.parquet: which column holds", "c.parquet is damaged")
    said = [str(problem) for problem in (*source.refused, *skipped.examples)]
    assert all(problem.startswith(start) for problem, start in zip(said, starts, strict=True))


def test_a_folder_whose_first_table_is_bad_is_still_shown(tmp_path):
    for name in ("a.parquet", "b.parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows()), tmp_path / name)
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-50])
    seen = isolation.preview(tmp_path)
    assert (seen.columns, len(seen.rows)) == (["article", "abstract"], 5)
    assert str(seen.refused[0]).startswith("a.parquet is damaged or cut off")


def test_files_that_are_left_out_are_counted(tmp_path):
    for name in ("train.jsonl", "more.jsonl"):
        (tmp_path / name).write_text(jsonl(1))
    assert [str(p) for p in Source(tmp_path).refused] == [
        "more.jsonl: left out, since other files are called train, val or test."
    ]


@pytest.mark.skipif(os.name == "nt", reason="every name is Unicode there")
def test_a_name_that_is_not_utf8_is_shown_as_well_as_can_be(tmp_path):
    for name in (b"caf\xe9.txt", b"k\xe4se.jsonl"):
        try:
            with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
                file.write(jsonl(1).encode() if name.endswith(b"l") else b"text")
        except OSError:
            pytest.skip("this file system holds Unicode names alone")
    assert sorted(a.id for a in Source(tmp_path).read("train")) == ["article-1", "caf\ufffd-1"]
    assert isolation.count(tmp_path) == {"train": 2}


def test_an_id_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a\nb.txt", "text")
        archive.writestr("c\nd.xml", "<article><body><p>x</p></body></article>")
    assert [a.id for a in Source(tmp_path / "a.zip").read("train")] == ["a b-1", "c d"]


ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE article [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 12}">' for n in range(12))
    + "]><article><body><p>x &m; y</p></body></article>"
)

EXTERNAL = '<!DOCTYPE article [<!ENTITY e SYSTEM "file://{path}">]><article><body><p>a &e; b</p></body></article>'


def test_entities_are_neither_expanded_nor_fetched(tmp_path):
    (tmp_path / "secret").write_text("the secret")
    (tmp_path / "bomb.xml").write_text(ENTITY_BOMB)
    (tmp_path / "outside.xml").write_text(EXTERNAL.format(path=tmp_path / "secret"))
    for name, wanted in (("bomb.xml", []), ("outside.xml", ["a b\n"])):
        with isolation.Reading(tmp_path / name) as reading:
            assert [body.decode() for header, body in reading if header["kind"] == "article"] == wanted
    _, problems = read(tmp_path / "bomb.xml")
    assert "bomb.xml, line 1: XML that cannot be read (Maximum entity amplification" in problems[0]


def test_a_line_of_100_mb_is_skipped_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with open(path, "w") as file:
        file.write(article_line(1) + "\n" + '{"article_text": ["')
        for _ in range(100):
            file.write("x" * (1 << 20))
        file.write('"]}\n' + article_line(2) + "\n")
    found, problems = [], []
    with isolation.Reading(path) as reading:
        for header, _ in reading:
            found += [header["id"]] if header["kind"] == "article" else []
            problems += [header["template"]] if header["kind"] == "skipped" else []
    assert found == ["article-1", "article-2"]
    assert problems == ["{path}, line {line}: longer than 8 MB."]


def test_a_reader_that_takes_too_much_memory_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "MEMORY_BYTES", 8 << 20)
    (tmp_path / "a.jsonl").write_text(jsonl(*range(50)))
    assert "needs more than 8 MB of memory to be read" in refusal(tmp_path / "a.jsonl")


def test_a_reader_that_stands_still_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "SILENT_SECONDS", 2.0)
    long_article = json.dumps({"article_id": "long", "article_text": ["word " * 200_000], "abstract_text": []})
    (tmp_path / "a.jsonl").write_text("\n".join([long_article] * 40))  # more than the reader keeps ready
    with isolation.Reading(tmp_path) as reading:
        messages = iter(reading)
        next(messages)
        psutil.Process(reading.child.process.pid).suspend()
        with pytest.raises(isolation.ReadingEnded, match="stood still for 2 seconds"):
            list(messages)


def test_the_file_in_a_folder_that_takes_too_much_memory_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_text(jsonl(1))
    (tmp_path / "b.jsonl").write_text(jsonl(*range(50)))
    with isolation.Reading(tmp_path) as reading:
        assert [header["kind"] for header, _ in reading if header["kind"] == "member"] == []
        reading.child.watchdog.killed = "memory"
        reading.child.process.kill()
        with pytest.raises(isolation.ReadingEnded, match="^b.jsonl needs more than"):
            raise reading.ended(reading.child.death())


def test_parquet_that_lies_about_its_size_is_one_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table_rows(200)), path)
    content = bytearray(path.read_bytes())
    path.write_bytes(bytes(content[:-8]) + struct.pack("<I", 0x7FFFFFFF) + b"PAR1")
    assert "a.parquet is damaged or cut off" in refusal(path)
