"""Makes again all that rests on the base model that ships: the recorded run, the README's pictures, the figures.

    python scripts/record.py                  all of it
    python scripts/record.py run --minutes 1  the recorded run alone; also: experiments, base, words, pictures, figures
    python scripts/record.py experiments --only recorded-break

run        `checkpoints/recorded-mini/`: a real run of the mini model on the sample articles, with `recorded.json`
           (command, date, commit). Of the checkpoints only the result's weights are kept, so that the folder stays
           small; curve, samples and figures of the whole run stay.
experiments  the other runs of engine/classroom/experiments.py, `checkpoints/recorded-*/`: events and settings without
           weights, and what the last sample copied, found by the lab's own search.
base       `checkpoints/recorded-mini/evaluations/`: what a run measures of the base before it begins and at its end.
words      `lessons/fine_tuning/next_word.json`: what the base and the recorded run expect behind the sentence of the lesson;
           and in `lessons/measured.json` what the simplest guesses reach.
pictures   `docs/images/`: the Lab as it plays that run, as a moving picture, and base and fine-tuned side by side. Needs
           Chromium and `pip install -r requirements-dev.txt`.
figures    the table of `benchmarks/README.md` between the marks `record: figures`: a minute and a half on real articles.
           Needs $ATELIER_DATA (docs/architecture.md, Data).

What the class's secret tells is measured by `python benchmarks/secret.py`; `python scripts/papers.py` then fills the papers for teachers.
"""

import argparse
import datetime
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine.classroom import experiments, figures, lessons, next_word, passages  # noqa: E402
from engine.core import paths  # noqa: E402
from engine.core.files import read_json, write_bytes, write_json  # noqa: E402
from engine.evaluation import cache  # noqa: E402
from engine.runs import checkpoints, fields, lifecycle  # noqa: E402
from engine.runs.folder import Run  # noqa: E402
from engine.runs.history import shared  # noqa: E402
from engine.runs.settings import LENGTHS  # noqa: E402
from scripts.dashboard import Dashboard, chromium  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Locator

PARTS = ("run", "experiments", "base", "words", "pictures", "figures")
NAME = "recorded-mini"
IMAGES = PROJECT / "docs" / "images"
BENCHMARKS = PROJECT / "benchmarks" / "README.md"
FIGURES = re.compile(r"(<!-- record: figures -->\n).*?(<!-- end -->)", re.S)
LEFT_BEHIND = ("lock", "place.json", "owner.json", "trainer.log", "heartbeat", "last_words")
WIDTH, HEIGHT = 1280, 1000
FRAME_SECONDS, LAST_FRAME_MILLISECONDS = 0.15, 4000


def record_run(minutes: float) -> None:
    """Trains, prunes, labels."""
    folder = PROJECT / "checkpoints" / NAME
    words = _train(NAME, ["--minutes", f"{minutes:g}"])
    result = checkpoints.find(NAME)
    for checkpoint in checkpoints.of_run(lifecycle.find(NAME)):
        if checkpoint.step != result.step:
            shutil.rmtree(checkpoint.folder)
    # What only an exact resume needs: a finished run is never resumed, and it is two thirds of the bytes.
    (result.folder / checkpoints.TRAINING).unlink()
    files = {name: entry for name, entry in result.manifest["files"].items() if name != checkpoints.TRAINING}
    checkpoints.with_manifest(result, files=files)
    _label(folder, words)


def _train(name: str, options: list[str]) -> list[str]:
    """Trains a run anew under a name; returns its command."""
    shutil.rmtree(PROJECT / "checkpoints" / name, ignore_errors=True)
    words = ["engine", "train", *options, "--name", name, "--checkpoint-format", "weights.h5"]
    subprocess.run([sys.executable, "-m", *words], cwd=PROJECT, check=True)
    return words


def _label(folder: Path, words: list[str], **facts: object) -> None:
    """Leaves out what only a run at work needs, and says how the run was made."""
    for name in LEFT_BEHIND:
        (folder / name).unlink(missing_ok=True)
    write_json(folder / "recorded.json", {**_made_by("python -m " + shlex.join(words)), **facts})


