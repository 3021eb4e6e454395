"""From the press of the Lab's button: when something moves, the first step, the first point, the result; and what is compiled.

    python benchmarks/waiting.py [--presses 2] [--articles FOLDER]

Each press is the page's own request (about a minute, everything counted) in folders of their own, with the queue and a trainer
of their own, as on a fresh machine; every further press finds what the ones before have kept. The trainer's log gives each
compiled function by name, shape and seconds. One line of JSON.
"""

import argparse
import json
import re
import time
from pathlib import Path

import bench

from engine.core import paths
from engine.runs import states
from engine.runs.lifecycle import find
from engine.runs.settings import EVERYTHING, RunSettings
from engine.runs.submission import submit
from engine.services import dispatcher

COMPILED = re.compile(r"compiled (\w+) for \((.*)\) in ([\d.]+) s")


def press(root: Path, name: str, articles: str, minutes: float) -> dict:
    """One press: seconds until each thing that a person sees."""
    settings = RunSettings(
        paths.portable(paths.MINI_PRESET), articles, name, minutes=minutes, minutes_of=EVERYTHING, device="cpu"
    )
    pressed = time.time()
    run = submit(settings, root)
    dispatcher.ensure(root)
    seen: dict[str, float] = {}
    while (state := run.state()).state in (states.QUEUED, states.RUNNING):
        seen.setdefault(state.phase or state.state, round(time.time() - pressed, 2))
        time.sleep(0.05)
    events = run.events()
    at = {
        kind: next((e["time"] for e in events if e["kind"] == kind), None) for kind in ("step", "evaluation", "result")
    }
    started = next(e["time"] for e in events if e["kind"] == "state")
    log = (run.folder / "trainer.log").read_text(encoding="utf-8", errors="replace")
    return {
        "state": state.state,
        "phases_seen_after": seen,
        "trainer_started": round(started - pressed, 2),
        "first_step": round(at["step"] - pressed, 2),
        "trainer_started_to_first_step": round(at["step"] - started, 2),
        "first_figure_of_the_base": round(at["evaluation"] - pressed, 2),
        "result": round(at["result"] - pressed, 2),
        "of_wanted": round((at["result"] - pressed) / (60 * minutes), 3),
        "steps": find(name, root).state().step,
        "compiled": [[name, shape, float(seconds)] for name, shape, seconds in COMPILED.findall(log)],
    }


def main() -> None:
    """Several presses, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--articles", default=paths.portable(paths.SAMPLE_ARTICLES))
    a = parser.parse_args()
    with bench.own_folders() as root:
        found = [press(root, f"press-{number}", a.articles, a.minutes) for number in range(1, a.presses + 1)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
