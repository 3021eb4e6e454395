"""A run's history, read forward once for all sessions: the same as a read of the whole file, for thirty threads."""

import json
import os
import random
import threading

import numpy as np
import pytest

from engine.runs.folder import Run
from engine.runs.history import follower, series, shared
from engine.runs.history import lines as lines_
from engine.runs.history.events import FILE, STEP_FIELDS
from engine.runs.history.follower import Follower, History


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
    return tmp_path / "run" / FILE


def same(history: History, path) -> bool:
    """Whether a history is what the run itself reads."""
    events = Run(path.parent).events()
    steps = [event for event in events if event["kind"] == "step"]
    return history.complete(history.placed) == [event for event in events if event["kind"] != "step"] and all(
        np.array_equal(history.steps[name], np.array([e.get(name) for e in steps], float), equal_nan=True)
        for name in STEP_FIELDS
    )


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_to_a_file_the_history_is_what_the_run_itself_reads(path, seed, monkeypatch):
    """Appends, torn lines, runs that go on from an earlier step or anew, cut tails, and files that are replaced."""
    drawn = random.Random(seed)
    monkeypatch.setattr(follower, "BLOCK_BYTES", drawn.choice([100, 700, 1 << 20]))
    n, torn = 0, b""
    followed = Follower(path)
    assert not followed.history().placed
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
            assert same(followed.history(), path)
    assert same(followed.history(), path)


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
            history = shared.of_file(path)
            steps = history.steps["step"]
            if history.version < last or steps.tolist() != list(range(1, len(steps) + 1)):
                problems.append(steps)
            if history.steps["accuracy"].tolist() != [step(n)["accuracy"] for n in range(1, len(steps) + 1)]:
                problems.append(history)
            if history.version != last:
                given.append((history, history.steps["accuracy"].copy()))
            last = history.version

    threads = [threading.Thread(target=read) for _ in range(30)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert all(np.array_equal(history.steps["accuracy"], copy) for history, copy in given)
    assert same(shared.of_file(path), path)
    with pytest.raises(ValueError, match="read-only"):
        shared.of_file(path).steps["loss"][0] = 0


def test_thirty_viewers_cost_one_read_of_what_came(path, monkeypatch):
    path.write_bytes(b"".join(line(step(n)) for n in range(1, 1000)))
    read, lock, read_lines = [], threading.Lock(), lines_.read

    def counted(path, offset=0, most_bytes=1 << 19):
        content = read_lines(path, offset, most_bytes)
        with lock:
            read.append(len(content))
        return content

    monkeypatch.setattr(lines_, "read", counted)
    barrier = threading.Barrier(30)

    def look() -> None:
        barrier.wait()
        shared.of_file(path)

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
    assert shared.of_file(path).steps["step"][-1] == 1000
    assert sum(read) == path.stat().st_size  # no byte twice


def near(steps: dict, first: int, last: int, around: int = 0) -> np.ndarray:
    """The losses kept of the steps from `first` to `last`, and of so many around."""
    return steps["loss"][(steps["step"] >= first - around) & (steps["step"] <= last + around)]


def test_a_long_run_is_thinned_to_its_extremes_and_its_newest_reports(path, monkeypatch):
    values = np.random.default_rng(2).normal(size=60_000)
    values[[7_003, 31_234]] = 99, -99
    path.write_bytes(b"".join(line(step(n, loss=float(v))) for n, v in enumerate(values, 1)))
    monkeypatch.setattr(follower, "BLOCK_BYTES", 50_000)
    steps = Follower(path).history().steps
    assert len(steps["step"]) <= series.MOST
    assert (steps["step"][0], steps["step"][-1]) == (1, 60_000)
    assert set(steps["step"][[steps["loss"].argmax(), steps["loss"].argmin()]]) == {7_004, 31_235}
    assert (np.diff(steps["step"]) > 0).all()
    assert steps["step"][-1000:].tolist() == list(range(59_001, 60_001))  # exactly
    assert shared.of_file(path).every_step()["loss"].tolist() == values.tolist()  # read anew
    # Near each fiftieth of the run stands something as small and as large as the smallest and the largest in it.
    for part in np.array_split(np.arange(1, 60_001), 50):
        remaining = near(steps, part[0], part[-1], around=600)
        assert remaining.max() >= values[part - 1].max() and remaining.min() <= values[part - 1].min()
    assert all(steps["accuracy"][i] == step(int(n))["accuracy"] for i, n in enumerate(steps["step"]))


def test_a_run_of_usual_length_keeps_every_report(path):
    path.write_bytes(b"".join(line(step(n)) for n in range(1, series.MOST + 1)))
    assert shared.of_file(path).steps["step"].tolist() == list(range(1, series.MOST + 1))


def test_a_run_that_goes_on_draws_nothing_of_what_it_had_reported_behind(path):
    path.write_bytes(
        b"".join(line(step(n, loss=1.0 if n < 20_000 else 50.0)) for n in range(1, 30_001))
        + line({"kind": "resume", "step": 15_000})
        + line(step(15_001, loss=1.0))
    )
    steps = Follower(path).history().steps
    assert steps["step"][-1] == 15_001 and steps["loss"].max() == 1.0 and (np.diff(steps["step"]) > 0).all()


def test_a_field_that_some_reports_lack_is_thinned_by_those_that_have_it():
    columns = {"step": np.arange(1.0, 2001), "loss": np.full(2000, np.nan)}
    columns["loss"][[5, 900, 1999]] = 3.0, 1.0, 2.0
    remaining = series.extremes(columns, np.arange(2000) // 200)
    assert {0, 5, 900, 1999} <= set(remaining.tolist()) and len(remaining) < 40
    assert len(series.extremes({name: column[:0] for name, column in columns.items()}, np.empty(0, int))) == 0


def test_what_is_read_at_once_is_what_is_read_as_it_grows(path):
    """The parts of the run that are thinned differ by how they came; both ends and the extremes do not."""
    grown = Follower(path)
    for first in range(1, 40_000, 700):
        with open(path, "ab") as file:
            file.write(
                b"".join(line(step(n, loss=(n * 7919) % 10_007)) for n in range(first, min(first + 700, 40_001)))
            )
        grown.history()
    one, two = grown.history().steps, Follower(path).history().steps
    assert one["step"][-1000:].tolist() == two["step"][-1000:].tolist()
    for part in np.array_split(np.arange(1, 40_001), 20):
        ends = [(near(s, part[0], part[-1], 300).min(), near(s, part[0], part[-1], 300).max()) for s in (one, two)]
        values = (part * 7919) % 10_007
        assert all(low <= values.min() and high >= values.max() for low, high in ends)


# Evaluations, samples and passages


def sample(n: int, text: str = "x") -> dict:
    return {"kind": "sample", "step": n, "model": "run", "prompt": "The", "text": text, "seed": 1}


def evaluation(n: int, **fields) -> dict:
    return {"kind": "evaluation", "step": n, "split": "validation", "model": "run", "whole": False, **FIGURES, **fields}


def test_texts_stay_in_the_file_until_they_are_shown(path):
    path.write_bytes(line(sample(1, "one")) + line(evaluation(1, by_article=None)) + line(sample(2, "two")))
    history = shared.of_file(path)
    assert all("text" not in event and "by_article" not in event for event in history.events())
    placed = [one for one in history.placed if one.event["kind"] == "sample"]
    assert [event["text"] for event in history.complete(placed)] == ["one", "two"]


def test_texts_of_a_file_that_was_edited_or_replaced_are_those_that_stand_there_now(path):
    path.write_bytes(line(sample(1, "one")) + line(sample(2, "two")))
    former = shared.of_file(path)
    assert [event["text"] for event in former.complete(former.placed)] == ["one", "two"]
    path.write_bytes(line(sample(1, "ONE")) + line(sample(2, "two")))
    edited = shared.of_file(path)
    assert [event["text"] for event in edited.complete(edited.placed)] == ["ONE", "two"]
    path.write_bytes(line(step(1)) * 9)
    assert shared.of_file(path).steps["step"].tolist() == [1] * 9
    assert edited.complete(edited.placed) == []  # for somebody who still holds what was there


def test_a_file_that_has_grown_and_was_edited_before_is_read_anew(path):
    """As where a run was put back by a copy that was cut off: the system gives the number of a file again."""
    last = line(sample(2, "two" * 200))  # longer than what is compared of a long file's end
    path.write_bytes(line(step(1, loss=5.0)) + last + last[:10])
    followed = Follower(path)
    followed.history()
    path.write_bytes(line(step(1, loss=6.0)) + last + last)
    assert same(followed.history(), path)


def test_texts_that_were_shown_are_held_in_little_memory(path, monkeypatch):
    monkeypatch.setattr(follower, "_MOST_LARGE_BYTES", 5_000)
    path.write_bytes(b"".join(line(sample(n, "x" * 900)) for n in range(1, 50)))
    followed = Follower(path)
    history = followed.history()
    assert len(history.complete(history.placed)) == 49
    assert len(followed._large) <= 5 and followed._large_bytes <= 5_000
    assert len(history.complete(history.placed[-1:])) == 1


def test_what_is_measured_very_often_is_thinned_to_moments_that_show_the_run(path, monkeypatch):
    monkeypatch.setattr(follower, "_MOST_MEASURED_BYTES", 200_000)
    followed = Follower(path)
    with open(path, "ab") as file:
        for n in range(1, 1001):
            file.write(line(evaluation(n, loss=1.0 if n == 358 else 5.0)) + line(sample(n, "x" * 2000)))
            if n % 50 == 0:
                file.write(line({"kind": "checkpoint", "step": n}))
                file.flush()
                assert followed.size_bytes < 400_000
    history = followed.history()
    assert history.snapshots_left_out
    measured_steps = [event["step"] for event in history.at_intervals()]
    assert (measured_steps[0], measured_steps[-1]) == (1, 1000) and 50 < len(measured_steps) < 100
    assert 358 in measured_steps, "the best one"
    assert measured_steps == [
        event["step"] for event in history.events("sample")
    ]  # figures and texts of the same moments
    assert len(history.events("checkpoint")) == 20


def test_of_other_events_the_newest_are_kept(path):
    path.write_bytes(b"".join(line({"kind": "state", "state": f"s{n}"}) for n in range(5000)) + line(evaluation(1)))
    history = Follower(path).history()
    found = history.events("state")
    assert 1000 <= len(found) <= 2000 and found[-1]["state"] == "s4999" and len(history.at_intervals()) == 1


def test_long_events_count_as_several(path):
    with open(path, "wb") as file:
        for n in range(60):
            file.write(line({"kind": "state", "state": "running", "device": f"{n}" + "x" * 500_000}))
    found = Follower(path).history().events("state")
    assert sum(len(event["device"]) for event in found) < 10_000_000 and found[-1]["device"].startswith("59x")


def test_of_what_is_measured_only_what_is_read_is_held(path):
    path.write_bytes(line(evaluation(1, by_section={"results": ["x" * 10_000]})) + line(sample(1)))
    history = Follower(path).history()
    assert all(len(str(event)) < 500 for event in history.events())
    assert history.complete(history.placed[1:])[0]["text"] == "x"
    assert "by_section" in history.complete(history.placed[:1])[0]


def test_moments_that_no_trainer_writes_are_held_in_bounded_memory_too(path, monkeypatch):
    monkeypatch.setattr(follower, "_MOST_MEASURED_BYTES", 100_000)
    with open(path, "wb") as file:
        for n in range(3000):
            file.write(line({**sample(1), "prompt": f"{n}" * 50}))
    followed = Follower(path)
    assert followed.history().events("sample")[-1]["prompt"] == "2999" * 50
    assert followed.size_bytes < 300_000


# The file


def test_a_file_that_is_not_there_yet_or_is_gone_has_no_reports(path):
    followed = Follower(path)
    assert followed.history() is followed.history() and not followed.history().placed
    path.write_bytes(line(step(1)))
    assert followed.history().steps["step"].tolist() == [1]
    path.unlink()
    assert not len(followed.history().steps["step"])


def test_a_reading_that_was_cut_off_is_done_again(path, monkeypatch):
    path.write_bytes(b"".join(line(step(n)) for n in range(1, 1001)))
    monkeypatch.setattr(follower, "BLOCK_BYTES", 20_000)
    followed, add, calls = Follower(path), series.Series.add, []

    def short_of_memory(self, columns):
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError
        add(self, columns)

    monkeypatch.setattr(series.Series, "add", short_of_memory)
    with pytest.raises(MemoryError):
        followed.history()
    assert same(followed.history(), path)


def test_the_files_read_last_are_kept_and_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "_followers", type(shared._followers)())
    monkeypatch.setattr(shared, "_MOST_BYTES", 40_000)
    monkeypatch.setattr(shared, "_CALLS_BETWEEN", 1)
    paths = [tmp_path / f"{number}.jsonl" for number in range(6)]
    for path in paths:
        path.write_bytes(b"".join(line(step(n)) for n in range(1, 101)))
        shared.of_file(path)
    shared.of_file(paths[0])
    assert paths[0] in shared._followers and len(shared._followers) <= 6
    assert sum(one.size_bytes for one in shared._followers.values()) <= 48_000
    assert len(shared.of_file(paths[1]).steps["step"]) == 100  # read again
    monkeypatch.setattr(shared, "_MOST_FILES", 2)
    shared.of_file(paths[2])
    assert len(shared._followers) == 2


def test_a_last_line_that_a_crash_left_unfinished_is_dropped_whatever_its_length(path, monkeypatch):
    monkeypatch.setattr(lines_, "_TAIL_BYTES", 64)
    whole = line(step(1)) + line(step(2))
    for torn in (b"", b"x", b"x" * 63, b"x" * 64, b"x" * 200):
        for remaining in (whole, b""):
            path.write_bytes(remaining + torn)
            lines_.cut_torn(path)
            assert path.read_bytes() == remaining
