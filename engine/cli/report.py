"""The report of a run: one page of HTML to be taken home, opened anywhere and printed."""

import argparse
from pathlib import Path

from engine.cli import options
from engine.cli.output import ProgressLine, print_result
from engine.core import files, languages
from engine.runs import lifecycle


def register(command: options.Command) -> None:
    """Adds the command of this module."""
    p = command("report", report)
    p.add_argument("run", metavar="RUN")
    p.add_argument("--out", required=True, metavar="FILE", help="the file to write, such as report.html")
    p.add_argument("--language", choices=languages.LANGUAGES, default="en")


def report(a: argparse.Namespace) -> int:
    """Writes the report of a run: what it learned, copied and forgot, on two pages that open offline and print."""
    from engine.classroom import report_page, reports

    run = lifecycle.find(a.run)
    line = ProgressLine()
    try:
        found = reports.of_run(run, on_progress=line)
    finally:
        line.close()
    path = Path(a.out)
    with files.storage_errors(path.parent):
        files.write_bytes(path, report_page.html(found, a.language).encode("utf-8"))
    print_result(
        {"run": run.name, "file": str(path), "language": a.language}, a.json, [f"{path}: the report of {run.name}."]
    )
    return 0
