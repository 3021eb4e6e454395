"""Articles → token ids on disk: memory-mapped, addressable by article.

tokens-SPLIT.bin   uint16 (uint32 above 65,536 entries), each article opened by `<|endoftext|>`
articles-SPLIT.npy int64, where each article starts, and one entry more: the end
card.json          source, tokenizer, counts; written last, so its existence means complete
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from engine import paths
from engine.articles import Article, Skipped, Source
from engine.errors import ArticlesError, RangeError
from engine.files import read_json, staged_folder, write_json
from engine.tokenizers import Tokenizer

SCHEMA_VERSION = 1
VALIDATION_SHARE = 0.1  # of the training articles, set aside where a source has no validation split
_BATCH_ARTICLES = 64


class Corpus:
    """A prepared corpus, open for reading.

    Attributes:
        folder: where it lies.
        card: what it was made from, and its counts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.card = read_json(self.folder / "card.json")
        if self.card.get("schema_version") != SCHEMA_VERSION:
            raise ArticlesError("{folder} is not a prepared corpus of this version.", folder=folder)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that hold articles."""
        return tuple(split for split, counts in self.card["splits"].items() if counts["articles"])

    def articles(self, split: str) -> int:
        """How many articles a split holds."""
        return self.card["splits"][split]["articles"]

    def starts(self, split: str) -> np.ndarray:
        """int64 (articles + 1,): where each article starts in the split's tokens, and where the last one ends."""
        return np.load(self.folder / f"articles-{split}.npy", mmap_mode="r", allow_pickle=False)

    def tokens(self, split: str, first: int | None = None, last: int | None = None) -> np.ndarray:
        """The token ids of articles `first` to `last` (from 1, both included), mapped, not copied.

        Raises:
            RangeError: the range lies outside the split.
        """
        articles = self.articles(split)
        first, last = first or 1, last or articles
        if not 1 <= first <= last <= articles:
            raise RangeError(
                "Articles {first}-{last} lie outside the corpus: its {split} split holds 1-{articles}.",
                first=first,
                last=last,
                split=split,
                articles=articles,
            )
        starts = self.starts(split)
        stream = np.memmap(self.folder / f"tokens-{split}.bin", dtype=self.card["dtype"], mode="r")
        return stream[starts[first - 1] : starts[last]]


def prepare(
    source: Path | str,
    tokenizer: Tokenizer,
    root: Path | None = None,
    report: Callable[[int, int], None] = lambda done_bytes, all_bytes: None,
) -> Corpus:
    """The corpus of a source for a tokenizer; one prepared before is found again and costs nothing.

    Args:
        source: a JSON-lines file, a folder of splits, or a prepared corpus.
        root: the folder of all corpora.
        report: called now and then with the bytes of text done and those of all files.

    Raises:
        ArticlesError: nothing there, or no article that can be used. StorageError: the disk refuses.
    """
    if (Path(source) / "card.json").is_file():
        corpus = Corpus(Path(source))
        if corpus.card["tokenizer"] != tokenizer.hash:
            raise ArticlesError("The corpus {folder} was prepared with another vocabulary.", folder=source)
        return corpus
    articles = Source(source)
    key = json.dumps([SCHEMA_VERSION, str(Path(source).resolve()), articles.fingerprint(), tokenizer.hash])
    folder = (root or paths.corpora_root()) / hashlib.sha256(key.encode()).hexdigest()[:16]
    if (folder / "card.json").is_file():
        return Corpus(folder)
    dtype = "uint16" if tokenizer.vocabulary_size <= 1 << 16 else "uint32"
    skipped = Skipped()
    all_bytes = sum(file.stat().st_size for file in articles.files.values())
    with staged_folder(folder) as staging:
        splits, done = {}, 0
        for split in articles.splits:
            counts, done = _write_split(
                staging, split, articles.read(split, skipped), tokenizer, dtype, done, all_bytes, report
            )
            splits[split] = counts
        if not splits["train"]["articles"]:
            detail = f" {skipped.examples[0]}" if skipped.examples else ""
            raise ArticlesError("{path} holds no article that can be used.{detail}", path=source, detail=detail)
        held_out = "validation" not in splits or not splits["validation"]["articles"]
        if held_out:
            splits = _set_validation_aside(staging, splits, dtype)
        write_json(
            staging / "card.json",
            {
                "schema_version": SCHEMA_VERSION,
                "source": paths.portable(source),
                "fingerprint": articles.fingerprint(),
                "tokenizer": tokenizer.hash,
                "vocabulary_size": tokenizer.vocabulary_size,
                "dtype": dtype,
                "splits": splits,
                "validation_set_aside": held_out,
                "skipped": skipped.count,
                "skipped_examples": [{"template": e.template, "values": e.values} for e in skipped.examples],
            },
        )
    return Corpus(folder)


def _write_split(folder, split, articles: Iterable[Article], tokenizer, dtype, done, all_bytes, report):
    starts, words, size = [0], 0, 0
    articles = iter(articles)
    with open(folder / f"tokens-{split}.bin", "wb") as file:
        while batch := list(islice(articles, _BATCH_ARTICLES)):
            texts = [article.text() for article in batch]
            for ids in tokenizer.encode_batch(texts):
                np.asarray([tokenizer.end_of_text, *ids], dtype=dtype).tofile(file)
                starts.append(starts[-1] + len(ids) + 1)
            words += sum(article.words for article in batch)
            size += sum(len(text.encode()) for text in texts)
            report(done + size, all_bytes)
    np.save(folder / f"articles-{split}.npy", np.asarray(starts, dtype=np.int64), allow_pickle=False)
    counts = {"articles": len(starts) - 1, "words": words, "tokens": starts[-1], "bytes": size}
    return counts, done + size


def _set_validation_aside(folder: Path, splits: dict, dtype: str) -> dict:
    """Cuts the last tenth of the training articles (at least one) off as validation.

    Raises:
        ArticlesError: there is only one article.
    """
    starts = np.load(folder / "articles-train.npy", allow_pickle=False)
    articles = len(starts) - 1
    if articles < 2:
        raise ArticlesError("One article alone cannot be trained on and validated with: give at least two.")
    kept = articles - max(1, round(articles * VALIDATION_SHARE))
    width = np.dtype(dtype).itemsize
    total = splits["train"]
    with open(folder / "tokens-train.bin", "r+b") as file:
        file.seek(int(starts[kept]) * width)
        with open(folder / "tokens-validation.bin", "wb") as target:
            while block := file.read(1 << 20):
                target.write(block)
        file.truncate(int(starts[kept]) * width)
    np.save(folder / "articles-train.npy", starts[: kept + 1], allow_pickle=False)
    np.save(folder / "articles-validation.npy", starts[kept:] - starts[kept], allow_pickle=False)
    tokens = int(starts[kept])
    share = tokens / int(starts[-1])
    cut = {"articles": kept, "tokens": tokens} | {k: round(total[k] * share) for k in ("words", "bytes")}
    rest = {k: total[k] - cut[k] for k in total}
    return {**splits, "train": cut, "validation": rest}
