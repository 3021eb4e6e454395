"""What the lab hands to Slurm and reads of its answers: the script of a job, its environment, each reason in words."""

import os
import subprocess

import pytest
from slurm_helpers import a_run, lab_on_slurm

from engine.core.errors import EngineError
from engine.core.lab_settings import Slurm
from engine.services.launchers import batch, launching, outlook, scheduler, slurm

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are scripts of bash")


@pytest.fixture
def jobs(root, monkeypatch):
    return lab_on_slurm(root.parent, monkeypatch, 'partition = "gpu"\nmemory = "2G"\ngpu = "gpu:1"\n')


@pytest.mark.parametrize("word", ["Priority", "QOSMaxJobsPerUserLimit", "AssocGrpCpuLimit", "Odd|Thing"])
def test_each_reason_is_a_sentence(word):
    said = str(outlook.reason_in_words(word))
    assert said and (word not in said or word.startswith("Odd"))


def test_what_no_job_is_is_passed_over():
    answer = "17|PENDING|None||N/A|1:00|a|b\n\nslurm_load\n18|RUNNING|None|n1|t|1:00|atelier/" + "a" * 32 + "/3\n"
    first, second = scheduler.parse(answer)
    assert (first.id, first.run, second.run, second.submission, second.node) == ("17", "", "a" * 32, 3, "n1")


def test_what_the_job_around_this_process_was_given_is_not_given_on(root, jobs, monkeypatch):
    for name in ("SBATCH_PARTITION", "SLURM_MEM_PER_NODE", "SQUEUE_FORMAT", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    a_run()
    slurm.start(root)
    given = jobs.text("1", "environment")
    assert "SLURM_CONF=x" in given and not any(n in given for n in ("SBATCH_P", "SLURM_MEM", "SQUEUE_F"))


def test_the_script_of_a_job_survives_every_character_of_a_path(tmp_path, monkeypatch):
    odd = '/a b/c\'d "e" $(touch x) `f`%j/ü'
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(tmp_path / odd.strip("/")))
    shown = tmp_path / "python"
    shown.write_text('#!/bin/bash\nprintf "%s\\0" "$@" "$ATELIER_CHECKPOINTS" "$MINE"\nkill -USR1 $$\nprintf "alive"\n')
    shown.chmod(0o755)
    slurm_settings = Slurm(python=str(shown), setup=("export MINE='set up'",))
    script = batch.script(slurm_settings, "engine.services.job", odd, "3")
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    *given, alive = done.stdout.split("\0")
    assert given == ["-m", "engine.services.job", odd, "3", str(tmp_path / odd.strip("/")), "set up"]
    assert alive == "alive"  # a warning before the trainer listens does not end it
    assert "--output=/x%%j/log" in batch.options(slurm_settings, "n", "/x%j/log", "c")


def test_missing_commands_are_a_sentence(root, monkeypatch, tmp_path):
    lab_on_slurm(root.parent, monkeypatch)
    a_run()
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(EngineError, match="There is no squeue here"):
        launching.start(root)
