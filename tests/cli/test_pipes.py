"""What the command line writes may be closed early."""

import subprocess
import sys

import pytest
from project import PROJECT


@pytest.mark.slow
def test_a_pipe_that_is_closed_early_ends_without_a_traceback(root):
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "runs"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()  # the reader is gone before the first line
    said = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(), said) == (0, "")
