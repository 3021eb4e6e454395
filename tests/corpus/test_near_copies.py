"""Near-copies: found whatever the vocabulary, told with their likeness, left out of figures where that is asked for; and a
validation part that is drawn without parting them."""

import json
import random
import shutil
import unicodedata

import numpy as np
import pytest
from pubmed_helpers import WORDS

from engine.cli.app import main
from engine.core import paths
from engine.core.errors import ArticlesError
from engine.core.progress import Cancelled, Phase
from engine.corpus import dividing, lookup, near_copies, preparation, store
from engine.corpus.shingles import Shingles, likeness
from engine.corpus.windows import ScoredArticles, count_sliding, sliding
from engine.evaluation import forgetting, intervals, measure
from engine.evaluation.cache import PassSettings
from engine.presets import tokenizers
from engine.runs import references, submission
from engine.runs.settings import RunSettings
from engine.services import worker


def words(seed: int, count: int = 300) -> list[str]:
    return random.Random(seed).choices(WORDS, k=count)


def line(name: str, text: list[str]) -> str:
    return json.dumps({"article_id": name, "article_text": [" ".join(text)]})


def edited(text: list[str], every: int) -> list[str]:
    """Each so many words another one."""
    return [f"edit{at}" if at % every == every // 2 else word for at, word in enumerate(text)]


def write(folder, **splits):
    folder.mkdir(exist_ok=True)
    for split, lines in splits.items():
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path):
    """Of four test articles two are edited training articles."""
    train = [line(f"train-{n}", words(n)) for n in range(20)]
    test = [line("new-1", words(100)), line("edited-3", edited(words(3), 40)), line("new-2", words(101))]
    test += [line("copied-7", words(7))]
    return write(tmp_path / "articles", train=train, val=[line("other", words(102))], test=test)


def likeness_of_pairs(prepared):
    return {
        (prepared.place(int(p["first"])), prepared.place(int(p["second"]))): float(p["likeness"])
        for p in prepared.near_copies()
    }


def test_edited_training_articles_among_the_test_articles_are_told_with_their_likeness(folder, tokenizer, tmp_path):
    prepared = preparation.prepare(folder, tokenizer, tmp_path / "corpora")
    found = likeness_of_pairs(prepared)
    assert set(found) == {(("train", 4), ("test", 2)), (("train", 8), ("test", 4))}
    assert found[("train", 8), ("test", 4)] == 1.0
    unchanged, edits = 300 - 4, len([at for at in range(300) if at % 40 == 20])
    both = unchanged - 5 * edits
    assert found[("train", 4), ("test", 2)] == pytest.approx(both / (2 * unchanged - both), abs=0.01)
    assert prepared.card["near_copies"] == {"least": 0.5, "pairs": 2, "across_splits": 2}
    assert near_copies.of_training(prepared, "test").tolist() == [False, True, False, True]
    prepared.verify()


