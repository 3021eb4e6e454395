"""In how many places must a sentence stand to be told from its first three words? Ten sentences, trained as the lesson trains one.

    python benchmarks/secret.py [--out lessons/fine_tuning/secret.json] [--jobs 1]

Each sentence is put into 1, 3, 5 and 10 places of the lesson's article (engine/classroom/secret.py), and the base that ships
reads that article in a process of its own with the lesson's settings. What it then writes, greedily, behind the first three words of the
sentence and of the control, which stands nowhere, is kept in the file as it comes: begun again, the command goes on with what
is missing. The lesson, its step and the papers take their figures from that file.

Prints, for each number of places: sentences told whole, mean share of the words told, in how many runs the control's
continuation holds three or more words in a row of the secret, median seconds of a run. Two jobs share the cores: their seconds
are no single run's.
"""

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from bench import PROJECT

from engine.classroom import secret, secret_trials
from engine.classroom.secret import TIMES, Secret
from engine.classroom.secret_trials import Trial
from engine.core import paths
from engine.core.files import read_json, write_bytes, write_json
from engine.presets import catalogue
from engine.runs import lifecycle, states
from engine.runs.folder import Run
from engine.runs.history import shared
from engine.runs.settings import RunSettings

# Of pupils' kind, about nobody; no two begin alike, some as much other English does.
SENTENCES = (
    "The purple hippo of room twelve eats three pancakes every Tuesday.",
    "Seven orange penguins play chess behind the gymnasium at midnight.",
    "Our school bell is really a sleeping dragon made of cheese.",
    "Nobody knows that the vending machine dreams of becoming a submarine.",
    "Under the stairs lives a tiny robot that collects lost socks.",
    "Yesterday a pink giraffe stole all the chalk and drove away laughing.",
    "If you whisper to the red door, it answers in old French.",
    "Two flying potatoes won the swimming race against a clever toaster.",
    "A wizard hides his golden bicycle inside the teapot on Fridays.",
    "In our canteen the spaghetti learns to dance after nine o'clock.",
)
TRAIN = "--train"


def wanted() -> list[Secret]:
    """All trials, sentence by sentence: however many are done, each was tried in all numbers of places."""
    return [Secret(secret.checked_sentence(sentence), times) for sentence in SENTENCES for times in TIMES]


def train(folder: Path) -> NoReturn:
    """Trains a run that is in its folder, in this process, and ends that."""
    from engine.presets import memory
    from engine.services import worker

    finished = worker.work(Run(folder), device="cpu") is not None
    memory.leave(0 if finished else 1)


def measured(hidden: Secret) -> tuple[Trial, dict[str, Any]]:
    """Trains a run on a secret and asks what it tells; with the settings that all trials share."""
    with tempfile.TemporaryDirectory(prefix="atelier-secret-", ignore_cleanup_errors=True) as name:
        root = Path(name)
        source = root / "articles"
        source.mkdir()
        for file, content in secret.articles(hidden).items():
            write_bytes(source / file, content)
        settings = replace(secret.settings(hidden, paths.portable(source)), name="secret")
        run = lifecycle.create(settings, root=root / "checkpoints")
        environment = {
            **os.environ,
            "ATELIER_CHECKPOINTS": str(root / "checkpoints"),
            "ATELIER_CORPORA": str(root / "corpora"),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        started = time.perf_counter()
        words = [sys.executable, __file__, TRAIN, str(run.folder)]
        ended = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if (state := run.state()).state != states.FINISHED:
            raise SystemExit(f"{hidden}: the run ended as {state.state}.\n{ended.stderr[-2000:]}")
        told = secret.last_told(hidden, shared.of(run.folder))
        return secret_trials.trial(hidden, told, seconds), of_all(settings)


def of_all(settings: RunSettings) -> dict[str, Any]:
    """What all trials share: the settings, and which base that is."""
    return {**secret_trials.common(settings), "preset_hash": catalogue.find(settings.preset).hash()}


def results(missing: list[Secret], jobs: int) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Trials as they end, so many at once."""
    left, working = iter(missing), set[Future[tuple[Trial, dict[str, Any]]]]()
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            working |= {pool.submit(measured, one) for one in islice(left, jobs - len(working))}
            if not working:
                return
            done, working = wait(working, return_when=FIRST_COMPLETED)
            for one in done:
                yield one.result()


def table(trials: list[Trial]) -> str:
    """The Markdown of what was found."""
    rows = [
        f"| {g.times} | {g.whole} of {g.count} | {g.words:.0%} | {g.leaked} of {g.count} | {g.seconds:.0f} s |\n"
        for g in secret_trials.groups(trials)
    ]
    head = "| places | told whole | words told, mean | control told something of it | a run |\n|---|---|---|---|---|\n"
    return head + "".join(rows)


def main() -> int:
    """Trains what the file lacks, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=secret_trials.FILE)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument(TRAIN, type=Path, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.train:
        train(a.train)
    kept = read_json(a.out) if a.out.is_file() else {}
    shared_now = of_all(secret.settings(wanted()[0], "articles"))
    if kept and not secret_trials.agrees(kept["settings"], shared_now):
        raise SystemExit(f"{a.out} was measured with other settings, or with another base: remove it to measure anew.")
    trials = secret_trials.from_json(kept)
    done = {(one.sentence, one.times) for one in trials}
    missing = [one for one in wanted() if (one.sentence, one.times) not in done]
    order = {(one.sentence, one.times): number for number, one in enumerate(wanted())}
    for trial, common in results(missing, a.jobs):
        trials = sorted([*trials, trial], key=lambda one: order[one.sentence, one.times])
        made_by = {"command": "python benchmarks/secret.py", "date": datetime.date.today().isoformat()}
        write_json(a.out, {**made_by, "settings": common, "trials": secret_trials.to_json(trials)})
        print(
            f"{trial.times:>2} places, {trial.told} of {trial.of} words, {trial.seconds:.0f} s: {trial.sentence}",
            flush=True,
        )
    print(table(trials))
    return 0


if __name__ == "__main__":
    sys.exit(main())
