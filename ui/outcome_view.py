"""What a run reached: its figures on whole splits, and of which checkpoint they are."""

import streamlit as st

from engine.runs import checkpoints
from engine.runs.folder import Run
from engine.runs.history.events import VALIDATION
from ui import bases_view, errors, near_copies_view, words
from ui.i18n import _
from ui.readers import folders


def result_sentences(run: Run) -> list[str]:
    """What is to be said of which of a run's checkpoints its figures are; what happened, `interpretation_view` says."""
    history, state, sentences = folders.history(run), run.state(), []
    result = checkpoints.result_of(run, unread=False)
    if run.ships_without_weights:
        sentences.append(errors.markdown(checkpoints.none_of(run)))
    elif state.result and (result is None or result.step != state.result):
        sentences.append(
            _("Its result, the checkpoint of step {n}, is gone or damaged.", n=words.grouped(state.result))
        )
    for event in history.events("result")[-1:]:
        if event.get("base_better"):
            sentences.append(
                _(
                    "At no checkpoint of this run is the loss on validation lower than the base model's; what is shown is the last."
                )
            )
        elif event.get("best_step") and event["step"] != state.step:
            sentences.append(
                _(
                    "The figures are those of its best checkpoint on validation, of step {n}.",
                    n=words.grouped(event["step"]),
                )
            )
    return sentences


def outcome(run: Run) -> None:
    """What a finished run reached on the whole of validation, against its base on the same tokens.

    Its figures on test are a final measurement, which is made by a press in Score.
    """
    figures = folders.history(run).on_whole_splits()
    split = VALIDATION
    if ("run", split) not in figures or ("base", split) not in figures:
        return
    bases_view.say_changed([run])
    own, base = figures["run", split], figures["base", split]
    first, second, third = st.columns(3)
    first.metric(
        words.accuracy_on(split),
        words.percent(own["accuracy"]),
        **words.delta(100 * (own["accuracy"] - base["accuracy"]), 1, _("{n} points against the base")),
        help=_(
            "How often the most probable next token is the right one. Base: {base}.",
            base=words.percent(base["accuracy"]),
        ),
        border=True,
    )
    second.metric(
        _("Bits per byte"),
        words.decimal(own["bits_per_byte"]),
        **words.delta(own["bits_per_byte"] - base["bits_per_byte"], 2, lower_is_better=True),
        help=_("How many bits the model needs for a byte of text: lower is better, comparable across vocabularies."),
        border=True,
    )
    third.metric(
        _("Measured on"),
        _("{n} tokens", n=words.grouped(own["evaluated_tokens"])),
        help=_(
            "All of validation: articles that neither base nor run was trained on, the same tokens for both. Along the curve a part of them is measured."
        ),
        border=True,
    )
    for sentence in result_sentences(run):
        st.markdown(sentence)
    if warning := near_copies_view.said(own.get("near_copies"), split, bool(own.get("near_copies_left_out"))):
        st.warning(warning)
    keras_evaluate(run)


def keras_evaluate(run: Run) -> None:
    """What Keras said of a run that was made the original report's way, where it was."""
    for event in folders.history(run).events("keras_evaluate")[-1:]:
        st.caption(
            _(
                "Keras's own `.evaluate`, as in the original report, on the first tokens of each {split} article ({n} tokens): accuracy {accuracy}, loss {loss}. With the padding counted, {targets} places: accuracy {with_padding}.",
                split=words.split_name(event["split"]),
                n=words.grouped(event["tokens"]),
                accuracy=words.percent(event["accuracy"]),
                loss=words.decimal(event["loss"], 3),
                targets=words.grouped(event["targets"]),
                with_padding=words.percent(event["accuracy_with_padding"]),
            )
        )
