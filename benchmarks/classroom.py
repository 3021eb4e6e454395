"""A class's phones: sixty answer within ten seconds while a run trains, two hundred wait, and the server is killed in the middle.

    python benchmarks/classroom.py [answers|memory|kill|trainer] … [--phones 60] [--json]

Phones speak the protocol of the page (ui/phone): they join with a form, ask for news with the page's back-off, and answer with the
form that they were shown. `answers`: what a confirmation takes, none lost or counted twice. `memory`: what 200 phones add to the
server. `kill`: answers whose confirmation came are there after the server was killed. `trainer`: `answers` while a run trains on this
machine, and what that costs the run, in useful tokens in a second of training. Without names: the first three. The phones
share the machine with the server, which a class's own would not.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
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
from scripts.dashboard import Dashboard

QUESTION = typed("speed", "Which?", ["one", "two", "three", "four"], "en")
WITHIN_SECONDS = 10.0
MANY = 200  # phones that wait
BASE_SECONDS = 20.0  # of the trainer, before and after
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@dataclass
class Found:
    """What the phones saw: seconds of each confirmation, choices that were confirmed, and how often something failed."""

    seconds: list[float] = field(default_factory=list)
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


async def _answers(address: str, room: classes.SchoolClass, count: int) -> dict:
    phones = await joined(address, room.code, count)
    votes.ask(room, QUESTION)
    found = Found()
    drawn = random.Random(1)
    await asyncio.gather(*(phone.answer(found, drawn.uniform(0, WITHIN_SECONDS)) for phone in phones))
    await asyncio.gather(*(phone.close() for phone in phones))
    wanted = np.bincount(list(found.confirmed.values()), minlength=QUESTION.count).tolist()
    return {
        "phones": count,
        "confirmed": len(found.confirmed),
        "failed": found.failed,
        "lost_or_doubled": sum(abs(a - b) for a, b in zip(kept(room), wanted, strict=True)),
        "median_seconds": round(float(np.median(found.seconds)), 3),
        "p95_seconds": round(float(np.quantile(found.seconds, 0.95)), 3),
    }


def answers(folder: Path, count: int) -> dict:
    """Answers within ten seconds."""
    with Dashboard(folder / "checkpoints") as dashboard:
        return asyncio.run(_answers(dashboard.address, opened(), count))


def memory(folder: Path, count: int) -> dict:
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


def kill(folder: Path, count: int) -> dict:
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


def trainer(folder: Path, count: int) -> dict:
    """Answers while a run trains here: beside it alone before and after."""
    from class_load import Trainer

    root = folder / "checkpoints"
    with Dashboard(root) as dashboard:
        run = Trainer(root, minutes=10)
        run.train(2.0)
        when = [time.time()]
        run.train(BASE_SECONDS / 2)
        when.append(time.time())
        found = asyncio.run(_answers(dashboard.address, opened(), count))
        when.append(time.time())
        run.train(BASE_SECONDS / 2)
        when.append(time.time())
        speeds = [run.speed(first, last) for first, last in itertools.pairwise(when)]
        alone = (speeds[0] + speeds[2]) / 2
        run.end()
    return found | {
        "tokens_per_second_alone": [round(speeds[0]), round(speeds[2])],
        "tokens_per_second_beside": round(speeds[1]),
        "trainer_loses": round(1 - speeds[1] / alone, 3),
    }


PARTS = {"answers": answers, "memory": memory, "kill": kill, "trainer": trainer}


def main() -> None:
    """Runs the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["answers", "memory", "kill"], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--phones", type=int, default=60)
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
            results[name] = PARTS[name](folder, a.phones)
            print(name, results[name], flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if a.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
