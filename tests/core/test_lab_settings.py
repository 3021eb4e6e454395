"""atelier.toml: what it may say, and a sentence with its line or key for everything else."""

import os
import re
import tomllib
from dataclasses import fields

import pytest
from project import PROJECT

from engine.core import lab_settings, paths
from engine.core.errors import EngineError, SettingsError
from engine.core.lab_settings import Slurm

WHOLE = """
launcher = "slurm"
shared = "/shared/atelier"
[slurm]
partition = "gpu"
gpu = "gpu:a100:1"
cpus = 8
memory = "16G"
time = "1-04:00:00"
warning_seconds = 120
setup = ["module load cuda", "source /shared/venv/bin/activate"]
python = "/shared/venv/bin/python"
sbatch = ["--constraint=a100", "--exclusive"]
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_SETTINGS", str(tmp_path / "atelier.toml"))
    monkeypatch.delenv("ATELIER_CHECKPOINTS", raising=False)
    return tmp_path / "atelier.toml"


def problems(file, content: str | bytes) -> list[str]:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as caught:
        lab_settings.read()
    return [str(problem) for problem in caught.value.problems]


def test_without_a_file_runs_are_trained_here(file):
    assert lab_settings.read() == lab_settings.LabSettings()
    assert paths.checkpoints_root() == paths.PROJECT / "checkpoints"


def test_a_whole_file_is_understood_and_its_folder_is_where_runs_are_kept(file):
    file.write_text(WHOLE)
    found = lab_settings.read()
    assert (found.launcher, found.slurm.gpu, found.slurm.cpus) == ("slurm", "gpu:a100:1", 8)
    assert found.slurm.sbatch == ("--constraint=a100", "--exclusive")
    assert str(paths.checkpoints_root()) == "/shared/atelier/checkpoints"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = 1\nlauncher = slurm\n", "line 2: this is not TOML"),
        ('launcher = "slurm', "line 1: this is not TOML"),
        (b'launcher = "local"\n# \xff\n', "line 2: this is no text in UTF-8"),
        ("#" * 70_000, "is too long: 64 kB at most"),
        ("a = " + "[" * 5_000, "is nested too deeply"),
        ("laucher = 'slurm'", "there is no key laucher. There are: launcher, shared"),
        ("launcher = 'pbs'", 'launcher must be "local" or "slurm"; received \'pbs\''),
        ("launcher = 'slurm'", "the key shared must name a folder that all nodes have"),
        ("shared = 'atelier'", "shared must be the whole path of a folder"),
        ("slurm = 3", "[slurm] must be a table"),
        ("[slurm]\npartition = 'gpu; rm -rf /'", "slurm.partition must be a name as Slurm knows it"),
        ("[slurm]\naccount = '--uid=0'", "slurm.account must be a name"),
        ("[slurm]\ncpus = true", "slurm.cpus must be a whole number from 1 to 1024"),
        ("[slurm]\ncpus = 0", "slurm.cpus must be"),
        ("[slurm]\nmemory = '16 GB'", "slurm.memory must be memory as sbatch takes it"),
        ("[slurm]\ntime = 'a day'", "slurm.time must be a time limit"),
        ("[slurm]\nwarning_seconds = 5", "slurm.warning_seconds must be"),
        ("[slurm]\nsetup = 'module load cuda'", "slurm.setup must be a list of lines"),
        ('[slurm]\nsetup = ["a\\u0007b"]', "slurm.setup must be"),
        ("[slurm]\nsbatch = ['--time=3']", "slurm.sbatch must be a list of options"),
        ("[slurm]\nsbatch = ['--sig=USR2@1']", "slurm.sbatch must be"),  # sbatch takes beginnings of options, too
        ("[slurm]\nsbatch = ['-t', '3']", "slurm.sbatch must be"),
        ("[slurm]\npython = ''", "slurm.python must be a command"),
    ],
)
def test_each_fault_is_a_sentence_with_its_line_or_key(file, content, said):
    (problem,) = problems(file, content)
    assert said in problem
    assert len(problem) < 400


def test_all_faults_are_said_at_once(file):
    assert len(problems(file, "launcher = 'x'\n[slurm]\ncpus = 'x'\nnonsense = 1\n")) == 3


def test_a_folder_in_its_place_is_a_sentence_too(file):
    file.mkdir()
    with pytest.raises(EngineError, match="cannot be read"):
        lab_settings.read()


def test_the_examples_of_the_documentation_are_understood_and_every_key_stands_there():
    text = (PROJECT / "docs" / "cluster.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.S)
    found = [lab_settings.parse(tomllib.loads(example)) for example in examples]
    assert [one.launcher for one in found] == ["slurm", "slurm"] and found[0].slurm.gpu == "gpu:1"
    keys = {f"`slurm.{f.name}`" if f.name not in ("account", "qos") else f"`.{f.name}`" for f in fields(Slurm)}
    assert not [key for key in keys if key not in text]


@pytest.mark.parametrize(
    ("time", "warning", "fits"),
    [
        ("1", 30, True),
        ("1", 31, False),
        ("00:02:00", 60, True),
        ("0", 10, False),
        ("1-0", 3600, True),
        ("90:00", 2700, True),
    ],
)
def test_the_warning_has_room_in_the_limit(time, warning, fits):
    values = {"launcher": "slurm", "shared": "/shared", "slurm": {"time": time, "warning_seconds": warning}}
    if fits:
        assert lab_settings.parse(values).slurm.warning_seconds == warning
        return
    with pytest.raises(SettingsError, match=f"a job of {time} has no room for a warning of {warning} s"):
        lab_settings.parse(values)


def test_a_time_in_other_digits_is_none_and_a_home_is_found():
    with pytest.raises(SettingsError, match="a time limit as sbatch takes it"):
        lab_settings.parse({"launcher": "slurm", "shared": "/shared", "slurm": {"time": "٠٤:٠٠:٠٠"}})
    found = lab_settings.parse({"launcher": "slurm", "shared": "/shared", "slurm": {"python": "~/venv/bin/python"}})
    assert found.slurm.python == os.path.expanduser("~/venv/bin/python")
