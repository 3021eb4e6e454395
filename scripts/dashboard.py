"""The dashboard on a free port of this machine, and a browser without a screen."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
START_SECONDS = 60


class Dashboard:
    """A server with runs of its own, ended with the block.

    Attributes:
        address: where it answers.
    """

    def __init__(self, runs: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        words = ["--server.headless", "true", "--server.port", str(port), "--server.address", "127.0.0.1"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *words],
            cwd=PROJECT,
            env={**os.environ, "ATELIER_CHECKPOINTS": str(runs), "ATELIER_CORPORA": str(runs.parent / "corpora")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Dashboard":
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                self.__exit__()
                raise SystemExit("The dashboard did not start.")
            time.sleep(0.1)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.address + "/_stcore/health", timeout=1):
                return True
        except OSError:
            return False

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(20)


@contextlib.contextmanager
def chromium() -> Iterator:
    """Chromium through playwright: `$CHROMIUM`, or the one on the path."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
