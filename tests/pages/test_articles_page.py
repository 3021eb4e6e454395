"""The page of the articles: what is prepared is shown, counted, compared and read."""

import json
from urllib.parse import parse_qsl

import pytest
from pages_helpers import open_page, open_path, stands_first, texts, the
from project import BROUGHT
from pubmed_helpers import article_line
from waiting_helpers import until

from engine.corpus import store

pytestmark = pytest.mark.usefixtures("no_studio")


def test_a_source_by_path_is_prepared_and_can_be_read_by_number_and_identifier(root, local, sample_folder):
    app = open_path(sample_folder)
    assert the(app.metric, "Articles").value == "32"
    app.number_input(key="number_train").set_value(3).run()
    assert "article-2" in texts(app)
    app.text_input(key="id_train").set_value("article-7").run()
    assert "Article 8, article-7" in texts(app)
    app.text_input(key="id_train").set_value("nobody").run()
    assert "No article of this split has the identifier nobody." in texts(app)


def test_an_article_is_read_as_it_is_written(root, local, tmp_path):
    said = "x <= y -> z, &lt;b&gt; at http://a.com, :material/home: 5$ to 6$"
    lines = [{"article": f"{said}\n\ntitle\n===", "abstract": f"{n} cells"} for n in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    app = open_path(tmp_path / "a.jsonl")
    # As text: no tag, link, icon or formula is made of it. The entities of a field are its characters.
    assert said.replace("&lt;b&gt;", "<b>") in [element.value for element in app.text]


def test_what_a_window_length_covers_is_the_share_of_the_tokens(root, local, sample_folder):
    from ui.readers import statistics

    app = open_path(sample_folder)
    (prepared,) = store.all_corpora()
    counts = prepared.token_counts("train")
    the(app.number_input, "Tokens taken of each article").set_value(64).run()
    covered = the(app.metric, "Covered by the first 64 tokens of each article")
    assert covered.value.startswith(f"{100 * statistics.coverage(counts, 64):.1f}")


def test_duplicates_between_the_splits_are_said(root, local, tmp_path):
    folder = tmp_path / "source"  # the corpora of the test lie beside it
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(article_line(n) + "\n" for n in range(6)))
    (folder / "val.jsonl").write_text(article_line(9) + "\n")
    (folder / "test.jsonl").write_text(article_line(2) + "\n")
    app = open_path(folder)
    assert "0 articles repeat an earlier one of their split word for word, 1 stand in two splits" in " ".join(
        w.value for w in app.warning
    )
    assert any(text.value == "test 1 (article-2) is train 3 (article-2) again" for text in app.text)


def test_near_copies_are_shown_with_their_likeness_and_a_link_to_both(root, local, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    texts = [" ".join(f"{word}{n}" for word in range(200)) for n in range(5)]
    for name, these in (("train", texts[:4]), ("val", texts[4:]), ("test", [texts[2].replace("50", "other")])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"article": t}) + "\n" for t in these))
    app = open_path(folder)
    assert "1 pair of articles is nearly the same text, 1 of them in two splits" in " ".join(
        w.value for w in app.warning
    )
    links = [link.proto for link in app.get("page_link") if "article=" in link.proto.query_string]
    queries = [dict(parse_qsl(link.query_string)) for link in links]
    assert [(q["split"], q["article"]) for q in queries] == [("train", "3"), ("test", "1")]
    assert [link.label for link in links] == ["train 3 (train-3)", "test 1 (test-1)"]
    assert any(m.value.startswith("**9") and m.value.endswith("%**") for m in app.markdown)
    for name, value in queries[1].items():
        app.query_params[name] = value
    app.run()
    assert app.segmented_control(key="articles_split").value == "test"
    assert stands_first(app.header, "Read an article") and app.number_input(key="number_test").value == 1
    cards = {card: json.loads(card.read_text()) for card in (root.parent / "corpora").glob("*/card.json")}
    card, value = next((card, value) for card, value in cards.items() if value["source"] == str(folder))
    del value["near_copies"], value["files"]["near_copies.idx"]  # as an earlier version prepared it
    card.write_text(json.dumps(value))
    app = open_path(folder)
    assert any("were not looked for when these were prepared" in c.value for c in app.caption)
    the(app.button, "Look for near-copies").click().run()
    said = until(lambda: [w.value for w in app.run().warning if "nearly" in w.value], 60)  # a process of its own looks
    assert "1 pair of articles is nearly the same text" in " ".join(said)


def test_how_much_any_number_of_tokens_an_article_covers_is_told(root):
    app = open_page("articles")
    for taken, share in ((1, "0.1"), (100_000, "100.0")):
        the(app.number_input, "Tokens taken of each article").set_value(taken).run()
        assert the(app.metric, "Covered by the first").value == f"{share}\u00a0%"


def test_all_prepared_articles_are_listed(root, local, tmp_path):
    (tmp_path / "train.jsonl").write_text("".join(article_line(n) + "\n" for n in range(6)))
    app = open_path(tmp_path)
    rows = the(app.dataframe, "source").value
    assert rows["articles"].tolist()[0] == 6 and str(tmp_path) in rows["source"].tolist()[0]


def test_the_encoding_and_what_so_little_can_show_are_said(root, local):
    brought = BROUGHT
    app = open_path(brought / "excel_fr.csv")
    assert "excel\\_fr.csv is not in UTF-8: it was read in the usual encoding of Excel on Windows" in texts(app)
    assert the(app.metric, "Articles").value == "12"
    app = open_path(brought / "twenty_lines.txt")
    assert the(app.metric, "Articles").value == "20"
    assert "little to learn from" in texts(app)
    share = next(c for c in store.all_corpora() if c.card["source"].endswith("twenty_lines.txt")).card["template_share"]
    assert "of the tokens of the validation texts" in texts(app)
    assert f"{100 * share:.1f} %".replace(".", "\\.") in texts(app) and share > 0.8


@pytest.mark.parametrize(
    ("formulas", "said"),
    [
        ({"text": 2000, "mark": 0}, "2,000 formulas became text."),
        ({"text": 0, "mark": 1}, "1 formula, of which the source holds only a picture, became “[formula]”."),
        ({"text": 1, "mark": 2}, "Formulas: 1 became text, 2 of which the source holds only a picture became"),
    ],
)
def test_what_became_of_formulas_is_counted(formulas, said, prepared_sample):
    card = prepared_sample.folder / "card.json"
    card.write_text(
        json.dumps({**json.loads(card.read_text(encoding="utf-8")), "formulas": formulas}), encoding="utf-8"
    )
    assert said in texts(open_page("articles"))
