"""From the press of the Lab's button: when something moves, the first step, the first point, the result; and what is compiled.

    python benchmarks/waiting.py [--presses 2] [--articles FOLDER] [--break-even]

Each press is the page's own request (about a minute, everything counted) in folders of their own, with the queue and a trainer
of their own, as on a fresh machine; every further press finds what the ones before have kept. The trainer's log gives each
compiled function by name, shape and seconds. One line of JSON.

--break-even presses in turn without and with XLA instead and says from how many seconds of training on XLA has gained its
compilation back (engine/training/xla.py): where the line of steps over time, begun earlier, meets the steeper one.
"""

import argparse
import json
import re
import time
from pathlib import Path
from statistics import median
from typing import Any

import bench

from engine.core import paths
from engine.runs import states
from engine.runs.lifecycle import find
from engine.runs.settings import AUTO, EVERYTHING, OFF, ON, RunSettings
from engine.runs.submission import submit
from engine.services import dispatcher

COMPILED = re.compile(r"compiled (\w+) for \((.*)\) in ([\d.]+) s")


def press(root: Path, name: str, articles: str, minutes: float, compilation: str = AUTO) -> dict:
    """One press: seconds until each thing that a person sees."""
    settings = RunSettings(
        paths.portable(paths.MINI_PRESET),
        articles,
        name,
        minutes=minutes,
        minutes_of=EVERYTHING,
        device="cpu",
        compilation=compilation,
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
    last = [e for e in events if e["kind"] == "step"][-1]
    log = (run.folder / "trainer.log").read_text(encoding="utf-8", errors="replace")
    return {
        "state": state.state,
        "phases_seen_after": seen,
        "xla": next(e["xla"] for e in events if e["kind"] == "compilation"),
        "trainer_started": round(started - pressed, 2),
        "first_step": round(at["step"] - pressed, 2),
        "trainer_started_to_first_step": round(at["step"] - started, 2),
        "first_figure_of_the_base": round(at["evaluation"] - pressed, 2),
        "result": round(at["result"] - pressed, 2),
        "of_wanted": round((at["result"] - pressed) / (60 * minutes), 3),
        "steps": find(name, root).state().step,
        "seconds_a_step": round(last["seconds"] / max(1, last["step"] - 1), 4),
        "compiled": [[name, shape, float(seconds)] for name, shape, seconds in COMPILED.findall(log)],
    }


def break_even_seconds(without: list[dict], compiled: list[dict]) -> float | None:
    """Seconds of training from which on a run has made more steps with XLA; None where its steps are no faster."""
    (late, fast), (early, slow) = (
        [median(p[key] for p in presses) for key in ("trainer_started_to_first_step", "seconds_a_step")]
        for presses in (compiled, without)
    )
    return round((late - early) * slow / (slow - fast), 1) if slow > fast else None


def main() -> None:
    """Several presses, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--break-even", action="store_true")
    parser.add_argument("--articles", default=paths.portable(paths.SAMPLE_ARTICLES))
    a = parser.parse_args()
    with bench.own_folders() as root:
        found: Any
        if a.break_even:
            press(root, "first", a.articles, a.minutes, OFF)  # prepares the articles and measures the base
            without, compiled = (
                [press(root, f"{way}-{number}", a.articles, a.minutes, way) for number in range(a.presses)]
                for way in (OFF, ON)
            )
            found = {
                "without": without,
                "compiled": compiled,
                "break_even_seconds": break_even_seconds(without, compiled),
            }
        else:
            found = [press(root, f"press-{number}", a.articles, a.minutes) for number in range(1, a.presses + 1)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
