"""What a view of a long run costs: the first look, each refresh of a viewer, and memory.

    python benchmarks/long_run.py [--reports 3600 86400 600000] [--texts] [--json]

Writes runs of so many reports as a trainer writes them, one a second, in a temporary folder, and looks at each in a
process of its own through what the pages use: `folders.history`, and the six figures of the Fine-tune page as JSON. With
--texts each of the thousand measurements also has the sums of its articles, a passage and three samples: 20 MB of texts.
"First look" is that of a process that finds the index which the trainer, or another process, has kept of a long file;
"anew" is without one, as of a run of an earlier version.
A refresh follows a new report. Memory is what the process grew by. Thirty viewers are thirty threads that refresh once.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from bench import PROJECT

REFRESHES = 10
VIEWERS = 30
LOOK = "--look"


def step(number: int) -> str:
    """A report as `engine.training.loop` writes it."""
    wave = (number * 7919 % 1000) / 1000
    fields = {
        "kind": "step",
        "time": 1_790_000_000.0 + number,
        "step": 5 * number,
        "steps": 5_000_000,
        "tokens": 10_230 * number,
        "seconds": round(0.97 * number, 3),
        "epoch": round(number / 420, 6),
        "loss": 5.5 / (1 + number / 20_000) + 0.2 * wave,
        "accuracy": 0.13 + 0.2 * number / (number + 9_000) + 0.01 * wave,
        "learning_rate": 0.001 / (1 + number / 50_000),
        "gradient_norm": 0.8 + wave,
        "tokens_per_second": 10_500.0 + 400 * wave,
        "memory_bytes": 1_600_000_000 + number,
    }
    return json.dumps(fields) + "\n"


def texts(number: int) -> str:
    """What a trainer writes beside the figures of validation each time it measures."""
    sums = {name: [number] * 40 for name in ("article", "tokens", "bytes", "top_1", "loss")}
    figures = {"loss": 4.5, "accuracy": 0.2, "bits_per_byte": 2.4, "evaluated_tokens": 8192, "perplexity": 90.0}
    place = {"time": 1.7e9, "step": 5 * number, "model": "run" if number else "base"}
    found: list[dict] = [
        {"kind": "evaluation", **place, "split": "english", "whole": False, **figures, "by_article": sums}
    ]
    pieces = {"pieces": [" token"] * 160, "probabilities": [0.1234] * 160, "ranks": [12] * 160}
    found.append({"kind": "passage", **place, **pieces})
    for prompt in ("The results show", "We propose", "In this study"):
        found.append({"kind": "sample", **place, "prompt": prompt, "text": " synthetic text" * 100, "seed": 1})
    return "".join(json.dumps(event) + "\n" for event in found)


def make(path: Path, reports: int, with_texts: bool = False) -> None:
    """An events file of so many reports, with a measurement every hundred of them, or a thousand measurements."""
    figures = {"loss": 4.5, "accuracy": 0.2, "bits_per_byte": 2.4, "evaluated_tokens": 8192, "perplexity": 90.0}
    with open(path, "w", encoding="utf-8") as file:
        for number in range(reports):
            if number % (max(100, reports // 1000)) == 0:
                event = {"kind": "evaluation", "step": 5 * number, "split": "validation", "whole": False}
                file.write(json.dumps({**event, "model": "run" if number else "base", **figures}) + "\n")
                file.write(texts(number) if with_texts else "")
            file.write(step(number + 1))


def draw(path: Path) -> int:
    """What a refresh of the Fine-tune page's curves does; the length of what it sends."""
    from engine.runs.folder import Run
    from ui.charts import style
    from ui.components.figure import live
    from ui.readers import folders

    folders.newest_samples(Run(path.parent))
    history = folders.history(Run(path.parent))
    sent = 0
    for name in ("accuracy", "bits_per_byte", "loss"):
        sent += len(
            live.content(lambda n=name: style.validation(history, n, "#000000", n), ("v", name), history.version)
        )
    for name in ("tokens_per_second", "learning_rate", "memory_bytes"):
        sent += len(
            live.content(lambda n=name: style.over_steps(history, n, "#000000", n), ("o", name), history.version)
        )
    return sent


def look(path: Path, reports: int) -> dict:
    """The figures of one file, in this process."""
    (path.parent.parent / "small").mkdir(exist_ok=True)
    small = path.parent.parent / "small" / "events.jsonl"
    make(small, 10)
    draw(small)  # imports and templates
    process = psutil.Process()
    before, spent, started = process.memory_info().rss, time.process_time(), time.perf_counter()
    sent = draw(path)
    found = {"reports": reports, "file_bytes": path.stat().st_size, "first_seconds": time.perf_counter() - started}
    found["first_cpu_seconds"] = time.process_time() - spent
    times, spent = [], time.process_time()
    for number in range(REFRESHES):
        with open(path, "a", encoding="utf-8") as file:
            file.write(step(reports + number + 1))
        started = time.perf_counter()
        draw(path)
        times.append(time.perf_counter() - started)
    found["refresh_seconds"] = sorted(times)[len(times) // 2]
    found["refresh_cpu_seconds"] = (time.process_time() - spent) / REFRESHES
    with open(path, "a", encoding="utf-8") as file:
        file.write(step(reports + REFRESHES + 1))
    spent, started = time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=draw, args=(path,)) for _ in range(VIEWERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found["viewers_seconds"] = time.perf_counter() - started
    found["viewers_cpu_seconds"] = time.process_time() - spent
    found["memory_bytes"] = process.memory_info().rss - before
    found["sent_bytes"] = sent
    return found


def measure(reports: int, with_texts: bool) -> dict:
    """The figures of one length, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long" / "events.jsonl"
        path.parent.mkdir()
        make(path, reports, with_texts)
        command = [sys.executable, str(Path(__file__).resolve()), LOOK, str(path), "--reports", str(reports)]
        anew, found = (
            json.loads(
                subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT).stdout.splitlines()[-1]
            )
            for _ in range(2)
        )
        return {**found, "anew_seconds": anew["first_seconds"], "anew_cpu_seconds": anew["first_cpu_seconds"]}


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, nargs="+", default=[3_600, 86_400, 600_000])
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(LOOK, metavar="FILE", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.look:
        print(json.dumps(look(Path(a.look), a.reports[0])))
        return
    found = [measure(reports, a.texts) for reports in a.reports]
    if a.json:
        print(json.dumps(found))
        return
    print(
        "reports        file         anew   CPU of it   first look   CPU of it     a refresh   CPU of it   thirty viewers   CPU of them     memory     sent"
    )
    for one in found:
        print(
            f"{one['reports']:7,} {one['file_bytes'] / 1e6:8.1f} MB {one['anew_seconds']:8.2f} s "
            f"{one['anew_cpu_seconds']:8.2f} s {one['first_seconds']:8.2f} s {one['first_cpu_seconds']:8.2f} s "
            f"{1e3 * one['refresh_seconds']:10.0f} ms {1e3 * one['refresh_cpu_seconds']:8.0f} ms "
            f"{1e3 * one['viewers_seconds']:13.0f} ms {1e3 * one['viewers_cpu_seconds']:10.0f} ms "
            f"{one['memory_bytes'] / 1e6:7.0f} MB {one['sent_bytes'] / 1e3:5.0f} kB"
        )


if __name__ == "__main__":
    main()
