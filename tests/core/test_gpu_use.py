"""A GPU that the driver shows and TensorFlow cannot use is said, with what to do, before anything is trained on the CPU."""

import json
import os
import re
import sys

import pytest
from pages_helpers import open_page

from engine.cli import training
from engine.core import gpu_use, machine
from engine.runs import devices, lifecycle, needs
from engine.runs.folder import Run
from engine.runs.settings import RunSettings

BUILD_INFO = """# Copyright
import collections

build_info = collections.OrderedDict([('cpu_compiler', 'clang'), ('cuda_version', '12.5.1'), ('is_cuda_build', {cuda})])
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A machine whose `nvidia-smi` shows one GPU."""
    folder = tmp_path / "driver"
    folder.mkdir()
    if sys.platform == "win32":
        (folder / "nvidia-smi.bat").write_text("@echo NVIDIA T4\n")
    else:
        (folder / "nvidia-smi").write_text("#!/bin/sh\necho NVIDIA T4\n")
        (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    machine.gpus.cache_clear()
    assert machine.gpus() == ("NVIDIA T4",)
    yield
    machine.gpus.cache_clear()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder of packages with a TensorFlow in it; `put(cuda=…, library=…)` changes what it is."""
    packages = tmp_path / "site-packages"
    info = packages / "tensorflow" / "python" / "platform" / "build_info.py"
    info.parent.mkdir(parents=True)
    monkeypatch.setattr(gpu_use, "_package", lambda: packages / "tensorflow")
    monkeypatch.setattr(gpu_use.importlib.metadata, "version", lambda name: "2.21.0")
    monkeypatch.setattr(gpu_use.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(gpu_use.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(gpu_use.sys, "platform", "linux")
    monkeypatch.setenv("LD_LIBRARY_PATH", "")

    def put(cuda: bool, library: bool) -> None:
        info.write_text(BUILD_INFO.format(cuda=cuda))
        folder = packages / "nvidia" / "cudnn" / "lib"
        if library:
            folder.mkdir(parents=True)
            (folder / "libcudnn.so.9").touch()
        gpu_use._inspect.cache_clear()  # a new process's

    return put


@pytest.mark.parametrize(
    "cuda, library, said",
    [
        (False, True, "built for the CPU alone.*--force-reinstall 'tensorflow.and-cuda.==2.21.0'"),
        (
            True,
            False,
            "CUDA libraries that TensorFlow 2.21.0 needs are missing.*pip install 'tensorflow.and-cuda.==2.21.0'",
        ),
        (True, True, None),
    ],
)
def test_what_is_installed_tells_whether_the_gpu_can_be_used(root, driver, installed, cuda, library, said):
    installed(cuda, library)
    problem = machine.gpu_problem()
    if said is None:
        assert problem is None
        assert machine.devices("auto") == ("gpu:0",)
    else:
        assert re.search(f"NVIDIA T4.*{said}", str(problem))
        assert machine.devices("auto") == ("cpu",)
    assert machine.devices("gpu:0") == ("gpu:0",)  # the trainer refuses it


def test_without_a_gpu_nothing_is_said(root, installed, on_the_cpu):
    installed(cuda=False, library=False)
    assert machine.gpu_problem() is None


def test_on_windows_the_way_is_wsl2(root, driver, installed, monkeypatch):
    installed(cuda=False, library=False)
    monkeypatch.setattr(gpu_use.sys, "platform", "win32")
    assert "WSL2" in str(machine.gpu_problem())


def test_the_installed_tensorflow_s_own_table_is_read():
    found = gpu_use.look()
    assert found.version
    assert found.cuda in (True, False)


def test_what_a_trainer_saw_counts_more_until_something_is_installed(root, driver, installed, tmp_path):
    installed(cuda=True, library=True)
    gpu_use.saw(0, machine.gpus(), root)  # an old driver
    assert "saw none when it last started" in str(machine.gpu_problem())
    assert "CUDA 12.5.1" in str(machine.gpu_problem())
    gpu_use.saw(1, machine.gpus(), root)
    assert machine.gpu_problem() is None
    gpu_use.saw(0, machine.gpus(), root)
    (tmp_path / "site-packages" / "another").mkdir()  # as pip does
    os.utime(tmp_path / "site-packages", (1, 1))  # whatever the clock's resolution
    assert machine.gpu_problem() is None


def test_a_library_that_nobody_finds_and_a_trainer_uses_is_no_problem(root, driver, installed):
    installed(cuda=True, library=False)
    assert machine.gpu_problem() is not None
    gpu_use.saw(1, machine.gpus(), root)
    assert machine.gpu_problem() is None
    (root / ".locks" / "tensorflow.json").write_text("{damaged")
    assert machine.gpu_problem() is not None


def test_memory_is_that_of_the_cpu_which_trains(root, driver, installed):
    installed(cuda=True, library=False)
    settings = RunSettings(preset="p", articles="a", name="one", steps=1)
    assert needs.works_in_pieces(settings)
    gpu_use.saw(1, machine.gpus(), root)
    assert not needs.works_in_pieces(settings)


def run_on(device: str, root, name="one") -> Run:
    return lifecycle.create(RunSettings(preset="p", articles="a", name=name, steps=1, device=device), root=root)


def test_the_run_says_it_once_a_start_and_not_where_a_device_was_named(root, driver, installed):
    installed(cuda=True, library=False)
    run = run_on("auto", root)
    for _start in range(2):
        run.append_event("state", state="running", device="cpu")
        devices.say_unused(run)
        devices.say_unused(run)  # TensorFlow has looked too
    assert [event["kind"] for event in run.events()] == ["state", "gpu_unused"] * 2
    assert "NVIDIA T4" in json.dumps(run.events("gpu_unused")[0]["reason"])
    named = run_on("cpu", root, "two")
    devices.say_unused(named)
    assert not named.events("gpu_unused")


def test_a_trainer_keeps_what_tensorflow_saw_and_trains_on_the_cpu(root, driver, installed, monkeypatch):
    """The files let one expect a GPU, and TensorFlow sees none."""
    from engine.training import placing

    installed(cuda=True, library=True)
    run = run_on("auto", root)
    run.append_event("state", state="running", device="gpu:0")
    monkeypatch.setattr(placing.backend, "gpus", list)
    assert placing.place(run, "gpu:0") == (("/device:CPU:0",), "float32")
    assert [event["kind"] for event in run.events("state", "gpu_unused")] == ["state", "gpu_unused"]
    assert machine.devices("auto") == ("cpu",)  # from now on: the next run takes the CPU's lock and memory


def test_a_named_gpu_that_tensorflow_does_not_see_is_refused(root, driver, installed, monkeypatch):
    from engine.training import placing

    installed(cuda=True, library=True)
    monkeypatch.setattr(placing.backend, "gpus", list)
    with pytest.raises(machine.ResourcesError, match="TensorFlow sees no gpu:0 here"):
        placing.place(run_on("gpu:0", root), "gpu:0")


def test_a_gpu_that_jax_cannot_use_is_said_too(root, driver, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(gpu_use.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(gpu_use.importlib.metadata, "version", lambda name: "0.10.2")
    monkeypatch.setattr(gpu_use, "_package", lambda: root)
    gpu_use._inspect.cache_clear()
    problem = gpu_use.problem(machine.gpus(), root)
    assert str(problem).startswith("The driver shows a GPU (NVIDIA T4), but JAX 0.10.2 cannot use it: the CPU trains.")
    assert "jax[cuda13]" in str(problem)
    monkeypatch.setattr(gpu_use.importlib.util, "find_spec", lambda name: object())
    gpu_use._inspect.cache_clear()
    assert gpu_use.problem(machine.gpus(), root) is None


@pytest.mark.parametrize("page", ["lab", "train"])
def test_the_pages_say_it(root, driver, installed, page, no_studio):
    installed(cuda=True, library=False)
    app = open_page(page)
    assert any("CUDA libraries" in box.value and "NVIDIA T4" in box.value for box in app.warning)
    gpu_use.saw(1, machine.gpus(), root)
    app.run()
    assert not any("CUDA libraries" in box.value for box in app.warning)


def test_the_page_of_a_run_says_it_of_the_last_start_alone(root, driver, installed, no_studio):
    installed(cuda=True, library=False)
    run = run_on("auto", root)
    run.append_event("state", state="running", device="cpu")
    devices.say_unused(run)
    run.write_state(state="stopped")
    gpu_use.saw(1, machine.gpus(), root)  # so that the page itself has nothing to say
    for said in (True, False):
        app = open_page("curve")
        assert any("CUDA libraries" in line.value for line in app.caption) == said
        run.append_event("state", state="running", device="gpu:0")


def test_the_command_line_says_it_at_once(root, driver, installed, capsys):
    installed(cuda=True, library=False)
    training._say_gpu_unused("auto")
    assert "pip install 'tensorflow[and-cuda]==2.21.0'" in capsys.readouterr().err
    training._say_gpu_unused("cpu")
    assert not capsys.readouterr().err
