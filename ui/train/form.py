"""What to train, from what, on which articles and for how long: one run, stages, or a grid of runs."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core import machine
from engine.core.errors import EngineError, SettingsError
from engine.presets import catalogue
from engine.runs import checkpoints, fields, queue, submission
from engine.runs.checkpoints import Checkpoint
from engine.runs.settings import (
    CHECKPOINT_FORMATS,
    COMPILATIONS,
    KEPT_IN,
    LEFT_OUT,
    NEAR_COPIES,
    PRECISIONS,
    PROMPTS,
    RunSettings,
)
from engine.services.launchers import launching
from ui import (
    access,
    address,
    budget,
    errors,
    gpu_unused,
    importing_view,
    rooms,
    run_view,
    sources,
    stages_form,
    words,
)
from ui.i18n import _
from ui.readers import folders
from ui.train import sweep_form


def estimates(settings: RunSettings) -> str:
    """Time, memory and disk of a run before it starts, in a sentence."""
    needed = submission.estimate(settings)
    speed = folders.usual_speed(settings.preset)
    if settings.minutes is not None:
        time = words.duration(60 * settings.minutes)
    elif speed and settings.steps is not None:
        time = words.duration(settings.steps * needed.step_tokens / speed)
    else:
        time = _("not known before the first steps")
    return _(
        "Training time: {time}. Memory: about {memory}. Disk: about {disk} for {n} checkpoints.",
        time=time,
        memory=words.size(needed.memory_bytes),
        disk=words.size(needed.checkpoint_bytes * needed.checkpoints),
        n=needed.checkpoints,
    )


def requested_parent() -> Checkpoint | None:
    """Finds the checkpoint that the address names ("Continue from here"); None where it names none, or says that it is gone."""
    reference = st.session_state.get("tune_parent")
    with errors.shown():
        if reference:
            checkpoint = checkpoints.find(reference)
            catalogue.find(checkpoints.preset_of(checkpoint)["reference"])
            return checkpoint
    return None


def choose_preset(parent: Checkpoint | None) -> str:
    """The preset: one that ships, the parent's, or by path or name where paths are offered."""
    shipped = folders.preset_choices()
    wanted = checkpoints.preset_of(parent)["reference"] if parent else shipped[0] if shipped else ""
    known = list(dict.fromkeys([*shipped, *([wanted] if parent else [])]))
    other = _("another: a folder or a keras-hub name")
    choices = [*known, other] if access.paths_allowed() else known
    chosen = st.selectbox(
        _("Base model"),
        choices,
        index=choices.index(wanted) if wanted in choices else 0,
        format_func=lambda reference: other if reference == other else folders.preset_title(reference),
    )
    if chosen != other:
        return chosen or ""
    return st.text_input(
        _("Folder or name"),
        "gpt2_base_en",
        help=_("gpt2_base_en is fetched from the network by keras-hub, about 500 MB."),
    )


def choose_parent(preset: str, parent: Checkpoint | None) -> str | None:
    """Where to start: the base itself, or a checkpoint of the same base; the one asked for where it is of this base."""
    requested = parent.reference if parent and checkpoints.preset_of(parent)["reference"] == preset else None
    names = [model.reference for model in folders.models() if model.checkpoint and model.preset.reference == preset]
    choices = [None, *names, *([requested] if requested and requested not in names else [])]
    return st.selectbox(
        _("Start from"),
        choices,
        index=choices.index(requested) if requested else 0,
        format_func=lambda name: name or _("the base model itself"),
    )


def number_input(column: DeltaGenerator, label: str, name: str, **more: Any) -> float:
    """A number of the table of settings: within its bounds, its default first."""
    field = fields.BY_NAME[name]
    low, high = map(field.kind, field.bounds)
    return column.number_input(label, low, high, field.default, **more)


