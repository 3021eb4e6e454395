"""Train and Curve: the form says what is wrong, runs and stages are queued, what happens to a run is told."""

import os

import pytest
from jax_helpers import require_jax
from pages_helpers import a_run, look_at, open_page, texts, the

from engine.core import machine
from engine.core.locks import Lock
from engine.corpus import store
from engine.runs import lifecycle, states
from engine.runs.run_reader import HEARTBEAT
from engine.runs.settings import RunSettings
from engine.services import killing
from ui import access, preview_view

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_trainer_that_died_is_named_with_its_reason_in_the_language(root):
    a_run(root, state=states.RUNNING)  # nobody holds its lock
    app = open_page("curve")
    assert the(app.warning, "ended without a word")
    assert the(open_page("curve", "fr").warning, "sans un mot")


def test_the_form_says_everything_that_is_wrong_at_once(root):
    app = open_page("train")
    the(app.text_input, "Learning rate").set_value("0.5")
    the(app.number_input, "Sequence length").set_value(3)
    the(app.text_input, "Name of the run").set_value("../up")
    app.run()
    problems = " ".join(e.value for e in app.error)
    assert "learning_rate must be 0 (automatic)" in problems
    assert "sequence_length must be 0 (automatic) or at least 8" in problems
    assert "cannot be a folder" in problems
    assert the(app.button, "Start the run").disabled


def test_a_recipe_starts_a_run_with_one_press_on_the_articles_that_are_chosen(root):
    from engine.runs import queue

    app = open_page("train")
    assert any("the sample that ships" in caption.value for caption in app.caption)
    app.button(key="recipe_report").click().run()
    assert not app.exception and not app.error
    (run,) = queue.waiting(root)
    assert run.name.startswith("report-")
    assert (run.settings.method, run.settings.sequence_length, run.settings.epochs) == ("first-tokens", 128, 1.0)
    assert run.settings.articles == "articles/sample"
    assert the(app.title, "Explore")


def test_a_recipe_that_cannot_be_had_here_says_why(root, monkeypatch):
    from engine.core import machine

    monkeypatch.setattr(machine, "gpus", lambda: [])
    app = open_page("train")
    assert app.button(key="recipe_gpu").disabled and not app.button(key="recipe_minute").disabled
    assert the(app.caption, "This machine has no GPU that it can use.")


def test_the_card_of_a_gpu_and_the_line_below_the_cards_name_the_base_that_it_trains(root, monkeypatch):
    """The form that opens below has another: the card says in place of which."""
    from engine.core import machine
    from engine.runs import queue, submission

    monkeypatch.setattr(machine, "gpus", lambda: ["a card"])
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)
    monkeypatch.setattr(access, "paths_allowed", lambda: True)  # a server on one's own machine
    a_run(root)
    app = open_page("train")
    assert the(app.markdown, "gpt2_base_en in place of gpt2_mini_en")
    assert the(app.caption, "that on a GPU from gpt2\\_base\\_en")
    assert the(app.selectbox, "Base model").value.endswith("gpt2_mini_en")
    app = open_page("train", tune_parent="one/4")
    assert the(app.markdown, "gpt2_mini_en, three passes over all articles")
    assert the(app.caption, "These runs start from one/4 and read")
    assert not app.button(key="recipe_gpu").disabled
    monkeypatch.setattr(submission, "check", lambda settings: settings)  # the card is not there
    app.button(key="recipe_gpu").click().run()
    (made,) = queue.waiting(root)
    assert (made.settings.preset.rsplit("/")[-1], made.settings.parent) == ("gpt2_mini_en", "one/4")


def test_an_empty_number_shows_what_a_run_takes_for_it(root):
    app = open_page("train")
    shown = {box.label: box.proto.placeholder for box in [*app.number_input, *app.text_input]}
    assert (shown["Learning rate"], shown["Sequence length"]) == ("automatic: 0.002", "automatic: 256")
    assert (shown["Batch size"], shown["LoRA rank"]) == ("automatic: 8", "every weight is trained")
    the(app.text_input, "Learning rate").set_value("0.01")
    the(app.number_input, "Sequence length").set_value(64)
    the(app.number_input, "LoRA rank").set_value(4)
    app.run()
    assert the(app.text_input, "Learning rate").value == "0.01", "what was typed is kept"
    shown = {box.label: box.proto.placeholder for box in [*app.number_input, *app.text_input]}
    assert (shown["Learning rate"], shown["Batch size"]) == ("automatic: 0.03", "automatic: 32")


