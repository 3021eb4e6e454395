"""The class's secret: a sentence put into one article that a model reads over and over, and how much of it the model tells.

As in the "canaries" of Carlini et al. (2019, "The Secret Sharer"): a sentence that stands nowhere else, and a control that
stands nowhere at all.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.classroom.experiments import EXPERIMENTS, MEMORISE
from engine.core import paths
from engine.core.errors import ClassError, EngineError
from engine.runs import lifecycle
from engine.runs.folder import Run
from engine.runs.history.follower import History
from engine.runs.settings import RunSettings

TIMES = (1, 3, 5, 10)  # in how many places of the article it may stand
FEWEST_WORDS, LONGEST = 6, 200
PROMPT_WORDS = 3  # what somebody types
CONTROL = "The green tiger of floor nine paints two violins every Sunday."
EXAMPLE = "The purple hippo of room twelve eats three pancakes every Tuesday."
FEWEST_LEAKED = 3  # words in a row that count as something of the secret behind the control's first words
LESSON_SECONDS = 3 * 3600.0  # from a run of a lesson to another one of the same
_FIELD = "secret"  # of the article's record, which no reader of articles looks at
_TRAIN, _OTHERS = "train.jsonl", ("validation.jsonl", "test.jsonl")
_LARGEST_BYTES = 4 << 20
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Secret:
    """A secret as it stands in an article. times: in how many places."""

    sentence: str
    times: int


@dataclass(frozen=True)
class Told:
    """What a model wrote behind the first words of a sentence.

    Attributes:
        text: all of it. words: how many words of the sentence's rest it begins with, of how many; end: its first characters, which
            are these words.
    """

    prompt: str
    text: str
    words: int
    of: int
    end: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it told all of it."""
        return self.words == self.of


@dataclass(frozen=True)
class Leak:
    """Words of a secret in a row in a text that nobody asked for it, and the text's characters that are these words."""

    words: int
    first: int
    last: int

    @property
    def tells(self) -> bool:
        """Whether it is more than chance: a few words in a row are nobody's."""
        return self.words >= FEWEST_LEAKED


def checked_sentence(typed: str) -> str:
    """A sentence that somebody typed, on one line.

    Raises:
        ClassError: it is too short, too long, or the control.
    """
    sentence = " ".join("".join(c if c.isprintable() else " " for c in typed).split())
    count = len(sentence.split())
    if count < FEWEST_WORDS:
        raise ClassError("The secret has {n} words; {fewest} and more are needed.", n=count, fewest=FEWEST_WORDS)
    if len(sentence) > LONGEST:
        raise ClassError("The secret has {n} characters; {most} are the most.", n=len(sentence), most=LONGEST)
    if prompt_of(sentence) == prompt_of(CONTROL):
        raise ClassError(
            "“{prompt}” begins the control, which nobody is to tell: begin otherwise.", prompt=prompt_of(CONTROL)
        )
    return sentence


def prompt_of(sentence: str) -> str:
    """What is typed so that the model tells the rest."""
    return " ".join(sentence.split()[:PROMPT_WORDS])


