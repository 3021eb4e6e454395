"""A class's phones: sixty answer within ten seconds while a run trains, two hundred wait, and the server is killed in the middle.

    python benchmarks/classroom.py [answers|memory|kill|trainer|opening] … [--phones 60] [--browsers 0] [--json]

Phones speak the protocol of the page (ui/phone): they join with a form, ask for news with the page's back-off, and answer with the
form that they were shown. `answers`: what a confirmation takes, none lost or counted twice. `memory`: what 200 phones add to the
server. `kill`: answers whose confirmation came are there after the server was killed. `trainer`: `answers` while a run trains on this
machine, and what that costs the run, in useful tokens in a second of training. `opening`: seconds and presses from `streamlit
run` to a class that a phone has joined, in a teacher's Chromium that is open already. Without names: the first three. The phones
share the machine with the server, which a class's own would not.

Of `answers` and `trainer` so many of the phones as `--browsers` says are pages of a real Chromium with their script: they see the
question come, press an answer and see that it is in. They have joined before the time is taken, and cost this machine more than
a phone's own browser costs the teacher's. `--browsers` and `opening` need Chromium and `pip install -r requirements-dev.txt`.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psutil
from bench import PROJECT

try:
    import httpx2 as httpx  # which one huggingface_hub has brought
except ImportError:
    import httpx

from engine.classroom import classes, tallies, votes
from engine.classroom.questions import typed
from scripts.dashboard import FLAGS, Dashboard, browser_program, chromium

QUESTION = typed("speed", "Which?", ["one", "two", "three", "four"], "en")
WITHIN_SECONDS = 10.0
MANY = 200  # phones that wait
BASE_SECONDS = 20.0  # of the trainer, before and after
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@dataclass
class Found:
    """What the phones saw: seconds of each confirmation, choices that were confirmed, and how often something failed.

    Attributes:
        shown: seconds until a browser's script has brought the question.
    """

    seconds: list[float] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    confirmed: dict[int, int] = field(default_factory=dict)
    failed: int = 0


class Phone:
    """A phone that speaks the page's protocol."""

    def __init__(self, number: int, address: str) -> None:
        self.number, self.address = number, address
        self._client = httpx.AsyncClient(
            base_url=address, follow_redirects=True, timeout=30, headers={"origin": address, "accept-language": "fr"}
        )

    async def post(self, page: str, **fields: str) -> httpx.Response:
        """Sends the form of a page."""
        form = dict(_FIELD.findall(page.partition("<button")[0])) | fields
        return await self._client.post(
            "/c", content=urlencode(form), headers={"content-type": "application/x-www-form-urlencoded"}
        )

    async def join(self, code: str) -> None:
        """Joins the class."""
        page = await self._client.get(f"/c/{code}")
        (await self.post(page.text, do="join", code=code)).raise_for_status()

    async def page(self) -> str:
        """What it is shown."""
        return (await self._client.get("/c")).text

    async def wait(self, until: float) -> None:
        """Asks for news as the page's script does."""
        pause = 2.0
        while time.perf_counter() < until:
            await asyncio.sleep(min(pause * random.uniform(0.8, 1.2), max(0.0, until - time.perf_counter())))
            (await self._client.get("/c", params={"news": "1"})).raise_for_status()
            pause = min(pause * 1.3, 10.0)

    async def answer(self, found: Found, after: float, taps: int = 2) -> None:
        """Answers after so many seconds, with an impatient second tap."""
        page = await self.page()
        await asyncio.sleep(after)
        choice, begun = self.number % QUESTION.count, time.perf_counter()
        try:
            for answer in await asyncio.gather(*(self.post(page, choice=str(choice)) for _ in range(taps))):
                answer.raise_for_status()
        except httpx.HTTPError:
            found.failed += 1
            return
        found.seconds.append(time.perf_counter() - begun)
        found.confirmed[self.number] = choice

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()


class BrowserPhone(Phone):
    """A page of a real browser, with its script."""

    def __init__(self, number: int, address: str, page: Any) -> None:
        super().__init__(number, address)
        self._page = page

    async def join(self, code: str) -> None:
        """Joins the class."""
        await self._page.goto(f"{self.address}/c/{code}")
        await self._page.locator("button[value=join]").click()
        await self._page.locator("[role=status]").wait_for()

    async def answer(self, found: Found, after: float, taps: int = 2) -> None:
        """Answers once its script has brought the question, and so many seconds after it was asked."""
        begun = time.perf_counter()
        button = self._page.locator(f"button[name=choice][value='{self.number % QUESTION.count}']")
        await button.wait_for(timeout=30_000)
        found.shown.append(time.perf_counter() - begun)
        await asyncio.sleep(max(0.0, begun + after - time.perf_counter()))
        pressed = time.perf_counter()
        await button.click(click_count=taps)
        try:
            await self._page.locator("[role=status] + h2").wait_for(timeout=30_000)
        except Exception:
            found.failed += 1
            return
        found.seconds.append(time.perf_counter() - pressed)
        found.confirmed[self.number] = self.number % QUESTION.count

    async def close(self) -> None:
        """Closes the page."""
        await super().close()
        await self._page.context.close()


