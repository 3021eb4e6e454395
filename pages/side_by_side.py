"""One prompt, two to four models in columns: same seed, same sampler, streamed as written."""

from ui import frame

frame.within()

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine import studio_client
from engine.checkpoints import ModelReference
from engine.errors import EngineError
from ui import colours, errors, readers, words
from ui.i18n import _, error_text

MOST_COLUMNS = 4
REPAINT_SECONDS = 0.1


@dataclass
class Column:
    """What one model has written so far."""

    model: ModelReference
    text: str = ""
    hash: str = ""
    tokens: int = 0
    tokens_per_second: float | None = None
    error: EngineError | None = None


@dataclass
class Result:
    """One pressing of the button: what was asked, and what came."""

    prompt: str
    seed: int
    sampler: str
    columns: list[Column]
    error: EngineError | None = None
    done: threading.Event = field(default_factory=threading.Event)


def read(result: Result, request: dict[str, Any]) -> None:
    """Fills a result from the studio's stream; runs in a thread that touches nothing of Streamlit's."""
    try:
        for message in studio_client.stream(request):
            number = message.get("column")
            if message["kind"] == "error":
                error = EngineError(message["template"], **message["values"])
                if number is None:
                    result.error = error
                else:
                    result.columns[number].error = error
            elif message["kind"] == "started":
                result.columns[number].hash = message["hash"]
            elif message["kind"] == "text":
                result.columns[number].text = message["text"]
                result.columns[number].tokens = message["tokens"]
            elif message["kind"] == "done":
                result.columns[number].tokens_per_second = message["tokens_per_second"]
    except EngineError as error:
        result.error = error
    finally:
        result.done.set()


def head(column: Column) -> None:
    """Names the model and draws its colour, the same as on every other page."""
    colour = colours.of_model(
        column.model, readers.last_step(column.model.checkpoint.run) if column.model.checkpoint else 0
    )
    st.html(f'<div style="height:6px;border-radius:3px;background:{colour}"></div>')
    st.markdown(f"**{words.plain(readers.title(column.model))}**")


def body(column: Column) -> None:
    """The text so far, as text: nothing in it is run or formatted."""
    if column.error is not None:
        st.error(error_text(column.error))
        return
    st.text(result.prompt + column.text if column.text or column.tokens else "…")
    facts = [_("weights {hash}", hash=column.hash[:10])] if column.hash else []
    if column.tokens:
        facts.append(_("{n} tokens", n=words.grouped(column.tokens)))
    if column.tokens_per_second:
        facts.append(_("{n} tokens/s", n=words.grouped(column.tokens_per_second)))
    st.caption(" · ".join(facts))


st.title(_("Side by side"))
st.markdown(_("One prompt, the same seed: what the base model writes, and what fine-tuning made of it."))

available = {model.reference: model for model in readers.models()}
if not available:
    st.info(_("There is no model yet: the preset that ships is missing from checkpoints/presets."))
    st.stop()

with errors.shown():
    studio_client.ensure()

bases = [reference for reference, model in available.items() if model.is_base]
tuned = [reference for reference, model in available.items() if not model.is_base]
number = st.segmented_control(_("Columns"), [2, 3, 4], default=2, required=True, key="side_columns")
asked = st.query_params.get("model")  # the Checkpoints page names the one that the base is to be specialised by
first = [asked] if asked in tuned else tuned[:1]
preferred = [*bases[:1], *first, *(reference for reference in tuned if reference not in first), *bases[1:]]
chosen: list[str] = []
for place, slot in enumerate(st.columns(number)):
    default = preferred[min(place, len(preferred) - 1)]
    chosen.append(
        slot.selectbox(
            _("Model {n}", n=place + 1),
            list(available),
            index=list(available).index(default),
            format_func=lambda reference: readers.title(available[reference]),
            key=f"side_model_{place}",
        )
    )
if not tuned:
    st.info(_("Only the base model is here so far. Fine-tune it on the Lab page, then compare."))

prompt = st.text_area(_("Prompt"), _("The results of this study"), key="side_prompt", height=80, max_chars=4000)
with st.expander(_("Sampling: length, seed, temperature, top-k, top-p")):
    left, middle, right = st.columns(3)
    length = left.slider(_("New tokens"), 10, 200, 80, 10, help=_("A token is a word or a piece of one."))
    seed = left.number_input(_("Seed"), 0, 2**31 - 1, 1, help=_("The same seed gives the same text again."))
    greedy = middle.toggle(_("Greedy"), help=_("Always the most probable token: no chance, no seed."))
    temperature = middle.slider(
        _("Temperature"), 0.1, 2.0, 0.8, 0.1, disabled=greedy, help=_("Below 1 bolder on the probable, above 1 wilder.")
    )
    top_k = right.slider(
        _("top-k"), 0, 100, 40, 5, disabled=greedy, help=_("Only the k most probable tokens; 0 = all.")
    )
    top_p = right.slider(
        _("top-p"), 0.1, 1.0, 1.0, 0.05, disabled=greedy, help=_("Only the most probable tokens that together reach p.")
    )

pressed = st.button(_("Generate"), type="primary", icon=":material/play_arrow:")
if pressed:
    phase, started = studio_client.phase(), time.monotonic()
    if phase != "ready":
        with st.status(
            _("The studio is starting: it loads TensorFlow, about 10 s on a laptop."), expanded=False
        ) as status:
            try:
                studio_client.wait_until_ready()
                status.update(
                    label=_("The studio is ready after {time}.", time=words.duration(time.monotonic() - started)),
                    state="complete",
                )
            except EngineError as error:
                status.update(label=_("The studio did not start."), state="error")
                errors.show(error)
                st.stop()
    temperature = 0.0 if greedy else temperature
    sampler = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    shown_sampler = _("greedy") if greedy else f"temperature {temperature:g}, top-k {top_k}, top-p {top_p:g}"
    fresh = Result(prompt, seed, shown_sampler, [Column(available[reference]) for reference in chosen])
    asked = [
        {"reference": reference, "prompt": prompt, "max_new_tokens": length, "seed": seed, **sampler}
        for reference in chosen
    ]
    threading.Thread(target=read, args=(fresh, {"kind": "generate", "columns": asked}), daemon=True).start()
    st.session_state["side_result"] = fresh

result: Result | None = st.session_state.get("side_result")
if result is not None:
    places = []
    for slot, column in zip(st.columns(len(result.columns)), result.columns, strict=True):
        with slot:
            head(column)
            places.append(st.empty())

    def repaint() -> None:
        """Draws all columns where they stand."""
        for place, column in zip(places, result.columns, strict=True):
            with place.container():
                body(column)

    while not result.done.wait(REPAINT_SECONDS):
        repaint()
    repaint()
    if result.error is not None:
        errors.show(result.error)
    st.caption(
        _(
            "Seed {seed}, {sampler}. The same seed and sampler give the same text again.",
            seed=result.seed,
            sampler=result.sampler,
        )
    )
