"""Copied passages on their page and on the command line."""

import json
from urllib.parse import parse_qsl

import pytest
from pages_helpers import READ_ALL, a_run, go_to, open_page, stands_first, the, written

from engine.cli.app import main
from engine.memorisation import index_job, search
from engine.runs import articles_read, checkpoints, lifecycle
from ui.components.tokens import token_view

pytestmark = pytest.mark.usefixtures("no_studio")


def test_articles_that_have_changed_are_not_searched_as_if_they_were_the_same(root):
    run = a_run(root)
    (former,) = checkpoints.of_run(run)
    facts = {name: former.manifest[name] for name in ("preset", "tokens", "parent", "metrics")}
    with checkpoints.commit(run, 5, {**facts, "corpus": "0" * 64}) as staging:
        (staging / checkpoints.WEIGHTS).write_bytes(b"weights")
    app = open_page("copied")
    assert the(app.error, "has changed since one was trained on it")


def test_the_page_marks_what_was_copied_and_links_to_the_article(root):
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    own = seen.ranges[0].corpus.tokens("train", 3, 3)
    run.append_event("sample", step=4, model="run", prompt="Copied:", text=seen.tokenizer.decode(own[60:100]), seed=1)
    app = open_page("copied")
    assert not app.error
    assert any("Copied: " in text.value for text in app.markdown)
    assert any("Searched: the 100 articles" in caption.value for caption in app.caption)
    marked = "".join(element.value for element in app.html if '<div class="written"' in element.value)
    assert "<mark" in marked and "words in a row, word for word" in marked
    links = [link.proto.query_string for link in app.get("page_link")]
    assert any("article=3" in link and "split=train" in link for link in links), links
    app.segmented_control(key="copied_way").set_value("text").run()
    assert the(app.info, "a few words")
    app.text_area(key="copied_text").set_value("<b>5</b> *x* 🧪 " * 2000).run()
    assert not app.exception and any("are looked up" in caption.value for caption in app.caption)


def test_the_link_opens_the_article_at_its_passage_however_far_in_it_stands(root, monkeypatch):
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    own = seen.ranges[0].corpus.tokens("train", 1, 1)
    run.append_event("sample", step=4, model="run", prompt="", text=seen.tokenizer.decode(own[1600:1660]), seed=1)
    drawn = []
    monkeypatch.setattr(token_view, "tokens", lambda pieces, ids, key, marked=(0, 0): drawn.append((ids, marked)))
    app = open_page("lab")
    for _click in range(2):  # the same link again, after another article was looked at
        go_to(app, "copied")
        queries = [dict(parse_qsl(link.proto.query_string)) for link in app.get("page_link")]
        query = next(query for query in queries if query.get("article") == "1")
        assert (int(query["token"]), int(query["length"])) == (1600, 60)
        go_to(app, query.pop("tab"), **query)
        assert not app.exception and app.number_input(key="number_train").value == 1
        ids, (first, last) = drawn[-1]
        assert ids[first:last] == own[1600:1660].tolist()
        assert stands_first(app.header, "Read an article")
        app.number_input(key="number_train").set_value(5).run()
        assert drawn[-1][1] == (0, 0) and len(drawn[-1][0]) == 1500


def test_a_large_corpus_asks_first(root, monkeypatch):
    run = a_run(root, batch_size=READ_ALL)
    started = []
    monkeypatch.setattr(index_job, "start", lambda run: started.append(run.name))
    (shard,) = search.shards(articles_read.seen(run).ranges)
    monkeypatch.setattr(search, "missing", lambda ranges: [search.ShardFile(shard.corpus, 0, 10**9)])
    app = open_page("copied")
    (sentence,) = [text.value for text in app.markdown if "1,000,000,000 tokens" in text.value]
    assert "about 10 min 37 s" in sentence and "of memory" in sentence and "5.0 GB of disk" in sentence
    assert not shard.path.exists() and not started
    app.button(key="copied_build").click().run()
    assert started == [run.name]


def test_the_command_line_tells_the_same(root, capsys):
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    text = seen.tokenizer.decode(seen.ranges[0].corpus.tokens("train", 3, 3)[60:100])
    assert main(["memorisation", run.name, "--text", text, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    (sample,) = result["samples"]
    assert sample["passages"][0]["article"] == 3 and sample["shares"]["13"] > 0.9
    assert result["unseen"]["13"]["max"] < 0.5 and result["articles"] == 100
    assert main(["memorisation", run.name]) == 0
    assert "unseen articles" in capsys.readouterr().out


def test_a_run_that_has_read_a_little_is_searched_for_that_alone(root):
    a_run(root)  # four steps: a small part of an epoch
    seen = articles_read.seen(lifecycle.find("one", root))
    app = open_page("copied")
    assert not app.error
    said = the(app.caption, "have really read so far").value
    assert 0 < seen.share < 0.2 and f"{100 * seen.share:.1f}\u00a0% of the text" in said
    assert f"from {seen.articles} of 100 articles" in said and seen.articles < 100


def test_what_a_run_is_held_against_is_looked_up_too(root):
    a_run(root, batch_size=READ_ALL)
    other = a_run(root, "two", batch_size=READ_ALL)
    seen = articles_read.seen(other)
    text = seen.tokenizer.decode(seen.ranges[0].corpus.tokens("train", 3, 3)[60:100])
    other.append_event("sample", step=4, model="run", prompt="The", text=text, seed=1)
    app = open_page("copied", run_chosen="one")
    assert written(app) == ["The <b>run</b> wrote *this*", "The <b>base</b> wrote *this*"]
    app = open_page("copied", run_chosen="one", against_chosen="two")
    assert not app.error and written(app) == ["The <b>run</b> wrote *this*", "The" + text]
    said = [sentence.value for sentence in app.markdown if "opied: " in sentence.value]
    assert ["Not copied" in said[0], "**Copied: " in said[1]] == [True, True]
