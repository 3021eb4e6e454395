"""The classes of this machine: each a folder with one SQLite file, erased after thirty days.

```
classes/K7FM/answers.sqlite    (with its -wal and -shm while it is open)
```
The folder's name is the code that a pupil types. The teacher's key is the code and a random part of which a hash is kept. A
folder appears whole and goes whole: it is renamed first, so that a kill leaves the class or nothing of it.
"""

import contextlib
import datetime
import errno
import hashlib
import hmac
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.core import paths
from engine.core.errors import ClassError, EngineError
from engine.core.files import make_folder, replace, storage_errors, sweep, temporary
from engine.core.folders import staged_folder

KEPT_DAYS = 30
CODE_LENGTH = 4
SCHEMA_VERSION = 1
WRITES = "writes"  # the fact that counts what was written; a class of before has none
# No letter or digit that is read as another one: 0 O, 1 I L, 5 S, 2 Z, 8 B, U V.
_LETTERS = "ACDEFGHJKMNPQRTWXY34679"
_CODE = re.compile(f"[{_LETTERS}]{{{CODE_LENGTH}}}")
_FILE = "answers.sqlite"
_PATIENCE_SECONDS = 10.0  # for whoever writes at the same time
_LEFT_SECONDS = 60.0  # what another container's process may still be writing

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pupils (pupil BLOB PRIMARY KEY, half INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE questions (number INTEGER PRIMARY KEY, name TEXT NOT NULL, moment TEXT NOT NULL, round INTEGER NOT NULL,
                        content TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE answers (question INTEGER NOT NULL, pupil BLOB NOT NULL, form INTEGER NOT NULL, choice INTEGER NOT NULL,
                      PRIMARY KEY (question, pupil)) WITHOUT ROWID;
CREATE TABLE paper (question INTEGER NOT NULL, choice INTEGER NOT NULL, count INTEGER NOT NULL,
                    PRIMARY KEY (question, choice)) WITHOUT ROWID;
"""

_FACTS = ("opened", "key", "lesson", "language", "joining", "changes")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Opened:
    """A class that was just opened: its code for pupils, and the key of its teacher, which is nowhere kept."""

    code: str
    key: str


@dataclass(frozen=True)
class SchoolClass:
    """A class that is there.

    Attributes:
        code: what pupils type. lesson: the name of its lesson. language: of its teacher. opened: the day.
    """

    code: str
    lesson: str
    language: str
    opened: datetime.date

    @property
    def erased(self) -> datetime.date:
        """The day on which it goes by itself."""
        return self.opened + datetime.timedelta(days=KEPT_DAYS)

    @property
    def file(self) -> Path:
        """Its answers."""
        return paths.classes_root() / self.code / _FILE

    def read(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """What `action` finds in one state of the file, whatever others write meanwhile."""
        return _with(self.code, self.file, action, "BEGIN")

    def write(self, action: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Has `action` change the file, all of it or nothing; when this returns it is on the disk."""

        def counted(connection: sqlite3.Connection) -> _Result:
            result = action(connection)
            if connection.total_changes:
                connection.execute(
                    "INSERT INTO facts VALUES (?, '1') ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
                    (WRITES,),
                )
            return result

        return _with(self.code, self.file, counted, "BEGIN IMMEDIATE")


def normal(typed: str) -> str:
    """A code as somebody typed it, as it is meant: without blanks and hyphens, in capitals; "" where it can be none."""
    plain = re.sub(r"[\s-]", "", typed[:40]).upper()
    return plain if _CODE.fullmatch(plain) else ""


def open_class(lesson: str, language: str, today: datetime.date | None = None) -> Opened:
    """Opens a class.

    Raises:
        StorageError: no rights or no space.
    """
    root = paths.classes_root()
    make_folder(root, parents=True)
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
        key = f"{code}-{secrets.token_urlsafe(16)}"
        facts = {
            "schema_version": str(SCHEMA_VERSION),
            "opened": (today or datetime.date.today()).isoformat(),
            "key": _hash(key),
            "lesson": lesson,
            "language": language,
            "joining": "1",
            "changes": "0",
        }
        try:
            with staged_folder(root / code, exclusive=True) as staging:
                _make(staging / _FILE, facts)
        except FileExistsError:
            continue
        return Opened(code, key)


def try_out() -> float:
    """Writes a file as a class has it where classes lie, reads it and erases it: the seconds that takes.

    Raises:
        StorageError: no rights or no space. ClassError: what was written is not what is read.
    """
    root = paths.classes_root()
    make_folder(root, parents=True)
    begun = time.perf_counter()
    with temporary(root / "check") as folder:
        try:
            with storage_errors(root):
                folder.mkdir()
            file, number = folder / _FILE, secrets.token_hex(16)
            _make(file, {"number": ""})
            _with("–", file, lambda c: c.execute("UPDATE facts SET value = ?", (number,)), "BEGIN IMMEDIATE")
            (read,) = _with("–", file, lambda c: c.execute("SELECT value FROM facts").fetchone(), "BEGIN")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if read != number:
        raise _damaged("–")
    return time.perf_counter() - begun


def _make(file: Path, facts: dict[str, str]) -> None:
    try:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # a mark in the file: whoever opens it later keeps to it
            connection.executescript(_SCHEMA)
            connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
    except sqlite3.OperationalError as error:  # no rights, a full disk
        raise _refused("–", file, error) from error


def find(code: str, today: datetime.date | None = None) -> SchoolClass | None:
    """The class of that code; None where there is none, or where it is older than thirty days: then it goes.

    Raises:
        ClassError: its file cannot be read.
    """
    root = paths.classes_root()
    if not _CODE.fullmatch(code) or not (root / code / _FILE).is_file():
        return None
    facts = _with(code, root / code / _FILE, facts_of, "BEGIN")
    try:
        opened = datetime.date.fromisoformat(facts["opened"])
        found = SchoolClass(code, facts["lesson"], facts["language"], opened)
        _ = found.erased
    except (ValueError, OverflowError) as error:
        raise _damaged(code) from error
    if _is_over(opened, today):
        delete(code)
        return None
    return found


def by_key(key: str) -> SchoolClass | None:
    """The class of a teacher's key; None where the key is another one's."""
    code = key[:CODE_LENGTH]
    found = find(code)
    if found is None or not hmac.compare_digest(found.read(facts_of)["key"].encode(), _hash(key).encode()):
        return None
    return found


def the_only(code: str = "") -> SchoolClass:
    """The class of that code, or without one the only class there is.

    Raises:
        ClassError: there is none, or there are several.
    """
    if code:
        found = find(normal(code))
        if found is None:
            raise ClassError("There is no class {code} here (any more).", code=paths.shortened(code))
        return found
    classes = all_classes()
    if not classes:
        raise ClassError("There is no class here: open one first.")
    if len(classes) > 1:
        raise ClassError("Several classes are here: say which, of {codes}.", codes=", ".join(c.code for c in classes))
    return classes[0]


def all_classes() -> list[SchoolClass]:
    """All classes that can be read, the newest first."""
    found = []
    for code in codes():
        with contextlib.suppress(ClassError):
            if one := find(code):
                found.append(one)
    return sorted(found, key=lambda one: one.opened, reverse=True)


def codes() -> list[str]:
    """The codes of all classes, readable or not."""
    root = paths.classes_root()
    return sorted(p.name for p in root.iterdir() if _CODE.fullmatch(p.name)) if root.is_dir() else []


def delete(code: str) -> None:
    """Erases a class and all its answers; nothing happens where it is gone already."""
    folder = paths.classes_root() / code
    if not _CODE.fullmatch(code) or not folder.is_dir():
        return
    with storage_errors(folder.parent), temporary(folder, "gone") as gone:
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            replace(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def any_open() -> bool:
    """Whether a class is here that was not erased, of whatever day; one that cannot be read is."""
    for code in codes():
        try:
            if find(code):
                return True
        except EngineError:
            return True
    return False


def erase_old(today: datetime.date | None = None) -> list[str]:
    """Erases the classes that are older than thirty days, and what kills have left of others; returns the codes of those that went."""
    root = paths.classes_root()
    if not root.is_dir():
        return []
    sweep(root, ("tmp", "gone"), _LEFT_SECONDS)
    erased = []
    for code in codes():
        found = None
        with contextlib.suppress(ClassError):
            found = find(code, today)
        if found is None and _is_over(_day_of(root / code), today):  # what cannot be read goes by its own time
            delete(code)
        if not (root / code).exists():
            erased.append(code)
    return erased


def _day_of(folder: Path) -> datetime.date:
    """The day of a class's folder or its file, the earlier one; today where both are gone."""
    times = []
    for path in (folder, folder / _FILE):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return datetime.date.fromtimestamp(min(times, default=time.time()))


def _is_over(opened: datetime.date, today: datetime.date | None) -> bool:
    return (today or datetime.date.today()) - opened >= datetime.timedelta(days=KEPT_DAYS)


def facts_of(connection: sqlite3.Connection) -> dict[str, str]:
    """What is known of a class as a whole.

    Raises:
        sqlite3.DataError: something is missing, or a number is none; the class is damaged then.
    """
    facts = dict(connection.execute("SELECT name, value FROM facts"))
    if not all(isinstance(facts.get(name), str) for name in _FACTS) or not all(
        str(facts.get(name, "0")).isdecimal() for name in ("changes", WRITES)
    ):
        raise sqlite3.DataError("facts")
    return facts


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _damaged(code: str) -> ClassError:
    return ClassError("The answers of class {code} cannot be read: its file is damaged. Erase this class.", code=code)


@contextlib.contextmanager
def _connection(file: Path) -> Iterator[sqlite3.Connection]:
    # One an action: a connection that stays open would keep Windows from erasing the class.
    connection = sqlite3.connect(
        f"{file.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_PATIENCE_SECONDS
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk, also when the power goes
        yield connection
    finally:
        connection.close()


def _with(code: str, file: Path, action: Callable[[sqlite3.Connection], _Result], begin: str) -> _Result:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with _connection(file) as connection:
                connection.execute(begin)
                try:
                    result = action(connection)
                    connection.execute("COMMIT")
                    return result
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
        except sqlite3.OperationalError as error:
            if not file.is_file():
                raise ClassError("There is no class {code} here (any more).", code=code) from error
            # SQLite does not wait where it mends a log, or where it is closed while it is opened here.
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if busy and time.monotonic() < end:
                time.sleep(0.02)
                continue
            raise _refused(code, file, error) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(code) from error


def _refused(code: str, file: Path, error: sqlite3.OperationalError) -> Exception:
    with storage_errors(file.parent):  # its sentences for what the system refuses
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    return ClassError("The answers of class {code} cannot be read now: {reason}.", code=code, reason=str(error))
