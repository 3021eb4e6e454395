"""A class at once: thirty visitors watch a run that trains, on the machine that trains it.

    python benchmarks/class_load.py [--seconds 300] [--sessions 30] [--browsers 2] [--json]

Needs Chromium and `pip install -r requirements-dev.txt`; with `--browsers 0` neither. Visitors are `--browsers` real
browsers and, for the rest of `--sessions`, connections that speak the dashboard's protocol (streamlit_session.py). All
open the first page within five seconds, then go to another every 15 to 45 seconds, half of the times to a page of the
run at work. A page is measured from the request to the end of its script (in a browser, until its title stands too), a
live figure from the request for a refresh to its end. The trainer is measured alone before and after, as useful tokens
in a second of training. Runs are kept in a temporary folder, beside the recorded one. The visitors' own work competes
with the trainer, which a class's own machines would not; the table says what it took.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from bench import PROJECT
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit_session import Clock, Measured, visit

from scripts.dashboard import FLAGS, Dashboard, browser_program

# By address; "" is the Lab. Those that start the studio, a process with TensorFlow, are left out.
PAGES = ["", "", "", "train", "explore", "explore", "explore", "explore", "library", "library"]
STAY_SECONDS = 15.0, 45.0
ARRIVAL_SECONDS = 5.0
RUN = "class"


class Trainer:
    """The run at work, seen through its folder."""

    def __init__(self, root: Path, minutes: float) -> None:
        from engine.core import paths
        from engine.runs import submission
        from engine.runs.settings import RunSettings
        from engine.services import dispatcher

        settings = RunSettings(
            preset=paths.portable(paths.MINI_PRESET),
            articles=paths.portable(paths.SAMPLE_ARTICLES),
            name=RUN,
            minutes=minutes,
        )
        self.run = submission.submit(settings)
        dispatcher.ensure(root)

    def steps(self) -> list[dict]:
        """Its reports of steps."""
        return self.run.events("step")

    def train(self, seconds: float) -> None:
        """Waits while it trains for so long; measuring and saving in between do not count."""
        begun, end = self._trained(), time.monotonic() + 180 + 10 * seconds
        while self._trained() < begun + seconds:
            if time.monotonic() > end or self.run.state().state not in ("queued", "running"):
                raise SystemExit(f"the trainer did not come so far: {self.run.state()}")
            time.sleep(0.5)

    def _trained(self) -> float:
        reports = self.steps()
        return reports[-1]["seconds"] if reports else 0.0

    def speed(self, since: float, until: float) -> float:
        """Useful tokens in a second of training between two Unix times; NaN where it reported less than twice."""
        inside = [event for event in self.steps() if since <= event["time"] <= until]
        if len(inside) < 2:
            return float("nan")
        return (inside[-1]["tokens"] - inside[0]["tokens"]) / (inside[-1]["seconds"] - inside[0]["seconds"])

    def end(self) -> None:
        """Stops it and waits for its end."""
        self.run.request_stop()
        end = time.monotonic() + 120
        while self.run.alive() and time.monotonic() < end:
            time.sleep(0.2)


async def browse(playwright, address: str, measured: Measured, end: float, seed: int, chromium) -> None:
    """One real browser until `end`, as `visit` does it; its websocket is listened to."""
    drawn, clock = random.Random(seed), Clock(measured)
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    page = await context.new_page()

    def received(content: bytes | str) -> None:
        message = ForwardMsg()
        message.ParseFromString(content)
        measured.received_bytes += len(content)
        clock.received(message, time.perf_counter())

    def sent(content: bytes | str) -> None:
        message = BackMsg()
        message.ParseFromString(content)
        clock.sent(message, time.perf_counter())

    def connected(socket_) -> None:
        socket_.on("framereceived", received)
        socket_.on("framesent", sent)

    page.on("websocket", connected)
    name, requested_at = "", time.perf_counter()
    try:
        async with asyncio.timeout(max(0.0, end - time.perf_counter())):
            while True:
                requested_at = time.perf_counter()
                inner = Measured()  # the script's end alone is not what a person waits for
                clock.measured, clock.page = inner, None
                clock.open(name, requested_at)
                if not clock.pages:  # the first page
                    await page.goto(f"http://{address}/")
                else:
                    await page.locator(f'[data-testid="stSidebarNavLink"][href$="/{name}"]').click()
                await clock.finished.wait()
                await page.locator("h1").first.wait_for()
                clock.measured = measured
                measured.pages.append((requested_at, name, time.perf_counter() - requested_at))
                measured.errors += inner.errors
                await asyncio.sleep(drawn.uniform(*STAY_SECONDS))
                name = drawn.choice(PAGES)
    except TimeoutError:
        if clock.measured is not measured:  # still waiting: it counts with what it has waited so far
            measured.pages.append((requested_at, name, time.perf_counter() - requested_at))
    finally:
        await context.close()


async def visitors(address: str, sessions: int, browsers: int, seconds: float, measured: Measured, seen: Measured):
    """All visitors at once, for so many seconds."""
    start = time.perf_counter()
    end = start + seconds

    async def later(number: int, begin) -> None:
        await asyncio.sleep(ARRIVAL_SECONDS * number / max(1, sessions))
        await begin()

    async with contextlib.AsyncExitStack() as stack:
        tasks = [
            later(n, lambda n=n: visit(address, measured, PAGES, STAY_SECONDS, end, n))
            for n in range(sessions - browsers)
        ]
        if browsers:
            from playwright.async_api import async_playwright

            playwright = await stack.enter_async_context(async_playwright())
            chromium = await playwright.chromium.launch(executable_path=browser_program(), args=FLAGS)
            stack.push_async_callback(chromium.close)
            end += time.perf_counter() - start
            tasks += [
                later(sessions - 1 - n, lambda n=n: browse(playwright, address, seen, end, 1000 + n, chromium))
                for n in range(browsers)
            ]
        await asyncio.gather(*tasks)


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and those that it started."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def watch_memory(process: psutil.Process, found: list[int], ended: list[bool]) -> None:
    """Notes the server's memory twice a second."""
    while not ended:
        found.append(process.memory_info().rss)
        time.sleep(0.5)


