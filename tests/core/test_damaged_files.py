"""Damaged files that belong to no run: what they held is made anew, or the file is named."""

import json
import shutil

import pytest
from damage_helpers import DEEP, a_folder, a_link_to_nothing, become, change, gone
from project import PROJECT

from engine.core import files, jobs
from engine.core.errors import EngineError
from engine.corpus import store
from engine.evaluation import cache
from engine.presets import catalogue, tokenizers
from engine.services import import_job, inference_client

pytestmark = pytest.mark.usefixtures("no_studio", "on_the_cpu")


def test_what_was_measured_is_measured_anew_where_its_file_was_changed(root):
    cache.write({"a": 1}, {"accuracy": 0.5}, root)
    (file,) = (root / ".evaluations").iterdir()
    assert cache.read({"a": 1}, root) == {"accuracy": 0.5}
    for edit in (change(value={"accuracy": "x"}), change(value=...), change(seal=3), become(DEEP), a_folder):
        cache.write({"a": 1}, {"accuracy": 0.5}, root)
        edit(file)
        assert cache.read({"a": 1}, root) is None


def test_a_job_whose_file_is_damaged_reads_as_never_asked_for(tmp_path):
    file = tmp_path / "key.json"
    for content in (b"{}", b'{"state": 3, "since": 1}', b'{"state": "failed", "since": 1, "error": {}}', DEEP):
        file.write_bytes(content)
        job = jobs.Job(file, "engine.services.import_job")
        assert job.value() == {} and not job.alive()


def test_a_corpus_whose_card_is_damaged_is_prepared_anew(root, sample_folder):
    from engine.corpus import lookup, preparation

    tokenizer = catalogue.tokenizer(catalogue.find("checkpoints/presets/gpt2_mini_en"))
    made = preparation.prepare(sample_folder, tokenizer)
    card = made.folder / store.CARD
    whole = card.read_bytes()
    splits = json.loads(whole)["splits"]
    for edit in (
        change(splits=None), change(splits=splits | {"train": splits["train"] | {"articles": 10**9}}), change(dtype="U9"),
        change(files=...), change(files={"../x": {"bytes": 1, "sha256": "0" * 64}}), change(skipped={"count": "x"}),
        change(duplicates={}), change(section_names=[1]), change(near_copies=...), change(near_copies={"pairs": 1}),
        change(formulas={"text": "x"}), change(set_aside_seed="x"), change(left_out={"tables": "x"}), change(forms=[1]),
        change(remarks={"count": "x"}), change(template_share="x"), become(DEEP), a_link_to_nothing,
    ):  # fmt: skip
        edit(card)
        assert store.all_corpora() == []
        assert lookup.find(sample_folder, tokenizer) is None
        gone(card)
        card.write_bytes(whole)
    change(splits=None)(card)
    assert preparation.prepare(sample_folder, tokenizer).articles("train") == 24


def test_a_preset_whose_files_are_damaged_is_named(tmp_path):
    whole = PROJECT / "checkpoints" / "presets" / "gpt2_mini_en"
    for file, edit in (
        ("config.json", become(DEEP)), ("config.json", change(registered_name=3, class_name=4)), ("config.json", change(config=[])),
        ("config.json", a_folder), ("assets/tokenizer/vocabulary.json", become(DEEP)),
        ("assets/tokenizer/vocabulary.json", become(b'["a"]')), ("assets/tokenizer/vocabulary.json", become(b'{"a": "b"}')),
        ("assets/tokenizer/merges.txt", become(b"\xff\xfe")),
    ):  # fmt: skip
        shutil.copytree(whole, copy := tmp_path / "copy")
        edit(copy / file)
        with pytest.raises(EngineError):
            tokenizers.assets(catalogue.find(copy).folder)
        shutil.rmtree(copy)
    shutil.copytree(whole, copy)
    become(b"\xff card")(copy / "README.md")
    assert catalogue.card(catalogue.find(copy)) == "\ufffd card"


def test_the_studio_whose_address_is_damaged_is_not_ready(root):
    from engine.services import inference_server

    path = inference_server.address_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    for value in ({"address": 3, "key": "00"}, {"address": "x", "key": "zz"}, {"address": "x\0", "key": "00"}):
        path.write_text(json.dumps(value))
        with pytest.raises(EngineError):
            list(inference_client.stream({}, root))


def test_json_of_strangers_is_read_or_refused(tmp_path):
    file = tmp_path / "x.json"
    for content in (DEEP, b"[" * 40 + b"]" * 40, b'{"a": "\\udfff"}', b"\xff", b"", b"9" * 10_000, b"1", b"[1]"):
        file.write_bytes(content)
        assert files.read_json(file) == {}
    file.write_bytes(b'{"a": "\\ud83d\\ude00"}')
    assert files.read_json(file) == {"a": "\U0001f600"}
    assert import_job.Import(import_job.Request("a", "b")).status() is None
