"""One prompt, two to four models in columns: same seed, same sampler, streamed as written; kept and verified."""

from typing import Any

import streamlit as st

from engine.core import paths
from engine.corpus import store
from engine.inference.samples.outcome import LONGEST_PROMPT, Column, GenerationResult, Sample, without_blank
from engine.runs.references import ModelReference
from engine.services import inference_client
from ui import (
    address,
    choices,
    decimals,
    errors,
    little_memory,
    pair,
    present,
    saved_view,
    side_view,
    sources,
    studio_view,
)
from ui.i18n import _
from ui.readers import folders

TYPED, ARTICLE, TRAINING = "typed", "article", "training"
DRAW, GREEDY, BEAM = "draw", "greedy", "beam"
MOST_SAMPLES = 4
MOST_MODELS = 4
SAMPLER = ("side_way", "side_length", "side_temperature", "side_seed", "side_samples", "side_top_k", "side_top_p", "side_beams")  # fmt: skip


def choose_models(available: dict[str, ModelReference]) -> tuple[list[ModelReference], bool]:
    """The pair in view and up to two models beside it; and whether all of them are what was chosen: one may be gone."""
    chosen = pair.models()
    complete = pair.complete()
    others = [reference for reference in available if reference not in [model.reference for model in chosen]]
    wanted = st.session_state.get("side_models") or []
    gone = [reference for reference in wanted if reference not in available]
    if gone and address.given("side_models"):
        address.refuse("models")
    elif gone:
        complete = False
        for reference in gone:
            choices.say_gone(reference)
    st.session_state["side_models"] = [reference for reference in wanted if reference in others]
    beside = st.multiselect(
        _("Other models beside them"),
        others,
        format_func=lambda reference: folders.title(available[reference]),
        max_selections=MOST_MODELS - 2,
        placeholder=_("none"),
        key="side_models",
    )
    if pair.current().run is None:
        st.info(_("Only the base model is here so far. Fine-tune it on the Lab page, then compare."))
    return [*chosen, *(available[reference] for reference in beside)], complete


def choose_prompt() -> tuple[str, dict[str, Any] | None]:
    """The prompt as typed, or the passage of an article that it is to be."""
    address.default("side_source")
    way = st.segmented_control(
        _("Prompt"),
        [TYPED, ARTICLE, TRAINING],
        required=True,
        format_func=lambda name: {
            TYPED: _("Typed"),
            ARTICLE: _("From a test article"),
            TRAINING: _("From a training article"),
        }[name],
        key="side_source",
    )
    if way == TYPED:
        address.default("side_prompt", _("The results of this study"))
        prompt = st.text_area(
            _("Prompt"),
            key="side_prompt",
            height=80,
            max_chars=LONGEST_PROMPT,
            label_visibility="collapsed",
        )
        return prompt, None
    split = "train" if way == TRAINING else "test"
    known = sources.with_split(split)
    if (wanted := st.session_state.get("side_articles")) not in known:
        st.session_state.pop("side_articles", None)
        if wanted is not None and address.given("side_articles"):
            address.refuse("articles")
    for key in ("side_article", "side_tokens"):
        address.default(key)
    one, two, three = st.columns([2, 1, 1])
    articles = one.selectbox(_("Articles"), list(known), format_func=lambda path: known[path], key="side_articles")
    named = _("Training article") if way == TRAINING else _("Test article")
    article = two.number_input(named, 1, 10**9, key="side_article")
    tokens = three.number_input(
        _("Tokens of it as the prompt"),
        1,
        512,
        key="side_tokens",
        help=_("What stands behind them in the article appears as a column of its own."),
    )
    passage = {"articles": articles, "number": article, "tokens": tokens}
    return "", passage | ({"split": split} if way == TRAINING else {})