def test_the_form_tells_the_automatic_batch_of_the_device_and_offers_several_where_they_can_share_a_run(
    root, monkeypatch
):
    monkeypatch.setattr(machine, "gpus", lambda: ("one", "two"))
    monkeypatch.setattr(machine, "gpu_problem", lambda: None)
    monkeypatch.setattr(machine, "gpu_memory", lambda number: None)
    app = open_page("train")
    assert app.number_input(key="tune_batch_size").proto.placeholder == "automatic: up to 16,384 tokens"
    several = "GPUs that share each batch"
    assert several not in [field.label for field in app.number_input], "TensorFlow shares no run"
    app.number_input(key="tune_batch_size").set_value(7)
    the(app.selectbox, "Device").set_value("cpu").run()
    assert app.number_input(key="tune_batch_size").proto.placeholder == "automatic: 8"
    assert app.number_input(key="tune_batch_size").value == 7, "what was typed is kept"
    require_jax()  # without it none can share one
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    the(app.selectbox, "Checkpoint format").set_value("weights.h5")
    the(app.selectbox, "Device").set_value("auto").run()
    the(app.number_input, several).set_value(2).run()
    assert not app.exception and not app.error
    the(app.button, "Start the run").click().run()
    (run,) = lifecycle.all_runs(root)
    assert (run.settings.device, run.settings.devices, run.settings.batch_size) == ("auto", 2, 7)


def test_stages_are_queued_from_the_form_each_for_its_parent(root):
    from engine.runs import queue

    app = open_page("train")
    app.segmented_control(key="tune_kind").set_value("stages").run()
    assert not app.error
    app.text_input(key="plan_prefix").set_value("chain").run()
    the(app.button, "Queue the stages").click().run()
    assert not app.exception and not app.error
    waiting = queue.waiting(root)
    assert [run.name for run in waiting] == [
        "chain-first-1",  # after the articles that they take here
        "chain-first-8",
        "chain-first-67",
        "chain-the-rest",
    ]
    assert [run.waits_for() for run in waiting][1:] == ["chain-first-1", "chain-first-8", "chain-first-67"]


def test_a_grid_of_runs_is_queued_from_the_form_and_shown_in_one_table(root):
    from engine.runs import queue, sweeps

    app = open_page("train")
    app.segmented_control(key="tune_kind").set_value("sweep").run()
    assert not app.error
    app.text_input(key="sweep_sizes").set_value("10, 30 10")
    app.text_input(key="sweep_rates").set_value("0,001 3e-4")
    app.number_input(key="sweep_seeds").set_value(2)
    app.text_input(key="sweep_name").set_value("grid").run()
    assert any("8 runs, one after the other" in caption.value for caption in app.caption)
    app.button(key="sweep_queue").click().run()
    assert not app.exception and not app.error
    found = {(run.settings.last_article, run.settings.learning_rate, run.settings.seed) for run in queue.waiting(root)}
    assert found == {(size, rate, seed) for size in (10, 30) for rate in (0.001, 0.0003) for seed in (1, 2)}
    assert sweeps.names(root) == ["grid"]
    assert app.selectbox(key="sweep").value == "grid"
    assert {len(table.value) for table in app.dataframe if "Seed" in table.value.columns} == {8}


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("sweep_sizes", "10 many", "“10 many” is no list of numbers of articles from 1 to 100"),
        ("sweep_sizes", "0", "“0” is no list of numbers of articles"),
        ("sweep_sizes", "", "“” is no list of numbers of articles"),
        ("sweep_sizes", "99999999999", "is no list of numbers of articles"),
        ("sweep_rates", "1e9", "“1e9” is no list of learning rates"),
        ("sweep_rates", "nan", "“nan” is no list of learning rates"),
    ],
)
def test_what_is_no_grid_is_said_and_nothing_is_queued(root, key, text, sentence):
    from engine.runs import queue

    app = open_page("train")
    app.segmented_control(key="tune_kind").set_value("sweep").run()
    app.text_input(key=key).set_value(text).run()
    assert any(sentence in error.value for error in app.error), [error.value for error in app.error]
    assert not [button for button in app.button if button.key == "sweep_queue"] and not queue.waiting(root)