def measure(root: Path, seconds: float, sessions: int, browsers: int, alone: float) -> dict:
    """All figures."""
    os.environ.update(ATELIER_CHECKPOINTS=str(root / "runs"), ATELIER_CORPORA=str(root / "corpora"))
    os.environ.update(ATELIER_STUDIO_IDLE_SECONDS="5", CUDA_VISIBLE_DEVICES="-1")
    (root / "runs").mkdir()
    shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", root / "runs" / "recorded-mini")
    measured, seen = Measured(), Measured()
    trainer = None
    with Dashboard(root / "runs", root / "server.log") as served:
        process, address = psutil.Process(served.pid), f"127.0.0.1:{served.port}"
        try:
            first = Measured()
            asyncio.run(visit(address, first, PAGES, STAY_SECONDS, time.perf_counter() + 8, 0))
            before = process.memory_info().rss
            # Long enough whatever the visitors cost: its steps are fixed by the speed of the first twenty.
            trainer = Trainer(root / "runs", minutes=2 * (seconds + 2 * alone) / 60 + 1)
            trainer.train(5)
            started = time.time()
            trainer.train(alone)
            begun = time.time()
            spent = cpu_seconds(process), psutil.Process().cpu_times()
            memory: list[int] = []
            ended: list[bool] = []
            threading.Thread(target=watch_memory, args=(process, memory, ended), daemon=True).start()
            asyncio.run(visitors(address, sessions, browsers, seconds, measured, seen))
            done = time.time()
            ended.append(True)
            after = process.memory_info().rss
            server_seconds = cpu_seconds(process) - spent[0]
            own = psutil.Process().cpu_times()  # of the protocol's visitors, and of browsers, which have ended
            fields = ("user", "system", "children_user", "children_system")
            visitor_seconds = sum(getattr(own, name, 0.0) - getattr(spent[1], name, 0.0) for name in fields)
            trainer.train(alone)
            finished = time.time()
            speeds = [trainer.speed(started, begun), trainer.speed(begun, done), trainer.speed(done, finished)]
        finally:
            if trainer is not None:
                trainer.end()
    return figures_of(measured, seen, speeds) | {
        "sessions": sessions,
        "browsers": browsers,
        "seconds": done - begun,
        "dashboard_bytes_before": before,
        "dashboard_bytes_most": max(memory),
        "dashboard_bytes_after": after,
        "dashboard_cpu_share": server_seconds / (done - begun),
        "visitors_cpu_share": visitor_seconds / (done - begun),
        "errors": measured.errors + seen.errors,
    }


