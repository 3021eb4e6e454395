"""A passage of 200 tokens under two models, asked of a warm studio as the page asks.

    python benchmarks/microscope.py [--rounds 5]

The base and the recorded run; another article each round, so that nothing is kept from before. One line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench import PROJECT

from engine.core import paths
from engine.services import inference_client


def main() -> None:
    """Starts a studio, lets it load both models, then measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    os.environ["ATELIER_STUDIO_IDLE_SECONDS"] = "5"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        os.environ["ATELIER_CORPORA"] = str(root / ".corpora")
        shutil.copytree(PROJECT / "checkpoints" / "recorded-mini", root / "recorded-mini")

        def look(number: int) -> float:
            passage = {
                "articles": str(paths.SAMPLE_ARTICLES),
                "split": "test",
                "number": number,
                "first": 1,
                "count": 200,
            }
            started = time.perf_counter()
            request = {"kind": "look", "references": [str(paths.MINI_PRESET), "recorded-mini"], "passage": passage}
            scored = [m for m in inference_client.stream(request, root) if m["kind"] == "looked"]
            assert [len(m["ranks"]) for m in scored] == [200, 200]
            return time.perf_counter() - started

        started = time.perf_counter()
        inference_client.ensure(root)
        inference_client.wait_until_ready(root)
        start = time.perf_counter() - started
        first = look(1)
        seconds = [look(number) for number in range(2, 2 + a.rounds)]
        print(
            json.dumps(
                {
                    "studio_start_seconds": round(start, 1),
                    "first_look_seconds": round(first, 2),
                    "look_seconds": round(statistics.median(seconds), 2),
                    "worst_seconds": round(max(seconds), 2),
                }
            )
        )


if __name__ == "__main__":
    main()
