"""A preset's vocabulary → a byte-level BPE tokenizer whose ids are exactly GPT-2's.

keras-hub's own GPT-2 tokenizer splits text differently from GPT-2 (docs/decisions/0003-tokenizer.md), so text goes
through Hugging Face `tokenizers` with the preset's vocabulary. No TensorFlow here: the dashboard colours tokens with it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from engine.core.errors import PresetError
from engine.core.files import open_plain, parse_json

END_OF_TEXT = "<|endoftext|>"
_KERAS_BYTES = 64 << 10  # keras-hub's tokenizer.json has about 500
_NEVER_IN_TEXT = "ÿ"  # byte 255, as GPT-2's vocabularies write it

# Where the two formats of a preset's folder keep their vocabulary: keras-hub's, Hugging Face's.
_ASSET_FOLDERS = ("assets/tokenizer", ".")
# Vocabulary and merges: keras-hub's, Hugging Face's, OpenAI's; transformers 5 writes both into one file.
_TWO_FILES = (("vocabulary.json", "merges.txt"), ("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
_ONE_FILE = "tokenizer.json"
ASSET_FILES = (*dict.fromkeys(name for pair in _TWO_FILES for name in pair), _ONE_FILE)

Assets = tuple[dict[str, int], list[tuple[str, str]]]


class OtherVocabulary(PresetError):
    """A vocabulary is there, and is none that GPT-2's rules read."""


