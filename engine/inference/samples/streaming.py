"""A request for texts → the studio's messages: every sample of every column in turns, a token each."""

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol, TypeAlias

from engine.core.errors import CheckpointError, EngineError, SettingsError
from engine.core.splits import TEST
from engine.presets.tokenizers import Tokenizer
from engine.runs import references
from engine.runs.references import ModelReference

MOST_COLUMNS = 4
MOST_SAMPLES = 4
MOST_NEW_TOKENS = 1024
Writer: TypeAlias = Any  # an engine.inference.generation.Generator, whose module imports TensorFlow
_TEXT_SECONDS = 0.05  # the shortest time between two texts of a sample


class Send(Protocol):
    """Sends a message of a kind with its fields."""

    def __call__(self, kind: str, **fields: Any) -> None: ...


def turns(request: dict[str, Any], find: Callable[[str], tuple[ModelReference, Writer]], send: Send) -> Iterator[None]:
    """Writes what is asked for, and yields whenever each text that is not finished has got a token.

    The messages, in this order for each text: `prompt` (once), `started` a column, `text` or for a beam search `progress`,
    `done`; `error` in place of a column that cannot be.

    Args:
        request: `prompt`, or `passage` (articles, split, number, tokens), whose true continuation comes along; `columns`, each with
            reference, temperature, top_k, top_p, seed, max_new_tokens and, where they are wanted, `samples` (number k, from
            0, is drawn with seed + k), `beams` in place of the sampler, and `hash`: the only weights to be used.
        find: a reference → the model that it means now, and a Generator of its weights.

    Raises:
        EngineError: the passage is not there.
    """
    loaded = []
    compared = len({str(column["reference"]) for column in request["columns"][:MOST_COLUMNS]}) > 1
    for number, column in enumerate(request["columns"][:MOST_COLUMNS]):
        try:
            model, generator = _model(column, find)
            if compared:
                references.check_base(model)
            loaded.append((number, column, model, generator))
        except EngineError as error:
            send_error(send, error, number)
    if not loaded:
        return
    length = max(1, min(max(int(column["max_new_tokens"]) for _n, column, _m, _g in loaded), MOST_NEW_TOKENS))
    prompt, true = str(request.get("prompt", "")), None
    if "passage" in request:
        prompt, true = opening(loaded[0][3].tokenizer, request["passage"], length)
    send("prompt", text=prompt, article=true)
    texts = []
    for number, column, model, generator in loaded:
        try:
            texts += _column(number, column, model, generator, prompt, send)
        except EngineError as error:
            send_error(send, error, number)
    while texts:
        texts = [text for text in texts if next(text, False) is None]
        yield


def _model(
    column: dict[str, Any], find: Callable[[str], tuple[ModelReference, Writer]]
) -> tuple[ModelReference, Writer]:
    model, generator = find(str(column["reference"]))
    if column.get("hash", model.hash) != model.hash:
        raise CheckpointError(
            "{name} has other weights than those that were asked for: {hash} is not there any more.",
            name=model.reference,
            hash=str(column["hash"])[:10],
        )
    return model, generator


def opening(tokenizer: Tokenizer, passage: dict[str, Any], length: int) -> tuple[str, str]:
    """The first tokens of an article, of test where the passage does not say its split, and the `length` tokens that follow them there.

    A character that the border would split belongs to the first part.

    Raises:
        ArticlesError, RangeError, EngineError: the article is not there.
    """
    from engine.inference import differences, token_scores

    count = max(1, int(passage["tokens"]))
    split = str(passage.get("split", TEST))
    wanted = {"articles": passage["articles"], "split": split, "number": passage["number"], "first": 1}
    taken = differences.passage(tokenizer, {**wanted, "count": count + length})
    pieces = token_scores.pieces(tokenizer, taken.ids)
    while count < len(pieces) and not pieces[count - 1]:
        count += 1
    return "".join(pieces[:count]), "".join(pieces[count : count + length]).rstrip("\ufffd")


