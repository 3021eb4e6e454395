"""Writing files so that a reader sees the old content or the new, never a torn one."""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from engine.core import strict_json
from engine.core.errors import GoneError, StorageError, sentence
from engine.core.progress import OnProgress, Phase, Progress, ignore

_NO_ROOM = sentence(
    "The disk that holds {path} has {free} MB free, and {needed} MB are needed: free some space and try again."
)
_HASHED_BYTES = 1 << 20
MOST_JSON_BYTES = 64 << 20  # larger than anything that is kept as one JSON value
MOST_DEPTH = 32  # of lists and objects in one another; nothing that is written here has more than ten
REPLACE_ATTEMPTS = 40  # on Windows a reader's open handle makes os.replace fail for a moment
_WRITE_ATTEMPTS = 3  # of a small file whose temporary one somebody swept away, who could not see this process
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)(-[0-9a-f]+)?\.(?P<ending>tmp|former|gone)")
_CLOCK_SECONDS = 2.0  # by which a process's start may be off: Linux counts it from a boot time in seconds


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full; libraries in C and Rust pass the system's words on, not its number."""
    known = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return getattr(error, "errno", None) in known or os.strerror(errno.ENOSPC) in str(error)


def full(path: Path | str) -> StorageError:
    """The sentence for a disk that is full."""
    return StorageError("The disk that holds {path} is full: free some space and try again.", path=path)


def require_space(folder: Path, needed: int, template: str = _NO_ROOM) -> None:
    """Makes sure that so many bytes fit, before one of them is written.

    Keras's HDF5 writer crashes the process when the disk fills half-way, so asking beforehand is the only way.

    Args:
        template: what is said where they do not fit, of {path}, {needed} and {free}, in MB.

    Raises:
        StorageError: they do not.
    """
    available = shutil.disk_usage(folder).free
    if available < needed:
        # Up and down, so that the two never look equal.
        values = {"needed": math.ceil(needed / 1e6), "free": math.floor(available / 1e6)}
        raise StorageError(template, path=folder, **values)


@contextlib.contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turns the operating system's refusal to write under `path` into a StorageError that says what to do; a GoneError where
    the folder itself has been removed."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not Path(path).exists():
            raise GoneError("The folder {path} is gone: it was deleted or moved.", path=path) from error
        if is_full(error):
            raise full(path) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StorageError(
                "No rights to write in {path}: choose another folder or change its rights.", path=path
            ) from error
        if isinstance(error, NotADirectoryError | IsADirectoryError):
            raise _in_the_way(error.filename or path) from error
        raise


def _in_the_way(path: Path | str) -> StorageError:
    return StorageError(
        "{path} is in the way: a file stands where a folder is needed, or a folder where a file is. Move it elsewhere.",
        path=path,
    )


def make_folder(path: Path, parents: bool = False) -> None:
    """Makes a folder where it is not there yet, inside one that stands: what has been deleted does not come back.

    Args:
        parents: those above it are made too. Never inside a run's folder.

    Raises:
        GoneError: the folder around it is gone. StorageError: no rights, no space, or a file stands there.
    """
    with storage_errors(path.parent):
        try:
            path.mkdir(parents=parents, exist_ok=True)
        except FileExistsError as error:
            raise _in_the_way(error.filename or path) from error


