"""The Library: a selection stays with what was selected, two runs lead to Explore, chains are drawn, articles stand there once."""

import shutil
import zipfile

import pytest
from pages_helpers import a_run, open_page
from pubmed_helpers import article_line
from runs_helpers import MINI

from engine.corpus import preparation, store
from engine.presets import catalogue
from engine.runs import checkpoints, lifecycle
from engine.runs.settings import RunSettings
from ui import sources
from ui.library import checkpoints as page
from ui.readers import lineage

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_deletion_selects_no_neighbour_and_a_new_checkpoint_moves_no_selection(root):
    a_run(root, "one")
    app = open_page("checkpoints")
    app.session_state["checkpoint_table"] = {"selection": {"rows": [0]}}
    app.run()
    assert any("**one/4**" in markdown.value for markdown in app.markdown)
    a_run(root, "two")  # which comes first now
    app.run()
    assert any("**one/4**" in markdown.value for markdown in app.markdown)
    shutil.rmtree(root / "one")
    app.run()
    assert not app.exception
    assert not any("/4**" in markdown.value for markdown in app.markdown)
    assert app.session_state[page._TABLE]["selection"]["rows"] == []


def test_two_runs_lead_to_explore_one_against_the_other(root):
    a_run(root, "one")
    a_run(root, "two")
    app = open_page("runs", compare_runs=["one", "two"])
    links = {link.proto.label: link.proto.query_string for link in app.get("page_link")}
    query = links["Explore one against two"]
    assert "run=one" in query and "against=two" in query
    app = open_page("runs", compare_runs=["one"])
    assert not any("against" in link.proto.label for link in app.get("page_link"))


def test_a_chain_is_drawn_and_of_many_runs_that_stand_alone_only_the_newest(root):
    for number in range(20):
        lifecycle.create(
            RunSettings(preset=MINI, articles="articles/sample", name=f"alone-{number}", steps=4), root=root
        )
    a_run(root, "first")
    child = RunSettings(preset=MINI, articles="articles/sample", name="second", steps=4, parent="first/4")
    lifecycle.create(child, root=root)
    runs = lifecycle.all_runs(root)
    shown = [run.name for run in lineage.families(runs)]
    assert {"first", "second"} <= set(shown) and len(shown) == 12
    assert '"run first" -> "run second" [label="step 4"]' in lineage.dot(lineage.families(runs))
    assert checkpoints.of_run(lifecycle.find("first", root))


def test_the_same_articles_as_a_folder_and_as_a_zip_stand_there_once(root, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    lines = {"train": range(8), "test": range(8, 10)}
    for split, numbers in lines.items():
        (folder / f"{split}.jsonl").write_text("\n".join(article_line(n) for n in numbers), encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    tokenizer = catalogue.tokenizer(catalogue.find(MINI))
    first, second = (preparation.prepare(path, tokenizer) for path in (folder, tmp_path / "mine.zip"))
    assert first.folder == second.folder and [c.folder for c in store.all_corpora()] == [first.folder]
    app = open_page("articles", articles_source="prepared")
    assert len(app.selectbox(key="articles_prepared").options) == 1
    sources_shown = [table.value["source"].tolist() for table in app.dataframe if "source" in table.value.columns]
    assert len(sources_shown) == 1 and len(sources_shown[0]) == 1
    for name in ("first", "second"):  # and of two that an earlier version prepared
        shutil.copytree(first.folder, tmp_path / "earlier" / name)
    found = {str(corpus.folder): corpus for corpus in store.all_corpora(tmp_path / "earlier")}
    assert list(sources.distinct(found).values()) == [list(found)]
    assert "mine.zip" in sources_shown[0][0] and "mine," in sources_shown[0][0] + ","
