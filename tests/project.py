"""Where things lie: the project's folder, its pages, and the files that tests bring."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted((PROJECT / "pages").glob("*.py"))
# What pages show, a name each: the tabs of a page, or the page where it has none (tests/pages/test_frame.py).
PLACES = (
    "lab",
    "lesson",
    "train",
    "curve",
    "time",
    "write",
    "words",
    "copied",
    "score",
    "runs",
    "checkpoints",
    "articles",
)
FILES = PROJECT / "tests" / "files"
BROUGHT = FILES / "brought"
