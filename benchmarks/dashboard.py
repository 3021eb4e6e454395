"""The dashboard as a person meets it: time to a usable page, memory, time from the button to the first point.

    python benchmarks/dashboard.py [--json]

Needs Chromium and `pip install -r requirements-dev.txt`. Runs are kept in a temporary folder. Memory is that of the
server process after every page has been opened once; the trainer's is the largest that it reported.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import psutil

from scripts.dashboard import Dashboard, chromium

PAGES = ("", "library?tab=articles", "train", "library?tab=checkpoints", "explore?tab=write", "explore?tab=score")


def measure(root: Path) -> dict:
    """All figures of one server."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        started = time.perf_counter()
        with Dashboard(root / "runs", ATELIER_STUDIO_IDLE_SECONDS="5") as server:
            page.goto(server.address)
            button = page.get_by_role("button", name="Fine-tune the mini model on the sample articles")
            button.wait_for(timeout=60_000)
            figures = {"usable_page_seconds": time.perf_counter() - started}
            pressed = time.perf_counter()
            button.click()
            page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=120_000)
            figures["first_point_seconds"] = time.perf_counter() - pressed
            stop = page.get_by_role("button", name="Stop")
            page.wait_for_timeout(8000)
            requested_at = time.perf_counter()
            stop.click()
            page.get_by_text("stopped").first.wait_for(timeout=60_000)
            figures["stop_seconds"] = time.perf_counter() - requested_at
            for path in PAGES:
                page.goto(f"{server.address}/{path}")
                page.wait_for_selector("h1")
                page.wait_for_timeout(1500)
            figures["dashboard_bytes"] = psutil.Process(server.pid).memory_info().rss
            events = next((root / "runs").glob("lab-*/events.jsonl")).read_text().splitlines()
            reported = [json.loads(line).get("memory_bytes", 0) for line in events]
            figures["trainer_bytes"] = max(reported)
    return figures


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
        time.sleep(8)  # the studio ends before its folder goes
    if a.json:
        print(json.dumps(figures))
        return
    print(f"streamlit run to a usable page   {figures['usable_page_seconds']:6.1f} s")
    print(f"button to the first point        {figures['first_point_seconds']:6.1f} s")
    print(f"stop to stopped on the page      {figures['stop_seconds']:6.1f} s")
    print(f"memory of the dashboard          {figures['dashboard_bytes'] / 1e6:6.0f} MB")
    print(f"memory of the trainer            {figures['trainer_bytes'] / 1e6:6.0f} MB")


if __name__ == "__main__":
    main()
