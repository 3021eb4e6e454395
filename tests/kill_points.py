"""Kills a forked process right before its n-th file operation. POSIX."""

import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable

# Every call from Python that can change or flush a file; what else a save calls cannot leave it otherwise.
OPERATIONS = frozenset(
    [
        "open",
        "fdopen",
        "write",
        "writelines",
        "truncate",
        "ftruncate",
        "flush",
        "fsync",
        "close",
        "rename",
        "replace",
        "unlink",
        "remove",
        "rmdir",
        "mkdir",
        "utime",
    ]
)


def killed_at(number: int, prepare: Callable[[], Callable[[], object]]) -> bool:
    """Forks a process that `kill -9`s itself before file operation `number` of the action that `prepare` makes there.

    Returns:
        False where the action came to its end before.

    Raises:
        AssertionError: it failed otherwise.
    """
    with (
        warnings.catch_warnings()
    ):  # Python 3.12 warns where there are threads; the child calls nothing that needs them
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            action = prepare()
            _watch(number)
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "the action failed"
    return os.WIFSIGNALED(status)


def _of_files(owner: object) -> bool:
    """Whether a call is one of the modules that open and rename, or of an open file: strings have a `replace` too."""
    if isinstance(owner, io.IOBase):
        return not isinstance(owner, io.BytesIO | io.StringIO)
    return getattr(owner, "__name__", "") in ("posix", "_io")


def _watch(left: int) -> None:
    def watch(frame, event, called):
        nonlocal left
        if event == "c_call" and called.__name__ in OPERATIONS and _of_files(getattr(called, "__self__", None)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
