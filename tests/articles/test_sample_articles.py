"""The articles that ship: how many, how long, in which form, and that no two are alike."""

import itertools
import json
import re

import pytest

from engine.articles import Skipped, Source
from engine.core import paths

SECTIONS = ("introduction", "background", "method", "result", "discussion")


@pytest.fixture(scope="module")
def records() -> list[dict]:
    files = [paths.SAMPLE_ARTICLES / f"{split}.jsonl" for split in ("train", "validation", "test")]
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_there_are_100_12_and_12_and_every_line_is_read():
    source, skipped = Source(paths.SAMPLE_ARTICLES), Skipped()
    assert [sum(1 for _ in source.read(s, skipped)) for s in ("train", "validation", "test")] == [100, 12, 12]
    assert skipped.count == 0


def test_they_have_the_keys_of_the_release_and_agree_with_themselves(records):
    keys = {"article_id", "article_text", "abstract_text", "labels", "section_names", "sections"}
    for record in records:
        assert set(record) == keys
        assert [p for section in record["sections"] for p in section] == record["article_text"]
        assert len(record["sections"]) == len(record["section_names"])
        assert all(s.startswith("<S> ") and s.endswith(" </S>") for s in record["abstract_text"])
    assert len({record["article_id"] for record in records}) == 124


def test_each_has_at_least_350_words_an_abstract_and_the_four_sections(records):
    for record in records:
        words = sum(len(p.split()) for p in record["article_text"] + record["abstract_text"])
        assert words >= 350, record["article_id"]
        names = " ".join(record["section_names"]).lower()
        assert "introduction" in names or "background" in names, record["section_names"]
        assert all(part in names for part in ("result", "discussion")), record["section_names"]
        assert len(record["section_names"]) >= 4


def test_no_two_share_over_2_percent_of_their_8_grams(records):
    def grams(record):
        text = " ".join(record["article_text"] + record["abstract_text"]).lower()
        words = re.findall(r"\w+", text.replace("<s>", "").replace("</s>", ""))
        return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}

    every = [grams(record) for record in records]
    for one, two in itertools.combinations(range(len(every)), 2):
        share = len(every[one] & every[two]) / min(len(every[one]), len(every[two]))
        assert share <= 0.02, (records[one]["article_id"], records[two]["article_id"], share)


def test_the_card_says_that_they_are_invented_and_free():
    card = (paths.SAMPLE_ARTICLES / "README.md").read_text(encoding="utf-8")
    assert "invented" in card
    assert "CC0" in card
