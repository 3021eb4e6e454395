"""What was measured of the class's secret: ten sentences, each in one, three, five and ten places; the file that ships."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean, median
from typing import Any

from engine.classroom import secret
from engine.classroom.secret import TIMES, Secret, Told
from engine.core import paths
from engine.core.files import read_json
from engine.runs.settings import RunSettings

FILE = paths.LESSONS / "fine_tuning" / "secret.json"  # written by benchmarks/secret.py
_OWN = ("schema_version", "articles", "name", "prompts")  # settings that differ from trial to trial


@dataclass(frozen=True)
class Trial:
    """One run that read a secret.

    Attributes:
        sentence, times: the secret. text: what the run wrote behind its first words; told: how many words of the rest that
            begins with, of how many. control: what it wrote behind the control's first words; leaked: how many words in a row of
            the secret's rest stand there.
        seconds: from the start of its process to its end.
    """

    sentence: str
    times: int
    text: str
    told: int
    of: int
    control: str
    leaked: int
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether all of the sentence was told."""
        return self.told == self.of


@dataclass(frozen=True)
class Group:
    """The trials of one number of places.

    Attributes:
        whole: how many sentences were told whole, of `count`. words: mean share of the words told. leaked: how often the control
            told something of the secret.
    """

    times: int
    count: int
    whole: int
    words: float
    leaked: int
    seconds: float


def trial(hidden: Secret, told: Mapping[str, Told], seconds: float) -> Trial:
    """A trial, from what its run told last."""
    own, control = told[hidden.sentence], told[secret.CONTROL]
    leaked = secret.leaked(hidden.sentence, control.text).words
    return Trial(hidden.sentence, hidden.times, own.text, own.words, own.of, control.text, leaked, round(seconds, 1))


def common(settings: RunSettings) -> dict[str, Any]:
    """What of a trial's settings is the same in all of them."""
    return {name: value for name, value in settings.to_json().items() if name not in _OWN}


def agrees(kept: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether trials were made with these settings; one that is newer than they are had its default then."""
    return all(settings.get(name) == value for name, value in kept.items())


def to_json(trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """Trials as the file has them."""
    return [asdict(one) for one in trials]


def from_json(value: Mapping[str, Any]) -> list[Trial]:
    """The trials that a file holds."""
    return [Trial(**{field.name: one[field.name] for field in fields(Trial)}) for one in value.get("trials", ())]


def shipped(file: Path = FILE) -> list[Trial]:
    """The trials that ship; none where the file is gone or damaged."""
    try:
        found = from_json(read_json(file)) if file.is_file() else []
    except (KeyError, TypeError, AttributeError):  # edited by hand
        return []
    return found if all(_is_whole(one) for one in found) else []


def _is_whole(one: Trial) -> bool:
    counts = (one.times, one.told, one.of, one.leaked)
    return isinstance(one.sentence, str) and all(type(n) is int and n >= 0 for n in counts) and one.of > 0


def groups(trials: Iterable[Trial]) -> list[Group]:
    """The trials by the number of places, fewest first."""
    trials = list(trials)
    found = []
    for times in TIMES:
        if own := [one for one in trials if one.times == times]:
            found.append(
                Group(
                    times,
                    len(own),
                    sum(one.is_whole for one in own),
                    fmean(one.told / one.of for one in own),
                    sum(one.leaked >= secret.FEWEST_LEAKED for one in own),
                    median(one.seconds for one in own),
                )
            )
    return found
