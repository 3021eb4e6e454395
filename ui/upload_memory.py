"""What uploads take of the server's memory: bounded for all sessions together, and let go once they are on the disk.

Streamlit reads each upload into memory and holds it until its session ends. `server.maxUploadSize` bounds one file, nothing
bounds their number.
"""

import contextlib
import threading
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST_BYTES = (
    400 << 20
)  # of all sessions together: those that arrive, twice while they are copied, and those that are held
_ADDRESS = "/_stcore/upload_file/"


def let_go(upload: Any) -> None:
    """Empties an uploaded file in the server's memory; its widget shows its name as before."""
    context = get_script_run_ctx()
    if context is None:
        return
    manager: Any = context.uploaded_file_mgr
    for record in manager.get_files(context.session_id, [upload.file_id]):
        with contextlib.suppress(AttributeError):  # a manager that holds its files elsewhere
            manager.add_file(context.session_id, record._replace(data=b""))


def held() -> int:
    """The bytes of all uploads that the server holds."""
    if not runtime.exists():
        return 0
    files: dict[str, Any] = getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {})
    return sum(len(record.data) for session in list(files.values()) for record in list(session.values()))


class Guard:
    """Refuses uploads while the server holds as many as it can: middleware around Streamlit's own routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._arriving, self._lock = app, 0, threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets everything through but an upload for which there is no room."""
        if scope["type"] != "http" or scope["method"] != "PUT" or _ADDRESS not in scope["path"]:
            await self._app(scope, receive, send)
            return
        size = _announced(scope)
        with self._lock:
            room = held() + self._arriving + size <= MOST_BYTES
            self._arriving += size if room else 0
        if not room:
            answer = PlainTextResponse("The server holds as many uploads as it can: try again in a minute.", 503)
            await answer(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            with self._lock:
                self._arriving -= size


def _announced(scope: Scope) -> int:
    """How many bytes an upload says that it has; the most that are taken where it says nothing, or more."""
    most = int(config.get_option("server.maxUploadSize")) << 20
    said = dict(scope["headers"]).get(b"content-length", b"")
    return min(int(said), most) if said.isdigit() else most
