"""A corpus of the size of the PubMed release: made on the spot, prepared, killed, resumed, opened, trained on.

  python benchmarks/full_corpus.py make FOLDER          119,924 + 6,633 + 6,658 articles in the release's form
  python benchmarks/full_corpus.py prepare FOLDER       time and anonymous memory of one preparation
  python benchmarks/full_corpus.py kill FOLDER          the same, killed ten times at random, compared byte for byte
  python benchmarks/full_corpus.py rate FOLDER          against encode_batch_fast alone, on a part, in turns
  python benchmarks/full_corpus.py open FOLDER          range 80,001-119,924: time to the first batch, memory
  python benchmarks/full_corpus.py train FOLDER         memory of training on 10 articles and on the range

With --zip the source is pubmed-dataset.zip as the release is downloaded (make packs it beside the files): a preparation
that goes on in its middle has to unpack all that stands before. The articles recombine paragraphs of the real ones in $ATELIER_DATA/articles, lower-cased and split as the release is.
Nothing of it is kept in the project. Each command prints one line of JSON.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import psutil
from bench import PROJECT

SPLITS = {"train": 119_924, "val": 6_633, "test": 6_658}
MEAN_WORDS = 3_000
RANGE = "80001-119924"


def make(folder: Path, share: float) -> dict:
    """Writes train.txt, val.txt and test.txt; lengths spread about the mean as log-normal."""
    data = Path(os.environ.get("ATELIER_DATA", ""))
    lines = (data / "articles" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    paragraphs = []  # (words, the sentences as JSON items)
    for line in lines:
        for paragraph in json.loads(line)["article_text"]:
            lowered = re.sub(r"([.,;:()\[\]%])", r" \1 ", paragraph.lower())
            sentences = [s.strip() + " ." for s in re.split(r" \. ", " ".join(lowered.split())) if s.strip()]
            paragraphs.append((len(lowered.split()), ", ".join(json.dumps(s) for s in sentences)))
    rng, names = random.Random(1), ["introduction", "materials and methods", "results", "discussion"]
    folder.mkdir(parents=True, exist_ok=True)
    written_bytes = 0
    for split, count in SPLITS.items():
        with open(folder / f"{split}.txt", "w", encoding="utf-8") as file:
            for number in range(round(count * share)):
                wanted, words, chosen = MEAN_WORDS * rng.lognormvariate(-0.18, 0.6), 0, []
                while words < wanted:
                    paragraph = paragraphs[rng.randrange(len(paragraphs))]
                    words += paragraph[0]
                    chosen.append(paragraph[1])
                cuts = [round(i * len(chosen) / 4) for i in range(5)]
                sections = [", ".join(chosen[a:b]) for a, b in itertools.pairwise(cuts)]
                filled = [(n, s) for n, s in zip(names, sections, strict=True) if s]
                text = ", ".join(s for _, s in filled)
                abstract = json.dumps(f"<S> article {number} of {split} . </S>")
                line = (
                    f'{{"article_id": "{split}-{number}", "article_text": [{text}], "abstract_text": [{abstract}], '
                    f'"labels": null, "section_names": {json.dumps([n for n, _ in filled])}, '
                    f'"sections": [{", ".join(f"[{s}]" for _, s in filled)}]}}\n'
                )
                written_bytes += file.write(line)
    return {"folder": str(folder), "bytes": written_bytes}


def pack(folder: Path) -> Path:
    """The release's archive of what `make` wrote, made where it is not there yet."""
    path = folder.with_name("pubmed-dataset.zip")
    if not path.exists():
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for split in SPLITS:
                archive.write(folder / f"{split}.txt", f"pubmed-dataset/{split}.txt")
    return path


def anonymous_bytes(process: psutil.Process) -> int:
    """Anonymous memory of a process and all it started; mapped file pages do not count. Linux."""
    total = 0
    for p in [process, *process.children(recursive=True)]:
        try:
            for line in Path(f"/proc/{p.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Anonymous:"):
                    total += int(line.split()[1]) << 10
        except (OSError, psutil.Error):
            continue
    return total


