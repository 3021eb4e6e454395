"""Before articles are prepared: the first are shown, what is missing is asked, what cannot be used is one sentence."""

import pytest
from pages_helpers import open_path, texts, the
from project import BROUGHT
from pubmed_helpers import article_line

from engine.core import paths
from engine.corpus import store
from ui import preview_view

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_table_asks_for_its_column_with_a_preview(root, local, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("key,words\n1,first text here\n2,second text here\n3,third text here\n")
    app = open_path(path)
    assert list(the(app.dataframe, "key").value.columns) == ["key", "words"]
    assert (
        app.selectbox(key=f"text_column_{preview_view.name_of(str(path))}").value is None
    )  # no guess where nothing tells
    assert not app.metric  # nothing is prepared before the column is chosen
    app.selectbox(key=f"text_column_{preview_view.name_of(str(path))}").set_value("words").run()
    assert "second text here\n" in texts(app)  # the first articles as they will be read
    assert not app.metric
    the(app.button, "Prepare").click().run()
    assert not app.exception
    assert the(app.metric, "Articles").value == "3"
    assert "second text here" in "\n".join(corpus_texts())


def test_a_table_with_a_column_for_each_section_is_prepared_without_a_choice(root, local, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "key,introduction,methods\n" + "".join(f"{n},Why {n} they die.,How {n} they live.\n" for n in range(3))
    )
    app = open_path(path, prepares=False)
    assert "Introduction\nWhy 1 they die.\n\nMethods\nHow 1 they live.\n" in texts(app)
    assert any("Each section has a column of its own" in caption.value for caption in app.caption)
    the(app.button, "Prepare").click().run()
    assert the(app.metric, "Articles").value == "3"


def corpus_texts() -> list[str]:
    from engine.presets import tokenizers

    tokenizer = tokenizers.load(paths.MINI_PRESET)
    (prepared,) = store.all_corpora()
    return [tokenizer.decode(prepared.tokens(split)) for split in prepared.splits]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.zip", b"PK\x03\x04 cut off", "a.zip is a zip archive that is damaged or cut off"),
        ("a.pdf", b"%PDF-1.4", "a.pdf is a PDF that is damaged or cannot be read"),
        ("a.jsonl", b"{broken\n", "holds no article that can be used. a.jsonl, line 1: not JSON."),
        ("a.jsonl", b"", "a.jsonl is empty."),
    ],
)
def test_a_source_that_cannot_be_used_is_one_sentence_and_the_page_stays(root, local, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    app = open_path(tmp_path / name)
    assert [said in error.value for error in app.error] == [True]
    app.pills(key="articles_source").set_value("sample").run()
    assert the(app.metric, "Articles").value == "124"


def test_the_first_articles_are_shown_before_anything_is_prepared(root, local, sample_folder):
    app = open_path(sample_folder, prepares=False)
    assert not app.metric
    assert [c.value for c in app.caption if c.value.startswith("article")] == ["article-0", "article-1", "article-2"]
    app.button(key=f"prepare_{preview_view.name_of(str(sample_folder))}").click().run()
    assert the(app.metric, "Articles").value == "32"


def test_each_file_of_several_is_shown_and_the_table_that_is_asked_about_is_named(root, local, tmp_path):
    brought, folder = BROUGHT, tmp_path / "mixed"
    folder.mkdir()
    for name in ("abstracts_kaggle.csv", "id_content.csv", "twenty_lines.txt"):
        (folder / name).write_bytes((brought / name).read_bytes())
    app = open_path(folder, prepares=False)
    captions = [caption.value for caption in app.caption]
    assert "The columns of abstracts\\_kaggle.csv:" in captions
    assert any("goes for the other tables too" in caption for caption in captions)
    for name in ("abstracts\\_kaggle.csv · 0", "id\\_content.csv · 1", "twenty\\_lines.txt"):
        assert any(caption.startswith(name) for caption in captions), captions
    unit = app.segmented_control(key=f"unit_{preview_view.name_of(str(folder))}")
    assert unit.label == "In plain text files, one article is" and unit.value == "line"
    unit.set_value("file").run()
    assert not app.exception and "twenty" in texts(app)


def test_a_column_that_a_name_or_long_texts_tell_is_offered(root, local, tmp_path):
    brought = BROUGHT
    app = open_path(brought / "id_content.csv", prepares=False)
    assert app.selectbox(key=f"text_column_{preview_view.name_of(str(brought / 'id_content.csv'))}").value == "content"
    path = tmp_path / "long.csv"
    path.write_text("n,words\n" + "".join(f"{n},{'word ' * 60}{n}\n" for n in range(4)))
    app = open_path(path, prepares=False)
    assert app.selectbox(key=f"text_column_{preview_view.name_of(str(path))}").value == "words"
    assert not app.metric


def test_less_than_half_is_a_question_on_the_page(root, local, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([article_line(n) for n in range(4)] + ["{broken"] * 5))
    app = open_path(path)
    assert not app.metric
    assert "Of 9 texts" in texts(app) and "only 4 can be read" in texts(app)
    app.button(key=f"accept_{preview_view.name_of(str(path))}").click().run()
    assert not app.exception
    assert (the(app.metric, "Articles").value, the(app.metric, "Skipped").value) == ("4", "5")
