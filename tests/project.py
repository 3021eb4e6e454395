"""Where things lie: the project's folder, its pages, and the files that tests bring."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGES = sorted((PROJECT / "pages").glob("*.py"))
FILES = PROJECT / "tests" / "files"
BROUGHT = FILES / "brought"