def _start(folder: Path, out: Path, limit: int = 0) -> subprocess.Popen:
    command = [sys.executable, "-m", "engine", "prepare", "--source", str(folder), "--out", str(out), "--json"]
    return subprocess.Popen(
        [*command, "--limit", str(limit)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def prepare(folder: Path, out: Path) -> dict:
    """One preparation from nothing."""
    process, peak, done = _start(folder, out), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        watched = psutil.Process(process.pid)
        while not done.wait(0.5):
            peak = max(peak, anonymous_bytes(watched))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output = process.communicate()[0]
    done.set()
    watcher.join()
    result = json.loads(output.splitlines()[-1])
    names = ("articles", "words", "tokens", "seconds", "bytes")
    return {**{n: result[n] for n in names}, "peak_anonymous_mb": round(peak / 1e6)}


def kill(folder: Path, whole: Path, kills: int) -> dict:
    """Kills a preparation again and again, lets the last one finish, compares every file with the whole one's."""
    out = whole.with_name("killed")
    shutil.rmtree(out, ignore_errors=True)
    rng, needed = random.Random(time.time_ns()), json.loads((whole / "time.json").read_text())["seconds"]
    kill_seconds = []
    started = time.monotonic()
    for _ in range(kills):
        process = _start(folder, out)
        wait = rng.uniform(0.02, 0.12) * needed
        time.sleep(wait)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kill_seconds.append(round(wait, 1))
        process.wait()
    process = _start(folder, out)
    process.communicate()
    names = [path.name for path in sorted(out.iterdir())]
    same = [subprocess.call(["cmp", "-s", out / name, whole / name]) == 0 for name in names]
    expected = sorted(path.name for path in whole.iterdir() if path.name != "time.json")
    seconds = round(time.monotonic() - started)
    return {
        "kills": len(kill_seconds),
        "files": names,
        "identical": all(same) and names == expected,
        "seconds": seconds,
    }


def rate(folder: Path, articles: int, rounds: int) -> dict:
    """Preparation against reading alone and encode_batch_fast alone on the same articles, in alternating rounds."""
    from engine.articles.isolation import Reading
    from engine.core import paths
    from engine.corpus.preparation import prepare
    from engine.corpus.reading import BATCH_BYTES
    from engine.presets import catalogue

    tokenizer = catalogue.tokenizer(catalogue.find(str(paths.MINI_PRESET)))
    texts, size = [], 0
    with Reading(folder, None, limit=articles) as reading:
        texts = [
            body.decode() for header, body in reading if header["kind"] == "article" and header["split"] == "train"
        ]
    size = sum(len(text.encode()) for text in texts)
    with tempfile.TemporaryDirectory() as name:
        part = Path(name) / "part"
        part.mkdir()
        with open(folder / "train.txt", encoding="utf-8") as lines:
            (part / "train.txt").write_text("".join(next(lines) for _ in range(articles)), encoding="utf-8")
        seconds: dict[str, list[float]] = {"read": [], "encode": [], "prepare": []}
        for number in range(rounds):
            started = time.perf_counter()
            with Reading(part) as reading:
                for _ in reading:
                    pass
            seconds["read"].append(time.perf_counter() - started)
            started = time.perf_counter()
            batch, length = [], 0
            for text in texts:
                batch.append(text)
                length += len(text)
                if length > 8 * BATCH_BYTES:
                    tokenizer._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
                    batch, length = [], 0
            tokenizer._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            seconds["encode"].append(time.perf_counter() - started)
            started = time.perf_counter()
            prepare(part, tokenizer, Path(name) / f"corpora-{number}")
            seconds["prepare"].append(time.perf_counter() - started)
    middle = {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
    return {
        "megabytes": round(size / 1e6, 1),
        "seconds": {name: [round(v, 2) for v in values] for name, values in seconds.items()},
        "encode_mb_per_second": round(size / 1e6 / middle["encode"], 2),
        "of_encode_alone": round(middle["encode"] / (middle["prepare"] - middle["read"]), 3),
        "of_encode_alone_reading_included": round(middle["encode"] / middle["prepare"], 3),
    }


def open_range(whole: Path) -> dict:
    """A process of its own that opens the corpus, maps the range and draws the first shuffled batch."""
    program = f"""
import sys, time; sys.path.insert(0, {str(PROJECT)!r})
started = time.perf_counter()
from pathlib import Path
from engine import windows
from engine.corpus.store import Corpus
imported = time.perf_counter()
stream = Corpus(Path({str(whole)!r})).tokens("train", 80001, 119924)
batches = windows.Shuffled(stream, 256, 8, 1)
batch = batches.batch(0)
import psutil, json
seconds = time.perf_counter() - imported
anonymous = [int(l.split()[1]) for l in open("/proc/self/smaps_rollup") if l.startswith("Anonymous")][0] / 1000
print(json.dumps(dict(seconds=round(seconds, 3), imports_seconds=round(imported - started, 2), windows=batches.windows,
    tokens=int(len(stream)), anonymous_mb=round(anonymous), rss_mb=round(psutil.Process().memory_info().rss / 1e6))))
"""
    return json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)


def train(whole: Path, steps: int) -> dict:
    """Peak anonymous memory of two trainings of the mini model that differ in their range alone."""
    peaks = {}
    for name, articles in (("ten", "1-10"), ("range", RANGE)):
        with tempfile.TemporaryDirectory() as root:
            environment = {**os.environ, "ATELIER_CHECKPOINTS": root}
            command = [sys.executable, "-m", "engine", "train", "--articles", str(whole), "--range", articles]
            command += ["--steps", str(steps), "--evaluate-tokens", "20000", "--json"]
            process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            peak = 0
            while process.poll() is None:
                peak = max(peak, anonymous_bytes(psutil.Process(process.pid)))
                time.sleep(0.2)
            peaks[name] = round(peak / 1e6)
            assert process.returncode == 0
    return {"anonymous_mb": peaks, "difference_mb": peaks["range"] - peaks["ten"]}


def main() -> None:
    """Runs one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("make", "prepare", "kill", "rate", "open", "train"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the full size, for a trial")
    parser.add_argument("--zip", action="store_true", help="read the release's archive instead of its files")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--articles", type=int, default=1500, help="of the rate's part")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    a = parser.parse_args()
    source, whole = a.folder / "release", a.folder / "whole"
    if a.zip and a.action != "make":
        source, whole = pack(source), a.folder / "whole-zip"
    if a.action == "make":
        result = make(source, a.share)
        source.with_name("pubmed-dataset.zip").unlink(missing_ok=True)
        if a.zip:
            result["zip_bytes"] = pack(source).stat().st_size
    elif a.action == "prepare":
        shutil.rmtree(whole, ignore_errors=True)
        result = prepare(source, whole)
        (whole / "time.json").write_text(json.dumps(result))
    elif a.action == "kill":
        result = kill(source, whole, a.kills)
    elif a.action == "rate":
        result = rate(source, a.articles, a.rounds)
    elif a.action == "open":
        result = open_range(whole)
    else:
        result = train(whole, a.steps)
    print(json.dumps({"action": a.action, **result}))


if __name__ == "__main__":
    main()
