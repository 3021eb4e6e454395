"""Small articles in the form of the PubMed release."""

import json

WORDS = [
    "the",
    "cells",
    "were",
    "treated",
    "with",
    "insulin",
    "and",
    "patients",
    "showed",
    "lower",
    "levels",
    "of",
    "protein",
    "in",
    "blood",
    "after",
    "twelve",
    "weeks",
    "of",
    "therapy",
    "while",
    "controls",
    "did",
    "not",
    "change",
    "their",
    "weight",
    "or",
    "glucose",
    "during",
    "follow",
    "up",
    "in",
    "both",
    "study",
    "groups",
]


def article_line(number: int, words: int = 120) -> str:
    """One line in the PubMed release's form, made from a small vocabulary: other words for other numbers."""

    def text(salt: int, length: int) -> str:
        return " ".join(WORDS[(number * 7 + salt * 3 + i * (1 + number % 5)) % len(WORDS)] for i in range(length)) + "."

    sections = [[text(1, words // 3)], [text(2, words // 3), text(3, words // 3)]]
    return json.dumps(
        {
            "article_id": f"article-{number}",
            "article_text": [p for section in sections for p in section],
            "abstract_text": [f"<S> {text(4, 12)} </S>"],
            "labels": None,
            "section_names": ["Introduction", "Results"],
            "sections": sections,
        }
    )


def jsonl(*numbers: int) -> str:
    """Lines of the articles with these numbers."""
    return "".join(article_line(number) + "\n" for number in numbers)
