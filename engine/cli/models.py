"""Models: let them write, list, export, convert and import them, and pretrain a small one."""

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.cli import options
from engine.cli.output import ProgressLine, print_result
from engine.core import strict_json
from engine.core.errors import EngineError
from engine.core.progress import Progress
from engine.runs import checkpoints, references
from engine.runs.settings import CHECKPOINT_FORMATS, EXPORTS, HUGGING_FACE
from engine.training.progress import Training

# The settings of pretraining as options; its own module, which loads Keras, has what they mean and their defaults.
_PRETRAINING = {
    "tokens": int,
    "vocabulary_size": int,
    "num_layers": int,
    "num_heads": int,
    "hidden_dim": int,
    "sequence_length": int,
    "batch_size": int,
    "learning_rate": float,
    "warmup_steps": int,
    "weight_decay": float,
    "decay_share": float,
    "seed": int,
    "checkpoint_steps": int,
}


def register(command: options.Command) -> None:
    """Adds the commands of this module."""
    p = command("generate", generate)
    p.add_argument("--checkpoint", required=True, metavar="RUN[/STEP]|PRESET")
    p.add_argument("--prompt", required=True)
    p.add_argument("--max-new-tokens", type=int, default=60)
    p.add_argument("--temperature", type=float, default=0.8, help="0 = always the most probable token")
    p.add_argument("--top-k", type=int, default=40, help="0 = all tokens")
    p.add_argument("--top-p", type=float, default=1.0)
    p.add_argument("--seed", type=int, default=1)

    p = command("checkpoints", list_checkpoints)
    p.add_argument("--verify", action="store_true", help="compare every file with its manifest")

    p = command("export", export)
    p.add_argument("checkpoint", metavar="RUN[/STEP]|PRESET")
    p.add_argument("--format", required=True, choices=EXPORTS)
    p.add_argument("--out", type=Path, required=True, help="the file or folder to be written")

    p = command("convert", convert)
    p.add_argument("checkpoint", metavar="RUN[/STEP]")
    p.add_argument("--format", required=True, choices=CHECKPOINT_FORMATS)
    p.add_argument("--name", default="", help="the run that it becomes (default: RUN-STEP-as-FORMAT)")

    p = command("import", import_checkpoint)
    p.add_argument(
        "file",
        type=Path,
        help="a Hugging Face or keras-hub folder, a .ckpt folder or a zip of one, .safetensors, .keras, .weights.h5 or .h5",
    )
    p.add_argument("--name", default="", help="the run that it becomes (default: the file's name and the date)")
    p.add_argument("--preset", default="", help="what it was trained from (default: the first known one that it fits)")

    p = command("pretrain", pretrain)
    p.add_argument("--text", type=Path, required=True, metavar="FOLDER", help="holds the .txt files")
    p.add_argument("--out", type=Path, required=True, metavar="PRESET", help="the folder to write")
    p.add_argument("--hold-out", action="append", default=[], metavar="STEM", help="a file kept for the figures")
    for name, kind in _PRETRAINING.items():
        p.add_argument(options.as_options([name]), type=kind)


def generate(a: argparse.Namespace) -> int:
    """Continues a prompt."""
    from engine.inference.generation import Generator, Sampler
    from engine.inference.samples.outcome import without_blank
    from engine.models import loading

    sampler = Sampler(a.temperature, a.top_k, a.top_p)
    reference = options.resolve(a.checkpoint)
    model, tokenizer = loading.load(reference)
    generator = Generator(model, tokenizer)
    if (prompt := without_blank(a.prompt)) != a.prompt:
        print(
            "engine: The blank at the prompt's end was left out: words begin with theirs, and one before them spoils the text.",
            file=sys.stderr,
        )
    _ids, dropped = generator.prompt_ids(prompt, a.max_new_tokens)
    if dropped:
        print(
            f"engine: The prompt is longer than the context: its first {dropped:,} tokens were left out.",
            file=sys.stderr,
        )
    if a.json:
        text = generator.generate(prompt, a.max_new_tokens, sampler, a.seed)
        print(
            strict_json.dumps(
                {
                    "checkpoint": reference.reference,
                    "hash": reference.hash,
                    "seed": a.seed,
                    "prompt": prompt,
                    "dropped_tokens": dropped,
                    "text": text,
                },
                ensure_ascii=False,
            )
        )
        return 0
    print(prompt, end="", flush=True)
    ids, shown = [], ""
    for token in generator.stream(prompt, a.max_new_tokens, sampler, a.seed):
        ids.append(token)
        text = tokenizer.decode(ids)
        if not text.endswith("\ufffd"):
            print(text[len(shown) :], end="", flush=True)
            shown = text
    print()
    return 0


