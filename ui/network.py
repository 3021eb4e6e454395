"""What stands between the network and the pages: who may frame them, which pages may connect, and what is printed.

Streamlit asks an address service on the internet twice: for the address that it prints where it is headless, and
whenever a page of an unknown host connects. Here neither is needed.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from engine.core import machine
from ui import owner_file

_THIS_MACHINE = {"localhost", "127.0.0.1", "0.0.0.0"}  # Streamlit lets their pages connect without asking anybody
_LARGEST_BODY = 1000  # of what a page sends as JSON: a ticket, or a key
_log = logging.getLogger("atelier.access")


def same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a page of that origin came from the host that it asks now, port included."""
    try:
        return bool(origin and host) and urlsplit(str(origin)).netloc == host
    except ValueError:
        return False


def named(origin: str) -> bool:
    """Whether the owner has named this origin in `server.corsAllowedOrigins`."""
    return origin in {one.strip().rstrip("/") for one in config.get_option("server.corsAllowedOrigins")}


def _known(origin: str) -> bool:
    """Whether Streamlit lets pages of this origin connect, and asks nobody about it."""
    if not config.get_option("server.enableCORS"):
        return True
    hosts = set(_THIS_MACHINE)
    if config.is_manually_set("browser.serverAddress"):
        hosts.add(str(config.get_option("browser.serverAddress")).lower())
    try:
        parts = urlsplit(origin)
        return parts.hostname in hosts and parts.port != 0  # a port that is no number raises
    except ValueError:
        return False


class Guard:
    """Says in each answer who may frame it, and turns away connections from pages of unknown origins."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request or connection."""
        if scope["type"] == "http":
            await self.app(scope, receive, self._framed(send))
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _framed(self, send: Send) -> Send:
        policy = " ".join(["frame-ancestors 'self'", *owner_file.read().frame_ancestors])

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Content-Security-Policy", policy)
            await send(message)

        return sending

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host")
        if origin is not None and not same_origin(origin, host):
            if host and named(origin):
                # As good as the server's own: a proxy may have changed the host. Streamlit would ask the address
                # service before it looks at its own list.
                own = urlsplit(origin)._replace(netloc=host).geturl().encode("latin-1")
                others = [(name, value) for name, value in scope["headers"] if name != b"origin"]
                scope = {**scope, "headers": [*others, (b"origin", own)]}
            elif not _known(origin):
                _log.warning(
                    "Atelier: a page of %r asked for a connection to %r and was turned away. If it is the server's own "
                    "address, name it in server.corsAllowedOrigins.",
                    origin[:200],
                    (host or "")[:200],
                )
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
        await self.app(scope, receive, send)


def middleware() -> list[Middleware]:
    """What the application wraps around all its answers."""
    return [Middleware(Guard)]


def addresses() -> list[str]:
    """Where the dashboard can be opened, from this machine first; read from the system, nobody is asked."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    path = str(config.get_option("server.baseUrlPath") or "").strip("/")
    if config.is_manually_set("browser.serverAddress"):
        hosts = [str(config.get_option("browser.serverAddress"))]
    elif (address := config.get_option("server.address")) and address not in {"0.0.0.0", "::"}:
        hosts = [address]
    else:
        hosts = ["localhost", *machine.addresses()]
    end = f":{config.get_option('server.port')}" + (f"/{path}" if path else "")
    return [f"{scheme}://{f'[{host}]' if ':' in host else host}{end}" for host in hosts]


async def own_json(request: Request) -> bytes | Response:
    """The body of a request that a page of the dashboard's own has sent as JSON, or what any other is answered."""
    # A form of another page cannot send JSON, and a script of one would be asked for leave, which nobody here gives.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return PlainTextResponse("JSON only.", 415)
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return PlainTextResponse("From the dashboard's own pages only.", 403)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_BODY:
            return PlainTextResponse("Too long.", 413)
    return body


def below_server(address: str) -> list[str]:
    """The paths of an address of the application's own: at the root, and below the server's own path, where it has one."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return [f"/{address}", *([f"/{base}/{address}"] if base else [])]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Prints the addresses when the server is ready, in place of Streamlit's own lines."""
    print("\n  Atelier is ready. Open one of these in a browser:\n", flush=True)
    for address in addresses():
        print(f"    {address}", flush=True)
    print("", flush=True)
    yield
