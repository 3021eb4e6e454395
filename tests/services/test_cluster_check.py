"""cluster check: each thing that a node lacks is one plain sentence, and what cannot be looked at ends the look."""

import os
import sys
import threading
import time

import pytest
from slurm_helpers import lab_on_slurm
from waiting_helpers import until

from engine import __version__
from engine.core.files import write_json
from engine.core.lab_settings import Slurm
from engine.services import cluster_check, probe

WHOLE = {
    "node": "n1", "nonce": "x", "exclusive": True, "time": 100.0, "version": __version__, "python": "3.11.7", "cores": 4,
    "memory_bytes": 8e9, "driver_gpus": [], "framework": {}, "device": "an EPYC", "on_gpu": False,
}  # fmt: skip

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are scripts of bash")


@pytest.fixture
def jobs(root, monkeypatch):
    monkeypatch.setattr(cluster_check, "_ASK_SECONDS", 0.2)
    monkeypatch.setattr(cluster_check, "_POLL_SECONDS", 0.05)
    return lab_on_slurm(root.parent, monkeypatch)


def lacks(**changes) -> list[str]:
    gpu = changes.pop("gpu", "")
    found = cluster_check.findings({**WHOLE, **changes}, "x", Slurm(gpu=gpu), 100.0)
    return [str(finding.sentence) for finding in found if not finding.well]


def test_a_node_that_has_everything_lacks_nothing():
    assert lacks() == [] and lacks(gpu="gpu:1", on_gpu=True, device="NVIDIA A100") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nonce": "y"}, "n1 has another folder under the path of the shared one."),
        ({"exclusive": False}, "this file system cannot keep two trainers apart"),
        ({"time": 40.0}, "The clock of n1 differs from this machine's by 60 s"),
        ({"version": "0.0.1"}, "n1 has Atelier 0.0.1 and this machine"),
        (
            {"framework_problem": "ModuleNotFoundError: keras"},
            "Keras cannot be loaded on n1: ModuleNotFoundError: keras",
        ),
        ({"gpu": "gpu:1"}, "n1 shows no GPU, though gpu = “gpu:1” asks for one"),
        (
            {"gpu": "gpu:1", "driver_gpus": ["NVIDIA A100"]},
            "The driver of n1 shows NVIDIA A100, and Keras does not use it",
        ),
    ],
)
def test_each_thing_that_is_missing_is_one_sentence(changes, said):
    (sentence,) = lacks(**changes)
    assert said in sentence


def test_a_lab_without_slurm_has_nothing_to_check(monkeypatch, tmp_path):
    monkeypatch.setenv("ATELIER_SETTINGS", str(tmp_path / "none.toml"))
    (finding,) = cluster_check.check(1)
    assert not finding.well and 'does not say launcher = "slurm"' in str(finding.sentence)


def test_commands_that_are_not_there_are_named(jobs, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    *_, last = cluster_check.check(1)
    assert "not found on this machine: sbatch, squeue, scancel, scontrol" in str(last.sentence)


def test_a_job_that_slurm_refuses_is_told_in_its_words(jobs):
    jobs.says("refuse", "sbatch: error: invalid partition specified: gpu\n")
    *_, last = cluster_check.check(1)
    assert not last.well and "invalid partition specified: gpu" in str(last.sentence)


def test_a_job_that_only_waits_is_cancelled_in_the_end_and_why_it_waited_is_said(jobs, root):
    waited = []
    *_, last = cluster_check.check(0.02, waited.append)
    assert "other jobs are before it" in str(last.sentence) and "other jobs are before it" in str(waited[0])
    assert [call for _at, call in jobs.calls("scancel")] == ["1"]
    assert not list((root / ".cluster-check").iterdir())


@pytest.mark.parametrize(
    ("log", "said"),
    [("bash: pyton: command not found\n", "pyton: command not found"), (None, "another folder under that path")],
)
def test_a_job_that_ends_without_an_answer_says_what_it_said_last_or_that_its_folder_is_another(jobs, root, log, said):
    def end() -> None:
        until(lambda: jobs.ids() and jobs.calls("squeue"))
        if log is not None:
            (next((root / ".cluster-check").iterdir()) / "log").write_text(log)
        jobs.show("1", "FAILED")

    ends = threading.Thread(target=end)
    ends.start()
    *_, last = cluster_check.check(1)
    ends.join()
    assert not last.well and said in str(last.sentence)


def test_the_answer_of_a_job_is_what_is_told(jobs, root):
    def answer() -> None:
        until(jobs.ids)
        folder = next((root / ".cluster-check").iterdir())
        (folder / probe.MADE).mkdir()
        nonce = (folder / probe.ASKED).read_text()
        write_json(folder / probe.ANSWER, {**WHOLE, "nonce": nonce, "time": time.time()})

    answers = threading.Thread(target=answer)
    answers.start()
    found = list(cluster_check.check(1))
    answers.join()
    assert all(finding.well for finding in found), [str(finding.sentence) for finding in found]
    assert len(found) > 7 and "is seen here" in str(found[-1].sentence)


def test_the_probe_finds_a_folder_that_is_made_twice(tmp_path, monkeypatch):
    (tmp_path / probe.ASKED).write_text("x")
    (tmp_path / probe.CLAIMED).mkdir()
    monkeypatch.setitem(sys.modules, "engine.models.backend", None)  # no framework is loaded here
    monkeypatch.delattr("engine.models.backend", raising=False)
    found = probe.look(tmp_path)
    assert found["exclusive"] and found["nonce"] == "x" and "framework_problem" in found
    (tmp_path / probe.CLAIMED).rmdir()
    (tmp_path / probe.MADE).rmdir()
    assert not probe.look(tmp_path)["exclusive"]
