"""Requests for texts → the studio's messages: every sample of every column in turns, a token each; those of one model together."""

import functools
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from engine.core.errors import CheckpointError, EngineError, SettingsError
from engine.core.progress import Cancelled
from engine.core.splits import TEST
from engine.presets.tokenizers import Tokenizer
from engine.runs import references
from engine.runs.references import ModelReference

MOST_COLUMNS = 4
MOST_SAMPLES = 4
MOST_NEW_TOKENS = 1024
MOST_BEAMS = 8
# An engine.inference.generation.Generator, and a Text of engine.inference.batches: their modules import TensorFlow.
Writer: TypeAlias = Any
Text: TypeAlias = Any
_OVER = object()
_TEXT_SECONDS = 0.05  # the shortest time between two texts of a sample


class Send(Protocol):
    """Sends a message of a kind with its fields."""

    def __call__(self, kind: str, **fields: Any) -> None: ...


Find: TypeAlias = Callable[[str], tuple[ModelReference, Writer]]


def turns(request: dict[str, Any], find: Find, send: Send) -> Iterator[None]:
    """Writes what one request asks for, and yields whenever each text that is not finished has got a token.

    Args, Raises: as `Desk.take`.
    """
    desk = Desk()
    desk.take(request, find, send)
    while desk.turn():
        yield


@dataclass(eq=False)
class Asked:
    """A request that is being written.

    Attributes:
        texts: of it that are not complete. finished: called once, with what ended it where that was no message.
    """

    send: Send
    finished: Callable[[Exception | None], None]
    texts: int = 0
    over: bool = False

    def end(self, error: Exception | None = None) -> None:
        """Says that nothing more comes."""
        if not self.over:
            self.over = True
            self.finished(error)

    def end_of_text(self) -> None:
        """One text less."""
        self.texts -= 1
        if not self.texts:
            self.end()


@dataclass(eq=False)
class _Sample:
    """A text on its way to whoever asked for it."""

    asked: Asked
    column: int
    number: int
    generator: Writer
    text: Text
    clock: "Clock" = field(default_factory=lambda: Clock())
    _sent_at: float = 0.0
    _counted: int = 0

    def tell(self) -> None:
        """Sends what is new of it."""
        send, ids = self.asked.send, self.text.ids
        if self.text.error is not None:
            send_error(send, self.text.error, self.column)
            return
        if len(ids) > self._counted:
            self._counted = len(ids)
            now = self.clock.token()
            if now - self._sent_at >= _TEXT_SECONDS:
                shown = self.generator.tokenizer.decode(ids).rstrip("\ufffd")
                send("text", column=self.column, sample=self.number, text=shown, tokens=len(ids))
                self._sent_at = now
        if self.text.ended:
            _done(self.column, self.number, self.generator, ids, self.clock, send)


