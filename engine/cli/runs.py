"""Runs: list, queue, stop, pause, resume, extend and delete them."""

import argparse
import sys
from dataclasses import replace
from typing import Any

from engine.cli import options
from engine.cli.output import findings_lines, place_line, print_result
from engine.core import paths, strict_json
from engine.core.errors import EngineError, RunError
from engine.memorisation import own_samples
from engine.runs import devices, lifecycle, removal, states
from engine.runs import queue as queueing
from engine.runs.folder import Run
from engine.services import killing, uploads
from engine.services.launchers import outlook, watch


def register(command: options.Command) -> None:
    """Adds the commands of this module."""
    p = command("resume", resume)
    p.add_argument("run")
    p.add_argument("--devices", type=int, metavar="N", help="that share its batches from here on (default: as before)")
    p = command("stop", stop)
    p.add_argument("run")
    p.add_argument(
        "--force", action="store_true", help="end the process: what came after the newest checkpoint is lost"
    )
    command("pause", pause).add_argument("run")

    p = command("delete", delete)
    p.add_argument("run")
    p.add_argument("--yes", action="store_true", help="without asking")

    p = command("extend", extend)
    p.add_argument("checkpoint", metavar="RUN[/STEP]")
    options.add_changes(p)

    p = command("queue", queue)
    p.add_argument("--up", metavar="RUN", help="one place forwards")
    p.add_argument("--down", metavar="RUN", help="one place backwards")
    p.add_argument("--first", metavar="RUN", help="to the front")
    p.add_argument("--cancel", metavar="RUN", help="takes a run out; resume puts it back")
    p.add_argument("--clone", metavar="RUN", help="adds a run with the settings of another and the changes given here")
    options.add_changes(p)

    command("runs", list_runs).add_argument("run", nargs="?", help="one of them: where it stands and what happened")


def resume(a: argparse.Namespace) -> int:
    """Puts a stopped, failed or interrupted run into the queue again."""
    run, changes = lifecycle.find(a.run), {}
    if a.devices is not None:
        changes["devices"] = a.devices
        if not run.scheduled:  # what this machine has says nothing of a node
            devices.suiting(replace(run.settings, **changes))
    run.request_resume(**changes)
    options.have_started()
    print_result({"run": a.run, "state": "queued"}, a.json, [f"{a.run} goes on from its newest checkpoint."])
    return 0


def pause(a: argparse.Namespace) -> int:
    """Asks a run to end with a checkpoint and keeps it to be resumed; its device is free meanwhile."""
    run = lifecycle.find(a.run)
    run.request_pause()
    options.have_cancelled(run)
    return _print_request(run, "pause", a.json)


def stop(a: argparse.Namespace) -> int:
    """Asks a run to stop with a checkpoint; --force ends its process, for one that is frozen."""
    run = lifecycle.find(a.run)
    run.request_stop()
    options.have_cancelled(run)
    if a.force and run.alive():
        killing.kill_trainer(run)
        print_result(
            {"run": a.run, "state": run.state().state}, a.json, [f"{a.run} was ended; its newest checkpoint is kept."]
        )
        return 0
    return _print_request(run, "stop", a.json)


def _print_request(run: Run, action: str, as_json: bool) -> int:
    """Prints what became of a request: a trainer needs a moment, anything else has its state at once, or had one before."""
    state = run.state().state
    line = f"{run.name} was asked to {action}." if state == states.RUNNING else f"{run.name} is {state}."
    print_result({"run": run.name, "asked": action, "state": state}, as_json, [line])
    return 0


def delete(a: argparse.Namespace) -> int:
    """Deletes a run with all its checkpoints, after its name has been typed once more."""
    run = lifecycle.find(a.run)
    removal.check(run)
    lost = removal.loss(run)
    if not a.yes:
        print(
            f"{run.name}: {lost.checkpoints} checkpoints ({lost.pinned} pinned), its curve and its samples, "
            f"{lost.bytes / 1e6:,.1f} MB, are deleted for good.",
            file=sys.stderr,
        )
        if not sys.stdin.isatty() or input("Type its name to delete it: ").strip() != run.name:
            raise RunError("Nothing was deleted: type the run's name at a terminal, or give --yes.")
    articles = run.settings.articles if run.problem is None else ""
    removal.remove(run)
    uploads.remove_secret(articles)
    print_result({"run": run.name, "deleted": True, "bytes": lost.bytes}, a.json, [f"{run.name} was deleted."])
    return 0