def choose_sampler() -> tuple[dict[str, Any], int, int, int]:
    """The sampler's settings, the seed, how many new tokens, how many samples."""
    with st.expander(_("Sampling: length, samples, seed, temperature, top-k, top-p, beam search")):
        for key in SAMPLER:
            address.default(key)
        way = st.segmented_control(
            _("The next token"),
            [DRAW, GREEDY, BEAM],
            required=True,
            format_func=lambda name: {DRAW: _("Drawn"), GREEDY: _("Greedy"), BEAM: _("Beam search")}[name],
            help=_(
                "Drawn: by chance, from what the model thinks probable. Greedy: always the most probable token. Beam search: "
                "the most probable text that several hypotheses at once find, by the sum of log-probabilities; it appears "
                "when it is finished."
            ),
            key="side_way",
        )
        left, middle, right = st.columns(3)
        length = left.slider(
            _("New tokens"), 10, 200, step=10, help=_("A token is a word or a piece of one."), key="side_length"
        )
        temperature = decimals.slider(
            middle,
            _("Temperature"),
            "side_temperature",
            0.0,
            2.0,
            0.1,
            disabled=way != DRAW,
            help=_("Below 1 bolder on the probable, above 1 wilder; 0 is greedy."),
        )
        drawn = way == DRAW and temperature > 0
        seed = left.number_input(
            _("Seed"),
            0,
            2**31 - 1,
            disabled=not drawn,
            help=_("The same seed gives the same text again."),
            key="side_seed",
        )
        samples = left.slider(
            _("Samples"),
            1,
            MOST_SAMPLES,
            disabled=not drawn,
            help=_("Texts of each model at once: the second is drawn with the next seed, and so on.")
            if drawn
            else _("Without chance there is one text only."),
            key="side_samples",
        )
        top_k = right.slider(
            _("top-k"), 0, 100, step=5, disabled=not drawn, help=_("Only the k most probable tokens; 0 = all."),
            key="side_top_k",
        )  # fmt: skip
        top_p = decimals.slider(
            right,
            _("top-p"),
            "side_top_p",
            0.1,
            1.0,
            0.05,
            disabled=not drawn,
            help=_("Only the most probable tokens that together reach p."),
        )
        beams = middle.slider(
            _("Beams"), 2, 8, disabled=way != BEAM, help=_("How many hypotheses are kept."), key="side_beams"
        )
    settings = {
        "temperature": temperature if way == DRAW else 0.0,
        "top_k": top_k,
        "top_p": top_p,
        "beams": beams if way == BEAM else 0,
    }
    return settings, seed, length, samples if drawn else 1


def new_request(
    models: list[ModelReference],
    prompt: str,
    passage: dict[str, Any] | None,
    settings: dict[str, Any],
    seed: int,
    length: int,
    samples: int,
) -> GenerationResult:
    """Makes the form's request, nothing of it written yet."""
    columns = [
        Column(
            model.reference,
            folders.title(model),
            model.hash,
            model.preset.hash(),
            [Sample(seed + number) for number in range(samples)],
        )
        for model in models
    ]
    return GenerationResult(without_blank(prompt), settings, seed, length, columns, passage)


def show() -> None:
    """Lets the models in view write, and shows what was kept."""
    if not present.on():
        st.markdown(_("One prompt, the same seed: what the base model writes, and what fine-tuning made of it."))
    available = {model.reference: model for model in folders.models()}
    if not available:
        st.info(_("There is no model yet: the preset that ships is missing from checkpoints/presets."))
        return
    nothing_generates = little_memory.nothing_generates()
    if nothing_generates:
        little_memory.say()
    else:
        with errors.shown():
            inference_client.ensure()
    with present.part("prompt"):
        with present.aside("models"):
            chosen, complete = choose_models(available)
        prompt, passage = choose_prompt()
        with present.aside("sampler"):
            settings, seed, length, samples = choose_sampler()
        pressed = st.button(
            _("Generate"),
            type="primary",
            icon=":material/play_arrow:",
            key="side_generate",
            disabled=nothing_generates or not chosen,
            on_click=present.forward,
        )
    at_once = st.session_state.pop("side_write", False)  # Checkpoints asks for it, once
    if (pressed or at_once) and complete and chosen and not nothing_generates:
        with errors.shown():
            if passage is not None and passage["articles"] != paths.portable(paths.SAMPLE_ARTICLES):
                store.Corpus(paths.locate(passage["articles"]))  # deleted while it was shown
            studio_view.wait_until_ready()
            if (former := st.session_state.get("side_result")) is not None:
                former.cancel()
            request = new_request(chosen, prompt, passage, settings, seed, length, samples)
            st.session_state["side_result"] = side_view.Stream(request, blank=without_blank(prompt) != prompt).start()
    if (stream := st.session_state.get("side_result")) is not None and present.screen("written"):
        side_view.show(stream, list(available.values()))
        if not present.on():
            saved_view.save(stream)
    if not present.on():
        saved_view.show(list(available.values()))
