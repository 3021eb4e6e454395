"""Programs on JAX, in processes of their own that cannot import TensorFlow."""

import importlib.util
import logging
import os
import re
import subprocess
import sys
from collections import Counter

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


class CompilationLog(logging.Handler):
    """How often JAX has compiled which function, where `jax_log_compiles` is on."""

    def __init__(self):
        super().__init__()
        self._counts = Counter()
        logger = logging.getLogger("jax")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record):
        """Counts a line."""
        if found := re.match(r"Compiling jit\((\w+)\)", record.getMessage()):
            self._counts[found[1]] += 1

    def clear(self):
        """Begins anew."""
        self._counts.clear()

    def of_the_lab(self):
        """The functions that read a model (`backend.compiled`) and the training step; Keras's own small ones are left out."""
        return {name: self._counts[name] for name in ("pure", "_make_step")}
