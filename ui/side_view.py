"""Side by side, drawn: what each column has written, who wrote it and how; the article's own words beside them."""

import contextlib
import datetime
import threading
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine.core import numbers
from engine.core.errors import EngineError
from engine.inference.samples.outcome import Column, GenerationResult, Sample
from engine.runs.references import ModelReference
from engine.services import inference_client
from ui import budget, copied_marks, errors, server_paths, setting_names, studio_view, texts, words
from ui.charts import colours
from ui.i18n import _, error_text, language
from ui.readers import folders

REPAINT_SECONDS = 0.1
_LONGEST_SHOWN_PROMPT = 600  # characters


@dataclass
class Stream:
    """A result that is being written by a thread that touches nothing of Streamlit's.

    Attributes:
        saved_as: the name under which it is kept, or "".
        blank: whether a blank at the prompt's end was left out.
        waiting: whether the studio works for another request first.
    """

    result: GenerationResult
    saved_as: str = ""
    blank: bool = False
    waiting: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    _cancelled: bool = False

    def start(self) -> "Stream":
        """Asks the studio.

        Raises:
            EngineError: this session may not ask this of it.
        """
        budget.check_request(self.result.request())
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def cancel(self) -> None:
        """Hangs up, so that the studio is free for others."""
        self._cancelled = True

    def _follow(self) -> None:
        try:
            with contextlib.closing(inference_client.stream(self.result.request())) as messages:
                for message in messages:
                    if self._cancelled:
                        return
                    self.waiting = message["kind"] == "waiting"
                    self.result.take(message)
        except EngineError as error:
            self.result.error = error
        finally:
            self.done.set()


def show(stream: Stream, models: list[ModelReference]) -> None:
    """All columns; while they are being written they are painted again and again where they stand."""
    result = stream.result
    article = result.passage is not None
    by_hash = {(model.hash, model.preset.hash()): model for model in models}
    authors = [by_hash.get((column.hash, column.preset)) for column in result.columns]
    marks = copied_marks.choose(authors) if stream.done.is_set() else {}
    slots = st.columns(len(result.columns) + article)
    slots_of_columns = []
    for slot, column in zip(slots, result.columns, strict=False):
        with slot:
            st.markdown(f"**{words.plain(column.title)}**")
            slots_of_columns.append(st.empty())
    if article:
        with slots[-1]:
            st.markdown(f"**{_('The article itself')}**")
            slots_of_columns.append(st.empty())

    notice = st.empty()

    def repaint(done: bool) -> None:
        if stream.waiting and not done:
            notice.info(studio_view.busy())
        else:
            notice.empty()
        for number, (place, column) in enumerate(zip(slots_of_columns, result.columns, strict=False)):
            with place.container():
                _column(result, column, done, _colour(authors[number]), marks.get(number))
        if article:
            with slots_of_columns[-1].container():
                _article(result, done)

    if not stream.done.is_set():
        while not stream.done.wait(REPAINT_SECONDS):
            repaint(False)
        repaint(True)
        if any(column.done for column in result.columns):
            st.rerun()  # what is offered of a finished text stands above it
    repaint(True)
    if result.error is not None:
        errors.show(result.error)
    notes = (
        [] if result.prompt or not result.environment else [_("The prompt is empty: each text opens as an article.")]
    )
    if stream.saved_as:
        notes.append(_("Kept on {time} (UTC).", time=time_written(result)))
    if result.environment:
        notes.append(", ".join(environment_lines(result.environment)))
    if stream.blank:
        notes.append(
            _(
                "The blank at the prompt's end was left out: words begin with theirs, and one before them spoils the text."
            )
        )
    if notes:
        st.caption(words.plain(" · ".join(notes)))


def _colour(model: ModelReference | None) -> str:
    if model is None:  # deleted since
        return "currentColor"
    return colours.of_model(model, folders.last_step(model.checkpoint.run) if model.checkpoint else 0)


def _column(
    result: GenerationResult, column: Column, done: bool, colour: str, marks: copied_marks.Marks | None
) -> None:
    """The texts so far, as text: nothing in them is run or formatted.

    Args:
        marks: what finds the copied passages of its texts, where they are to be marked.
    """
    if column.error is not None:
        st.error(errors.markdown(column.error))
        return
    facts = [_("weights {hash}", hash=column.hash[:10]), sampler_text(result.settings)]
    for number, sample in enumerate(column.samples):
        if marks is not None and sample.done:
            marks.show(result.prompt, _shown_prompt(result), sample.text, colour)
        elif sample.tokens or sample.done:
            texts.show(_shown_prompt(result), sample.text, colour)
        else:
            texts.show("", texts.NOTHING_YET, colour)
        details = [_("seed {n}", n=sample.seed)] if is_drawn(result.settings) else []
        if sample.done and not sample.tokens:
            details.append(_("the model ended the text at once"))
        elif sample.tokens:
            details.append(_("{n} tokens", n=words.grouped(sample.tokens)))
        if result.settings["beams"] and not sample.done and not done:
            details.append(_("{n} of {m} tokens", n=column.decided, m=result.length))
        if sample.tokens_per_second:
            details.append(_("{n} tokens/s", n=words.grouped(sample.tokens_per_second)))
        if done and not sample.done:
            details.append(_("cut off"))
        st.caption(words.plain(" · ".join(facts + details if number == 0 else details)))
        if done and sample.done:
            with st.popover(_("Copy"), icon=":material/content_copy:"):
                st.code(result.prompt + sample.text, language=None, wrap_lines=True)
    if column.dropped_tokens:
        st.caption(
            _(
                "The prompt is longer than the context: its first {n} tokens were left out.",
                n=words.grouped(column.dropped_tokens),
            )
        )


