"""A minute is a minute where another program takes a core in the middle of it: real time, so it is long."""

import subprocess
import sys
import time

import pytest
from training_helpers import settings_of

from engine.runs import submission
from engine.services import worker

pytestmark = [pytest.mark.slow, pytest.mark.long]
EATS = "while True: pass"


@pytest.mark.parametrize("busy", ["the second half", "the first half"])
def test_a_run_in_minutes_keeps_its_time_beside_a_program_that_eats_a_core(tiny_preset, sample_folder, root, busy):
    minutes = 0.5
    settings = settings_of(tiny_preset, sample_folder, steps=None, minutes=minutes, evaluate_steps=0, patience=0)
    run, eater, seen = submission.submit(settings), [], {"half": False}

    def eat() -> None:
        eater.append(subprocess.Popen([sys.executable, "-c", EATS]))

    def look(progress) -> None:
        steps = run.events("step") if not seen["half"] else []
        if steps and steps[-1]["seconds"] > 30 * minutes:
            seen["half"] = True
            if busy == "the second half":
                eat()
            else:
                eater.pop().kill()

    begun = time.monotonic()
    try:
        if busy == "the first half":
            eat()
        result = worker.work(run, on_progress=look)
    finally:
        for process in eater:
            process.kill()
    assert seen["half"]
    assert result["seconds"] == pytest.approx(60 * minutes, rel=0.1)
    assert time.monotonic() - begun < 300
