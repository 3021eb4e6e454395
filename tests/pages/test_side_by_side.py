"""Samples side by side on their page: drawn, kept, opened; the page lives on whatever happens."""

import json
import re
import shutil

import pytest
from pages_helpers import READ_ALL, a_run, open_page, the, written
from side_by_side_helpers import ENVIRONMENT, NASTY, a_result
from streamlit.testing.v1 import AppTest

from engine.core.errors import EngineError
from engine.inference.samples import outcome, saved
from engine.runs import articles_read
from engine.services import inference_client

pytestmark = pytest.mark.usefixtures("no_studio")


class Studio:
    """Answers as the studio does, from texts given; remembers what it was asked."""

    def __init__(self, *pieces: str, article: str | None = None, dies_after: int | None = None) -> None:
        self.pieces, self.article, self.dies_after = pieces or (" new", " cells"), article, dies_after
        self.requests: list[dict] = []
        self.environment = ENVIRONMENT
        self.dropped = 0

    def stream(self, request, root=None):
        self.requests.append(request)
        for number, message in enumerate(self._messages(request)):
            if number == self.dies_after:
                raise EngineError("The studio ended while it was working: try again, it starts anew.")
            yield message

    def _messages(self, request):
        prompt = "Abstract\nThe cells" if "passage" in request else request["prompt"]
        yield {"kind": "prompt", "text": prompt, "article": self.article}
        for column in range(len(request["columns"])):
            yield {"kind": "started", "column": column, "dropped_tokens": self.dropped, "environment": self.environment}
        for column, requested in enumerate(request["columns"]):
            for sample in range(requested["samples"]):
                place = {"column": column, "sample": sample}
                yield {"kind": "text", **place, "text": self.pieces[0], "tokens": 1}
                ids = [len(piece) for piece in self.pieces]
                yield {"kind": "done", **place, "ids": ids, "pieces": list(self.pieces), "text": "".join(self.pieces),
                       "tokens_per_second": 90.0}  # fmt: skip


@pytest.fixture
def studio(monkeypatch):
    fake = Studio()
    monkeypatch.setattr(inference_client, "phase", lambda root=None: "ready")
    monkeypatch.setattr(inference_client, "stream", lambda request, root=None: fake.stream(request, root))
    return fake


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def shown(app: AppTest) -> str:
    """All texts and captions."""
    return "\n".join(e.value for kind in ("text", "caption", "code", "success", "warning") for e in app.get(kind))


def test_samples_are_drawn_with_seeds_that_count_on_and_shown_as_text(root, studio):
    a_run(root)
    studio.pieces = (" new", NASTY)
    app = open_page("write")
    app.slider(key="side_samples").set_value(2)
    app.number_input(key="side_seed").set_value(5)
    app.text_area(key="side_prompt").set_value(NASTY).run()
    press(app, "side_generate")
    (request,) = studio.requests
    assert [(c["reference"], c["seed"], c["samples"]) for c in request["columns"]] == [
        ("checkpoints/presets/gpt2_mini_en", 5, 2),
        ("one/4", 5, 2),
    ]
    assert written(app) == [f"{NASTY} new{NASTY}"] * 4
    assert not any("<script>" in e.value for kind in ("markdown", "html") for e in app.get(kind) if hasattr(e, "value"))
    captions = shown(app)
    hashes = [c["hash"][:10] for c in request["columns"]]
    assert all(f"weights {hash}" in captions for hash in hashes) and len(set(hashes)) == 2
    assert captions.count("seed 5") == captions.count("seed 6") == 2
    assert captions.count("90 tokens/s") == 4
    assert not app.error


