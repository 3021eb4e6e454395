"""Makes the recorded run that ships: one real run of the mini model on the sample articles.

    python scripts/record.py [--minutes 1]

Writes `checkpoints/recorded-mini/` with `recorded.json` (command, date, commit). Of the checkpoints only the last one's
weights are kept, so that the folder stays small; curve, samples and figures of the whole run stay.
"""

import argparse
import datetime
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from engine import checkpoints, runs  # noqa: E402
from engine.files import write_json  # noqa: E402

NAME = "recorded-mini"


def main() -> int:
    """Trains, prunes, labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    a = parser.parse_args()
    folder = PROJECT / "checkpoints" / NAME
    shutil.rmtree(folder, ignore_errors=True)
    words = ["engine", "train", "--minutes", f"{a.minutes:g}", "--name", NAME, "--checkpoint-format", "weights.h5"]
    subprocess.run([sys.executable, "-m", *words], cwd=PROJECT, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True)
    *earlier, last = checkpoints.of_run(runs.find(NAME))
    for checkpoint in earlier:
        shutil.rmtree(checkpoint.folder)
    # What only an exact resume needs: a finished run is never resumed, and it is two thirds of the bytes.
    (last.folder / checkpoints.TRAINING).unlink()
    files = {name: entry for name, entry in last.manifest["files"].items() if name != checkpoints.TRAINING}
    checkpoints.with_manifest(last, files=files)
    for name in ("lock", "owner.json", "trainer.log", "heartbeat"):
        (folder / name).unlink(missing_ok=True)
    write_json(
        folder / "recorded.json",
        {
            "command": "python -m " + " ".join(words),
            "date": datetime.date.today().isoformat(),
            "commit": commit.stdout.strip(),
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
