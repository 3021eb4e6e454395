"""From asking a run to stop to its process gone: how long, at random moments of a run of the mini model?

    python benchmarks/stops.py [--stops 20]

A third of the stops are the page's, a third SIGTERM, a third Ctrl-C's SIGINT; the dispatcher resumes the run after each. Half come
while it trains, half at any moment from its start on, loading and compiling included. Where training had begun, a stop must leave a
checkpoint with every step that was reported. One line of JSON. POSIX.
"""

import argparse
import json
import os
import random
import signal
import sys
import time

import psutil
from bench import own_folders

from engine.core import paths
from engine.core.files import read_json
from engine.runs import checkpoints, states, submission
from engine.runs.folder import Run
from engine.runs.settings import RunSettings
from engine.services import dispatcher

WAYS = ("page", "SIGTERM", "SIGINT")
WANTED_SECONDS = 10.0  # to the end in a checkpoint


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


def stop(run: Run, way: str, trains: bool, rng: random.Random) -> dict:
    """Starts or resumes a run, stops it at a random moment, and says what came of it."""
    dispatcher.ensure()
    since = run.events()[-1]["time"] if run.events() else 0.0
    wait(lambda: run.state().state == states.RUNNING and run.alive())
    if trains:
        wait(lambda: any(e["time"] > since for e in run.events("step")))
    time.sleep(rng.uniform(0, 10 if trains else 25))
    pid, phase = read_json(run.folder / "owner.json")["pid"], run.state().phase
    reported = [e["step"] for e in run.events("step") if e["time"] > since]
    requested_at = time.time()
    run.request_stop() if way == "page" else os.kill(pid, getattr(signal, way))
    wait(lambda: gone(pid))
    seconds = time.time() - requested_at
    wait(lambda: run.state().state in (states.STOPPED, states.FINISHED))
    saved = [e["time"] - requested_at for e in run.events("checkpoint") if e["time"] >= requested_at]
    ended = [e["time"] - requested_at for e in run.events("state") if e["time"] >= requested_at]
    times = {"saved": saved[:1], "ended": ended[:1], "gone": [seconds]}
    newest = checkpoints.newest_verified(run)
    saved_all = not reported or (newest is not None and newest.step >= reported[-1])
    return {"way": way, "phase": phase, "kept": saved_all, **{name: round(v[0], 2) for name, v in times.items() if v}}


def main() -> None:
    """Stops one run again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=20)
    a = parser.parse_args()
    rng, found = random.Random(1), []
    with own_folders():
        run = submission.submit(
            RunSettings(preset=str(paths.MINI_PRESET), articles=str(paths.SAMPLE_ARTICLES), name="stopped", steps=2000,
                        evaluate_steps=12)
        )  # fmt: skip
        for number in range(a.stops):
            found.append(stop(run, WAYS[number % len(WAYS)], number % 2 == 0, rng))
            print(found[-1], file=sys.stderr, flush=True)
            if run.state().state == states.FINISHED:
                break
            if number < a.stops - 1:
                run.request_resume()
    result = {"all": summary(found), "training": summary(found[::2])}
    result |= {way: summary([stop for stop in found if stop["way"] == way]) for way in WAYS}
    late = sum(stop["gone"] > WANTED_SECONDS for stop in found)
    print(json.dumps({**result, "late": late, "steps_lost": sum(not stop["kept"] for stop in found), "stops": found}))


def summary(found: list[dict]) -> dict[str, float]:
    """How many, median, 95th percentile and longest."""
    seconds = sorted(stop["gone"] for stop in found)
    if not seconds:
        return {"n": 0}
    middle, high = seconds[len(seconds) // 2], seconds[int(0.95 * (len(seconds) - 1))]
    return {"n": len(seconds), "p50": middle, "p95": high, "max": seconds[-1]}


if __name__ == "__main__":
    main()
