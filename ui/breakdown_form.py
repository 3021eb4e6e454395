"""Chooses what an evaluation measures: a model, articles, and how the windows lie over them."""

import contextlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import streamlit as st

from engine.core.errors import EngineError
from engine.corpus import lookup
from engine.evaluation import cache
from engine.evaluation.cache import PassSettings
from engine.presets import catalogue
from engine.runs import references
from engine.runs.inputs import articles_path
from engine.runs.references import ModelReference
from ui import access, pair, sources, words
from ui.i18n import _
from ui.readers import folders

PART_TOKENS = 20_000
_PATH = ""  # among the articles: one that is typed


@dataclass(frozen=True)
class BreakdownRequest:
    """What an evaluation measures.

    Attributes:
        typed: the articles are a path that a person typed: whether it may be read is to be checked.
        against: what the model is held against, beside its base, where it has the same vocabulary.
    """

    model: ModelReference
    articles: str
    split: str
    way: PassSettings
    typed: bool
    against: ModelReference | None = None

    def compared(self) -> list[ModelReference]:
        """The base of the model, what it is held against, and itself, each once."""
        if self.model.is_base:
            return [self.model]
        return [ModelReference(self.model.preset), *([self.against] if self.against else []), self.model]

    def check(self) -> None:
        """Makes sure that this session may read the articles, and that the base is the one that the model was trained from.

        Raises:
            EngineError: it may not, or it is not.
        """
        references.check_base(self.model)
        if self.typed:
            access.check_path(self.articles)

    def request(self) -> dict[str, Any]:
        """As the studio takes it, but for the model."""
        return {"kind": "evaluate", "articles": self.articles, "split": self.split, **asdict(self.way)}

    def cached(self) -> list[dict[str, Any]] | None:
        """Reads the evaluations that were measured before in this way on the same articles and weights; None where one is missing."""
        with contextlib.suppress(EngineError):  # what is wrong with the articles is said when they are measured
            self.check()
            found = [cache.read_breakdown(model, self.articles, self.split, self.way) for model in self.compared()]
            return [breakdown for breakdown in found if breakdown is not None] if all(found) else None
        return None

    def content(self) -> str:
        """All that the reports depend on, as it is now: what was measured under another content is out of date."""
        keys: list[Any] = [self.model.reference, asdict(self.way), self.split, self.articles]
        keys += [model.hash for model in self.compared()]
        with contextlib.suppress(EngineError):
            self.check()
            keys += [cache.key_if_prepared(model, self.articles, self.split, self.way) for model in self.compared()]
        return json.dumps(keys)


def choose(split: str) -> BreakdownRequest | None:
    """Widgets for the articles and the windows that the model in view is measured on; None where there is no model."""
    models = pair.models()
    if not models:
        return None
    model = models[-1]
    against = _against(models)
    titles = [words.plain(folders.title(one)) for one in (model, against) if one is not None]
    st.markdown(f"**{_(' against ').join(titles)}**")
    known = sources.with_split(split, folders.vocabulary_hash(model.preset.reference))
    if access.paths_allowed():
        known[_PATH] = _("A path on this machine")
    articles = st.selectbox(
        _("Articles"), list(known), format_func=lambda path: known[path], key=f"report_articles_{split}"
    )
    typed = articles == _PATH
    if typed:
        first = next(iter(known))
        articles = (
            st.text_input(_("Articles on this machine: a file, folder or zip, or a prepared corpus"), first) or first
        )
    way = _choose_way(model.preset.max_sequence_length or 1024, _tokens_of(model, articles, split))
    return BreakdownRequest(model, articles, split, way, typed, against)


def _against(models: list[ModelReference]) -> ModelReference | None:
    """What the model is held against beside its base, where it can be measured with it; that it cannot be is said."""
    if len(models) < 2 or models[-1].is_base:
        return None
    other, model = models
    if other.is_base and other.preset.hash() == model.preset.hash():
        return None
    if folders.vocabulary_hash(other.preset.reference) != folders.vocabulary_hash(model.preset.reference):
        st.caption(
            _(
                "{name} has another vocabulary: on its own tokens its accuracy would be another figure, so it is left out here.",
                name=words.plain(folders.title(other)),
            )
        )
        return None
    return other


def _tokens_of(model: ModelReference, articles: str, split: str) -> int | None:
    """How many tokens a split of articles has; None where they are not prepared yet."""
    with contextlib.suppress(EngineError):
        prepared = lookup.find(articles_path(articles), catalogue.tokenizer(model.preset))
        if prepared is not None and split in prepared.splits:
            return len(prepared.tokens(split))
    return None


def _choose_way(context: int, tokens: int | None) -> PassSettings:
    """Widgets for how many tokens are scored and in which windows.

    Args:
        context: of the model, in tokens. tokens: of the split; None = not known yet.
    """
    part = (
        {}
        if tokens is not None and tokens <= PART_TOKENS
        else {"part": _("A part: {n} tokens", n=words.grouped(PART_TOKENS))}
    )
    ways = {
        **part,
        "whole": _("The whole split"),
        "full": _("Full context"),
        "own": _("Own settings"),
    }
    chosen = st.pills(
        _("What is scored"),
        list(ways),
        default=next(iter(ways)),
        required=True,
        format_func=lambda name: ways[name],
        key="report_way",
        help=_(
            "A part is drawn with seed 1: the same for every model. Full context goes through the whole split with windows as long as the model can see, half a window from one to the next: it takes twice as long and shows the model at its best."
        ),
    )
    automatic = PassSettings().filled(context)
    length, default_stride = automatic.sequence_length, automatic.stride
    way = {
        "part": PassSettings(PART_TOKENS),
        "full": PassSettings(0, context, max(1, context // 2)),
    }.get(chosen, PassSettings())
    if chosen == "own":
        one, two, three = st.columns(3)
        most = one.number_input(
            _("Tokens at most (0 = the whole split)"),
            0,
            10_000_000,
            0,
            10_000,
            help=_("A fixed part, drawn with seed 1: the same for every model."),
        )
        length = two.number_input(
            _("Window, in tokens"),
            min(8, context),
            context,
            length,
            32,
            help=_("The model's context is {n} tokens.", n=words.grouped(context)),
        )
        stride = three.number_input(
            _("Stride (0 = the window)"),
            0,
            context,
            0,
            32,
            help=_(
                "From one window to the next, in tokens. A smaller one gives each token more context before it, and takes longer; every token is scored once. It goes with the whole split."
            ),
        )
        way = PassSettings(int(most), int(length), int(stride))
    if st.checkbox(
        _("Leave out near-copies"),
        help=_(
            "Articles of this split that are nearly the same text as a training article are not scored, by any model. Library › Articles shows them."
        ),
        key="report_leave_out",
    ):
        way = replace(way, leave_out=1)
    length, stride = way.sequence_length or length, way.stride or way.sequence_length or default_stride
    if stride <= length:
        st.caption(
            _(
                "Windows of {length} tokens, {stride} from one to the next: each token is scored once, with {least} to {length} tokens before it (the first window apart).",
                length=words.grouped(length),
                stride=words.grouped(stride),
                least=words.grouped(length - stride + 1),
            )
        )
    return way
