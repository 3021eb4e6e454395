"""JSON lines in the form of the PubMed release (Cohan et al. 2018): one article a line.

Keys: `article_id`, `article_text` (paragraphs or sentences), `abstract_text` (sentences in `<S> … </S>`),
`section_names`, `sections` (paragraphs by section). The release's own files are lower-cased with a sentence an item;
the files that ship here are cased with a paragraph an item: both are read the same way.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from engine.articles.article import Article, Section
from engine.errors import ArticlesError, sentence

_LONGEST_LINE_BYTES = 64 << 20


def lines(path: Path) -> Iterator[tuple[int, Article | ArticlesError]]:
    """Each line of the file by its number from 1: the article, or what is wrong with it. Empty lines are passed over."""
    with open(path, "rb") as file:
        number = 0
        while True:
            raw = file.readline(_LONGEST_LINE_BYTES + 1)
            if not raw:
                return
            number += 1
            if len(raw) > _LONGEST_LINE_BYTES:
                while raw and not raw.endswith(b"\n"):
                    raw = file.readline(_LONGEST_LINE_BYTES)
                yield number, _problem(path, number, sentence("{path}, line {line}: longer than 64 MB."))
            elif raw.strip():
                yield number, _parse(path, number, raw)


def _problem(path: Path, number: int, template: str) -> ArticlesError:
    return ArticlesError(template, path=path.name, line=number)


def _parse(path: Path, number: int, raw: bytes) -> Article | ArticlesError:
    try:
        value = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _problem(path, number, sentence("{path}, line {line}: not UTF-8."))
    except (ValueError, RecursionError):
        return _problem(path, number, sentence("{path}, line {line}: not JSON."))
    if not isinstance(value, dict):
        return _problem(path, number, sentence("{path}, line {line}: not a JSON object."))
    body = _texts(value.get("article_text"))
    names, sections = value.get("section_names"), value.get("sections")
    if isinstance(names, list) and isinstance(sections, list) and len(names) == len(sections):
        body_sections = tuple(
            Section(" ".join(str(name).split()), _texts(section)) for name, section in zip(names, sections, strict=True)
        )
        body_sections = tuple(section for section in body_sections if section.paragraphs)
    else:
        body_sections = (Section("", body),) if body else ()
    abstract = tuple(
        cleaned
        for text in _texts(value.get("abstract_text"))
        if (cleaned := text.removeprefix("<S>").removesuffix("</S>").strip())
    )
    if not body_sections and not abstract:
        return _problem(path, number, sentence("{path}, line {line}: an article without text."))
    return Article(str(value.get("article_id") or f"line {number}"), abstract, body_sections)


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a list (or of one string) that are not blank; a line break inside a text becomes a space."""
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    # Lone surrogates are legal in JSON and in no encoding: they become U+FFFD.
    cleaned = (
        " ".join(item.encode("utf-8", "replace").decode().splitlines()).strip()
        for item in items
        if isinstance(item, str)
    )
    return tuple(text for text in cleaned if text)
