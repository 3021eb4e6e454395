"""A field of a record, or a passage of a text file → its text alone: no marks between articles, no markup."""

import re
from collections import Counter

from engine.articles.markup import plain_text

_MARK = re.compile(r"<\|[A-Za-z_]{2,30}\|>")  # <|endoftext|> and its kind, of any tokenizer
# What plain_text leaves, since its other half stands elsewhere, as where a page was cut off: ends, elements of a page, and
# what has attributes. Nothing that stands in a sentence looks so; "p < 0.05" and "<unk>" stay.
_HALF = re.compile(
    r"</[A-Za-z][\w:.-]*\s*>|<(?:[\w.-]+:)?(?:table|tr|td|th|tbody|thead|div|html|head|body|ul|ol|script|style)\s*/?>|"
    r"<[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))+\s*/?>",
    re.IGNORECASE,
)
_HALF_PROGRAM = re.compile(r"<(?:script|style)(?:\s[^<>]*)?>.*\Z|\A.*</(?:script|style)\s*>", re.IGNORECASE | re.DOTALL)


def plain(text: str, left: Counter[str]) -> str:
    """The text of a field; where marks and paragraphs stood it has line breaks.

    Args:
        left: where what is taken out is counted.
    """
    if "<" not in text and "&" not in text:
        return text
    if "<|" in text:
        text, marks = _MARK.subn("\n", text)
        left["marks"] += marks
    text, tags = plain_text(text)
    if "<" in text and _HALF.search(text):
        text, programs = _HALF_PROGRAM.subn("", text)
        text, halves = _HALF.subn("\n", text)
        tags += programs + halves
    left["tags"] += tags
    return text
