"""Which kind of token each of a stream is: punctuation, function word, number, citation, domain term, piece of a word.

The rules, of which the first that fits counts:

citation        digits with commas, semicolons and dashes between square brackets, brackets included; `@xcite`, `@xref`
number          digits, and a full stop or comma between digits
piece of a word a token that goes on with the word that the token before it began; the word's first token is what the word is
function word   one of FUNCTION_WORDS, and what English contracts ('s, 'll)
domain term     a word of four letters or more that English prose hardly knows (it is not in `prose_words.json`: under 12
                times in 4.1 million words), or that the training articles use more often than prose beyond chance
                (z of the log-odds at least TERM_Z, see `engine.corpus.keywords`)
other word      any other word
punctuation     everything else: signs, line breaks, spaces before them, and `<|endoftext|>`

A character split over several tokens is what the whole character is.
"""

import re
from collections.abc import Set

import numpy as np

from engine.corpus import keywords
from engine.corpus.store import Corpus
from engine.presets.tokenizers import Tokenizer

KINDS = ("punctuation", "function word", "number", "citation", "domain term", "piece of a word", "other word")
PUNCTUATION, FUNCTION, NUMBER, CITATION, TERM, PIECE, OTHER = range(len(KINDS))
TERM_Z = 2.58  # two-sided 99 %
MARGIN = 32  # tokens to either side of a passage within which its first and last word and citation must end

FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "again",
        "against",
        "all",
        "also",
        "although",
        "am",
        "among",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "cannot",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "either",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "hence",
        "her",
        "here",
        "hers",
        "herself",
        "him",
        "himself",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "may",
        "me",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "myself",
        "neither",
        "no",
        "nor",
        "not",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "onto",
        "or",
        "other",
        "our",
        "ours",
        "ourselves",
        "out",
        "over",
        "own",
        "per",
        "same",
        "shall",
        "she",
        "should",
        "since",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "theirs",
        "them",
        "themselves",
        "then",
        "there",
        "therefore",
        "these",
        "they",
        "this",
        "those",
        "though",
        "through",
        "thus",
        "to",
        "too",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "via",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "would",
        "you",
        "your",
        "yours",
        "yourself",
    ]
)
_DASHES = ("-", "–", "—", "−")
_CONTRACTIONS = frozenset(("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"))

# One letter a token: W letters behind a space, w letters without one, D digits, p a stop or comma, s other signs that
# stand in citations, O and C brackets, A an at sign, F a contraction, b a part of a character, _ a single space (which in
# GPT-2's vocabulary begins what follows), . anything else.
_CITATIONS = re.compile(r"_?O[Dps_]*D[Dps_]*C")
_NUMBERS = re.compile(r"_?D(?:pD|D)*")
_WORDS = re.compile(r"(_?A(?=w))?((?:_w|[Ww])w*)")
_PARTS = re.compile(r"b+")


class TokenKinds:
    """Tells the kinds of a vocabulary's tokens, given the words of a field.

    Args:
        terms: words in lower case that count as domain terms although prose knows them.
    """

    def __init__(self, tokenizer: Tokenizer, terms: Set[str] = frozenset()) -> None:
        self._tokenizer, self._terms = tokenizer, terms
        self._prose, _ = keywords.prose()
        texts = tokenizer.pieces(range(tokenizer.vocabulary_size))
        texts[tokenizer.end_of_text] = ""
        self._letters = np.frombuffer("".join(map(_letter, texts)).encode("ascii"), dtype=np.uint8)
        self._words: dict[bytes, tuple[int, bool]] = {}  # ids → kind of the word, whether it is @xcite's

    def of(self, ids: np.ndarray) -> np.ndarray:
        """uint8 (tokens,): for each id its index in KINDS; words and citations cut off at an end are told by the rest."""
        ids = np.ascontiguousarray(ids, dtype=np.int64)
        letters = _PARTS.sub(
            lambda found: self._whole(ids[found.start() : found.end()]), self._letters[ids].tobytes().decode("ascii")
        )
        kinds = np.full(len(ids), PUNCTUATION, dtype=np.uint8)
        for found in _NUMBERS.finditer(letters):
            kinds[found.start() : found.end()] = NUMBER
        for found in _WORDS.finditer(letters):
            start, end = found.span(2)
            word = ids[start:end].tobytes()
            if word not in self._words:
                self._words[word] = self._word(ids[start:end])
            kind, citing = self._words[word]
            if citing and found[1]:
                kinds[found.start() : end] = CITATION
                continue
            kinds[start] = kind
            kinds[start + 1 : end] = PIECE
        for found in _CITATIONS.finditer(letters):
            kinds[found.start() : found.end()] = CITATION
        kinds[self._letters[ids] == ord("F")] = FUNCTION
        return kinds

    def of_windows(self, stream: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
        """uint8 (windows, length): the kinds of the targets of windows that start at `starts`, seen in their text."""
        found = np.zeros((len(starts), length), dtype=np.uint8)
        for row, start in enumerate(starts.tolist()):
            first, last = max(0, start + 1 - MARGIN), min(len(stream), start + 1 + length)
            kinds = self.of(stream[first : last + MARGIN])[start + 1 - first : last - first]
            found[row, : len(kinds)] = kinds
        return found

    def _whole(self, ids: np.ndarray) -> str:
        """The letters of parts of characters, by the characters that they are together."""
        text = self._tokenizer.decode(ids)
        return (_letter(text)[0] if "\ufffd" not in text else ".") + (
            "w" if text.strip().isalpha() else "s" if text.strip() in _DASHES else "."
        ) * (len(ids) - 1)

    def _word(self, ids: np.ndarray) -> tuple[int, bool]:
        word = self._tokenizer.decode(ids).strip().lower()
        if word in FUNCTION_WORDS:
            return FUNCTION, False
        known = word in self._prose and word not in self._terms
        return (OTHER if known or len(word) < 4 else TERM), word in ("xcite", "xref")


def _letter(text: str) -> str:
    core = text.strip()
    if not core:
        return "_" if text == " " else "."
    if core in _CONTRACTIONS:
        return "F"
    if core.isdigit():
        return "D"
    if "\ufffd" in core:
        return "b"
    if core.isalpha():
        return "W" if text[0].isspace() else "w"
    if text in (".", ","):
        return "p"
    if core in ("[", "@"):
        return "O" if core == "[" else "A"
    if core[0] == "]":
        return "C"
    return "s" if core in (",", ";", *_DASHES) else "."


def terms_of(corpus: Corpus, tokenizer: Tokenizer) -> frozenset[str]:
    """The words of a corpus's training articles (about 400,000 tokens of them) that it uses beyond chance more than prose."""
    counts, _articles = keywords.sampled(corpus, tokenizer)
    scored = keywords.over_represented(counts, len(counts))
    return frozenset(word for word, z, _ratio in scored if z >= TERM_Z)
