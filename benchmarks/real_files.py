"""Real articles in the forms that people have: what is read against what was put in, file by file.

    python benchmarks/real_files.py [--pdf] [--only FORM] [--keep FOLDER]

$ATELIER_DATA as it is (JATS, JSON lines, books), and its articles written in every form that is read. A file counts as good
where it gives the articles that were put in, with their words in order. PDF needs Chromium, which prints it: there
99 % of the words in order are asked for, since a page does not say everything. One line of JSON at the end.
"""

import argparse
import csv
import difflib
import gzip
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from bench import PROJECT

from engine.articles import Article, Options, Section
from engine.articles.isolation import Reading
from engine.core.errors import EngineError

DATA = Path(os.environ.get("ATELIER_DATA") or PROJECT.parent / "shared" / "data")
PDFS = 20
ENOUGH = {"pdf": 0.99}  # of the words, in order; all of them in any other form


def articles() -> list[Article]:
    """The articles of $ATELIER_DATA's JSON lines, taken from JSON itself."""
    found = []
    for name in ("train", "validation", "test"):
        for line in (DATA / "articles" / f"{name}.jsonl").read_text("utf-8").splitlines():
            v = json.loads(line)
            sections = tuple(Section(n, tuple(s)) for n, s in zip(v["section_names"], v["sections"], strict=True) if s)
            abstract = tuple(a.removeprefix("<S>").removesuffix("</S>").strip() for a in v["abstract_text"])
            found.append(Article(v["article_id"], tuple(a for a in abstract if a), sections))
    return found


def body(a: Article) -> str:
    """An article as plain text: a paragraph a line."""
    return "\n".join(line for s in a.all_sections() for line in ([s.name] if s.name else []) + list(s.paragraphs))


def words(text: str) -> list[str]:
    """The words to compare, whatever breaks the lines between them."""
    return unicodedata.normalize("NFKC", text.replace("\u00ad", "").replace("\ufeff", "")).split()


def fields(a: Article) -> dict:
    return {
        "id": a.id,
        "text": "\n".join(p for s in a.sections for p in s.paragraphs),
        "abstract": " ".join(a.abstract),
    }


def table(rows: list[dict], delimiter: str) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def wrapped(text: str, indent: str = "") -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def one_line(text: str) -> str:
    return " ".join(text.split())


def jats(a: Article) -> str:
    parts = "".join(
        f"<sec><title>{escape(s.name)}</title>{''.join(f'<p>{escape(p)}</p>' for p in s.paragraphs)}</sec>"
        for s in a.sections
    )
    abstract = f"<abstract>{''.join(f'<p>{escape(p)}</p>' for p in a.abstract)}</abstract>" if a.abstract else ""
    return (
        f'<?xml version="1.0"?><article><front><article-meta><article-id pub-id-type="doi">{escape(a.id)}</article-id>'
        f"{abstract}</article-meta></front><body>{parts}</body></article>"
    )


def docx_of(a: Article, path: Path) -> None:
    import docx

    document = docx.Document()
    for s in a.all_sections():
        if s.name:
            document.add_heading(xml_safe(s.name), 1)
        for p in s.paragraphs:
            document.add_paragraph(xml_safe(p))
    document.save(str(path))


def xml_safe(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


def pdf_of(a: Article, path: Path) -> bool:
    chromium = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if chromium is None:
        return False
    parts = "".join(
        (f"<h2>{html.escape(s.name)}</h2>" if s.name else "")
        + "".join(f"<p>{html.escape(p)}</p>" for p in s.paragraphs)
        for s in a.all_sections()
    )
    style = "div{columns:2;text-align:justify;hyphens:auto;font:10pt serif}@page{size:A4;margin:2cm}"
    page = path.with_suffix(".html")
    page.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><style>{style}</style><body><div>{parts}</div></body></html>",
        "utf-8",
    )
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-pdf-header-footer",
        f"--print-to-pdf={path}",
    ]
    subprocess.run([*command, page.as_uri()], capture_output=True, timeout=120, check=False)
    page.unlink()
    return path.is_file()


Case = tuple[str, Path, list[str], Options]  # form, file or folder, the texts that it must give, how to read it


