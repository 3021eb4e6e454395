"""Where things lie on this server, as a session sees it: the owner the whole path, a visitor a name alone."""

import re
from pathlib import PurePosixPath, PureWindowsPath

from engine.core import paths
from engine.services import uploads

# An absolute path up to its last part, inside a sentence; the slashes of an address (https://) open none.
_FOLDERS = re.compile(r"(?<![\w.:/\\~])(?:[A-Za-z]:(?=[\\/])|~\w*(?=/)|\\(?=\\))?[\\/](?:[^\s\\/'\"“”<>|:*?]+[\\/])*")
_QUOTED = re.compile(r"(?<=['\"“])(?:[A-Za-z]:)?[\\/][^'\"”\n]*[\\/]")  # which may hold blanks
_UPLOADS = re.compile(
    rf"(?:[\w.-]+/)*{re.escape(uploads.FOLDER)}/(?:{uploads.VISITORS}/)?(?:[0-9a-f]{{32}}|[0-9a-f]{{16}})(?:/|\b)"
)


def shown(text: str) -> str:
    """A text as this session may see it: for a visitor no folder of the server stands in it."""
    from ui import access  # which shows errors, and their sentences are made here

    return text if access.is_owner() else hidden(text)


def hidden(text: str) -> str:
    """A text without the folders that paths in it begin with: `/srv/a/b.zip` is `b.zip`."""
    absolute = PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()
    if absolute and not set(text) & set("\n'"):  # a path alone, which may hold blanks
        return _UPLOADS.sub("", text.rstrip("/\\").replace("\\", "/")).rsplit("/", 1)[-1] or "…"
    for root in sorted({str(paths.checkpoints_root()), str(paths.corpora_root()), str(paths.PROJECT)}, key=len)[::-1]:
        text = text.replace(root + "/", "").replace(root + "\\", "").replace(root, "…")
    return _FOLDERS.sub("", _QUOTED.sub("", _UPLOADS.sub("", text))) or "…"
