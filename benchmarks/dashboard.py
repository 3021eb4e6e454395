"""The dashboard as a person meets it: time to a usable page, memory, time from the button to the first point.

    python benchmarks/dashboard.py [--json]

Needs Chromium and `pip install -r requirements-dev.txt`. Runs are kept in a temporary folder. Memory is that of the
server process after every page has been opened once; the trainer's is the largest that it reported.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PAGES = ("", "articles", "fine_tune", "checkpoints", "side_by_side", "evaluate")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(root: Path) -> dict:
    """All figures of one server."""
    environment = {**os.environ, "ATELIER_CHECKPOINTS": str(root / "runs"), "ATELIER_CORPORA": str(root / "corpora")}
    environment["ATELIER_STUDIO_IDLE_SECONDS"] = "5"
    port = free_port()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=FLAGS
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        started = time.perf_counter()
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
        server = subprocess.Popen(
            [*command, "--server.port", str(port), "--server.address", "127.0.0.1"],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_up(address)
            page.goto(address)
            button = page.get_by_role("button", name="Fine-tune the mini model on the sample articles")
            button.wait_for(timeout=60_000)
            figures = {"usable_page_seconds": time.perf_counter() - started}
            pressed = time.perf_counter()
            button.click()
            page.wait_for_selector(".js-plotly-plot .scatterlayer .trace", timeout=120_000)
            figures["first_point_seconds"] = time.perf_counter() - pressed
            stop = page.get_by_role("button", name="Stop")
            page.wait_for_timeout(8000)
            asked = time.perf_counter()
            stop.click()
            page.get_by_text("stopped").first.wait_for(timeout=60_000)
            figures["stop_seconds"] = time.perf_counter() - asked
            for path in PAGES:
                page.goto(f"{address}/{path}")
                page.wait_for_selector("h1")
                page.wait_for_timeout(1500)
            figures["dashboard_bytes"] = psutil.Process(server.pid).memory_info().rss
            events = next((root / "runs").glob("lab-*/events.jsonl")).read_text().splitlines()
            reported = [json.loads(line).get("memory_bytes", 0) for line in events]
            figures["trainer_bytes"] = max(reported)
        finally:
            server.terminate()
            server.wait(20)
            chromium.close()
    return figures


def wait_until_up(address: str) -> None:
    """Waits for the server's own health answer."""
    for _ in range(600):
        try:
            urllib.request.urlopen(address + "/_stcore/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server did not start")


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
