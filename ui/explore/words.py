"""A text under two models: how well each expected every token, and what changed between them."""

from typing import Any

import streamlit as st

from engine.core import paths
from engine.core.errors import EngineError
from engine.core.progress import Phase
from engine.corpus import lookup, store
from engine.corpus.store import Corpus
from engine.presets import catalogue
from engine.runs.inputs import articles_path
from engine.runs.references import ModelReference
from engine.services import inference_client
from ui import address, budget, differences_view, errors, little_memory, pair, present, sources, studio_view, words
from ui.charts import colours
from ui.components.tokens import microscope_view
from ui.i18n import _
from ui.readers import folders

TEXT, ARTICLE = "text", "article"
TOKENS = 200


def ask(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The studio's messages for a request; a problem that concerns the whole of it is raised.

    Raises:
        EngineError: the studio's, none is there, or the request goes beyond a visitor's budget.
    """
    budget.check_request(request)
    studio_view.wait_until_ready()
    messages, place = [], st.empty()
    for message in inference_client.stream(request):
        if message["kind"] == "error" and message.get("column") is None:
            raise EngineError(message["template"], **message["values"])
        if message["kind"] == "waiting":
            place.info(studio_view.busy())
            continue
        place.empty()
        messages.append(message)
    return messages


def choose_text() -> dict[str, Any]:
    """Widgets for what is looked at; the part of the request that names it."""
    address.default("scope_way")
    if address.given("scope_article", "scope_first"):
        st.session_state["scope_on"] = True  # a link to a place is to be looked at, not to be pressed for
    way = st.segmented_control(
        _("Text"),
        [ARTICLE, TEXT],
        required=True,
        format_func=lambda name: {ARTICLE: _("A test article"), TEXT: _("My own text")}[name],
        key="scope_way",
    )
    if way == TEXT:
        address.default(
            "scope_text",
            _("The patients were treated with insulin for twelve weeks, and their blood glucose was lower."),
        )
        typed = st.text_area(
            _("Text"),
            max_chars=8000,
            height=120,
            key="scope_text",
            label_visibility="collapsed",
        )
        return {"text": typed}
    known = sources.with_test_articles()
    one, two, three = st.columns([2, 1, 1])
    if (wanted := st.session_state.get("scope_articles")) not in known:
        st.session_state["scope_articles"] = next(iter(known))
        if wanted is not None and address.given("scope_articles"):
            address.refuse("articles")
    for key in ("scope_article", "scope_first"):
        address.default(key)
    articles = one.selectbox(
        _("Articles"),
        list(known),
        format_func=lambda path: known[path],
        key="scope_articles",
    )
    number = two.number_input(_("Test article"), 1, key="scope_article")
    first = three.number_input(_("From token"), 1, key="scope_first", help=_("Counted from 1."))
    passage = {"articles": articles, "split": "test", "number": number, "first": first, "count": TOKENS}
    return {"passage": passage}


def draw(models: list[ModelReference], messages: list[dict[str, Any]], what: str, article: bool) -> None:
    """The coloured tokens; a model that could not be asked is told of. What changed most in a text of one's own."""
    passage = next(message for message in messages if message["kind"] == "passage")
    scored: list[dict[str, Any]] = []
    for message in messages:
        if message["kind"] == "looked":
            model = models[message["column"]]
            last = folders.last_step(model.checkpoint.run) if model.checkpoint else 0
            title, colour = folders.title(model), colours.of_model(model, last)
            scored.append({"title": title, "colour": colour, "looked": message})
        elif message["kind"] == "error":
            st.warning(errors.markdown(EngineError(message["template"], **message["values"])))
    if present.screen("tokens"):
        _coloured(models, passage, scored, what)
    if len(scored) == 2 and not article and present.screen("changed"):
        st.header(_("In this text"))
        st.markdown(
            _("The tokens that the second model expects better than the first, and those that it expects worse.")
        )
        changed = microscope_view.differences(microscope_view.PROBABILITY, *(m["looked"] for m in scored))
        differences_view.show(differences_view.of_text(passage["pieces"], changed))


def _coloured(models: list[ModelReference], passage: dict[str, Any], scored: list[dict[str, Any]], what: str) -> None:
    microscope_view.show(passage["pieces"], scored, what, models[0].preset.vocabulary_size or 50257, key="scope")
    mean = [sum(m["looked"]["probabilities"]) / max(1, len(passage["pieces"])) for m in scored]
    sentence = " · ".join(
        _("{name}: {p} of the probability on the real token", name=words.plain(m["title"]), p=words.percent(p))
        for m, p in zip(scored, mean, strict=True)
    )
    if not present.on():
        st.caption(sentence + (" · " + _("the text goes on behind them") if passage["cut"] else ""))


def differences(models: list[ModelReference], articles: str) -> None:
    """Shows what gained and lost most over all test articles, each linked to its article above."""
    st.header(_("Over all test articles"))
    st.markdown(_("Where the second model expects tokens and sentences better than the first, and where worse."))
    tokenizer = catalogue.tokenizer(models[0].preset)

    def place() -> tuple[Corpus | None, str]:
        """The articles as they stand now, and what names the result of these models on them."""
        prepared = lookup.find(articles_path(articles), tokenizer)
        named = [*(model.hash for model in models), prepared.content_hash if prepared else ""]
        return prepared, "scope_places " + " ".join(named)

    prepared, key = place()
    if key not in st.session_state:
        if not st.button(_("Find them"), icon=":material/search:", key="scope_find"):
            return
        found = search(models, articles)
        prepared, key = place()
        st.session_state[key] = found
    if prepared is not None:
        differences_view.show(differences_view.of_articles(st.session_state[key], prepared, tokenizer), articles)


def search(models: list[ModelReference], articles: str) -> dict[str, list[dict[str, Any]]]:
    """The studio's answer to where two models differ most in the test articles.

    Raises:
        EngineError: the studio's, or none is there.
    """
    studio_view.wait_until_ready()
    reading = _("Both models read the test articles.")
    bar = st.progress(0.0, reading)
    request = {"kind": "places", "references": [m.reference for m in models], "articles": articles, "split": "test"}

    def article(message: dict[str, Any]) -> str:
        if message["phase"] != Phase.SCORING:
            return studio_view.measuring(message)
        return _("Article {done} of {total}", done=message["done"], total=words.grouped(message["total"]))

    try:
        messages = studio_view.run_request(request, lambda label, share: bar.progress(share, label), reading, article)
    finally:
        bar.empty()
    places: dict[str, list[dict[str, Any]]] = messages[-1]["places"]
    return places


def show() -> None:
    """Shows a text under the models in view."""
    if not present.on():
        st.markdown(_("What did fine-tuning teach it here? Each token of a text, by how well two models expected it."))
    models = pair.models()
    if not models:
        st.info(_("There is no model yet: the preset that ships is missing from checkpoints/presets."))
        return
    address.default("scope_what")
    impossible = little_memory.nothing_generates()
    with present.part("text"):
        text = choose_text()
        with present.aside("scope_what"):
            what = st.pills(
                _("Colour by"),
                [microscope_view.PROBABILITY, microscope_view.RANK, microscope_view.ENTROPY],
                required=True,
                format_func=lambda name: {
                    microscope_view.PROBABILITY: _("probability"),
                    microscope_view.RANK: _("rank"),
                    microscope_view.ENTROPY: _("entropy"),
                }[name],
                help=_(
                    "Probability: how much of its belief the model had on the token that stands there. Rank: its place among all. "
                    "Entropy: how undecided the model was, in bits, whatever stands there."
                ),
                key="scope_what",
            )
        if st.button(
            _("Look"),
            type="primary",
            icon=":material/biotech:",
            key="scope_look",
            disabled=impossible,
            on_click=present.forward,
        ):
            st.session_state["scope_on"] = True
        if impossible:
            little_memory.say()
        elif not st.session_state.get("scope_on"):
            st.info(_("Press Look: the text appears here, coloured by how well each model expected it."))
    with errors.shown():
        if "passage" in text and text["passage"]["articles"] != paths.portable(paths.SAMPLE_ARTICLES):
            store.Corpus(paths.locate(text["passage"]["articles"]))  # deleted while it is shown
        request = {"kind": "look", "references": [model.reference for model in models], **text}
        key = (str(request), *(model.hash for model in models))
        if st.session_state.get("scope_on") and not impossible:
            if st.session_state.get("scope_seen", (None,))[0] != key:
                st.session_state["scope_seen"] = (key, ask(request))
            draw(models, st.session_state["scope_seen"][1], str(what), "passage" in text)
    if len(models) == 2 and "passage" in text and not impossible and present.screen("differences"):
        with errors.shown():
            differences(models, text["passage"]["articles"])
