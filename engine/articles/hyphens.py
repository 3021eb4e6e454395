"""Whether a hyphen at the end of a line belongs to the word or only parts it.

The document itself says it where it writes the word elsewhere, with a hyphen or without one; else English prose does, else
the parts: "double-blind" and "drug-resistant" are made of words that go with a hyphen, "trans-genic" is not.
"""

import functools
import json
import re
from collections import Counter

from engine.core import paths

_HYPHEN = re.compile(r"[\u2010\u2011]")
# Behind which a hyphen waits for a word that comes later: pre- and postoperative.
_SUSPENDED = frozenset(
    ("and", "or", "to", "nor", "versus", "et", "ou", "und", "oder", "bzw", "y", "o", "e", "en", "of")
)
_FIRST = re.compile(
    r"well|self|high|low|long|short|double|single|triple|half|large|small|full|one|two|three|four|five|six|seven|eight|nine|ten|first|second|third|"
    r"fourth|real|quasi|ill|age|sex|dose|drug|case|time|state|open|whole|fine|broad|reverse|gram|wild|cross"
)
_SECOND = re.compile(
    r"dependent|independent|specific|positive|negative|like|free|rich|poor|known|resistant|sensitive|bound|blind|driven|term|scale|type|order|level|"
    r"quality|throughput|dimensional|effective|efficient|deficient|old|fold|wise|year|month|week|day|hour|minute|density|risk|dose|affinity|"
    r"resolution|frequency|grade|income|speed|cost|energy|intensive|wide|frozen|grown|\w{3,}ed|\w{3,}ing"
)
# Never the end of a longer word, but behind a prefix.
_ALWAYS_SECOND = re.compile(
    r"based|dependent|independent|specific|positive|negative|resistant|sensitive|driven|throughput|dimensional|treated|induced|mediated|derived|"
    r"associated|related|conjugated|buffered|coated|labell?ed|embedded|tailed|sided|stranded|controlled|deficient"
)
_SHORT_SECOND = frozenset(
    ("up", "on", "in", "by", "out", "off")
)  # no line ends so shortly before a word's end: "follow-up"
_PREFIXES = frozenset((
    "sub", "non", "un", "re", "pre", "post", "co", "inter", "intra", "over", "under", "out", "up", "down", "anti", "multi", "micro",
    "macro", "trans", "semi", "bio", "photo", "cyto", "hyper", "hypo", "super", "auto", "hetero", "homo", "mono", "poly", "neuro",
    "cardio", "chemo", "immuno", "radio", "electro", "thermo", "hydro", "back", "fore", "off", "mis", "dis", "extra", "ultra", "con", "cor",
))  # fmt: skip
# Written as one, and younger than the books that the prose was counted in.
_SOLID = re.compile(
    r"(?:further|never|none)\w*|high(?:light|land)\w*|(?:data|note|work|home|time|life|web|power|file|new|child)(?:base(?!d)|book|set|flow|work|load|time|frame|"
    r"line|page|site|point|name|born|birth|hood|long)\w*|cross(?:talk|link|over)\w*|short(?:hand|cut|coming)\w*|lifestyle\w*"
)


def plain(word: str) -> str:
    """A word with hyphens of one kind."""
    return _HYPHEN.sub("-", word)


def is_suspended(tail: str) -> bool:
    """Whether a hyphen before this word stands at the end of one of its own."""
    return tail.lower() in _SUSPENDED


def stays(head: str, tail: str, vocabulary: Counter[str]) -> bool:
    """Whether a hyphen stays between the two parts of a word, in lower case.

    Args:
        vocabulary: how often the document writes each word elsewhere.
    """
    head, tail = plain(head), plain(tail)
    whole, hyphened = head + tail, f"{head}-{tail}"
    if "-" in head or "-" in tail or len(head) == 1:  # "root-mean-square", "l-glutamine"
        return True
    if vocabulary[whole] or vocabulary[hyphened]:
        return vocabulary[hyphened] > vocabulary[whole]
    prose = _prose()
    if prose.get(whole) or prose.get(hyphened):
        return prose.get(hyphened, 0) > prose.get(whole, 0)
    if head in _PREFIXES or _SOLID.fullmatch(whole) or len(head) < 3:
        return False
    head_is_word, tail_is_word = (bool(vocabulary[word] or prose.get(word)) for word in (head, tail))
    if tail in _SHORT_SECOND:
        return head_is_word
    if len(tail) > 2 and vocabulary[head] > 1 and vocabulary[tail] > 1:  # each is a word of its own here
        return True
    if _ALWAYS_SECOND.fullmatch(tail):
        return True
    return head_is_word and tail_is_word and bool(_FIRST.fullmatch(head) or _SECOND.fullmatch(tail))


@functools.lru_cache(maxsize=1)
def _prose() -> dict[str, int]:
    """How often English prose writes the words that it often writes."""
    content = (paths.PROJECT / "engine" / "corpus" / "prose_words.json").read_text(encoding="utf-8")
    counts: dict[str, int] = json.loads(content)["counts"]
    return counts