def list_checkpoints(a: argparse.Namespace) -> int:
    """Lists the presets that ship and the checkpoints of the runs; --verify reads every file."""
    rows = []
    for model in references.models():
        row: dict[str, Any] = {"checkpoint": model.reference, "hash": model.hash, "base": model.is_base}
        if a.verify and model.checkpoint is not None:
            try:
                checkpoints.verify(model.checkpoint, fresh=True)
                row["verified"] = True
            except EngineError as error:
                row |= {"verified": False, "problem": str(error)}
        rows.append(row)
        if not a.json:
            print(f"{row['checkpoint']:<44} {row['hash'][:12]}  {row.get('problem', '')}")
    if a.json:
        print(strict_json.dumps(rows))
    return 0


def export(a: argparse.Namespace) -> int:
    """Writes a checkpoint or preset in another format, or for use elsewhere: a keras-hub preset, a Hugging Face folder."""
    from engine.models import formats, loading, usage

    model = options.resolve(a.checkpoint)
    target = formats.export(model, a.format, a.out)
    how = usage.markdown(a.format, model.preset, loading.vocabulary_folder(model.preset))
    lines = [f"{target}", how.rstrip()]
    print_result({"checkpoint": a.checkpoint, "format": a.format, "out": str(target)}, a.json, lines)
    return 0


def convert(a: argparse.Namespace) -> int:
    """Keeps a checkpoint in another format too, as a run of its own with the same step, figures and lineage."""
    from engine.exchange import conversion

    made = conversion.convert(references.resolve(a.checkpoint), a.format, a.name)
    result = {"checkpoint": made.reference, "format": made.format, "from": made.manifest["parent"], "hash": made.hash}
    print_result(result, a.json, [f"{made.reference}: {made.manifest['parent']} as {made.format}, the same weights"])
    return 0


def import_checkpoint(a: argparse.Namespace) -> int:
    """Looks weights from elsewhere through (a file, a folder or a zip), keeps them as a checkpoint, and measures it against
    its base."""
    from engine.exchange.foreign import importing, layout

    line = ProgressLine()
    try:
        checkpoint = importing.import_checkpoint(a.file, a.name, a.preset, on_progress=line)
        found = checkpoint.manifest["imported"]
        from engine.evaluation.measure import parity

        figures = parity(checkpoint, line)
    finally:
        line.close()
    preset = checkpoints.preset_of(checkpoint)["reference"]
    result = {"checkpoint": checkpoint.reference, "preset": preset, **found}
    for name, prefix in (("run", ""), ("base", "base_")):
        result |= {prefix + figure: figures[name][figure] for figure in ("accuracy", "loss", "bits_per_byte")}
    lines = [
        f"{checkpoint.reference}: {found['form']} of {layout.PROGRAMS[found['program']]}, fits {', '.join(found['fits'])}",
        f"accuracy on the sample's test articles {figures['run']['accuracy']:.1%}, its base {figures['base']['accuracy']:.1%}",
    ]
    if found["program"] == layout.OPENAI:
        lines.append(
            f"for use elsewhere: python -m engine export {checkpoint.reference} --format {HUGGING_FACE} --out FOLDER"
        )
    if found["left_out"]:
        lines.append(f"left out, as no part of a GPT-2: {', '.join(found['left_out'])}")
    print_result(result, a.json, lines)
    return 0


def pretrain(a: argparse.Namespace) -> int:
    """Trains a small GPT-2 from nothing on the .txt files of a folder."""
    from engine.training import pretraining

    given = {name: value for name in _PRETRAINING if (value := getattr(a, name)) is not None}
    settings = pretraining.Settings(**given, hold_out=tuple(a.hold_out))
    line = ProgressLine()

    def say(progress: Progress) -> None:
        if not isinstance(progress, Training) or not progress.held_out:
            line(progress)
            return
        line.close()
        print(
            f"step {progress.done:,}: held-out accuracy {progress.held_out['accuracy']:.1%}, "
            f"{progress.held_out['bits_per_byte']:.3f} bits per byte",
            file=sys.stderr,
        )

    try:
        figures = pretraining.pretrain(a.text, a.out, settings, say)
    finally:
        line.close()
    print_result({"preset": str(a.out), **figures}, a.json, [f"{a.out}: {strict_json.dumps(figures)}"])
    return 0
