"""Measure a model on articles, and find what a run learned word for word."""

import argparse
from functools import partial
from typing import Any

from engine.cli import options
from engine.cli.output import ProgressLine, near_copies_line, print_result
from engine.core import paths
from engine.core.errors import RunError
from engine.core.splits import SPLITS, TEST
from engine.runs import fields, lifecycle, references
from engine.runs.settings import KEPT_IN, LEFT_OUT, current

BASE = "base"  # what --against calls the preset that a checkpoint was trained from
_SHARES = ("accuracy", "top_5", "top_10")


def register(command: options.Command) -> None:
    """Adds the commands of this module."""
    p = command("evaluate", evaluate)
    p.add_argument("--checkpoint", required=True, metavar="RUN[/STEP]|PRESET")
    p.add_argument(
        "--against",
        metavar=f"{BASE}|RUN[/STEP]|PRESET",
        help=f"measure this too, on the same tokens, and say how they differ; {BASE}: the checkpoint's own",
    )
    p.add_argument("--articles", default=str(paths.SAMPLE_ARTICLES))
    p.add_argument("--split", default=TEST, choices=SPLITS)
    p.add_argument("--evaluate-tokens", type=int, default=0, help="a fixed seeded part of so many tokens; 0 = all")
    near_copies = fields.BY_NAME["near_copies"]
    p.add_argument(
        "--near-copies",
        type=partial(current, near_copies.name),
        choices=near_copies.choices,
        default=KEPT_IN,
        help=near_copies.help,
    )
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


def evaluate(a: argparse.Namespace) -> int:
    """Measures a checkpoint or preset on articles: figures with their intervals, where they come from, and what changed
    against another model."""
    from engine.evaluation import cache as results
    from engine.evaluation import intervals
    from engine.evaluation.measure import examine
    from engine.inference.differences import check_same_vocabulary

    model = options.resolve(a.checkpoint)
    other = None
    if a.against:
        other = references.ModelReference(model.preset) if a.against == BASE else options.resolve(a.against)
        references.check_base(model, other)
        check_same_vocabulary(other, model)
    line = ProgressLine()

    def examined(reference: references.ModelReference) -> dict[str, Any]:
        return examine(
            reference,
            a.articles,
            a.split,
            results.PassSettings(
                a.evaluate_tokens, a.sequence_length, a.stride, a.seed, int(a.near_copies == LEFT_OUT)
            ),
            lambda progress: line(progress, reference.reference),
        )

    try:
        result = examined(model)
        if other is not None:
            against = examined(other)
            result["against"] = {**against, "differences": intervals.differences(result, against)}
    finally:
        line.close()
    print_result(result, a.json, _breakdown_lines(result))
    return 0


def _breakdown_lines(result: dict[str, Any]) -> list[str]:
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
    if warning := near_copies_line(result["near_copies"], result["split"], result["left_out"]):
        lines.append(warning)
    if result["intervals"]:
        shown = (f"{_figure(name)} {_between(name, ends)}" for name, ends in result["intervals"].items())
        lines.append(f"95 % intervals over the articles: {', '.join(shown)}")
    else:
        lines.append(f"no interval can be told of fewer than {intervals.FEWEST_ARTICLES} articles")
    if "against" in result:
        lines.append(f"against {result['against']['checkpoint']}, on the same tokens:")
        for name, shown in result["against"]["differences"].items():
            interval = f" (95 %: {_changed(name, shown['interval'])})" if shown["interval"] else ""
            lines.append(f"  {_figure(name):<14} {_changed(name, [shown['change']])}{interval}")
    return lines


def _figure(name: str) -> str:
    return name.replace("_", " ")


def _between(name: str, ends: list[float]) -> str:
    return " to ".join(format(end, ".1%" if name in _SHARES else ".3f") for end in ends)


def _changed(name: str, changes: list[float]) -> str:
    """A change, or the ends of its interval; of a share in points, since per cent would be of the share itself."""
    if name in _SHARES:
        return " to ".join(f"{100 * change:+.1f}" for change in changes) + " points"
    return " to ".join(f"{change:+.3f}" for change in changes)


def memorisation(a: argparse.Namespace) -> int:
    """Finds what of a run's newest samples, or of a text, stands word for word in the articles that it was trained on."""
    import numpy as np

    from engine.memorisation import search as lens
    from engine.runs import articles_read

    run = lifecycle.find(a.run)
    seen = articles_read.seen(run)
    line = ProgressLine()
    try:
        lens.build(seen.ranges, line)
    finally:
        line.close()
    texts = {"": a.text}
    if a.text is None:
        texts = {e["prompt"]: e["text"] for e in run.events("sample") if e["model"] == "run"}
        if not texts:
            raise RunError("{run} has written no sample yet: give a text with --text.", run=run.name)
    found = {prompt: lens.ids_of(seen.tokenizer, prompt, text)[: lens.LONGEST_TEXT] for prompt, text in texts.items()}
    copied = {prompt: lens.find(ids, seen.ranges) for prompt, ids in found.items()}
    others = [lens.find(ids, seen.ranges) for *_place, ids in lens.unseen(seen, max(map(len, found.values())))]
    words = {prompt: own.words(seen.tokenizer) for prompt, own in copied.items()}
    unseen_words = [other.words(seen.tokenizer) for other in others]
    yardstick = {n: [share for other in others if (share := other.share(n)) is not None] for n in lens.LENGTHS}
    samples = [
        {
            "prompt": prompt,
            "tokens": len(found[prompt]),
            "shares": {str(n): own.share(n) for n in lens.LENGTHS},
            "longest": own.longest,
            "longest_words": words[prompt],
            "more_than_unseen": lens.copies_more(words[prompt], unseen_words) if others else None,
            "passages": [
                {
                    "tokens": p.length,
                    "words": p.words(seen.tokenizer),
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
        "share_read": seen.share,
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
        "unseen_longest_words": max(unseen_words, default=None),
        "false_alarms": lens.false_alarms(unseen_words) if others else None,
        "false_alarms_counted": lens.counted_alarms(unseen_words) if others else None,
        "lost": [str(error) for error in seen.lost],
    }
    print_result(result, a.json, _copied_lines(result))
    return 0


def _copied_lines(result: dict[str, Any]) -> list[str]:
    def shares(values: dict[str, float | None]) -> str:
        return "  ".join(f"{n} tokens {100 * v:5.1f} %" for n, v in values.items() if v is not None)

    lines = [
        f"{result['run']}: {result['articles']:,} training articles searched, {result['share_read']:.1%} of their text",
        *result["lost"],
    ]
    for sample in result["samples"]:
        lines.append(f"{sample['prompt'] or 'the text'}: {shares(sample['shares'])}")
        lines += [
            f"  {p['words']} words, article {p['article']}: {p['text'].strip()!r}" for p in sample["passages"][:3]
        ]
    if result["unseen"]:
        count = next(iter(result["unseen"].values()))["articles"]
        lines.append(f"{count} unseen articles, mean: {shares({n: v['mean'] for n, v in result['unseen'].items()})}")
        found = {n: v["interval"] for n, v in result["unseen"].items() if v["interval"]}
        if found:
            ends = "  ".join(f"{n} tokens {100 * low:.1f} to {100 * high:.1f} %" for n, (low, high) in found.items())
            lines.append(f"  95 %: {ends}")
        more = [s for s in result["samples"] if s["more_than_unseen"]]
        lines.append(
            f"longer passages than any unseen article has ({result['unseen_longest_words']} words at most): {len(more)} of "
            f"{len(result['samples'])}; by chance {result['false_alarms']:.1%} of texts at most"
        )
    return lines