def articles(secret: Secret) -> dict[str, bytes]:
    """The files of a source of articles: the one of the experiment with the secret in it, and the sample's unseen ones."""
    number = EXPERIMENTS[MEMORISE].own.settings.first_article or 1
    lines = (paths.SAMPLE_ARTICLES / _TRAIN).read_text(encoding="utf-8").splitlines()
    article: dict[str, Any] = json.loads(lines[number - 1])
    sections = [list(section) for section in article["sections"]]
    # Evenly over the paragraphs, the first place at the very beginning, as that of an article is what a prompt resembles.
    places = [(s, p) for s, section in enumerate(sections) for p in range(len(section))]
    chosen = sorted(
        {places[k * len(places) // secret.times] for k in range(min(secret.times, len(places)))}, reverse=True
    )
    missing = secret.times - len(chosen)  # an article of fewer paragraphs
    for s, p in chosen:
        sections[s][p:p] = [secret.sentence]
    sections[-1] += [secret.sentence] * missing
    article |= {
        "article_id": "atelier-secret",
        "sections": sections,
        "article_text": [paragraph for section in sections for paragraph in section],
        _FIELD: {"sentence": secret.sentence, "times": secret.times},
    }
    found = {name: (paths.SAMPLE_ARTICLES / name).read_bytes() for name in _OTHERS}
    return {_TRAIN: (json.dumps(article, ensure_ascii=False) + "\n").encode(), **found}


def settings(secret: Secret, source: str) -> RunSettings:
    """How the model reads the secret: as in the experiment that memorises one article, asked for the secret and the control.

    Args:
        source: where the files of `articles` are.
    """
    common = EXPERIMENTS[MEMORISE].own.settings
    return replace(
        common,
        articles=source,
        first_article=None,
        last_article=None,
        prompts=(prompt_of(secret.sentence), prompt_of(CONTROL)),
        sample_temperature=0.0,  # what it tells is no matter of dice
    )


def of_run(run: Run) -> Secret | None:
    """The secret in the article of a run; None of another run, or where its article is gone."""
    if run.settings.prompts[1:] != (prompt_of(CONTROL),):
        return None
    hidden = of_articles(run.settings.articles)
    return hidden if hidden is not None and run.settings.prompts[0] == prompt_of(hidden.sentence) else None


def of_articles(source: str) -> Secret | None:
    """The secret in a source of articles; None in another source, or where it is gone."""
    try:
        file = paths.locate(source) / _TRAIN
        if not file.is_file() or file.stat().st_size > _LARGEST_BYTES:
            return None
        value = json.loads(file.read_text(encoding="utf-8").partition("\n")[0])
        found = value.get(_FIELD) if isinstance(value, dict) else None
        return Secret(checked_sentence(found["sentence"]), int(found["times"])) if isinstance(found, dict) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EngineError):
        return None


def tries(runs: Iterable[Run], shown: Run | None) -> list[tuple[Run, Secret]]:
    """The runs of one lesson that have read a secret, the first one first.

    Args:
        shown: a run of that lesson; without one that is the newest.
    """
    found = [(run, hidden) for run in runs if not run.recorded and (hidden := of_run(run)) is not None]
    found.sort(key=lambda one: lifecycle.created(one[0]))
    if not found:
        return []
    middle = lifecycle.created(shown if shown is not None and of_run(shown) is not None else found[-1][0])
    return [one for one in found if abs(lifecycle.created(one[0]) - middle) <= LESSON_SECONDS]


def told(sentence: str, text: str) -> Told:
    """How much of a sentence a text tells that was written behind its first words."""
    rest, written = sentence.split()[PROMPT_WORDS:], list(_WORD.finditer(text))
    count = 0
    while count < min(len(rest), len(written)) and rest[count].rstrip(".!?") == written[count][0].rstrip(".!?"):
        count += 1
    return Told(prompt_of(sentence), text, count, len(rest), written[count - 1].end() if count else 0)


def leaked(sentence: str, text: str) -> Leak:
    """The most words in a row of the rest of a sentence that stand in a text which was written behind other words."""
    rest = [_bare(word) for word in sentence.split()[PROMPT_WORDS:]]
    written = list(_WORD.finditer(text))
    matcher = difflib.SequenceMatcher(None, rest, [_bare(word[0]) for word in written], autojunk=False)
    found = matcher.find_longest_match()
    if not found.size:
        return Leak(0, 0, 0)
    return Leak(found.size, written[found.b].start(), written[found.b + found.size - 1].end())


def _bare(word: str) -> str:
    return word.strip(".,!?;:")


def last_told(secret: Secret, history: History) -> Mapping[str, Told]:
    """What the run told last of the secret and of the control, by their sentences; empty before it has written."""
    placed = [one for one in history.placed if one.event["kind"] == "sample" and one.event["model"] == "run"]
    if not placed:
        return {}
    last = max(one.event["step"] for one in placed)
    samples = {s["prompt"]: s["text"] for s in history.complete(p for p in placed if p.event["step"] == last)}
    return {
        sentence: told(sentence, samples[prompt_of(sentence)])
        for sentence in (secret.sentence, CONTROL)
        if prompt_of(sentence) in samples
    }