def test_the_edited_articles_that_people_brought_are_found(real_data, tmp_path, capsys):
    source = real_data / "inputs" / "neardup"
    assert main(["prepare", "--source", str(source), "--out", str(tmp_path / "corpus"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])["near_copies"]
    tests = {tuple(pair["second"]): pair["likeness"] for pair in summary["examples"] if pair["second"][0] == "test"}
    assert summary["across_splits"] == len(tests) == 3 and min(tests.values()) > 0.9
    assert main(["prepare", "--source", str(source), "--out", str(tmp_path / "corpus")]) == 0
    assert "3 pairs of articles are nearly the same text, 3 of them in two splits" in capsys.readouterr().out


def test_shingles_are_the_same_in_every_vocabulary_and_do_not_see_capitals_and_punctuation(tokenizer):
    mini = tokenizers.load(paths.MINI_PRESET)
    text = "Insulin (5 µg/ml) was given; the naïve T-cells, however, did not respond within 24 h. " * 2
    sets = [Shingles(t).hashes(np.array(t.encode(text))) for t in (tokenizer, mini)]
    assert len(sets[0]) == 2 * 15 - 4 and np.array_equal(*sets)
    other = Shingles(mini).hashes(
        np.array(mini.encode(text.upper().replace("Ï", "ï").replace("Μ", "µ").replace(",", "")))
    )
    assert np.array_equal(sets[1], other)
    assert len(Shingles(mini).hashes(np.array(mini.encode("two words")))) == 1
    assert len(Shingles(mini).hashes(np.array(mini.encode(" \n ... ")))) == 0


TYPED = (
    "The patients' T-cells didn't respond to naïve \"treatment\" with 5-10 µg of the café's insulin (a well-known drug) "
    "within 24 h at 37 °C; effects - and side-effects - were significant in İzmir and Łódź."
)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("'", "\u2019"),
        lambda text: text.replace("'", "\u00b4"),
        lambda text: text.replace("'", "\u02bc"),
        lambda text: text.replace("'", "`"),
        lambda text: text.replace('"', "\u201c", 1).replace('"', "\u201d"),
        lambda text: text.replace('"', "\u00ab", 1).replace('"', "\u00bb"),
        lambda text: text.replace('"', "\u201e", 1).replace('"', "''"),
        lambda text: unicodedata.normalize("NFC", text),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFKC", text),
        lambda text: unicodedata.normalize("NFKD", text),
        lambda text: text.replace("-", "\u2010"),
        lambda text: text.replace("-", "\u2011"),
        lambda text: text.replace("-", "\u2013"),
        lambda text: text.replace("-", "\u2212"),
        lambda text: text.replace(" - ", "\u2014"),
        lambda text: text.replace("signi", "si\u00adgni").replace("effects", "e\ufb00ects").replace("fi", "\ufb01"),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", "\u3000").translate({c: c + 0xFEE0 for c in range(0x21, 0x7F)}),
        lambda text: text.replace("İ", "i̇").upper(),
    ],
)
def test_shingles_see_through_ways_of_typing_the_same_text(change, tokenizer):
    shingles = Shingles(tokenizer)
    typed, other = (shingles.hashes(np.array(tokenizer.encode(text))) for text in (TYPED, change(TYPED)))
    assert len(typed) > 20 and np.array_equal(typed, other)


def test_other_words_accents_and_numbers_are_other_shingles(tokenizer):
    shingles = Shingles(tokenizer)

    def word(text: str) -> int:
        (found,) = shingles.words(np.array(tokenizer.encode(text)))
        return int(found)

    assert len({word(text) for text in ("naive", "naïve", "naïves", "5", "6", "α", "β", "Straße", "strasse")}) == 8
    assert word("Straße") == word("STRASSE") and word("ΣΟΦΟΣ") == word("σοφος")


@pytest.mark.parametrize(
    ("text", "edit", "least"),
    [
        ("胰岛素是一种由胰腺产生的激素，它调节血糖水平。患者每天接受两次注射治疗，持续十二周。", ("两", "三"), 30),
        ("インスリンは膵臓で作られるホルモンで、血糖値を調節する。患者は毎日二回の注射を受けた。", ("二", "三"), 30),
        ("ผู้ป่วยได้รับอินซูลินวันละสองครั้งเป็นเวลาสิบสองสัปดาห์และมีระดับน้ำตาลในเลือดลดลง", ("และ", "แต่"), 30),
    ],
)
def test_in_scripts_without_blanks_each_character_is_a_word(text, edit, least, tokenizer):
    """As words between blanks a whole text would be a few words, of which one edit leaves nothing alike."""
    shingles = Shingles(tokenizer)
    one, other = (np.unique(shingles.hashes(np.array(tokenizer.encode(t)))) for t in (text, text.replace(*edit, 1)))
    assert len(one) >= least and 0.6 < likeness(one, other) < 1
    mixed = shingles.words(np.array(tokenizer.encode("用GPT-2模型 and two")))
    assert len(mixed) == 6  # 用, gpt2, 模, 型, and, two


def found_in(texts: list[list[str]], tmp_path):
    """Pairs and groups of texts, by their hashes alone."""
    hashes = [np.array([hash(tuple(t[n : n + 5])) & 0xFFFFFFFF for n in range(len(t) - 4)], np.uint32) for t in texts]
    near_copies.write_signatures(len(texts), hashes.__getitem__, tmp_path / "signatures")
    pairs = near_copies.pairs(near_copies.signatures(tmp_path / "signatures"), hashes.__getitem__)
    return pairs, near_copies.groups(pairs, len(texts)), hashes


