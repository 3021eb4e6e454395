"""What visitors may set going: every limit has its sentence, and together they have a bound."""

import dataclasses
import threading

import pytest
from project import PROJECT
from runs_helpers import MINI, SAMPLE

from engine.core.errors import EngineError, SettingsError
from engine.presets import catalogue
from engine.runs import lifecycle, states, visitor_limits
from engine.runs.settings import RunSettings
from engine.runs.visitor_limits import Limits
from ui import budget as session
from ui import i18n, owner

pytestmark = pytest.mark.usefixtures("nothing_started")


def entered(request: RunSettings):
    """The run of a request, as the pages make one."""
    return session.enter(request, "", join=False).run


def settings(**changes) -> RunSettings:
    return RunSettings(**{"preset": MINI, "articles": SAMPLE, "name": "mine", "steps": 100, **changes})


def over(**changes) -> list[str]:
    request = settings(**changes)
    return [str(error) for error in visitor_limits.exceeded(request, visitor_limits.cost(request), Limits())]


def test_what_the_lab_and_the_form_offer_first_is_within_the_budget(prepared_sample):
    assert over(steps=None, minutes=1.0) == []
    assert over(steps=200) == []
    assert over(steps=None, epochs=3.0) == []


def test_five_hundred_steps_of_a_large_batch_with_a_checkpoint_each_are_named_by_what_they_take(prepared_sample):
    found = over(steps=500, batch_size=1024, evaluate_steps=1)
    assert found == [
        "A step of this run takes 262144 tokens; a visitor's may take 16384: choose a smaller batch or sequence.",
        "This run learns from 131072000 tokens; a visitor's run may learn from 2000000: take fewer steps or a smaller "
        "batch.",
        "The checkpoints of this run take 15693 MB; a visitor's may take 500 MB: keep fewer, or put more steps between "
        "them.",
        "The samples of this run have 72144 tokens together; a visitor's may have 10000: give fewer prompts, or put more "
        "steps between checkpoints.",
        found[4],
        found[5],
    ]
    assert found[4].startswith("This run is measured on 5") and found[5].startswith("This run would take about ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": None, "minutes": 2.5}, "This run trains for 2.5 minutes; a visitor's run may train for 2.0."),
        ({"steps": 501}, "This run takes 501 steps; a visitor's run may take 500."),
        ({"steps": None, "minutes": 1, "evaluate_steps": 1}, "A visitor's run in minutes chooses its own checkpoints"),
        ({"prompts": ("a",) * 6}, "This run has 6 prompts; a visitor's run may have 5."),
        ({"prompts": ("a" * 501,)}, "A prompt of this run has 501 characters; a visitor's may have 500."),
        ({"sample_tokens": 512}, "The samples of this run have 16896 tokens together"),
        ({"interval_tokens": 200_000}, "This run is measured on 2"),
    ],
)
def test_each_limit_has_one_sentence(prepared_sample, changes, said):
    (found,) = over(**changes)
    assert found.startswith(said)


def test_a_large_model_is_bounded_by_its_time_and_a_timed_speed_counts(prepared_sample):
    request = settings(steps=400)
    slow = visitor_limits.exceeded(request, visitor_limits.cost(request, tokens_per_second=100.0), Limits())
    assert [str(error) for error in slow] == [
        f"This run would take about {round(visitor_limits.cost(request, 100.0).seconds / 60)} minutes with its measurements and "
        "samples; a visitor's run may take 15.0."
    ]
    assert visitor_limits.exceeded(request, visitor_limits.cost(request, tokens_per_second=8000.0), Limits()) == []


def test_the_owner_changes_limits_and_what_cannot_be_read_leaves_the_default():
    limits, problems = visitor_limits.limits_of(
        {
            "minutes": 5,
            "steps": 1.5,
            "share_articles": "yes",
            "tokens": -1,
            "prompts": True,
            "what": 1,
            "upload_hours": 2,
        }
    )
    assert (limits.minutes, limits.upload_hours) == (5.0, 2.0)
    assert (limits.steps, limits.share_articles, limits.tokens, limits.prompts) == (500, False, 2_000_000, 5)
    assert [p.values["name"] for p in problems] == ["steps", "share_articles", "tokens", "prompts", "what"]
    assert visitor_limits.limits_of("all")[0] == visitor_limits.limits_of(None)[0] == Limits()
    for field in dataclasses.fields(Limits):
        assert visitor_limits.limits_of({field.name: field.default}) == (Limits(), [])


