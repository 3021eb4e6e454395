"""A disk that fills while a run saves or reports, while runs are queued, while articles or checkpoints are imported, and
while a checkpoint is exported: is anything lost?

    python benchmarks/disk_full.py [--trials 7] [--imports 7]

A small tmpfs holds runs and corpora. So often (`--trials`) for each format a run of the mini model is under way, with a second one in the
queue, when the disk is filled to the last so many bytes at a random moment; then every page is rendered, the queue is asked to
take, move and stop a run, space is freed, and what had failed is resumed. Imports and exports (`--imports`) meet a disk that is full when they
begin, or fills while they work. One line of JSON. Needs the right to mount (root);
says so and ends where it is not there.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench import PROJECT
from streamlit.testing.v1 import AppTest

from engine.core import jobs, paths
from engine.core.errors import EngineError, StorageError
from engine.exchange.foreign import importing
from engine.runs import checkpoints, lifecycle, queue, submission
from engine.runs import states as states_
from engine.runs.folder import Run
from engine.runs.settings import CHECKPOINT_FORMATS, HUGGING_FACE, PRESET, RunSettings
from engine.services import dispatcher, import_job, inference_client

DISK_MEGABYTES = 640
PAGES = (("train", ""), ("library", "articles"), ("library", "checkpoints"), ("explore", "write"), ("explore", "score"))


@contextlib.contextmanager
def small_disk():
    """A tmpfs of its own."""
    with tempfile.TemporaryDirectory() as folder:
        size = f"size={DISK_MEGABYTES}m"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, text=True)
        if mounted.returncode:
            raise SystemExit(f"skipped: no small disk can be mounted here ({mounted.stderr.strip()})")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path, leave: int) -> None:
    """Takes all of the disk but so many bytes."""
    block = b"x" * (1 << 16)
    with contextlib.suppress(OSError), open(disk / "filler", "ab", buffering=0) as file:
        while (free := os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize) > leave:
            file.write(block[: max(1, min(len(block), free - leave))])


def free(disk: Path) -> None:
    """Gives it back."""
    (disk / "filler").unlink(missing_ok=True)


def submit(name: str, form: str, steps: int) -> Run:
    """A short run that saves often."""
    return submission.submit(
        RunSettings(
            preset=str(paths.MINI_PRESET), articles=str(paths.SAMPLE_ARTICLES), name=name, steps=steps,
            sequence_length=16, batch_size=1, evaluate_steps=2, interval_tokens=16, evaluate_tokens=16, sample_tokens=1,
            prompts=("The",), device="cpu", checkpoint_format=form, keep_checkpoints=2,
        )
    )  # fmt: skip


def wait(condition, seconds: float = 300.0):
    """The first true value of a condition; the queue is kept going as a page does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(StorageError):
            dispatcher.ensure()
        if value := condition():
            return value
        time.sleep(0.05)
    return None


def pages_alive() -> int:
    """How many of the six pages render without an exception."""
    app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=120).run()
    alive = int(not app.exception)
    for room, tab in PAGES:
        app.query_params.update({"tab": tab} if tab else {})
        app.switch_page(str(PROJECT / "pages" / f"{room}.py")).run()
        alive += int(not app.exception)
    return alive


def all_finished_once_resumed() -> bool:
    """Whether every run is finished; those that failed or stopped are resumed, as a person does."""
    states = {run: run.state().state for run in lifecycle.all_runs()}
    for run, state in states.items():
        if state in (states_.FAILED, states_.STOPPED):
            run.request_resume()
    return all(state == states_.FINISHED for state in states.values())


def refused(action) -> str:
    """How a request was answered."""
    try:
        action()
    except StorageError:
        return "sentence"
    except EngineError as error:
        return type(error).__name__
    return "done"


