"""What leaves the lab, opened by Hugging Face transformers and by plain Keras: in processes of their own, by their own defaults.

What transformers makes of the exported folder is recorded in `tests/files/transformers_5`, with the folder's content: the lab
is compared with that, and before a release with transformers itself, which also shows whether the record still holds.
Where the checkpoint that ships or its export changes, `RECORD=1 pytest -m long tests/exchange/test_transformers.py` writes it.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from project import PROJECT
from safetensors.numpy import load_file

from engine import __main__ as cli
from engine.core import paths
from engine.core.errors import CheckpointError
from engine.corpus import preparation
from engine.evaluation.measure import measure
from engine.exchange.foreign.validator import Validator
from engine.inference.generation import Generator, Sampler
from engine.models import formats, loading, usage
from engine.presets import catalogue, tokenizers
from engine.runs import references
from engine.runs.references import ModelReference

pytestmark = pytest.mark.slow

PROMPT, END, NEW_TOKENS = "The patients were", tokenizers.END_OF_TEXT, 24
TEXTS = (
    "naïve “façade” 3.14 kg/m² 😀",
    "  a\t\tb\n\n\nc \u00a0d",
    "胰岛素 İstanbul е́",
    "I'll we've 1,000.50",
    "a" * 200,
)

RECORD = PROJECT / "tests" / "files" / "transformers_5" / "recorded-mini.json"
LOGITS = 16  # of each position, in the record

THEIRS = """
import json, math, sys
import numpy as np, torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline
folder, prompt, end, new_tokens, texts, stream = sys.argv[1:]
model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
ids, found = np.load(stream), {}
total = 0.0
with torch.no_grad():
    found["logits"] = model(torch.from_numpy(ids[:32])[None]).logits[0].tolist()
    for first in range(0, len(ids) - 1, 32):
        piece = torch.from_numpy(ids[first : first + 33])[None]
        total += float(model(input_ids=piece, labels=piece).loss) * (piece.shape[1] - 1)
found["perplexity"] = math.exp(total / (len(ids) - 1))
found["ids"] = [tokenizer(text)["input_ids"] for text in json.loads(texts)]
found["mark"] = tokenizer(end + prompt)["input_ids"][0]
write = pipeline("text-generation", folder)
greedy = {"do_sample": False, "max_new_tokens": int(new_tokens), "return_full_text": False}
found["with"], found["without"] = (write(opened + prompt, **greedy)[0]["generated_text"] for opened in (end, ""))
inputs = tokenizer(prompt, return_tensors="pt")
found["by default"] = tokenizer.decode(model.generate(**inputs)[0])
found["architecture"] = type(model).__name__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def mini() -> ModelReference:
    """The fine-tuned checkpoint that ships."""
    return references.resolve("recorded-mini", paths.PROJECT / "checkpoints")


@pytest.fixture(scope="module")
def folder(mini, tmp_path_factory) -> Path:
    return formats.export(mini, formats.HUGGING_FACE, tmp_path_factory.mktemp("exported") / "hf")


@pytest.fixture(scope="module")
def ours(mini):
    return Generator(*loading.load(mini))


