"""Preparing a corpus: exact, resumable at any point, recognised when it is there, honest about what it left out."""

import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pubmed_helpers import article_line
from sources_helpers import cancelled_after, contents, write_articles
from waiting_helpers import until

from engine.articles import Options, Source, isolation
from engine.cli.app import main
from engine.core import paths
from engine.core.errors import ArticlesError, StorageError
from engine.core.progress import Cancelled
from engine.corpus import lookup, preparation, reading, store, windows
from engine.presets import tokenizers


def test_each_article_gives_back_its_sections_words_and_id(sample_folder, tokenizer, tmp_path):
    prepared = preparation.prepare(sample_folder, tokenizer, tmp_path)
    for split in ("train", "validation", "test"):
        for number, article in enumerate(Source(sample_folder).read(split), start=1):
            sections = prepared.sections(split, number, tokenizer)
            assert [(s.name, s.paragraphs) for s in sections] == [
                (s.name, s.paragraphs) for s in article.all_sections()
            ]
            assert prepared.words(split)[number - 1] == article.words
            assert prepared.identifier(split, number) == article.id
            assert prepared.number_of(split, article.id) == number
    assert [s.kind for s in sections] == ["abstract", "introduction", "results"]
    assert prepared.number_of("test", "article-1") is None
    assert prepared.number_of("train", "nobody") is None


def test_sections_of_real_articles_come_back_exactly(real_data, tmp_path):
    tokenizer = tokenizers.load(paths.MINI_PRESET)
    prepared = preparation.prepare(real_data / "articles" / "test.jsonl", tokenizer, tmp_path)
    for article in Source(real_data / "articles" / "test.jsonl").read("train"):
        split = "train" if prepared.number_of("train", article.id) else "validation"
        sections = prepared.sections(split, prepared.number_of(split, article.id), tokenizer)
        assert [(s.name, s.paragraphs) for s in sections] == [(s.name, s.paragraphs) for s in article.all_sections()]


@pytest.mark.parametrize("splits", ["held out", pytest.param("all", marks=pytest.mark.long)])
def test_ids_are_those_of_hugging_face_on_real_articles(real_data, tmp_path, splits):
    """With the vocabulary of the preset that ships, article by article."""
    import tokenizers as hugging_face

    folder = tokenizers.find_assets(paths.MINI_PRESET)
    reference = hugging_face.ByteLevelBPETokenizer(str(folder / "vocabulary.json"), str(folder / "merges.txt"))
    source = real_data / "articles"
    if splits == "held out":
        (source := tmp_path / "articles").mkdir()
        for part, name in (("test", "train.jsonl"), ("validation", "validation.jsonl")):
            shutil.copyfile(real_data / "articles" / f"{part}.jsonl", source / name)
    prepared = preparation.prepare(source, tokenizers.load(paths.MINI_PRESET), tmp_path / "corpora")
    assert prepared.card["dtype"] == "uint16"
    for split in prepared.splits:
        texts = [article.text() for article in Source(source).read(split)]
        for number, encoding in enumerate(reference.encode_batch(texts), start=1):
            assert np.array_equal(prepared.tokens(split, number, number)[1:], encoding.ids)


