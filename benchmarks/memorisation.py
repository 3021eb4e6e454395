"""The memorisation lens on a prepared corpus: the index's building, and how soon a sample's copied passages are found.

    python benchmarks/memorisation.py CORPUS [--texts 20] [--tokens 200]
    python benchmarks/memorisation.py --shard MB

CORPUS is a prepared one of any size, for example the full-size one of benchmarks/full_corpus.py. All its training
articles count as seen. `planted` texts are passages of the articles that ship, into each of which 20 to 60 tokens of a
random training article are put; `whole` ones are passages of training articles, the most that there can be to find. Each
must be found whole, and every passage must stand where it is said to. `cold` asks each text after the system was told to drop the
files' pages (Linux alone), `warm` asks again. Memory is anonymous memory, sampled every 50 ms: mapped pages of files belong to
the system. Prints one line of JSON; an index that is there already is not built again (`build_seconds` is null then; --anew
builds it again). `--shard` builds one shard of made-up tokens alone, for the memory that it takes.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from bench import PROJECT

from engine.core import paths
from engine.corpus.store import Corpus
from engine.memorisation import search, suffixes
from engine.presets import catalogue
from engine.runs import articles_read


class Peak:
    """The most anonymous memory of this process while the block ran, in MB."""

    def __enter__(self) -> "Peak":
        self.mb, self._done = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._done.wait(0.05):
            full = own.memory_info()
            self.mb = max(self.mb, (full.rss - getattr(full, "shared", 0)) / 1e6)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def forget(files: list[Path]) -> bool:
    """Tells the system to drop the files' pages; False where it cannot be told."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for file in files:
        with open(file, "rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def sample(seen: articles_read.Seen) -> articles_read.Seen:
    """The articles that ship, which are not of the corpus, in its vocabulary."""
    shipped = articles_read.corpus_of(str(paths.SAMPLE_ARTICLES), seen.tokenizer)
    return articles_read.Seen(seen.tokenizer, (articles_read.Range(shipped, 1, 1),))


def known(corpus: Corpus, tokens: int, count: int, random: np.random.Generator) -> list[np.ndarray]:
    """Passages of random training articles."""
    found = []
    while len(found) < count:
        article = int(random.integers(1, corpus.articles("train") + 1))
        stream = corpus.tokens("train", article, article)[1:]
        if len(stream) > tokens:
            at = int(random.integers(0, len(stream) - tokens))
            found.append(np.array(stream[at : at + tokens], np.int64))
    return found


def plant(ids: np.ndarray, corpus: Corpus, random: np.random.Generator) -> tuple[np.ndarray, int, int]:
    """A text with a passage of a training article in it, where that begins, and its length."""
    piece = known(corpus, int(random.integers(20, 61)), 1, random)[0]
    into = int(random.integers(0, len(ids) - len(piece)))
    return np.concatenate([ids[:into], piece, ids[into + len(piece) :]]), into, len(piece)


def measured(texts: list[tuple[np.ndarray, int, int]], ranges: tuple, dropped: list[Path]) -> dict:
    """Seconds a text, cold and warm, and how many of the passages were found whole where the tokens say so."""
    cold, warm, whole = [], [], 0
    with Peak() as peak:
        for ids, into, length in texts:
            for times in (cold, warm):
                if times is cold and not forget(dropped):
                    continue
                began = time.perf_counter()
                copied = search.find(ids, ranges)
                times.append(time.perf_counter() - began)
            whole += any(p.first <= into and p.last >= into + length for p in copied.passages)
            for p in copied.passages:
                stream = p.corpus.tokens("train", p.article, p.article)
                assert (stream[p.token : p.token + p.length] == ids[p.first : p.last]).all()
    return {
        "texts": len(texts),
        "found": whole,
        "cold_median_seconds": round(statistics.median(cold), 3) if cold else None,
        "cold_worst_seconds": round(max(cold), 3) if cold else None,
        "warm_median_seconds": round(statistics.median(warm), 3),
        "warm_worst_seconds": round(max(warm), 3),
        "peak_mb": round(peak.mb),
    }


def one_shard(mb: int) -> dict:
    """The building of a shard of `mb` MB of tokens, drawn by Zipf's law."""
    random, count = np.random.default_rng(1), mb * 10**6 // 2
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "tokens.bin", "wb") as file:
            for first in range(0, count, 1 << 22):
                drawn = random.zipf(1.3, min(1 << 22, count - first))
                np.minimum(drawn, 4095).astype(np.uint16).tofile(file)
        tokens = np.memmap(Path(folder) / "tokens.bin", np.uint16, "r")
        started = time.perf_counter()
        with Peak() as peak:
            suffixes.write(tokens, Path(folder) / "shard.places")
        return {"shard_mb": mb, "seconds": round(time.perf_counter() - started, 1), "peak_mb": round(peak.mb)}


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--shard", type=int, metavar="MB")
    parser.add_argument("--texts", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--preset", default=str(PROJECT / "checkpoints" / "presets" / "gpt2_mini_en"))
    parser.add_argument("--anew", action="store_true")
    a = parser.parse_args()
    if a.shard:
        print(json.dumps(one_shard(a.shard)))
        return
    if a.corpus is None:
        parser.error("name a prepared corpus")
    corpus = Corpus(a.corpus)
    ranges = (articles_read.Range(corpus, 1, corpus.articles("train")),)
    seen = articles_read.Seen(catalogue.tokenizer(catalogue.find(a.preset)), ranges)
    files = search.shards(ranges)
    if a.anew:
        shutil.rmtree(files[0].path.parent, ignore_errors=True)
    total = sum(f.last - f.first for f in files)
    figures: dict = {"articles": seen.articles, "tokens": total, "shards": len(files)}
    to_build = search.missing(ranges)
    started = time.perf_counter()
    with Peak() as peak:
        search.build(ranges, lambda done, left: print(f"{done:,} of {left:,}", file=sys.stderr))
    figures["build_seconds"] = round(time.perf_counter() - started, 1) if to_build else None
    figures["build_peak_mb"] = round(peak.mb) if to_build else None
    figures["index_mb"] = round(sum(f.bytes for f in files) / 1e6)
    random = np.random.default_rng(1)
    others = [ids for *_, ids in search.unseen(sample(seen), a.tokens)]
    planted = [plant(ids, corpus, random) for ids in others[: a.texts]]
    inside = [(ids, 0, len(ids)) for ids in known(corpus, a.tokens, a.texts, random)]
    dropped = [f.path for f in files] + [corpus.folder / "tokens.bin"]
    for name, texts in (("planted", planted), ("whole", inside)):
        figures |= {f"{name}_{key}": value for key, value in measured(texts, ranges, dropped).items()}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