class Desk:
    """Where texts are written that several requests ask for: those of one model together, whoever asked."""

    def __init__(self) -> None:
        self._batches: dict[int, tuple[Writer, Any]] = {}  # by the generator's identity
        self._samples: dict[Text, _Sample] = {}
        self._searches: list[tuple[Asked, Iterator[None]]] = []

    def take(
        self,
        request: dict[str, Any],
        find: Find,
        send: Send,
        finished: Callable[[Exception | None], None] = lambda error: None,
    ) -> None:
        """Takes a request; its texts are written by the turns that follow, `finished` is called behind the last.

        The messages, in this order for each text: `prompt` (once), `started` a column, `text` or for a beam search `progress`,
        `done`; `error` in place of a column that cannot be.

        Args:
            request: `prompt`, or `passage` (articles, split, number, tokens), whose true continuation comes along; `columns`, each with
                reference, temperature, top_k, top_p, seed, max_new_tokens and, where they are wanted, `samples` (number k, from
                0, is drawn with seed + k), `beams` in place of the sampler, and `hash`: the only weights to be used.
            find: a reference → the model that it means now, and a Generator of its weights.
            send: raises Cancelled where nobody reads any more: the request is given up, and the others go on.

        Raises:
            EngineError: the passage is not there. Cancelled: nobody reads.
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
        asked = Asked(send, finished)
        try:
            self._take_columns(asked, request, loaded)
        except Exception as error:  # what was begun of it is told to nobody
            self._give_up(asked, error)
            raise
        if not asked.texts:
            asked.end()

    def _take_columns(self, asked: Asked, request: dict[str, Any], loaded: list[Any]) -> None:
        send = asked.send
        if loaded:
            length = max(1, min(max(int(column["max_new_tokens"]) for _n, column, _m, _g in loaded), MOST_NEW_TOKENS))
            prompt, true = str(request.get("prompt", "")), None
            if "passage" in request:
                prompt, true = opening(loaded[0][3].tokenizer, request["passage"], length)
            send("prompt", text=prompt, article=true)
            for number, column, model, generator in loaded:
                try:
                    self._take_column(asked, number, column, model, generator, prompt)
                except EngineError as error:
                    send_error(send, error, number)

    def _take_column(
        self,
        asked: Asked,
        number: int,
        column: dict[str, Any],
        model: ModelReference,
        generator: Writer,
        prompt: str,
    ) -> None:
        from engine.inference.batches import Batch
        from engine.inference.generation import Sampler
        from engine.models import backend

        sampler = Sampler(float(column["temperature"]), int(column["top_k"]), float(column["top_p"]))
        room = max(1, min(int(column["max_new_tokens"]), MOST_NEW_TOKENS))
        seed, beams = int(column["seed"]), int(column.get("beams", 0))
        search = generator.search(prompt, room, beams) if beams else None
        ids, dropped = generator.prompt_ids(prompt, room)
        asked.send(
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
            self._searches.append((asked, _search(number, generator, search, room, asked.send)))
            asked.texts += 1
            return
        _generator, batch = self._batches.setdefault(id(generator), (generator, Batch(generator)))
        samples = 1 if sampler.temperature == 0 else max(1, min(int(column.get("samples", 1)), MOST_SAMPLES))
        for sample in range(samples):
            text = batch.add(prompt, room, sampler, seed + sample)
            self._samples[text] = _Sample(asked, number, sample, generator, text)
            asked.texts += 1

    def texts(self) -> int:
        """How many are not complete; a search, which keeps several, counts as so many."""
        return len(self._samples) + MOST_BEAMS * len(self._searches)

    def turn(self) -> bool:
        """Gives each text a token; whether any is left that is not complete."""
        for generator, batch in list(self._batches.values()):
            own = [sample for sample in self._samples.values() if sample.generator is generator]
            if not own:
                del self._batches[id(generator)]
                continue
            for sample in own:
                sample.clock.resume()
            for text in batch.turn():
                if (known := self._samples.get(text)) is None:
                    continue  # given up in this turn
                if self._reaches(known.asked, known.tell) and text.ended:
                    del self._samples[text]
                    known.asked.end_of_text()
        for asked, search in list(self._searches):
            if self._reaches(asked, functools.partial(next, search, _OVER)) is _OVER:
                self._searches.remove((asked, search))
                asked.end_of_text()
        return bool(self._samples or self._searches)

    def _reaches(self, asked: Asked, tell: Callable[[], Any]) -> Any:
        """Tells somebody something: what `tell` returns, or True; False where nobody reads any more, whose texts are given up."""
        try:
            told = tell()
        except (Cancelled, EngineError) as error:
            self._give_up(asked, error)
            return False
        return True if told is None else told

    def _give_up(self, asked: Asked, error: Exception) -> None:
        for text, sample in list(self._samples.items()):
            if sample.asked is asked:
                text.ended = True
                del self._samples[text]
        self._searches = [(other, search) for other, search in self._searches if other is not asked]
        asked.end(error)

    def end_all(self, error: Exception) -> None:
        """Gives up all requests that are not complete."""
        for asked in {*(sample.asked for sample in self._samples.values()), *(asked for asked, _s in self._searches)}:
            self._give_up(asked, error)


def _model(column: dict[str, Any], find: Find) -> tuple[ModelReference, Writer]:
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