@pytest.fixture(scope="module")
def stream(ours, sample_folder, tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CORPORA", str(tmp_path_factory.mktemp("corpora")))
        ids = preparation.prepare(sample_folder, ours.tokenizer).tokens("test")
    path = tmp_path_factory.mktemp("stream") / "ids.npy"
    np.save(path, np.asarray(ids, dtype=np.int64))
    return path


def content(folder: Path) -> dict[str, str]:
    """The SHA-256 of each tensor of an exported folder, and of its vocabulary and its configuration."""
    parts = {name: array.tobytes() for name, array in load_file(folder / "model.safetensors").items()}
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        parts[name] = json.dumps(json.loads((folder / name).read_text(encoding="utf-8")), sort_keys=True).encode()
    return {name: hashlib.sha256(part).hexdigest() for name, part in sorted(parts.items())}


@pytest.fixture(scope="module", params=["recorded", pytest.param("itself", marks=pytest.mark.long)])
def theirs(request, folder, stream) -> dict:
    """What transformers makes of the exported folder, all of it in one process."""
    if request.param == "recorded":
        return json.loads(RECORD.read_text(encoding="utf-8"))
    transformers = request.getfixturevalue("transformers")
    output = transformers.run(THEIRS, folder, PROMPT, END, NEW_TOKENS, json.dumps(TEXTS), stream)
    found = json.loads(output.splitlines()[-1])
    if os.environ.get("RECORD"):
        short = [[round(value, 6) for value in position[:LOGITS]] for position in found["logits"]]
        record = {**found, "logits": short, "content": content(folder)}
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return {**found, "content": content(folder)}


def test_the_exported_folder_is_the_one_that_transformers_has_read(folder):
    assert content(folder) == json.loads(RECORD.read_text(encoding="utf-8"))["content"]


@pytest.mark.parametrize("theirs", [pytest.param("itself", marks=pytest.mark.long)], indirect=True)
def test_transformers_still_makes_of_it_what_is_recorded(theirs):
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert np.allclose(np.array(theirs["logits"])[:, :LOGITS], recorded["logits"], rtol=0, atol=1e-4)
    for name in ("ids", "mark", "with", "without", "architecture"):
        assert theirs[name] == recorded[name]
    assert theirs["perplexity"] == pytest.approx(recorded["perplexity"], rel=1e-5)


def test_the_folders_configuration_has_the_keys_that_other_programs_read(folder, mini):
    """llama.cpp's converter stops without `architectures` and `n_ctx`; vLLM finds the model's class by the former."""
    config = json.loads((folder / "config.json").read_text())
    end = tokenizers.load(mini.preset.folder).end_of_text
    assert config["architectures"] == ["GPT2LMHeadModel"] and config["model_type"] == "gpt2"
    assert config["n_ctx"] == config["n_positions"] == mini.preset.max_sequence_length
    assert [config[key] for key in ("n_layer", "n_head", "n_embd", "vocab_size")] == [4, 3, 192, 4096]
    assert {config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]} == {end}
    drawn = json.loads((folder / "generation_config.json").read_text())
    assert (drawn["eos_token_id"], drawn["temperature"], drawn["top_k"]) == (end, 0.8, 40)
    assert "max_new_tokens" not in drawn  # vLLM would hold everybody to it
    one_file = json.loads((folder / "tokenizer.json").read_text())
    assert [(token["id"], token["content"]) for token in one_file["added_tokens"]] == [(end, END)]
    if os.name != "nt":
        assert len({path.stat().st_mode for path in folder.iterdir()}) == 1  # not for the exporting person alone
    assert loading.load(references.resolve(str(folder)))[1].hash == loading.load(mini)[1].hash


def test_transformers_gives_the_same_logits_and_perplexity(theirs, ours, mini, stream, sample_folder, root):
    ids = np.load(stream)
    inputs = {"token_ids": ids[None, :32], "padding_mask": np.ones((1, 32))}
    logits = np.array(theirs["logits"])  # (32, vocabulary), of the record (32, LOGITS)
    assert np.allclose(logits, np.asarray(ours._model(inputs))[0, :, : logits.shape[1]], rtol=0, atol=1e-4)
    scores = measure(mini, str(sample_folder), "test", sequence_length=32)
    assert theirs["perplexity"] == pytest.approx(scores["perplexity"], rel=1e-4)
    assert theirs["architecture"] == "GPT2LMHeadModel"


def test_transformers_splits_texts_into_the_same_tokens(theirs, ours):
    assert theirs["ids"] == [ours.tokenizer.encode(text) for text in TEXTS]
    assert theirs["mark"] == ours.tokenizer.end_of_text


def test_transformers_writes_the_labs_text_with_the_mark_and_another_without(theirs, ours):
    assert theirs["with"] == ours.generate(PROMPT, NEW_TOKENS, Sampler(temperature=0))
    assert theirs["without"] != theirs["with"]
    assert len(theirs["by default"].split()) > 10