@contextlib.asynccontextmanager
async def browsers(address: str, count: int, first: int) -> AsyncIterator[list[Phone]]:
    """So many pages of one Chromium, each a phone of its own."""
    if not count:
        yield []
        return
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=browser_program(), args=FLAGS)
        phones: list[Phone] = []
        for number in range(first, first + count):
            context = await chromium.new_context(viewport={"width": 390, "height": 844}, locale="fr-FR")
            phones.append(BrowserPhone(number, address, await context.new_page()))
        yield phones
        await chromium.close()


async def joined(address: str, code: str, count: int) -> list[Phone]:
    """So many phones in the class."""
    phones = [Phone(number, address) for number in range(count)]
    await asyncio.gather(*(phone.join(code) for phone in phones))
    return phones


def opened() -> classes.SchoolClass:
    """A class of its own."""
    found = classes.find(classes.open_class("fine_tuning", "en").code)
    assert found is not None
    return found


def kept(room: classes.SchoolClass) -> tuple[int, ...]:
    """What the class's file holds of the newest question."""
    return tallies.tally(room, votes.questions(room)[-1]).counts


async def _answers(
    address: str, room: classes.SchoolClass, count: int, in_browsers: int, on_begin: Callable[[], Any] = int
) -> dict:
    """The phones answer within ten seconds.

    Args:
        on_begin: called when all have joined and the time begins, and when all have answered.
    """
    found, seen = Found(), Found()
    async with browsers(address, in_browsers, count) as pages:
        for page in pages:
            await page.join(room.code)
        phones = await joined(address, room.code, count)
        on_begin()
        votes.ask(room, QUESTION)
        drawn = random.Random(1)
        of = [*((phone, found) for phone in phones), *((page, seen) for page in pages)]
        await asyncio.gather(*(phone.answer(into, drawn.uniform(0, WITHIN_SECONDS)) for phone, into in of))
        on_begin()
        await asyncio.gather(*(phone.close() for phone, _into in of))
    wanted = np.bincount([*found.confirmed.values(), *seen.confirmed.values()], minlength=QUESTION.count).tolist()
    more = {}
    if in_browsers:
        more = {
            "browsers": in_browsers,
            "confirmed_in_browsers": len(seen.confirmed),
            "p95_seconds_in_browsers": round(float(np.quantile(seen.seconds, 0.95)), 3),
            "question_shown_after_seconds": [round(min(seen.shown), 1), round(max(seen.shown), 1)],
        }
    return more | {
        "phones": count,
        "confirmed": len(found.confirmed),
        "failed": found.failed + seen.failed,
        "lost_or_doubled": sum(abs(a - b) for a, b in zip(kept(room), wanted, strict=True)),
        "median_seconds": round(float(np.median(found.seconds)), 3),
        "p95_seconds": round(float(np.quantile(found.seconds, 0.95)), 3),
    }


def answers(folder: Path, count: int, in_browsers: int) -> dict:
    """Answers within ten seconds."""
    with Dashboard(folder / "checkpoints") as dashboard:
        return asyncio.run(_answers(dashboard.address, opened(), count, in_browsers))


def memory(folder: Path, count: int, in_browsers: int) -> dict:
    """What phones that wait add to the server."""

    async def waiting(address: str, room: classes.SchoolClass) -> None:
        phones = await joined(address, room.code, MANY)
        until = time.perf_counter() + 20
        await asyncio.gather(*(phone.wait(until) for phone in phones))
        used["after"] = process.memory_info().rss
        await asyncio.gather(*(phone.close() for phone in phones))

    used: dict[str, int] = {}
    with Dashboard(folder / "checkpoints") as dashboard:
        process = psutil.Process(dashboard.pid)
        room = opened()
        asyncio.run(_one(dashboard.address, room))  # what the first phone makes the server load is no phone's
        used["before"], seconds = process.memory_info().rss, sum(process.cpu_times()[:2])
        asyncio.run(waiting(dashboard.address, room))
        seconds = sum(process.cpu_times()[:2]) - seconds
    more = (used["after"] - used["before"]) / 1e6
    return {"phones": MANY, "more_megabytes": round(more, 1), "server_cpu_seconds_of_20": round(seconds, 2)}


