"""Marks in what models have written the passages that stand in the articles which their run has read, by one press."""

from dataclasses import dataclass

import streamlit as st

from engine.core.errors import EngineError
from engine.memorisation import search
from engine.presets import catalogue
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.runs.references import ModelReference
from ui import address, budget, errors, memorisation_view, rooms, texts, words
from ui.explore import copied_index
from ui.i18n import _
from ui.readers import folders


@dataclass(frozen=True)
class Marks:
    """What of a run's texts is looked up: the articles that it has read."""

    run: Run
    seen: Seen

    def show(self, prompt: str, shown_prompt: str, text: str, colour: str) -> None:
        """Shows a text with its copied passages marked, and in one line what was found.

        Args:
            prompt: what the model was given. shown_prompt: what of it is shown.
        """
        ids = search.ids_of(self.seen.tokenizer, prompt, text)[: search.LONGEST_TEXT]
        found = copied_index.found(tuple(ids.tolist()), copied_index.key_of(self.seen), self.seen)
        texts.show(shown_prompt, memorisation_view.stretches(self.seen.tokenizer, ids.tolist(), found), colour)
        chance = copied_index.yardstick(len(ids), copied_index.key_of(self.seen), self.seen)
        chance_words = [one.words(self.seen.tokenizer) for one in chance]
        if chance:
            st.markdown(f"**{memorisation_view.verdict(found.words(self.seen.tokenizer), chance_words)}**")


def choose(authors: list[ModelReference | None]) -> dict[int, Marks]:
    """The press that marks copied passages; by the number of the column, what its texts are looked up in.

    A model is looked up in what its own run has read; a base in what the first run beside it has.
    """
    trained = {run.name: run for run in folders.trained_runs()}
    own = [m.checkpoint.run if m is not None and m.checkpoint is not None else None for m in authors]
    first = next((name for name in own if name in trained), None)
    wanted = {
        number: name
        for number, (model, of) in enumerate(zip(authors, own, strict=True))
        if model is not None and (name := first if model.is_base else of) in trained
    }
    if not wanted:
        return {}
    if not st.toggle(_("Mark what is copied from the articles that were read"), key="side_marked"):
        return {}
    memorisation_view.legend()
    known: dict[str, Seen | None] = {}
    for name in dict.fromkeys(name for name in wanted.values() if name is not None):
        with errors.shown():
            known[name] = _ready(trained[name])
    return {
        number: Marks(trained[name], seen)
        for number, name in wanted.items()
        if name is not None and (seen := known.get(name)) is not None and _same_words(authors[number], seen)
    }


def _same_words(model: ModelReference | None, seen: Seen) -> bool:
    """Whether a model writes in the vocabulary in which the articles are looked through."""
    try:
        return model is not None and catalogue.tokenizer(model.preset).hash == seen.tokenizer.hash
    except EngineError:
        return False


def _ready(run: Run) -> Seen | None:
    """What a run has read, its index built; None where that takes so long that it is to be asked for.

    Raises:
        EngineError: its articles are not there any more, or this session may not look them up.
    """
    seen = articles_read.seen(run, copied_index.prepare_for(run))
    if not seen.ranges:
        st.caption(_("{name} has read nothing yet.", name=words.plain(run.name)))
        return None
    if not all(
        budget.may_read(r.corpus.folder) for r in seen.ranges
    ):  # a prompt of one's own would tell what stands there
        raise EngineError("These articles are the owner's: visitors see what of the run's own samples stands in them.")
    if not copied_index.at_once(seen):
        st.page_link(
            rooms.PAGES[rooms.EXPLORE],
            label=_(
                "The articles of {name} are not indexed yet: build the index in Copied", name=words.plain(run.name)
            ),
            icon=":material/manage_search:",
            query_params={**address.query_of(rooms.COPIED), "run": run.name},
        )
        return None
    budget.check_index(sum(shard.last - shard.first for shard in search.missing(seen.ranges)))
    search.build(seen.ranges)
    return seen
