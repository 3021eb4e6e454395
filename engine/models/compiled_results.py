"""Compiled functions kept between processes, in a folder of the lab's: bounded, by version, safe to delete and to damage.

TensorFlow and JAX both keep what XLA compiled in a folder that they are given, and neither checks it: a damaged file ends
a run of TensorFlow's (`DataLossError`). So each process works in a folder of its own, which is filled with what was kept
before and is still whole, and from which `keep` takes what is new, each under its SHA-256. It is filled while the framework
is imported, by a thread: two gigabytes take seconds to look through.
"""

import atexit
import contextlib
import hashlib
import importlib.metadata
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from engine import __version__
from engine.core import framework, machine, paths
from engine.core.errors import EngineError
from engine.core.files import make_folder, replace, sha256, sync
from engine.core.folders import clear_old

FOLDER = ".compiled"  # beside the runs
MOST_BYTES = 2 << 30
FREE_BYTES = 512 << 20  # of the disk, below which nothing is kept
OFF = "ATELIER_COMPILED"  # set to "off", nothing is kept
_WORK = "work"  # with a folder for each process
_WORK_SECONDS = 24 * 3600
_LOG = logging.getLogger("engine.compilation")
_DISTRIBUTIONS = {framework.TENSORFLOW: ("tensorflow", "tensorflow-cpu"), framework.JAX: ("jaxlib", "jax")}


class _Process:
    """The folder of this process; none before `use`, and where nothing can be kept."""

    folder: Path | None = None
    store: Path | None = None
    filling: threading.Thread | None = None


def use() -> None:
    """Gives the framework, before it is imported, a folder that `wait` finds filled with what earlier processes compiled."""
    if _Process.folder is not None or os.environ.get(OFF, "").lower() == "off" or sys.platform == "win32":
        return  # TensorFlow's Windows wheels are built without XLA
    with _said_if_not("used"):
        root = paths.checkpoints_root() / FOLDER
        if shutil.disk_usage(root.parent).free < FREE_BYTES:
            _LOG.info("what is compiled is not kept: the disk is nearly full")
            return  # TensorFlow ends where it cannot write what it has compiled
        make_folder(root)  # not what is around it: the folder of all runs may have been deleted
        clear_old(root / _WORK, _WORK_SECONDS)
        store = root / _version()
        make_folder(store)
        folder = Path(tempfile.mkdtemp(dir=root / _WORK))
        _tell(folder)
        _Process.folder, _Process.store = folder, store
        _Process.filling = threading.Thread(target=_fill, args=(folder, store), daemon=True)
        _Process.filling.start()
        atexit.register(close)


def wait() -> None:
    """Waits until all that was kept and is whole lies in this process's folder: before anything is compiled."""
    if _Process.filling is not None:
        _Process.filling.join()


@contextlib.contextmanager
def _said_if_not(done: str) -> Iterator[None]:
    """Lets a block fail where files cannot be had, which costs time and no result; the log says so."""
    try:
        yield
    except (OSError, EngineError) as error:
        _LOG.info("what was compiled could not be %s: %s", done, error)


def _version() -> str:
    """Names what was compiled by one version for one machine: another processor may lack what the code was made for."""
    versions = [f"atelier {__version__}", f"python {sys.version_info[:2]}", machine.processor(), *machine.gpus()]
    for name in _DISTRIBUTIONS[framework.name()]:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    digest = hashlib.sha256("\n".join(versions).encode()).hexdigest()[:12]
    return f"{framework.name()}-{digest}"


def _tell(folder: Path) -> None:
    """Says to the framework where its folder is, by the variables that it reads when it is imported."""
    if framework.uses_jax():
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
        return
    _add("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={folder / 'functions'}")
    if machine.gpus():
        (folder / "autotuned").mkdir(exist_ok=True)
        _add("XLA_FLAGS", f"--xla_gpu_per_fusion_autotune_cache_dir={folder / 'autotuned'}")


def _add(variable: str, flag: str) -> None:
    os.environ[variable] = f"{os.environ.get(variable, '')} {flag}".strip()


def _fill(folder: Path, store: Path) -> None:
    """Puts what was kept and is whole into a process's folder; what is damaged goes."""
    for entry in sorted(store.iterdir(), key=_changed):
        with _said_if_not("used"):  # another process may remove one meanwhile
            for file in [found for found in entry.rglob("*") if found.is_file()]:
                if sha256(file) != entry.name:
                    shutil.rmtree(entry, ignore_errors=True)
                    break
                target = folder / file.relative_to(entry)
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(file, target)


def _link(file: Path, target: Path) -> None:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(file, target)
        except OSError as error:
            if isinstance(error, FileExistsError):
                raise
            shutil.copyfile(file, target)  # a file system without hard links


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0


def keep() -> None:
    """Keeps what this process has compiled so far; a full disk is no reason to fail."""
    folder, store = _Process.folder, _Process.store
    if folder is None or store is None:
        return
    wait()
    with _said_if_not("kept"):
        for file in [found for found in folder.rglob("*") if found.is_file()]:
            with contextlib.suppress(FileNotFoundError):  # what the framework was writing has another name by now
                if file.stat().st_nlink == 1:
                    _keep_file(file, file.relative_to(folder), store)
        _bound(store)


def _keep_file(file: Path, name: Path, store: Path) -> None:
    digest = sha256(file)
    if (store / digest).exists():
        return
    staging = Path(tempfile.mkdtemp(dir=store.parent / _WORK))
    try:
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, staging / name)
        sync(staging / name)
        replace(staging, store / digest)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)  # another process was quicker, or the disk is full
        raise


def _bound(store: Path) -> None:
    """Removes the oldest entries of all versions until what is left takes no more than `MOST_BYTES`."""
    entries = [e for e in store.parent.glob("*/*") if e.parent.name != _WORK]
    sizes = {e: sum(f.stat().st_size for f in e.rglob("*") if f.is_file()) for e in sorted(entries, key=_changed)}
    total = sum(sizes.values())
    for entry, size in sizes.items():
        if total <= MOST_BYTES:
            return
        shutil.rmtree(entry, ignore_errors=True)
        total -= size


def close() -> None:
    """Keeps what was compiled and removes this process's folder."""
    keep()
    if _Process.folder is not None:
        shutil.rmtree(_Process.folder, ignore_errors=True)
        _Process.folder = None
