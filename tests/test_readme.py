"""The README's commands are the ones that work, and nothing asks a question on a fresh machine."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from project import PROJECT
from waiting_helpers import until

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]


def test_the_two_commands_stand_there_whole():
    install = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/"
    assert install + "streamlit run streamlit_app.py" in commands()
    assert install + "pytest" in commands()


def test_the_trees_files_are_there():
    tree = re.search(r"```text\n(.*?)```", README, re.S).group(1)
    names = [line.split()[0] for line in tree.splitlines() if line and not line.startswith(" ")]
    missing = [name for name in names if not (PROJECT / name).exists()]
    assert missing == []


def test_every_command_of_the_engine_is_in_the_readme_or_its_help():
    from engine.cli.app import parser

    (commands_of,) = [a for a in parser()._actions if a.dest == "command"]
    for name, sub in commands_of.choices.items():
        assert f"engine {name}" in README, name
        assert sub.description, name


def is_answered(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminal of this kind")
def test_streamlit_asks_nothing_in_a_terminal_with_an_empty_home(tmp_path):
    import pty

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller, terminal = pty.openpty()
    environment = {**os.environ, "HOME": str(tmp_path), "ATELIER_CHECKPOINTS": str(tmp_path / "c")}
    # The README's command; the port is the only thing added, the browser it would open is not there.
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"],
        cwd=PROJECT,
        env={**environment, "STREAMLIT_SERVER_PORT": str(port), "BROWSER": "true"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    try:
        # Where no server comes: does it ask for an e-mail address?
        until(lambda: is_answered(port) or process.poll() is not None, 60)
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        os.close(controller)
        os.close(terminal)
