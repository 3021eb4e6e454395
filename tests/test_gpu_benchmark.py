"""The benchmark of a GPU, as far as it needs none: a way that hangs is ended with all it started, and says where it stood."""

import importlib.util
import json
import os
import subprocess
import sys
import time

import psutil
import pytest
from project import PROJECT
from waiting_helpers import until

# Starts a process that outlives it, as `engine train` starts a dispatcher, and hangs.
HANGS = (
    "import subprocess, sys, time, faulthandler; faulthandler.dump_traceback_later(0.5, repeat=True); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True); "
    "print('begun', flush=True); time.sleep(600)"
)


@pytest.fixture(scope="module")
def gpu():
    path = PROJECT / "benchmarks" / "gpu.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        spec = importlib.util.spec_from_file_location("gpu_benchmark", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def children_of(root):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ATELIER_CHECKPOINTS") == str(root):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_way_that_hangs_is_ended_with_all_it_started_and_its_log_says_where(gpu, tmp_path):
    environment = {**os.environ, "ATELIER_CHECKPOINTS": str(tmp_path)}
    began = time.monotonic()
    code, answer = gpu.ended([sys.executable, "-c", HANGS], environment, tmp_path / "log", 3)
    assert (code, answer) == (None, "begun\n")
    assert time.monotonic() - began < 20
    until(lambda: not children_of(tmp_path))
    assert "Timeout" in (said := gpu.last_words(tmp_path / "log")) and 'File "<string>", line 1 in <module>' in said


def test_every_way_has_its_share_of_eight_minutes(gpu):
    own = gpu.limits(gpu.WAYS, 470)
    assert sum(own.values()) <= 470 and min(own.values()) > 30
    assert gpu.limits(["jax"], 470) == {gpu.PREPARE: gpu.SHARES[gpu.PREPARE], "jax": gpu.SHARES["jax"]}


@pytest.mark.long
def test_it_runs_as_a_whole_with_a_tiny_model_on_the_processor(tmp_path):
    command = [sys.executable, "benchmarks/gpu.py", "--tiny", "--device", "cpu", "--logs", str(tmp_path)]
    command += ["--ways", "tensorflow", "dropout", "--train", "--steps 4 --evaluate-tokens 1024"]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stderr[-2000:]
    trained, dropout = map(json.loads, answer.stdout.splitlines())
    assert "error" not in trained, trained
    assert trained["tokens_per_second"] > 0 and trained["to_first_step"] < trained["to_result"]
    assert any(line.startswith("train") for line in trained["compiled"]), "where the wait went"
    assert "no weights of GPT-2 base" in dropout["error"]
