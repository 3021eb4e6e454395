"""Samples read blind: which share holds no word that does not exist, and which holds together for two lines.

    python benchmarks/blind_reading.py make OUT NAME=REFERENCE [NAME=REFERENCE …] [--samples 40] [--samplers 0.8,40,1]
    python benchmarks/blind_reading.py score OUT READER.csv [READER.csv …]

`make` writes OUT/texts.md, the samples of all models under numbers in a shuffled order, and OUT/key.json, which a reader
does not look at. REFERENCE is a preset or a checkpoint; every model continues the same prompts with the same seeds.
A reader writes a table with the columns number, words and lines: 1 in `words` where every word exists (a name may be
any), 1 in `lines` where two lines one after the other hold together, else 0. `score` prints each reader's shares for each model and
sampler, and how often the readers agree.
"""

import argparse
import csv
import json
import random
import sys
from collections import defaultdict
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)

from engine.core.files import write_bytes, write_json
from engine.models import loading
from engine.runs import references

PROMPTS = (
    "The results of this study",
    "The patients were",
    "In the morning",
    "We found that",
    "The old man",
    "Methods",
    "It has been shown",
    "The house stood",
)
NEW_TOKENS = 60
QUESTIONS = ("words", "lines")


def make(out: Path, named: dict[str, str], samples: int, samplers: list[tuple[float, int, float]]) -> None:
    """Writes the shuffled texts and their key."""
    from engine.inference.generation import Generator, Sampler

    found = []
    for name, reference in named.items():
        generator = Generator(*loading.load(references.resolve(reference)))
        for sampler in samplers:
            for number in range(samples):
                prompt, seed = PROMPTS[number % len(PROMPTS)], 1 + number // len(PROMPTS)
                text = prompt + generator.generate(prompt, NEW_TOKENS, Sampler(*sampler), seed)
                found.append({"model": name, "sampler": list(sampler), "prompt": prompt, "seed": seed, "text": text})
    random.Random(20).shuffle(found)
    out.mkdir(parents=True, exist_ok=True)
    texts = "".join(f"## {number}\n\n{entry['text']}\n\n" for number, entry in enumerate(found, start=1))
    write_bytes(out / "texts.md", texts.encode())
    write_json(out / "key.json", {"samples": found})


def score(out: Path, readers: list[Path]) -> None:
    """Prints the shares of each model and sampler, reader by reader."""
    key = json.loads((out / "key.json").read_text(encoding="utf-8"))["samples"]
    marks = []
    for path in readers:
        with path.open(encoding="utf-8", newline="") as file:
            marks.append({int(row["number"]): {q: int(row[q]) for q in QUESTIONS} for row in csv.DictReader(file)})
        if sorted(marks[-1]) != list(range(1, len(key) + 1)):
            raise SystemExit(f"{path}: each of the numbers 1 to {len(key)} must stand there once.")
    groups = defaultdict(list)
    for number, entry in enumerate(key, start=1):
        groups[entry["model"], tuple(entry["sampler"])].append(number)
    print(
        "| model | temperature, top-k, top-p | samples | every word exists | two lines hold together |\n|---|---|---|---|---|"
    )
    for (model, sampler), numbers in sorted(groups.items()):
        shares = (
            ", ".join(f"{sum(reader[n][q] for n in numbers) / len(numbers):.0%}" for reader in marks) for q in QUESTIONS
        )
        print(f"| {model} | {', '.join(f'{v:g}' for v in sampler)} | {len(numbers)} | {' | '.join(shares)} |")
    for question in QUESTIONS:
        same = sum(len({reader[n][question] for reader in marks}) == 1 for n in range(1, len(key) + 1))
        print(f"\nReaders agree on {question}: {same} of {len(key)}.")


def main() -> int:
    """Makes texts, or scores what readers marked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("make")
    p.add_argument("out", type=Path)
    p.add_argument("models", nargs="+", metavar="NAME=REFERENCE")
    p.add_argument("--samples", type=int, default=40, help="of each model with each sampler")
    p.add_argument("--samplers", nargs="+", default=["0.8,40,1"], metavar="TEMPERATURE,TOP_K,TOP_P")
    p = commands.add_parser("score")
    p.add_argument("out", type=Path)
    p.add_argument("readers", nargs="+", type=Path)
    a = parser.parse_args()
    if a.command == "score":
        score(a.out, a.readers)
        return 0
    samplers = [(float(t), int(k), float(p)) for t, k, p in (words.split(",") for words in a.samplers)]
    make(a.out, dict(word.split("=", 1) for word in a.models), a.samples, samplers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
