"""The warm studio of Side by side: how soon it starts, answers, and finishes four columns.

    python benchmarks/studio.py [--tokens 100] [--trials 5] [--pages 8]

A studio of its own in a temporary folder with a copy of the recorded run: two columns of the base, two of the checkpoint.
`start` is from asking for the process to its first answer being possible, `first` from the request to the first text of
any column, `four` until the last token of all. The first request, which loads and compiles, is told apart. Then several
pages ask at once, each for one text of its own prompt: `pages_first` is the longest wait for a first text among them,
`pages_all` until the last has its last token. At last the studio is left alone until it ends by itself. Prints one line of JSON; seconds.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import PROJECT

from engine.core.locks import held
from engine.runs import references
from engine.services import inference_client, inference_server


def ask(request: dict) -> tuple[float, float]:
    """Seconds to the first text, and to the end."""
    started, first = time.perf_counter(), 0.0
    for message in inference_client.stream(request):
        if message["kind"] == "error":
            raise SystemExit(message["template"].format(**message["values"]))
        if message["kind"] == "text" and not first:
            first = time.perf_counter() - started
    return first, time.perf_counter() - started


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--pages", type=int, default=8, help="that ask at once")
    parser.add_argument("--idle", type=float, default=5.0, help="seconds after which the studio ends by itself")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", root / "recorded-mini")
        os.environ |= {"ATELIER_CHECKPOINTS": folder, "ATELIER_STUDIO_IDLE_SECONDS": str(a.idle)}
        began = time.perf_counter()
        inference_client.ensure()
        inference_client.wait_until_ready()
        figures: dict = {"start": round(time.perf_counter() - began, 2)}
        base, tuned = (
            next(m.reference for m in references.models() if m.is_base is wanted) for wanted in (True, False)
        )
        common = {"max_new_tokens": a.tokens, "temperature": 0.8, "top_k": 40, "top_p": 1.0}

        def request(seed: int) -> dict:
            columns = [{"reference": name, "seed": seed, **common} for name in (base, base, tuned, tuned)]
            return {"kind": "generate", "prompt": f"The results of study {seed} show", "columns": columns}

        figures["cold_first"], figures["cold_four"] = (round(s, 2) for s in ask(request(0)))
        warm = [ask(request(seed)) for seed in range(1, a.trials + 1)]
        for name, values in zip(("first", "four"), zip(*warm, strict=True), strict=True):
            figures[f"{name}_median"], figures[f"{name}_worst"] = (
                round(statistics.median(values), 3),
                round(max(values), 3),
            )
        one = {"reference": tuned, "seed": 1, **common}
        asked = [
            {"kind": "generate", "prompt": f"Page {n} asks" + " more" * n, "columns": [one]} for n in range(a.pages)
        ]
        with ThreadPoolExecutor(a.pages) as pool:
            together = list(pool.map(ask, asked))
        figures["pages"] = a.pages
        figures["pages_first"], figures["pages_all"] = (round(max(s), 3) for s in zip(*together, strict=True))
        alone = time.perf_counter()
        while held(inference_server.lock_path(root)) and time.perf_counter() - alone < a.idle + 30:
            time.sleep(0.1)
        figures["ended_after"] = (
            round(time.perf_counter() - alone, 1) if not held(inference_server.lock_path(root)) else None
        )
    print(json.dumps({"tokens": a.tokens, "trials": a.trials, **figures}))


if __name__ == "__main__":
    main()
