"""Files that leave the lab, served by a route of the application: a large one is never held in memory.

The name of an exported file holds eight random bytes: who has the link may fetch the file.
"""

import re

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine.core import paths
from ui import network, words
from ui.i18n import _

FOLDER = ".exports"  # engine.models.formats writes it
_ADDRESS = "_atelier/exports"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,160}-[0-9a-f]{16}(\.zip|\.keras|\.weights\.h5)")
_served = False


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    path = paths.checkpoints_root() / FOLDER / name
    if not _NAME.fullmatch(name) or not path.is_file():
        return PlainTextResponse("There is no such file (any more): export it again.", 404)
    return FileResponse(path, filename=name)


def routes() -> list[Route]:
    """The route of exported files; whoever asks for it tells that it is served."""
    global _served
    _served = True
    return [Route(f"{path}/{{name}}", _file) for path in network.below_server(_ADDRESS)]


def link(name: str) -> None:
    """A button that downloads an exported file, with its size; an ordinary one where the route is not served."""
    path = paths.checkpoints_root() / FOLDER / name
    if not path.is_file():
        st.caption(_("The file was removed meanwhile: write it again."))
        return
    label = _("Download ({size})", size=words.size(path.stat().st_size))
    if _served:
        # Relative to the page, which lies beside the route wherever the server's root is.
        st.link_button(label, f"{_ADDRESS}/{name}", icon=":material/download:")
    else:
        st.download_button(label, path.read_bytes(), name, icon=":material/download:")