def article_name(passage: dict[str, Any]) -> str:
    """Which article a prompt is from, in words."""
    if passage.get("split") == "train":
        return _("training article {n}", n=passage["number"])
    return _("test article {n}", n=passage["number"])


def _article(result: GenerationResult, done: bool) -> None:
    assert result.passage is not None
    if not result.prompt:
        texts.show("", "" if done else texts.NOTHING_YET, colours.TRUE_TEXT)
        return
    texts.show(_shown_prompt(result), result.article, colours.TRUE_TEXT)
    facts = _("{article}: what stands there, by its authors, no model", article=article_name(result.passage))
    st.caption(facts if result.article else facts + " · " + _("it ends with the prompt"))
    if done:
        with st.popover(_("Copy"), icon=":material/content_copy:"):
            st.code(result.prompt + result.article, language=None, wrap_lines=True)


def _shown_prompt(result: GenerationResult) -> str:
    prompt = result.prompt
    return prompt if len(prompt) <= _LONGEST_SHOWN_PROMPT else "… " + prompt[-_LONGEST_SHOWN_PROMPT:]


def is_drawn(settings: dict[str, float]) -> bool:
    """Whether chance, and so the seed, has a part in it."""
    return settings["temperature"] > 0 and not settings["beams"]


def sampler_text(settings: dict[str, float]) -> str:
    """How the tokens were chosen, in words."""
    if settings["beams"]:
        return _("beam search, {n} beams", n=settings["beams"])
    if settings["temperature"] == 0:
        return _("greedy")
    top_k = settings["top_k"] or _("all")
    temperature, top_p = (words.shortest(settings[name]) for name in ("temperature", "top_p"))
    return _(
        "temperature {temperature}, top-k {top_k}, top-p {top_p}", temperature=temperature, top_k=top_k, top_p=top_p
    )


def time_written(result: GenerationResult) -> str:
    """When it was written, in the time of UTC."""
    at = datetime.datetime.fromtimestamp(result.time, datetime.UTC)
    return numbers.minute(at, language())


def environment_lines(environment: dict[str, Any]) -> list[str]:
    """Device, precision and versions, each a phrase."""
    versions = [f"{name} {version}" for name, version in environment.get("versions", {}).items()]
    return [
        setting_names.device(environment.get("device", "")),
        setting_names.value("precision", environment.get("precision", "")),
        *versions,
    ]


def markdown(result: GenerationResult) -> str:
    """A result as a Markdown document; every text stands in a fence that it cannot close."""
    lines = [f"# {_('Side by side')}", ""]
    lines += [f"- {words.plain(line)}" for line in _facts(result)]
    if result.passage is not None:
        source = f"{server_paths.shown(result.passage['articles'])}, {article_name(result.passage)}"
        lines.append(f"- {_('Prompt from')} {words.plain(source)}")
    lines += ["", f"## {_('Prompt')}", "", *_fenced(result.prompt)]
    for column in result.columns:
        lines += [f"## {words.plain(column.title)}", ""]
        lines += [f"{words.plain(column.reference)}, {_('weights {hash}', hash=column.hash)}", ""]
        if column.error is not None:
            lines += [*_fenced(error_text(column.error))]
            continue
        for sample in column.samples:
            lines += [f"{_sample_facts(result, sample)}:", "", *_fenced(sample.text)]
    if result.passage is not None:
        lines += [f"## {_('The article itself')}", "", *_fenced(result.article)]
    return "\n".join(lines)


def _facts(result: GenerationResult) -> list[str]:
    return [
        f"{time_written(result)} UTC",
        f"{sampler_text(result.settings)}, {_('at most {n} tokens', n=result.length)}",
        ", ".join(environment_lines(result.environment)),
    ]


def _sample_facts(result: GenerationResult, sample: Sample) -> str:
    facts = [_("seed {n}", n=sample.seed)] if is_drawn(result.settings) else []
    facts.append(_("{n} tokens", n=words.grouped(sample.tokens)))
    if sample.tokens_per_second:
        facts.append(_("{n} tokens/s", n=words.grouped(sample.tokens_per_second)))
    return ", ".join(facts)


def _fenced(text: str) -> list[str]:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return [fence + "text", text, fence, ""]
