"""Samples against the articles that their run has read: which passages were copied word for word."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.core import paths
from engine.core.errors import EngineError
from engine.memorisation import search
from engine.memorisation.search import LENGTHS, Copied
from engine.presets.tokenizers import Tokenizer
from engine.runs import articles_read
from engine.runs.articles_read import Seen
from engine.runs.folder import Run
from engine.runs.history import snapshots
from engine.runs.history.snapshots import Snapshot
from ui import address, bases_view, budget, errors, i18n, memorisation_view, pair, present, sources, words
from ui.charts import colours
from ui.components.figure import live
from ui.explore import copied_index
from ui.i18n import _, _n
from ui.readers import folders

RECORDED, TEXT = "recorded", "text"


@dataclass(frozen=True)
class Text:
    """A text that is looked up: what a model, or a person, wrote behind a prompt."""

    prompt: str
    ids: np.ndarray


@dataclass(frozen=True)
class Side:
    """Texts of one author, and what is found of them.

    Attributes:
        title, colour: of who wrote them. seen: the articles that they are looked for in. readable: whether this session may
            see these.
    """

    title: str
    colour: str
    seen: Seen
    readable: bool
    texts: list[Text]

    def copied(self) -> list[Copied]:
        """What of each text stands in the articles."""
        key = copied_index.key_of(self.seen)
        return [copied_index.found(tuple(text.ids.tolist()), key, self.seen) for text in self.texts]


def texts_of(snapshot: Snapshot, tokenizer: Tokenizer) -> list[Text]:
    """The samples of a moment as texts to look up."""
    return [
        Text(sample["prompt"], search.ids_of(tokenizer, sample["prompt"], sample["text"]))
        for sample in snapshot.complete_samples()
    ]


def moments(run: Run) -> list[Snapshot]:
    """The moments of a run at which it wrote samples, the base's first."""
    return [snapshot for snapshot in snapshots.of_run(run, folders.history(run)) if snapshot.samples]


def chosen_moment(run: Run) -> Snapshot | None:
    """The moment whose samples are looked up; None where the run has written none yet."""
    with_samples = moments(run)
    if not with_samples:
        st.info(_("This run has written no sample yet: its samples appear here as they come. Type a text meanwhile."))
        return None
    key, last = f"copied_moment_{run.name}", len(with_samples) - 1
    i18n.resend(key)
    if st.session_state.get(key, 0) > last:  # the run went on from an earlier step
        del st.session_state[key]
    at = (
        st.select_slider(
            _("Written at"),
            list(range(len(with_samples))),
            last,
            format_func=lambda number: folders.snapshot_title(with_samples[number]),
            key=key,
        )
        if last
        else 0
    )
    return with_samples[at]


def recorded(run: Run, seen: Seen, readable: bool) -> list[Side]:
    """The samples of a moment of the run, and those of what it is held against."""
    snapshot = chosen_moment(run)
    if snapshot is None:
        return []
    title = run.name if not snapshot.is_base else _("base model")
    colour = colours.BASE if snapshot.is_base else colours.of_run(run.name)
    sides = [Side(title, colour, seen, readable, texts_of(snapshot, seen.tokenizer))]
    against = pair.current().against
    if against == pair.BASE:
        base = next((moment for moment in moments(run) if moment.is_base), None)
        if base is not None and not snapshot.is_base:
            texts = texts_of(base, seen.tokenizer)
            sides.append(Side(_("base model"), colours.BASE, seen, readable, texts))
    elif (other := pair.other_run()) is not None:
        sides += against_run(other)
    else:
        st.caption(
            _(
                "{name} has written no samples that could be looked up here: Write lets it write.",
                name=words.plain(against),
            )
        )
    return sides


def against_run(other: Run, texts: list[Text] | None = None) -> list[Side]:
    """The run in view's other side: its newest samples, or `texts`, looked for in the articles that it has read itself."""
    with errors.shown():
        seen = articles_read.seen(other, copied_index.prepare_for(other))
        if search.missing(seen.ranges) and not copied_index.at_once(seen):
            st.caption(
                _(
                    "The articles of {name} are not indexed yet: choose it as the run above, and build the index there.",
                    name=words.plain(other.name),
                )
            )
            return []
        budget.check_index(sum(shard.last - shard.first for shard in search.missing(seen.ranges)))
        search.build(seen.ranges)
        readable = all(budget.may_read(r.corpus.folder) for r in seen.ranges)
        if texts is not None and not readable:  # what is looked up word by word tells what stands there
            return []
        if texts is None:
            written = moments(other)
            texts = texts_of(written[-1], seen.tokenizer) if written else []
        if not texts:
            st.caption(_("{name} has written no sample yet.", name=words.plain(other.name)))
            return []
        return [Side(other.name, colours.of_run(other.name), seen, readable, texts)]
    return []


