"""What is recognised and not read, and what to do instead; what of a form that is read is left out.

One table a place in which a form shows itself: its name, its first bytes, the root of its XML, its first line, the files in its
archive, the keys of its JSON.
"""

import re
from typing import Any

from engine.articles import names
from engine.core.errors import sentence

# The parts of files that are not read, as a corpus counts them.
PARTS = {
    "addresses": sentence("authors and their addresses"),
    "notices": sentence("notices (copyright, identifiers, conflicts of interest)"),
    "fields": sentence("other fields"),
    "columns": sentence("other columns"),
    "long_fields": sentence("other fields with long text"),
    "not_text": sentence("items in place of a text that are none"),
    "tags": sentence("tags (HTML or XML) inside texts"),
    "marks": sentence("marks between articles (such as <|endoftext|>) inside texts"),
    "list_titles": sentence("titles above lists"),
    "other_abstracts": sentence("other abstracts (in another language, in pictures, for the public)"),
    "references": sentence("references"),
    "figures": sentence("figures, tables and their captions"),
    "behind": sentence("paragraphs behind the article (thanks, funding)"),
    "tables": sentence("tables"),
    "pictures": sentence("pictures"),
    "notes": sentence("footnotes and comments"),
    "boxes": sentence("text boxes"),
    "supplements": sentence("supplementary files"),
    "code": sentence("listings of programs"),
    "inner_articles": sentence("articles inside the article (reviewers' letters, answers, translations)"),
    "hidden": sentence("hidden passages"),
    "contents": sentence("lines of a table of contents"),
    "deleted": sentence("deleted passages of tracked changes"),
    "running_lines": sentence("running headers, footers and page numbers"),
    "scanned_pages": sentence("scanned pages (pictures of text)"),
    "empty_pages": sentence("pages without text"),
}

_AS_TEXT = sentence(
    "{path} is a {kind} file, which is not read: save it as plain text (.txt, UTF-8) or as Word (.docx)."
)
_AS_TABLE = sentence("{path} is an {kind} workbook, which is not read: save its sheet as “CSV UTF-8” and use that.")
_UNPACK = sentence("{path} is a {kind} archive, which is not read: unpack it, or pack the files as .zip.")
_NO_TEXT = sentence("{path} is a {kind} file, which holds no text of articles.")
_OLD_OFFICE = sentence(
    "{path} is a Word or Excel file of before 2007, which is not read: save it as .docx, or a sheet as “CSV UTF-8”."
)
_WITH_ABSTRACTS = sentence(
    "{path} is a list of references in the {kind} form, which is not read: export it from PubMed in the format “PubMed” or "
    "“Abstract (text)”, or make a CSV file with a column of abstracts."
)
_FULL_TEXT = sentence(
    "{path} is in the form of {kind}, which is not read: take the same articles as JATS XML (PubMed Central, Europe PMC: “full text XML”), "
    "as PDF, or as JSON lines with the keys id and text."
)
_LATEX = sentence(
    "{path} is LaTeX, whose commands would be learned as text: convert it first, for example with pandoc -t plain, or use "
    "its PDF."
)
_HTML = sentence(
    "{path} is a HTML file, which is not read, since most of a page is no article: print the page to a PDF file, or copy "
    "its text into a .txt file."
)
_MARKUP = sentence(
    "{path} holds HTML (<{tag}>), whose tags and programs would be learned as text: print the page to a PDF file, or copy its "
    "text as a browser shows it into a .txt file."
)
_NOTEBOOK = sentence("{path} is a notebook of Jupyter, no article: copy its texts into a .txt file, one a line.")
_PUBMED_LIST = sentence(
    "{path} is PubMed's CSV, which holds no abstracts: on PubMed choose Save, then the format “PubMed” or “Abstract (text)”."
)

_PAIRS = sentence(
    "{path} holds questions or instructions with their answers ({keys}), which are no articles: write what a model is to read "
    "of each as one text, in a field called “text”."
)
_CONVERSATIONS = sentence(
    "{path} holds conversations ({keys}), which are no articles: write what a model is to read of each as one text, in a "
    "field called “text”."
)
_SPLITS = sentence(
    "{path} holds its parts ({names}) in one file: write each of them as a file of its own (train.json, validation.json, "
    "test.json) in one folder."
)

