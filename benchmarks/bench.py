"""What benchmarks share: the project on the path of the modules, and folders of their own for runs and corpora."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


@contextlib.contextmanager
def own_folders() -> Iterator[Path]:
    """An empty folder of runs that this process and those it starts use, its corpora in it; both go with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root:
        os.environ["ATELIER_CHECKPOINTS"], os.environ["ATELIER_CORPORA"] = root, f"{root}/.corpora"
        yield Path(root)
