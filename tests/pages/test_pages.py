"""Every page through the frame, in both languages, with nothing, with a run, and with what goes wrong."""

import pytest
from pages_helpers import a_run, open_page, played, the
from project import PLACES

from engine.runs import lifecycle, states

pytestmark = pytest.mark.usefixtures("no_studio")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PLACES)
def test_a_page_opens_with_nothing_trained(page, language, root):
    app = open_page(page, language)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("page", PLACES)
def test_a_page_opens_with_a_run(page, language, root):
    a_run(root)
    app = open_page(page, language)
    assert app.title
    assert not app.error


@pytest.mark.parametrize("page", PLACES)
def test_a_page_opens_beside_a_run_whose_configuration_is_damaged(page, root):
    a_run(root)
    damaged = a_run(root, "damaged")
    (damaged.folder / "config.json").write_text('{"schema_version": 1, "name": "damaged"}')
    open_page(page)
    damaged.write_state(state=states.QUEUED)
    app = open_page(page)
    if page in ("lab", "checkpoints", "runs"):
        sentence = "**damaged** · The run's config.json is damaged. Missing or of the wrong kind: articles, preset"
        assert any(m.value.startswith(sentence) for m in app.markdown)


def test_the_language_is_a_matter_of_the_session(root):
    french, english = open_page("write", "fr"), open_page("write", "en")
    assert the(french.button, "Générer")
    assert the(english.button, "Generate")
    french.run()
    assert the(french.button, "Générer")


def test_the_button_queues_a_run_of_a_minute_and_starts_the_dispatcher(root, monkeypatch):
    from engine.services import dispatcher

    started = []
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: started.append(root))
    app = open_page("lab")
    app.button(key="lab_start").click().run()
    assert not app.exception
    (run,) = lifecycle.all_runs(root)
    assert (run.state().state, run.settings.minutes) == (states.QUEUED, 1.0)
    assert started


def test_generated_text_is_shown_as_text(root):
    a_run(root)
    app = open_page("lab")
    points = played(app)["own"]["points"]
    assert points[-1][2].startswith(" <b>run</b> wrote *this*")  # which its script sets as text (tests/browser)
    assert not any("<b>run</b>" in m.value for m in app.markdown)


def test_a_run_deleted_while_shown_is_no_traceback(root):
    import shutil

    run = a_run(root)
    app = open_page("curve")
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception


def test_a_run_made_the_original_reports_way_shows_what_keras_said(root):
    run = a_run(root)
    run.append_event("keras_evaluate", step=4, split="test", loss=4.5, accuracy=0.25, loss_with_padding=4.0,
                     accuracy_with_padding=0.43, tokens=700, targets=1024)  # fmt: skip
    said = " ".join(c.value for c in open_page("lab").caption)
    assert "(700 tokens): accuracy 25.0\u00a0%, loss 4.500" in said and "1,024 places: accuracy 43.0" in said