_PROGRAM = sentence(
    "{path} is a program or a file of settings (.{ending}), no article: bring articles as plain text (.txt), Word, PDF, CSV or "
    "JSON lines."
)
_SUBTITLES = sentence(
    "{path} holds subtitles, whose numbers and times would be learned as text: save what is said alone, as plain text (.txt)."
)

_LOCK = sentence(
    "{path} is what Word keeps beside a document while it is open, no article: close the document, or leave this file out."
)
_OF_WINDOWS = sentence("{path} is a file that Windows keeps in folders, no article.")

Answer = tuple[str, dict[str, str]]  # a sentence, and its values but for the path

MAGIC: tuple[tuple[bytes, Answer], ...] = (
    (b"BZh", (_UNPACK, {"kind": "bzip2"})),
    (b"\xfd7zXZ\x00", (_UNPACK, {"kind": "xz"})),
    (b"7z\xbc\xaf\x27\x1c", (_UNPACK, {"kind": "7-Zip"})),
    (b"Rar!", (_UNPACK, {"kind": "RAR"})),
    (b"\x28\xb5\x2f\xfd", (_UNPACK, {"kind": "Zstandard"})),
    (b"\xd0\xcf\x11\xe0", (_OLD_OFFICE, {})),
    (b"{\\rtf", (_AS_TEXT, {"kind": "RTF"})),
    (b"\x89HDF", (_NO_TEXT, {"kind": "HDF5"})),
    (b"\x89PNG", (_NO_TEXT, {"kind": "PNG"})),
    (b"\xff\xd8\xff", (_NO_TEXT, {"kind": "JPEG"})),
    (b"GIF8", (_NO_TEXT, {"kind": "GIF"})),
    (b"II*\x00", (_NO_TEXT, {"kind": "TIFF"})),
    (b"MM\x00*", (_NO_TEXT, {"kind": "TIFF"})),
    (b"SQLite format 3", (_NO_TEXT, {"kind": "SQLite"})),
    (b"\x93NUMPY", (_NO_TEXT, {"kind": "NumPy"})),
    (b"%!PS", (_AS_TEXT, {"kind": "PostScript"})),
)

# The files by which an Office document or another package is told from a plain zip archive.
IN_ZIP: tuple[tuple[str, Answer], ...] = (
    ("xl/workbook", (_AS_TABLE, {"kind": "Excel"})),
    ("ppt/", (_AS_TEXT, {"kind": "PowerPoint"})),
    ("META-INF/container.xml", (_AS_TEXT, {"kind": "EPUB"})),
    ("content.xml", (_AS_TEXT, {"kind": "OpenDocument"})),
)

# By the name of the root element, in lower case and without its prefix.
XML_ROOTS: dict[str, Answer] = {
    "html": (_HTML, {}),
    "tei": (_FULL_TEXT, {"kind": "TEI XML (GROBID)"}),
    "tei.2": (_FULL_TEXT, {"kind": "TEI XML"}),
    "teicorpus": (_FULL_TEXT, {"kind": "TEI XML (GROBID)"}),
    "collection": (_FULL_TEXT, {"kind": "BioC XML"}),
    "responsewrapper": (_FULL_TEXT, {"kind": "Europe PMC"}),
    "resultlist": (_FULL_TEXT, {"kind": "Europe PMC"}),
    "feed": (_FULL_TEXT, {"kind": "arXiv (Atom)"}),
    "rss": (_FULL_TEXT, {"kind": "RSS"}),
    "full-text-retrieval-response": (_FULL_TEXT, {"kind": "Elsevier XML"}),
    "xml": (_WITH_ABSTRACTS, {"kind": "EndNote"}),
    "mediawiki": (_NO_TEXT, {"kind": "MediaWiki"}),
    "svg": (_NO_TEXT, {"kind": "SVG"}),
}

