"""Articles in the PubMed release's form: what is read, what is refused, and how it is said."""

import json

import numpy as np
import pytest
from pubmed_helpers import article_line

from engine.articles import Skipped, Source
from engine.core.errors import ArticlesError, RangeError
from engine.corpus import preparation
from engine.presets import tokenizers


def lines(*texts: str) -> bytes:
    return ("\n".join(texts) + "\n").encode()


def test_sections_abstract_and_id_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(lines(article_line(1)))
    (article,) = Source(tmp_path / "a.jsonl").read("train")
    assert article.id == "article-1"
    assert [section.name for section in article.all_sections()] == ["Abstract", "Introduction", "Results"]
    assert "<S>" not in article.text()
    assert article.text().startswith("Abstract\n")


def test_the_releases_own_form_is_read_too(tmp_path):
    released = {
        "article_id": "PMC1",
        "article_text": ["a sentence , lower - cased .", "p < 0.05 was significant ."],
        "abstract_text": ["<S> background : one . </S>", "<S> two . </S>"],
        "labels": None,
        "section_names": ["introduction"],
        "sections": [["a sentence , lower - cased .", "p < 0.05 was significant ."]],
    }
    (tmp_path / "train.txt").write_bytes(lines(json.dumps(released)))
    (article,) = Source(tmp_path).read("train")
    assert article.text() == (
        "Abstract\nbackground : one .\ntwo .\n\nintroduction\na sentence , lower - cased .\np < 0.05 was significant .\n"
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{not json", "not JSON"),
        (b'["a list"]', "a list in place of an article, which is an object with a field “text”, or a string"),
        (b"12", "not a JSON object"),
        (b'{"article_id": "x", "article_text": [], "abstract_text": ["<S>  </S>"]}', "an article without text"),
        (b'{"article_text": ["caf\xe9 in UTF-8: \xc3\xa9"]}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_is_counted_and_named_and_the_rest_is_used(tmp_path, bad, reason):
    (tmp_path / "a.jsonl").write_bytes(lines(article_line(1)) + bad + b"\n" + lines(article_line(2)))
    skipped = Skipped()
    articles = list(Source(tmp_path / "a.jsonl").read("train", skipped))
    assert [article.id for article in articles] == ["article-1", "article-2"]
    assert skipped.count == 1
    assert str(skipped.examples[0]) == f"a.jsonl, line 2: {reason}."


def test_what_is_not_there_or_empty_is_one_sentence(tmp_path):
    with pytest.raises(ArticlesError, match="There are no articles at"):
        Source(tmp_path / "nothing.jsonl")
    with pytest.raises(ArticlesError, match="is an empty folder"):
        Source(tmp_path)
    (tmp_path / "test.jsonl").write_bytes(lines(article_line(1)))
    with pytest.raises(ArticlesError, match="has no articles for training: its files are "):
        Source(tmp_path)
    (tmp_path / "test.jsonl").unlink()
    (tmp_path / "train.jsonl").touch()
    with pytest.raises(ArticlesError, match="is empty"):
        Source(tmp_path)


def test_a_corpus_holds_each_article_between_marks(sample_folder, tokenizer, root, tmp_path):
    prepared = preparation.prepare(sample_folder, tokenizer, tmp_path / "corpora")
    texts = [article.text() for article in Source(sample_folder).read("train")]
    starts, stream = prepared.starts("train"), prepared.tokens("train")
    assert prepared.splits == ("train", "validation", "test")
    assert len(starts) == 25
    for number, text in enumerate(texts):
        ids = stream[starts[number] : starts[number + 1]]
        assert ids[0] == tokenizer.end_of_text
        assert tokenizer.decode(ids[1:]) == text


def test_a_range_holds_its_articles_and_no_other(sample_folder, tokenizer, tmp_path):
    prepared = preparation.prepare(sample_folder, tokenizer, tmp_path / "corpora")
    starts = prepared.starts("train")
    assert np.array_equal(prepared.tokens("train", 3, 5), prepared.tokens("train")[starts[2] : starts[5]])
    with pytest.raises(RangeError, match=r"Articles 20-30 lie outside the corpus: its train split holds 1-24\."):
        prepared.tokens("train", 20, 30)


def test_without_a_validation_split_a_tenth_is_set_aside_and_no_article_stands_in_both(tmp_path, tokenizer):
    (tmp_path / "all.jsonl").write_bytes(lines(*(article_line(n) for n in range(20))))
    prepared = preparation.prepare(tmp_path / "all.jsonl", tokenizer, tmp_path / "corpora")
    assert (prepared.articles("train"), prepared.articles("validation")) == (18, 2)
    assert prepared.card["validation_set_aside"]
    texts = {a.id: a.text() for a in Source(tmp_path / "all.jsonl").read("train")}
    for split in ("train", "validation"):
        names = [prepared.identifier(split, n) for n in range(1, prepared.articles(split) + 1)]
        assert names == [name for name in texts if name in names]  # in the order of the source
        assert tokenizer.decode(prepared.tokens(split)) == "".join("<|endoftext|>" + texts.pop(n) for n in names)
    assert not texts


def test_a_second_preparation_is_recognised_and_a_changed_source_is_noticed(tmp_path, tokenizer):
    path = tmp_path / "all.jsonl"
    path.write_bytes(lines(*(article_line(n) for n in range(4))))
    first = preparation.prepare(path, tokenizer, tmp_path / "corpora")
    before = (first.folder / "tokens.bin").stat().st_mtime_ns
    again = preparation.prepare(path, tokenizer, tmp_path / "corpora")
    assert again.folder == first.folder
    assert (again.folder / "tokens.bin").stat().st_mtime_ns == before
    path.write_bytes(lines(*(article_line(n) for n in range(6))))
    assert preparation.prepare(path, tokenizer, tmp_path / "corpora").folder != first.folder


def test_nothing_half_written_stays_when_no_article_can_be_used(tmp_path, tokenizer):
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    with pytest.raises(ArticlesError, match=r"holds no article that can be used\. bad.jsonl, line 1: not JSON"):
        preparation.prepare(tmp_path / "bad.jsonl", tokenizer, tmp_path / "corpora")
    assert [path.name for path in (tmp_path / "corpora").iterdir()] == [".locks"]


def test_ids_are_those_of_hugging_face_on_all_real_articles(real_data, vocabulary):
    """GPT-2's pre-tokenisation by the reference implementation, `tokenizers.ByteLevelBPETokenizer`."""
    import tokenizers as hugging_face

    ours = tokenizers.Tokenizer(*vocabulary)
    reference = hugging_face.ByteLevelBPETokenizer(vocab=vocabulary[0], merges=vocabulary[1])
    for article in Source(real_data / "articles").read("test"):
        assert ours.encode(article.text()) == reference.encode(article.text()).ids


def test_every_byte_of_a_text_is_counted_once(vocabulary):
    tokenizer = tokenizers.Tokenizer(*vocabulary)
    text = "Insulin 5 µg/ml, p < 0.05 — “naïve” 😀\n\n"
    ids = tokenizer.encode(text)
    assert tokenizer.token_bytes[ids].sum() == len(text.encode())
    assert "".join(tokenizers.spans(tokenizer, ids)) == text
    assert tokenizer.token_bytes[tokenizer.end_of_text] == 0