def _column(
    number: int, column: dict[str, Any], model: ModelReference, generator: Writer, prompt: str, send: Send
) -> list[Iterator[None]]:
    """The texts of a column, each an iterator that writes a token at a time."""
    from engine.inference.generation import Sampler
    from engine.models import backend

    sampler = Sampler(float(column["temperature"]), int(column["top_k"]), float(column["top_p"]))
    room = max(1, min(int(column["max_new_tokens"]), MOST_NEW_TOKENS))
    seed, beams = int(column["seed"]), int(column.get("beams", 0))
    search = generator.search(prompt, room, beams) if beams else None
    ids, dropped = generator.prompt_ids(prompt, room)
    send(
        "started",
        column=number,
        reference=model.reference,
        hash=model.hash,
        preset=model.preset.hash(),
        prompt_tokens=len(ids),
        dropped_tokens=dropped,
        environment={"device": backend.device(), "precision": generator.precision, "versions": backend.versions()},
    )
    if search is not None:
        return [_search(number, generator, search, room, send)]
    samples = 1 if sampler.temperature == 0 else max(1, min(int(column.get("samples", 1)), MOST_SAMPLES))
    streams = [generator.stream(prompt, room, sampler, seed + sample) for sample in range(samples)]
    return [_stream(number, sample, generator, stream, send) for sample, stream in enumerate(streams)]


class Clock:
    """How fast a text is written, its own turns counted alone.

    The first tokens wait for the prompt and for what is loaded and compiled at the first use of a model: the clock
    starts behind them, so that a speed does not tell how long ago the studio was started.
    """

    FIRST = 2  # a function is compiled for the prompt, another for what follows it

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._tokens, self._seconds = now, 0, 0.0
        self._since = now()

    def token(self) -> float:
        """One more token is there; returns what time it is."""
        now = self._now()
        if self._tokens >= self.FIRST:
            self._seconds += now - self._since
        self._tokens += 1
        return now

    def resume(self) -> None:
        """The text's turn begins."""
        self._since = self._now()

    def tokens_per_second(self) -> float | None:
        """None for a text of so few tokens that none was timed."""
        timed = self._tokens - self.FIRST
        return timed / self._seconds if timed > 0 and self._seconds else None


def _stream(number: int, sample: int, generator: Writer, stream: Iterator[int], send: Send) -> Iterator[None]:
    ids: list[int] = []
    sent_at, clock = 0.0, Clock()
    for token in stream:
        ids.append(token)
        now = clock.token()
        if now - sent_at >= _TEXT_SECONDS:
            text = generator.tokenizer.decode(ids).rstrip("\ufffd")
            send("text", column=number, sample=sample, text=text, tokens=len(ids))
            sent_at = now
        yield
        clock.resume()
    _done(number, sample, generator, ids, clock, send)


def _search(
    number: int, generator: Writer, search: Generator[int, None, list[int]], room: int, send: Send
) -> Iterator[None]:
    sent_at, clock = 0.0, Clock()
    while True:
        try:
            done = next(search)
        except StopIteration as stop:
            _done(number, 0, generator, stop.value, clock, send)
            return
        now = clock.token()
        if now - sent_at >= _TEXT_SECONDS:
            send("progress", column=number, done=done, total=room)
            sent_at = now
        yield
        clock.resume()


def _done(number: int, sample: int, generator: Writer, ids: list[int], clock: Clock, send: Send) -> None:
    from engine.inference import token_scores

    send(
        "done",
        column=number,
        sample=sample,
        ids=ids,
        pieces=token_scores.pieces(generator.tokenizer, ids),
        text=generator.tokenizer.decode(ids),
        tokens_per_second=clock.tokens_per_second(),
    )


def send_error(send: Send, error: EngineError, column: int | None = None) -> None:
    """Sends an error as its template and values, so that the page can translate it."""
    problems = error.problems if isinstance(error, SettingsError) else [error]
    for problem in problems:
        send("error", column=column, **problem.to_json())