def cases(folder: Path, with_pdf: bool) -> Iterator[Case]:
    """Every file, made when it is asked for."""
    every = articles()
    own = Options()

    def put(name: str, content: bytes | str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    for split in ("train", "validation", "test"):
        path = DATA / "articles" / f"{split}.jsonl"
        ids = [json.loads(line)["article_id"] for line in path.read_text("utf-8").splitlines()]
        by_id = {a.id: a for a in every}
        yield "jsonl (as it is)", path, [body(by_id[i]) for i in ids], own
    for path in sorted((DATA / "jats").glob("*.xml")):
        yield "jats (as it is)", path, [], own
    for name in ("prose.tar.xz", "prose_more.tar.xz"):
        with tarfile.open(DATA / name) as archive:
            for info in archive:
                if info.isfile() and info.name.endswith(".txt") and (stream := archive.extractfile(info)) is not None:
                    content = stream.read()
                    path = put(info.name.rsplit("/", 1)[-1], content)
                    yield "book.txt (as it is)", path, [content.decode()], Options(text_unit="file")
    for n, a in enumerate(every):
        text, row = body(a), fields(a)
        pair = [a, every[(n + 1) % len(every)]]
        rows = [fields(x) for x in pair]
        texts = [one_line(f"{'Abstract ' if r['abstract'] else ''}{r['abstract']} {r['text']}") for r in rows]
        kind = n % 12  # each article in some forms, each form with its share of the articles
        yield "txt", put(f"{n}.txt", text), [text], Options(text_unit="file")
        if kind == 0:
            yield "jsonl", put(f"{n}.jsonl", "".join(json.dumps(r) + "\n" for r in rows)), texts, own
            yield "jsonl.gz", put(f"{n}.jsonl.gz", gzip.compress(json.dumps(row).encode())), texts[:1], own
        elif kind == 1:
            yield "json array", put(f"{n}.json", json.dumps(rows, indent=2, ensure_ascii=False)), texts, own
            yield "json array, one line", put(f"{n}b.json", json.dumps(rows)), texts, own
        elif kind == 2:
            yield "csv utf-8", put(f"{n}.csv", table(rows, ",")), texts, own
            yield "csv utf-8 with a mark, semicolons", put(f"{n}b.csv", "\ufeff" + table(rows, ";")), texts, own
        elif kind == 3:
            plain = [{k: v.encode("cp1252", "ignore").decode("cp1252") for k, v in r.items()} for r in rows]
            if any(not v.isascii() for r in plain for v in r.values()):
                wanted = [one_line(f"{'Abstract ' if r['abstract'] else ''}{r['abstract']} {r['text']}") for r in plain]
                yield "csv cp1252", put(f"{n}.csv", table(plain, ";").encode("cp1252")), wanted, own
            yield "csv utf-16", put(f"{n}b.csv", table(rows, "\t").encode("utf-16")), texts, own
        elif kind == 4:
            yield "tsv", put(f"{n}.tsv", table(rows, "\t")), texts, own
        elif kind == 5:
            import pyarrow
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{n}.parquet")
            yield "parquet", folder / f"{n}.parquet", texts, own
        elif kind == 6:
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w:gz") as archive:
                for name, content in (
                    ("a.nxml", xml_safe(jats(a)).encode()),
                    ("a.pdf", b"%PDF-"),
                    ("f.jpg", b"\xff\xd8\xff"),
                ):
                    info = tarfile.TarInfo(f"PMC{n}/{name}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
            yield "tar.gz of PMC", put(f"{n}.tar.gz", out.getvalue()), [xml_safe(text)], own
        elif kind == 7:
            docx_of(a, folder / f"{n}.docx")
            yield "docx", folder / f"{n}.docx", [xml_safe(text)], own
        elif kind == 8:
            yield (
                "gpt-2-simple",
                put(f"{n}.txt", "".join(f"<|startoftext|>{body(x)}<|endoftext|>\n" for x in pair)),
                [body(x) for x in pair],
                own,
            )
        elif kind == 9 and all(x.abstract for x in pair):
            said = "".join(
                f"{i}. J Test Med. 2024 Mar;1(3):1-9. doi: 10.1/{i}. Epub 2024 Jan 2.\n\nA title of article {i}.\n\nSmith A(1), Jones B(2).\n\n"
                f"Author information:\n(1)Department of Tests, Somewhere.\n\n{wrapped(' '.join(x.abstract))}\n\n© 2024 Publisher.\n\nDOI: 10.1/{i}\nPMID: {i}\n\n\n"
                for i, x in enumerate(pair, start=1)
            )
            wanted = [f"A title of article {i}. Abstract {' '.join(x.abstract)}" for i, x in enumerate(pair, start=1)]
            yield "PubMed abstracts", put(f"{n}.txt", said), wanted, own
            records = "".join(
                f"PMID- {i}\nTI  - Title {i}.\nAB  - {wrapped(' '.join(x.abstract), '      ')}\nAD  - Somewhere.\n\n"
                for i, x in enumerate(pair)
            )
            yield (
                "nbib",
                put(f"{n}.nbib", records),
                [f"Title {i}. Abstract {' '.join(x.abstract)}" for i, x in enumerate(pair)],
                own,
            )
            inner = "".join(
                f"<PubmedArticle><MedlineCitation><PMID>{i}</PMID><Article><ArticleTitle>T{i}.</ArticleTitle><Abstract><AbstractText>{escape(xml_safe(' '.join(x.abstract)))}</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>"
                for i, x in enumerate(pair)
            )
            yield (
                "PubMed XML",
                put(f"{n}.xml", f"<?xml version='1.0'?><PubmedArticleSet>{inner}</PubmedArticleSet>"),
                [f"T{i}. Abstract {xml_safe(' '.join(x.abstract))}" for i, x in enumerate(pair)],
                own,
            )
        elif kind == 10:
            value = {
                "paper_id": a.id,
                "metadata": {"title": "A title"},
                "abstract": [{"text": p, "section": "Abstract"} for p in a.abstract],
                "body_text": [{"text": p, "section": s.name} for s in a.sections for p in s.paragraphs],
            }
            yield "CORD-19", put(f"{n}.json", json.dumps(value, indent=4)), [f"A title {text}"], own
            yield "S2ORC", put(f"{n}.jsonl", json.dumps(value) + "\n"), [f"A title {text}"], own
        elif kind == 11 and a.abstract:
            lines = [p for s in a.sections for p in s.paragraphs][:20]
            if len(lines) >= 2:
                yield "lines", put(f"{n}.txt", "".join(f"{p}\n" for p in lines)), lines, own
        if with_pdf and n % 9 == 0 and n // 9 < PDFS and pdf_of(a, folder / f"{n}.pdf"):
            yield "pdf", folder / f"{n}.pdf", [text], own


def read(path: Path, options: Options) -> tuple[list[str], list[str]]:
    """The texts that a file gives, and what was said instead."""
    texts, said = [], []
    try:
        with Reading(path, options) as reading:
            for header, content in reading:
                if header["kind"] == "article":
                    texts.append(content.decode())
                elif header["kind"] == "skipped":
                    said.append(header["template"].format(**header["values"]))
    except EngineError as error:
        said.append(str(error))
    return texts, said


def agrees(form: str, wanted: list[str], found: list[str]) -> float:
    """The share of the words that come back in order, of the file where it is worst."""
    if not wanted:  # nothing to compare with but that there is an article
        return float(len(found) > 0)
    if len(wanted) != len(found):
        return 0.0
    shares = []
    for one, other in zip(map(words, wanted), map(words, found), strict=True):
        if one == other:
            shares.append(1.0)
        elif form in ENOUGH:
            matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
            shares.append(2 * sum(block.size for block in matcher.get_matching_blocks()) / (len(one) + len(other)))
        else:
            shares.append(0.0)
    return min(shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdf", action="store_true", help=f"{PDFS} articles as PDF too, printed by Chromium")
    parser.add_argument("--only", default="", help="files of this form alone")
    parser.add_argument("--keep", type=Path, help="where the files are made and stay")
    a = parser.parse_args()
    count: Callable[[], Counter] = Counter
    tried, good, worst = count(), count(), {}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = a.keep or Path(temporary)
        for form, path, wanted, options in cases(folder, a.pdf):
            if a.only not in ("", form):
                continue
            texts, said = read(path, options)
            share = agrees(form, wanted, texts)
            tried[form] += 1
            good[form] += share >= ENOUGH.get(form, 1.0)
            if form in ENOUGH:
                worst[form] = min(worst.get(form, 1.0), share)
            if share < ENOUGH.get(form, 1.0):
                print(
                    f"{form}: {path.name}: {share:.4f} ({len(texts)} of {len(wanted)} articles) {said[:1]}",
                    file=sys.stderr,
                    flush=True,
                )
            if folder in path.parents and not a.keep:
                path.unlink(missing_ok=True)
    for form in tried:
        print(f"{form:34} {tried[form]:5} files, {tried[form] - good[form]} refused or read otherwise")
    total = sum(tried.values())
    result = {
        "files": total,
        "bad": total - sum(good.values()),
        "by_form": dict(tried),
        "worst": worst,
        "seconds": round(time.monotonic() - started),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
