"""Are the ids of a prepared corpus exactly those of Hugging Face `tokenizers`? On every real article there is.

    python benchmarks/ids.py [--preset checkpoints/presets/gpt2_mini_en]

Prepares $ATELIER_DATA's articles (articles/, more_articles.tar.xz, elife_articles.tar.xz) and compares article by article with
`tokenizers.ByteLevelBPETokenizer`, the library's own GPT-2 pre-tokenisation. One line of JSON.
"""

import argparse
import json
import os
import tarfile
import tempfile
from pathlib import Path

import bench  # noqa: F401  (the project is put on the path)
import numpy as np

from engine.articles.isolation import Reading
from engine.core import paths
from engine.corpus import preparation
from engine.presets import tokenizers


def main() -> None:
    """Compares every article of every source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default=str(paths.MINI_PRESET))
    a = parser.parse_args()
    import tokenizers as hugging_face

    data = Path(os.environ.get("ATELIER_DATA", ""))
    assets = tokenizers.find_assets(Path(a.preset))
    reference = hugging_face.ByteLevelBPETokenizer(str(assets / "vocabulary.json"), str(assets / "merges.txt"))
    ours = tokenizers.load(a.preset)
    articles = tokens = different = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [data / "articles"]
        for archive in ("more_articles", "elife_articles"):
            with tarfile.open(data / f"{archive}.tar.xz") as packed:
                packed.extractall(folder / archive, filter="data")
            sources.append(folder / archive)
        for source in sources:
            corpus = preparation.prepare(source, ours, folder / "corpora")
            numbers: dict[int, list[tuple[str, int]]] = {}  # of equal texts in the order of the corpus
            for split in corpus.splits:
                for number, digest in enumerate(corpus.digests(split).tolist(), start=1):
                    numbers.setdefault(digest, []).append((split, number))
            with Reading(source) as reading:
                for header, body in reading:
                    if header["kind"] != "article":
                        continue
                    split, number = numbers[header["digest"]].pop(0)
                    ids = reference.encode(body.decode()).ids
                    found = corpus.tokens(split, number, number)
                    articles += 1
                    tokens += len(ids)
                    different += not (found[0] == ours.end_of_text and np.array_equal(found[1:], ids))
    print(json.dumps({"articles": articles, "tokens": tokens, "different_articles": different}))


if __name__ == "__main__":
    main()
