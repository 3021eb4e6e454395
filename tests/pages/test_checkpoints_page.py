"""The page of the checkpoints: where each came from, which are pinned, imported or damaged."""

import pytest
from pages_helpers import a_run, look_at, open_page, the
from project import PROJECT

from engine.core.errors import EngineError
from engine.runs import checkpoints, lifecycle, manifests
from engine.runs.settings import RunSettings

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_checkpoint_is_pinned_and_the_tree_shows_where_runs_came_from(root):
    from ui.readers import lineage

    run = a_run(root)
    child = lifecycle.create(
        RunSettings(
            preset="checkpoints/presets/gpt2_mini_en", articles="articles/sample", name='x"y'.replace('"', "-"),
            steps=4, parent="one/4", last_article=80_000,
        )
    )  # fmt: skip
    tree = lineage.dot([run, child])
    assert '"run one" -> "run x-y" [label="step 4"]' in tree
    assert '"base checkpoints/presets/gpt2_mini_en" -> "run one"' in tree
    assert "articles 1-80,000" in tree
    assert 'fillcolor="#0072B2" fontcolor="#fff"' in tree and 'fillcolor="#D55E00" fontcolor="#000"' in tree
    app = open_page("checkpoints")
    assert not app.exception
    assert "Where each came from" in [element.value for element in app.header]


def test_an_imported_checkpoint_is_told_from_trained_ones(root):
    from engine.exchange.foreign import importing

    importing.import_checkpoint(
        PROJECT / "checkpoints" / "presets" / "gpt2_mini_en" / "model.weights.h5", "theirs", root=root
    )
    app = open_page("checkpoints")
    assert the(app.dataframe, "run").value["run"].tolist() == ["theirs"]
    (tree,) = app.get("graphviz_chart")
    assert "imported" in tree.proto.spec
    app.session_state["adopted"] = "theirs/0"
    app.run()
    assert any("theirs" in m.value.replace("\\", "") for m in app.markdown)
    assert any("has not been measured" in info.value for info in app.info)
    assert not app.exception
    assert the(look_at(open_page("curve"), "theirs").info, "was not trained here")


def test_checkpoints_can_be_filtered(root):
    a_run(root, "one")
    run = a_run(root, "two")
    from engine.runs import retention

    retention.pin(checkpoints.of_run(run)[0], True)
    app = open_page("checkpoints")
    app.selectbox(key="filter_run").set_value("one").run()
    assert the(app.dataframe, "run").value["run"].tolist() == ["one"]
    app.selectbox(key="filter_run").set_value("all runs").run()
    app.toggle(key="filter_pinned").set_value(True).run()
    assert the(app.dataframe, "run").value["run"].tolist() == ["two"]


def test_damaged_checkpoints_are_named_where_they_stood_and_by_the_run_that_passed_over_them(root):
    run = a_run(root)
    with checkpoints.commit(run, 5, {}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    (run.folder / "step-00000005" / manifests.MANIFEST).write_text("{}")
    (error,) = checkpoints.newest_and_damaged(run)[1]
    run.append_event("damaged", checkpoint="one/5", reason=error.to_json())
    run.append_event("parent_lost", checkpoint="two/1", reason=EngineError("There is no run two.").to_json())
    said = "The checkpoint one/5 is damaged: its manifest.json is not what was written. The one before it serves."
    assert [warning.value for warning in open_page("checkpoints").warning] == [said]
    captions = [element.value for element in open_page("curve").caption]
    assert f":material/heart_broken: {said} What one/5 held was trained again." in captions
    assert any("There is no run two. So the figures" in caption for caption in captions)


def test_a_chain_is_drawn_as_large_as_its_text_and_no_larger_than_a_page(root):
    for number in range(6):
        a_run(root, f"run-{number}")
    (tree,) = open_page("checkpoints").get("graphviz_chart")
    assert 'size="11,6"' in tree.proto.spec  # inches: more is drawn smaller


def test_a_table_that_goes_on_to_the_right_says_so(root):
    a_run(root)
    for place, everywhere in (("checkpoints", True), ("runs", True), ("articles", False)):
        app = open_page(place)
        said = [element.proto.body for element in app.get("html") if element.proto.body.startswith('<p class="goes-on')]
        assert said and all("stands to the right" in text for text in said), place
        assert any("narrow" not in text for text in said) == everywhere, place