def _made_by(command: str) -> dict[str, str]:
    """How and when something was recorded."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return {"command": command, "date": datetime.date.today().isoformat(), "commit": commit.stdout.strip()}


def record_experiments(only: list[str]) -> None:
    """Trains the runs that show the experiments; their figures and texts stay, their weights do not."""
    for name, training in experiments.RECORDED.items():
        if name == NAME or (only and name not in only):
            continue
        words = _train(name, options_of(training))
        run = lifecycle.find(name)
        copied = passages.found(run)
        for checkpoint in run.checkpoint_folders():
            shutil.rmtree(checkpoint)
        _label(run.folder, words, weights=False, **({"copied": copied.to_json()} if copied else {}))


def options_of(training: experiments.Training) -> list[str]:
    """The options of the command line that give a training its settings."""
    settings, words = training.settings, []
    if settings.last_article:
        words += ["--range", f"{settings.first_article}-{settings.last_article}"]
    for length in LENGTHS:
        if (value := getattr(settings, length)) is not None:
            words += [f"--{length}", f"{value:g}"]
    for field in fields.FIELDS:
        value = getattr(settings, field.name)
        if value != field.default:
            for item in value if field.singular else [value]:
                words += [f"--{field.option.replace('_', '-')}", str(item)]
    return words


def record_base() -> None:
    """Keeps what a run measures of the base on the articles that ship: who presses the button waits for none of it."""
    shutil.rmtree(cache.SHIPPED, ignore_errors=True)
    with tempfile.TemporaryDirectory() as root:
        environment = {**os.environ, "ATELIER_CHECKPOINTS": root, "ATELIER_CORPORA": str(Path(root) / "corpora")}
        words = ["engine", "train", "--steps", "1", "--device", "cpu", "--name", "base"]
        subprocess.run([sys.executable, "-m", *words], cwd=PROJECT, env=environment, check=True)
        base = checkpoints.find("base", Path(root)).manifest["preset"]["hash"]
        cache.SHIPPED.mkdir()
        for file in (Path(root) / ".evaluations").glob("*.json"):
            if read_json(file)["key"]["model"] == base:
                shutil.copy(file, cache.SHIPPED)


def record_words() -> None:
    """Asks the base and the recorded run how likely the words of the lesson's vote are, and what they hold for likeliest."""
    from engine.inference import token_scores
    from engine.models import loading
    from engine.runs import references

    lesson = lessons.load()
    prompt, words, right = next_word.asked(lesson)
    models = {}
    for name, reference in ((next_word.BASE, paths.portable(paths.MINI_PRESET)), (next_word.RUN, NAME)):
        model, tokenizer = loading.load(references.resolve(reference))
        microscope = token_scores.Microscope(model)
        first = len(tokenizer.encode(prompt))
        looks = [microscope.look(token_scores.typed(tokenizer, f"{prompt} {word}")) for word in words]
        top = zip(looks[0].alternatives[first].tolist(), looks[0].shares[first].tolist(), strict=True)
        models[name] = {
            "shares": [float(look.probabilities[first:].prod(dtype="float64")) for look in looks],
            "top": [[tokenizer.decode([token]), share] for token, share in top][: next_word.TOP],
            "rank": int(looks[right].ranks[first]),
        }
    value = {**_made_by("python scripts/record.py words"), "prompt": prompt, "words": words, "models": models}
    write_json(paths.LESSONS / lesson.name / next_word.FILE, value)
    record_baselines()


def record_baselines() -> None:
    """Keeps what the simplest guesses reach; what else was measured for the lesson stays."""
    file = paths.LESSONS / figures.MEASURED_FILE
    write_json(file, {**(read_json(file) if file.is_file() else {}), **baselines()})


def baselines() -> dict[str, float]:
    """Measures what the simplest guesses reach on the tokens that the curve of the recorded minute is measured on."""
    from engine.corpus import preparation, windows
    from engine.corpus.baselines import Baselines
    from engine.evaluation import scoring
    from engine.presets import tokenizers

    run, tokenizer = Run(PROJECT / "checkpoints" / NAME), tokenizers.load(paths.MINI_PRESET)
    measured = shared.of(run.folder).events("evaluation")
    length = next(event["sequence_length"] for event in measured if event["whole"])
    corpus = preparation.prepare(paths.SAMPLE_ARTICLES, tokenizer)
    validation = corpus.tokens("validation")
    simple = Baselines(corpus.tokens("train"), tokenizer.vocabulary_size)
    part = scoring.part(validation, length, run.settings.interval_tokens, run.settings.seed)
    count = windows.count(len(validation), length) if part is None else len(part)
    ((_starts, batch),) = windows.sliding(validation, length, length, count, part)
    real = batch.weights > 0
    previous, targets = batch.token_ids[real], batch.targets[real]
    return {
        "bigram_accuracy": float(simple.bigram(previous, targets).correct.mean()),
        "frequent_accuracy": float(simple.unigram(targets).correct.mean()),
    }


