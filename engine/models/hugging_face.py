"""What a Hugging Face folder needs beside its weights, so that transformers, vLLM and llama.cpp's converter read it as it is.

keras-hub writes sizes, weights and vocabulary; who made the model (`architectures`), the context's older name (`n_ctx`, which
llama.cpp reads), the tokenizer as one file and how text is drawn are added here.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import ByteLevel as ByteLevelProcessor

from engine.presets.tokenizers import END_OF_TEXT

ARCHITECTURE = "GPT2LMHeadModel"
TEMPERATURE, TOP_K = 0.8, 40  # the lab's own sampler
_CONFIG, _TOKENIZER_CONFIG, _GENERATION = "config.json", "tokenizer_config.json", "generation_config.json"


def complete(folder: Path, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> None:
    """Adds to a folder that keras-hub wrote what programs other than transformers look for, and its defaults."""
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    context, end = config["n_positions"], vocabulary[END_OF_TEXT]
    marks = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    _write(
        folder / _CONFIG,
        {
            "architectures": [ARCHITECTURE],
            **config,
            **marks,
            "n_ctx": context,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
        },
    )
    draw = {"do_sample": True, "temperature": TEMPERATURE, "top_k": TOP_K}
    # `max_length` and not `max_new_tokens`: vLLM takes the latter as a limit for everybody.
    _write(folder / _GENERATION, {**marks, **draw, "max_length": context})
    special = {f"{name}_token": END_OF_TEXT for name in ("bos", "eos", "unk", "pad")}
    plain = {"add_prefix_space": False, "add_bos_token": False, "clean_up_tokenization_spaces": False}
    _write(
        folder / _TOKENIZER_CONFIG,
        {"tokenizer_class": "GPT2Tokenizer", "model_max_length": context, **plain, **special},
    )
    _write(folder / "special_tokens_map.json", special)
    _tokenizer(vocabulary, merges).save(str(folder / "tokenizer.json"))
    for weights in folder.glob("*.safetensors"):  # which the library makes readable for its owner alone
        shutil.copymode(folder / _CONFIG, weights)


def _tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer as one file; there the mark in a text is the mark, as transformers' users expect."""
    made = tokenizers.Tokenizer(BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    made.decoder = ByteLevelDecoder()
    made.post_processor = ByteLevelProcessor(trim_offsets=False)
    made.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=True)])
    return made


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