def spread(values: list[float]) -> dict[str, float]:
    """How many, the median, the 95th percentile and the longest."""
    if not values:
        return {"n": 0, "p50": float("nan"), "p95": float("nan"), "max": float("nan")}
    return {
        "n": len(values),
        "p50": float(np.percentile(values, 50)),
        "p95": float(np.percentile(values, 95)),
        "max": max(values),
    }


def figures_of(measured: Measured, seen: Measured, speeds: list[float]) -> dict:
    """What visitors waited for, and the trainer's speeds."""
    every = measured.pages + seen.pages
    first = min((requested_at for requested_at, _name, _seconds in every), default=0.0)
    alone = (speeds[0] + speeds[2]) / 2
    return {
        "page": spread([seconds for _requested_at, _name, seconds in every]),
        "first_pages": spread([s for requested_at, _name, s in every if requested_at <= first + ARRIVAL_SECONDS + 1]),
        "page_in_browsers": spread([seconds for _requested_at, _name, seconds in seen.pages]),
        "live": spread(measured.live + seen.live),
        "live_in_browsers": spread(seen.live),
        "strip": spread(measured.strip + seen.strip),
        "between": spread(measured.between + seen.between),
        "received_bytes": measured.received_bytes + seen.received_bytes,
        "trainer_alone": alone,
        "trainer_before_and_after": [speeds[0], speeds[2]],
        "trainer_watched": speeds[1],
        "trainer_loss": 1 - speeds[1] / alone,
    }


def tell(found: dict) -> None:
    """The table."""
    title = f"{found['sessions']} visitors, {found['browsers']} of them browsers, {found['seconds']:.0f} s"
    print(f"{title:44}      n     p50     p95     max   wanted")
    for name, label, wanted in (
        ("page", "a page", "p95 < 3 s"),
        ("first_pages", "  of these, the first ones, all at once", ""),
        ("page_in_browsers", "  of these, in browsers", ""),
        ("live", "a live refresh", "p95 < 2 s"),
        ("live_in_browsers", "  of these, in browsers", ""),
        ("strip", "the line in the sidebar", ""),
        ("between", "from one refresh to the next", ""),
    ):
        one = found[name]
        print(f"{label:44} {one['n']:6} {one['p50']:6.2f}s {one['p95']:6.2f}s {one['max']:6.2f}s   {wanted}")
    print(
        f"{'the trainer alone, then watched (tokens/s)':44} {found['trainer_alone']:,.0f}, {found['trainer_watched']:,.0f}"
    )
    print(f"{'the trainer loses':44} {100 * found['trainer_loss']:.1f} %   wanted < 15 %")
    before, most, after = (found[f"dashboard_bytes_{when}"] / 1e6 for when in ("before", "most", "after"))
    print(
        f"{'memory of the dashboard: before, most, after':44} {before:.0f}, {most:.0f}, {after:.0f} MB   wanted < 300 MB"
    )
    shares = f"{found['dashboard_cpu_share']:.2f}, {found['visitors_cpu_share']:.2f} of a core"
    print(f"{'CPU of the dashboard, of the visitors':44} {shares}")
    print(f"{'sent to visitors':44} {found['received_bytes'] / found['seconds'] / 1e3:,.0f} kB/s")
    print(f"{'errors':44} {len(found['errors'])} {sorted(set(found['errors']))[:3] if found['errors'] else ''}")


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300, help="how long the visitors stay")
    parser.add_argument("--sessions", type=int, default=30, help="visitors in all")
    parser.add_argument("--browsers", type=int, default=2, help="of these, real browsers")
    parser.add_argument("--alone", type=float, default=40, help="seconds of training alone, before and after")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = measure(Path(folder), a.seconds, a.sessions, min(a.browsers, a.sessions), a.alone)
        time.sleep(4)  # the dispatcher ends before its folder goes
    print(json.dumps(found)) if a.json else tell(found)


if __name__ == "__main__":
    main()