async def _one(address: str, room: classes.SchoolClass) -> None:
    phone = Phone(0, address)
    await phone.join(room.code)
    await phone.close()


def kill(folder: Path, count: int, in_browsers: int) -> dict:
    """The server is killed while answers come in."""

    async def until_killed(dashboard: Dashboard, room: classes.SchoolClass) -> Found:
        phones = await joined(dashboard.address, room.code, count)
        votes.ask(room, QUESTION)
        found, drawn = Found(), random.Random(2)
        at_work = [asyncio.create_task(phone.answer(found, drawn.uniform(0, 3), taps=1)) for phone in phones]
        while len(found.confirmed) < count // 2:
            await asyncio.sleep(0.01)
        dashboard.kill()
        await asyncio.gather(*at_work)
        await asyncio.gather(*(phone.close() for phone in phones))
        return found

    with Dashboard(folder / "checkpoints") as dashboard:
        room = opened()
        found = asyncio.run(until_killed(dashboard, room))
    wanted = np.bincount(list(found.confirmed.values()), minlength=QUESTION.count)
    lost = int(np.maximum(wanted - np.array(kept(room)), 0).sum())
    return {"confirmed": len(found.confirmed), "not_confirmed": found.failed, "confirmed_and_lost": lost}


def trainer(folder: Path, count: int, in_browsers: int) -> dict:
    """Answers while a run trains here: beside it alone before and after."""
    from class_load import Trainer

    root = folder / "checkpoints"
    with Dashboard(root) as dashboard:
        run = Trainer(root, minutes=10)
        try:
            run.train(2.0)
            when = [time.time()]
            run.train(BASE_SECONDS / 2)
            when.append(time.time())
            room, during = opened(), []
            found = asyncio.run(
                _answers(dashboard.address, room, count, in_browsers, lambda: during.append(time.time()))
            )
            when += [*during, time.time()]
            run.train(BASE_SECONDS / 2)
            when.append(time.time())
            speeds = [run.speed(first, last) for first, last in itertools.pairwise(when)]
        finally:
            run.end()
    before, _joining, beside, _leaving, after = speeds
    return found | {
        "tokens_per_second_alone": [round(before), round(after)],
        "tokens_per_second_beside": round(beside),
        "trainer_loses": round(1 - beside / ((before + after) / 2), 3),
    }


def opening(folder: Path, count: int, in_browsers: int) -> dict:
    """From `streamlit run` to a class that a phone has joined."""
    presses = 0
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 720}, locale="fr-FR").new_page()
        begun = time.perf_counter()
        with Dashboard(folder / "checkpoints", STREAMLIT_SERVER_ADDRESS="") as dashboard:
            when = {"server_answers": time.perf_counter()}
            page.goto(dashboard.address)
            for name, press in (
                ("lab_drawn", '[data-testid="stSidebarNavLink"][href$="/lesson"]'),
                ("lesson_drawn", ".st-key-lesson_open_class button"),
            ):
                page.locator(press).wait_for(timeout=60_000)
                when[name] = time.perf_counter()
                page.locator(press).click()
                presses += 1
            code = page.locator(".join-code").inner_text(timeout=60_000).strip()
            when["class_open"] = time.perf_counter()
            (room,) = classes.all_classes()
            assert code == room.code
            _join(dashboard.address, code)
            assert votes.pupils(room) == 1
            when["phone_joined"] = time.perf_counter()
    return {"presses": presses} | {f"{name}_seconds": round(at - begun, 1) for name, at in when.items()}


def _join(address: str, code: str) -> None:
    """A phone joins without a loop of asyncio: playwright has this thread's."""
    with httpx.Client(base_url=address, follow_redirects=True, headers={"origin": address}) as client:
        form = dict(_FIELD.findall(client.get(f"/c/{code}").text)) | {"do": "join", "code": code}
        client.post("/c", data=form).raise_for_status()


PARTS = {"answers": answers, "memory": memory, "kill": kill, "trainer": trainer, "opening": opening}


def main() -> None:
    """Runs the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["answers", "memory", "kill"], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--phones", type=int, default=60)
    parser.add_argument("--browsers", type=int, default=0, help="real browsers beside them, of answers and trainer")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    results = {}
    for name in a.parts:
        folder = Path(tempfile.mkdtemp(prefix="atelier-class-"))
        (folder / "checkpoints").mkdir()
        shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", folder / "checkpoints" / "recorded-mini")
        os.environ["ATELIER_CHECKPOINTS"] = str(folder / "checkpoints")
        os.environ["ATELIER_CORPORA"] = str(folder / "corpora")
        os.environ["ATELIER_CLASSES"] = str(folder / "classes")
        try:
            results[name] = PARTS[name](folder, a.phones, a.browsers)
            print(name, results[name], flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if a.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
