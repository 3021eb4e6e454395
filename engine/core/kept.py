"""What was read of a file, kept as long as that file stands there: for files that are replaced and never written over."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 10_000


class Kept(Generic[T]):
    """What a function reads of files, read again where another file stands in the place. Whoever gets it does not change it.

    A page asks for the states and checkpoints of hundreds of runs: to look at a file takes a hundredth of reading it.
    """

    def __init__(self, read: Callable[[Path], T]) -> None:
        """Args:
        read: of a file's path; what it raises is raised each time.
        """
        self._read = read
        self._kept: dict[Path, tuple[tuple[int, ...], T]] = {}

    def of(self, path: Path) -> T:
        """What the function reads there."""
        try:
            status = path.lstat()
        except OSError:
            return self._read(path)  # which knows what to say
        seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == seen:
            return kept[1]
        value = self._read(path)
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[path] = (seen, value)
        return value