def take_pictures() -> None:
    """Photographs the dashboard with the recorded run and no other."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkpoints"
        shutil.copytree(PROJECT / "checkpoints" / NAME, root / NAME)
        with Dashboard(root) as dashboard, chromium() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en")
            page.goto(dashboard.address)
            page.get_by_role("button", name="Play again").wait_for(timeout=60_000)  # it has played to its end
            write_bytes(IMAGES / "lab.webp", moving_picture(page.locator(".play")))
            page.goto(f"{dashboard.address}/explore?tab=write")
            page.get_by_role("button", name="Generate").click(timeout=60_000)
            page.get_by_role("button", name="Copy").nth(1).wait_for(timeout=240_000)  # both have written
            page.screenshot(path=IMAGES / "side_by_side.png")


def moving_picture(part: "Locator") -> bytes:
    """Photographs a part of a page while it plays, and puts the pictures together."""
    part.get_by_role("button", name="Play again").click()
    frames, times = [], []
    while part.get_by_role("button", name="Stop").count():
        frames.append(Image.open(io.BytesIO(part.screenshot())).convert("RGB"))
        times.append(time.monotonic())
        time.sleep(FRAME_SECONDS)
    frames.append(Image.open(io.BytesIO(part.screenshot())).convert("RGB"))
    shown = [round(1000 * (after - before)) for before, after in itertools.pairwise([*times, time.monotonic()])]
    made = io.BytesIO()
    frames[0].save(
        made,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=[*shown, LAST_FRAME_MILLISECONDS],
        loop=0,
        quality=60,
        method=6,
    )
    return made.getvalue()


def measure_figures() -> None:
    """Trains for a minute and a half on real articles and writes what came of it into the benchmarks' page."""
    articles = Path(os.environ["ATELIER_DATA"]) / "articles"
    words = ["--preset", paths.portable(paths.MINI_PRESET), "--articles", str(articles), "--minutes", "1.5", "--json"]
    with tempfile.TemporaryDirectory() as root:
        environment = {**os.environ, "ATELIER_CHECKPOINTS": root, "ATELIER_CORPORA": str(Path(root) / "corpora")}
        done = subprocess.run(
            [sys.executable, "-m", "engine", "train", *words],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    table = figures_table(json.loads(done.stdout.splitlines()[-1]))
    page = BENCHMARKS.read_text(encoding="utf-8")
    page, count = FIGURES.subn(lambda marks: marks[1] + table + marks[2], page)
    if count != 1:
        raise SystemExit(f"{BENCHMARKS} has no marks <!-- record: figures --> … <!-- end -->.")
    write_bytes(BENCHMARKS, page.encode())


def figures_table(result: dict) -> str:
    """The Markdown of a result as `train --json` prints it."""
    accuracy, base_accuracy = result["accuracy"], result["base_accuracy"]
    bits, base_bits = result["bits_per_byte"], result["base_bits_per_byte"]
    return (
        f"| on the {result['split']} articles, {result['evaluated_tokens']:,} tokens | base | fine-tuned | ratio | wanted |\n"
        "|---|---|---|---|---|\n"
        f"| accuracy | {100 * base_accuracy:.1f} % | {100 * accuracy:.1f} % | {accuracy / base_accuracy:.2f} "
        "| at least 30 % |\n"
        f"| bits per byte | {base_bits:.3f} | {bits:.3f} | {bits / base_bits:.2f} | at most 1.95 |\n"
        f"\n{result['steps']:,} steps, {result['tokens']:,} tokens, {result['tokens_per_second']:,.0f} tokens/s.\n"
    )


def main() -> int:
    """Makes what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--minutes", type=float, default=1.0, help="of the recorded run (default: 1)")
    names = [name for name in experiments.RECORDED if name != NAME]
    parser.add_argument("--only", action="append", default=[], choices=names, help="of the experiments, this run alone")
    a = parser.parse_args()
    parts = a.parts or PARTS
    if "figures" in parts and "ATELIER_DATA" not in os.environ:
        parser.error("figures need real articles: set ATELIER_DATA (docs/architecture.md, Data)")
    if "run" in parts:
        record_run(a.minutes)
    if "experiments" in parts:
        record_experiments(a.only)
    if "base" in parts:
        record_base()
    if "words" in parts:
        record_words()
    if "pictures" in parts:
        take_pictures()
    if "figures" in parts:
        measure_figures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
