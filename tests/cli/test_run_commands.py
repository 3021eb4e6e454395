"""What the command line answers about runs."""

import dataclasses
import io
import json
import sys

import pytest
from pages_helpers import a_run
from runs_helpers import new_settings

from engine.cli.app import main
from engine.runs import fields, lifecycle, states
from engine.runs.settings import RunSettings
from engine.services import dispatcher


def test_every_setting_of_the_table_is_an_option_of_train_and_of_a_clone(root, monkeypatch):
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    given = ["--warmup-steps", "7", "--weight-decay", "0", "--dropout", "0.2", "--prompt", "One", "--prompt", "Two"]
    assert main(["train", "--queue", "--name", "one", "--steps", "9", *given]) == 0
    first = lifecycle.find("one", root).settings
    assert (first.warmup_steps, first.weight_decay, first.dropout, first.prompts) == (7, 0, 0.2, ("One", "Two"))
    assert all(
        getattr(first, f.name) == f.default for f in fields.FIELDS if f"--{f.option.replace('_', '-')}" not in given
    )
    assert main(["queue", "--clone", "one", "--name", "two", "--dropout", "0", "--prompt", "Three"]) == 0
    second = lifecycle.find("two", root).settings
    assert second == dataclasses.replace(first, name="two", dropout=0.0, prompts=("Three",))


def test_the_command_queues_a_run_again_with_the_changes_alone(root, monkeypatch, capsys):
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)
    preset, articles = "checkpoints/presets/gpt2_mini_en", "articles/sample"
    lifecycle.create(
        RunSettings(preset, articles, "one", epochs=2, learning_rate=1e-3, batch_size=2, seed=5), root=root
    )
    changes = ["--clone", "one", "--name", "two", "--steps", "9", "--lora-rank", "4", "--range", "1-10", "--json"]
    assert main(["queue", *changes]) == 0
    assert [row["run"] for row in json.loads(capsys.readouterr().out)["waiting"]] == ["one", "two"]
    made = lifecycle.find("two", root).settings
    assert (made.steps, made.epochs, made.lora_rank, made.first_article, made.last_article) == (9, None, 4, 1, 10)
    assert (made.preset, made.learning_rate, made.batch_size, made.seed) == (preset, 1e-3, 2, 5)
    assert main(["queue", "--steps", "9"]) == 1
    assert "go with --clone RUN" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["stop", "pause"])
def test_a_finished_run_is_said_to_be_finished(root, capsys, action):
    lifecycle.create(new_settings()).write_state(state=states.FINISHED)
    assert main([action, "one"]) == 0
    assert capsys.readouterr().out == "one is finished.\n"
    assert lifecycle.find("one").control() == ""


def test_of_one_run_it_is_told_where_it_stands_and_what_happened(root, capsys):
    run = a_run(root)
    assert main(["runs", run.name]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "one: finished, step 4 of 4"
    assert second.startswith(
        "It was too short to tell whether it learned: it ended at step 4, and on the whole of validation"
    )
    assert main(["runs", run.name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (finding,) = told["findings"]
    assert (told["state"], finding["code"], finding["own"]) == ("finished", "too_short", 0.2)
    assert (finding["measured"], finding["start"]) == ("whole", "base")


def test_what_a_code_page_lacks_is_replaced(root, monkeypatch):
    """Windows writes to a pipe in one that has no minus sign."""
    run = a_run(root)
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr("engine.cli.runs.findings_lines", lambda found: ["Change: −1.4 points."])
    assert main(["runs", run.name]) == 0
    out.seek(0)
    assert "Change: ?1.4 points." in out.read()
