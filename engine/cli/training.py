"""Train: a run, or the stages of a plan, here or in the queue."""

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from engine.articles.member import shown
from engine.cli import options
from engine.cli.output import ProgressLine, findings_lines, near_copies_line, place_line, print_result
from engine.core import machine, paths
from engine.core.errors import ArticlesError, PlanError
from engine.memorisation import own_samples
from engine.presets import memory
from engine.runs import attempts, checkpoints, inputs, queue, states
from engine.runs.folder import Run
from engine.runs.settings import LENGTHS, RunSettings
from engine.services import dispatcher, worker


def register(command: options.Command) -> None:
    """Adds the command of this module."""
    p = command("train", train)
    p.add_argument("--preset", help="where to start (default: the mini model)")
    p.add_argument("--articles", help="a corpus, or a file or folder of articles (default: the sample)")
    p.add_argument("--plan", type=Path, help="a TOML file of stages, run one after the other, such as plans/*.toml")
    p.add_argument("--range", metavar="A-B", help="training articles A to B, counted from 1, both included")
    options.add_lengths(p)
    p.add_argument("--from", dest="parent", metavar="RUN[/STEP]", help="start from a checkpoint")
    p.add_argument("--name", help="the run's name (default: run-DATE-TIME)")
    options.add_settings(p)
    where = p.add_mutually_exclusive_group()
    where.add_argument("--wait", action="store_true", help="wait here until the device is free")
    where.add_argument("--queue", action="store_true", help="hand the run to the dispatcher and return")


def train(a: argparse.Namespace) -> int:
    """Fine-tunes a preset or a checkpoint on articles."""
    if a.plan:
        return _train_plan(a)
    first, last = options.article_range(a.range)
    chosen = options.given(a)
    if not set(chosen) & {*LENGTHS}:
        chosen["epochs"] = 3.0
    settings = RunSettings(
        preset=str(a.preset or paths.MINI_PRESET),
        articles=_articles(a),
        name=a.name or queue.UNNAMED,
        first_article=first,
        last_article=last,
        parent=a.parent,
        **chosen,
    )
    _say_gpu_unused(settings.device)
    run = queue.enter(settings, "" if a.name else "run").run
    if a.queue or run.scheduled:
        return _print_queued(run, a.json)
    line = ProgressLine()
    try:
        with dispatcher.watching():
            result = worker.work(run, patience_seconds=24 * 3600 if a.wait else 0, on_progress=line)
    except memory.RestartNeeded:
        _restart_in_background(run, a.json)
    finally:
        line.close()
    if result is None:
        return _not_finished(run, a.json)
    found = own_samples.findings(run)
    result = {**result, "findings": [finding.to_json() for finding in found]}
    print_result(result, a.json, [*findings_lines(found), *_result_lines(result)])
    return 0


def _train_plan(a: argparse.Namespace) -> int:
    """Runs the stages of a plan one after the other, each from the last checkpoint of its parent."""
    from engine.corpus import preparation
    from engine.models import vocabulary
    from engine.runs import plans

    own = [option for option, value in (("range", a.range), ("from", a.parent)) if value is not None]
    if own:
        raise PlanError(
            "A plan says its stages' ranges and parents itself: leave out {options}.", options=options.as_options(own)
        )
    plan = plans.load(a.plan)
    changes = options.given(a, "preset")
    preset = str(changes.get("preset") or plan.stages[0].settings.get("preset") or paths.MINI_PRESET)
    source = _articles(a)
    line = ProgressLine()
    try:
        prepared = preparation.prepare(
            inputs.articles_path(source),
            vocabulary.vocabulary(preset),
            on_progress=line,
        )
        scaled = plan.scaled(prepared.articles("train"))
        prefix = a.name or queue.UNNAMED
        stages = plans.settings(scaled, source, prefix, **changes)
        for device in {stage.device for stage in stages}:
            _say_gpu_unused(device)
        made = [entry.run for entry in queue.enter_stages(stages, prefix, "" if a.name else "plan")]
        if a.queue or made[0].scheduled:
            options.have_started()
            waits = {found.run.name: place_line(found) for found in queue.positions()}
            lines = [f"{run.name} waits: {waits.get(run.name, 'its trainer starts')}" for run in made]
            print_result({"runs": [run.name for run in made]}, a.json, lines)
            return 0
        results: list[dict[str, Any]] = []
        happened: list[str] = []
        for run, stage in zip(made, scaled.stages, strict=True):
            print(f"{run.name}: articles {stage.first:,}-{stage.last:,}", file=sys.stderr)
            with dispatcher.watching():
                result = worker.work(run, patience_seconds=24 * 3600 if a.wait else 0, on_progress=line)
            if result is None:
                return _not_finished(run, a.json)
            found = own_samples.findings(run)
            happened += [f"{run.name}: {line}" for line in findings_lines(found)]
            told = {"findings": [finding.to_json() for finding in found]}
            results.append({**result, "range": [stage.first, stage.last], "parent": run.settings.parent, **told})
    except memory.RestartNeeded:
        _restart_in_background(run, a.json)
    finally:
        line.close()
    lines = [*happened, *(line for result in results for line in _result_lines(result))]
    print_result({"plan": plan.title, "articles": scaled.articles, "stages": results}, a.json, lines)
    return 0


