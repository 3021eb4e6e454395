"""Hostile and damaged articles through the reading process: how each ends, how long it takes, how much memory.

    python benchmarks/hostile_articles.py [--mutations 200]

Named attacks first, then random bit flips, cuts and repeats of a good file of each form. Each must end in articles or in
one sentence, without an article within 10 s, and with less than 500 MB of memory of the reading process. One line of JSON at the end.
"""

import argparse
import gzip
import io
import json
import random
import re
import tarfile
import tempfile
import textwrap
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import psutil

from engine.articles import Skipped
from engine.articles.isolation import Reading
from engine.core import paths
from engine.core.errors import ArticlesError

MOST_SECONDS, MOST_MB = 10.0, 500


def read(path: Path) -> dict:
    """Reads a source to its end; articles, what was said, seconds, peak memory of the reading process."""
    peak, done = 0, threading.Event()
    started = time.perf_counter()
    articles, said = 0, []
    try:
        with Reading(path) as reading:
            watched = psutil.Process(reading.child.process.pid)

            def watch() -> None:
                nonlocal peak
                while not done.wait(0.01):
                    try:
                        peak = max(peak, watched.memory_info().rss)
                    except psutil.Error:
                        return

            threading.Thread(target=watch, daemon=True).start()
            for header, _ in reading:
                if header["kind"] == "article":
                    articles += 1
                elif header["kind"] == "skipped":
                    said.append(header["template"].format(**header["values"]))
                elif header["kind"] == "opened":
                    said += [str(problem) for problem in Skipped.from_json(header["refused"]).examples]
    except ArticlesError as error:
        said.append(str(error))
    finally:
        done.set()
    seconds = time.perf_counter() - started
    return {"articles": articles, "said": said, "seconds": round(seconds, 2), "peak_mb": round(peak / 1e6)}


def good_files(folder: Path) -> dict[str, bytes]:
    """A good file of each form, made from the sample articles."""
    import pyarrow
    import pyarrow.parquet

    lines = (paths.SAMPLE_ARTICLES / "test.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = [" ".join(json.loads(line)["article_text"]) for line in lines]
    table = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"article": bodies, "abstract": ["short"] * len(bodies)}), table)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pubmed-dataset/train.txt", "\n".join(lines))
    paragraphs = "".join(f"<p>{b.replace('&', '').replace('<', '')}</p>" for b in bodies)
    return {
        "a.jsonl": "\n".join(lines).encode(),
        "a.csv": ("id,text\n" + "".join(f'{i},"{b.replace(chr(34), "")}"\n' for i, b in enumerate(bodies))).encode(),
        "a.parquet": table.getvalue(),
        "a.zip": packed.getvalue(),
        "a.txt": "\n\n".join(bodies).encode(),
        "a.xml": f"<?xml version='1.0'?><article><body><sec><title>T</title>{paragraphs}</sec></body></article>".encode(),
        "a.json": ("[" + ",\n".join(lines) + "]").encode(),
        "a.jsonl.gz": gzip.compress("\n".join(lines).encode()),
        "a.tar.gz": _tar_of({f"{i}.txt": b.encode() for i, b in enumerate(bodies)}),
        "a.nbib": "".join(
            f"PMID- {i}\nTI  - T\nAB  - {' '.join(b.split())}\n\n" for i, b in enumerate(bodies)
        ).encode(),
        "b.xml": pubmed_set(paragraphs).encode(),
        "a.docx": _docx_of(bodies),
        "a.pdf": _pdf_of([line for b in bodies for line in textwrap.wrap(b, 90)]),
    }


def pubmed_set(paragraphs: str) -> str:
    """Records of PubMed's XML, one a paragraph."""
    inner = paragraphs.replace("<p>", "<PubmedArticle><PMID>1</PMID><Abstract><AbstractText>")
    inner = inner.replace("</p>", "</AbstractText></Abstract></PubmedArticle>")
    return f"<?xml version='1.0'?><PubmedArticleSet>{inner}</PubmedArticleSet>"


def _tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _docx_of(paragraphs: list[str]) -> bytes:
    import docx

    document, out = docx.Document(), io.BytesIO()
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(out)
    return out.getvalue()