def one_run(preset: str, parent: str | None, articles: str) -> None:
    """The form of a single run."""
    left, right = st.columns(2)
    with left:
        unit = st.segmented_control(
            _("Length"),
            ["minutes", "epochs", "steps"],
            default="minutes",
            required=True,
            format_func=lambda name: {"minutes": _("minutes"), "epochs": _("epochs"), "steps": _("steps")}[name],
            help=_("An epoch is one pass over all articles; a step learns from one batch."),
        )
    with right:
        amount = st.number_input(
            _("How many"),
            min_value=0.0,
            value={"minutes": 1.0, "epochs": 3.0, "steps": 200.0}[unit],
            key=f"amount_{unit}",
        )
    if not access.is_owner():
        most = budget.limits()
        st.caption(
            _(
                "A visitor's run trains at most {minutes} minutes or {steps} steps.",
                minutes=words.shortest(most.minutes),
                steps=words.grouped(most.steps),
            )
        )
    with st.expander(_("Advanced: name, range, learning rate, batch, LoRA, device, prompts")):
        one, two, three = st.columns(3)
        name = one.text_input(_("Name of the run (empty = date and time)"), "")
        first = one.number_input(_("First article (0 = from the start)"), 0, value=0)
        last = one.number_input(_("Last article (0 = to the end)"), 0, value=0)
        seed = number_input(one, _("Seed"), "seed", help=_("The same seed, data and device give the same run again."))
        learning_rate = two.number_input(
            _("Learning rate (0 = automatic)"),
            0.0,
            1.0,
            0.0,
            1e-4,
            format="%.5f",
            help=_(
                "The peak: it warms up, then falls along a cosine. Automatic: by the width of the model, and higher with LoRA."
            ),
        )
        warmup_steps = number_input(
            two, _("Warm-up steps"), "warmup_steps", help=_("In so many steps the learning rate rises to its peak.")
        )
        weight_decay = number_input(
            two,
            _("Weight decay"),
            "weight_decay",
            step=0.01,
            format="%.3f",
            help=_(
                "Draws the weights of the attention and feed-forward layers a little towards 0 at each step, so that the model learns less by heart."
            ),
        )
        batch_size = number_input(two, _("Batch size (0 = about 2,048 tokens)"), "batch_size")
        sequence_length = number_input(
            two, _("Sequence length (0 = automatic)"), "sequence_length", help=_("Tokens in a window.")
        )
        lora_rank = number_input(two, _("LoRA rank (0 = train every weight)"), "lora_rank", help=words.lora_help())
        device = three.selectbox(_("Device"), ["auto", "cpu", *[f"gpu:{i}" for i in range(len(machine.gpus()))]])
        precision = three.selectbox(_("Precision"), PRECISIONS)
        compilation = three.selectbox(
            _("Compilation by XLA"),
            COMPILATIONS,
            help=_(
                "Compiled steps are faster, and the first one waits until they are compiled. Automatic: not for a run of a minute at most of a small model on a CPU."
            ),
        )
        evaluate_steps = three.number_input(
            _("Steps between checkpoints (0 = a tenth of the run)"),
            0,
            value=0,
            help=_(
                "Each comes with an evaluation and a sample. Where it is 0: 10 seconds of training at least in a run given in minutes, and a large model leaves out a checkpoint that would take more than a twentieth of the time."
            ),
        )
        evaluate_tokens = three.number_input(
            _("Tokens of the evaluations at the end (0 = all)"), 0, value=0, step=10_000
        )
        near_copies = three.selectbox(
            _("Test articles that are nearly training articles"),
            NEAR_COPIES,
            format_func=lambda name: {KEPT_IN: _("report them"), LEFT_OUT: _("leave them out of the figures")}[name],
            help=_("Of base and run alike, at the end. Library › Articles shows them."),
        )
        checkpoint_format = one.selectbox(_("Checkpoint format"), CHECKPOINT_FORMATS, help=words.formats_help())
        one.caption(f"{words.describe_format(checkpoint_format)} {words.nothing_lost()}")
        keep_checkpoints = two.number_input(
            _("Checkpoints kept (0 = all)"),
            0,
            value=0,
            help=_("The newest so many, the best by validation loss, and those you pin."),
        )
        dropout = three.number_input(
            _("Dropout (empty = the model's own)"),
            0.0,
            0.99,
            fields.BY_NAME["dropout"].default,
            0.05,
            help=_(
                "The share of the activations that each training step leaves out at random, so that the model learns less by heart."
            ),
        )
        prompts = st.text_area(_("Prompts of the samples, one a line"), "\n".join(PROMPTS), height=110)

    values = {
        "preset": preset,
        "articles": articles,
        "name": name.strip() or queue.UNNAMED,
        "first_article": int(first) or None,
        "last_article": int(last) or None,
        unit: int(amount) if unit == "steps" else float(amount),
        "parent": parent,
        "device": device,
        "precision": precision,
        "compilation": compilation,
        "sequence_length": int(sequence_length),
        "batch_size": int(batch_size),
        "learning_rate": float(learning_rate),
        "warmup_steps": int(warmup_steps),
        "weight_decay": float(weight_decay),
        "dropout": dropout,
        "lora_rank": int(lora_rank),
        "evaluate_steps": int(evaluate_steps),
        "evaluate_tokens": int(evaluate_tokens),
        "near_copies": near_copies,
        "prompts": tuple(line.strip() for line in prompts.splitlines() if line.strip()),
        "seed": int(seed),
        "checkpoint_format": checkpoint_format,
        "keep_checkpoints": int(keep_checkpoints),
    }
    settings = None
    try:
        settings = RunSettings(**values)
        st.caption(estimates(settings))
    except EngineError as error:
        errors.show(error)
    if (
        st.button(_("Start the run"), type="primary", icon=":material/play_arrow:", disabled=settings is None)
        and settings
    ):
        try:
            if not access.is_local() and parent is None and preset not in folders.preset_choices():
                raise EngineError(
                    "Choose one of the presets that ship: other presets are offered on a local server only."
                )
            stem = "" if name.strip() else "run"
            entry = budget.enter(settings, stem, join=not name.strip())
            launching.wake()
            st.session_state["tune_parent"] = None  # the next run is not meant to start there
            address.go(rooms.EXPLORE, rooms.CURVE, run=run_view.entered(entry))
        except (SettingsError, EngineError) as error:
            errors.show(error)


def show() -> None:
    """What to train: one run, stages, or a grid of runs."""
    gpu_unused.say()
    with st.container(border=True):
        kinds = {
            "run": _("One run"),
            "stages": _("Stages, one after the other"),
            "sweep": _("A grid of runs, to compare"),
        }
        kind = st.segmented_control(
            _("What to train"),
            list(kinds),
            default="run",
            required=True,
            format_func=lambda name: kinds[name],
            label_visibility="collapsed",
            key="tune_kind",
        )
        requested = requested_parent()
        left, right = st.columns(2)
        with left:
            preset = choose_preset(requested)
        with right:
            parent = choose_parent(preset, requested) if kind == "run" else None
        articles = importing_view.for_training(sources.choose_articles("tune", folders.vocabulary_hash(preset)), preset)
        if articles is None:
            st.caption(_("Prepare the articles first: then the run can be set up here."))
        elif kind == "run":
            one_run(preset, parent, articles)
        else:
            with errors.shown():
                (stages_form if kind == "stages" else sweep_form).form(preset, articles)
