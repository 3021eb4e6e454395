"""What the last sample of a run copied word for word from the articles that it was trained on, as a place in its text."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.corpus import preparation
from engine.memorisation import search
from engine.runs import articles_read
from engine.runs.folder import Run
from engine.runs.history import shared


@dataclass(frozen=True)
class Copy:
    """The longest passage of a sample that stands in an article.

    Attributes:
        prompt, text: the sample. first, last: its characters in the text, last excluded. tokens: how long it is.
    """

    prompt: str
    text: str
    first: int
    last: int
    tokens: int

    @property
    def words(self) -> int:
        """How many words that is, those that it begins or ends in counted."""
        return len(self.text[self.first : self.last].split())

    def to_json(self) -> dict[str, Any]:
        """What `recorded.json` keeps of it."""
        return asdict(self)


def longest(run: Run, prepare: articles_read.Prepare = preparation.prepare) -> Copy | None:
    """The longest copied passage of the newest samples of a run; None where nothing is copied, or nothing written yet.

    Of a run that ships it was found when that was recorded.

    Args:
        prepare: makes the corpus of a small source that is gone.

    Raises:
        EngineError: its articles or its preset are gone.
    """
    if (facts := run.recorded) is not None:
        kept = facts.get("copied")
        return Copy(**{field.name: kept[field.name] for field in fields(Copy)}) if kept else None
    return found(run, prepare)


def found(run: Run, prepare: articles_read.Prepare = preparation.prepare) -> Copy | None:
    """As `longest`, looked for now."""
    history = shared.of(run.folder)
    samples = [p for p in history.placed if p.event["kind"] == "sample" and p.event["model"] == "run"]
    if not samples:
        return None
    newest = max(placed.event["step"] for placed in samples)
    seen = articles_read.seen(run, prepare)
    search.build(seen.ranges)
    best: Copy | None = None
    for sample in history.complete(p for p in samples if p.event["step"] == newest):
        ids = search.ids_of(seen.tokenizer, sample["prompt"], sample["text"])
        for passage in search.find(ids, seen.ranges).passages[:1]:
            if best is None or passage.length > best.tokens:
                first, last = (len(seen.tokenizer.decode(ids[:at].tolist())) for at in (passage.first, passage.last))
                best = Copy(sample["prompt"], sample["text"], first, last, passage.length)
    return best
