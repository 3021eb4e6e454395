"""Near-copies: how many edited articles are found at each likeness, and what looking for them costs at the size of the release.

    python benchmarks/near_copies.py [--articles 12000] [--folder FOLDER]

Recall: real articles ($ATELIER_DATA, or the sample that ships) and copies of them in which every so many words is another one,
at likenesses from 0.5 to 0.95; `made_up` counts pairs that are no copy of one another. Cost: so many articles, each of 200-token
pieces of the real ones, as long as they are in the release (5,800 tokens on average), with one near-copy in a hundred, put
into FOLDER (a temporary one); seconds and the peak of memory of a process of its own, anonymous memory and mapped pages apart.
`for_119924` is the time in proportion. Prints one line of JSON.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import numpy as np
import psutil

from engine.articles import Source
from engine.core import paths
from engine.corpus import near_copies
from engine.corpus.shingles import Shingles, likeness
from engine.presets import tokenizers

RELEASE = 119_924
TOKENS = 5_800  # of an article, on average
EVERY = (12, 16, 22, 30, 46, 70, 100, 200)  # words, of which one is another


def texts() -> list[str]:
    """Real articles."""
    folder = Path(os.environ.get("ATELIER_DATA", "")) / "articles"
    source = Source(folder if (folder / "train.jsonl").is_file() else paths.SAMPLE_ARTICLES)
    return [article.text() for split in source.splits for article in source.read(split)]


def edited(text: str, every: int, random: np.random.Generator) -> str:
    """A text in which one of so many words is another."""
    words = text.split(" ")
    for at in range(int(random.integers(every)), len(words), every):
        words[at] = f"edit{random.integers(1 << 30)}"
    return " ".join(words)


def recall(folder: Path) -> dict[str, object]:
    """How many pairs of each likeness are found."""
    random, tokenizer = np.random.default_rng(1), tokenizers.load(paths.MINI_PRESET)
    shingles, originals = Shingles(tokenizer), texts()
    copies = [copy for text in originals for copy in (text, edited(text, int(random.choice(EVERY)), random))]
    hashes = [shingles.hashes(ids) for ids in tokenizer.encode_arrays(copies)]
    near_copies.write_signatures(len(hashes), hashes.__getitem__, folder / "recall")
    pairs = near_copies.pairs(near_copies.signatures(folder / "recall"), hashes.__getitem__)
    found = {(int(p["first"]), int(p["second"])) for p in pairs}
    by_likeness: dict[str, list[bool]] = {}
    for n in range(0, len(copies), 2):
        alike = likeness(np.unique(hashes[n]), np.unique(hashes[n + 1]))
        by_likeness.setdefault(f"{min(0.95, np.floor(alike * 10) / 10):.2f}", []).append((n, n + 1) in found)
    result = {k: {"pairs": len(v), "found": sum(v)} for k, v in sorted(by_likeness.items())}
    return {"recall": result, "made_up": sum(b != a + 1 or a % 2 for a, b in found)}


def make(folder: Path, articles: int) -> None:
    """Tokens of so many articles, and where each begins."""
    random, tokenizer = np.random.default_rng(1), tokenizers.load(paths.MINI_PRESET)
    real = np.concatenate(tokenizer.encode_arrays(texts())).astype("<u2")
    starts, last = [0], np.empty(0, "<u2")
    with open(folder / "tokens", "wb") as file:
        for number in range(articles):
            if number % 100 == 99:  # nearly the one before
                last = last.copy()
                last[:: 5 * 60] = random.integers(300, 4000, len(last[:: 5 * 60]))
            else:
                pieces = max(1, round(random.gamma(2.0, TOKENS / 2.0 / 200)))
                at = random.integers(0, len(real) - 200, pieces)
                last = np.concatenate([real[a : a + 200] for a in at])
            file.write(np.concatenate([[tokenizer.end_of_text], last]).astype("<u2").tobytes())
            starts.append(starts[-1] + len(last) + 1)
    np.save(folder / "starts.npy", np.array(starts))


def look(folder: Path) -> None:
    """Looks for near-copies among the made articles, in this process."""
    starts = np.load(folder / "starts.npy")
    stream = np.memmap(folder / "tokens", dtype="<u2", mode="r")
    shingles_of = near_copies.of_tokens(stream, starts, Shingles(tokenizers.load(paths.MINI_PRESET)))
    (folder / "signatures").unlink(missing_ok=True)
    began = time.perf_counter()
    near_copies.write_signatures(len(starts) - 1, shingles_of, folder / "signatures")
    signed = time.perf_counter()
    pairs = near_copies.pairs(near_copies.signatures(folder / "signatures"), shingles_of)
    ended = time.perf_counter()
    print(json.dumps({"pairs": len(pairs), "signatures_s": signed - began, "pairs_s": ended - signed}))


def cost(folder: Path, articles: int) -> dict[str, object]:
    """Seconds and memory of looking through so many articles."""
    make(folder, articles)
    child = subprocess.Popen([sys.executable, __file__, "--look", str(folder)], stdout=subprocess.PIPE, text=True)
    process, own, mapped = psutil.Process(child.pid), 0.0, 0.0
    began = time.perf_counter()
    while child.poll() is None:
        try:
            found, times = process.memory_info(), process.cpu_times()
        except psutil.Error:
            break
        own = max(own, (found.rss - getattr(found, "shared", 0)) / 1e6)
        mapped = max(mapped, getattr(found, "shared", 0) / 1e6)
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    assert child.stdout is not None
    result = json.loads(child.stdout.read())
    return {
        "articles": articles,
        "tokens": int(np.load(folder / "starts.npy")[-1]),
        "cores": os.cpu_count(),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(times.user + times.system, 1),
        "for_119924": {
            "seconds": round(seconds * RELEASE / articles),
            "cpu_seconds": round((times.user + times.system) * RELEASE / articles),
        },
        "peak_mb": round(own),
        "mapped_mb": round(mapped),
        **{name: round(value, 1) for name, value in result.items()},
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=int, default=12_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.look:
        look(a.look)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = a.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        print(json.dumps({**recall(folder), **cost(folder, a.articles)}))


if __name__ == "__main__":
    main()