# By the beginning of a text.
TEXTS: tuple[tuple[re.Pattern[str], Answer], ...] = (
    (re.compile(r"(?:[\w-]+:[^\n]*\n|\s*\n){0,20}?TY  - [A-Z]{2,6}\s*\n[A-Z][A-Z0-9]  - ?"), (_WITH_ABSTRACTS, {"kind": "RIS"})),
    (re.compile(r"RT [A-Z][^\n]*\n(?:SR|ID|A1|T1) "), (_WITH_ABSTRACTS, {"kind": "RefWorks"})),
    (re.compile(r"Record #\d+ of \d+\nID: "), (_WITH_ABSTRACTS, {"kind": "Cochrane"})),
    (re.compile(r"<\d+>\n(?:Unique Identifier|Accession Number|UI|VN)\b"), (_WITH_ABSTRACTS, {"kind": "Ovid"})),
    (re.compile(r"%0 [A-Z][\w ]+\n%[A-Z0-9] "), (_WITH_ABSTRACTS, {"kind": "EndNote"})),
    (re.compile(r"FN (?:Clarivate|Thomson|ISI)[^\n]*\nVR 1"), (_WITH_ABSTRACTS, {"kind": "Web of Science"})),
    (re.compile(r"(?:%[^\n]*\n\s*)*@(?:[a-z]{3,20}\s*[{(]\s*[^\s,{}()=]+\s*,|(?:string|comment|preamble)\s*[{(])", re.IGNORECASE), (_WITH_ABSTRACTS, {"kind": "BibTeX"})),
    (re.compile(r"(?:%[^\n]*\n\s*)*\\document(?:class|style)\b"), (_LATEX, {})),
    (re.compile(r"WEBVTT\b|(?:\d+\n)?\d{1,2}:\d\d:\d\d[,.]\d{2,3} --> \d{1,2}:\d\d:\d\d"), (_SUBTITLES, {})),
    (re.compile(r"\"?PMID\"?,\"?Title\"?,\"?Authors\"?,\"?Citation\"?"), (_PUBMED_LIST, {})),
)  # fmt: skip

# By the ending of a name, where the content is text of no form.
_PROGRAMS = (
    "py pyw js ts jsx tsx java c h cpp hpp cc cs go rs rb php pl sh bat ps1 r rmd jl m sql css scss swift kt lua yaml yml toml ini cfg "
    "conf properties"
)
ENDINGS: dict[str, Answer] = {
    **{ending: (_PROGRAM, {"ending": ending}) for ending in _PROGRAMS.split()},
    **dict.fromkeys(("bib", "bibtex"), (_WITH_ABSTRACTS, {"kind": "BibTeX"})),
    "ris": (_WITH_ABSTRACTS, {"kind": "RIS"}),
    "enw": (_WITH_ABSTRACTS, {"kind": "EndNote"}),
    "ciw": (_WITH_ABSTRACTS, {"kind": "Web of Science"}),
    **dict.fromkeys(("tex", "latex", "ltx", "sty", "cls", "bst"), (_LATEX, {})),
    **dict.fromkeys(("srt", "vtt", "ass", "ssa", "sbv"), (_SUBTITLES, {})),
}

# By the whole name, whatever is in it.
NAMES: tuple[tuple[re.Pattern[str], Answer], ...] = (
    (re.compile(r"~\$.*"), (_LOCK, {})),
    (re.compile(r"thumbs\.db|ehthumbs(?:_vista)?\.db|desktop\.ini", re.IGNORECASE), (_OF_WINDOWS, {})),
)

# By the keys of a JSON object: all of them are there.
JSON_KEYS: tuple[tuple[frozenset[str], Answer], ...] = (
    (frozenset({"nbformat", "cells"}), (_NOTEBOOK, {})),
    (frozenset({"passages"}), (_FULL_TEXT, {"kind": "BioC JSON"})),
    (frozenset({"documents", "infons"}), (_FULL_TEXT, {"kind": "BioC JSON"})),
    (frozenset({"bioctype"}), (_FULL_TEXT, {"kind": "BioC JSON"})),
    (frozenset({"resultList"}), (_FULL_TEXT, {"kind": "Europe PMC"})),
    (frozenset({"abstractText", "source", "pmid"}), (_FULL_TEXT, {"kind": "Europe PMC"})),
    (frozenset({"corpusid", "content"}), (_FULL_TEXT, {"kind": "S2ORC (2022 and later)"})),
    (frozenset({"abstract_inverted_index"}), (_FULL_TEXT, {"kind": "OpenAlex"})),
    (frozenset({"message-type", "message"}), (_FULL_TEXT, {"kind": "Crossref"})),
)

