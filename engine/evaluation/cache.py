"""A cache of what was measured, by content: the hash of the weights, the tokens, the way of scoring.

Nothing is computed twice and nothing stale is shown: other weights or other articles have another key.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.core import framework, paths
from engine.core.errors import EngineError
from engine.core.files import json_text, make_folder, read_json, write_json
from engine.corpus import lookup, near_copies
from engine.corpus.store import NEAR_COPIES, Corpus
from engine.presets import catalogue
from engine.runs.inputs import LONGEST_AUTOMATIC_SEQUENCE, articles_path
from engine.runs.references import ModelReference

SCORES_VERSION = (
    1  # of what `engine.evaluation.scoring.Scores.to_json` gives: what was measured by another is measured again
)


def scores_key(
    model: ModelReference, corpus: Corpus, split: str, length: int, tokens: int, seed: int, leave_out: bool = False
) -> dict[str, Any]:
    """Names all that the scores of a model on a split depend on."""
    # What is left out is named by the pairs that were found; nothing is, and figures of earlier versions hold.
    left_out = {"near_copies": corpus.card["files"].get(NEAR_COPIES, {}).get("sha256")} if leave_out else {}
    return {
        **left_out,
        **of_framework(),
        **({"version": SCORES_VERSION} if SCORES_VERSION > 1 else {}),  # the first one was not named
        "model": model.hash,
        "corpus": corpus.content_hash,
        "articles": [corpus.card["splits"][split]["first"], corpus.articles(split)],
        "tokenizer": corpus.card["tokenizer"],
        "split": split,
        "sequence_length": length,
        "tokens": tokens,
        "seed": seed if tokens else 0,
    }


def of_framework() -> dict[str, str]:
    """What tells figures of JAX apart, which differ from TensorFlow's in the last digits."""
    return {"framework": framework.name()} if framework.uses_jax() else {}


@dataclass(frozen=True)
class PassSettings:
    """How a pass goes through a split.

    Attributes:
        tokens: score a fixed seeded part of about so many tokens; 0 = the whole split.
        sequence_length: targets of a window; 0 = the model's context, LONGEST_AUTOMATIC_SEQUENCE at most.
        stride: from one window's start to the next; 0 = the window's length. A smaller one gives each token more context,
            and takes length / stride times as long.
        seed: of the part.
        leave_out: 1 = articles that are nearly the same text as a training article (engine.corpus.near_copies) are read, but not
            scored; 0 = they are scored like the others.
    """

    tokens: int = 0
    sequence_length: int = 0
    stride: int = 0
    seed: int = 1
    leave_out: int = 0

    def filled(self, context: int) -> "PassSettings":
        """With the automatic values filled in.

        Args:
            context: of the model, in tokens.

        Raises:
            EngineError: they do not fit the context or one another.
        """
        length = self.sequence_length or min(context, LONGEST_AUTOMATIC_SEQUENCE)
        if not 1 <= length <= context:
            raise EngineError(
                "A window of {length} tokens does not fit the model's context of {context} tokens.",
                length=length,
                context=context,
            )
        stride = self.stride or length
        if not 1 <= stride <= length:
            raise EngineError(
                "The stride is {stride}: give 1 to {length}, the length of a window, so that no token is left out.",
                stride=stride,
                length=length,
            )
        return replace(self, sequence_length=length, stride=stride)


SHIPPED = paths.RECORDED / "evaluations"  # of the base that ships, on the articles that ship (scripts/record.py)
BREAKDOWN_VERSION = 3  # of what `engine.evaluation.breakdown.run` returns: one of another version is not shown


def breakdown_key(model: ModelReference, corpus: Corpus, split: str, way: PassSettings) -> dict[str, Any]:
    """Names all that an evaluation of a model on a split depends on; the automatic values of the way are filled in."""
    return {
        "kind": "report",
        "version": BREAKDOWN_VERSION,
        "preset": model.preset.hash(),
        "stride": way.stride,
        **scores_key(model, corpus, split, way.sequence_length, way.tokens, way.seed, bool(way.leave_out)),
    }