def lines_of(card: str, replacements: dict[str, str], more: str = "", block: int = 0) -> str:
    """The lines of a card as they stand there but for the place, and `more` after them."""
    lines = re.findall(r"```python\n(.*?)```", card, re.S)[block]
    for name, place in replacements.items():
        lines = lines.replace(name, place)
    return lines + more


IN_TURN = """
import contextlib, io, json, sys
printed = []
for lines in json.loads(sys.stdin.read()):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(lines, {"__name__": "__main__"})
    printed.append(output.getvalue())
print(json.dumps(printed))
"""


def run_in_turn(*programs: str) -> list[str]:
    """What programs print, one after the other in one process that knows nothing of this project: loading Keras takes longest."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN],
        input=json.dumps(programs),
        env={**environment, "HF_HUB_OFFLINE": "1", "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.long  # loads transformers and torch; what they compute with the same folder is recorded
def test_the_cards_lines_write_text_in_transformers(transformers, folder, mini):
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert usage.lines(formats.HUGGING_FACE, mini.preset) in card
    assert f'"{END}{PROMPT}"' in card and "write another text" in card
    assert PROMPT in transformers.run(lines_of(card, {"FOLDER": str(folder)}))


def with_the_mark_first(reference: ModelReference, folder: Path) -> ModelReference:
    """The same model as a preset of an earlier version, whose mark has id 0, which keras-hub takes for padding."""
    model, tokenizer = loading.load(reference)
    vocabulary, merges = tokenizers.assets(reference.preset.folder)
    first, last = 0, tokenizer.end_of_text
    vocabulary = {entry: {first: last, last: first}.get(token, token) for entry, token in vocabulary.items()}
    embeddings = model.backbone.token_embedding.embeddings
    rows = embeddings.numpy().copy()
    rows[[first, last]] = rows[[last, first]]
    embeddings.assign(rows)
    loading.save_preset(model, vocabulary, merges, folder, "# The same model\n")
    return references.resolve(str(folder))


def exported_with_card(model: ModelReference, mark: str, form: str, folder: Path) -> str:
    """Exports a model whose mark has the first or the last id; the program of its card, which writes the likeliest text."""
    model = with_the_mark_first(model, folder / "mark-first") if mark == "first" else model
    assert (tokenizers.load(model.preset.folder).end_of_text == 0) is (mark == "first")
    exported = formats.export(model, form, folder / "exported")
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert ("stop_token_ids=None" in card) is (mark == "first")
    length = 1 + len(tokenizers.load(model.preset.folder).encode(PROMPT)) + NEW_TOKENS
    stop = ", stop_token_ids=None" if mark == "first" else ""
    greedy = (  # the card's own lines have just been compiled by XLA; twice would be most of this program's time
        "\nmodel.compile(sampler='greedy', jit_compile=False); "
        f"print(repr(model.generate('{PROMPT}', max_length={length}{stop})))"
    )
    return lines_of(card, {"FOLDER": str(exported)}, greedy, 1 if form == formats.HUGGING_FACE else 0)


USUAL = (("first", formats.HUGGING_FACE), ("last", formats.PRESET))
OTHER_FORMS = (("keras", "FILE.keras"), ("weights.h5", "FILE.weights.h5"), ("ckpt", "FOLDER"))


@pytest.fixture(scope="module")
def plain_keras(mini, ours, tmp_path_factory) -> dict[object, str]:
    """What the cards' lines print in plain Keras, by mark and form, or by the form of what holds the backbone alone."""
    root = tmp_path_factory.mktemp("plain")
    ids = np.arange(1, 9)[None]
    np.save(root / "logits.npy", ours._model({"token_ids": ids, "padding_mask": np.ones_like(ids)}))
    compare = (
        "\nimport numpy as np; ids = np.arange(1, 9)[None]\n"
        "model = keras_hub.models.GPT2CausalLM(backbone=backbone, preprocessor=None)\n"
        "logits = np.asarray(model({'token_ids': ids, 'padding_mask': np.ones_like(ids)}))\n"
        f"assert np.allclose(logits, np.load({str(root / 'logits.npy')!r}), atol=1e-5); print('equal')"
    )
    programs: dict[object, str] = {
        (mark, form): exported_with_card(mini, mark, form, root / f"{mark}-{form}") for mark, form in USUAL
    }
    for form, place in OTHER_FORMS:
        exported = formats.export(mini, form, root / form / "x")
        programs[form] = lines_of(usage.markdown(form, mini.preset), {place: str(exported)}, compare)
    return dict(zip(programs, run_in_turn(*programs.values()), strict=True))


