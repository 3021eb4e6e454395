"""Programs on JAX, in processes of their own that cannot import TensorFlow."""

import importlib.util
import os
import subprocess
import sys

import pytest
from project import PROJECT

TESTS = PROJECT / "tests"
TWO_PROCESSORS = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}  # devices for JAX, without any GPU
_WITHOUT_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None; import runpy; sys.argv = sys.argv[1:]\n"


def require_jax() -> None:
    """Skips where JAX is not installed; fails where everything is required."""
    if importlib.util.find_spec("jax") is None:
        if os.environ.get("ATELIER_REQUIRE_ALL"):
            pytest.fail("JAX is not installed: pip install -r requirements-jax.txt")
        pytest.skip("an extra: pip install -r requirements-jax.txt")


def on_jax(code, *arguments, **environment):
    """Runs Python; `runpy` and `sys` are imported, and `sys.argv` are the arguments."""
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT_TENSORFLOW + code, *map(str, arguments)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": os.pathsep.join(map(str, (PROJECT, TESTS))),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=400,
    )
