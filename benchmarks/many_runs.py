"""Pages beside a few runs and beside hundreds: seconds to a drawn page of a warm server, and of a press without a model.

    python benchmarks/many_runs.py [--runs 5 500] [--json]

Needs Chromium and `pip install -r requirements-dev.txt`. The runs are small ones that are written here: a folder, a few
reports and one checkpoint without weights that could be used. Each figure is the median of five.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)

from engine.core import paths
from engine.core.locks import Lock
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle, states
from engine.runs.settings import RunSettings
from scripts.dashboard import Dashboard, chromium

PAGES = ("", "train", "explore?tab=curve", "explore?tab=write", "library?tab=runs", "library?tab=checkpoints")
TIMES = 5
DRAWN = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def write_runs(root: Path, number: int) -> None:
    """Writes finished runs of four steps."""
    preset = catalogue.find(paths.portable(paths.MINI_PRESET))
    figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
    facts = {"preset": catalogue.json_of(preset), "tokens": 100, "parent": None, "metrics": {"validation": figures}}
    for at in range(number):
        settings = RunSettings(
            preset=preset.reference, articles=paths.portable(paths.SAMPLE_ARTICLES), name=f"run-{at}", steps=4
        )
        run = lifecycle.create(settings, root=root)
        for step, model in ((0, "base"), (4, "run")):
            run.append_event("evaluation", step=step, split="validation", model=model, whole=False, **figures)
        with checkpoints.commit(run, 4, facts) as staging:
            (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
        with Lock(run.folder / "lock") as lock:
            lock.acquire()
            run.write_state(state=states.FINISHED, step=4, steps=4)


def measure(root: Path) -> dict[str, float]:
    """Seconds of each page of a server with these runs, and of a press."""
    found = {}
    with Dashboard(root, ATELIER_STUDIO_IDLE_SECONDS="5") as server, chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for path in PAGES:
            found[path or "lab"] = statistics.median(
                _seconds(page, f"{server.address}/{path}") for _time in range(TIMES)
            )
        page.goto(f"{server.address}/library?tab=runs")
        page.wait_for_selector(DRAWN)
        page.wait_for_timeout(1000)
        presses = []
        for _time in range(TIMES):
            started = time.perf_counter()
            page.get_by_text("Smooth", exact=True).click()
            page.wait_for_selector('[data-testid="stApp"][data-test-script-state="running"]', timeout=5_000)
            page.wait_for_selector(DRAWN)
            presses.append(time.perf_counter() - started)
        found["a press"] = statistics.median(presses)
    return found


def _seconds(page, address: str) -> float:
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector('[data-testid="stSkeleton"]', state="detached")
    return time.perf_counter() - started


def main() -> None:
    """Prints the figures of each number of runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[5, 500])
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    found = {}
    for number in a.runs:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "checkpoints"
            root.mkdir()
            os.environ["ATELIER_CHECKPOINTS"] = str(root)
            write_runs(root, number)
            found[number] = measure(root)
    if a.json:
        print(json.dumps(found))
        return
    print(f"{'':28}" + "".join(f"{number:>10} runs" for number in found))
    for name in next(iter(found.values())):
        print(f"{name:28}" + "".join(f"{figures[name]:13.2f} s" for figures in found.values()))


if __name__ == "__main__":
    main()
