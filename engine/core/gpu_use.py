"""Whether TensorFlow or JAX can use the GPUs that the driver shows: read from what is installed, and from what a trainer saw last.

The dashboard cannot ask them, since it imports neither. A GPU that the driver shows and TensorFlow cannot use would
silently be the CPU (tensorflow#63362, #117538).
"""

import ast
import contextlib
import ctypes.util
import importlib.metadata
import importlib.util
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.core import framework
from engine.core.errors import ResourcesError, StorageError
from engine.core.files import read_json, write_json

_CUDNN = (
    "libcudnn.so*"  # which TensorFlow loads last, and no driver brings; on Windows and macOS it has no build for CUDA
)
_JAX_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
_NAMES = ("tensorflow", "tensorflow-cpu", "tf-nightly", "tensorflow-intel")


@dataclass(frozen=True)
class Installed:
    """What is installed of the framework that computes, as far as its files tell.

    Attributes:
        version: of TensorFlow or JAX; "" where it is not found.
        cuda: whether it was built for CUDA; None where that is not said.
        cuda_version: which.
        libraries: the folder with CUDA's libraries, or "" where none was found.
    """

    version: str = ""
    cuda: bool | None = None
    cuda_version: str = ""
    libraries: str = ""


def problem(gpus: tuple[str, ...], root: Path) -> ResourcesError | None:
    """Why TensorFlow cannot use the GPUs of the driver, and what to do; None where it can, or where there are none.

    What a trainer saw counts more than what the files let one expect, as long as nothing has been installed since: a
    library may lie where nobody looks, or be there and not fit.

    Args:
        gpus: their names. root: the folder of runs, where trainers write what they saw.
    """
    if not gpus:
        return None
    installed = look()
    seen = read_json(_file(root))
    if seen.get("of") == _of(gpus, installed):
        expected = None if seen.get("gpus") else "unseen"
    else:
        expected = _expected(installed)
    if expected is None:
        return None
    return _sentence(expected, ", ".join(gpus), installed)


def saw(count: int, gpus: tuple[str, ...], root: Path) -> None:
    """Keeps how many GPUs TensorFlow saw in this process, where the driver shows any; a full disk is no reason to fail.

    Args:
        gpus: those of the driver. root: the folder of runs.
    """
    if not gpus:
        return
    value = {"of": _of(gpus, look()), "gpus": count}
    if read_json(_file(root)) != value:
        with contextlib.suppress(StorageError, OSError):
            _file(root).parent.mkdir(parents=True, exist_ok=True)
            write_json(_file(root), value, durable=False)


def _file(root: Path) -> Path:
    return root / ".locks" / f"{framework.name()}.json"


def _of(gpus: tuple[str, ...], installed: Installed) -> dict[str, object]:
    """What must be as it was for an earlier look to count: whoever installs something wants a new one."""
    return {
        "driver": list(gpus),
        framework.name(): installed.version,
        "libraries": installed.libraries,
        "changed": list(_stamp()),
        "path": os.environ.get("LD_LIBRARY_PATH", ""),
    }


def _expected(installed: Installed) -> str | None:
    if not installed.version or installed.cuda is None:
        return None  # nobody knows: a trainer will see
    if not installed.cuda:
        return "windows" if sys.platform == "win32" else "cpu_build"
    return None if installed.libraries else "libraries"


def _sentence(expected: str, names: str, installed: Installed) -> ResourcesError:
    values = {"names": names, "version": installed.version}
    if framework.uses_jax():
        return ResourcesError(
            "The driver shows a GPU ({names}), but JAX {version} cannot use it: the CPU trains. To use the GPU: pip install "
            "'jax[cuda13]', or 'jax[cuda12]' with an older driver. The next run looks again.",
            **values,
        )
    if expected == "windows":
        return ResourcesError(
            "The driver shows a GPU ({names}), but TensorFlow {version} uses none on Windows: the CPU trains. To use the GPU, "
            "install Atelier in WSL2, with tensorflow[and-cuda].",
            **values,
        )
    if expected == "cpu_build":
        return ResourcesError(
            "The driver shows a GPU ({names}), but the TensorFlow {version} installed here is built for the CPU alone: the CPU "
            "trains. To use the GPU: pip install --force-reinstall 'tensorflow[and-cuda]=={version}', then start the "
            "dashboard again.",
            **values,
        )
    if expected == "libraries":
        return ResourcesError(
            "The driver shows a GPU ({names}), but the CUDA libraries that TensorFlow {version} needs are missing: the CPU "
            "trains. To use the GPU: pip install 'tensorflow[and-cuda]=={version}', then start the dashboard again.",
            **values,
        )
    return ResourcesError(
        "The driver shows a GPU ({names}), but TensorFlow {version} saw none when it last started: the CPU trains. To use the "
        "GPU: pip install 'tensorflow[and-cuda]=={version}'; where that is done, update the driver to one for CUDA {cuda}. "
        "The next run looks again.",
        **values,
        cuda=installed.cuda_version or "12",
    )


def look() -> Installed:
    """What is installed now; looked up again when something was installed meanwhile."""
    return _inspect(_stamp(), os.environ.get("LD_LIBRARY_PATH", ""))


def _package() -> Path | None:
    """The framework's folder; it is not imported for that."""
    try:
        found = importlib.util.find_spec(framework.name())
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin else None


def _stamp() -> tuple[int, ...]:
    """Changes when pip installs or removes anything beside the framework."""
    package = _package()
    folders = [] if package is None else [package, package.parent, package.parent / "nvidia"]
    return tuple(folder.stat().st_mtime_ns for folder in folders if folder.is_dir())


@lru_cache(maxsize=4)
def _inspect(stamp: tuple[int, ...], path: str) -> Installed:
    package = _package()
    if package is None:
        return Installed()
    importlib.invalidate_caches()
    version = ""
    for name in ("jax",) if framework.uses_jax() else _NAMES:
        try:
            version = importlib.metadata.version(name)
            break
        except importlib.metadata.PackageNotFoundError:
            continue
    if framework.uses_jax():
        plugin = any(importlib.util.find_spec(name) is not None for name in _JAX_PLUGINS)
        return Installed(version, plugin, "", "plugin" if plugin else "")
    facts = _build_info(package / "python" / "platform" / "build_info.py")
    return Installed(
        version,
        facts.get("is_cuda_build"),
        str(facts.get("cuda_version") or ""),
        _libraries(package.parent, path),
    )


def _build_info(file: Path) -> dict[str, Any]:
    """The table that TensorFlow's build wrote into its module, read as text: one call with a literal list of pairs."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls = (node.value for node in tree.body if isinstance(node, ast.Assign))
        return dict(ast.literal_eval(next(call for call in calls if isinstance(call, ast.Call)).args[0]))
    except (OSError, SyntaxError, ValueError, TypeError, StopIteration, IndexError):
        return {}


def _libraries(beside: Path, path: str) -> str:
    """The folder of CUDA's deep-learning library: the wheels of [and-cuda], the system's folders, conda's."""
    folders = [
        *sorted(beside.glob("nvidia/*/lib")),
        *(Path(folder) for folder in path.split(os.pathsep) if folder),
        Path(sys.prefix) / "lib",
        *sorted(Path("/usr/local").glob("cuda*/lib64")),
    ]
    for folder in folders:
        if any(folder.glob(_CUDNN)):
            return str(folder)
    return ctypes.util.find_library("cudnn") or ""  # the loader's own list