def typed(run: Run, seen: Seen, readable: bool) -> list[Side]:
    """A person's own text; nothing as long as it is too short to be looked up."""
    text = st.text_area(_("Text"), key="copied_text", max_chars=20_000, height=160, label_visibility="collapsed")
    ids = search.ids_of(seen.tokenizer, "", text)
    if len(ids) < LENGTHS[0]:
        st.info(_("Paste or type a text of a few words."))
        return []
    if len(ids) > search.LONGEST_TEXT:
        st.caption(_("The first {n} tokens are looked up.", n=words.grouped(search.LONGEST_TEXT)))
    own = [Text("", ids[: search.LONGEST_TEXT])]
    sides = [Side(_("in what {name} has read", name=run.name), colours.of_run(run.name), seen, readable, own)]
    if (other := pair.other_run()) is not None and other.settings.preset == run.settings.preset:
        sides += [
            Side(_("in what {name} has read", name=other.name), side.colour, side.seen, side.readable, own)
            for side in against_run(other, own)
        ]
    return sides


def names_of(seen: Seen) -> dict[str, str]:
    """Content hash → what Library › Articles calls these articles, of those that this session may open there."""
    sample = paths.portable(paths.SAMPLE_ARTICLES)
    known = {c.content_hash: path for path, c in sources.prepared().items()}
    return known | {r.corpus.content_hash: sample for r in seen.ranges if r.corpus.card["source"] == sample}


def show_searched(seen: Seen) -> None:
    """Shows in one line what is searched, and what cannot be."""
    if all(r.stretches is None for r in seen.ranges):
        st.caption(
            _n(
                "Searched: the {n} article that this run, and the stages before it, have read.",
                "Searched: the {n} articles that this run, and the stages before it, have read.",
                seen.articles,
            )
        )
    else:
        st.caption(
            _(
                "Searched: what this run, and the stages before it, have really read so far: {share} of the text, from {n} of {all} articles.",
                share=words.percent(seen.share),
                n=words.grouped(seen.articles),
                all=words.grouped(sum(r.last - r.first + 1 for r in seen.ranges)),
            )
        )
    for error in seen.lost:
        errors.show(error)


def draw(sides: list[Side]) -> None:
    """What was found: how long the longest passages are, against chance, then each text with what is copied marked."""
    own = sides[0]
    copied = [side.copied() for side in sides]
    lengths = [[one.words(side.seen.tokenizer) for one in found] for side, found in zip(sides, copied, strict=True)]
    tokens = max((len(text.ids) for text in own.texts), default=0)
    unseen = copied_index.yardstick(tokens, copied_index.key_of(own.seen), own.seen)
    chance = [one.words(own.seen.tokenizer) for one in unseen]
    groups = [(side.title, side.colour, found) for side, found in zip(sides, lengths, strict=True)]
    if present.screen("longest"):
        live.chart(memorisation_view.longest(groups, chance), key="copied_chart")
    if present.screen("yardstick"):
        st.markdown(memorisation_view.yardstick_in_words(chance))
    texts = max(len(side.texts) for side in sides)
    for number in range(texts):
        if not present.screen(f"text {number}"):
            continue
        for slot, (side, found, words_of) in zip(
            st.columns(len(sides)), zip(sides, copied, lengths, strict=True), strict=True
        ):
            if number >= len(side.texts):
                continue
            with slot, st.container(border=True):
                st.caption(words.plain(side.title))
                text = side.texts[number]
                memorisation_view.marked(
                    side.seen.tokenizer, text.prompt, text.ids.tolist(), found[number], side.colour
                )
                if chance:
                    st.markdown(f"**{memorisation_view.verdict(words_of[number], chance)}**")
                memorisation_view.passages(side.seen.tokenizer, found[number], names_of(side.seen), side.readable)
    if present.on():
        return
    with st.expander(_("In figures: shares of passages of 5, 8 and 13 tokens"), key="copied_figures"):
        shares = [(side.title, side.colour, found) for side, found in zip(sides, copied, strict=True)]
        live.chart(memorisation_view.shares(shares, unseen), key="copied_shares")
        if certain := memorisation_view.certain(unseen):
            st.caption(certain)


def show() -> None:
    """Shows what of the texts of the run in view stands in the articles that it has read."""
    if present.screen("text"):
        st.markdown(
            _("Did it learn, or copy? What it writes is looked for, word for word, in the articles that it has read.")
        )
    if (run := pair.trained(_("Here what it writes is looked for in the articles that it has read."))) is None:
        return
    bases_view.say_changed([run])
    with errors.shown():
        seen = articles_read.seen(run, copied_index.prepare_for(run))
        if not seen.ranges:
            st.info(_("This run has read nothing yet: there is nothing that it could have copied."))
            return
        readable = all(budget.may_read(r.corpus.folder) for r in seen.ranges)
        if present.screen("text"):
            show_searched(seen)
        if not copied_index.indexed(run, seen):
            return
        with present.part("text"):
            address.default("copied_way")
            way = st.segmented_control(
                _("Text"),
                [RECORDED, TEXT],
                required=True,
                format_func=lambda name: {RECORDED: _("Samples of this run"), TEXT: _("My own text")}[name],
                key="copied_way",
            )
            if way == TEXT and not readable:  # what is looked up word by word tells what stands there
                raise EngineError(
                    "These articles are the owner's: visitors see what of the run's own samples stands in them."
                )
            sides = recorded(run, seen, readable) if way == RECORDED else typed(run, seen, readable)
        if sides:
            draw(sides)