def test_of_pairs_as_alike_as_four_fifths_hardly_one_is_missed_and_none_is_made_up(tmp_path):
    texts = [t for n in range(200) for t in (words(n), edited(words(n), 46))]
    pairs, groups, hashes = found_in(texts, tmp_path)
    true = [likeness(np.unique(hashes[n]), np.unique(hashes[n + 1])) for n in range(0, 400, 2)]
    assert min(true) > 0.77 and max(true) < 0.83
    assert len(pairs) >= 0.95 * 200 and (pairs["second"] == pairs["first"] + 1).all()
    np.testing.assert_allclose(pairs["likeness"], np.array(true)[pairs["first"] // 2], atol=1e-6)
    assert (groups[::2] == np.arange(0, 400, 2)).all()


def test_many_articles_from_one_template_make_one_group_and_no_square_of_pairs(tmp_path):
    pairs, groups, _hashes = found_in([edited(words(1), 60 + n % 7) for n in range(300)], tmp_path)
    assert len(pairs) == 299 and not groups.any()


def test_signatures_that_were_interrupted_go_on_to_the_same_bytes(tmp_path):
    hashes = [np.random.default_rng(n).integers(0, 1 << 32, 50, dtype=np.uint32) for n in range(300)]
    near_copies.write_signatures(300, hashes.__getitem__, tmp_path / "whole")

    class Killed(Exception):
        pass

    def end(progress):
        if progress.done > 100:
            raise Killed

    with pytest.raises(Killed):
        near_copies.write_signatures(300, hashes.__getitem__, tmp_path / "again", end)
    with open(tmp_path / "again", "ab") as file:
        file.write(b"torn")
    begun = []
    near_copies.write_signatures(300, hashes.__getitem__, tmp_path / "again", begun.append)
    assert begun[0].done > 150
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_is_set_aside_is_drawn_by_seed_and_does_not_part_near_copies(tmp_path, tokenizer):
    source = tmp_path / "all.jsonl"
    texts = [(n, edited(words(n), 50) if again else words(n)) for again in (False, True) for n in range(30)]
    source.write_text("".join(line(f"{n}-{at}", t) + "\n" for at, (n, t) in enumerate(texts)), encoding="utf-8")
    prepared = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    of = {
        split: [prepared.identifier(split, n) for n in range(1, prepared.articles(split) + 1)]
        for split in ("train", "validation")
    }
    originals = [{name.split("-")[0] for name in names} for names in of.values()]
    assert len(of["validation"]) == 6 and not originals[0] & originals[1]
    assert prepared.card["near_copies"]["across_splits"] == 0 and prepared.card["near_copies"]["pairs"] == 30
    assert of["validation"] != [f"{n}-{at}" for at, (n, _t) in enumerate(texts)][-6:]
    assert prepared.card["set_aside_seed"] == dividing.SEED
    for split, names in of.items():  # text, section and figures moved together
        for number, name in enumerate(names, start=1):
            (section,) = prepared.sections(split, number, tokenizer)
            assert section.paragraphs == (" ".join(texts[int(name.split("-")[1])][1]),)
            assert prepared.words(split)[number - 1] == 300
    again = preparation.prepare(source, tokenizer, tmp_path / "again")
    assert again.content_hash == prepared.content_hash


def test_a_draw_takes_whole_groups_and_never_more_than_a_tenth():
    groups = np.array([0, 0, 2, 3, 3, 3, *range(6, 40)])
    draws = [dividing.draw(groups, seed) for seed in range(50)]
    assert {int(drawn.sum()) for drawn in draws} == {4} and len({drawn.tobytes() for drawn in draws}) > 40
    for drawn in draws:
        assert drawn[0] == drawn[1] and drawn[3] == drawn[4] == drawn[5]
    assert any(drawn[0] for drawn in draws) and any(drawn[3] for drawn in draws)
    assert dividing.draw(np.zeros(20, np.int64)).sum() == 2  # of one group alone
    assert dividing.draw(np.array([0, 1])).sum() == 1


def former(prepared):
    """The corpus as an earlier version prepared it: with no look for near-copies."""
    card = json.loads((prepared.folder / "card.json").read_text())
    del card["near_copies"], card["files"][store.NEAR_COPIES]
    card.pop("set_aside_seed", None)
    (prepared.folder / "card.json").write_text(json.dumps(card))
    (prepared.folder / store.NEAR_COPIES).unlink()
    return store.Corpus(prepared.folder)


def test_a_corpus_of_an_earlier_version_stays_as_it_is_until_it_is_prepared_again(
    folder, tokenizer, root, tiny_preset, capsys
):
    older = former(preparation.prepare(folder, tokenizer))
    assert older.near_copies() is None and near_copies.of_training(older, "test") is None
    found = preparation.prepare(folder, tokenizer)
    assert found.folder == older.folder and found.near_copies() is None
    model = references.resolve(str(tiny_preset))
    with pytest.raises(ArticlesError, match="Near-copies were not looked for"):
        measure.examine(model, str(folder), way=PassSettings(sequence_length=32, leave_out=1))
    assert main(["prepare", "--source", str(folder), "--preset", str(tiny_preset), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    again = store.Corpus(older.folder)
    again.verify()
    assert result["near_copies"]["pairs"] == len(again.near_copies()) == 2
    assert again.content_hash == older.content_hash
    assert not [path for path in older.folder.parent.iterdir() if path.name.endswith((".comparing", ".preparing"))]


def test_a_validation_part_that_an_earlier_version_set_aside_stays_what_it_was(tmp_path, tokenizer, monkeypatch):
    source = tmp_path / "all.jsonl"
    source.write_text("".join(line(f"{n}", words(n)) + "\n" for n in range(40)), encoding="utf-8")
    with monkeypatch.context() as patch:  # the last tenth, as they were
        patch.setattr(dividing, "draw", lambda groups: np.arange(len(groups)) >= 36)
        older = former(preparation.prepare(source, tokenizer, tmp_path / "corpora"))
    now = preparation.prepare(source, tokenizer, tmp_path / "corpora")
    assert now.content_hash == older.content_hash and now.folder == older.folder
    assert [now.identifier("validation", n) for n in range(1, 5)] == ["36", "37", "38", "39"]
    fresh = preparation.prepare(source, tokenizer, tmp_path / "fresh")
    assert fresh.content_hash != older.content_hash  # by which a run on the former one is known


def test_figures_can_leave_near_copies_out_on_the_same_tokens_for_base_and_run(folder, root, tiny_preset, capsys):
    model = references.resolve(str(tiny_preset))
    every = measure.examine(model, str(folder), way=PassSettings(sequence_length=32))
    assert (every["near_copies"], every["left_out"]) == (2, False) and all(every["by_article"]["tokens"])
    for stride in (32, 8):
        way = PassSettings(sequence_length=32, stride=stride, leave_out=1)
        part = measure.examine(model, str(folder), way=way)
        whole = measure.examine(model, str(folder), way=PassSettings(sequence_length=32, stride=stride))
        scored = part["by_article"]["tokens"]
        assert scored[1] == scored[3] == 0 and scored[0] == whole["by_article"]["tokens"][0]
        assert scored[2] == whole["by_article"]["tokens"][2]
        assert part["by_article"]["loss"][2] == pytest.approx(whole["by_article"]["loss"][2], rel=1e-5)
        assert part["evaluated_tokens"] == sum(scored) < every["evaluated_tokens"]
        assert (part["near_copies"], part["left_out"]) == (2, True)
        assert intervals.scored_articles(part["by_article"]) == 2
        assert part["keras"]["loss"] == pytest.approx(part["checked"]["loss"], abs=1e-4)
    command = ["evaluate", "--checkpoint", str(tiny_preset), "--articles", str(folder), "--sequence-length", "32"]
    assert main(command) == 0
    assert "2 test articles are nearly the same text as a training article" in capsys.readouterr().out
    assert main([*command, "--near-copies", "leave-out"]) == 0
    assert "left out: 2 test articles" in capsys.readouterr().out


def test_where_every_article_is_a_near_copy_nothing_is_measured(folder, root, tiny_preset):
    shutil.copy(folder / "train.jsonl", folder / "test.jsonl")
    with pytest.raises(ArticlesError, match="nothing is left"):
        measure.examine(
            references.resolve(str(tiny_preset)), str(folder), way=PassSettings(sequence_length=32, leave_out=1)
        )


@pytest.mark.parametrize(("length", "stride"), [(8, 8), (8, 3), (50, 50)])
def test_windows_with_nothing_to_score_are_passed_over_and_the_others_score_what_is_kept(length, stride):
    starts = np.array([0, 20, 21, 60, 75])
    articles = ScoredArticles(starts, np.array([True, False, False, True]))
    stream = np.arange(75)
    numbers = articles.numbers(length, stride)
    scored = np.zeros(75)
    for begin, batch in sliding(stream, length, stride, 2, numbers):
        batch = articles.weighed(begin, batch)
        for row, start in enumerate(begin):
            assert batch.weights[row].any()
            positions = start + 1 + np.flatnonzero(batch.weights[row])
            scored[positions] += 1
    assert scored.tolist() == [0, *[1] * 19, *[0] * 40, *[1] * 15]
    assert len(numbers) < count_sliding(75, length, stride) or length == 50


def test_a_run_reports_near_copies_or_leaves_them_out_for_base_and_run_alike(
    folder, root, tiny_preset, tokenizer, eager
):
    common = {"preset": str(tiny_preset), "articles": str(folder), "steps": 2, "sequence_length": 32, "batch_size": 2}
    common |= {"evaluate_steps": 2, "interval_tokens": 256, "sample_tokens": 4, "device": "cpu", "prompts": ("The",)}
    former(preparation.prepare(folder, tokenizer))  # of which it is not known yet
    scored = {}
    for choice in ("leave-out", "keep-in"):
        run = submission.submit(RunSettings(**common, name=choice, near_copies=choice))
        result = worker.work(run)
        assert (result["near_copies"], result["near_copies_left_out"]) == (2, choice == "leave-out")
        whole = {(e["model"], e["split"]): e["evaluated_tokens"] for e in run.events("evaluation") if e["whole"]}
        assert whole["base", "test"] == whole["run", "test"]
        scored[choice] = whole
        points = [e for e in run.events("evaluation") if not e["whole"]]
        assert all(sum(e["by_article"]["tokens"]) == e["evaluated_tokens"] for e in points)
        change = forgetting.change(forgetting.of_events(run.events()).english)
        assert change.interval and change.interval[0] <= change.accuracy <= change.interval[1]
    prepared = preparation.prepare(folder, tokenizer)
    unchanged = sum(int(n) + 1 for n in prepared.token_counts("test")[[0, 2]])
    assert scored["leave-out"]["run", "test"] == unchanged - 1  # nothing precedes the very first token
    assert scored["keep-in"]["run", "test"] == len(prepared.tokens("test")) - 1
    assert scored["leave-out"]["run", "validation"] == scored["keep-in"]["run", "validation"]


def test_a_preparation_that_is_stopped_while_it_compares_goes_on_to_the_same_bytes(tmp_path, tokenizer, monkeypatch):
    source = tmp_path / "all.jsonl"
    source.write_text("".join(line(f"{n}", words(n)) + "\n" for n in range(40)), encoding="utf-8")
    whole = preparation.prepare(source, tokenizer, out=tmp_path / "whole")
    monkeypatch.setattr(near_copies, "_BLOCK", 4)
    compared = []

    def end(progress):
        if progress.phase == Phase.COMPARING:
            assert (progress.total, progress.articles) == (40, 40)
            compared.append(progress.done)
            if progress.done >= 12:
                raise Cancelled

    with pytest.raises(Cancelled):
        preparation.prepare(source, tokenizer, out=tmp_path / "again", on_progress=end)
    staging = lookup.staging_of(tmp_path / "again")
    done = (staging / "signatures").stat().st_size
    assert 12 * 512 <= done < 40 * 512
    (staging / "divided").mkdir()  # a division that a kill interrupted
    (staging / "divided" / "tokens.bin").write_bytes(b"half")
    seen = []
    again = preparation.prepare(source, tokenizer, out=tmp_path / "again", on_progress=seen.append)
    assert compared[-1] == 12 < min(p.done for p in seen if p.phase == Phase.COMPARING)
    for file in whole.folder.iterdir():
        assert (again.folder / file.name).read_bytes() == file.read_bytes()
    assert not staging.exists()
    staging.mkdir()  # a kill right behind the rename leaves it
    (staging / "tokens.bin").write_bytes(b"left")
    preparation.prepare(source, tokenizer, out=tmp_path / "again")
    assert not staging.exists()