@pytest.mark.parametrize("way", ["greedy", "beam", "cold"])
def test_without_chance_there_is_one_text(root, studio, way):
    app = open_page("write")
    app.slider(key="side_samples").set_value(3).run()
    if way == "cold":
        app.select_slider(key="side_temperature").set_value(0.0).run()
    else:
        app.segmented_control(key="side_way").set_value(way).run()
    assert app.slider(key="side_samples").disabled
    assert "one text only" in app.slider(key="side_samples").help
    press(app, "side_generate")
    column = studio.requests[0]["columns"][0]
    assert (column["temperature"], column["beams"], column["samples"]) == (0.0, 4 if way == "beam" else 0, 1)
    assert ("beam search, 4 beams" if way == "beam" else "greedy") in shown(app)
    assert "seed" not in shown(app)


def test_an_article_is_a_column_that_claims_to_be_no_model(root, studio):
    studio.article = " were treated."
    app = open_page("write")
    app.segmented_control(key="side_source").set_value("article").run()
    app.number_input(key="side_article").set_value(3)
    press(app, "side_generate")
    assert studio.requests[0]["passage"] == {"articles": "articles/sample", "number": 3, "tokens": 32}
    assert "Abstract\nThe cells were treated." in written(app)
    assert "**The article itself**" in [m.value for m in app.markdown]
    assert "by its authors, no model" in shown(app)


def test_empty_and_overlong_prompts_are_said(root, studio):
    app = open_page("write")
    app.text_area(key="side_prompt").set_value("").run()
    press(app, "side_generate")
    assert "The prompt is empty" in shown(app)
    studio.dropped = 1234
    app.text_area(key="side_prompt").set_value("cells " * 3000).run()
    press(app, "side_generate")
    assert "its first 1,234 tokens were left out" in shown(app)
    assert written(app) and all(len(text) < 1000 for text in written(app))


def test_a_blank_at_the_prompts_end_is_left_out_and_said(root, studio):
    app = open_page("write")
    app.text_area(key="side_prompt").set_value("The cells  ").run()
    press(app, "side_generate")
    assert studio.requests[-1]["prompt"] == "The cells"
    assert "The blank at the prompt's end was left out" in shown(app)
    app.text_area(key="side_prompt").set_value("The cells\n").run()  # a line that ends is no blank
    press(app, "side_generate")
    assert studio.requests[-1]["prompt"] == "The cells\n"
    assert "The blank at the prompt's end" not in shown(app)


def test_a_checkpoint_deleted_before_the_button_is_a_sentence_and_nothing_else_is_asked(root, studio):
    run = a_run(root)
    app = open_page("write")
    shutil.rmtree(run.folder)
    press(app, "side_generate")
    assert the(app.error, "one has been deleted meanwhile")
    assert studio.requests == []
    press(app, "side_generate")
    assert len(studio.requests) == 1 and not app.error


def test_a_checkpoint_deleted_after_it_wrote_stays_shown(root, studio):
    run = a_run(root)
    app = press(open_page("write"), "side_generate")
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert len(written(app)) == 2 and "one · step 4" in " ".join(m.value for m in app.markdown).replace("\\", "")


def test_a_studio_killed_in_the_middle_of_a_stream_leaves_what_came_and_the_page_goes_on(root, studio):
    a_run(root)
    studio.dies_after = 4
    app = press(open_page("write"), "side_generate")
    assert any("studio ended" in e.value for e in app.error)
    assert [text for text in written(app) if text.endswith(" new")] and "cut off" in shown(app)
    assert app.button(key="side_keep").disabled
    studio.dies_after = None
    press(app, "side_generate")
    assert not app.error and [text.endswith(" new cells") for text in written(app)] == [True, True]


