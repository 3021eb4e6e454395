"""Damage by chance to any file of a run costs that run alone, for the engine and on all pages."""

import contextlib
import json
import random
import shutil
from pathlib import Path

import pytest
from damage_helpers import (
    DEEP,
    EXAMPLES,
    PAGE_EXAMPLES,
    POSIX,
    a_folder,
    a_link_to_nothing,
    a_pipe,
    become,
    every_page,
    gone,
    look,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages_helpers import EVENTS_OF_A_RUN, a_run
from streamlit.testing.v1 import AppTest

from engine.core.errors import EngineError
from engine.runs import lifecycle, manifests
from engine.runs import states as states_
from engine.runs.history import shared

pytestmark = pytest.mark.usefixtures("no_studio", "on_the_cpu")


def corrupted(value: object, chance: random.Random) -> object:
    """A JSON value with one place in it changed."""
    odd = [
        None,
        True,
        -5,
        "abc",
        "",
        [],
        {},
        1e308,
        float("nan"),
        float("inf"),
        10**30,
        "\ud800",
        "\0",
        [[]],
        {"a": {}},
    ]
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(sorted(value))
        if chance.random() < 0.2:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: corrupted(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], corrupted(value[at], chance), *value[at + 1 :]]
    return chance.choice(odd)


def damage(folder: Path, chance: random.Random) -> str:
    """Does anything to any file of a run's folder; what it was."""
    targets = sorted(path for path in folder.rglob("*")) + [
        folder / name for name in ("pins.json", "owner.json", "lock")
    ]
    path = chance.choice(targets)
    whole = path.read_bytes() if path.is_file() else b""
    ways = {
        "gone": gone, "a folder": a_folder, "deep": become(DEEP), "deep lines": become(DEEP + b"\n" + whole),
        "torn": become(whole[: chance.randrange(len(whole) + 1)]),
        "bytes": become(chance.randbytes(chance.randrange(300))),
        "a link": a_link_to_nothing, "twice": become(whole + whole),
    }  # fmt: skip
    if POSIX:
        ways["a pipe"] = a_pipe
    if whole:
        changed = bytearray(whole)
        for _change in range(chance.randrange(1, 8)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        ways["some bytes"] = become(bytes(changed))
    if path.suffix in (".json", ".jsonl"):
        with contextlib.suppress(ValueError, RecursionError, IndexError):
            lines = whole.decode().splitlines() if path.suffix == ".jsonl" else [whole.decode()]
            at = chance.randrange(max(1, len(lines)))
            lines[at : at + 1] = [json.dumps(corrupted(json.loads(lines[at]), chance))] * chance.choice((1, 1, 2))
            for name in ("a value", "a value again", "another value"):  # three times as often
                ways[name] = become(("\n".join(lines) + "\n").encode())
    if path.name == "manifest.json":  # sealed as if it had been written so
        with contextlib.suppress(ValueError, RecursionError, KeyError):
            value = corrupted(json.loads(whole), chance)
            if isinstance(value, dict):
                value.pop(manifests.SEAL, None)
                ways["a value under a new seal"] = become(manifests.sealed(value).encode("utf-8", "replace"))
    way = chance.choice(sorted(ways))
    if path == folder or not path.parent.is_dir():
        return "nothing"
    if path.is_dir() and way not in ("gone", "a link", "a pipe"):
        gone(path)
    ways[way](path)
    return f"{path.relative_to(folder)}: {way}"


def any_damage(root: Path, template: Path, seed: int) -> list[str]:
    """Damages a copy of a run in one to three ways."""
    chance = random.Random(seed)
    gone(root / "damaged") if (root / "damaged").exists() else None
    shutil.copytree(template, root / "damaged")
    return [damage(root / "damaged", chance) for _time in range(chance.randrange(1, 4))]


@pytest.fixture
def template(root, tmp_path) -> Path:
    """A run with events of every kind, kept aside."""
    run = a_run(root, "template")
    error = EngineError("The run {name} has no checkpoint yet.", name="x").to_json()
    for kind, fields in {
        "passage": {"step": 4, "model": "run", "pieces": ["a", " b"], "probabilities": [0.5, 0.1], "ranks": [1, 7]},
        "memory": {"step": 0, "failed_step": 2, "micro_batch": 4, "batch_size": 8},
        "damaged": {"checkpoint": "x/4", "reason": error},
        "parent_lost": {"checkpoint": "y/4", "reason": error},
        "keras_evaluate": {"step": 4, "split": "test", "tokens": 9, "targets": 9, "accuracy": 0.1, "loss": 3.0,
                           "accuracy_with_padding": 0.2},
        "result": {"step": 4, "device": "CPU"},
        "state": {"state": "finished", "reason": None},
        "checkpoint": {"step": 4, "tokens": 100},
    }.items():  # fmt: skip
        run.append_event(kind, **fields)
    for split in ("validation", "english"):
        for model, step in (("base", 0), ("run", 4)):
            figures = {"loss": 5.0, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 148.4, "evaluated_tokens": 500}
            sums = {key: list(range(1, 13)) for key in ("article", "tokens", "bytes", "top_1")} | {"loss": [2.5] * 12}
            run.append_event(
                "evaluation", step=step, split=split, model=model, whole=False, by_article=sums, near_copies=None,
                near_copies_left_out=False, **figures,
            )  # fmt: skip
    assert shared.of(run.folder).damaged == 0 and not shared.of(run.folder).unknown
    target = tmp_path / "template"
    shutil.move(run.folder, target)
    return target


@given(seed=st.integers(0, 2**32))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_damage_costs_its_own_run_alone(root, template, seed):
    if not (root / "healthy").exists():
        a_run(root, "healthy")
    done = any_damage(root, template, seed)
    states = look(root)
    assert states["healthy"].state == states_.FINISHED, done
    assert len(lifecycle.find("healthy", root).events()) == EVENTS_OF_A_RUN, done
    assert "damaged" in states or not lifecycle.is_run(root / "damaged"), done


@given(seed=st.integers(0, 2**32))
@settings(max_examples=PAGE_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_all_pages_open_whatever_was_damaged(root, template, no_studio, seed):
    if not (root / "healthy").exists():
        a_run(root, "healthy")
    done = any_damage(root, template, seed)

    def seen(page: str, app: AppTest) -> None:
        if page == "runs":
            assert "healthy" in app.multiselect(key="compare_runs").options, done

    every_page(seen=seen)
