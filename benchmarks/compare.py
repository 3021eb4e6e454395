"""The pages that draw what trainers recorded: Compare runs with 20 runs of 5,000 points, the time machine's slider.

    python benchmarks/compare.py [--runs 20] [--points 5000] [--moments 50]

The runs are SYNTHETIC: their events are random walks in the form that a trainer writes, in a temporary folder; nothing was
trained. Each figure is the wall time of a page's whole script, the frame around it included, in Streamlit's own test runner (the browser's part is
not in it): `cold` with empty caches, so that every file of events is read; `warm` the median of five runs with another
choice each. Prints one line of JSON: seconds of wall time and of this process's own work.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from bench import PROJECT
from streamlit.testing.v1 import AppTest

from engine.runs import lifecycle, states
from engine.runs.settings import PROMPTS, RunSettings

FIGURES = ("accuracy", "training_loss", "learning_rate", "loss", "tokens_per_second")


def synthetic(root: Path, name: str, points: int, measurements: int, seed: int) -> None:
    """A finished run of `points` step reports and `moments` measurements with samples and a passage of 160 tokens."""
    random = np.random.default_rng(seed)
    settings = RunSettings(
        "p", "articles/sample", name, last_article=100, steps=points, learning_rate=1e-4 * (seed + 1)
    )
    run = lifecycle.create(settings, root=root)
    walk = 5 - np.arange(points + 1) / points + random.normal(0, 0.1, points + 1)
    lines = []

    def say(kind: str, **fields: object) -> None:
        lines.append(json.dumps({"kind": kind, "time": 1.7e9, **fields}))

    def measure(step: int) -> None:
        model = "run" if step else "base"
        done = {"step": step, "tokens": step * 2048, "seconds": step * 0.7, "model": model, "whole": False}
        loss = float(walk[step])
        for split in ("validation", "english"):
            say("evaluation", **done, split=split, loss=loss, accuracy=1 / loss, bits_per_byte=loss / 2,
                perplexity=float(np.exp(loss)), evaluated_tokens=8192)  # fmt: skip
        shares = random.uniform(1e-5, 1, 160)
        say("passage", step=step, model=model, pieces=[" token"] * 160, ranks=random.integers(1, 4096, 160).tolist(),
            probabilities=[float(f"{p:.4g}") for p in shares])  # fmt: skip
        for prompt in PROMPTS:
            say("sample", step=step, model=model, prompt=prompt, text=" synthetic text" * 24, seed=1, seconds=0.5)

    measure(0)
    for step in range(1, points + 1):
        say("step", step=step, tokens=step * 2048, seconds=step * 0.7, epoch=step / 500, loss=float(walk[step]),
            accuracy=0.2, learning_rate=1e-3 * step / points, tokens_per_second=2900.0 + seed, memory_bytes=10**9)  # fmt: skip
        if step % max(1, points // measurements) == 0:
            measure(step)
    (run.folder / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (run.folder / "state.json").write_text(json.dumps({"state": states.FINISHED, "since": 0.0, "step": points}))


def timed(app: AppTest) -> tuple[float, float]:
    """Wall and processor seconds of one run of the page's script; a problem on the page ends the benchmark."""
    started, worked = time.perf_counter(), time.process_time()
    app.run()
    seconds = time.perf_counter() - started, time.process_time() - worked
    assert not app.exception, app.exception[0].message
    return seconds


def median_of(app: AppTest, choose: Callable[[Any], object], values: Sequence) -> tuple[float, float]:
    """The medians of `timed` after each of several choices."""
    found = []
    for value in values:
        choose(value)
        found.append(timed(app))
    return tuple(statistics.median(column) for column in zip(*found, strict=True))


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--moments", type=int, default=50)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = f"{folder}/runs", f"{folder}/corpora"
        names = [f"synthetic-{number}" for number in range(a.runs)]
        for number, name in enumerate(names):
            synthetic(Path(folder) / "runs", name, a.points, a.moments, number)
        app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=120)
        app.session_state["language"] = "en"
        app.session_state["compare_runs"] = names
        app.run()
        app.query_params["tab"] = "runs"
        app.switch_page(str(PROJECT / "pages" / "library.py"))
        timed(app)  # whatever Python imports once
        st.cache_data.clear()
        st.cache_resource.clear()
        found = {"compare_cold": timed(app)}
        chosen = lambda figure: app.selectbox(key="compare_figure").set_value(figure)  # noqa: E731
        found["compare_warm"] = median_of(app, chosen, FIGURES)
        app.toggle(key="compare_smooth").set_value(True)
        found["compare_smoothed"] = median_of(app, chosen, FIGURES)
        app.query_params["tab"] = "time"
        app.switch_page(str(PROJECT / "pages" / "explore.py"))
        timed(app)
        st.cache_data.clear()
        st.cache_resource.clear()
        found["slider_cold"] = timed(app)
        positions = np.linspace(0, a.moments, 5, dtype=int).tolist()
        found["slider_warm"] = median_of(app, lambda at: app.select_slider(key="time_slider").set_value(at), positions)
    figures: dict[str, float] = {"runs": a.runs, "points": a.points, "moments": a.moments}
    for name, (wall, processor) in found.items():
        figures |= {f"{name}_seconds": round(wall, 3), f"{name}_processor_seconds": round(processor, 3)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
