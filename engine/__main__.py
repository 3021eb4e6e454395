"""The command line: `python -m engine COMMAND`, one function a command."""

import argparse
import errno
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from engine.articles.member import shown
from engine.articles.unread import PARTS
from engine.core import paths
from engine.core.errors import ArticlesError, EngineError, PlanError, RunError, SettingsError
from engine.corpus import store
from engine.presets import memory
from engine.runs import checkpoints, lifecycle, removal, submission
from engine.runs import queue as queueing
from engine.runs.settings import CHECKPOINT_FORMATS, LEFT_OUT, NEAR_COPIES, PRECISIONS, REPORTED, RunSettings
from engine.services import dispatcher, ending, worker

DESCRIPTION = """\
Atelier fine-tunes GPT-2 on scientific articles.

  python -m engine prepare --source FILE_OR_FOLDER_OR_HUB_NAME --out CORPUS
  python -m engine train --preset checkpoints/presets/gpt2_mini_en --articles articles/sample --minutes 1
  python -m engine evaluate --checkpoint RUN --articles articles/sample --split test
  python -m engine generate --checkpoint RUN --prompt "The patients were"

A preset is a folder (of keras-hub or Hugging Face form) or a keras-hub name such as gpt2_base_en.
A checkpoint is RUN (its newest), RUN/STEP, or a preset: the base model itself.
Articles are a prepared corpus, or a file, folder, zip or tar of JSON (the PubMed release's form among others), CSV,
Parquet, plain text, Word, PDF, JATS XML or PubMed's downloads (docs/forms.md); files called train, val and test make the splits. With --json the last line of the output is one JSON
object. Exit codes: 0 done, 1 a problem that is named in one sentence, 2 wrong arguments,
130 stopped."""


BASE = "base"  # what --against calls the preset that a checkpoint was trained from


