"""The articles of a source with what was skipped and left out; Word documents and PDFs made for tests."""

from collections import Counter
from pathlib import Path

from engine.articles import Article, Skipped, Source


def read(path, options=None):
    """The training articles, the sentences of what was skipped, what was left out, and the source."""
    skipped, source = Skipped(), Source(path, options)
    articles = list(source.read("train", skipped))
    left = Counter[str]()
    for article in articles:
        left.update(dict(article.left_out))
    return articles, [str(problem) for problem in skipped.examples], dict(left), source


def texts(path, options=None) -> list[str]:
    """The training articles as a model sees them."""
    return [article.text() for article in read(path, options)[0]]


def goes_on_from_every_place(path) -> None:
    """Asserts that all is read, and the same from each place on."""
    source = Source(path)
    items = list(source.items("train"))
    assert items and all(isinstance(item, Article) for _, item in items)
    for number, (place, _) in enumerate(items):
        assert list(source.items("train", place)) == items[number + 1 :]


def docx_of(path: Path) -> Path:
    import docx

    document = docx.Document()
    document.add_heading("Une étude", 0)
    document.add_heading("Résumé", 1)
    document.add_paragraph("Nous avons mesuré.")
    document.add_heading("Matériel et méthodes", 1)
    document.add_heading("Cellules", 2)
    paragraph = document.add_paragraph("Les cellules ")
    paragraph.add_run("étaient").bold = True
    paragraph.add_run(" vivantes.")
    document.add_table(2, 2).cell(0, 0).text = "no table"
    bold = document.add_paragraph()
    bold.add_run("Discussion").bold = True
    document.add_paragraph("Bien.")
    document.save(str(path))
    return path


def pdf_of(path: Path, pages: list[list[tuple[float, float, int, str]]], pictures: int = 0) -> Path:
    """A PDF of (x, y, size, text) by page, size below 0 for bold, and pages that hold a picture alone."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    fonts = b"<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >> >>"
    kids = []
    for lines in [*pages, *[None] * pictures]:
        if lines is None:
            content, resources = b"q 500 0 0 700 0 0 cm /I Do Q", b"<< /XObject << /I %d 0 R >> >>" % (len(objects) + 3)
        else:
            parts = [f"BT /F{1 + (s < 0)} {abs(s)} Tf 1 0 0 1 {x} {y} Tm ({t}) Tj ET" for x, y, s, t in lines]
            content, resources = "\n".join(parts).encode("latin-1"), b"<< /Font %s >>" % fonts
        number = len(objects) + 1
        kids.append(b"%d 0 R" % number)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources %s /Contents %d 0 R >>"
            % (resources, number + 1)
        )
        objects.append(b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content))
        if lines is None:
            objects.append(
                b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray /Length 1 >> stream\n0\nendstream"
            )
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj %s endobj\n" % (number, content)
    table_at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(
        b"%010d 00000 n \n" % p for p in offsets
    )
    path.write_bytes(out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table_at))
    return path


def page_of(number: int, across: bool) -> list[tuple[float, float, int, str]]:
    """A page of two columns with a running header and a number; its lines run across both where `across`."""
    more = "goes on for some while " + "so " * number
    left = [(50, 700 - 14 * n, 10, f"left {number} line {n} {more}") for n in range(12)]
    right = [(310, 700 - 14 * n, 10, f"right {number} line {n} {more}") for n in range(12)]
    left[0] = (50, 700, 10, f"left {number} line 0 {more} and a hyphen in trans-")
    left[1] = (50, 686, 10, "genic mice that go on for some while longer")
    body = [line for pair in zip(left, right, strict=True) for line in pair] if across else [*left, *right]
    return [(50, 800, 8, "Journal of Tests 12, 2024"), *body, (290, 30, 8, str(number))]
