"""The note that one corpus stands for that of another source: it counts only where it still fits."""

import json
import shutil
from pathlib import Path

import pytest
from test_preparation import folder_of_articles

from engine.corpus import lookup, preparation


@pytest.fixture
def two(tmp_path, tokenizer):
    """Two folders of the same articles, where their corpus is kept, and the note that it is of both."""
    first, second, corpora = tmp_path / "mine", tmp_path / "yours", tmp_path / "corpora"
    folder_of_articles(first, 12)
    shutil.copytree(first, second)
    for path in (first, second):
        preparation.prepare(path, tokenizer, corpora)
    (note,) = (corpora / ".same").glob("*.json")
    return second, corpora, note


@pytest.mark.parametrize("field", ["options", "tokenizer", "content"])
def test_a_note_of_another_vocabulary_reading_or_content_is_ignored(two, tokenizer, tmp_path, field):
    second, corpora, note = two
    kept = lookup.find(second, tokenizer, root=corpora)
    card = kept.folder / lookup.CARD
    if field == "content":
        folder_of_articles(tmp_path / "more", 13)
        other = preparation.prepare(tmp_path / "more", tokenizer, corpora)
        note.write_text(json.dumps({**json.loads(note.read_text()), "corpus": other.folder.name}))
    else:
        changed = {"options": {**kept.card["options"], "text_field": "x"}, "tokenizer": "0" * 64}[field]
        card.write_text(json.dumps({**json.loads(card.read_text()), field: changed}))
    assert lookup.find(second, tokenizer, root=corpora) is None
    made = preparation.prepare(second, tokenizer, corpora)
    assert made.card["tokenizer"] == tokenizer.hash and made.content_hash == kept.content_hash


def test_a_source_that_is_gone_or_changed_is_not_named(two, tokenizer):
    second, corpora, _note = two
    kept = lookup.find(second, tokenizer, root=corpora)
    assert [Path(source).name for source in lookup.sources(kept)] == ["mine", "yours"]
    with open(second / "train.jsonl", "a") as file:
        file.write("\n")
    assert [Path(source).name for source in lookup.sources(kept)] == ["mine"]
    shutil.rmtree(second)
    assert [Path(source).name for source in lookup.sources(kept)] == ["mine"]
