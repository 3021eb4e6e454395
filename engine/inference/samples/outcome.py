"""The result of a request for texts: filled by the studio's messages, saved as JSON, compared with itself."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.core.errors import CheckpointError, EngineError
from engine.core.splits import SPLITS
from engine.inference.samples.streaming import MOST_COLUMNS, MOST_NEW_TOKENS, MOST_SAMPLES
from engine.runs.references import ModelReference

SCHEMA_VERSION = 1
LONGEST_PROMPT = 20_000  # characters
_LONGEST_TEXT = 200_000


def without_blank(prompt: str) -> str:
    """A prompt without the spaces and tabs at its end.

    GPT-2's words begin with their blank: where one stands already, the next word has none, as it hardly ever had in
    training, and the text that follows is spoilt.
    """
    return prompt.rstrip(" \t\u00a0")


@dataclass
class Sample:
    """One text of a column: complete once it has its ids.

    Attributes:
        pieces: the text of each token; joined they are the text.
    """

    seed: int
    text: str = ""
    tokens: int = 0
    ids: list[int] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    tokens_per_second: float | None = None
    done: bool = False


@dataclass
class Column:
    """What one model has written so far.

    Attributes:
        reference, title: the model as it was named.
        hash, preset: SHA-256 of its weights and of its base's.
        dropped_tokens: how many tokens of the prompt's beginning found no room.
        decided: of a beam search, how many tokens are decided.
    """

    reference: str
    title: str
    hash: str
    preset: str
    samples: list[Sample]
    dropped_tokens: int = 0
    decided: int = 0
    error: EngineError | None = None

    @property
    def done(self) -> bool:
        """Whether all its texts are complete."""
        return all(sample.done for sample in self.samples)


@dataclass
class GenerationResult:
    """One request, and what came of it.

    Attributes:
        settings: temperature, top_k, top_p, and beams (0 = none).
        passage: the article that the prompt is from (articles, number, tokens, and split where it is not of test), or None where it was typed.
        article: what stands in the article behind the prompt.
        environment: device, precision and versions that wrote it.
        error: what ended all of it.
    """

    prompt: str
    settings: dict[str, float]
    seed: int
    length: int
    columns: list[Column]
    passage: dict[str, Any] | None = None
    article: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)
    error: EngineError | None = None

    @property
    def done(self) -> bool:
        """Whether everything that was asked for is there."""
        return all(column.done for column in self.columns)

    def request(self) -> dict[str, Any]:
        """What the studio is asked for; only weights with the hashes of the columns will do."""
        common = {"seed": self.seed, "max_new_tokens": self.length, **self.settings}
        columns = [
            {"reference": column.reference, "hash": column.hash, "samples": len(column.samples), **common}
            for column in self.columns
        ]
        source = {"passage": self.passage} if self.passage and not self.prompt else {"prompt": self.prompt}
        return {"kind": "generate", "columns": columns, **source}

    def take(self, message: dict[str, Any]) -> None:
        """Takes one of the studio's messages."""
        kind: str = message["kind"]
        number: Any = message.get("column")
        if kind == "error":
            error = EngineError(message["template"], **message["values"])
            if number is None:
                self.error = error
            else:
                self.columns[number].error = error
        elif kind == "prompt":
            self.prompt, self.article = message["text"], message["article"] or ""
        elif kind == "started":
            self.columns[number].dropped_tokens = message["dropped_tokens"]
            self.environment = message["environment"]
        elif kind == "progress":
            self.columns[number].decided = message["done"]
        elif kind in ("text", "done"):
            sample = self.columns[number].samples[message["sample"]]
            sample.text = message["text"]
            if kind == "text":
                sample.tokens = message["tokens"]
            else:
                sample.ids, sample.pieces = message["ids"], message["pieces"]
                sample.tokens = len(sample.ids)
                sample.tokens_per_second, sample.done = message["tokens_per_second"], True

    def blank(self) -> "GenerationResult":
        """The same request, nothing of it written yet."""
        columns = [
            Column(c.reference, c.title, c.hash, c.preset, [Sample(sample.seed) for sample in c.samples])
            for c in self.columns
        ]
        return GenerationResult(self.prompt, self.settings, self.seed, self.length, columns, self.passage, self.article)

    def to_json(self) -> dict[str, Any]:
        """The columns that are complete, as a file holds them.

        Raises:
            EngineError: there is none.
        """
        columns = [column for column in self.columns if column.done]
        if not columns:
            raise EngineError("No column is complete: there is nothing to keep.")
        names = ("seed", "text", "ids", "pieces", "tokens_per_second")
        return {
            "schema_version": SCHEMA_VERSION,
            "prompt": self.prompt,
            "passage": self.passage,
            "article": self.article,
            "settings": self.settings,
            "seed": self.seed,
            "length": self.length,
            "columns": [
                {
                    **{name: getattr(c, name) for name in ("reference", "title", "hash", "preset", "dropped_tokens")},
                    "samples": [{name: asdict(sample)[name] for name in names} for sample in c.samples],
                }
                for c in columns
            ],
            "environment": self.environment,
            "time": self.time,
        }