class _Progress:
    """One line that is rewritten at a terminal; a line each few seconds elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = 0.0

    def __call__(self, line: str) -> None:
        if self._terminal:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._last > 5:
            print(line, file=sys.stderr, flush=True)
            self._last = time.monotonic()

    def close(self) -> None:
        """Ends the rewritten line."""
        if self._terminal:
            print(file=sys.stderr)


def bar(done: float, total: float, width: int = 24) -> str:
    """A progress bar: `[######------]  50 %`."""
    share = min(1.0, done / total) if total else 0.0
    return f"[{'#' * round(share * width):-<{width}}] {share:4.0%}"


def _print_result(result: dict, as_json: bool, lines: list[str]) -> None:
    if not as_json:
        print("\n".join(lines))
    else:
        print(json.dumps(result, ensure_ascii=False))


def train(a: argparse.Namespace) -> int:
    """Fine-tunes a preset or a checkpoint on articles."""
    if a.plan:
        return _train_plan(a)
    first, last = _range(a.range)
    lengths = {"steps": a.steps, "epochs": a.epochs, "minutes": a.minutes}
    if not any(value is not None for value in lengths.values()):
        lengths["epochs"] = 3.0
    settings = RunSettings(
        preset=str(a.preset or paths.MINI_PRESET),
        articles=_articles(a),
        name=a.name or queueing.UNNAMED,
        first_article=first,
        last_article=last,
        parent=a.parent,
        **lengths,
        **{name: getattr(a, name) for name in _PASSED_ON},
    )
    run = queueing.enter(settings, "" if a.name else "run").run
    if a.queue:
        return _print_queued(run, a.json)
    progress = _Progress()
    try:
        with dispatcher.watching():
            result = worker.work(run, patience_seconds=24 * 3600 if a.wait else 0, say=progress)
    except memory.GoesOn:
        _goes_on(run, a.json)
    finally:
        progress.close()
    if result is None:
        return _not_finished(run, a.json)
    _print_result(result, a.json, _result_lines(result))
    return 0


def prepare(a: argparse.Namespace) -> int:
    """Prepares articles for training: reads a source and keeps its tokens on disk, from wherever it was interrupted."""
    from engine.articles import Options
    from engine.corpus import little, preparation
    from engine.models import vocabulary
    from engine.services import import_job

    started = time.monotonic()
    progress = _Progress()
    tokenizer = vocabulary.vocabulary(str(a.preset))
    try:
        path = import_job.locate(
            str(a.source),
            _announce,
            lambda done, total: progress(f"fetching {bar(done, total)}"),
        )
        ignored = [name for name in _FOR_SOURCES if getattr(a, name)] if store.is_corpus(path) else []
        if ignored:
            raise ArticlesError(
                "{path} is a prepared corpus already: {options} can only be given for its source.",
                path=path,
                options=_as_options(ignored),
            )
        prepared = preparation.prepare(
            path,
            tokenizer,
            report=lambda p: progress(_preparing(p, time.monotonic() - started)),
            out=a.out,
            options=Options(a.text_column, a.abstract_column, a.id_column, a.text_unit, a.title_column),
            limit=a.limit,
            accept_part=a.accept_part,
            looked_at=True,  # they are printed below
        )
        notices = prepared.notices
        prepared = preparation.look_for_near_copies(  # of one that an earlier version prepared
            prepared, tokenizer, lambda p: progress(_preparing(p, time.monotonic() - started))
        )
    finally:
        progress.close()
    if preparation.is_guessed(prepared.card.get("forms", {})):
        _print_first(prepared, tokenizer)
    totals = store.summary(prepared.card)
    skipped = prepared.skipped
    reasons = [{"reason": str(e), "count": skipped.reasons[e.template]} for e in _first_of_each(skipped)]
    result = {
        "corpus": str(prepared.folder),
        **totals,
        "splits": prepared.card["splits"],
        "skipped": {"count": skipped.count, "reasons": reasons},
        "duplicates": prepared.card["duplicates"],
        "formulas": prepared.card.get("formulas"),
        "near_copies": {**prepared.card["near_copies"], "examples": _alike(prepared)},
        "validation_set_aside": prepared.card["validation_set_aside"],
        "left_out": prepared.left_out,
        "remarks": [str(remark) for remark in prepared.remarks],
        "notices": [str(notice) for notice in (*notices, *little.notices(prepared))],
        "seconds": round(time.monotonic() - started, 3),
    }
    _print_result(result, a.json, _prepared_lines(result))
    return 0


def _print_first(prepared: store.Corpus, tokenizer: Any) -> None:
    """The beginnings of three articles whose text a program made out of PDF or Word files, to be looked at."""
    print("Look at what was read before you train on it:", file=sys.stderr)
    for number in range(1, min(3, prepared.articles("train")) + 1):
        text = tokenizer.decode(prepared.tokens("train", number, number)[1:])
        print(f"--- {prepared.identifier('train', number)}\n{text[:600].strip()}", file=sys.stderr)


def _announce(found: Any) -> None:
    """Says what will be fetched from the hub."""
    others = f" (configuration {found.configuration}; left: {', '.join(found.others)})" if found.others else ""
    print(f"{found.name}: {len(found.files)} files, {found.size / 1e6:,.0f} MB{others}", file=sys.stderr)


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


_FOR_SOURCES = (
    "out",
    "limit",
    "text_column",
    "abstract_column",
    "id_column",
    "title_column",
    "text_unit",
    "accept_part",
)


def _as_options(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)


def _preparing(p: Any, seconds: float) -> str:
    rate = p.done_bytes / seconds if seconds else 0.0
    left = f", {max(0.0, (p.total_bytes - p.done_bytes) / rate):,.0f} s left" if rate and p.total_bytes else ""
    if p.compared:
        return f"looking for near-copies {bar(p.compared, p.articles)} {p.compared:,} of {p.articles:,} articles"
    return (
        f"preparing {bar(p.done_bytes, p.total_bytes)} {p.articles:,} articles, {p.tokens:,} tokens, "
        f"{p.skipped:,} skipped{left}"
    )


def _first_of_each(skipped: Any) -> list[EngineError]:
    seen: dict[str, EngineError] = {}
    for example in skipped.examples:
        seen.setdefault(example.template, example)
    return list(seen.values())


_SHOWN_PAIRS = 3  # of duplicates and near-copies
_TOLD_PAIRS = 100  # of near-copies, with --json


def _alike(prepared: store.Corpus) -> list[dict[str, Any]]:
    """The near-copies between two splits, then the others, the most alike first."""
    found = prepared.near_copies()
    assert found is not None
    pairs = [(prepared.place(int(p["first"])), prepared.place(int(p["second"])), float(p["likeness"])) for p in found]
    pairs.sort(key=lambda pair: (pair[0][0] == pair[1][0], -pair[2]))
    return [
        {"first": list(first), "second": list(second), "likeness": round(likeness, 3)}
        for first, second, likeness in pairs[:_TOLD_PAIRS]
    ]


def _prepared_lines(result: dict) -> list[str]:
    lines = [
        f"{result['corpus']}",
        f"  {result['articles']:,} articles, {result['words']:,} words, {result['tokens']:,} tokens in "
        f"{result['seconds']:,.1f} s",
    ]
    lines += [f"  {split}: 1-{counts['articles']:,}" for split, counts in result["splits"].items()]
    if result["validation_set_aside"]:
        lines.append("  (a tenth of the training articles was set aside for validation)")
    if result["skipped"]["count"]:
        lines.append(f"  {result['skipped']['count']:,} skipped:")
        lines += [f"    {reason['count']:,} such as: {reason['reason']}" for reason in result["skipped"]["reasons"]]
    d = result["duplicates"]
    if d["repeated"] or d["across_splits"] or d["same_id"]:
        lines.append(
            f"  {d['repeated']:,} articles repeat an earlier one of their split, {d['across_splits']:,} one of another "
            f"split; {d['same_id']:,} share an id with another text of another split"
        )
        lines += [
            f"    such as: {later[0]} {later[1]:,} repeats {earlier[0]} {earlier[1]:,}"
            for earlier, later in d["examples"][:_SHOWN_PAIRS]
        ]
    if any((f := result["formulas"] or {}).values()):
        lines.append(f"  {f['text']:,} formulas became text, {f['mark']:,} that are pictures became [formula]")
    n = result["near_copies"]
    if n["pairs"]:
        lines.append(
            f"  {n['pairs']:,} pairs of articles are nearly the same text, {n['across_splits']:,} of them in two splits "
            f"(from a likeness of {n['least']:.0%} on; evaluate and train --near-copies leave-out leave them out of the figures)"
        )
        lines += [
            f"    such as: {p['second'][0]} {p['second'][1]:,} is {p['likeness']:.0%} {p['first'][0]} {p['first'][1]:,}"
            for p in n["examples"][:_SHOWN_PAIRS]
        ]
    if result["left_out"]:
        parts = ", ".join(f"{PARTS.get(part, part)} {count:,}" for part, count in result["left_out"].items())
        lines.append(f"  beside the articles and not read: {parts}")
    return lines + [f"  {told}" for told in (*result["remarks"], *result["notices"])]


def _train_plan(a: argparse.Namespace) -> int:
    """Runs the stages of a plan one after the other, each from the last checkpoint of its parent."""
    from engine.corpus import preparation
    from engine.models import vocabulary
    from engine.runs import plans

    own = [option for option, value in (("range", a.range), ("from", a.parent)) if value]
    if own:
        raise PlanError(
            "A plan says its stages' ranges and parents itself: leave out {options}.", options=_as_options(own)
        )
    plan = plans.load(a.plan)
    given = {"preset": a.preset, "steps": a.steps, "epochs": a.epochs, "minutes": a.minutes}
    defaults = {name: _DEFAULTS[name] for name in _PASSED_ON}
    given |= {name: getattr(a, name) for name in _PASSED_ON if getattr(a, name) != defaults[name]}
    changes = {name: value for name, value in given.items() if value is not None}
    preset = str(changes.get("preset") or plan.stages[0].settings.get("preset") or paths.MINI_PRESET)
    source = _articles(a)
    progress = _Progress()
    try:
        prepared = preparation.prepare(
            submission.articles_path(source),
            vocabulary.vocabulary(preset),
            report=lambda p: progress(_preparing(p, 0.0)),
        )
        scaled = plan.scaled(prepared.articles("train"))
        prefix = a.name or queueing.UNNAMED
        stages = plans.settings(scaled, source, prefix, **changes)
        made = [entry.run for entry in queueing.enter_stages(stages, prefix, "" if a.name else "plan")]
        if a.queue:
            dispatcher.ensure()
            told = {found.run.name: _place_told(found) for found in queueing.places()}
            lines = [f"{run.name} waits: {told.get(run.name, 'its trainer starts')}" for run in made]
            _print_result({"runs": [run.name for run in made]}, a.json, lines)
            return 0
        results = []
        for run, stage in zip(made, scaled.stages, strict=True):
            print(f"{run.name}: articles {stage.first:,}-{stage.last:,}", file=sys.stderr)
            with dispatcher.watching():
                result = worker.work(run, patience_seconds=24 * 3600 if a.wait else 0, say=progress)
            if result is None:
                return _not_finished(run, a.json)
            results.append({**result, "range": [stage.first, stage.last], "parent": run.settings.parent})
    except memory.GoesOn:
        _goes_on(run, a.json)
    finally:
        progress.close()
    lines = [line for result in results for line in _result_lines(result)]
    _print_result({"plan": plan.title, "articles": scaled.articles, "stages": results}, a.json, lines)
    return 0


_DEFAULTS = {field.name: field.default for field in fields(RunSettings)}
_PASSED_ON = (
    "device",
    "precision",
    "sequence_length",
    "batch_size",
    "learning_rate",
    "lora_rank",
    "evaluate_tokens",
    "near_copies",
    "evaluate_steps",
    "seed",
    "checkpoint_format",
    "keep_checkpoints",
)


def _goes_on(run: lifecycle.Run, as_json: bool) -> NoReturn:
    """Hands a run whose memory ran out to the dispatcher and ends this process at once (memory.GoesOn says why)."""
    dispatcher.ensure()
    event = run.events("memory")[-1]
    message = (
        f"\nMemory ran out at step {event['failed_step']}: {run.name} goes on by itself in the background, each batch of "
        f"{event['batch_size']} in pieces of {event['micro_batch']}. It is shown by: python -m engine runs"
    )
    _print_result({"run": run.name, "state": lifecycle.QUEUED, "micro_batch": event["micro_batch"]}, as_json, [message])
    memory.leave(0)


def _print_queued(run: lifecycle.Run, as_json: bool) -> int:
    place = queueing.place(run)  # before the dispatcher takes it from there
    dispatcher.ensure()
    result: dict[str, Any] = {"run": run.name, "state": "queued"}
    if place is not None:
        result |= {"position": place.position, "of": place.of, "starts_in_seconds": place.seconds}
    told = f": {_place_told(place)}" if place else ""
    _print_result(result, as_json, [f"{run.name} waits in the queue{told}."])
    return 0


def _place_told(place: queueing.Place) -> str:
    """A place in the queue: `2 of 5, starts in about 3 min`."""
    if place.seconds is None:
        return f"{place.position} of {place.of}, unknown when it starts"
    minutes, seconds = divmod(round(place.seconds, -1), 60)
    about = (
        f"{minutes:.0f} min"
        if place.seconds >= 600
        else f"{minutes:.0f} min {seconds:.0f} s"
        if minutes
        else f"{seconds:.0f} s"
    )
    return f"{place.position} of {place.of}, starts in about {about}"


def _not_finished(run: lifecycle.Run, as_json: bool) -> int:
    state = run.state()
    if state.state == lifecycle.QUEUED:
        dispatcher.ensure()
        message = f"The device is in use: {run.name} waits in the queue and starts by itself. --wait stays here."
        _print_result({"run": run.name, "state": state.state}, as_json, [message])
        return 0
    if state.state == lifecycle.RUNNING:  # the dispatcher was quicker
        message = f"{run.name} is at work in the background. It is shown by: python -m engine runs"
        _print_result({"run": run.name, "state": state.state}, as_json, [message])
        return 0
    newest = checkpoints.newest_verified(run)
    where = f"; its checkpoint is {newest.reference}" if newest else ""
    _print_result(
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


def _result_lines(result: dict) -> list[str]:
    lines = [
        f"{result['run']}: {result['steps']:,} steps, {result['tokens']:,} tokens, "
        f"{result['tokens_per_second'] or 0:,.0f} tokens/s on {result['device']} in {result['precision']}",
        f"on {result['evaluated_tokens']:,} {result['split']} tokens   accuracy     loss   bits per byte",
    ]
    for prefix, name in (("base_", "base"), ("parent_", "parent"), ("", "this run")):
        if f"{prefix}accuracy" in result:
            accuracy, loss, bits = (result[prefix + key] for key in ("accuracy", "loss", "bits_per_byte"))
            lines.append(f"  {name:<28} {accuracy:9.1%} {loss:8.3f} {bits:10.3f}")
    if "micro_batch" in result:
        lines.append(f"memory was short: batches of {result['batch_size']} in pieces of {result['micro_batch']}")
    if told := _near_copies_line(result["near_copies"], result["split"], result["near_copies_left_out"]):
        lines.append(told)
    return [*lines, f"checkpoint: {result['checkpoint']}"]


def resume(a: argparse.Namespace) -> int:
    """Puts a stopped, failed or interrupted run into the queue again."""
    lifecycle.find(a.run).request_resume()
    dispatcher.ensure()
    _print_result({"run": a.run, "state": "queued"}, a.json, [f"{a.run} goes on from its newest checkpoint."])
    return 0


def pause(a: argparse.Namespace) -> int:
    """Asks a run to end with a checkpoint and keeps it to be resumed; its device is free meanwhile."""
    run = lifecycle.find(a.run)
    run.request_pause()
    return _asked(run, "pause", a.json)


def _asked(run: lifecycle.Run, action: str, as_json: bool) -> int:
    """Says what became of a wish: a trainer needs a moment, anything else has its state at once, or had one before."""
    state = run.state().state
    line = f"{run.name} was asked to {action}." if state == lifecycle.RUNNING else f"{run.name} is {state}."
    _print_result({"run": run.name, "asked": action, "state": state}, as_json, [line])
    return 0


def extend(a: argparse.Namespace) -> int:
    """Queues a new run that goes on from a checkpoint with its run's settings: more steps, other articles."""
    run = queueing.extend(a.checkpoint, a.name or "", **_changes(a))
    dispatcher.ensure()
    _print_result(
        {"run": run.name, "parent": run.settings.parent}, a.json, [f"{run.name} goes on from {run.settings.parent}."]
    )
    return 0


