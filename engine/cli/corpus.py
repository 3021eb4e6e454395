"""Prepare articles for training."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from engine.articles.options import UNITS
from engine.articles.unread import PARTS
from engine.cli import options
from engine.cli.output import ProgressLine, print_result
from engine.core import paths
from engine.core.errors import ArticlesError, EngineError
from engine.corpus import reading, store

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
_SHOWN_PAIRS = 3  # of duplicates and near-copies
_JSON_PAIRS = 100  # of near-copies, with --json


def register(command: options.Command) -> None:
    """Adds the command of this module."""
    p = command("prepare", prepare)
    p.add_argument("--source", required=True, help="a file, folder or zip of articles, or owner/name on the hub")
    p.add_argument("--preset", default=str(paths.MINI_PRESET), help="whose vocabulary (default: the mini model's)")
    p.add_argument("--out", type=Path, help="the corpus's folder (default: one of its own in corpora/)")
    p.add_argument(
        "--limit", type=options.count, default=0, metavar="N", help="the first N articles of each split; 0 = all"
    )
    p.add_argument("--text-column", default="", help="of CSV, Parquet or JSON lines: which holds the text")
    p.add_argument("--abstract-column", default="", help="which holds the abstract; - = none")
    p.add_argument("--id-column", default="", help="which holds the identifier; - = none")
    p.add_argument("--title-column", default="", help="which holds the title; - = none")
    p.add_argument("--text-unit", default="", choices=("", *UNITS), help="what one article is in plain text")
    p.add_argument("--accept-part", action="store_true", help="even if less than half of the texts can be read")


def prepare(a: argparse.Namespace) -> int:
    """Prepares articles for training: reads a source and keeps its tokens on disk, from wherever it was interrupted."""
    from engine.articles import Options
    from engine.corpus import little, preparation, repeats
    from engine.models import vocabulary
    from engine.services import import_job

    started = time.monotonic()
    line = ProgressLine()
    tokenizer = vocabulary.vocabulary(str(a.preset))
    try:
        path = import_job.locate(str(a.source), _announce, line)
        ignored = [name for name in _FOR_SOURCES if getattr(a, name)] if store.is_corpus(path) else []
        if ignored:
            raise ArticlesError(
                "{path} is a prepared corpus already: {options} can only be given for its source.",
                path=path,
                options=options.as_options(ignored),
            )
        prepared = preparation.prepare(
            path,
            tokenizer,
            on_progress=line,
            out=a.out,
            options=Options(a.text_column, a.abstract_column, a.id_column, a.text_unit, a.title_column),
            limit=a.limit,
            accept_part=a.accept_part,
            previewed=True,  # they are printed below
        )
        notices = prepared.notices
        prepared = repeats.look_for_near_copies(prepared, tokenizer, line)  # of one that an earlier version prepared
    finally:
        line.close()
    if reading.is_guessed(prepared.card.get("forms", {})):
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
    print_result(result, a.json, _prepared_lines(result))
    return 0


def _announce(found: Any) -> None:
    """Says what will be fetched from the hub."""
    others = f" (configuration {found.configuration}; left: {', '.join(found.others)})" if found.others else ""
    print(f"{found.name}: {len(found.files)} files, {found.size / 1e6:,.0f} MB{others}", file=sys.stderr)


def _print_first(prepared: store.Corpus, tokenizer: Any) -> None:
    """The beginnings of three articles whose text a program made out of PDF or Word files, to be looked at."""
    print("Look at what was read before you train on it:", file=sys.stderr)
    for number in range(1, min(3, prepared.articles("train")) + 1):
        text = tokenizer.decode(prepared.tokens("train", number, number)[1:])
        print(f"--- {prepared.identifier('train', number)}\n{text[:600].strip()}", file=sys.stderr)


def _first_of_each(skipped: Any) -> list[EngineError]:
    seen: dict[str, EngineError] = {}
    for example in skipped.examples:
        seen.setdefault(example.template, example)
    return list(seen.values())


def _alike(prepared: store.Corpus) -> list[dict[str, Any]]:
    """The near-copies between two splits, then the others, the most alike first."""
    found = prepared.near_copies()
    assert found is not None
    pairs = [(prepared.place(int(p["first"])), prepared.place(int(p["second"])), float(p["likeness"])) for p in found]
    pairs.sort(key=lambda pair: (pair[0][0] == pair[1][0], -pair[2]))
    return [
        {"first": list(first), "second": list(second), "likeness": round(likeness, 3)}
        for first, second, likeness in pairs[:_JSON_PAIRS]
    ]


def _prepared_lines(result: dict[str, Any]) -> list[str]:
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
    return lines + [f"  {sentence}" for sentence in (*result["remarks"], *result["notices"])]
