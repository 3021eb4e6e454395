"""Counts the words of public-domain books: `python scripts/prose_words.py FOLDER` writes engine/corpus/prose_words.json.

FOLDER holds the .txt files of the books that checkpoints/presets/gpt2_mini_en/README.md lists; words seen fewer than
MOST_RARE times are left out, which costs them no more than to count as seen once.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.core.files import write_bytes
from engine.corpus import keywords

MOST_RARE = 12


def main() -> None:
    """Reads every book once."""
    books = sorted(Path(sys.argv[1]).glob("*.txt"))
    counts = keywords.count(book.read_text(encoding="utf-8") for book in books)
    frequent = {word: n for word, n in sorted(counts.items()) if n >= MOST_RARE}
    value = {"books": len(books), "words": sum(counts.values()), "counts": frequent}
    write_bytes(keywords.PROSE, (json.dumps(value, separators=(",", ":")) + "\n").encode())
    print(f"{len(books)} books, {sum(counts.values()):,} words, {len(frequent):,} entries")


if __name__ == "__main__":
    main()