def _pdf_of(lines: list[str], on_page: int = 50) -> bytes:
    """A PDF as plain as can be: lines in Helvetica, so many a page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for first in range(0, len(lines), on_page):
        text = [re.sub(r"[^ -~]|[()\\\\]", "", line) for line in lines[first : first + on_page]]
        content = "".join(
            f"BT /F 10 Tf 1 0 0 1 50 {780 - 14 * i} Tm ({t}) Tj ET\n" for i, t in enumerate(text)
        ).encode()
        number = len(objects) + 1
        kids.append(b"%d 0 R" % number)
        font = b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources %s /Contents %d 0 R >>"
        objects += [page % (font, number + 1), b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content)]
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj %s endobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1) + b"".join(
        b"%010d 00000 n \n" % p for p in offsets
    )
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(offsets) + 1, len(out))
    return out + table + trailer


def recursive_pdf() -> bytes:
    """A page tree that holds itself, and a form that draws itself."""
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >> /Length 5 >> stream\n/X Do\nendstream"
    page = b"<< /Type /Page /Parent 2 0 R /Resources << /XObject << /X 4 0 R >> >> /Contents 5 0 R >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 2 >>", page, form]
    objects.append(b"<< /Length 5 >> stream\n/X Do\nendstream")
    return _assembled(objects)


def pdf_bomb() -> bytes:
    """A page whose stream unpacks to 300 MB."""
    content = zlib.compress(b"BT (x) Tj ET " * 24_000_000, 9)
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    objects.append(b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>")
    objects.append(b"<< /Filter /FlateDecode /Length %d >> stream\n%s\nendstream" % (len(content), content))
    return _assembled(objects)


def docx_bomb() -> bytes:
    """A document whose text unpacks to 200 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w:t>x</w:t>" * 17_000_000)
    return out.getvalue()


def attacks(folder: Path) -> dict[str, Callable[[Path], None]]:
    """Each writes one hostile file under the path it is given."""
    mega = 1 << 20

    def packed(*members: tuple[str, bytes], cut: int = 0) -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in members:
                    archive.writestr(name, content)
            if cut:
                path.write_bytes(path.read_bytes()[:-cut])

        return write

    def plain(content: bytes, times: int = 1, tail: bytes = b"") -> Callable[[Path], None]:
        def write(path: Path) -> None:
            with open(path, "wb") as file:
                for _ in range(times):
                    file.write(content)
                file.write(tail)

        return write

    good = (paths.SAMPLE_ARTICLES / "test.jsonl").read_bytes()
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n + 1, b"&e%d;" % n * 10) for n in range(12))
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE article [<!ENTITY e0 "x">'
        + entities
        + b"]><article><body><p>&e12;</p></body></article>"
    )
    return {
        "truncated.zip": packed(("train.txt", good), cut=60),
        "bomb.zip": packed(("train.txt", b"0" * (512 * mega))),
        "many-bombs.zip": packed(*((f"{n}.txt", b"0" * (9 * mega)) for n in range(60))),
        "traversal.zip": packed(("../../../outside.txt", b"x"), ("C:\\\\x.txt", b"x"), ("/etc/x.txt", b"x")),
        "zip-in-zip.zip": packed(("inner.zip", b"PK\x03\x04" + bytes(100))),
        "many-members.zip": packed(*((f"{n}.txt", b"x") for n in range(40_000))),
        "entity-bomb.xml": plain(bomb),
        "quadratic.xml": plain(
            b'<!DOCTYPE article [<!ENTITY a "' + b"x" * mega + b'">]><article><body><p>' + b"&a;" * 10_000 + b"</p></body></article>"
        ),
        "external.xml": plain(
            b'<!DOCTYPE article [<!ENTITY e SYSTEM "file:///etc/hostname">]><article><body><p>&e;</p></body></article>'
        ),
        "deep.xml": plain(b"<article><body>" + b"<sec>" * 200_000),
        "huge.xml": plain(b"<article><body>" + b"<p>x</p>" * (3 * mega), 1, b"</body></article>"),
        "line-of-100-mb.jsonl": plain(b"x" * mega, 100, b"\n" + good),
        "nested-lists.jsonl": plain(b'{"article_text": [' + b"[]," * (2_600_000) + b"[]]}\n" + good),
        "deep-lists.jsonl": plain(b"[" * 7_000_000 + b"\n" + good),
        "latin-1.jsonl": plain('{"article": "caf\xe9"}\n'.encode("latin-1"), 1000, good),
        "utf-16.txt": plain("text in UTF-16 ".encode("utf-16"), 1000),
        "nul.txt": plain(b"text\0text\n\n", 1000),
        "broken-quotes.csv": plain(b'id,text\n1,"never closed\n', 1, b"2,more text\n" * 500_000),
        "wide.csv": plain(b"a," * (2 * mega) + b"text\n", 1, b"1," * 1000),
        "wrong-columns.parquet": wrong_columns,
        "bomb.parquet": parquet_bomb,
        "many-sections.jsonl": plain(
            b'{"article_text": ["x"], "section_names": [' + b'"n",' * 700_000 + b'"n"], "sections": ['
            + b'["x"],' * 700_000 + b'["x"]]}\n' + good
        ),
        "empty.jsonl": plain(b""),
        "bomb.txt.gz": plain(gzip.compress(b"0" * (200 * mega))),
        "bomb.tar.gz": plain(_tar_of({"a.txt": b"0" * (200 * mega)})),
        "bomb.docx": lambda path: path.write_bytes(docx_bomb()) and None,
        "bomb.pdf": lambda path: path.write_bytes(pdf_bomb()) and None,
        "recursive.pdf": plain(recursive_pdf()),
        "deep.json": plain(b"[" * 7_000_000),
        "one-value-of-100-mb.json": plain(b'{"text":\n"' + b"x" * 100 * mega + b'"}'),
        "entity-bomb-of-pubmed.xml": plain(
            bomb.replace(b"DOCTYPE article", b"DOCTYPE PubmedArticleSet").replace(
                b"<article><body><p>&e12;</p></body></article>",
                b"<PubmedArticleSet><PubmedArticle><Abstract><AbstractText>&e12;</AbstractText></Abstract></PubmedArticle></PubmedArticleSet>",
            )
        ),
    }  # fmt: skip