class Tokenizer:
    """Text ↔ token ids with one vocabulary.

    Attributes:
        vocabulary_size: number of entries.
        end_of_text: the id of `<|endoftext|>`, which separates articles and starts every prompt.
        token_bytes: int32 (vocabulary_size,), how many bytes of text each id stands for; 0 for `<|endoftext|>`.
        hash: SHA-256 of the vocabulary and the merges, the same wherever the same tokenizer is.
    """

    def __init__(self, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> None:
        if END_OF_TEXT not in vocabulary:
            raise PresetError("The vocabulary has no {token}: it is not GPT-2's.", token=END_OF_TEXT)
        self._tokenizer = tokenizers.Tokenizer(BPE(vocab=vocabulary, merges=merges))
        self._tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
        self._tokenizer.decoder = ByteLevelDecoder()
        self.vocabulary_size = max(vocabulary.values()) + 1
        self.end_of_text = vocabulary[END_OF_TEXT]
        self.token_bytes = _byte_lengths(vocabulary, self.vocabulary_size)
        content = json.dumps([sorted(vocabulary.items()), merges], ensure_ascii=True)
        self.hash = hashlib.sha256(content.encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """The ids of one text. `<|endoftext|>` in the text is ordinary text: only the engine places the mark."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        """The ids of several texts, on all cores."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def encode_arrays(self, texts: list[str]) -> list[np.ndarray]:
        """The ids of several texts, on all cores: uint32 arrays, without Python's objects for each id kept."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.asarray(encoding.ids, dtype=np.uint32) for encoding in encodings]

    def decode(self, token_ids: Iterable[int]) -> str:
        """The text of some ids; bytes that are no whole character become U+FFFD."""
        return self._tokenizer.decode([int(token) for token in token_ids], skip_special_tokens=False)

    def entries(self) -> list[bytes]:
        """The bytes of text that each id stands for; b"" for `<|endoftext|>` and for ids without an entry."""
        found = [b""] * self.vocabulary_size
        for entry, token in self._tokenizer.get_vocab().items():
            if entry != END_OF_TEXT:
                found[token] = bytes(_BYTE_OF[character] for character in entry)
        return found

    def pieces(self, token_ids: Iterable[int]) -> list[str]:
        """The text of each id by itself, for showing tokens side by side."""
        return [self.decode([token]) for token in token_ids]


def _byte_characters() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for: printable ones for themselves, the others, in
    order, moved behind 255 (Radford et al. 2019, `bytes_to_unicode` of encoder.py)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


_BYTE_OF = _byte_characters()


def _byte_lengths(vocabulary: dict[str, int], size: int) -> np.ndarray:
    """In a byte-level vocabulary each character of an entry stands for one byte."""
    lengths = np.zeros(size, dtype=np.int32)
    for entry, token in vocabulary.items():
        lengths[token] = 0 if entry == END_OF_TEXT else len(entry)
    return lengths


def find_assets(preset: Path) -> Path | None:
    """The folder under `preset` that holds its vocabulary, or None."""
    files = asset_files(preset)
    return files[0].parent if files else None


def asset_files(preset: Path) -> tuple[Path, ...]:
    """The files of the vocabulary that is read of a folder: one or two, () where there are none."""
    return next(all_asset_files(preset), ())


def all_asset_files(preset: Path) -> Iterator[tuple[Path, ...]]:
    """The files of each vocabulary that a folder holds, the one that is read first."""
    for folder in (preset / name for name in _ASSET_FOLDERS):
        for pair in _TWO_FILES:
            if all((folder / name).is_file() for name in pair):
                yield tuple(folder / name for name in pair)
    for file in (preset / name / _ONE_FILE for name in _ASSET_FOLDERS):
        if file.is_file() and not _is_of_keras(file):
            yield (file,)


def _is_of_keras(file: Path) -> bool:
    """Whether a tokenizer.json is keras-hub's description of a class, which holds no vocabulary."""
    try:
        with open_plain(file) as content:
            start = content.read(_KERAS_BYTES)
    except OSError:
        return False  # whoever reads it says why it cannot be
    return len(start) < _KERAS_BYTES and b'"registered_name"' in start


def load(preset: Path | str) -> Tokenizer:
    """The tokenizer of a preset's folder (keras-hub's form or Hugging Face's).

    Raises:
        PresetError: no vocabulary there, or a damaged one.
    """
    try:
        return Tokenizer(*assets(preset))
    except PresetError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exceptions for merges that do not fit
        raise PresetError("The vocabulary in {folder} is damaged: {reason}", folder=preset, reason=error) from error


def assets(preset: Path | str) -> Assets:
    """The vocabulary and the merges of a preset's folder.

    Raises:
        PresetError: no vocabulary there, or a damaged one. OtherVocabulary: one of another kind.
    """
    files = asset_files(Path(preset))
    if not files:
        raise PresetError(
            "{preset} holds no vocabulary (vocabulary.json and merges.txt, or tokenizer.json).", preset=preset
        )
    return read_assets(files)


def read_assets(files: tuple[Path, ...]) -> Assets:
    """The vocabulary and the merges that `asset_files` or `all_asset_files` found.

    Raises:
        PresetError: damaged. OtherVocabulary: one of another kind.
    """
    try:
        with open_plain(files[0]) as content:
            vocabulary = parse_json(content.read())
        if len(files) == 1:
            vocabulary, pairs = _of_one_file(files[0], vocabulary)
        else:
            lines = files[1].read_text(encoding="utf-8").split("\n")
            pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
        if not isinstance(vocabulary, dict) or not all(type(number) is int for number in vocabulary.values()):
            raise ValueError("the vocabulary is no table of tokens and their numbers")
        return vocabulary, [(left, right) for left, right in pairs]
    except (OSError, ValueError) as error:
        folder = files[0].parent
        raise PresetError("The vocabulary in {folder} is damaged: {reason}", folder=folder, reason=error) from error


def _of_one_file(file: Path, content: Any) -> tuple[Any, list[list[str]]]:
    """Vocabulary and merges of a tokenizer.json; its merges are "a b" or ["a", "b"], as the library's version has it."""
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not isinstance(content.get("added_tokens") or [], list):
        raise ValueError("the tokenizer is no table")
    kind, splits = model.get("type") or "BPE", json.dumps(content.get("pre_tokenizer"))
    if kind != "BPE" or '"ByteLevel"' not in splits:
        raise OtherVocabulary(
            "{file} holds a vocabulary of another kind than GPT-2's, which is a byte-level BPE: {kind}.",
            file=file.name,
            kind=f"{kind}, {splits}"[:100],
        )
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocabulary, dict) or not isinstance(merges, list):
        raise ValueError("the tokenizer has no table of tokens, or no merges")
    for token in content.get("added_tokens") or []:
        if isinstance(token, dict) and token.get("content") == END_OF_TEXT:
            vocabulary.setdefault(END_OF_TEXT, token.get("id"))
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    if not all(isinstance(pair, list) and all(isinstance(part, str) for part in pair) for pair in pairs):
        raise ValueError("the merges are no pairs")
    return vocabulary, pairs


def train(texts: Iterable[str], vocabulary_size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level BPE of `vocabulary_size` entries: (vocabulary, merges).

    The order is GPT-2's: the 256 bytes, the merges, and `<|endoftext|>` last. Only id 0 differs. keras-hub pads with 0
    (`GPT2Tokenizer.pad_token_id`), so 0 is a byte that no UTF-8 text holds, where GPT-2 has "!".
    """
    model = tokenizers.Tokenizer(BPE())
    model.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = BpeTrainer(
        vocab_size=vocabulary_size - 1,  # without the mark
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    trained = json.loads(model.to_str())["model"]
    entries = sorted(trained["vocab"], key=trained["vocab"].__getitem__)
    entries.remove(_NEVER_IN_TEXT)
    vocabulary = {entry: token for token, entry in enumerate([_NEVER_IN_TEXT, *entries, END_OF_TEXT])}
    return vocabulary, [tuple(merge) for merge in trained["merges"]]


def spans(tokenizer: Tokenizer, token_ids: list[int]) -> Iterator[str]:
    """The pieces of a text as they can be shown one after the other: joined they are the text.

    A character of several bytes may be split over tokens; it is given with the last of them.
    """
    shown = ""
    for end in range(1, len(token_ids) + 1):
        text = tokenizer.decode(token_ids[:end])
        if text.endswith("\ufffd") and end < len(token_ids):
            yield ""
            continue
        yield text[len(shown) :]
        shown = text


_LONGEST_SPLIT = 3  # tokens behind one that begins a character: UTF-8 has four bytes at most


def excerpt(
    tokenizer: Tokenizer, token_ids: Sequence[int] | np.ndarray, first: int, last: int, around: int
) -> tuple[str, str, str]:
    """What stands before the tokens `first` to `last` (excluded), their text, and what stands behind it.

    Only whole characters: one that the place's border splits belongs to the place, one that an outer end splits is left out.

    Args:
        around: how many tokens before and behind, as far as there are any.
    """
    before = [int(token) for token in token_ids[max(0, first - around) : first]]
    end = last
    while end < min(len(token_ids), last + _LONGEST_SPLIT):
        if not tokenizer.decode([*before, *token_ids[first:end]]).endswith("\ufffd"):
            break
        end += 1
    # Decoded together: a token alone may be no whole character.
    head = tokenizer.decode(before).rstrip("\ufffd")
    middle = tokenizer.decode([*before, *token_ids[first:end]]).rstrip("\ufffd")
    whole = tokenizer.decode([*before, *token_ids[first : end + around]])
    return head.lstrip("\ufffd"), middle[len(head) :], whole[len(middle) :].rstrip("\ufffd")
