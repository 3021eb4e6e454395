"""The dashboard as a server on a free port of this machine, and a browser without a screen."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
START_SECONDS = 90


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Dashboard:
    """A server as `streamlit run` starts it, with runs of its own; it ends with the block.

    Attributes:
        port, address: where it answers. pid: of its process.
    """

    def __init__(self, runs: Path, log: Path | None = None, port: int = 0, **environment: str) -> None:
        """Starts it.

        Args:
            runs: the folder of its runs; those of its corpora and classes lie beside it. log: where what it prints is written.
            port: where it answers; 0 = a free one.
            environment: what is told to it besides, such as another STREAMLIT_SERVER_ADDRESS ("" = all interfaces).
        """
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        variables = {
            "ATELIER_CHECKPOINTS": str(runs),
            "ATELIER_CORPORA": str(runs.parent / "corpora"),
            "ATELIER_CLASSES": str(runs.parent / "classes"),
            "STREAMLIT_SERVER_HEADLESS": "true",
            "STREAMLIT_SERVER_PORT": str(self.port),
            "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
            **environment,
        }
        with open(log or os.devnull, "wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"],
                cwd=PROJECT,
                env={name: value for name, value in {**os.environ, **variables}.items() if value},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def __enter__(self) -> "Dashboard":
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                self.__exit__()
                raise SystemExit("The dashboard did not start.")
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.address + "/_stcore/health", timeout=1):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 404  # its health lies below a path of its own
        except OSError:
            return False

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.kill()
        self._process.wait()

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def browser_program() -> str | None:
    """Chromium or Chrome: `$CHROMIUM`, or the one on the path."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator:
    """Chromium through playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
