"""A real Slurm of two nodes whose locks do not reach one another, and an ordinary user's lab on it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from project import PROJECT
from waiting_helpers import until

from engine.runs import checkpoints
from engine.runs.folder import Run

SCRIPT = PROJECT / "tests" / "cluster" / "two_nodes.sh"
USER = "nobody"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "bindfs", "unshare", "runuser")
SLURM = {"cpus": 1, "memory": "1500M", "time": "00:30:00", "warning_seconds": 10}


def require() -> None:
    """Skips where there can be no cluster; fails where `.ci/run` has installed one (ATELIER_REQUIRE_CLUSTER)."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.name != "posix" or os.geteuid() or lacking:
        reason = f"needs root and {', '.join(lacking) or 'nothing more'} (apt-get install slurm-wlm munge bindfs)"
        (pytest.fail if os.environ.get("ATELIER_REQUIRE_CLUSTER") else pytest.skip)(reason)


class Cluster:
    """Started when it is entered, and ended with everything on it.

    Attributes:
        shared: the folder that the nodes share; it belongs to the ordinary user. root: of the runs in it.
    """

    def __init__(self, **slurm: object) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="atelier-slurm-", dir="/tmp"))
        self.shared = Path(tempfile.mkdtemp(prefix="atelier-shared-", dir="/tmp"))
        self.root = self.shared / "checkpoints"
        left_out = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "recorded-mini")
        self.project = Path(
            shutil.copytree(PROJECT, self.shared / "project", ignore=left_out)
        )  # where the user may read it
        self.python, site = _interpreter()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.shared / "home"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.project), site))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "ATELIER_SETTINGS": str(self.shared / "atelier.toml"),
        }
        (self.shared / "home").mkdir()
        self.write_settings(**{**SLURM, **slurm})

    def write_settings(self, **slurm: object) -> None:
        """Writes `atelier.toml`; `slurm` is its table."""
        slurm = {"python": self.python, **slurm}
        lines = ['launcher = "slurm"', f'shared = "{self.shared}"', "[slurm]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in slurm.items()]
        (self.shared / "atelier.toml").write_text("\n".join(lines) + "\n")

    def __enter__(self) -> "Cluster":
        self._own()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._script("up", str(self.shared), str(port))
        return self

    def __exit__(self, *error: object) -> None:
        self._script("down")
        for folder in (self.folder, self.shared):
            shutil.rmtree(folder, ignore_errors=True)

    def _own(self) -> None:
        subprocess.run(["chown", "-R", USER, self.shared], check=True)
        self.shared.chmod(0o755)

    def _script(self, *arguments: str) -> None:
        # What it leaves running must not hold a pipe of this process open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                ["bash", SCRIPT, self.folder, *arguments], stdout=said, stderr=said, timeout=90, check=False
            )
            said.seek(0)
            assert done.returncode == 0, said.read()

    def bring(self, folder: Path, name: str) -> Path:
        """Copies a folder to where the user and the nodes find it."""
        target = Path(shutil.copytree(folder, self.shared / name))
        self._own()
        return target

    def run(self, *command: str, seconds: float = 120, **environment: str) -> subprocess.CompletedProcess:
        """Runs a command as the ordinary user."""
        return subprocess.run(
            ["runuser", "-u", USER, "--", *command],
            env={**self.environment, **environment},
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def engine(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Runs `python -m engine …` as the ordinary user."""
        return self.run(self.python, "-m", "engine", *arguments, **options)

    def slurm(self, *command: str) -> str:
        """Runs a command of Slurm's as the ordinary user; what it says: it waits long for a node that does not answer."""
        return self.run(*command, seconds=180).stdout.strip()

    def job_of(self, name: str) -> str:
        """The id of the job that is called so."""
        return self.slurm("squeue", "--me", "-h", "-n", name, "-o", "%i").split("\n")[0]

    def pid_of(self, name: str) -> int:
        """The process that holds a node or the controller."""
        return int((self.folder / "run" / name).read_text())

    def cut_power(self, node: str) -> None:
        """Kills a node with everything on it, in one instant."""
        _kill(self.pid_of(node))

    def freeze(self, node: str) -> list[psutil.Process]:
        """Stops every process of a node where it stands, as a machine that hangs; `thaw` lets them go on."""
        stopped = psutil.Process(self.pid_of(node)).children(recursive=True)
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        return stopped

    def restore_power(self, node: str) -> None:
        """Starts a node again."""
        self._script("node", node)

    def kill_controller(self) -> None:
        """Kills Slurm's controller; what runs on the nodes goes on."""
        _kill(self.pid_of("controller"))

    def start_controller(self) -> None:
        """Starts it again, from the state that it keeps on its disk."""
        self._script("controller")
        until(lambda: self.slurm("squeue", "-h", "-o", "%i") is not None and "node1" in self.slurm("sinfo", "-h", "-N"))

    def _settings(self, name: str, steps: int, saves: int) -> list[str]:
        return [
            "train", "--name", name, "--steps", str(steps), "--evaluate-steps", str(saves), "--device", "cpu",
            "--preset", str(self.shared / "tiny"), "--articles", str(self.shared / "articles"),
            "--batch-size", "4", "--sequence-length", "32", "--learning-rate", "1e-3", "--compilation", "off",
        ]  # fmt: skip

    def submit(self, name: str, steps: int, saves: int) -> Run:
        """Has the user submit a run of the tiny model that saves so often."""
        done = self.engine(*self._settings(name, steps, saves))
        assert "was submitted to Slurm as job" in done.stdout, done.stderr
        return Run(self.root / name)

    def train_undisturbed(self, steps: int, saves: int) -> Run:
        """Trains the same run in the user's own terminal, as on one machine."""
        root = self.shared / "alone"
        self.run("mkdir", "-p", str(root))
        local = {"ATELIER_CHECKPOINTS": str(root), "ATELIER_CORPORA": str(self.shared / "corpora")}
        done = self.engine(*self._settings("alone", steps, saves), seconds=500, ATELIER_SETTINGS="/nowhere", **local)
        assert done.returncode == 0, done.stderr
        return Run(root / "alone")


def ends_as(run: Run, undisturbed: Run) -> None:
    """Whether a run that was put back again and again has each step once, the same figures and the same weights."""
    steps = [e["step"] for e in run.events("step")]
    assert steps == sorted(set(steps)), "a step stands twice among the events that are read"
    assert steps[-1] == run.settings.steps
    # One that is put back while its last figures are computed measures its last step again, with the same result.
    evaluations, alone = (
        list(
            dict.fromkeys(
                (e["step"], e["split"], e["model"], e["whole"], e["loss"], e["accuracy"])
                for e in r.events("evaluation")
            )
        )
        for r in (run, undisturbed)
    )
    assert evaluations == alone and len(evaluations) > 4
    assert checkpoints.of_run(run)[-1].hash == checkpoints.of_run(undisturbed)[-1].hash


def thaw(stopped: list[psutil.Process]) -> None:
    """Lets the processes of a frozen node go on, as if nothing had been."""
    for process in stopped:
        if process.is_running():
            process.send_signal(signal.SIGCONT)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def _interpreter() -> tuple[str, str]:
    """(an interpreter that the ordinary user may run, where what is installed here lies)."""
    site = next((path for path in sys.path if path.endswith("site-packages")), "")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        code = ["runuser", "-u", USER, "--", "env", f"PYTHONPATH={site}", candidate, "-c", "import numpy, psutil"]
        if subprocess.run(code, capture_output=True, check=False).returncode == 0:
            return candidate, site
    # None that this user may run: a copy of this one, without its tests.
    base, copied = Path(sys.base_prefix), Path(tempfile.mkdtemp(prefix="atelier-python-", dir="/tmp"))
    copied.chmod(0o755)
    shutil.copytree(
        base,
        copied / "python",
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__", "share"),
    )
    return str(copied / "python" / "bin" / version), site
