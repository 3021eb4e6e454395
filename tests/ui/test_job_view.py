"""What a page says of a run that Slurm trains, and that it waits for no scheduler."""

import os
import time

import pytest
from runs_helpers import new_settings
from slurm_helpers import a_run, begins, lab_on_slurm
from streamlit.testing.v1 import AppTest
from waiting_helpers import until

from engine.runs import lifecycle
from engine.services.launchers import launching, slurm, watch

SCRIPT = """
from pathlib import Path
from engine.runs.folder import Run
from ui import job_view
job_view.say(Run(Path({!r})))
"""


pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are scripts of bash")


@pytest.fixture
def jobs(root, monkeypatch):
    monkeypatch.setattr(watch, "watch", watch.Watch())
    monkeypatch.setattr("engine.services.launchers.outlook.watch", watch.watch)
    return lab_on_slurm(root.parent, monkeypatch)


def said(run) -> str:
    app = AppTest.from_string(SCRIPT.format(str(run.folder))).run()
    assert not app.exception
    return " ".join(caption.value for caption in app.caption)


def test_a_page_says_why_a_job_waits_and_where_it_works(root, jobs):
    run = a_run()
    slurm.start(root)
    assert "Job 1 was submitted to Slurm" in said(run)  # Slurm has not been asked by this server yet
    until(lambda: "other jobs are before it" in said(run))
    begins(run, "1")
    jobs.show("1", "RUNNING", node="node7")
    watch.watch._asked = 0.0
    until(lambda: "Job 1 works on node7" in said(run))


def test_a_page_waits_for_no_scheduler(root, jobs):
    run = a_run()
    jobs.says("slow", "9")
    began = time.monotonic()
    launching.wake()
    launching.tend()
    assert "Its job is being submitted" in said(run) and time.monotonic() - began < 6
    until(lambda: "Job 1" in said(run), 60)


def test_a_run_of_one_machine_says_nothing_of_slurm(root, jobs):
    assert said(lifecycle.create(new_settings(name="local"))) == "" and jobs.calls("squeue") == []