def _say_gpu_unused(device: str) -> None:
    """Says at once that the CPU trains where one would expect the GPU."""
    if device == "auto" and (problem := machine.gpu_problem()) is not None:
        print(problem, file=sys.stderr, flush=True)


def _articles(a: argparse.Namespace) -> str:
    """What a run is to be trained on; its settings are a file of Unicode.

    Raises:
        ArticlesError: the path cannot be written there.
    """
    articles = str(a.articles or paths.SAMPLE_ARTICLES)
    if (readable := shown(articles)) != articles:
        raise ArticlesError(
            "The path {path} is not Unicode: rename it, or prepare it and train on the corpus.", path=readable
        )
    return articles


def _restart_in_background(run: Run, as_json: bool) -> NoReturn:
    """Hands a run whose memory ran out to the dispatcher and ends this process at once (memory.RestartNeeded says why)."""
    options.have_started()
    event = run.events("memory")[-1]
    message = (
        f"\nMemory ran out at step {event['failed_step']}: {run.name} goes on by itself in the background, each batch of "
        f"{event['batch_size']} in pieces of {event['micro_batch']}. It is shown by: python -m engine runs"
    )
    print_result({"run": run.name, "state": states.QUEUED, "micro_batch": event["micro_batch"]}, as_json, [message])
    memory.leave(0)


def _print_queued(run: Run, as_json: bool) -> int:
    if run.scheduled:
        options.have_started()
        job = attempts.facts(run.folder).get("job")
        sentence = (
            f"{run.name} was submitted to Slurm as job {job}." if job else f"{run.name} waits to be submitted to Slurm."
        )
        print_result({"run": run.name, "state": run.state().state, "job": job}, as_json, [sentence])
        return 1 if run.state().state == states.FAILED else 0
    place = queue.place(run)  # before the dispatcher takes it from there
    options.have_started()
    result: dict[str, Any] = {"run": run.name, "state": "queued"}
    if place is not None:
        result |= {"position": place.position, "of": place.of, "starts_in_seconds": place.seconds}
    sentence = f": {place_line(place)}" if place else ""
    print_result(result, as_json, [f"{run.name} waits in the queue{sentence}."])
    return 0


def _not_finished(run: Run, as_json: bool) -> int:
    state = run.state()
    if state.state == states.QUEUED:
        options.have_started()
        message = f"The device is in use: {run.name} waits in the queue and starts by itself. --wait stays here."
        print_result({"run": run.name, "state": state.state}, as_json, [message])
        return 0
    if state.state == states.RUNNING:  # the dispatcher was quicker
        message = f"{run.name} is at work in the background. It is shown by: python -m engine runs"
        print_result({"run": run.name, "state": state.state}, as_json, [message])
        return 0
    newest = checkpoints.newest_verified(run)
    where = f"; its checkpoint is {newest.reference}" if newest else ""
    print_result(
        {
            "run": run.name,
            "state": state.state,
            "checkpoint": newest.reference if newest else None,
            "steps": state.step,
        },
        as_json,
        [f"{run.name} was stopped at step {state.step}{where}. Resume: python -m engine resume {run.name}"],
    )
    return 130


def _result_lines(result: dict[str, Any]) -> list[str]:
    lines = [
        f"{result['run']}: {result['steps']:,} steps, {result['tokens']:,} tokens, "
        f"{result['tokens_per_second'] or 0:,.0f} tokens/s on {result['device']} in {result['precision']}",
        f"on {result['evaluated_tokens']:,} {result['split']} tokens   accuracy     loss   bits per byte",
    ]
    for prefix, name in (("base_", "base"), ("parent_", "parent"), ("", "this run")):
        if f"{prefix}accuracy" in result:
            accuracy, loss, bits = (result[prefix + key] for key in ("accuracy", "loss", "bits_per_byte"))
            lines.append(f"  {name:<28} {accuracy:9.1%} {loss:8.3f} {bits:10.3f}")
    if result["ended_early"]:
        lines.append(
            f"ended early: validation no longer improved; to its last step: python -m engine resume {result['run']}"
        )
    if result["base_better"]:
        lines.append(
            "on validation the base is better than every checkpoint of this run: these figures are of the last"
        )
    elif result["checkpoint"] != result["last_checkpoint"]:
        lines.append(f"the best on validation is step {result['best_step']}: these figures are its own")
    if "micro_batch" in result:
        lines.append(f"memory was short: batches of {result['batch_size']} in pieces of {result['micro_batch']}")
    if sentence := near_copies_line(result["near_copies"], result["split"], result["near_copies_left_out"]):
        lines.append(sentence)
    return [*lines, f"checkpoint: {result['checkpoint']}"]