def extend(a: argparse.Namespace) -> int:
    """Queues a new run that goes on from a checkpoint with its run's settings: more steps, other articles."""
    run = queueing.extend(a.checkpoint, a.name or "", **_changes(a))
    options.have_started()
    print_result(
        {"run": run.name, "parent": run.settings.parent}, a.json, [f"{run.name} goes on from {run.settings.parent}."]
    )
    return 0


def _changes(a: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given, for a run that has all others from another."""
    changes = options.given(a, "articles")
    if a.range is not None:
        changes["first_article"], changes["last_article"] = options.article_range(a.range)
    return changes


def queue(a: argparse.Namespace) -> int:
    """Shows the runs that wait, the next one first; moves or cancels one of them, or adds a run again with changes."""
    if a.clone:
        run = queueing.clone(lifecycle.find(a.clone), a.name or "", **_changes(a))
        options.have_started()
        print(f"{run.name} has the settings of {a.clone} with the changes.", file=sys.stderr)
    elif _changes(a) or a.name:
        raise EngineError("Settings and a name go with --clone RUN: the runs that wait stay as they are.")
    for name, by in ((a.up, -1), (a.down, 1), (a.first, -(10**6))):
        if name:
            queueing.move(lifecycle.find(name), by)
    if a.cancel:
        run = lifecycle.find(a.cancel)
        if run.name not in [other.name for other in queueing.queued()]:
            raise RunError("The run {name} is not waiting: only waiting runs can be cancelled.", name=run.name)
        run.request_stop()
        options.have_cancelled(run)
    waiting = queueing.positions()
    rows = [
        {
            "run": place.run.name,
            "position": place.position,
            "of": place.of,
            "starts_in_seconds": None if place.seconds is None else round(place.seconds),
            "after": place.run.waits_for(),
            "articles": place.run.settings.articles,
            "device": place.run.settings.device,
        }
        for place in waiting
    ]
    lines = [
        f"{row['run']}  {place_line(place)}" + (f"  (after {row['after']})" if row["after"] else "")
        for place, row in zip(waiting, rows, strict=True)
    ]
    print_result({"waiting": rows}, a.json, lines or ["Nothing waits."])
    return 0


def _show_run(run: Run, as_json: bool) -> int:
    """Prints where a run stands and, where it has ended, what happened in it."""
    state, found = run.state(), own_samples.findings(run)
    row = {"run": run.name, "state": state.state, "step": state.step, "steps": state.steps}
    reason = [str(state.error)] if state.error else []
    lines = [f"{run.name}: {state.state}, step {state.step:,} of {state.steps:,}", *reason, *findings_lines(found)]
    result = {**row, "problem": reason[0] if reason else None, "findings": [finding.to_json() for finding in found]}
    print_result(result, as_json, lines)
    return 0


def list_runs(a: argparse.Namespace) -> int:
    """Lists the runs, the newest first; of one that has ended, what happened in it."""
    if a.run:
        return _show_run(lifecycle.find(a.run), a.json)
    rows = []
    answer = watch.watch.now(paths.checkpoints_root()) if any(run.scheduled for run in lifecycle.all_runs()) else None
    positions = {place.run.name: place for place in queueing.positions()}
    for run in lifecycle.all_runs():
        state = run.state()
        frozen = run.silent_seconds()
        row = {"run": run.name, "state": state.state, "step": state.step, "steps": state.steps, "frozen": frozen}
        if state.state == states.BROKEN:
            row["problem"] = str(state.error)
        if place := positions.get(run.name):
            row |= {"position": place.position, "of": place.of, "starts_in_seconds": place.seconds}
        said = " ".join(map(str, outlook.told(run, answer))) if answer is not None and run.scheduled else ""
        if said:
            row["job"] = said
        rows.append(row)
        if not a.json:
            reason = f"  {state.error}" if state.error else f"  frozen for {frozen:.0f} s" if frozen else ""
            reason += f"  {place_line(place)}" if place else f"  {said}" if said else ""
            print(f"{run.name:<32} {state.state:<12} {state.step:>8,} / {state.steps:<8,}{reason}")
    if a.json:
        print(strict_json.dumps(rows))
    elif not rows:
        print("There is no run yet. Start one: python -m engine train --help")
    return 0