@pytest.mark.parametrize(
    ("articles", "kills"), [(3000, 2), pytest.param(8000, 4, marks=pytest.mark.long)], ids=["small", "large"]
)
def test_a_preparation_that_was_killed_goes_on_to_the_same_bytes(tmp_path, tiny_preset, vocabulary, articles, kills):
    source = write_articles(tmp_path / "all.jsonl", range(articles))
    whole = preparation.prepare(source, tokenizers.Tokenizer(*vocabulary), out=tmp_path / "whole")
    command = [sys.executable, "-m", "engine", "prepare", "--source", str(source), "--preset", str(tiny_preset)]
    command += ["--out", str(tmp_path / "killed")]
    staging = lookup.staging_of(tmp_path / "killed")
    rng, killed = random.Random(5), 0
    environment = {**os.environ, "PYTHONPATH": str(paths.PROJECT)}
    slow = "import engine.corpus.preparation as p; p.JOURNAL_SECONDS = 0; p.BATCH_BYTES = 20000; import sys; sys.argv[1:] = "
    for _ in range(kills):
        program = f"{slow}{command[3:]!r}; import engine.__main__ as m; sys.exit(m.main())"
        process = subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda process=process: (staging / "journal.json").exists() or process.poll() is not None)
        time.sleep(rng.uniform(0.05, 0.4))  # to any moment of the preparation
        if process.poll() is None:
            process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            killed += 1
        process.wait()
    assert killed, "every preparation was done before it was killed: the test proves nothing"
    subprocess.run(command, env=environment, check=True, capture_output=True)
    killed_files, whole_files = contents(tmp_path / "killed"), contents(whole.folder)
    assert sorted(killed_files) == sorted(whole_files)
    assert [name for name in whole_files if killed_files[name] != whole_files[name]] == []
    assert not staging.exists()


