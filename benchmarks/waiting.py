"""From the press of the Lab's button: when something moves, the first step, the first point, the result; and what is compiled.

    python benchmarks/waiting.py [--presses 2] [--way auto|off|on] [--stop-after first-step|first-point] [--folder FOLDER]
    python benchmarks/waiting.py --break-even --folder FOLDER

Each press is the page's own request (about a minute, everything counted) in folders of their own, with the queue and a trainer
of their own, as on a fresh machine; every further press finds what the ones before have kept. The trainer's log gives each
compiled function by name, shape and seconds. --way is XLA's: without, with, or as a run decides by itself. One line of JSON.

With --folder the runs stay there, and a later call goes on where the last one ended: so each piece takes less than 90 s. From
the presses that lie there --break-even says from how many seconds of training on XLA has gained its compilation back
(engine/training/xla.py): where the line of steps over time, begun earlier, meets the steeper one. The first press of a folder,
which prepares the articles, is left out of that; --way on and --way off want to be called in turns.
"""

import argparse
import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
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


KEPT = "presses.jsonl"
STOPS = {"first-step": ("step", None), "first-point": ("evaluation", "run")}  # kind of event, and of which model


def press(root: Path, name: str, articles: str, minutes: float, compilation: str, stop_after: str | None) -> dict:
    """One press: seconds until each thing that a person sees; of what did not come before it was stopped, nothing."""
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
        if stop_after and _time_of(run.events(), *STOPS[stop_after]) is not None:
            run.request_stop()
            stop_after = None
    events = run.events()
    started = _time_of(events, "state") or pressed
    steps = [e for e in events if e["kind"] == "step"]

    def after(kind: str, model: str | None = None, since: float = pressed) -> float | None:
        found = _time_of(events, kind, model)
        return None if found is None else round(found - since, 2)

    log = (run.folder / "trainer.log").read_text(encoding="utf-8", errors="replace")
    result = after("result")
    return {
        "way": compilation,
        "state": state.state,
        "phases_seen_after": seen,
        "xla": next(e["xla"] for e in events if e["kind"] == "compilation"),
        "trainer_started": round(started - pressed, 2),
        "first_step": after("step"),
        "trainer_started_to_first_step": after("step", since=started),
        "first_figure_of_the_base": after("evaluation"),
        "first_point_on_validation": after("evaluation", "run"),
        "result": result,
        "of_wanted": None if result is None else round(result / (60 * minutes), 3),
        "steps": find(name, root).state().step,
        "seconds_a_step": round(steps[-1]["seconds"] / max(1, steps[-1]["step"] - 1), 4),
        "compiled": [[name, shape, float(seconds)] for name, shape, seconds in COMPILED.findall(log)],
    }


def _time_of(events: list[dict], kind: str, model: str | None = None) -> float | None:
    """When the first event of a kind was written (of a model)."""
    return next((e["time"] for e in events if e["kind"] == kind and (model is None or e["model"] == model)), None)


def break_even_seconds(without: list[dict], compiled: list[dict]) -> float | None:
    """Seconds of training from which on a run has made more steps with XLA; None where its steps are no faster."""
    (late, fast), (early, slow) = (
        [median(p[key] for p in presses) for key in ("trainer_started_to_first_step", "seconds_a_step")]
        for presses in (compiled, without)
    )
    return round((late - early) * slow / (slow - fast), 1) if slow > fast else None


@contextlib.contextmanager
def folders(kept: Path | None) -> Iterator[Path]:
    """Folders of runs and corpora that go with the block; those in `kept` stay."""
    if kept is None:
        with bench.own_folders() as root:
            yield root
        return
    kept.mkdir(parents=True, exist_ok=True)
    os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = str(kept), str(kept / ".corpora")
    yield kept


def read_kept(root: Path) -> list[dict]:
    """What earlier calls have measured there."""
    file = root / KEPT
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def main() -> None:
    """Several presses, one after the other, or what those of earlier calls say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--way", choices=(AUTO, OFF, ON), default=AUTO)
    parser.add_argument("--stop-after", choices=tuple(STOPS))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--break-even", action="store_true")
    parser.add_argument("--articles", default=paths.portable(paths.SAMPLE_ARTICLES))
    a = parser.parse_args()
    with folders(a.folder) as root:
        if a.break_even:
            ways = {way: [p for p in read_kept(root)[1:] if p["way"] == way] for way in (OFF, ON)}
            if not all(ways.values()):
                parser.error(
                    "--break-even wants at least one press behind the first without and one with XLA in --folder"
                )
            found: Any = {
                "presses": {way: len(presses) for way, presses in ways.items()},
                "break_even_seconds": break_even_seconds(ways[OFF], ways[ON]),
            }
        else:
            found = []
            for _ in range(a.presses):
                name = f"press-{len(read_kept(root)) + 1}"
                found.append(press(root, name, a.articles, a.minutes, a.way, a.stop_after))
                with open(root / KEPT, "a") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
