"""A run's events, read forward once for all sessions: the same series as a read of the whole file, for thirty threads."""

import json
import os
import random
import threading

import numpy as np
import pytest
from pages_helpers import a_run, open_page

from engine.runs.folder import Run, read_lines
from ui.readers import growing, records

pytestmark = pytest.mark.usefixtures("no_studio")


def step(n: int, **fields) -> dict:
    return {"kind": "step", "step": n, "tokens": 100 * n, "seconds": 0.5 * n, "epoch": n / 100, "loss": 5 - n / 1e4,
            "accuracy": 0.1 + (n * 37 % 101) / 1e3, "learning_rate": 1e-3, "tokens_per_second": 50.0 + n % 7,
            "memory_bytes": 10**9, **fields}  # fmt: skip


FIGURES = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}


def line(event: dict) -> bytes:
    return json.dumps(event).encode() + b"\n"


@pytest.fixture
def path(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "events.jsonl"


def same(record: records.Record, path) -> bool:
    """Whether a record is what the run itself reads."""
    events = Run(path.parent).events()
    steps = [event for event in events if event["kind"] == "step"]
    return record.others == [event for event in events if event["kind"] != "step"] and all(
        record.steps[name].tolist() == [event[name] for event in steps] for name in records.STEP_FIELDS
    )


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_a_file_the_record_is_what_the_run_itself_reads(path, seed, monkeypatch):
    """Appends, torn lines, runs that go on from an earlier step or anew, cut tails, and files that are replaced."""
    drawn = random.Random(seed)
    monkeypatch.setattr(growing, "_READ_BYTES", drawn.choice([100, 700, 1 << 20]))
    n, torn = 0, b""
    followed = growing.Growing(path)
    assert not followed.record().others
    for _turn in range(60):
        what = drawn.random()
        with open(path, "ab") as file:
            file.write(torn)
            torn = b""
            if what < 0.5:
                for _ in range(drawn.randrange(1, 20)):
                    n += 1
                    file.write(line(step(n)))
            elif what < 0.65:
                file.write(
                    line(
                        {
                            "kind": "evaluation",
                            "step": n,
                            "split": "validation",
                            "model": "run",
                            "whole": False,
                            **FIGURES,
                        }
                    )
                )
            elif what < 0.75:
                n = drawn.choice([-1, drawn.randrange(0, n + 1)])
                file.write(line({"kind": "resume", "step": n}))
                n = max(n, 0)
            elif what < 0.85:
                whole = line(step(n + 1))
                at = drawn.randrange(1, len(whole))
                n, torn = n + 1, whole[at:]
                file.write(whole[:at])
            elif what < 0.9:
                file.write(b'{"kind": "step", "step": \n')
        if 0.9 <= what < 0.95:  # a shorter file
            content = path.read_bytes().split(b"\n")
            path.write_bytes(b"\n".join(content[: len(content) // 2]) + b"\n" if len(content) > 2 else b"")
        elif what >= 0.95:  # another file, longer than what was read
            other = path.with_name("other")
            other.write_bytes(b"".join(line(step(k, loss=9.0)) for k in range(1, n + 40)))
            os.replace(other, path)
        if drawn.random() < 0.8:
            assert same(followed.record(), path)
    assert same(followed.record(), path)


def test_thirty_threads_that_read_while_it_grows_see_equal_and_right_series(path):
    """Each sees a whole series that never falls behind one that it has seen; what was given away never changes."""
    path.write_bytes(line(step(1)))
    ended, problems, given = threading.Event(), [], []

    def write() -> None:
        drawn, n = random.Random(1), 1
        for turn in range(150):
            with open(path, "ab") as file:
                if turn % 40 == 39:
                    n -= 30
                    file.write(line({"kind": "resume", "step": n}))
                for _ in range(drawn.randrange(1, 30)):
                    n += 1
                    file.write(line(step(n)))
        ended.set()

    def read() -> None:
        last = 0
        while not ended.is_set():
            record = growing.record(path)
            steps = record.steps["step"]
            if record.version < last or steps.tolist() != list(range(1, len(steps) + 1)):
                problems.append(steps)
            if record.steps["accuracy"].tolist() != [step(n)["accuracy"] for n in range(1, len(steps) + 1)]:
                problems.append(record)
            if record.version != last:
                given.append((record, record.steps["accuracy"].copy()))
            last = record.version

    threads = [threading.Thread(target=read) for _ in range(30)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert all(np.array_equal(record.steps["accuracy"], copy) for record, copy in given)
    assert same(growing.record(path), path)
    with pytest.raises(ValueError, match="read-only"):
        growing.record(path).steps["loss"][0] = 0


def test_thirty_viewers_cost_one_read_of_what_came(path, monkeypatch):
    path.write_bytes(b"".join(line(step(n)) for n in range(1, 1000)))
    read, lock, original = [], threading.Lock(), read_lines

    def counted(path, offset=0, most_bytes=-1):
        content = original(path, offset, most_bytes)
        with lock:
            read.append(len(content))
        return content

    monkeypatch.setattr(growing, "read_lines", counted)
    barrier = threading.Barrier(30)

    def look() -> None:
        barrier.wait()
        growing.record(path)

    for _turn in range(2):
        threads = [threading.Thread(target=look) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(read) == path.stat().st_size
    added = line(step(1000))
    with open(path, "ab") as file:
        file.write(added)
    assert growing.record(path).steps["step"][-1] == 1000
    assert sum(read) == path.stat().st_size  # no byte twice


def test_what_is_drawn_keeps_both_ends_and_every_extreme(path, monkeypatch):
    values = np.random.default_rng(2).normal(size=40_000)
    values[[7_003, 31_234]] = 99, -99
    path.write_bytes(b"".join(line(step(n, loss=float(v))) for n, v in enumerate(values, 1)))
    monkeypatch.setattr(growing, "_READ_BYTES", 50_000)
    record = growing.Growing(path).record()
    drawn = record.drawn
    assert len(record.steps["step"]) == 40_000 and len(drawn["step"]) <= growing._MOST_DRAWN
    assert (drawn["step"][0], drawn["step"][-1]) == (1, 40_000)
    assert set(drawn["step"][[drawn["loss"].argmax(), drawn["loss"].argmin()]]) == {7_004, 31_235}
    assert (np.diff(drawn["step"]) > 0).all()
    # Near each fiftieth of the run stands something as small and as large as the smallest and the largest in it.
    for part in np.array_split(np.arange(1, 40_001), 50):
        near = drawn["loss"][(drawn["step"] >= part[0] - 400) & (drawn["step"] <= part[-1] + 400)]
        assert near.max() >= values[part - 1].max() and near.min() <= values[part - 1].min()
    assert all(drawn["accuracy"][i] == step(int(n))["accuracy"] for i, n in enumerate(drawn["step"]))


def test_a_run_that_goes_on_draws_nothing_of_what_it_had_reported_behind(path):
    path.write_bytes(
        b"".join(line(step(n, loss=1.0 if n < 20_000 else 50.0)) for n in range(1, 30_001))
        + line({"kind": "resume", "step": 15_000})
        + line(step(15_001, loss=1.0))
    )
    record = growing.Growing(path).record()
    assert record.drawn["step"][-1] == 15_001 and record.drawn["loss"].max() == 1.0
    assert len(record.steps["step"]) == 15_001


def test_a_field_that_some_reports_lack_is_thinned_by_those_that_have_it():
    columns = {"step": np.arange(1.0, 2001), "loss": np.full(2000, np.nan)}
    columns["loss"][[5, 900, 1999]] = 3.0, 1.0, 2.0
    kept = growing.extremes(columns, np.arange(2000) // 200)
    assert {0, 5, 900, 1999} <= set(kept.tolist()) and len(kept) < 40
    assert len(growing.extremes({name: column[:0] for name, column in columns.items()}, np.empty(0, int))) == 0


@pytest.fixture
def small_limits(monkeypatch):
    """What is done above 100 MB, at 100 kB."""
    monkeypatch.setattr(growing, "MOST_BYTES", 100_000)
    monkeypatch.setattr(growing, "_MOST_DRAWN", 1000)
    monkeypatch.setattr(growing, "_STRETCHES", 50)
    monkeypatch.setattr(growing, "_MOST_MOMENT_BYTES", 20_000)
    monkeypatch.setattr(growing, "_READ_BYTES", 10_000)


def test_a_file_above_the_limit_is_kept_thinned_in_bounded_memory(path, small_limits):
    followed = growing.Growing(path)
    with open(path, "ab") as file:
        for n in range(1, 8001):
            file.write(line(step(n, loss=-7.0 if n == 5000 else 5.0)))
            if n % 20 == 0 or n == 1:
                file.write(
                    line({"kind": "sample", "step": n, "model": "run", "prompt": "The", "text": "x" * 400, "seed": 1})
                )
            if n % 100 == 0:
                file.flush()
                record = followed.record()
                assert followed.rows <= 1000 + 110_000 // 130
                assert len(record.others) <= 100_000 // 400 + 20_000 // 400
    record = followed.record()
    assert record.thinned_bytes == path.stat().st_size and record.steps is record.drawn
    assert len(record.drawn["step"]) <= 1000
    assert (record.drawn["step"][0], record.drawn["step"][-1], record.drawn["loss"].min()) == (1, 8000, -7.0)
    moments = [event["step"] for event in record.others]
    assert (moments[0], moments[-1]) == (1, 8000) and len(moments) < 100
    assert growing.Growing(path).record().drawn["loss"].min() == -7.0  # read at once, as after a restart


@pytest.mark.parametrize(
    "language, said", [("en", "This run has reported 209.9 kB, more than the pages keep (100.0 kB)"),
                       ("fr", "Cet entraînement a rapporté 209,9 ko, plus que les pages n’en gardent (100,0 ko)")],
)  # fmt: skip
def test_a_page_says_in_one_sentence_that_its_curves_are_thinned(root, small_limits, language, said):
    run = a_run(root)
    with open(run.folder / "events.jsonl", "ab") as file:
        while file.tell() < 209_850:
            file.write(line(step(file.tell())))
    app = open_page("lab", language)
    (caption,) = [caption.value for caption in app.caption if "compress" in caption.value]
    assert said.replace("’", "'") in caption.replace("’", "'").replace("\u00a0", " ")
    assert len(app.get("plotly_chart")) == 1


def test_a_file_that_is_not_there_yet_or_is_gone_has_no_reports(path):
    followed = growing.Growing(path)
    assert followed.record() is followed.record() and not followed.record().others
    path.write_bytes(line(step(1)))
    assert followed.record().steps["step"].tolist() == [1]
    path.unlink()
    assert not len(followed.record().steps["step"])


def test_the_files_read_last_are_kept_and_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(growing, "_files", type(growing._files)())
    monkeypatch.setattr(growing, "_KEPT_ROWS", 500)
    paths = [tmp_path / f"{number}.jsonl" for number in range(6)]
    for path in paths:
        path.write_bytes(b"".join(line(step(n)) for n in range(1, 101)))
        growing.record(path)
    growing.record(paths[0])
    assert paths[0] in growing._files and len(growing._files) <= 4
    assert len(growing.record(paths[1]).steps["step"]) == 100  # read again
