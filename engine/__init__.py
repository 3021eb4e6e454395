"""Atelier's engine: articles → tokens → windows → run → checkpoints → evaluations and samples.

Nothing in this package imports Streamlit, and importing it imports neither TensorFlow nor Keras: only what stands in `models` and
in the packages behind it does (docs/architecture.md has their order).
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from typing import Any

__version__ = "0.1.0"

# Processes as versions before 0.2 started them: one of theirs that still works starts the next of these.
FORMER_PROCESSES = {
    "engine.dispatcher": "engine.services.dispatcher",
    "engine.trainer": "engine.services.worker",
    "engine.studio": "engine.services.inference_server",
    "engine.importing": "engine.services.import_job",
    "engine.indexing": "engine.memorisation.index_job",
}


class _FormerProcesses(PathFinder):
    """Finds the code of a process under its former name, for `python -m`."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's specification, or None where the name is no former one."""
        if fullname not in FORMER_PROCESSES:
            return None
        _engine, package, name = FORMER_PROCESSES[fullname].split(".")
        return spec_from_file_location(fullname, f"{__path__[0]}/{package}/{name}.py")


sys.meta_path.append(_FormerProcesses)