@pytest.mark.parametrize(
    ("mark", "form"),
    [
        *USUAL,
        pytest.param("first", formats.PRESET, marks=pytest.mark.long),
        pytest.param("last", formats.HUGGING_FACE, marks=pytest.mark.long),
    ],
)
def test_the_cards_lines_write_text_in_plain_keras_hub(form, mark, mini, ours, plain_keras, tmp_path):
    """In presets of earlier versions the mark has keras-hub's padding id, 0."""
    said = plain_keras.get((mark, form)) or run_in_turn(exported_with_card(mini, mark, form, tmp_path))[0]
    assert said.startswith(PROMPT) and len(said.rsplit("\n", 2)[0]) > len(PROMPT) + 20
    text = eval(said.splitlines()[-1])  # keras-hub puts the mark in front by itself, as its card says
    assert text == PROMPT + ours.generate(PROMPT, NEW_TOKENS, Sampler(temperature=0))


RESAVE = """
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
for kind in (AutoModelForCausalLM, AutoTokenizer):
    kind.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
"""


@pytest.mark.parametrize("saved_by", ["the lab", pytest.param("transformers", marks=pytest.mark.long)])
def test_what_transformers_saves_again_is_a_preset_and_an_import_with_its_vocabulary(
    request, folder, mini, ours, tmp_path, saved_by
):
    """Transformers 5 writes the vocabulary into tokenizer.json alone."""
    saved = tmp_path / "saved"
    if saved_by == "transformers":
        request.getfixturevalue("transformers").run(RESAVE, folder, saved)
    else:
        shutil.copytree(folder, saved, ignore=shutil.ignore_patterns("vocab.json", "merges.txt"))
    model, tokenizer = loading.load(references.resolve(str(saved)))
    assert tokenizer.hash == ours.tokenizer.hash
    ids = np.arange(1, 9)[None]
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    assert np.allclose(np.asarray(model(inputs)), np.asarray(ours._model(inputs)), atol=1e-5)
    for name in ("vocab.json", "merges.txt"):
        (saved / name).unlink(missing_ok=True)  # an older one writes these too
    known = [catalogue.find(mini.preset.folder)]
    with Validator() as looking:
        (scratch := tmp_path / "scratch").mkdir()
        assert looking.check(saved, known, scratch, tmp_path / "out.weights.h5").fits
        content = json.loads((saved / "tokenizer.json").read_text(encoding="utf-8"))
        vocab = content["model"]["vocab"]
        first, second = list(vocab)[1000:1002]
        vocab[first], vocab[second] = vocab[second], vocab[first]
        (saved / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(CheckpointError, match="vocabulary beside the weights is not that of"):
            looking.check(saved, known, scratch, tmp_path / "out2.weights.h5")


def test_the_other_forms_say_that_they_hold_the_backbone_and_their_lines_work(mini, plain_keras, tmp_path, capsys):
    for form, _place in OTHER_FORMS:
        exported = formats.export(mini, form, tmp_path / form / "x")
        card = usage.markdown(form, mini.preset)
        assert "backbone" in card.replace("backbone =", "") and usage.lines(form, mini.preset) in card
        if form == "keras":
            with zipfile.ZipFile(exported) as archive:
                assert archive.read("README.md").decode().endswith(card)
        if form == "ckpt":
            assert (exported / "README.md").read_text(encoding="utf-8").endswith(card)
        assert plain_keras[form] == "equal\n"
    out = tmp_path / "by-command.keras"
    assert cli.main(["export", str(paths.MINI_PRESET), "--format", "keras", "--out", str(out)]) == 0
    assert "It holds the backbone" in capsys.readouterr().out
