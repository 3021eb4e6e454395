"""Plain text as a pretraining takes it: the files of a folder, and their tokens in one stream."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.core.errors import ArticlesError
from engine.core.files import open_plain
from engine.presets import tokenizers

_BYTES_A_PIECE = 1 << 20  # text is tokenised in pieces of about a megabyte, cut at line ends


def read_books(folder: Path) -> dict[str, str]:
    """The text files of a folder by their stem, in the order of their names.

    Raises:
        ArticlesError: no `.txt` file there, or one that is not UTF-8.
    """
    books = {}
    for path in sorted(folder.glob("*.txt")):
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            continue  # a link that leads out, a pipe
        try:
            with open_plain(path) as file:
                books[path.stem] = file.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ArticlesError("{path} is not UTF-8 text: convert it first.", path=path) from error
    if not books:
        raise ArticlesError("{folder} holds no .txt file to learn from.", folder=folder)
    return books


def _pieces(text: str) -> Iterator[str]:
    lines, size = [], 0
    for line in text.splitlines(keepends=True):
        lines.append(line)
        size += len(line)
        if size >= _BYTES_A_PIECE:
            yield "".join(lines)
            lines, size = [], 0
    yield "".join(lines)


def stream(tokenizer: tokenizers.Tokenizer, texts: list[str]) -> np.ndarray:
    """All texts as one array of ids, uint16, each text opened by `<|endoftext|>`."""
    ids: list[int] = []
    for text in texts:
        ids.append(tokenizer.end_of_text)
        for piece_ids in tokenizer.encode_batch(list(_pieces(text))):
            ids.extend(piece_ids)
    return np.asarray(ids, dtype=np.uint16)