def test_a_reader_that_was_given_up_loses_nothing_and_the_zip_is_gone_on_with(tmp_path, tokenizer, monkeypatch):
    source = tmp_path / "release.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pubmed-dataset/train.txt", "".join(article_line(n) + "\n" for n in range(300)))
        archive.writestr("pubmed-dataset/val.txt", article_line(300) + "\n")
    whole = preparation.prepare(source, tokenizer, out=tmp_path / "whole")

    class GivenUp(isolation.Reading):
        def __iter__(self):
            yield from itertools.islice(super().__iter__(), 200)
            raise isolation.ReadingEnded("Reading {path} stood still.", path="release.zip")

    monkeypatch.setattr(reading, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(reading, "Reading", GivenUp)
    with pytest.raises(isolation.ReadingEnded):
        preparation.prepare(source, tokenizer, out=tmp_path / "again")
    journal = json.loads((lookup.staging_of(tmp_path / "again") / "journal.json").read_text())
    assert 100 < journal["state"]["splits"]["train"]["articles"] < 200
    monkeypatch.setattr(reading, "Reading", isolation.Reading)
    again = preparation.prepare(source, tokenizer, out=tmp_path / "again")
    assert contents(again.folder) == contents(whole.folder)


def test_what_an_interrupted_write_left_does_not_get_into_the_corpus(tmp_path, tokenizer):
    source = write_articles(tmp_path / "all.jsonl", range(60))
    whole = preparation.prepare(source, tokenizer, out=tmp_path / "whole")
    staging = lookup.staging_of(tmp_path / "killed")
    with pytest.raises(Cancelled):
        preparation.prepare(source, tokenizer, out=tmp_path / "killed", on_progress=cancelled_after(1))
    (staging / ".journal.json.12345.tmp").write_text('{"identity"')
    (staging / ".card.json.12345.tmp").write_text("{")
    assert contents(preparation.prepare(source, tokenizer, out=tmp_path / "killed").folder) == contents(whole.folder)


def test_a_stop_keeps_what_was_done_and_the_next_one_goes_on(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_BYTES", 4000)
    source = write_articles(tmp_path / "all.jsonl", range(60))
    with pytest.raises(Cancelled):
        preparation.prepare(source, tokenizer, out=tmp_path / "a", on_progress=cancelled_after(3))
    journal = json.loads((lookup.staging_of(tmp_path / "a") / "journal.json").read_text())
    assert 0 < journal["state"]["splits"]["train"]["articles"] < 60
    preparation.prepare(source, tokenizer, out=tmp_path / "a")
    preparation.prepare(source, tokenizer, out=tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, tokenizer, monkeypatch):
    source = write_articles(tmp_path / "all.jsonl", range(60))

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reading, "sync", full)
    with pytest.raises(StorageError, match="The disk that holds .* is full"):
        preparation.prepare(source, tokenizer, tmp_path / "corpora")
    assert [path.name for path in (tmp_path / "corpora").iterdir()] == [".locks"]


def test_a_changed_source_and_another_vocabulary_are_said(tmp_path, tokenizer, vocabulary):
    source = write_articles(tmp_path / "all.jsonl", range(10))
    first = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    assert first.notices == []
    write_articles(source, range(12))
    second = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    assert [str(n).endswith("has changed since it was prepared before: it was prepared anew.") for n in second.notices]
    assert preparation.prepare(source, tokenizer, tmp_path / "corpora").folder == second.folder
    other = tokenizers.Tokenizer(vocabulary[0], vocabulary[1][:-1])
    third = preparation.prepare(source, other, tmp_path / "corpora")
    assert any("with another vocabulary: it was prepared for this one too" in str(n) for n in third.notices)
    with pytest.raises(ArticlesError, match="was prepared with another vocabulary"):
        preparation.prepare(second.folder, other)


def test_a_folder_of_ones_own_is_never_overwritten(tmp_path, tokenizer):
    source = write_articles(tmp_path / "all.jsonl", range(10))
    preparation.prepare(source, tokenizer, out=tmp_path / "mine")
    before = contents(tmp_path / "mine")
    preparation.prepare(source, tokenizer, out=tmp_path / "mine")
    write_articles(source, range(12))
    with pytest.raises(ArticlesError, match="as it was before it changed: choose another folder"):
        preparation.prepare(source, tokenizer, out=tmp_path / "mine")
    assert contents(tmp_path / "mine") == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(ArticlesError, match="is not empty and no prepared corpus"):
        preparation.prepare(source, tokenizer, out=tmp_path / "full")


def test_duplicates_are_found_and_reported(tmp_path, tokenizer):
    folder = tmp_path / "articles"
    folder.mkdir()
    write_articles(folder / "train.jsonl", [1, 2, 3, 2, 1, 1])
    other = json.loads(article_line(9)) | {"article_id": "article-3"}
    (folder / "test.jsonl").write_text(article_line(2) + "\n" + json.dumps(other) + "\n" + article_line(8) + "\n")
    write_articles(folder / "val.jsonl", [20, 21])
    card = preparation.prepare(folder, tokenizer, tmp_path / "corpora").card
    assert (card["duplicates"]["repeated"], card["duplicates"]["across_splits"]) == (3, 1)
    assert card["duplicates"]["same_id"] == 1
    assert [["train", 2], ["test", 1]] in card["duplicates"]["examples"]


def test_a_limit_takes_the_first_articles_of_each_split(sample_folder, tokenizer, tmp_path):
    prepared = preparation.prepare(sample_folder, tokenizer, tmp_path, limit=3)
    assert [prepared.articles(split) for split in prepared.splits] == [3, 3, 3]
    assert prepared.identifier("train", 3) == "article-2"


def test_what_was_set_aside_is_counted_exactly(tmp_path, tokenizer):
    source = write_articles(tmp_path / "all.jsonl", range(20))
    prepared = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    articles = {article.id: article for article in Source(source).read("train")}
    for split, wanted in (("train", 18), ("validation", 2)):
        part = [articles.pop(prepared.identifier(split, n)) for n in range(1, wanted + 1)]
        counts = prepared.card["splits"][split]
        assert counts["words"] == sum(a.words for a in part)
        assert counts["bytes"] == sum(len(a.text().encode()) for a in part)
        assert counts["tokens"] == len(prepared.tokens(split)) == sum(len(tokenizer.encode(a.text())) + 1 for a in part)


def test_what_was_skipped_is_counted_by_reason(tmp_path, tokenizer):
    path = write_articles(tmp_path / "all.jsonl", range(4))
    path.write_bytes(path.read_bytes() + b"{no\n" * 5 + b"12\n")
    skipped = preparation.prepare(path, tokenizer, tmp_path / "corpora", accept_part=True).skipped
    assert (skipped.count, skipped.reasons) == (
        6,
        {"{path}, line {line}: not JSON.": 5, "{path}, line {line}: not a JSON object.": 1},
    )
    assert str(skipped.examples[0]) == "all.jsonl, line 5: not JSON."


def test_a_corpus_that_lost_bytes_or_changed_is_not_used(sample_folder, tokenizer, tmp_path):
    prepared = preparation.prepare(sample_folder, tokenizer, tmp_path)
    prepared.verify()
    tokens = prepared.folder / store.TOKENS
    content = bytearray(tokens.read_bytes())
    content[100] ^= 1
    tokens.write_bytes(content)
    with pytest.raises(ArticlesError, match=r"tokens.bin differs from its card"):
        store.Corpus(prepared.folder).verify()
    tokens.write_bytes(content[:-2])
    with pytest.raises(ArticlesError, match="tokens.bin is not as long as its card says"):
        store.Corpus(prepared.folder)


def test_the_command_line_prepares_and_counts(sample_folder, tiny_preset, tmp_path):
    command = [sys.executable, "-m", "engine", "prepare", "--source", str(sample_folder), "--preset", str(tiny_preset)]
    command += ["--out", str(tmp_path / "out"), "--json"]
    done = subprocess.run(command, cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert {"articles", "words", "tokens", "skipped", "seconds", "corpus"} <= set(result)
    assert (result["articles"], result["skipped"]) == (32, {"count": 0, "reasons": []})
    assert store.Corpus(tmp_path / "out").articles("train") == 24


def said(capsys, *arguments) -> str:
    """What the command line says of arguments that it refuses."""
    assert main([str(argument) for argument in arguments]) == 1
    return capsys.readouterr().err.strip()


def test_a_folder_of_bad_files_alone_is_refused_and_leaves_nothing(tmp_path, tokenizer):
    (tmp_path / "bad").mkdir()
    for name in "ab":
        (tmp_path / "bad" / f"{name}.csv").write_text("x,y\n1,2\n")
    with pytest.raises(ArticlesError, match="holds no article that can be used. a.csv: which column"):
        preparation.prepare(tmp_path / "bad", tokenizer, tmp_path / "corpora")
    assert [path.name for path in (tmp_path / "corpora").iterdir()] == [".locks"]


def test_a_folder_that_cannot_be_the_corpus_is_a_sentence(root, sample_folder, tmp_path, capsys):
    (tmp_path / "afile").write_text("mine")
    command = ("prepare", "--source", sample_folder, "--out")
    assert "afile is a file: choose the folder" in said(capsys, *command, tmp_path / "afile")
    assert "afile is in the way: a file stands where a folder is needed" in said(
        capsys, *command, tmp_path / "afile" / "x"
    )
    assert "lies among the articles themselves" in said(capsys, *command, sample_folder / "corpus")
    assert (tmp_path / "afile").read_text() == "mine"


def test_nothing_but_the_corpus_is_left_beside_it(root, sample_folder, tmp_path):
    (tmp_path / "mine").mkdir()
    assert main(["prepare", "--source", str(sample_folder), "--out", str(tmp_path / "mine" / "corpus")]) == 0
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["corpus"]


def test_options_that_would_be_ignored_are_refused(root, sample_folder, tmp_path, tokenizer, capsys):
    preparation.prepare(sample_folder, tokenizer, out=tmp_path / "corpus")
    command = ("prepare", "--source", tmp_path / "corpus", "--out", tmp_path / "x", "--limit", 2)
    assert "is a prepared corpus already: --out, --limit can only be given for its source" in said(capsys, *command)
    plan = ("train", "--plan", "plans/report.toml", "--range", "1-10", "--from", "x")
    assert "leave out --range, --from" in said(capsys, *plan)
    with pytest.raises(SystemExit) as refused:
        main(["prepare", "--source", str(sample_folder), "--limit", "-3"])
    assert refused.value.code == 2


def test_the_first_duplicates_are_shown(root, tmp_path, capsys):
    source = tmp_path / "articles"
    source.mkdir()
    write_articles(source / "train.jsonl", [1, 2, 1, 3, 4])
    write_articles(source / "val.jsonl", [5])
    assert main(["prepare", "--source", str(source), "--out", str(tmp_path / "corpus")]) == 0
    printed = capsys.readouterr().out
    assert "1 articles repeat an earlier one" in printed
    assert "    such as: train 3 repeats train 1" in printed


@pytest.mark.skipif(os.name == "nt", reason="every name is Unicode there")
def test_a_source_whose_name_is_not_utf8_is_prepared(tmp_path, tokenizer, capsys):
    source = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    try:
        write_articles(source, range(4))
    except OSError:
        pytest.skip("this file system holds Unicode names alone")
    prepared = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    assert prepared.card["source"].endswith("caf\ufffd.jsonl")
    assert "caf\ufffd.jsonl is not Unicode: rename it" in said(capsys, "train", "--articles", source)


@given(
    sizes=st.lists(st.integers(1, 60), min_size=3, max_size=12),
    first=st.integers(1, 12),
    last=st.integers(1, 12),
    length=st.integers(8, 40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=int(os.environ.get("RANGES", "15")), deadline=None)  # before a release 60 (.ci/long)
def test_an_epoch_of_a_range_holds_every_token_of_its_articles_once_and_no_other(
    tmp_path_factory, vocabulary, sizes, first, last, length, seed
):
    tokenizer = tokenizers.Tokenizer(*vocabulary)
    first, last = sorted((min(first, len(sizes) - 1), min(last, len(sizes) - 1)))
    folder = tmp_path_factory.mktemp("range")
    lines = [json.dumps({"article": f"{n} " * size}) for n, size in enumerate(sizes)]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "val.jsonl").write_text(lines[0] + "\n")
    prepared = preparation.prepare(folder, tokenizer, folder / "corpora", options=Options())
    stream = prepared.tokens("train", first, last)
    shuffled = windows.Shuffled(stream, length, 1, seed)
    seen = [shuffled.batch(step) for step in range(shuffled.windows)]
    targets = np.concatenate([batch.targets[0][batch.weights[0] > 0] for batch in seen])
    expected = [tokenizer.end_of_text]
    for n in range(first - 1, last):
        expected += [*tokenizer.encode(" ".join([str(n)] * sizes[n]) + "\n"), tokenizer.end_of_text]
    assert np.array_equal(stream, expected[:-1])
    assert sorted(targets) == sorted(expected[1:-1])


def folder_of_articles(folder, count):
    folder.mkdir()
    write_articles(folder / "train.jsonl", range(count))
    write_articles(folder / "test.jsonl", range(count, count + 2))


def test_the_same_articles_as_a_folder_and_as_a_zip_are_one_corpus(tmp_path, tokenizer):
    folder, packed, corpora = tmp_path / "mine", tmp_path / "mine.zip", tmp_path / "corpora"
    folder_of_articles(folder, 12)
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"mine/{path.name}")
    first, second = (preparation.prepare(path, tokenizer, corpora) for path in (folder, packed))
    assert first.folder == second.folder and len(store.all_corpora(corpora)) == 1
    assert [Path(source).name for source in lookup.sources(first)] == ["mine", "mine.zip"]
    assert lookup.find(packed, tokenizer, root=corpora).folder == first.folder  # nothing is read for that
    assert not list(corpora.glob(".*.preparing"))
    shutil.rmtree(first.folder)  # as a person does: the other is prepared anew, and stands for itself
    assert lookup.find(packed, tokenizer, root=corpora) is None
    assert preparation.prepare(packed, tokenizer, corpora).card["source"].endswith("mine.zip")


def test_other_articles_options_or_a_visitors_upload_are_another_corpus(root, tmp_path, tokenizer):
    corpora = tmp_path / "corpora"
    for name, count in (("mine", 12), ("more", 13)):
        folder_of_articles(tmp_path / name, count)
    upload = paths.visitors_uploads() / "key"
    shutil.copytree(tmp_path / "mine", upload)
    made = [preparation.prepare(path, tokenizer, corpora) for path in (tmp_path / "mine", tmp_path / "more", upload)]
    made.append(preparation.prepare(tmp_path / "mine", tokenizer, corpora, limit=11))
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "mine", again)
    assert len({corpus.folder for corpus in made}) == 4
    assert preparation.prepare(again, tokenizer, corpora).folder == made[0].folder