def _file(key: dict[str, Any], root: Path | None) -> Path:
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    return (root or paths.checkpoints_root()) / ".evaluations" / f"{name}.json"


def read(key: dict[str, Any], root: Path | None = None) -> Any:
    """Reads the value stored under exactly this key; None where there is none."""
    return _read_sealed(key, "value", root)


def _read_sealed(key: dict[str, Any], field: str, root: Path | None) -> Any:
    """Reads a field of what is stored under a key, here or by the recorded run that ships; None where it is not what was
    written: then it is measured anew."""
    file = _file(key, root)
    for found in (read_json(file), read_json(SHIPPED / file.name)):
        right_key = field in found and found.get("key") == json.loads(json.dumps(key))
        if right_key and found.get("seal") == _seal(found[field]):
            return found[field]
    return None


def _seal(value: Any) -> str:
    return hashlib.sha256(json_text(value).encode()).hexdigest()


def write(key: dict[str, Any], value: Any, root: Path | None = None) -> None:
    """Stores a value that JSON knows under a key that names all it depends on: hashes, not names."""
    _write_sealed(key, "value", value, root)


def _write_sealed(key: dict[str, Any], field: str, value: Any, root: Path | None, **origin: str) -> None:
    path = _file(key, root)
    make_folder(path.parent)  # not what is around it: the folder of all runs may have been deleted
    write_json(path, {"key": key, **origin, field: value, "seal": _seal(value)})


def forget(content: str, root: Path | None = None) -> None:
    """Removes what is stored of articles with that hash of their content: some of it quotes them."""
    for file in ((root or paths.checkpoints_root()) / ".evaluations").glob("*.json"):
        key = read_json(file).get("key")
        # What is damaged is measured anew, and nobody can tell whose passages it holds.
        if not isinstance(key, dict) or key.get("corpus") == content:
            file.unlink(missing_ok=True)


def key_if_prepared(model: ModelReference, articles: str, split: str, way: PassSettings) -> dict[str, Any] | None:
    """Finds the key of the evaluation that `engine.evaluation.measure.examine` would give; None where the articles are not prepared yet.

    Raises:
        EngineError: the articles or the preset's files are not there, or window and stride do not fit.
    """
    prepared = lookup.find(articles_path(articles), catalogue.tokenizer(model.preset))
    context = model.preset.max_sequence_length
    if prepared is None or split not in prepared.splits or not context:
        return None
    return breakdown_key(model, prepared, split, way.filled(context))


def read_breakdown(model: ModelReference, articles: str, split: str, way: PassSettings) -> dict[str, Any] | None:
    """Reads what `engine.evaluation.measure.examine` would give, without loading the model; None where it would have to measure.

    Raises:
        EngineError: the articles or the preset's files are not there, or window and stride do not fit.
    """
    key = key_if_prepared(model, articles, split, way)
    found = read(key) if key else None
    if found is None:
        return None
    prepared = lookup.find(articles_path(articles), catalogue.tokenizer(model.preset))
    assert prepared is not None  # or there would be no key
    return with_origin(model, articles, prepared, split, way, found)


def with_origin(
    model: ModelReference, articles: str, corpus: Corpus, split: str, way: PassSettings, found: dict[str, Any]
) -> dict[str, Any]:
    """Adds to an evaluation what it is of: model, articles, split, how many of its articles are nearly a training article (None
    where that was not looked for), and whether these are left out."""
    return {
        "checkpoint": model.reference,
        "hash": model.hash,
        "split": split,
        "articles": articles,
        "near_copies": near_copies.count_of_training(corpus, split),
        "left_out": bool(way.leave_out),
        **found,
    }


def read_scores(key: dict[str, Any], root: Path | None = None) -> dict[str, Any]:
    """Reads the scores stored under exactly this key (`scores_key`), or {}."""
    return _read_sealed(key, "scores", root) or {}


def write_scores(
    key: dict[str, Any], scores: dict[str, Any], model: ModelReference, corpus: Corpus, root: Path | None = None
) -> None:
    """Stores scores under their key, with the names of model and articles for whoever reads the file."""
    _write_sealed(key, "scores", scores, root, reference=model.reference, source=corpus.card["source"])