def test_kept_opened_verified_deleted(root, studio):
    a_run(root)
    app = press(open_page("write"), "side_generate")
    press(app, "side_keep")
    (name,) = saved.names(root)
    assert app.button(key="side_keep").disabled
    fresh = open_page("write")
    press(fresh, "side_open")
    assert written(fresh) == ["The results of this study new cells"] * 2
    press(fresh, "side_verify")
    requested = [{k: v for k, v in request.items() if k != "columns"} for request in studio.requests]
    assert requested[0] == requested[1] and studio.requests[0]["columns"] == studio.requests[1]["columns"]
    assert [s.value.split(": ")[1] for s in fresh.success] == ["identical, 2 tokens"] * 2
    assert "The same device, precision and versions" in shown(fresh)
    studio.pieces, studio.environment = (" new", " mice"), {**ENVIRONMENT, "device": "a GPU"}
    press(fresh, "side_verify")
    differ = [w.value for w in fresh.warning if "differs from token 2 on" in w.value]
    assert len(differ) == 2 and all("mice" in said for said in differ)
    assert "device: a processor, 2 cores then, a GPU now" in shown(fresh).replace("\\", "")
    press(press(fresh, "side_delete"), "side_delete_yes")
    assert saved.names(root) == [] and name


def test_nothing_is_compared_with_other_weights(root, studio):
    run = a_run(root)
    app = press(press(open_page("write"), "side_generate"), "side_keep")
    shutil.rmtree(run.folder)
    press(app, "side_verify")
    assert any("one/4, with the weights" in e.value and "not there any more" in e.value for e in app.error)
    assert [c["reference"] for c in studio.requests[-1]["columns"]] == ["checkpoints/presets/gpt2_mini_en"]
    assert len(app.success) == 1


def test_a_hostile_kept_file_is_a_sentence(root, studio):
    name = saved.save(a_result(), root)
    (root / saved.FOLDER / f"{name}.json").write_text('{"schema_version": 1, "prompt": []}')
    app = open_page("write")
    assert the(app.error, "no result that was kept here")
    assert app.button(key="side_generate")
    press(press(app, "side_delete"), "side_delete_yes")
    assert not app.error and saved.names(root) == []


def test_visitors_do_not_keep_or_delete(root, studio, monkeypatch):
    from ui import access

    saved.save(a_result(), root)
    monkeypatch.setattr(access, "is_owner", lambda: False)
    app = press(open_page("write"), "side_generate")
    assert app.button(key="side_keep").disabled and app.button(key="side_delete").disabled


def test_copied_passages_are_marked_in_the_texts_by_one_press(root, studio):
    run = a_run(root, batch_size=READ_ALL)
    seen = articles_read.seen(run)
    studio.pieces = (seen.tokenizer.decode(seen.ranges[0].corpus.tokens("train", 3, 3)[60:100]), " and tea")
    app = press(open_page("write"), "side_generate")
    assert not marks(app) and not [button for button in app.button if button.label == "Copied?"]
    app.toggle(key="side_marked").set_value(True).run()
    assert not app.error and len(marks(app)) == 2  # the base's text is looked up in what its neighbour has read
    assert written(app) == ["The results of this study" + "".join(studio.pieces)] * 2
    assert all("tea" not in mark and len(mark.split()) > 10 for mark in marks(app))
    assert sum("Copied: " in sentence.value for sentence in app.markdown) == 2
    assert marks(open_page("write", side_marked=True)) == []  # nothing is written there yet


def marks(app: AppTest) -> list[str]:
    bodies = "".join(element.value for element in app.html if element.value.startswith('<div class="written"'))
    return re.findall(r"<mark[^>]*>([^<]*)</mark>", bodies)


def test_a_prompt_may_be_of_an_article_that_was_read(root, studio):
    app = open_page("write")
    app.segmented_control(key="side_source").set_value("training").run()
    app.number_input(key="side_article").set_value(3)
    press(app, "side_generate")
    wanted = {"articles": "articles/sample", "number": 3, "tokens": 32, "split": "train"}
    assert studio.requests[0]["passage"] == wanted
    assert "training article 3: what stands there" in shown(app)
    kept = json.loads(json.dumps({**a_result().to_json(), "passage": wanted}))
    assert outcome.from_json(kept).passage == wanted
    with pytest.raises(EngineError, match="split"):
        outcome.from_json({**kept, "passage": {**wanted, "split": "all"}})
