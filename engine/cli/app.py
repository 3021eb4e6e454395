"""The parser of all commands, and what becomes of their errors: a sentence and an exit code."""

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable

from engine.cli import classes, cluster, corpus, evaluating, models, report, runs, sweeps, training
from engine.core.errors import EngineError, SettingsError
from engine.presets import memory

DESCRIPTION = """\
Atelier fine-tunes GPT-2 on scientific articles.

  python -m engine prepare --source FILE_OR_FOLDER_OR_HUB_NAME --out CORPUS
  python -m engine train --preset checkpoints/presets/gpt2_mini_en --articles articles/sample --minutes 1
  python -m engine evaluate --checkpoint RUN --articles articles/sample --split test
  python -m engine generate --checkpoint RUN --prompt "The patients were"

A preset is a folder (of keras-hub or Hugging Face form) or a keras-hub name such as gpt2_base_en.
A checkpoint is RUN (its result), RUN/STEP, or a preset: the base model itself.
Articles are a prepared corpus, or a file, folder, zip or tar of JSON (the PubMed release's form among others), CSV,
Parquet, plain text, Word, PDF, JATS XML or PubMed's downloads (docs/forms.md); files called train, val and test make the splits. With --json the last line of the output is one JSON
object. Exit codes: 0 done, 1 a problem that is named in one sentence, 2 wrong arguments,
130 stopped."""


def parser() -> argparse.ArgumentParser:
    """The parser; each subject adds its own commands."""
    whole = argparse.ArgumentParser(
        prog="python -m engine", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=action.__doc__, description=action.__doc__)
        sub.set_defaults(action=action)
        sub.add_argument("--json", action="store_true", help="end with one line of JSON")
        return sub

    for subject in (training, runs, sweeps, corpus, evaluating, report, models, classes, cluster):
        subject.register(command)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; problems that a person can act on are one sentence each on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # Windows writes to a pipe or file in a code page, which has no “−”
        sys.stdout.reconfigure(errors="replace")
    a = parser().parse_args(arguments)
    try:
        code: int = a.action(a)
        sys.stdout.flush()  # here, where an end of whoever reads it is known
        return code
    except OSError as error:
        # `… | head -1` has read enough; Windows calls a pipe that nobody reads an invalid argument
        if not (isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to complain at the exit
        return 0
    except SettingsError as error:
        for problem in error.problems:
            print(f"engine: {problem}", file=sys.stderr)
    except EngineError as error:
        print(f"engine: {error}", file=sys.stderr)
        if memory.ran_out(error.__cause__):
            memory.leave(1)
    except KeyboardInterrupt:
        print("engine: interrupted", file=sys.stderr)
        return 130
    return 1
