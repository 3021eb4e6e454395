"""Copied passages: found exactly, in the articles that a run has seen and in no others."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_helpers import READ_ALL, a_run
from waiting_helpers import until

from engine.core import jobs
from engine.core.errors import ArticlesError, StorageError
from engine.core.locks import Lock
from engine.corpus import near_copies, preparation, windows
from engine.evaluation import interpretation
from engine.memorisation import index_job, own_samples, search, suffixes
from engine.memorisation.search import LENGTHS
from engine.presets import catalogue, tokenizers
from engine.runs import articles_read, lifecycle
from engine.runs.articles_read import Range, Seen
from engine.runs.history import shared
from engine.runs.settings import RunSettings
from ui import memorisation_view

pytestmark = pytest.mark.usefixtures("no_studio")

TOKENS = st.lists(st.integers(0, 3), max_size=120).map(lambda ids: np.array(ids, np.uint16) * 300)


def longest_by_looking(text: list[int], stream: list[int], start: int) -> int:
    best = 0
    for place in range(len(stream)):
        n = 0
        while start + n < len(text) and place + n < len(stream) and text[start + n] == stream[place + n]:
            n += 1
        best = max(best, n)
    return best if best >= LENGTHS[0] else 0


@given(TOKENS, TOKENS, st.integers(1, 9))
def test_every_length_is_what_looking_everywhere_finds_and_stands_where_it_is_said_to(stream, text, step):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suffixes, "SIGN_STEP", step)
        positions = suffixes.sort(stream)
        shard = suffixes.Shard(stream, positions, suffixes.filter_of(stream), suffixes.signs(stream, positions[::step]))
        check(shard, stream, text)


def check(shard, stream, text):
    lengths, positions = shard.longest(text)
    for start, (length, place) in enumerate(zip(lengths, positions, strict=True)):
        assert length == longest_by_looking(text.tolist(), stream.tolist(), start)
        assert (stream[place : place + length] == text[start : start + length]).all()


@given(st.lists(st.integers(0, 2**32 - 1), max_size=60))
def test_suffixes_are_in_the_order_of_their_tokens_also_of_large_vocabularies(ids):
    stream = np.array(ids, np.uint32)
    assert suffixes.sort(stream).tolist() == sorted(range(len(ids)), key=lambda at: ids[at:])


@pytest.fixture
def prepared(root, sample_folder, tiny_preset):
    tokenizer = catalogue.tokenizer(catalogue.find(str(tiny_preset)))
    return preparation.prepare(sample_folder, tokenizer), tokenizer


def seen_of(prepared, first, last) -> Seen:
    corpus, tokenizer = prepared
    return Seen(tokenizer, (Range(corpus, first, last),))


def test_a_passage_is_found_with_its_article_and_only_where_the_range_holds_it(prepared):
    corpus, _tokenizer = prepared
    seen = seen_of(prepared, 5, 9)
    search.build(seen.ranges)
    ids = np.array(corpus.tokens("train", 7, 7)[11:41], np.int64)
    copied = search.find(np.concatenate([[399, 399], ids, [399]]), seen.ranges)
    longest = copied.passages[0]
    stream = corpus.tokens("train", longest.article, longest.article)
    assert 5 <= longest.article <= 9 and (longest.first, longest.last) == (2, 32)
    assert stream[longest.token : longest.token + 30].tolist() == ids.tolist()
    assert copied.share(13) == pytest.approx(18 / 21) and copied.share(8) == pytest.approx(23 / 26)
    assert copied.share(34) is None
    start = np.array(corpus.tokens("train", 20, 20)[1:30], np.int64)
    inside = search.find(start, seen.ranges).lengths.max()
    whole = seen_of(prepared, 1, 24)
    search.build(whole.ranges)
    assert inside < search.find(start, whole.ranges).lengths.max() == 29


def test_many_shards_find_what_one_finds(prepared, monkeypatch):
    seen = seen_of(prepared, 2, 23)
    (former,) = search.shards(seen.ranges)
    search.build(seen.ranges)
    corpus, _tokenizer = prepared
    texts = [np.array(ids[5:90], np.int64) for n in range(1, 5) for ids in [corpus.tokens("test", n, n)]]
    one = [search.find(ids, seen.ranges).lengths.tolist() for ids in texts]
    monkeypatch.setattr(suffixes, "SHARD_BYTES", 600)
    cut = search.shards(seen.ranges)
    assert len(cut) > 5
    starts = set(corpus.starts("train").tolist())
    assert all(shard.first in starts and shard.last in starts for shard in cut)
    with pytest.raises(ArticlesError, match="not whole"):
        search.find(texts[0], seen.ranges)
    updates: list[tuple[int, int]] = []
    search.build(seen.ranges, lambda progress: updates.append((progress.done, progress.total)))
    assert updates[0][0] == 0 and updates[-1] == (cut[-1].last - cut[0].first,) * 2
    assert [search.find(ids, seen.ranges).lengths.tolist() for ids in texts] == one
    assert not former.path.exists()  # of another size: nobody looks for it any more
    part = seen_of(prepared, 3, 4)  # a range of another run, which begins and ends inside others' shards
    search.build(part.ranges)
    assert not search.missing(seen.ranges) and not search.missing(part.ranges)
    assert any(any(lengths) for lengths in one)


def test_what_a_kill_left_is_built_again_and_swept(prepared):
    seen = seen_of(prepared, 1, 24)
    search.build(seen.ranges)
    (shard,) = search.shards(seen.ranges)
    whole = shard.path.read_bytes()
    shard.path.write_bytes(whole[:-1])
    left = shard.path.with_name(f".{shard.path.name}.2147483646.tmp")  # of a process that is gone
    left.write_bytes(b"torn")
    assert search.missing(seen.ranges) == [shard]
    search.build(seen.ranges)
    assert shard.path.read_bytes() == whole and not left.exists()


def test_a_full_disk_is_a_sentence(prepared, monkeypatch):
    seen = seen_of(prepared, 1, 24)
    monkeypatch.setattr(search.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(StorageError, match="more of disk"):
        search.build(seen.ranges)
    assert search.missing(seen.ranges)


def test_a_text_is_encoded_as_an_article_that_holds_its_prompt(prepared):
    _corpus, tokenizer = prepared
    both = tokenizer.encode("The patients were treated")
    assert (
        search.ids_of(tokenizer, "The patients", " were treated").tolist()
        == both[len(tokenizer.encode("The patients")) :]
    )
    assert search.ids_of(tokenizer, "", "").tolist() == []


def test_the_yardstick_is_of_unseen_articles_alone(prepared, monkeypatch):
    corpus, _tokenizer = prepared
    seen = seen_of(prepared, 1, 24)
    alike = {"test": [False, False, True, False], "validation": [True] * 4}
    monkeypatch.setattr(near_copies, "of_training", lambda corpus, split: np.array(alike[split]))
    assert [place for *place, _ids in search.unseen(seen, 20)] == [["test", 1], ["test", 2], ["test", 4]]
    monkeypatch.setattr(near_copies, "of_training", lambda corpus, split: None)  # of a corpus of an earlier version
    taken = search.unseen(seen, 20)
    assert [place for *place, _ids in taken] == [[split, n] for split in ("test", "validation") for n in (1, 2, 3, 4)]
    assert all(len(ids) == 20 for *_place, ids in taken)
    assert search.unseen(seen, 10**6) == []
    real = type(corpus).digests
    monkeypatch.setattr(
        type(corpus), "digests", lambda self, split: np.append(real(self, "train"), real(self, "test")[:1]) if split == "train" else real(self, split)
    )  # fmt: skip
    assert [number for split, number, _ids in search.unseen(seen, 20) if split == "test"] == [2, 3, 4]


def copied(longest: int) -> search.Copied:
    passages = (search.Passage(0, longest, None, 1, 1),) if longest else ()
    return search.Copied(np.array([longest, *[0] * 99]), passages)


def test_copying_is_told_without_reason_no_more_often_than_is_said():
    """Texts that copy as unseen articles do: of 21 passages of one kind any may be taken as the sample."""
    rng = np.random.default_rng(1)
    alarms = []
    for _ in range(200):
        texts = [int(n) for n in rng.geometric(0.2, 21) + 4]
        alarms.append(sum(search.copies_more(own, texts[:n] + texts[n + 1 :]) for n, own in enumerate(texts)))
    assert set(alarms) == {0, 1}  # of 21 at most one, so 1 of 21 is what is said
    assert search.counted_alarms(texts) == alarms[-1]
    assert search.false_alarms(texts[:20]) == 1 / 21
    assert search.copies_more(30, [0, 8, 29]) and not search.copies_more(29, [0, 8, 29])
    assert search.counted_alarms([2, 4, 9]) == 1 and search.counted_alarms([2, 9, 9]) == 0


def test_the_verdict_says_its_rate_and_the_yardstick_its_interval():
    others = [copied(n) for n in [0, 5, 6, 8, 9] * 4]
    in_words = [0, 3, 4, 6, 7] * 4
    assert memorisation_view.verdict(12, in_words) == "Copied: 12 words in a row; chance explains 7."
    assert "Not copied: 7 words in a row at most, and unseen articles share up to 7" in memorisation_view.verdict(
        7, in_words
    )
    assert "nothing of 3 words" in memorisation_view.verdict(2, in_words)
    said = memorisation_view.yardstick_in_words(in_words)
    assert "20 articles that this run has never read" in said and "shares has 7 words" in said
    assert "accuses at most 1 in 21" in said and "it accused 0 of 20" in said
    assert "it accused 1 of 4" in memorisation_view.yardstick_in_words([1, 2, 2, 5])
    share, (low, high) = search.shared(others, 8)
    assert share == pytest.approx(8 / (20 * 93)) and 0 <= low < share < high
    assert "95 % interval" in memorisation_view.certain(others)
    assert search.shared(others[:3], 8)[1] is None and memorisation_view.certain(others[:3]) == ""


def test_what_a_run_could_read_is_its_articles_or_their_beginnings(prepared, sample_folder, tiny_preset):
    corpus, _tokenizer = prepared
    common = {"preset": str(tiny_preset), "articles": str(sample_folder), "steps": 1}
    lineage = [{"articles": str(sample_folder), "first_article": 1, "last_article": 2}]
    run = lifecycle.create(RunSettings(**common, name="stage", first_article=15, last_article=20), {"lineage": lineage})
    wanted = np.concatenate([corpus.tokens("train", 1, 2), corpus.tokens("train", 15, 20)])
    assert np.array_equal(articles_read.read_tokens(run, 10**6), wanted)
    assert np.array_equal(articles_read.read_tokens(run, 300), wanted[:300])
    more = {"name": "report", "first_article": 3, "last_article": 4, "method": "first-tokens", "sequence_length": 16}
    run = lifecycle.create(RunSettings(**common, **more), {})
    wanted = np.concatenate([corpus.tokens("train", n, n)[:17] for n in (3, 4)])
    assert np.array_equal(articles_read.read_tokens(run, 10**6), wanted)
    assert np.array_equal(articles_read.read_tokens(run, 20), wanted[:20])


def gone_through(run, steps: int):
    """A run that has made so many steps."""
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state="finished", step=steps, steps=steps)
    return run


def test_a_run_has_seen_its_own_articles_and_those_of_its_stages(prepared, sample_folder, tiny_preset):
    common = {"preset": str(tiny_preset), "articles": str(sample_folder), "steps": 1, "batch_size": 500}
    lineage = [
        {"articles": str(sample_folder), "first_article": 1, "last_article": 2},
        {"articles": str(sample_folder), "first_article": 3, "last_article": 10},
        {"articles": str(sample_folder / "gone"), "first_article": 1, "last_article": 2},
    ]
    settings = RunSettings(**common, name="stage", first_article=15, last_article=20)
    seen = articles_read.seen(gone_through(lifecycle.create(settings, {"lineage": lineage}), 1))
    assert [(r.first, r.last) for r in seen.ranges] == [(1, 10), (15, 20)] and seen.articles == 16
    assert seen.share == 1.0
    assert len(seen.lost) == 1 and "gone" in str(seen.lost[0])
    run = lifecycle.create(RunSettings(**common, name="all"), {"lineage": lineage[:2]})
    waiting = articles_read.seen(run)  # it has read nothing yet: only the stages before it have
    assert [(r.first, r.last) for r in waiting.ranges] == [(1, 10)]
    whole = articles_read.seen(gone_through(run, 1))
    assert [(r.first, r.last) for r in whole.ranges] == [(1, 24)] and whole.ranges[0].stretches is None


@pytest.mark.parametrize("method", ["packed", "report"])
@pytest.mark.parametrize("steps", [0, 1, 3, 10_000])
def test_what_a_run_has_read_is_what_its_batches_held(prepared, sample_folder, tiny_preset, method, steps):
    """Token by token, as the trainer draws its batches."""
    corpus, _tokenizer = prepared
    settings = RunSettings(preset=str(tiny_preset), articles=str(sample_folder), name="some", steps=9, batch_size=2,
                           sequence_length=16, seed=3, method=method, first_article=4, last_article=20)  # fmt: skip
    offset = int(corpus.starts("train")[3])
    numbered = np.arange(len(corpus.tokens("train", 4, 20))) + 1  # 0 is what fills a window up
    if method == "report":
        batches = windows.FirstTokens(numbered, corpus.starts("train", 4, 20), 16, 2, 3)
    else:
        batches = windows.Shuffled(numbered, 16, 2, 3)
    held: set[int] = set()
    for step in range(min(steps, 200)):
        batch = batches.batch(step)
        for row, (ids, targets) in enumerate(zip(batch.token_ids, batch.targets, strict=True)):
            held |= {*ids.tolist(), *targets[batch.weights[row] > 0].tolist()} - {0}
    seen = articles_read.seen(gone_through(lifecycle.create(settings), steps))
    read = {n for r in seen.ranges for first, last in r.tokens_read() for n in range(first, last)}
    assert read == {n - 1 + offset for n in held}
    starts = corpus.starts("train")
    assert seen.articles == len({int(np.searchsorted(starts, n, side="right")) for n in read})


def test_only_what_was_read_is_found_and_where_it_stands_is_said(prepared):
    corpus, tokenizer = prepared
    starts = corpus.starts("train")
    at = int(starts[2])  # the third article
    stretches = np.array([[int(starts[0]) + 3, int(starts[0]) + 40], [at + 10, at + 60]])
    seen = Seen(tokenizer, (Range(corpus, 1, 24, stretches),))
    assert seen.articles == 2 and 0 < seen.share < 1
    search.build(seen.ranges)
    assert not search.missing(seen.ranges)
    third = np.array(corpus.tokens("train", 3, 3), np.int64)
    found = search.find(third, seen.ranges)
    longest = found.passages[0]
    assert (longest.article, longest.token, longest.length) == (3, 10, 50)
    assert (longest.first, longest.last) == (10, 60)  # what stands before and behind it was not read
    whole = Seen(tokenizer, (Range(corpus, 1, 24),))
    search.build(whole.ranges)
    assert search.find(third, whole.ranges).longest > 50
    assert search.missing((Range(corpus, 1, 24, stretches[:1]),))  # another stretch has another index


def test_what_runs_at_work_had_read_does_not_pile_up(prepared, monkeypatch):
    corpus, _tokenizer = prepared
    monkeypatch.setattr(search, "_MOST_OF_READ", 3)
    for end in range(20, 80, 10):
        search.build((Range(corpus, 1, 24, np.array([[3, end]])),))
    (folder,) = {shard.path.parent for shard in search.shards((Range(corpus, 1, 24),))}
    assert len(list(folder.glob("*.read.places"))) == 3
    assert not search.missing((Range(corpus, 1, 24, np.array([[3, 70]])),))


def test_passages_are_marked_and_counted_in_whole_words(prepared):
    corpus, tokenizer = prepared
    seen = Seen(tokenizer, (Range(corpus, 1, 24),))
    search.build(seen.ranges)
    own = corpus.tokens("train", 3, 3)[20:60]
    ids = search.ids_of(tokenizer, "", "Zebra " + tokenizer.decode(own) + " zebra")
    found = search.find(ids, seen.ranges)
    stretches = memorisation_view.stretches(tokenizer, ids.tolist(), found)
    assert "".join(stretch.text for stretch in stretches) == tokenizer.decode(ids)
    marked = [stretch.text for stretch in stretches if stretch.level]
    text = " " + tokenizer.decode(ids) + " "
    for part in marked:
        at = text.index(part)
        assert not (text[at - 1].isalnum() and part[0].isalnum()) and part == part.strip()
        assert not (text[at + len(part)].isalnum() and part[-1].isalnum())
    assert (
        found.words(tokenizer) == max(p.words(tokenizer) for p in found.passages) <= len(tokenizer.decode(own).split())
    )


def wait(job: jobs.Job) -> dict:
    until(lambda: not job.alive(), 60)
    return job.value()


def test_a_process_of_its_own_builds_the_index_or_says_why_not(root):
    run = a_run(root)
    index_job.start(run)
    value = wait(index_job.job_of(run))
    assert value["state"] == jobs.FINISHED and value["done"] == value["total"] > 0
    assert not search.missing(articles_read.seen(run).ranges)
    gone = a_run(root, "gone")
    job = index_job.job_of(gone)
    shutil.rmtree(gone.folder)
    job.start(index_job.BUILDING, run="gone", root=str(root))
    assert wait(job)["state"] == jobs.FAILED


def test_what_a_runs_own_samples_copied_is_told_once_its_articles_are_indexed(root):
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    (corpus,) = {r.corpus for r in seen.ranges}
    text = tokenizers.excerpt(seen.tokenizer, np.asarray(corpus.tokens("train", 2, 2)[1:]), 100, 160, 0)[1]
    run.append_event("sample", step=4, model="run", prompt="A", text=f" {text}", seed=1)
    assert own_samples.copied(run, shared.of(run.folder)) is None  # not indexed: nothing is built for it
    search.build(seen.ranges)
    found = own_samples.copied(run, shared.of(run.folder))
    (passages,) = (search.find(search.ids_of(seen.tokenizer, "A", f" {text}"), seen.ranges).passages[:1],)
    assert found.longest_words == passages[0].words(seen.tokenizer) > found.unseen_longest_words
    assert 20 < found.longest_words <= len(text.split()) < 60  # words, of 60 tokens
    # The sample of a_run, of a few tokens, is none of it.
    assert 0.7 < found.share < 1
    codes = [finding.code for finding in own_samples.findings(run)]
    assert codes == [interpretation.TOO_SHORT, interpretation.COPIED]
