"""`kill -9` of the dispatcher and of Streamlit, again and again: no orphan, no run started twice, the queue intact.

    python benchmarks/orphans.py [--dispatcher 50] [--streamlit 50] [--steps 5]

A queue of short runs of the mini model is worked off while the process is killed at random moments. A dispatcher is started here
only where no trainer lives: a trainer at work starts one itself, so that the queue goes on with no page open. All the while every living trainer must be known: a run's owner.json names it and it holds the run's lock.
Each dashboard is opened by a browser's own session before it dies. One line of JSON. POSIX; Chromium for the dashboard.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import psutil

from engine.core import paths
from engine.core.files import read_json
from engine.runs import lifecycle, states, submission
from engine.runs.folder import Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher
from scripts.dashboard import Dashboard, chromium

KNOWN_WITHIN_SECONDS = 10.0


def submit(root: Path, name: str, steps: int) -> Run:
    """A short run of the mini model."""
    return submission.submit(
        RunSettings(
            preset=str(paths.MINI_PRESET),
            articles=str(paths.SAMPLE_ARTICLES),
            name=name,
            steps=steps,
            sequence_length=16,
            batch_size=1,
            evaluate_steps=steps,
            interval_tokens=16,
            evaluate_tokens=16,
            sample_tokens=1,
            prompts=("The",),
            device="cpu",
            checkpoint_format="weights.h5",
        ),
        root,
    )


def living(root: Path, module: str) -> dict[int, list[str]]:
    """The command lines of living processes of a module that work under `root`."""
    found = {}
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = process.info["cmdline"] or []
        ours = module in words and any(str(root) in word for word in words)
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found[process.info["pid"]] = words
    return found


class Watcher(threading.Thread):
    """Looks again and again: who lives, who is known, how many work at once."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.root, self.ended = root, threading.Event()
        self.unknown_since: dict[int, float] = {}
        self.orphans: set[int] = set()
        self.most_at_work = 0

    def run(self) -> None:
        while not self.ended.wait(0.2):
            owners = {}
            for run in lifecycle.all_runs(self.root):
                if run.alive() and (pid := read_json(run.folder / "owner.json").get("pid")):
                    owners[pid] = run.name
            trainers = living(self.root, "engine.services.worker")
            at_work = [pid for pid in trainers if pid in owners]
            self.most_at_work = max(self.most_at_work, len(at_work))
            now = time.monotonic()
            # Of several dispatchers all but one leave as soon as they find the lock taken.
            unknown = [pid for pid in trainers if pid not in owners]
            unknown += sorted(living(self.root, "engine.services.dispatcher"))[1:]
            self.unknown_since = {pid: self.unknown_since.get(pid, now) for pid in unknown}
            self.orphans |= {pid for pid, since in self.unknown_since.items() if now - since > KNOWN_WITHIN_SECONDS}


def keep_queue(root: Path, names: list[str], steps: int) -> None:
    """Two runs wait behind the one at work."""
    while sum(lifecycle.find(name, root).state().state in (states.QUEUED, states.RUNNING) for name in names[-4:]) < 3:
        names.append(submit(root, f"run-{len(names):03}", steps).name)


def kill_dispatchers(root: Path, kills: int, steps: int, rng: random.Random) -> tuple[list[str], int]:
    """The names of the runs that were queued, and how often a dispatcher was killed."""
    names: list[str] = []
    killed = 0
    while killed < kills:
        keep_queue(root, names, steps)
        if not living(root, "engine.services.worker"):
            dispatcher.ensure(root)
        time.sleep(rng.uniform(0.3, 8.0))
        for pid in living(root, "engine.services.dispatcher"):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return names, killed


def kill_pages(root: Path, kills: int, steps: int, rng: random.Random) -> tuple[list[str], int]:
    """The same for the dashboard, whose page alone keeps the queue going."""
    names: list[str] = []
    with chromium() as browser:
        for _ in range(kills):
            keep_queue(root, names, steps)
            with Dashboard(root, ATELIER_CORPORA=os.environ["ATELIER_CORPORA"]) as server:
                page = browser.new_page()
                try:
                    page.goto(server.address, timeout=60_000)
                    page.wait_for_selector("h1", timeout=60_000)
                    time.sleep(rng.uniform(0.0, 3.0))
                finally:
                    server.kill()
                    page.close()
    return names, kills


def trial(kind: str, kill, kills: int, steps: int) -> dict:
    """One kind of process, a root of its own; what is found when all runs have ended."""
    root = Path(tempfile.mkdtemp(prefix="orphans-"))
    os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = str(root), f"{root}/.corpora"
    watcher = Watcher(root)
    watcher.start()
    started = time.monotonic()
    names, killed = kill(root, kills, steps, random.Random(1))
    end = time.monotonic() + 1800
    while any(
        lifecycle.find(name, root).state().state in (states.QUEUED, states.RUNNING, states.INTERRUPTED)
        for name in names
    ):
        if time.monotonic() > end:
            break
        if not living(root, "engine.services.worker"):
            dispatcher.ensure(root)
        time.sleep(0.5)
    time.sleep(KNOWN_WITHIN_SECONDS)
    watcher.ended.set()
    of_names = [lifecycle.find(name, root) for name in names]
    starts = [sum(e["state"] == states.RUNNING for e in run.events("state")) for run in of_names]
    firsts = [run.events("state")[0]["time"] for run in of_names if run.events("state")]
    left = [*living(root, "engine.services.worker"), *living(root, "engine.services.dispatcher")]
    found = {
        f"{kind}_killed": killed,
        "runs": len(names),
        "finished": sum(run.state().state == states.FINISHED for run in of_names),
        "started_more_than_once": sum(count != 1 for count in starts),
        "finished_more_than_once": sum(len(run.events("result")) != 1 for run in of_names),
        "most_trainers_at_work": watcher.most_at_work,
        "unknown_for_ten_seconds": len(watcher.orphans),
        "left_at_the_end": len(left),
        "in_the_order_of_the_queue": firsts == sorted(firsts),
        "folders_beside_the_runs": sorted({path.name for path in root.iterdir()} - set(names)),
        "seconds": round(time.monotonic() - started),
    }
    shutil.rmtree(root, ignore_errors=True)
    return found


def main() -> None:
    """Both kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dispatcher", type=int, default=50)
    parser.add_argument("--streamlit", type=int, default=50)
    parser.add_argument("--steps", type=int, default=5)
    a = parser.parse_args()
    found = []
    if a.dispatcher:
        found.append(trial("dispatcher", kill_dispatchers, a.dispatcher, a.steps))
        print(found[-1], file=sys.stderr, flush=True)
    if a.streamlit:
        found.append(trial("streamlit", kill_pages, a.streamlit, a.steps))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