def from_json(value: Any) -> GenerationResult:
    """What `to_json` wrote; every value is looked at, since the file may be a stranger's.

    Raises:
        EngineError: it is something else.
    """
    top = _Fields(value)
    if top.integer("schema_version", 0, 1 << 31) != SCHEMA_VERSION:
        raise _unknown("schema_version")
    settings = top.fields("settings")
    limits = {"temperature": 10.0, "top_k": 1 << 20, "top_p": 1.0, "beams": 64}
    drawn = {name: settings.number(name, most) for name, most in limits.items()}
    columns = []
    for entry in top.many("columns", MOST_COLUMNS):
        reference, title, weights, base = (entry.text(name, 500) for name in ("reference", "title", "hash", "preset"))
        samples = [_sample(sample) for sample in entry.many("samples", MOST_SAMPLES)]
        columns.append(Column(reference, title, weights, base, samples, entry.integer("dropped_tokens", 0, 1 << 31)))
    passage = None
    if top.value("passage") is not None:
        source = top.fields("passage")
        passage = {
            "articles": source.text("articles", 4000),
            "number": source.integer("number", 1, 1 << 31),
            "tokens": source.integer("tokens", 1, 1 << 20),
        }
        if "split" in source.names():  # an earlier version knew articles of test alone
            passage["split"] = source.text("split", 20)
            if passage["split"] not in SPLITS:
                raise _unknown("split")
        if not top.text("prompt", _LONGEST_TEXT):  # it would be fetched from wherever the passage says
            raise _unknown("prompt")
    environment = top.fields("environment")
    versions = environment.fields("versions")
    return GenerationResult(
        top.text("prompt", _LONGEST_TEXT),
        {name: int(number) if name in ("top_k", "beams") else number for name, number in drawn.items()},
        top.integer("seed", 0, 1 << 33),
        top.integer("length", 1, MOST_NEW_TOKENS),
        columns,
        passage,
        top.text("article", _LONGEST_TEXT),
        {
            "device": environment.text("device", 500),
            "precision": environment.text("precision", 100),
            "versions": {name: versions.text(name, 100) for name in list(versions.names())[:30]},
        },
        top.number("time", 1e12),
    )


def _sample(entry: "_Fields") -> Sample:
    ids, pieces, text = entry.value("ids"), entry.value("pieces"), entry.text("text", _LONGEST_TEXT)
    if not isinstance(ids, list) or len(ids) > MOST_NEW_TOKENS or any(type(i) is not int or i < 0 for i in ids):
        raise _unknown("ids")
    whole = isinstance(pieces, list) and len(pieces) == len(ids) and all(isinstance(piece, str) for piece in pieces)
    if not whole or "".join(pieces) != text:
        raise _unknown("pieces")
    speed = None if entry.value("tokens_per_second") is None else entry.number("tokens_per_second", 1e9)
    return Sample(entry.integer("seed", 0, 1 << 33), text, len(ids), ids, pieces, speed, True)


class _Fields:
    """The fields of an object from a file, each given out only where it is what it should be."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise _unknown("{}")
        self._value = value

    def names(self) -> list[str]:
        return [str(name)[:100] for name in self._value]

    def value(self, name: str) -> Any:
        return self._value.get(name)

    def text(self, name: str, longest: int) -> str:
        value = self._value.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise _unknown(name)
        return value

    def integer(self, name: str, least: int, most: int) -> int:
        value = self._value.get(name)
        if type(value) is not int or not least <= value <= most:
            raise _unknown(name)
        return value

    def number(self, name: str, most: float) -> float:
        value: Any = self._value.get(name)
        if type(value) not in (int, float) or not 0 <= value <= most:  # NaN lies in no range
            raise _unknown(name)
        return float(value)

    def fields(self, name: str) -> "_Fields":
        return _Fields(self._value.get(name))

    def many(self, name: str, most: int) -> list["_Fields"]:
        value = self._value.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise _unknown(name)
        return [_Fields(entry) for entry in value]


def _unknown(name: str) -> EngineError:
    return EngineError("This is no result that was kept here: its {field} is not what it should be.", field=name)


def model_of(column: Column, models: list[ModelReference]) -> ModelReference:
    """The model whose weights wrote a column, whatever its name is now.

    Raises:
        CheckpointError: it is gone, or its name means other weights now.
    """
    same = [model for model in models if (model.hash, model.preset.hash()) == (column.hash, column.preset)]
    for model in same:
        if model.reference == column.reference:
            return model
    if same:
        return same[0]
    if any(model.reference == column.reference for model in models):
        raise CheckpointError(
            "{name} has other weights now than those that wrote this ({hash}): nothing is compared.",
            name=column.reference,
            hash=column.hash[:10],
        )
    raise CheckpointError(
        "{name}, with the weights {hash}, is not there any more: nothing is compared.",
        name=column.reference,
        hash=column.hash[:10],
    )


@dataclass(frozen=True)
class Difference:
    """Where two texts part: the token's number, from 1, and its piece in both; None where a text has ended."""

    token: int
    was: str | None
    now: str | None


def first_difference(was: Sample, now: Sample) -> Difference | None:
    """Where a text that was written again differs from the former, in ids or in bytes; None where it is identical."""
    for place in range(max(len(was.ids), len(now.ids))):
        pairs = [(s.ids[place], s.pieces[place]) if place < len(s.ids) else None for s in (was, now)]
        if pairs[0] != pairs[1]:
            return Difference(place + 1, *(pair and pair[1] for pair in pairs))
    return None


def changed_environment(was: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(name, then, now) of device, precision and versions where they differ."""

    def flat(environment: dict[str, Any]) -> dict[str, str]:
        rest = {name: str(environment.get(name, "")) for name in ("device", "precision")}
        return rest | {name: str(version) for name, version in environment.get("versions", {}).items()}

    then, today = flat(was), flat(now)
    names = list(dict.fromkeys([*then, *today]))
    return [(n, then.get(n, ""), today.get(n, "")) for n in names if then.get(n) != today.get(n)]