def test_the_table_of_stages_changes_what_it_shows_and_nothing_else():
    from ui.stages_form import changed

    row = {"steps": None, "epochs": 2.0, "learning_rate": 0.0, "batch_size": 0, "sequence_length": 0}
    settings = {"method": "first-tokens", "batch_size": 32}
    assert changed(settings | {"minutes": 3}, row) == {"method": "first-tokens", "epochs": 2.0, "batch_size": 0}
    by_steps = changed(settings | {"epochs": 1.0}, row | {"epochs": float("nan"), "steps": 40.0, "batch_size": 8})
    assert by_steps == {"method": "first-tokens", "steps": 40, "batch_size": 8}
    assert isinstance(by_steps["steps"], int)
    assert changed({"minutes": 3}, row | {"epochs": None, "sequence_length": 64}) == {
        "minutes": 3,
        "sequence_length": 64,
    }


def test_the_queue_is_shown_in_order_and_changed(root):
    from engine.runs import queue

    for name in "abc":
        lifecycle.create(
            RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name=name, steps=4)
        )
    app = open_page("train")
    app.button(key="queue_up_c").click().run()
    assert [run.name for run in queue.waiting(root)] == ["a", "c", "b"]
    app.button(key="queue_cancel_a").click().run()
    assert [run.name for run in queue.waiting(root)] == ["c", "b"]
    assert not app.exception


def test_a_run_is_paused_resumed_and_queued_again_with_changes(root):
    from engine.runs import queue

    a_run(root)
    waiting = lifecycle.create(
        RunSettings(preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name="w", steps=4)
    )
    app = open_page("curve")
    look_at(app, "w")
    app.button(key="curve_pause").click().run()
    assert waiting.state().state == states.PAUSED
    app.button(key="curve_resume").click().run()
    assert waiting.state().state == states.QUEUED
    clone = queue.clone(waiting, "again", steps=9)
    assert (clone.settings.steps, clone.settings.preset) == (9, waiting.settings.preset)


def test_a_page_says_that_memory_ran_out_and_what_follows(root):
    run = a_run(root)
    run.append_event("memory", step=3, failed_step=12, micro_batch=4, batch_size=16)
    app = open_page("curve")
    said = [element.value for element in app.caption if "Memory ran out at step 12" in element.value]
    assert len(said) == 1
    assert "from step 4 on each batch of 16 is worked off in pieces of 4" in said[0]


def test_a_frozen_trainer_is_ended_from_the_page_after_a_question(root, monkeypatch):
    run, ended = a_run(root), []
    with Lock(run.folder / "lock") as lock:
        lock.acquire()
        run.write_state(state=states.RUNNING)
        (run.folder / HEARTBEAT).touch()
        os.utime(run.folder / HEARTBEAT, (1, 1))
        app = open_page("curve")
        assert "What it did since its newest checkpoint is done again" in texts(app)
        app.button(key="curve_end_yes").click().run().run()
        assert the(app.error, "is not certain to be it, so nothing was ended")  # nobody wrote owner.json
        monkeypatch.setattr(killing, "kill_trainer", lambda run: ended.append(run.name))
        app.button(key="curve_end_yes").click().run()
        assert ended == ["one"]
        monkeypatch.setattr(access, "is_owner", lambda: False)
        assert "curve_end_yes" not in [button.key for button in open_page("curve").button]


def test_the_form_of_a_run_asks_for_the_column_and_prepares_first(root, local, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("key,words\n" + "".join(f"{n},some text of number {n}\n" for n in range(6)))
    app = open_page("train")
    app.pills(key="tune_source").set_value("path").run()
    app.text_input(key="tune_path").set_value(str(path)).run()
    assert "Start the run" not in [button.label for button in app.button]
    app.selectbox(key=f"text_column_{preview_view.name_of(str(path))}").set_value("words").run()
    app.button(key=f"prepare_{preview_view.name_of(str(path))}").click().run()
    assert not app.exception
    assert "Start the run" in [button.label for button in app.button]
    assert [c.card["source"] for c in store.all_corpora() if c.card["source"].endswith("t.csv")]