# Two keys of a JSON object that has no text, by which it is a question or an instruction with its answer.
_PAIR_KEYS = (
    ("instruction", "output"), ("instruction", "response"), ("input", "output"), ("prompt", "completion"), ("prompt", "response"),
    ("prompt", "chosen"), ("question", "answer"), ("question", "answers"), ("question", "context"),
)  # fmt: skip
_CHATS = ("messages", "conversations", "conversation", "dialog", "dialogue")
_MOST_TURN_KEYS = 6
_TURN_KEYS = ({"role", "content"}, {"from", "value"})

# Elements of pages, of which a text that is no page has none.
PAGE = {
    "html", "head", "body", "table", "script", "style", "div", "section", "nav", "ul", "ol", "dl", "form", "h1", "h2", "h3",
    "h4", "h5", "h6",
}  # fmt: skip
# Those inside a line, which are taken out of it.
_IN_LINES = {
    "p", "b", "i", "em", "strong", "u", "s", "sup", "sub", "span", "a", "br", "hr", "small", "font", "q", "cite", "code",
    "tt", "mark", "bos", "eos",
}  # fmt: skip
_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]*)(?:\s[^<>]*)?>")
_COMMANDS = re.compile(  # of LaTeX, that are no formula
    r"\\(?:(?:sub)*section|chapter|usepackage|begin\{(?:document|figure|table|abstract|itemize|enumerate))\*?[\[{}]"
)
_FEW_COMMANDS = 2


def of_markup(beginning: str) -> Answer | None:
    """Why a text that begins so is not read, where it is a part of a page, of XML or of LaTeX."""
    if len(_COMMANDS.findall(beginning)) >= _FEW_COMMANDS:
        return _LATEX, {}
    if "</" not in beginning:
        return None
    tags = [(tag[2].lower(), bool(tag[1])) for tag in _TAG.finditer(beginning)]
    closed = {name for name, ends in tags if ends}
    if page := next((name for name, ends in tags if not ends and name in closed & PAGE), ""):
        return _MARKUP, {"tag": page}
    first = _TAG.match(beginning.lstrip("\ufeff \t\r\n"))
    if first and (name := first[2].lower()) in closed - _IN_LINES:
        return XML_ROOTS.get(name, (_FULL_TEXT, {"kind": f"XML (<{first[2]}>)"}))
    return None


def of_json(value: dict[str, Any]) -> Answer | None:
    """Why a JSON object is not read, where it is in a form that is known and not read."""
    keys = {key.lower() if isinstance(key, str) and key.lower() == "bioctype" else key for key in value}
    if isinstance(value.get("body"), dict) and "corpusid" in keys:  # what was content until 2022
        keys.add("content")
    if answer := next((answer for wanted, answer in JSON_KEYS if wanted <= keys), None):
        return answer
    parts = [key for key, part in value.items() if key in names.SPLIT_OF and part and isinstance(part, list | dict)]
    if len(parts) > 1:
        return _SPLITS, {"names": ", ".join(parts)}
    if _is_question(_first(value.get("paragraphs"))):
        return _PAIRS, {"keys": "SQuAD"}
    turns = [key for key in _CHATS if _is_turn(_first(value.get(key)))]
    if turns or _is_turn(value):
        return _CONVERSATIONS, {"keys": ", ".join(turns or value)}
    return None


def of_questions(value: dict[str, Any]) -> Answer | None:
    """Why a JSON object without a text is not read, where it is a question or an instruction with its answer."""
    by_name = {key.lower(): key for key in value if isinstance(key, str)}
    for pair in _PAIR_KEYS:
        if all(key in by_name for key in pair):
            return _PAIRS, {"keys": ", ".join(by_name[key] for key in pair)}
    return None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _is_question(value: object) -> bool:
    return isinstance(value, dict) and "qas" in value


def _is_turn(value: object) -> bool:
    """Whether it is what one person says in a conversation, and nothing else."""
    return isinstance(value, dict) and len(value) <= _MOST_TURN_KEYS and any(keys <= set(value) for keys in _TURN_KEYS)