def test_a_visitors_run_is_marked_and_bounded_in_time_and_an_owners_is_not(root, visitor, prepared_sample):
    _state, _secrets = visitor
    run = entered(settings())
    assert (run.config["visitor"], run.config["most_seconds"]) == (True, 900.0)
    with pytest.raises(SettingsError, match="takes 501 steps"):
        entered(settings(name="long", steps=501))
    assert owner.enter("s3cret-of-hers").right
    assert "visitor" not in entered(settings(name="hers", steps=5000)).config


def test_thirty_visitors_at_once_queue_no_more_than_may_wait(root, monkeypatch, visitor, prepared_sample):
    _state, secrets = visitor
    secrets["visitors"] = {"waiting_runs": 3}
    said = []

    def queue(number: int) -> None:
        try:
            entered(settings(name=f"run-{number}"))
        except EngineError as error:
            said.append(str(error))

    threads = [threading.Thread(target=queue, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lifecycle.all_runs(root)) == 3
    assert set(said) == {
        "The queue has room for 3 of visitors' runs, and 3 of them wait: try again when one has started."
    }


def test_visitors_runs_have_a_bound_on_the_disk_together(root, visitor, prepared_sample):
    _state, secrets = visitor
    secrets["visitors"] = {"runs_megabytes": 400, "waiting_runs": 9}
    entered(settings(name="first"))
    with pytest.raises(EngineError, match="those of all visitors would take 62. MB; they may take 400 MB together"):
        entered(settings(name="second"))


def test_a_visitors_run_ends_when_its_time_is_over(root, tiny_preset, sample_folder, only_trains):
    from engine.services import worker

    run = lifecycle.create(
        RunSettings(str(tiny_preset), str(sample_folder), "late", steps=100_000, batch_size=2, sequence_length=16),
        {"visitor": True, "most_seconds": 2.0, "preset_hash": catalogue.find(tiny_preset).hash(), "lineage": []},
    )
    worker.work(run)
    state = run.state()
    assert state.state == states.STOPPED
    assert str(state.error).startswith("It was stopped after 0.0 minutes, the most that a visitor's run may take")
    assert run.saved_step() == state.step


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"kind": "generate", "prompt": "a" * 20_001, "columns": []}, "This text has 20,001 characters"),
        (
            {"kind": "generate", "prompt": "a", "columns": [{"max_new_tokens": 200, "samples": 4}] * 6},
            "This asks for 4,800 tokens in all columns, samples and beams; a visitor may ask for 4,000 at a time.",
        ),
        ({"kind": "generate", "columns": [{"max_new_tokens": 1024, "beams": 8}]}, "This asks for 8,192 tokens"),
        ({"kind": "look", "text": "a" * 20_001}, "This text has 20,001 characters"),
        ({"kind": "convert"}, "Only the owner adds models"),
        ({"kind": "look", "passage": {"articles": "corpora/hers"}}, "These articles are the owner's"),
        ({"kind": "evaluate", "articles": "/srv/hers.jsonl"}, "These articles are the owner's"),
    ],
)
def test_requests_to_the_studio_are_within_the_budget(visitor, request_, said):
    with pytest.raises(EngineError) as found:
        session.check_request(request_)
    assert i18n.error_text(found.value).startswith(said)
    assert owner.enter("s3cret-of-hers").right
    session.check_request(request_)


def test_an_evaluation_counts_its_overlapping_windows(root, visitor, prepared_sample):
    _state, secrets = visitor
    tokens = len(prepared_sample.tokens("test"))
    secrets["visitors"] = {"evaluation_tokens": tokens}
    whole = {"kind": "evaluate", "articles": SAMPLE, "split": "test", "reference": MINI, "tokens": 0}
    session.check_request({**whole, "sequence_length": 128, "stride": 128})
    with pytest.raises(EngineError, match="This measures "):
        session.check_request({**whole, "sequence_length": 128, "stride": 64})
    with pytest.raises(EngineError, match="This measures "):
        session.check_request({"kind": "places", "articles": SAMPLE, "split": "test", "references": [MINI, MINI]})


def test_no_page_asks_the_studio_without_a_look_at_the_budget():
    for path in [*(PROJECT / "pages").glob("*.py"), *(PROJECT / "ui").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        requests = text.count("inference_client.stream(") + text.count("inference_client.answers(")
        assert text.count("budget.check_request(") >= requests, path.name
        if path.name != "budget.py":
            assert "submission.submit(" not in text, path.name