def sync(path: Path) -> None:
    """Flushes a file, or on POSIX a folder's entries, to the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder for flushing
        return
    # Windows flushes only through a descriptor that may write.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """`os.replace` that waits for readers on Windows, for at most four seconds."""
    for attempt in range(REPLACE_ATTEMPTS):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.1)


_own: set[str] = set()  # names of what threads of this process are writing; no two are alike
_own_lock = threading.Lock()


@contextlib.contextmanager
def temporary(path: Path, ending: str = "tmp") -> Iterator[Path]:
    """A name beside `path` that no other thread or process has, under which it is written, or goes.

    The process's number in it tells what a dead one has left; `sweep` spares the name while the block lasts.
    """
    own = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(6)}.{ending}")
    with _own_lock:
        _own.add(own.name)
    try:
        yield own
    finally:
        with _own_lock:
            _own.discard(own.name)


def _is_living(left: Path, pid: int) -> bool:
    """Whether somebody is still writing there. A process that is younger than the file has a dead one's number."""
    if pid == os.getpid():
        with _own_lock:
            return left.name in _own
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # dead, and its parent has not looked
            return False
        started: float = process.create_time()
        return started <= left.stat().st_mtime + _CLOCK_SECONDS
    except psutil.AccessDenied:  # it is there, and another user's
        return True
    except (psutil.Error, OSError):
        return False


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def sweep(folder: Path, endings: tuple[str, ...] = ("tmp", "former"), seconds: float = 0.0) -> None:
    """Clears away what killed processes were writing in `folder`; what living ones write is left alone.

    A folder that gave way to a new one of its name, which never came, is put back.

    Args:
        seconds: what is younger is left too, since a process of another container cannot be seen.
    """
    for left in folder.glob(".*"):
        parts = _TEMPORARY.fullmatch(left.name)
        if parts is None or parts["ending"] not in endings or _age(left) < seconds:
            continue
        # What has gone is removed all the same: nobody writes there, and two that remove it do no harm.
        if parts["ending"] != "gone" and _is_living(left, int(parts["pid"])):
            continue
        target = left.with_name(parts["name"])
        if parts["ending"] == "former" and not target.exists():
            replace(left, target)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, durable: bool = True, mode: int = 0o644) -> None:
    """Replaces `path` by `content` in one step; with `durable`, flushed to the disk first.

    Args:
        mode: rights of the new file on POSIX; 0o600 keeps a secret.

    Raises:
        StorageError: no rights or no space; the former content of `path` stays.
    """
    for attempt in range(_WRITE_ATTEMPTS):
        with storage_errors(path.parent), temporary(path) as staging:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                with os.fdopen(os.open(staging, flags, mode), "wb") as file:
                    file.write(content)
                    if durable:
                        file.flush()
                        os.fsync(file.fileno())
                replace(staging, path)
                if durable:
                    sync(path.parent)
                return
            except FileNotFoundError:
                # A process of another container, which cannot see this one, took it for a dead one's.
                if attempt == _WRITE_ATTEMPTS - 1 or not path.parent.is_dir():
                    raise
            finally:
                staging.unlink(missing_ok=True)


def json_text(value: object) -> str:
    """Indented JSON that a person can read."""
    return strict_json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write_json(path: Path, value: object, durable: bool = True) -> None:
    """Replaces `path` by `value` as `json_text`."""
    write_bytes(path, json_text(value).encode(), durable)


def open_plain(path: Path) -> BinaryIO:
    """Opens a file for reading, and never waits: a pipe, a device or a folder under its name is refused.

    Raises:
        OSError: absent, no rights, or no plain file. ValueError: no path at all.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for a writer
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return os.fdopen(descriptor, "rb")


def parse_json(content: bytes) -> Any:
    """The value of a JSON text that anybody may have written.

    Raises:
        ValueError: no JSON in UTF-8, nested too deeply, or with characters that no text can hold.
    """
    try:
        value = strict_json.loads(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if content.count(b"[") + content.count(b"{") > MOST_DEPTH and _deeper(value, MOST_DEPTH):
        raise ValueError("nested too deeply")
    if b"\\u" in content:  # half of a pair of surrogates cannot be shown, sent or written
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or an empty one where the file is absent, damaged or not an object."""
    try:
        with open_plain(path) as file:
            content = file.read(MOST_JSON_BYTES + 1)
        value = parse_json(content) if len(content) <= MOST_JSON_BYTES else None
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def sha256(path: Path, on_progress: OnProgress = ignore) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest, block = hashlib.sha256(), memoryview(bytearray(_HASHED_BYTES))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
            on_progress(Progress(file.tell(), 0, Phase.CHECKING))
    return digest.hexdigest()


def size(folder: Path) -> int:
    """The bytes of all files under `folder`."""
    total = 0
    for place, _folders, names in os.walk(folder):  # which passes over what is deleted meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size
    return total
