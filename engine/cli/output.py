"""Show how far a command is, and print what came out: lines for people, or one line of JSON."""

import sys
import time
from typing import Any

from engine.core import strict_json
from engine.runs import queue


class Progress:
    """One line that is rewritten at a terminal; a line each few seconds elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = 0.0

    def __call__(self, line: str) -> None:
        if self._terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._last > 5:
            print(line, file=sys.stderr, flush=True)
            self._last = time.monotonic()

    def close(self) -> None:
        """Ends the rewritten line."""
        if self._terminal:
            print(file=sys.stderr)


def bar(done: float, total: float, width: int = 24) -> str:
    """A progress bar: `[######------]  50 %`."""
    share = min(1.0, done / total) if total else 0.0
    return f"[{'#' * round(share * width):-<{width}}] {share:4.0%}"


def print_result(result: dict, as_json: bool, lines: list[str]) -> None:
    """Ends a command's output: with its lines, or with its result as one line of JSON."""
    if not as_json:
        print("\n".join(lines))
    else:
        print(strict_json.dumps(result, ensure_ascii=False))


def preparing(p: Any, seconds: float) -> str:
    """How far a preparation is, and how long it still takes."""
    rate = p.done_bytes / seconds if seconds else 0.0
    left = f", {max(0.0, (p.total_bytes - p.done_bytes) / rate):,.0f} s left" if rate and p.total_bytes else ""
    if p.compared:
        return f"looking for near-copies {bar(p.compared, p.articles)} {p.compared:,} of {p.articles:,} articles"
    return (
        f"preparing {bar(p.done_bytes, p.total_bytes)} {p.articles:,} articles, {p.tokens:,} tokens, "
        f"{p.skipped:,} skipped{left}"
    )


def place_line(place: queue.Place) -> str:
    """A place in the queue: `2 of 5, starts in about 3 min`."""
    if place.seconds is None:
        return f"{place.position} of {place.of}, unknown when it starts"
    minutes, seconds = divmod(round(place.seconds, -1), 60)
    about = (
        f"{minutes:.0f} min"
        if place.seconds >= 600
        else f"{minutes:.0f} min {seconds:.0f} s"
        if minutes
        else f"{seconds:.0f} s"
    )
    return f"{place.position} of {place.of}, starts in about {about}"


def near_copies_line(count: int | None, split: str, left_out: bool) -> str:
    """What test articles that are nearly training articles do to figures; "" where there are none."""
    if not count:
        return ""
    if left_out:
        return f"left out: {count:,} {split} articles that are nearly the same text as a training article"
    return (
        f"{count:,} {split} articles are nearly the same text as a training article: the figures look better than they are "
        "(--near-copies leave-out scores the others alone)"
    )