def _changes(a: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given, for a run that has all others from another."""
    given = {name: getattr(a, name) for name in ("steps", "epochs", "minutes", "articles", *_PASSED_ON)}
    changes = {name: value for name, value in given.items() if value is not None}
    if a.range:
        changes["first_article"], changes["last_article"] = _range(a.range)
    return changes


def queue(a: argparse.Namespace) -> int:
    """Shows the runs that wait, the next one first; moves or cancels one of them, or adds a run again with changes."""
    if a.clone:
        run = queueing.clone(lifecycle.find(a.clone), a.name or "", **_changes(a))
        dispatcher.ensure()
        print(f"{run.name} has the settings of {a.clone} with the changes.", file=sys.stderr)
    elif _changes(a) or a.name:
        raise EngineError("Settings and a name go with --clone RUN: the runs that wait stay as they are.")
    for name, places in ((a.up, -1), (a.down, 1), (a.first, -(10**6))):
        if name:
            queueing.move(lifecycle.find(name), places)
    if a.cancel:
        run = lifecycle.find(a.cancel)
        if run.name not in [other.name for other in queueing.waiting()]:
            raise RunError("The run {name} is not waiting: only waiting runs can be cancelled.", name=run.name)
        run.request_stop()
    waiting = queueing.places()
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
        f"{row['run']}  {_place_told(place)}" + (f"  (after {row['after']})" if row["after"] else "")
        for place, row in zip(waiting, rows, strict=True)
    ]
    _print_result({"waiting": rows}, a.json, lines or ["Nothing waits."])
    return 0


def stop(a: argparse.Namespace) -> int:
    """Asks a run to stop with a checkpoint; --force ends its process, for one that is frozen."""
    run = lifecycle.find(a.run)
    run.request_stop()
    if a.force and run.alive():
        ending.end_trainer(run)
        _print_result(
            {"run": a.run, "state": run.state().state}, a.json, [f"{a.run} was ended; its newest checkpoint is kept."]
        )
        return 0
    return _asked(run, "stop", a.json)


def _resolve(reference: str) -> checkpoints.ModelReference:
    """The model of that name; says which newer checkpoints of its run are damaged, where the newest one is meant."""
    model = checkpoints.resolve(reference)
    if model.checkpoint is not None and reference.strip("/") == model.checkpoint.run:
        for problem in checkpoints.newest_and_damaged(lifecycle.find(model.checkpoint.run))[1]:
            print(f"engine: {problem}", file=sys.stderr)
    return model


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
    removal.remove(run)
    _print_result({"run": run.name, "deleted": True, "bytes": lost.bytes}, a.json, [f"{run.name} was deleted."])
    return 0


def evaluate(a: argparse.Namespace) -> int:
    """Measures a checkpoint or preset on articles: figures with their intervals, where they come from, and what changed
    against another model."""
    from engine.evaluation import cache as results
    from engine.evaluation import intervals
    from engine.evaluation.measure import examine
    from engine.inference.differences import check_same_vocabulary

    model = _resolve(a.checkpoint)
    other = None
    if a.against:
        other = checkpoints.ModelReference(model.preset) if a.against == BASE else _resolve(a.against)
        checkpoints.check_base(model, other)
        check_same_vocabulary(other, model)
    progress = _Progress()

    def examined(reference: checkpoints.ModelReference) -> dict:
        return examine(
            reference,
            a.articles,
            a.split,
            results.PassSettings(
                a.evaluate_tokens, a.sequence_length, a.stride, a.seed, int(a.near_copies == LEFT_OUT)
            ),
            lambda done, total: progress(f"evaluating {reference.reference} {bar(done, total)}"),
            lambda told: progress(f"preparing the articles: {told.articles:,} so far"),
        )

    try:
        result = examined(model)
        if other is not None:
            against = examined(other)
            result["against"] = {**against, "differences": intervals.differences(result, against)}
    finally:
        progress.close()
    _print_result(result, a.json, _report_lines(result))
    return 0


def _report_lines(result: dict) -> list[str]:
    from engine.evaluation import intervals

    simple, articles = result["baselines"], intervals.scored_articles(result["by_article"])
    lines = [
        f"{result['checkpoint']} on {result['evaluated_tokens']:,} {result['split']} tokens of {articles:,} articles, "
        f"windows of {result['sequence_length']}, {result['stride']} from one to the next: "
        f"accuracy {result['accuracy']:.1%}, loss {result['loss']:.3f}, perplexity {result['perplexity']:.1f}, "
        f"{result['bits_per_byte']:.3f} bits per byte",
        f"top 5 {result['top_5']:.1%}, top 10 {result['top_10']:.1%}; baselines: most frequent token "
        f"{simple['most_frequent']['accuracy']:.1%}, bigram {simple['bigram']['accuracy']:.1%}; calibration error "
        f"{result['calibration']['error']:.3f}",
    ]
    if keras := result["keras"]:
        lines.append(
            f"Keras evaluate on the first {keras['tokens']:,} of these tokens: accuracy {keras['accuracy']:.2%}, loss "
            f"{keras['loss']:.4f}, {abs(keras['loss'] - result['checked']['loss']):.1e} from the sums above"
        )
    if warning := _near_copies_line(result["near_copies"], result["split"], result["left_out"]):
        lines.append(warning)
    if result["intervals"]:
        told = (f"{_figure(name)} {_between(name, ends)}" for name, ends in result["intervals"].items())
        lines.append(f"95 % intervals over the articles: {', '.join(told)}")
    else:
        lines.append(f"no interval can be told of fewer than {intervals.FEWEST_ARTICLES} articles")
    if "against" in result:
        lines.append(f"against {result['against']['checkpoint']}, on the same tokens:")
        for name, told in result["against"]["differences"].items():
            interval = f" (95 %: {_changed(name, told['interval'])})" if told["interval"] else ""
            lines.append(f"  {_figure(name):<14} {_changed(name, [told['change']])}{interval}")
    return lines


def _near_copies_line(count: int | None, split: str, left_out: bool) -> str:
    """What test articles that are nearly training articles do to figures; "" where there are none."""
    if not count:
        return ""
    if left_out:
        return f"left out: {count:,} {split} articles that are nearly the same text as a training article"
    return (
        f"{count:,} {split} articles are nearly the same text as a training article: the figures look better than they are "
        "(--near-copies leave-out scores the others alone)"
    )


def _figure(name: str) -> str:
    return name.replace("_", " ")


_SHARES = ("accuracy", "top_5", "top_10")


def _between(name: str, ends: list[float]) -> str:
    return " to ".join(format(end, ".1%" if name in _SHARES else ".3f") for end in ends)


def _changed(name: str, changes: list[float]) -> str:
    """A change, or the ends of its interval; of a share in points, since per cent would be of the share itself."""
    if name in _SHARES:
        return " to ".join(f"{100 * change:+.1f}" for change in changes) + " points"
    return " to ".join(f"{change:+.3f}" for change in changes)


def generate(a: argparse.Namespace) -> int:
    """Continues a prompt."""
    from engine.inference.generation import Generator, Sampler
    from engine.inference.samples.outcome import without_blank
    from engine.models import loading

    sampler = Sampler(a.temperature, a.top_k, a.top_p)
    reference = _resolve(a.checkpoint)
    model, tokenizer = loading.load(reference)
    generator = Generator(model, tokenizer)
    if (prompt := without_blank(a.prompt)) != a.prompt:
        print(
            "engine: The blank at the prompt's end was left out: words begin with theirs, and one before them spoils the text.",
            file=sys.stderr,
        )
    _kept, dropped = generator.prompt_ids(prompt, a.max_new_tokens)
    if dropped:
        print(
            f"engine: The prompt is longer than the context: its first {dropped:,} tokens were left out.",
            file=sys.stderr,
        )
    if a.json:
        text = generator.generate(prompt, a.max_new_tokens, sampler, a.seed)
        print(
            json.dumps(
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


def list_runs(a: argparse.Namespace) -> int:
    """Lists the runs, the newest first."""
    rows = []
    places = {place.run.name: place for place in queueing.places()}
    for run in lifecycle.all_runs():
        state = run.state()
        frozen = run.silent_seconds()
        row = {"run": run.name, "state": state.state, "step": state.step, "steps": state.steps, "frozen": frozen}
        if state.state == lifecycle.BROKEN:
            row["problem"] = str(state.error)
        if place := places.get(run.name):
            row |= {"position": place.position, "of": place.of, "starts_in_seconds": place.seconds}
        rows.append(row)
        if not a.json:
            reason = f"  {state.error}" if state.error else f"  frozen for {frozen:.0f} s" if frozen else ""
            reason += f"  {_place_told(place)}" if place else ""
            print(f"{run.name:<32} {state.state:<12} {state.step:>8,} / {state.steps:<8,}{reason}")
    if a.json:
        print(json.dumps(rows))
    elif not rows:
        print("There is no run yet. Start one: python -m engine train --help")
    return 0


def list_checkpoints(a: argparse.Namespace) -> int:
    """Lists the presets that ship and the checkpoints of the runs; --verify reads every file."""
    rows = []
    for model in checkpoints.models():
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
        print(json.dumps(rows))
    return 0


def export(a: argparse.Namespace) -> int:
    """Writes a checkpoint or preset in another format, or for use elsewhere: a keras-hub preset, a Hugging Face folder."""
    from engine.models import formats, loading, usage

    model = _resolve(a.checkpoint)
    written = formats.export(model, a.format, a.out)
    how = usage.markdown(a.format, model.preset, loading.vocabulary_folder(model.preset))
    lines = [f"{written}", how.rstrip()]
    _print_result({"checkpoint": a.checkpoint, "format": a.format, "out": str(written)}, a.json, lines)
    return 0


def convert(a: argparse.Namespace) -> int:
    """Keeps a checkpoint in another format too, as a run of its own with the same step, figures and lineage."""
    from engine.exchange import conversion

    made = conversion.convert(checkpoints.resolve(a.checkpoint), a.format, a.name)
    result = {"checkpoint": made.reference, "format": made.format, "from": made.manifest["parent"], "hash": made.hash}
    _print_result(result, a.json, [f"{made.reference}: {made.manifest['parent']} as {made.format}, the same weights"])
    return 0


def import_checkpoint(a: argparse.Namespace) -> int:
    """Looks weights from elsewhere through (a file, a folder or a zip), keeps them as a checkpoint, and measures it against
    its base."""
    from engine.exchange.foreign import adoption, layout

    progress = _Progress()
    try:
        checkpoint = adoption.adopt(
            a.file, a.name, a.preset, progress=lambda done: progress(f"looking through {done / 1e6:,.0f} MB")
        )
        found = checkpoint.manifest["imported"]
        from engine.evaluation.measure import parity

        figures = parity(checkpoint, lambda done, total: progress(f"measuring {bar(done, total)}"))
    finally:
        progress.close()
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
            f"for use elsewhere: python -m engine export {checkpoint.reference} --format hugging-face --out FOLDER"
        )
    if found["left_out"]:
        lines.append(f"left out, as no part of a GPT-2: {', '.join(found['left_out'])}")
    _print_result(result, a.json, lines)
    return 0


def pretrain(a: argparse.Namespace) -> int:
    """Trains a small GPT-2 from nothing on the .txt files of a folder."""
    from engine.training import pretraining

    names = {field.name for field in fields(pretraining.Settings)} - {"hold_out"}
    given = {name: getattr(a, name) for name in names if getattr(a, name) is not None}
    settings = pretraining.Settings(**given, hold_out=tuple(a.hold_out))
    progress = _Progress()

    def report(figures: dict) -> None:
        if "loss" in figures:
            progress(
                f"{bar(figures['step'], figures['steps'])} step {figures['step']:,}/{figures['steps']:,}  "
                f"loss {figures['loss']:.3f}  {figures['tokens_per_second']:,.0f} tokens/s"
            )
        elif figures.get("held_out"):
            held_out = figures["held_out"]
            progress.close()
            print(
                f"step {figures['step']:,}: held-out accuracy {held_out['accuracy']:.1%}, "
                f"{held_out['bits_per_byte']:.3f} bits per byte",
                file=sys.stderr,
            )

    try:
        figures = pretraining.pretrain(a.text, a.out, settings, report)
    finally:
        progress.close()
    _print_result({"preset": str(a.out), **figures}, a.json, [f"{a.out}: {json.dumps(figures)}"])
    return 0


def memorisation(a: argparse.Namespace) -> int:
    """Finds what of a run's newest samples, or of a text, stands word for word in the articles that it was trained on."""
    import numpy as np

    from engine.memorisation import search as lens
    from engine.runs import articles_read

    run = lifecycle.find(a.run)
    seen = articles_read.seen(run)
    progress = _Progress()
    try:
        lens.build(seen.ranges, lambda done, total: progress(f"indexing {bar(done, total)}"))
    finally:
        progress.close()
    texts = {"": a.text}
    if a.text is None:
        texts = {e["prompt"]: e["text"] for e in run.events("sample") if e["model"] == "run"}
        if not texts:
            raise RunError("{run} has written no sample yet: give a text with --text.", run=run.name)
    found = {prompt: lens.ids_of(seen.tokenizer, prompt, text)[: lens.LONGEST_TEXT] for prompt, text in texts.items()}
    copied = {prompt: lens.find(ids, seen.ranges) for prompt, ids in found.items()}
    others = [lens.find(ids, seen.ranges) for *_place, ids in lens.unseen(seen, max(map(len, found.values())))]
    yardstick = {n: [share for other in others if (share := other.share(n)) is not None] for n in lens.LENGTHS}
    samples = [
        {
            "prompt": prompt,
            "tokens": len(found[prompt]),
            "shares": {str(n): own.share(n) for n in lens.LENGTHS},
            "longest": own.longest,
            "more_than_unseen": lens.copies_more(own, others) if others else None,
            "passages": [
                {
                    "tokens": p.length,
                    "article": p.article,
                    "token": p.token,
                    "text": seen.tokenizer.decode(found[prompt][p.first : p.last]),
                }
                for p in own.passages
            ],
        }
        for prompt, own in copied.items()
    ]
    result = {
        "run": run.name,
        "articles": seen.articles,
        "samples": samples,
        "unseen": {
            str(n): {
                "articles": len(shares),
                "mean": float(np.mean(shares)),
                "max": max(shares),
                "interval": (lens.shared(others, n) or (0, None))[1],
            }
            for n, shares in yardstick.items()
            if shares
        },
        "unseen_longest": max((other.longest for other in others), default=None),
        "false_alarms": lens.false_alarms(others) if others else None,
        "lost": [str(error) for error in seen.lost],
    }
    _print_result(result, a.json, _copied_lines(result))
    return 0


def _copied_lines(result: dict) -> list[str]:
    def shares(values: dict[str, float | None]) -> str:
        return "  ".join(f"{n} tokens {100 * v:5.1f} %" for n, v in values.items() if v is not None)

    lines = [f"{result['run']}: {result['articles']:,} training articles searched", *result["lost"]]
    for sample in result["samples"]:
        lines.append(f"{sample['prompt'] or 'the text'}: {shares(sample['shares'])}")
        lines += [
            f"  {p['tokens']} tokens, article {p['article']}: {p['text'].strip()!r}" for p in sample["passages"][:3]
        ]
    if result["unseen"]:
        count = next(iter(result["unseen"].values()))["articles"]
        lines.append(f"{count} unseen articles, mean: {shares({n: v['mean'] for n, v in result['unseen'].items()})}")
        told = {n: v["interval"] for n, v in result["unseen"].items() if v["interval"]}
        if told:
            ends = "  ".join(f"{n} tokens {100 * low:.1f} to {100 * high:.1f} %" for n, (low, high) in told.items())
            lines.append(f"  95 %: {ends}")
        more = [s for s in result["samples"] if s["more_than_unseen"]]
        lines.append(
            f"longer passages than any unseen article has ({result['unseen_longest']} tokens at most): {len(more)} of "
            f"{len(result['samples'])}; by chance {result['false_alarms']:.1%} of texts at most"
        )
    return lines


def _range(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    first, dash, last = text.partition("-")
    if not dash or not first.isdigit() or not last.isdigit():
        raise RunError("--range is two article numbers such as 1-10000; received {text}.", text=text)
    return int(first), int(last)


_NEAR_COPIES_HELP = "articles that are nearly the same text as a training article: reported, or left out of the figures"


def _add_settings(p: argparse.ArgumentParser, default: dict[str, Any]) -> None:
    """The options that are a run's settings under the same name (_PASSED_ON)."""

    def option(name: str, **more: Any) -> None:
        p.add_argument(f"--{name.replace('_', '-')}", default=default[name], **more)

    option("device", help="auto, cpu or gpu:N")
    option("precision", choices=PRECISIONS)
    option("sequence_length", type=int, help="targets in a window; 0 = the context, 256 at most")
    option("batch_size", type=int, help="windows a step; 0 = about 2,048 tokens")
    option(
        "learning_rate",
        type=float,
        help="peak; 0 = by the model's width: 2e-3 for the mini model, 1.25e-4 for GPT-2 base; with LoRA 15 times that",
    )
    option(
        "lora_rank",
        type=int,
        help="train LoRA adapters of this rank on the query and value matrices of each attention, and these two's biases; "
        "all else stays as it is; 0 = every weight",
    )
    option("evaluate_tokens", type=int, help="limit of the evaluations at the end; 0 = all")
    option("near_copies", choices=NEAR_COPIES, help=_NEAR_COPIES_HELP)
    option(
        "evaluate_steps",
        type=int,
        help="steps between checkpoints; 0 = a tenth of the run, at least 10 s with --minutes",
    )
    option("seed", type=int, help="of order, dropout and samples")
    option("checkpoint_format", choices=CHECKPOINT_FORMATS, help="of the weights")
    option("keep_checkpoints", type=int, help="the newest N, the best and the pinned; 0 = all")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a whole number from 0 on is needed; received {text}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=action.__doc__, description=action.__doc__)
        sub.set_defaults(action=action)
        sub.add_argument("--json", action="store_true", help="end with one line of JSON")
        return sub

    def length(p: argparse.ArgumentParser, unless_given: str = " (default: 3)") -> None:
        p.add_argument("--steps", type=int, help="length in steps")
        p.add_argument("--epochs", type=float, help=f"length in passes over the articles{unless_given}")
        p.add_argument("--minutes", type=float, help="length in minutes of training alone; becomes steps, once")

    def changes(p: argparse.ArgumentParser) -> None:
        """Options for a run that has from another what is not given."""
        length(p, "")
        p.add_argument("--articles", help="other articles than its run had")
        p.add_argument("--range", metavar="A-B", help="training articles A to B")
        p.add_argument("--name", help="the new run's name (default: the other's and the date)")
        _add_settings(p, dict.fromkeys(_PASSED_ON))

    p = command("train", train)
    p.add_argument("--preset", help="where to start (default: the mini model)")
    p.add_argument("--articles", help="a corpus, or a file or folder of articles (default: the sample)")
    p.add_argument("--plan", type=Path, help="a TOML file of stages, run one after the other, such as plans/*.toml")
    p.add_argument("--range", metavar="A-B", help="training articles A to B, counted from 1, both included")
    length(p)
    p.add_argument("--from", dest="parent", metavar="RUN[/STEP]", help="start from a checkpoint")
    p.add_argument("--name", help="the run's name (default: run-DATE-TIME)")
    _add_settings(p, _DEFAULTS)
    where = p.add_mutually_exclusive_group()
    where.add_argument("--wait", action="store_true", help="wait here until the device is free")
    where.add_argument("--queue", action="store_true", help="hand the run to the dispatcher and return")

    command("resume", resume).add_argument("run")
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
    changes(p)

    p = command("queue", queue)
    p.add_argument("--up", metavar="RUN", help="one place forwards")
    p.add_argument("--down", metavar="RUN", help="one place backwards")
    p.add_argument("--first", metavar="RUN", help="to the front")
    p.add_argument("--cancel", metavar="RUN", help="takes a run out; resume puts it back")
    p.add_argument("--clone", metavar="RUN", help="adds a run with the settings of another and the changes given here")
    changes(p)

    p = command("prepare", prepare)
    p.add_argument("--source", required=True, help="a file, folder or zip of articles, or owner/name on the hub")
    p.add_argument("--preset", default=str(paths.MINI_PRESET), help="whose vocabulary (default: the mini model's)")
    p.add_argument("--out", type=Path, help="the corpus's folder (default: one of its own in corpora/)")
    p.add_argument("--limit", type=_count, default=0, metavar="N", help="the first N articles of each split; 0 = all")
    p.add_argument("--text-column", default="", help="of CSV, Parquet or JSON lines: which holds the text")
    p.add_argument("--abstract-column", default="", help="which holds the abstract; - = none")
    p.add_argument("--id-column", default="", help="which holds the identifier; - = none")
    p.add_argument("--title-column", default="", help="which holds the title; - = none")
    p.add_argument(
        "--text-unit", default="", choices=("", "file", "blank-lines", "line"), help="what one article is in plain text"
    )
    p.add_argument("--accept-part", action="store_true", help="even if less than half of the texts can be read")

    p = command("evaluate", evaluate)
    p.add_argument("--checkpoint", required=True, metavar="RUN[/STEP]|PRESET")
    p.add_argument(
        "--against",
        metavar=f"{BASE}|RUN[/STEP]|PRESET",
        help=f"measure this too, on the same tokens, and say how they differ; {BASE}: the checkpoint's own",
    )
    p.add_argument("--articles", default=str(paths.SAMPLE_ARTICLES))
    p.add_argument("--split", default="test", choices=("train", "validation", "test"))
    p.add_argument("--evaluate-tokens", type=int, default=0, help="a fixed seeded part of so many tokens; 0 = all")
    p.add_argument("--near-copies", choices=NEAR_COPIES, default=REPORTED, help=_NEAR_COPIES_HELP)
    p.add_argument("--sequence-length", type=int, default=0, help="window; 0 = the model's context, 256 at most")
    p.add_argument(
        "--stride",
        type=int,
        default=0,
        help="from one window to the next; 0 = the window; less gives each token more context",
    )
    p.add_argument("--seed", type=int, default=1)

    p = command("memorisation", memorisation)
    p.add_argument("run", metavar="RUN")
    p.add_argument("--text", help="what to look up (default: the run's newest samples)")

    p = command("generate", generate)
    p.add_argument("--checkpoint", required=True, metavar="RUN[/STEP]|PRESET")
    p.add_argument("--prompt", required=True)
    p.add_argument("--max-new-tokens", type=int, default=60)
    p.add_argument("--temperature", type=float, default=0.8, help="0 = always the most probable token")
    p.add_argument("--top-k", type=int, default=40, help="0 = all tokens")
    p.add_argument("--top-p", type=float, default=1.0)
    p.add_argument("--seed", type=int, default=1)

    command("runs", list_runs)
    p = command("checkpoints", list_checkpoints)
    p.add_argument("--verify", action="store_true", help="compare every file with its manifest")

    p = command("export", export)
    p.add_argument("checkpoint", metavar="RUN[/STEP]|PRESET")
    p.add_argument("--format", required=True, choices=(*CHECKPOINT_FORMATS, "preset", "hugging-face"))
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
    for name, kind in (
        ("tokens", int),
        ("vocabulary_size", int),
        ("num_layers", int),
        ("num_heads", int),
        ("hidden_dim", int),
        ("sequence_length", int),
        ("batch_size", int),
        ("learning_rate", float),
        ("warmup_steps", int),
        ("weight_decay", float),
        ("decay_share", float),
        ("seed", int),
        ("checkpoint_steps", int),
    ):
        p.add_argument(f"--{name.replace('_', '-')}", type=kind)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; problems that a person can act on are one sentence each on standard error."""
    a = _parser().parse_args(arguments)
    try:
        code = a.action(a)
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


if __name__ == "__main__":
    sys.exit(main())
