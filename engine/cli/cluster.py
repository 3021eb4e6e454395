"""The cluster: look whether jobs that are submitted with the settings of `atelier.toml` can train."""

import argparse
import sys

from engine.cli import options
from engine.cli.output import print_result
from engine.core.errors import EngineError
from engine.services import cluster_check


def register(command: options.Command) -> None:
    """Adds the command of this module."""
    p = command("cluster", cluster)
    p.add_argument("what", choices=("check",), help="check: a job of seconds through the settings of atelier.toml")
    p.add_argument("--minutes", type=float, default=10.0, help="how long the job may wait in the queue (default: 10)")


def cluster(a: argparse.Namespace) -> int:
    """Runs a job of seconds through the settings of atelier.toml and says what is missing."""

    def waits(sentence: EngineError) -> None:
        print(sentence, file=sys.stderr, flush=True)

    found = []
    for finding in cluster_check.check(a.minutes, waits):
        found.append(finding)
        if not a.json:
            print(f"{'ok     ' if finding.well else 'MISSING'}  {finding.sentence}", flush=True)
    well = all(finding.well for finding in found)
    rows = [{"well": finding.well, "sentence": str(finding.sentence)} for finding in found]
    lines = ["Runs can be trained there."] if well else ["Runs cannot be trained there yet."]
    print_result({"well": well, "findings": rows}, a.json, lines)
    return 0 if well else 1
