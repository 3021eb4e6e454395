"""Archives: each article read once, nothing followed out of them, nothing unpacked that is too large."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from articles_helpers import read

from engine.articles import Source, isolation, packed
from engine.core.errors import ArticlesError


def tar_of(path: Path, files: dict[str, bytes], links: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return path


NXML = b"<article><front><article-meta><article-id pub-id-type='pmc'>PMC%d</article-id></article-meta></front><body><p>Text %d.</p></body></article>"


@pytest.mark.parametrize("ending", ["tar.gz", "tgz", "tar"])
def test_pmcs_package_gives_its_article_and_not_its_pdf_again(tmp_path, ending):
    files = {"PMC1/a.nxml": NXML % (1, 1), "PMC1/a.pdf": b"%PDF-1.4", "PMC1/f.jpg": b"\xff\xd8\xff"}
    files |= {"PMC2/b.nxml": NXML % (2, 2)}
    tar_of(tmp_path / f"p.{ending}", files)
    articles, _, _, source = read(tmp_path / f"p.{ending}")
    assert [(a.id, a.text()) for a in articles] == [("PMC1", "Text 1.\n"), ("PMC2", "Text 2.\n")]
    assert [str(e).split(": left out")[0] for e in source.refused] == [
        f"p.{ending}: PMC1/{name}" for name in ("a.pdf", "f.jpg")
    ]


def test_links_and_names_that_lead_out_of_a_tar_are_not_followed(tmp_path):
    tar_of(tmp_path / "p.tar.gz", {"../x.txt": b"x", "good.txt": b"good\n\nmore"}, links=("l.txt",))
    articles, _, _, source = read(tmp_path / "p.tar.gz")
    assert [a.text() for a in articles] == ["good\n", "more\n"]
    assert "its name leads out of the archive" in str(source.refused[0])
    assert "is a link or a device in an archive" in str(source.refused[1])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.tar.gz"]


@pytest.mark.parametrize("kind", ["gz", "tar"])
def test_a_gzip_bomb_is_not_unpacked(tmp_path, kind):
    zeros = b"0" * (64 << 20)
    if kind == "gz":
        (tmp_path / "a.txt.gz").write_bytes(gzip.compress(zeros))
    else:
        tar_of(tmp_path / "a.tar.gz", {"a.txt": zeros})
    said = []
    try:
        with isolation.Reading(next(tmp_path.iterdir())) as reading:
            for header, _ in reading:
                said += [header] if header["kind"] == "skipped" else []
                assert header["kind"] != "article"
        said = [h["template"].format(**h["values"]) for h in said]
    except ArticlesError as error:
        said = [str(error)]
    assert any("more than a hundred times its size" in text for text in said)


@pytest.mark.parametrize("cut", [10, 200, -30])
def test_an_archive_that_is_cut_off_is_one_sentence(tmp_path, cut):
    path = tar_of(tmp_path / "a.tar.gz", {f"{n}.txt": os.urandom(200).hex().encode() for n in range(9)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ArticlesError, match=r"a.tar.gz( is an archive that)? is damaged or cut off"):
        Source(path)


def test_a_tars_files_are_unpacked_once_each_way(tmp_path, monkeypatch):
    read_bytes = []
    readinto = packed._Unpacked.readinto

    def counted(self, buffer):
        read_bytes.append(readinto(self, buffer))
        return read_bytes[-1]

    monkeypatch.setattr(packed._Unpacked, "readinto", counted)
    files = {f"{n:03}.txt": os.urandom(20_000).hex().encode() for n in range(100)}
    tar_of(tmp_path / "a.tar.gz", files)
    assert len(read(tmp_path / "a.tar.gz")[0]) == 100
    assert sum(read_bytes) < 6 * sum(map(len, files.values()))  # a pass to list, to recognise, for encodings, to read
