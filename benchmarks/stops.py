"""From asking a run to stop to its process gone: how long, at random moments of a run of the mini model?

    python benchmarks/stops.py [--stops 20]

The run is resumed by the dispatcher after each stop. Half of the stops come while it trains, half at any moment from its
start on, loading and compiling included. One line of JSON.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine import dispatcher, paths, runs, submission
from engine.files import read_json
from engine.settings import RunSettings


def gone(pid: int) -> bool:
    """Whether a process has ended; one that its parent has not collected yet has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait(condition, seconds: float = 300.0):
    """The first true value of a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.005)
    raise TimeoutError


def main() -> None:
    """Stops one run again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=20)
    a = parser.parse_args()
    rng, found = random.Random(1), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = root, f"{root}/.corpora"
        run = submission.submit(
            RunSettings(preset=str(paths.MINI_PRESET), articles=str(paths.SAMPLE_ARTICLES), name="stopped", steps=2000,
                        evaluate_steps=12)
        )  # fmt: skip
        for number in range(a.stops):
            trains = number % 2 == 0
            dispatcher.ensure()
            former = run.events()[-1]["time"] if run.events() else 0.0
            wait(lambda: run.state().state == runs.RUNNING and run.alive())
            if trains:
                wait(lambda since=former: any(e["time"] > since for e in run.events("step")))
            time.sleep(rng.uniform(0, 10 if trains else 25))
            pid, phase = read_json(run.folder / "owner.json")["pid"], run.state().phase
            asked = time.time()
            run.request_stop()
            wait(lambda pid=pid: gone(pid))
            seconds = time.time() - asked
            wait(lambda: run.state().state in (runs.STOPPED, runs.FINISHED))
            saved = [e["time"] - asked for e in run.events("checkpoint") if e["time"] >= asked]
            ended = [e["time"] - asked for e in run.events("state") if e["time"] >= asked]
            times = {"saved": saved[:1], "ended": ended[:1], "gone": [seconds]}
            found.append({"phase": phase, **{name: round(value[0], 2) for name, value in times.items() if value}})
            print(found[-1], file=sys.stderr, flush=True)
            run.request_resume()
    print(json.dumps({"all": summary(found), "training": summary(found[::2]), "stops": found}))


def summary(found: list[dict]) -> dict[str, float]:
    """Median, 95th percentile and longest."""
    seconds = sorted(stop["gone"] for stop in found)
    return {"p50": seconds[len(seconds) // 2], "p95": seconds[int(0.95 * (len(seconds) - 1))], "max": seconds[-1]}


if __name__ == "__main__":
    main()
