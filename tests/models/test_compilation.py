"""What is compiled is said while it is: by the functions themselves, in a run's state, and in words on its page."""

import re

import pytest
from project import PROJECT
from training_helpers import settings_of

from engine.models import compilation
from engine.models.compilation import FirstCalls
from engine.runs import submission
from engine.runs.folder import Run
from engine.services import worker
from ui import run_view, words


def test_a_first_call_is_told_while_it_lasts_and_no_other_is():
    told, calls = [], FirstCalls("score")
    with compilation.watched(told.append):
        with calls.timed(2):
            assert told == ["score"]
        with calls.timed(2):
            pass
        with pytest.raises(ValueError), calls.timed(3):
            raise ValueError
    with calls.timed(4):
        pass
    assert told == ["score", "", "score", ""], "also where it fails; and nobody who has left is told"


def test_each_compiled_function_has_words():
    modules = (PROJECT / "engine").rglob("*.py")
    named = {name for module in modules for name in re.findall(r'FirstCalls\("([^"]+)"\)', module.read_text("utf-8"))}
    assert {"train", "score", "look", "generate", "generate together"} == named
    assert all(map(words.compiled_name, named))


@pytest.mark.slow
def test_a_run_says_what_it_compiles_and_for_how_long(tiny_preset, sample_folder, root, monkeypatch):
    said, lines = [], []
    write_state = Run.write_state

    def note(self, durable=True, **changes):
        state = write_state(self, durable, **changes)
        if changes.get("compiling"):
            said.append(state.compiling)
            lines.append(run_view._progress(run, state))
        return state

    monkeypatch.setattr(Run, "write_state", note)
    run = submission.submit(settings_of(tiny_preset, sample_folder, steps=2))
    worker.work(run)
    assert list(dict.fromkeys(said)) == ["score", "look", "generate", "generate together", "train"]
    assert lines[0].startswith(
        "measuring, sampling and saving · 0 s so far · compiling what measures the model · 0 s so far"
    )
    assert run.state().compiling == ""