def trial(disk: Path, form: str, number: int, rng: random.Random) -> dict:
    """One run, one filling."""
    name = f"{form.replace('.', '-')}-{number}"
    run, behind = submit(name, form, 24), submit(f"{name}-behind", form, 2)
    wait(lambda: checkpoints.newest_verified(run) or run.state().state == states_.FAILED)
    time.sleep(rng.uniform(0, 1.5))
    leave = rng.choice((0, 0, rng.randrange(1 << 16), rng.randrange(40 << 20)))
    fill(disk, leave)
    had = checkpoints.newest_verified(run)
    ended = (states_.FAILED, states_.FINISHED)
    wait(lambda: run.state().state in ended, 40)
    pages = pages_alive()
    refusals = [
        refused(lambda: submit(f"{name}-refused", form, 2)),
        refused(lambda: queue.move(behind, -1)),
        refused(behind.request_stop),
    ]
    state = run.state()
    reason = str(state.error) if state.state == states_.FAILED else state.state
    has = checkpoints.newest_verified(run)
    free(disk)
    finished = wait(all_finished_once_resumed, 600)
    whole = all(checkpoints._is_whole(c) for other in lifecycle.all_runs() for c in checkpoints.of_run(other))
    last = run.events("evaluation")[-1]["step"] if run.events("evaluation") else None
    found = {
        "format": form, "left": leave, "ended": reason, "verified_kept": had is None or bool(has and has.step >= had.step),
        "pages": pages, "asked": refusals, "all_finished": bool(finished), "whole": whole, "last_event": last,
        "left_over": sum(1 for _ in run.folder.glob(".*")),
    }  # fmt: skip
    for other in lifecycle.all_runs():
        subprocess.run(["rm", "-rf", str(other.folder)], check=True)
    return found


def import_trial(disk: Path, number: int, rng: random.Random) -> dict:
    """One import, one filling."""
    source = disk / f"articles-{number}.jsonl"
    lines = (paths.SAMPLE_ARTICLES / "train.jsonl").read_text(encoding="utf-8")
    source.write_text(lines * 40, encoding="utf-8")
    job = import_job.Import(import_job.Request(str(source), str(paths.MINI_PRESET)))
    job.start()
    wait(lambda: job.status().articles, 60)
    time.sleep(rng.uniform(0, 0.3))
    fill(disk, 0)
    status = wait(lambda: (s := job.status()) and not s.alive and s, 120)
    pages = pages_alive()
    free(disk)
    reason = str(status.error) if status and status.error else status and status.state
    again = job.status()
    if again.state != jobs.FINISHED:
        job.start()
        wait(lambda: job.status().state == jobs.FINISHED, 120)
    found = {"import": reason, "pages": pages, "finished": job.status().state == jobs.FINISHED}
    source.unlink()
    subprocess.run(["rm", "-rf", str(disk / "corpora")], check=True)
    return found


