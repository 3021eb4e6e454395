"""What to train, from what, on which articles and for how long: one run, stages, or a grid of runs."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core import framework, machine
from engine.core.errors import EngineError, SettingsError
from engine.presets import catalogue
from engine.runs import checkpoints, fields, needs, queue
from engine.runs.checkpoints import Checkpoint
from engine.runs.settings import (
    CHECKPOINT_FORMATS,
    COMPILATIONS,
    NEAR_COPIES,
    PRECISIONS,
    PROMPTS,
    RunSettings,
)
from engine.services.launchers import launching
from ui import (
    access,
    address,
    automatic,
    budget,
    decimals,
    errors,
    gpu_unused,
    importing_view,
    present,
    rooms,
    run_view,
    server_paths,
    setting_names,
    sources,
    stages_form,
    words,
)
from ui.i18n import _
from ui.readers import folders
from ui.train import recipes, sweep_form


def estimates(settings: RunSettings) -> str:
    """Time, memory and disk of a run before it starts, in a sentence."""
    needed = needs.estimate(settings)
    speed = folders.usual_speed(settings.preset)
    if settings.minutes is not None:
        time = words.duration(60 * settings.minutes)
    elif speed and settings.steps is not None:
        time = _("about {time}", time=words.about(settings.steps * needed.step_tokens / speed))
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


def several_devices(column: DeltaGenerator) -> int:
    """How many GPUs share the run, where there are several and the framework can share one."""
    if len(machine.gpus()) < 2 or machine.resolve_device("auto") == "cpu" or framework.devices_problem() is not None:
        return 1
    return int(
        column.number_input(
            _("GPUs that share each batch"),
            1,
            len(machine.gpus()),
            1,
            help=_("The batch stays as large as on one; each works on its part of it, so that steps are faster."),
        )
    )


def one_run(preset: str, parent: str | None, articles: str) -> tuple[RunSettings, str] | None:
    """The form of a single run: its settings and how its name begins, where the button is pressed."""
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
        usual = {"minutes": 1.0, "epochs": 3.0, "steps": 200.0}[unit]
        amount = decimals.field(st, _("How many"), f"amount_{unit}", usual, example=usual)
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
        device = three.selectbox(
            _("Device"),
            ["auto", "cpu", *[f"gpu:{i}" for i in range(len(machine.gpus()))]],
            format_func=setting_names.device,
        )
        shown = automatic.taken(preset, device)
        first = automatic.number(one, _("First article"), "first_article", shown)
        last = automatic.number(one, _("Last article"), "last_article", shown)
        seed = one.number_input(
            _("Seed"),
            *fields.BY_NAME["seed"].bounds,
            fields.BY_NAME["seed"].default,
            help=_("The same seed, data and device give the same run again."),
        )
        sequence_length = automatic.number(
            two, _("Sequence length"), "sequence_length", shown, help=_("Tokens in a window.")
        )
        lora_rank = automatic.number(two, _("LoRA rank"), "lora_rank", shown, help=words.lora_help())
        shown = automatic.taken(preset, device, int(sequence_length or 0), int(lora_rank or 0))
        batch_size = automatic.number(two, _("Batch size"), "batch_size", shown, help=_("Windows a step."))
        learning_rate = decimals.field(
            two,
            _("Learning rate"),
            "tune_learning_rate",
            example=0.0005,
            placeholder=shown["learning_rate"],
            help=_(
                "The peak: it warms up, then falls along a cosine. Automatic: by the width of the model, and higher with LoRA."
            ),
        )
        warmup_steps = two.number_input(
            _("Warm-up steps"),
            *fields.BY_NAME["warmup_steps"].bounds,
            fields.BY_NAME["warmup_steps"].default,
            help=_("In so many steps the learning rate rises to its peak."),
        )
        weight_decay = decimals.field(
            two,
            _("Weight decay"),
            "tune_weight_decay",
            float(fields.BY_NAME["weight_decay"].default),
            example=0.05,
            help=_(
                "Draws the weights of the attention and feed-forward layers a little towards 0 at each step, so that the model learns less by heart."
            ),
        )
        devices = several_devices(three) if device == "auto" else 1
        precision = three.selectbox(
            _("Precision"), PRECISIONS, format_func=lambda code: setting_names.value("precision", code)
        )
        compilation = three.selectbox(
            _("Compilation by XLA"),
            COMPILATIONS,
            format_func=lambda code: setting_names.value("compilation", code),
            help=_(
                "Compiled steps are faster, and the first one waits until they are compiled. Automatic: not for a run of a minute at most of a small model on a CPU."
            ),
        )
        evaluate_steps = automatic.number(
            three,
            _("Steps between checkpoints"),
            "evaluate_steps",
            shown,
            help=_(
                "Each comes with an evaluation and a sample. Left empty: 10 seconds of training at least in a run given in minutes, and a large model leaves out a checkpoint that would take more than a twentieth of the time."
            ),
        )
        evaluate_tokens = automatic.number(
            three, _("Tokens of the evaluations at the end"), "evaluate_tokens", shown, step=10_000
        )
        near_copies = three.selectbox(
            _("Test articles that are nearly training articles"),
            NEAR_COPIES,
            format_func=lambda code: setting_names.value("near_copies", code),
            help=_("Of base and run alike, at the end. Library › Articles shows them."),
        )
        checkpoint_format = one.selectbox(_("Checkpoint format"), CHECKPOINT_FORMATS, help=words.formats_help())
        one.caption(f"{words.describe_format(checkpoint_format)} {words.nothing_lost()}")
        keep_checkpoints = automatic.number(
            two,
            _("Checkpoints kept"),
            "keep_checkpoints",
            shown,
            help=_("The newest so many, the best by validation loss, and those you pin."),
        )
        dropout = decimals.field(
            three,
            _("Dropout"),
            "tune_dropout",
            fields.BY_NAME["dropout"].default,
            example=0.1,
            placeholder=shown["dropout"],
            help=_(
                "The share of the activations that each training step leaves out at random, so that the model learns less by heart."
            ),
        )
        prompts = st.text_area(_("Prompts of the samples, one a line"), "\n".join(PROMPTS), height=110)

    values: dict[str, Any] = {
        "preset": preset,
        "articles": articles,
        "name": name.strip() or queue.UNNAMED,
        "first_article": int(first or 0) or None,
        "last_article": int(last or 0) or None,
        unit: decimals.of_unit(unit, amount),
        "parent": parent,
        "device": device,
        "devices": devices,
        "precision": precision,
        "compilation": compilation,
        "sequence_length": int(sequence_length or 0),
        "batch_size": int(batch_size or 0),
        "learning_rate": float(learning_rate or 0),
        "warmup_steps": int(warmup_steps),
        "weight_decay": float(weight_decay or 0),
        "dropout": dropout,
        "lora_rank": int(lora_rank or 0),
        "evaluate_steps": int(evaluate_steps or 0),
        "evaluate_tokens": int(evaluate_tokens or 0),
        "near_copies": near_copies,
        "prompts": tuple(line.strip() for line in prompts.splitlines() if line.strip()),
        "seed": int(seed),
        "checkpoint_format": checkpoint_format,
        "keep_checkpoints": int(keep_checkpoints or 0),
    }
    settings = None
    if not any(decimals.is_wrong(value) for value in values.values()):  # which is said where it stands
        try:
            settings = RunSettings(**values)
            st.caption(estimates(settings))
        except EngineError as error:
            errors.show(error)
    pressed = st.button(_("Start the run"), type="primary", icon=":material/play_arrow:", disabled=settings is None)
    if not pressed or settings is None:
        return None
    return settings, "" if name.strip() else "run"


def _enter(settings: RunSettings, stem: str) -> None:
    """Queues a run and goes to its curve.

    Args:
        stem: how its name begins; "" = it has one.
    """
    try:
        if not access.is_local() and settings.parent is None and settings.preset not in folders.preset_choices():
            raise EngineError("Choose one of the presets that ship: other presets are offered on a local server only.")
        entry = budget.enter(settings, stem, join=bool(stem))
        launching.wake()
        st.session_state["tune_parent"] = None  # the next run is not meant to start there
        address.go(rooms.EXPLORE, rooms.CURVE, run=run_view.entered(entry))
    except (SettingsError, EngineError) as error:
        errors.show(error)


def show() -> None:
    """What to train: a recipe, or behind them one run, stages, or a grid of runs with all their settings."""
    gpu_unused.say()
    cards = st.container()
    said = st.container()
    requested = requested_parent()
    with present.aside("form"):
        title = _("Other articles, another base model, all settings, stages, a grid")
        with st.expander(title, expanded=requested is not None, icon=":material/tune:"):
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
            left, right = st.columns(2)
            with left:
                preset = choose_preset(requested)
            with right:
                parent = choose_parent(preset, requested) if kind == "run" else None
            source = sources.choose_articles("tune", folders.vocabulary_hash(preset))
            articles = importing_view.for_training(source, preset)
            wanted = None
            if articles is None:
                st.caption(_("Prepare the articles first: then the run can be set up here."))
            elif kind == "run":
                wanted = one_run(preset, parent, articles)
            else:
                with errors.shown():
                    (stages_form if kind == "stages" else sweep_form).form(preset, articles)
    with cards:
        wanted = recipes.choose(preset, parent, articles) or wanted
    if not present.on():
        said.caption(recipes.on_what(preset, parent, words.plain(server_paths.hidden(sources.name(source)))))
    if wanted is not None:
        with said:
            _enter(*wanted)
