"""A file or folder of articles → its splits, read one article at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.articles import jsonl
from engine.articles.article import Article
from engine.errors import ArticlesError

SPLITS = ("train", "validation", "test")
_FILE_NAMES = {  # names in the wild for each split
    "train": ("train.jsonl", "train.txt"),
    "validation": ("validation.jsonl", "val.jsonl", "val.txt", "validation.txt"),
    "test": ("test.jsonl", "test.txt"),
}


@dataclass
class Skipped:
    """Lines that were not used: how many, and the first of them in words."""

    count: int = 0
    examples: list[ArticlesError] = field(default_factory=list)

    def add(self, problem: ArticlesError) -> None:
        """Counts a line that is not used."""
        self.count += 1
        if len(self.examples) < 20:
            self.examples.append(problem)


class Source:
    """Articles in a JSON-lines file (all of them training articles) or a folder with train, validation and test.

    Raises:
        ArticlesError: nothing there, nothing readable, or no file for training.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            self.files = _split_files(self.path)
            if "train" not in self.files:
                raise ArticlesError(
                    "{path} has no train.jsonl: a folder of articles holds train.jsonl and, if there are any, "
                    "validation.jsonl and test.jsonl.",
                    path=self.path,
                )
        elif self.path.is_file():
            self.files = {"train": self.path}
        else:
            raise ArticlesError("There are no articles at {path}: check the path.", path=self.path)
        for file in self.files.values():
            if not os.access(file, os.R_OK):
                raise ArticlesError("{path} cannot be read: check its rights.", path=file)
            if file.stat().st_size == 0:
                raise ArticlesError("{path} is empty.", path=file)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have a file of their own."""
        return tuple(self.files)

    def fingerprint(self) -> list[tuple[str, str, int, int]]:
        """Split, name, size and time of change of each file: other files give another value."""
        return [(s, f.name, f.stat().st_size, f.stat().st_mtime_ns) for s, f in self.files.items()]

    def read(self, split: str, skipped: Skipped | None = None) -> Iterator[Article]:
        """The articles of a split in the order of the file; what cannot be used is counted in `skipped`."""
        for _, item in jsonl.lines(self.files[split]):
            if isinstance(item, Article):
                yield item
            elif skipped is not None:
                skipped.add(item)


def _split_files(folder: Path) -> dict[str, Path]:
    files = {}
    for split, names in _FILE_NAMES.items():
        for name in names:
            if (folder / name).is_file():
                files[split] = folder / name
                break
    return files