def outcome(action) -> str:
    """How an import in this process ended."""
    try:
        action()
    except EngineError as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def checkpoint_trial(disk: Path, elsewhere: Path, number: int, rng: random.Random) -> dict:
    """A checkpoint imported and one exported, each with the disk full before or from a random moment on."""
    root = paths.checkpoints_root()
    source = elsewhere / rng.choice(("theirs.keras", "theirs.weights.h5", "theirs.ckpt"))
    form = CHECKPOINT_FORMATS[number % 3] if number % 2 else (PRESET, HUGGING_FACE)[number // 2 % 2]
    leave, before = rng.choice((0, 300_000, rng.randrange(40 << 20))), rng.random() < 0.5

    def filled(action, seconds: float) -> str:
        filler = threading.Timer(0 if before else rng.uniform(0, seconds), fill, (disk, leave))
        if before:
            fill(disk, leave)
        else:
            filler.start()
        answer = action()
        filler.cancel()
        if filler.is_alive():
            filler.join()
        return answer

    imported = filled(lambda: outcome(lambda: importing.import_checkpoint(source, f"theirs-{number}", root=root)), 3)
    pages = pages_alive()
    left = len(list((root / importing.IMPORTS_FOLDER).glob("*")))
    free(disk)
    exported = filled(lambda: run_export(form, disk / "out"), 12)
    pages += pages_alive()
    left += sum(path.name.startswith((".", "out")) for path in disk.iterdir()) - ("done" in exported)
    free(disk)
    for made in disk.glob("out*"):
        subprocess.run(["rm", "-rf", str(made)], check=True)
    again = [
        run_export(form, disk / "out"),
        outcome(lambda: importing.import_checkpoint(source, f"again-{number}", root=root)),
    ]
    for made in [*disk.glob("out*"), *(run.folder for run in lifecycle.all_runs())]:
        subprocess.run(["rm", "-rf", str(made)], check=True)
    return {"imported": imported, "from": source.name, "exported": exported, "form": form, "left": leave,
            "before": before, "pages": pages, "left_over": left, "again": again}  # fmt: skip


def run_export(form: str, target: Path) -> str:
    """How an export by the command line ended, in a process of its own: a crash must not end the benchmark."""
    command = [sys.executable, "-m", "engine", "export", str(paths.MINI_PRESET), "--format", form, "--out", str(target)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    if done.returncode == 0:
        return "done"
    said = [line for line in done.stderr.splitlines() if line.startswith("engine: ")]
    return said[-1] if done.returncode == 1 and said else f"exit code {done.returncode}"


def in_a_word(answer: str) -> str:
    """The kind of an answer, for counting."""
    return next((w for w in ("done", "is full", "MB are needed") if w in answer), answer)


def main() -> None:
    """All trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=7)
    parser.add_argument("--imports", type=int, default=7)
    a = parser.parse_args()
    inference_client.ensure = lambda root=None: None  # pages are rendered here, not generated with
    rng, found, imports, others = random.Random(1), [], [], []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as elsewhere, small_disk() as disk:
        for form in CHECKPOINT_FORMATS:
            assert run_export(form, Path(elsewhere) / ("theirs.ckpt" if form == "ckpt" else "theirs")) == "done"
        os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = str(disk / "runs"), str(disk / "corpora")
        (disk / "runs").mkdir()
        for number in range(a.imports):
            imports.append(import_trial(disk, number, rng))
            print(imports[-1], file=sys.stderr, flush=True)
            others.append(checkpoint_trial(disk, Path(elsewhere), number, rng))
            print(others[-1], file=sys.stderr, flush=True)
        for number in range(a.trials):
            for form in CHECKPOINT_FORMATS:
                found.append(trial(disk, form, number, rng))
                print(found[-1], file=sys.stderr, flush=True)
    words = ("is full", "MB of disk are free", "finished", "queued", "running", "interrupted")
    print(
        json.dumps(
            {
                "runs": len(found),
                "ended": Counter(next((w for w in words if w in t["ended"]), t["ended"]) for t in found),
                "verified_lost": sum(not t["verified_kept"] for t in found),
                "torn_accepted": sum(not t["whole"] for t in found),
                "asked": Counter(answer for t in found for answer in t["asked"]),
                "all_finished_after_space": sum(t["all_finished"] for t in found),
                "imports": Counter(in_a_word(t["import"]) for t in imports),
                "imports_finished_after_space": sum(t["finished"] for t in imports),
                "checkpoints_imported": Counter(in_a_word(t["imported"]) for t in others),
                "checkpoints_exported": Counter(in_a_word(t["exported"]) for t in others),
                "done_after_space": sum(t["again"] == ["done", "done"] for t in others),
                "left_over": sum(t["left_over"] for t in others),
                "pages_rendered": sum(t["pages"] for t in (*found, *imports, *others)),
                "pages_asked_for": 6 * (len(found) + len(imports) + 2 * len(others)),
                "seconds": round(time.monotonic() - started),
            }
        )
    )


if __name__ == "__main__":
    main()
