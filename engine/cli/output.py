"""Show how far a command is, and print what came out: lines for people, or one line of JSON."""

import sys
import time
from typing import Any

from engine.core import strict_json, wording
from engine.core.progress import Phase, Progress
from engine.corpus.progress import Preparing
from engine.evaluation.interpretation import MOST_SHOWN, Finding
from engine.runs import queue
from engine.training.progress import Training

_TERMINAL_SECONDS, _LOG_SECONDS = 0.1, 5.0


class ProgressLine:
    """One line that says how far a command is: rewritten at a terminal, a new one each few seconds elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._phase, self._since, self._last = "", 0.0, 0.0

    def __call__(self, progress: Progress, of: str = "") -> None:
        """Shows a progress, where the former one has been read.

        Args:
            of: what is being evaluated, where it may be one of several.
        """
        now = time.monotonic()
        begins = progress.phase != self._phase
        if begins:
            self._phase, self._since = progress.phase, now
        seconds = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        if now - self._last < seconds and not (begins and self._terminal):
            return
        self._last = now
        line = in_words(progress, now - self._since, of)
        if self._terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the rewritten line."""
        if self._terminal:
            print(file=sys.stderr)


def bar(done: float, total: float, width: int = 24) -> str:
    """A progress bar: `[######------]  50 %`."""
    share = min(1.0, done / total) if total else 0.0
    return f"[{'#' * round(share * width):-<{width}}] {share:4.0%}"


def print_result(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    """Ends a command's output: with its lines, or with its result as one line of JSON."""
    if not as_json:
        print("\n".join(lines))
    else:
        print(strict_json.dumps(result, ensure_ascii=False))


def in_words(p: Progress, seconds: float = 0.0, of: str = "") -> str:
    """How far a command is.

    Args:
        seconds: since the phase began; what is left of it is told by its pace. of: what is being evaluated.
    """
    rate = p.done / seconds if seconds else 0.0
    left = f", {max(0.0, (p.total - p.done) / rate):,.0f} s left" if rate and p.total else ""
    if isinstance(p, Training):
        return _training(p)
    if p.phase == Phase.COMPARING:
        return f"looking for near-copies {bar(p.done, p.total)} {p.done:,} of {p.total:,} articles"
    if isinstance(p, Preparing):
        return f"preparing {bar(p.done, p.total)} {p.articles:,} articles, {p.tokens:,} tokens, {p.skipped:,} skipped{left}"
    if p.phase == Phase.CHECKING:
        return f"looking through {p.done / 1e6:,.0f} MB"
    return " ".join(part for part in (p.phase, of, bar(p.done, p.total) if p.total else "") if part)


def _training(p: Training) -> str:
    parts = [f"{bar(p.done, p.total)} step {p.done:,}/{p.total:,}" if p.total else f"step {p.done:,}/?"]
    if p.loss is not None:
        parts.append(f"loss {p.loss:.3f}")
    if p.tokens_per_second is not None:
        parts.append(f"{p.tokens_per_second:,.0f} tokens/s")
    if p.micro_batch:
        parts.append(f"memory is short: each batch in pieces of {p.micro_batch}")
    return "  ".join(parts)


def place_line(place: queue.Position) -> str:
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


def findings_lines(found: list[Finding]) -> list[str]:
    """What happened in a run, in sentences; the verdict first."""
    english = wording.of("en")
    return [" ".join(part for part in finding.said(english) if part) for finding in found[:MOST_SHOWN]]


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