def wrong_columns(path: Path) -> None:
    """A table of numbers."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"a": list(range(10)), "b": list(range(10))}), path)


def parquet_bomb(path: Path) -> None:
    """A row of 1.5 GB that a dictionary packs into kilobytes."""
    import pyarrow
    import pyarrow.parquet

    text = "x" * (1 << 20)
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1500, pyarrow.int32()), pyarrow.array([text]))
    pyarrow.parquet.write_table(pyarrow.table({"article": column}), path)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A few flipped bits, a cut, or a piece that stands twice."""
    changed = bytearray(content)
    kind = rng.randrange(3)
    if kind == 0:
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del changed[rng.randrange(len(changed)) :]
    else:
        a, b = sorted(rng.randrange(len(changed)) for _ in range(2))
        changed[a:a] = changed[a:b]
    return bytes(changed)


def main() -> None:
    """Every attack, then the mutations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=200, help="of each form")
    a = parser.parse_args()
    worst = {"seconds": 0.0, "peak_mb": 0}
    outside: list[str] = []
    bombs = {
        "bomb.zip",
        "many-bombs.zip",
        "bomb.parquet",
        "entity-bomb.xml",
        "bomb.txt.gz",
        "bomb.tar.gz",
        "bomb.docx",
    }  # must be named as what they are
    ends: Counter[str] = Counter()

    def judge(name: str, result: dict) -> None:
        worst["seconds"] = max(worst["seconds"], 0 if result["articles"] else result["seconds"])
        worst["peak_mb"] = max(worst["peak_mb"], result["peak_mb"])
        ended = bool(result["articles"] or result["said"])
        slow = not result["articles"] and result["seconds"] > MOST_SECONDS  # good articles may take their time
        if not ended or slow or result["peak_mb"] > MOST_MB:
            outside.append(name)

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        named = attacks(folder)
        for name, write in named.items():
            path = folder / name
            write(path)
            result = read(path)
            judge(name, result)
            if name in bombs and not result["said"]:
                outside.append(f"{name} was read to its end")
            said = result["said"][0][:110] if result["said"] else ""
            print(
                f"{name:<24} {result['articles']:>6} articles {result['seconds']:5.1f} s {result['peak_mb']:4d} MB  {said}"
            )
            path.unlink()
        rng = random.Random(1)
        for name, content in good_files(folder).items():
            for number in range(a.mutations):
                path = folder / name
                path.write_bytes(mutated(content, rng))
                result = read(path)
                judge(f"{name} mutation {number}", result)
                ends["articles" if result["articles"] else "sentence"] += 1
    print(
        json.dumps({"attacks": len(named), "mutations": sum(ends.values()), **ends, "worst": worst, "outside": outside})
    )


if __name__ == "__main__":
    main()
