"""Runs laid over one another, and the files of a comparison."""

import io
import json

import pandas as pd
import pytest
from pages_helpers import a_run, open_page, the
from runs_helpers import MINI, SAMPLE

from engine.runs import lifecycle, looks_at_test
from engine.runs.history import shared
from engine.runs.history.events import FILE
from engine.runs.settings import RunSettings

pytestmark = pytest.mark.usefixtures("no_studio")


def test_runs_are_laid_over_one_another(root):
    for name in ("one", "two"):
        a_run(root, name)
    app = open_page("runs")
    assert app.multiselect(key="compare_runs").value == ["two", "one"]
    assert len(app.get("plotly_chart")) == 1
    for figure in ("training_loss", "learning_rate"):
        app.selectbox(key="compare_figure").set_value(figure).run()
        assert not app.exception
    app.toggle(key="compare_smooth").set_value(True).run()
    app.session_state["compare_axis"] = "articles"
    app.run()
    assert not app.exception
    app.multiselect(key="compare_runs").set_value([]).run()
    assert the(app.info, "Choose at least one run.")


def test_a_sweep_shows_what_more_articles_bring_and_its_runs_in_one_table(root):
    assert not [box for box in open_page("runs").selectbox if box.key == "sweep"]
    for articles, loss in ((10, 5.0), (100, 4.0), (1000, None)):
        for seed in (1, 2):
            settings = RunSettings(
                preset=MINI, articles=SAMPLE, name=f"s-{articles}-{seed}", steps=4, seed=seed, last_article=articles
            )
            run = lifecycle.create(settings, {"sweep": "s"})
            for split in ("validation", "test") if loss else ():
                figures = {"loss": loss + seed / 10, "accuracy": 0.2, "bits_per_byte": 2.5, "perplexity": 9.0}
                run.append_event(
                    "evaluation", step=4, split=split, model="run", whole=True, evaluated_tokens=9, **figures
                )
    app = open_page("runs")
    assert app.selectbox(key="sweep").value == "s"
    assert {"sweep_accuracy", "sweep_bits_per_byte"} <= {chart.key for chart in app.get("plotly_chart")}
    assert the(app.caption, "2 of its runs have not been measured yet.")
    assert not [shown for shown in app.dataframe if "loss on test" in shown.value.columns]
    table = the(app.dataframe, "bits per byte on validation").value
    assert list(table["Run"])[:2] == ["s-10-1", "s-10-2"] and list(
        table["loss on validation (nats a token)"].dropna()
    ) == [
        5.1,
        5.2,
        4.1,
        4.2,
    ]
    app.button(key="sweep_final").click().run()  # a deliberate look, which is counted
    assert not app.exception and "sweep_accuracy_test" in {chart.key for chart in app.get("plotly_chart")}
    assert list(the(app.dataframe, "loss on test").value["Run"])[:2] == ["s-10-1", "s-10-2"]
    looks = {run.name: looks_at_test.counted(run) for run in lifecycle.all_runs()}
    assert looks == {f"s-{articles}-{seed}": int(articles < 1000) for articles in (10, 100, 1000) for seed in (1, 2)}


def test_the_files_of_a_comparison_hold_every_point_and_every_run(root, monkeypatch):
    import streamlit as st

    files = {}
    monkeypatch.setattr(
        st, "download_button", lambda label, data, name, *a, **k: files.__setitem__(k["key"], (name, data()))
    )
    for number, name in enumerate(("one", "two")):
        run = a_run(root, name)
        run.append_event("step", step=6, loss=4.0 + number, accuracy=0.2, tokens=150, seconds=3.0,
                         learning_rate=1e-3, tokens_per_second=50.0, memory_bytes=10**9)  # fmt: skip
    app = open_page("runs")
    app.selectbox(key="compare_figure").set_value("training_loss").run()
    name, curves = files["compare_csv"]
    assert name == "atelier-training-loss-steps.csv"
    assert curves.splitlines() == [
        "run,steps,training_loss",
        "two,4.0,5.0", "two,6.0,5.0", "one,4.0,5.0", "one,6.0,4.0",
    ]  # fmt: skip
    name, table = files["compare_table_csv"]
    lines = [line.split(",") for line in table.splitlines()]
    assert name == "atelier-runs.csv" and [line[0] for line in lines] == ["run", "two", "one"]
    row = dict(zip(lines[0], lines[1], strict=True))
    assert (row["steps"], row["tokens"], row["loss"], row["accuracy"], row["whole_bits"]) == (
        "4", "150.0", "5.0", "20.0", "2.5",
    )  # fmt: skip


def test_the_file_of_a_long_runs_curve_holds_also_the_points_that_are_not_drawn(root, monkeypatch):
    import streamlit as st

    files = {}
    monkeypatch.setattr(st, "download_button", lambda *a, **k: files.__setitem__(k["key"], a[1]))
    run = a_run(root, "one")
    with open(run.folder / FILE, "a", encoding="utf-8") as file:
        for n in range(5, 12_001):
            file.write(json.dumps({"kind": "step", "step": n, "loss": n / 7}) + "\n")
    app = open_page("runs")
    app.selectbox(key="compare_figure").set_value("training_loss").run()
    assert len(shared.of(run.folder).steps["step"]) < 10_000
    curves = pd.read_csv(io.StringIO(files["compare_csv"]()))
    assert curves["steps"].tolist() == list(range(4, 12_001)) and curves["training_loss"].iloc[-1] == 12_000 / 7


@pytest.mark.parametrize("language", ["en", "fr"])
def test_settings_have_names_that_people_read_and_numbers_of_the_language(root, language):
    from dataclasses import fields

    from engine.runs.settings import RunSettings
    from ui import setting_names

    for name in ("one", "two"):
        a_run(root, name).change_config(learning_rate=0.05 if name == "one" else 0.025, lora_rank=4)
    app = open_page("runs", language)
    different, equal = (the(app.dataframe, column).value for column in ("one", "value"))
    rate = {"en": ["Learning rate", "0.025", "0.05"], "fr": ["Taux d’apprentissage", "0,025", "0,05"]}[language]
    assert different.values.tolist() == [rate]
    raw = {field.name for field in fields(RunSettings)}
    assert not raw & {*equal["setting"]} and len(equal) > 20
    assert not [name for name in raw if "_" in name and setting_names.title(name) == name]
