"""The real server towards the network: whom it asks, who may connect and frame it, and the owner's code in a browser."""

import contextlib
import http.server
import socket
import threading
from pathlib import Path

import pytest

try:
    import httpx2 as httpx  # which one huggingface_hub has brought
except ImportError:
    import httpx
from browser_helpers import open_page, until_drawn
from waiting_helpers import until

from scripts.dashboard import Dashboard
from ui import rooms

CODE = "correct horse battery"
# Told to Python before anything else runs: every look-up and every connection to another machine is noted and refused.
WATCH = """
import os, sys
def watch(event, args):
    if event in ("socket.connect", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else "localhost"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0] or "localhost"
    else:
        return
    if str(host) in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "b'localhost'"):
        return
    with open(os.environ["WATCHED"], "a") as file:
        file.write(f"{event} {host}\\n")
    raise OSError(101, "Network is unreachable")
sys.addaudithook(watch)
"""


@contextlib.contextmanager
def serving(folder: Path, **options: str):
    """A cold server that listens on all interfaces, headless; its port. Its home is `folder`/home."""
    (folder / "watch").mkdir(exist_ok=True)
    (folder / "watch" / "sitecustomize.py").write_text(WATCH)
    (folder / "home" / ".streamlit").mkdir(parents=True, exist_ok=True)
    environment = {
        "HOME": str(folder / "home"),
        "USERPROFILE": str(folder / "home"),
        "PYTHONPATH": str(folder / "watch"),
        "WATCHED": str(folder / "asked.txt"),
        "PYTHONUNBUFFERED": "1",
        "ATELIER_STUDIO_IDLE_SECONDS": "20",
        "STREAMLIT_SERVER_ADDRESS": "",
        **options,
    }
    with Dashboard(folder / "checkpoints", folder / "server.log", **environment) as dashboard:
        yield dashboard.port


def requests_seen(folder: Path) -> str:
    file = folder / "asked.txt"
    return file.read_text() if file.exists() else ""


def handshake(port: int, origin: str | None, host: str | None = None) -> int:
    """The status with which the server answers somebody who wants to connect: 101 = welcome."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{port}'}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(4096).split()[1])


def test_neither_a_headless_start_nor_a_connection_asks_anybody_outside(tmp_path):
    allowed = "https://atelier.example.org"
    with serving(tmp_path, STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS=allowed) as port:
        own = f"127.0.0.1:{port}"
        assert handshake(port, f"http://{own}") == 101
        assert handshake(port, None) == 101
        assert handshake(port, "http://atelier.local:8501", "atelier.local:8501") == 101  # a name on the local network
        assert handshake(port, f"http://192.168.7.7:{port}", f"192.168.7.7:{port}") == 101
        assert handshake(port, allowed, own) == 101  # behind a proxy that changes the host
        assert handshake(port, "http://localhost:1234") == 101  # as Streamlit does; the owner's cookie does not count
        for origin in ("http://evil.example", "https://evil.example", "null", "http://192.168.7.7", allowed + ".evil.org",
                       "http://[", "file://", "http://127.0.0.1.evil.example", f"http://{own}.evil.example"):  # fmt: skip
            assert handshake(port, origin) == 403, origin
        assert handshake(port, "http://evil.example", "unknown.example") == 403
    log = (tmp_path / "server.log").read_text()
    assert requests_seen(tmp_path) == "", requests_seen(tmp_path)
    assert f"http://localhost:{port}" in log  # where to open it is still printed
    assert "'http://evil.example'" in log and "corsAllowedOrigins" in log


def test_what_the_application_serves_itself_lies_below_the_servers_own_path_too(tmp_path):
    with serving(tmp_path, STREAMLIT_SERVER_BASE_URL_PATH="lab") as port, httpx.Client() as client:
        own = f"http://127.0.0.1:{port}"
        for address, status in (("_atelier/plotly.min.js", 200), ("_atelier/exports/none", 404), ("c", 200)):
            for base in ("", "/lab"):
                answer = client.get(f"{own}{base}/{address}")
                assert answer.status_code == status and "<title>Streamlit" not in answer.text[:2000], (base, address)
        for address in ("_atelier/owner", "_atelier/lead"):
            for base in ("", "/lab"):  # it is there, and wants JSON
                assert client.post(f"{own}{base}/{address}", content=b"").status_code == 415, (base, address)


@pytest.mark.parametrize(
    "options, printed",
    [
        ({"server.address": "127.0.0.1"}, ["http://127.0.0.1:8501"]),
        ({"server.address": "::1", "server.baseUrlPath": "/lab/"}, ["http://[::1]:8501/lab"]),
        ({"browser.serverAddress": "atelier.example"}, ["http://atelier.example:8501"]),
        ({"server.address": "0.0.0.0"}, ["http://localhost:8501", "http://192.168.1.20:8501"]),
        ({}, ["http://localhost:8501", "http://192.168.1.20:8501"]),
    ],
)
def test_the_addresses_printed_are_where_the_server_listens(options, printed, monkeypatch):
    from types import SimpleNamespace

    import psutil

    from ui import network

    monkeypatch.setattr(network.config, "get_option", lambda name: {"server.port": 8501, **options}.get(name))
    monkeypatch.setattr(network.config, "is_manually_set", lambda name: name in options)
    one = SimpleNamespace(family=socket.AF_INET, address="192.168.1.20")
    states = {"lo": SimpleNamespace(isup=True), "eth0": SimpleNamespace(isup=True), "down": SimpleNamespace(isup=False)}
    monkeypatch.setattr(psutil, "net_if_stats", lambda: states)
    loopback = SimpleNamespace(family=socket.AF_INET, address="127.0.0.1")
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"lo": [loopback], "eth0": [one], "down": [one]})
    assert network.addresses() == printed


def test_streamlits_own_welcome_would_have_asked(tmp_path):
    """The control: the same watch sees what the configuration switches off."""
    with serving(tmp_path, STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE="false"):
        pass
    assert "checkip.amazonaws.com" in requests_seen(tmp_path)


ALL = ["", "train", *(f"{room}?tab={tab}" for room, tabs in rooms.ROOMS.items() for tab in tabs)]


@pytest.mark.browser
@pytest.mark.parametrize("paths", [["", "train"], pytest.param(ALL, marks=pytest.mark.long)], ids=["two", "all"])
def test_no_page_makes_a_browser_ask_another_server(browser, tmp_path, paths):
    with serving(tmp_path) as port:
        server = f"http://127.0.0.1:{port}"
        context = browser.new_context(locale="en-GB")
        requests: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda connection: requests.append(connection.url))
        for path in paths:
            page.goto(f"{server}/{path}")
            until_drawn(page)
            page.wait_for_load_state("networkidle")
            # Headless Chromium draws no icon and fetches none: its address is looked at instead.
            icons = page.eval_on_selector_all("link", "links => links.map(link => link.href)")
            assert icons and all(icon.startswith(server) for icon in icons), (path, icons)
            assert any("/media/" in icon for icon in icons), (path, icons)  # the lab's own, not Streamlit's
        local = (server, server.replace("http", "ws"), "data:", "blob:")
        assert len(requests) > 50
        assert [url for url in requests if not url.startswith(local)] == []
        context.close()
    assert requests_seen(tmp_path) == ""


@pytest.fixture
def foreign(tmp_path):
    """A page of another origin that holds in a frame what its query names; its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{self.path.partition("?")[2]}" width=1200 height=800></iframe>'.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_a_frame_of_its_own_origin_shows_the_pages_and_a_foreign_one_only_where_it_is_named(browser, tmp_path, foreign):
    secrets = tmp_path / "home" / ".streamlit" / "secrets.toml"
    with serving(tmp_path) as port:
        server = f"http://127.0.0.1:{port}"
        page = open_page(browser, server)
        # As Community Cloud does: the same origin's page around the app's.
        page.evaluate(
            "address => { document.body.innerHTML = `<iframe src='${address}' width=1200 height=800>` }", server
        )
        page.frame_locator("iframe").locator("h1").wait_for(timeout=60_000)

        def framed(address: str) -> str:
            page.goto(f"{foreign}/?{address}")
            return until(lambda: (url := page.frames[1].url) != "about:blank" and url)

        # Pages, the fallback for unknown addresses, and what the application's own routes give.
        for path in (
            "/",
            "/explore",
            "/nowhere",
            "/_atelier/plotly.min.js",
            "/_atelier/exports/x",
            "/favicon.png",
        ):
            assert framed(server + path).startswith("chrome-error:"), path
        secrets.write_text(f'owner_code = "{CODE}"\nframe_ancestors = ["{foreign}"]\n')  # the running server
        page.goto(f"{foreign}/?{server}/")
        page.frame_locator("iframe").locator("h1").wait_for(timeout=60_000)
        secrets.write_text(f'owner_code = "{CODE}"\nframe_ancestors = ["http://127.0.0.1:1"]\n')
        assert framed(server + "/").startswith("chrome-error:")
        page.close()


def give(page, code: str) -> None:
    page.get_by_label("Owner's code", exact=True).fill(code)
    page.get_by_role("button", name="Enter", exact=True).click()


@pytest.mark.browser
def test_the_code_is_asked_once_and_stays_over_a_reload_until_its_holder_leaves(browser, tmp_path):
    secrets = tmp_path / "home" / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir(parents=True)
    secrets.write_text(f'owner_code = "{CODE}"')
    with serving(tmp_path) as port:
        server = f"http://127.0.0.1:{port}"
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(server)
        owner = page.get_by_text("You are the owner here.")
        for number in range(3):
            page.get_by_label("Owner's code", exact=True).wait_for(timeout=60_000)
            give(page, f"0{number}42 0{number}42")
            page.get_by_text("This is not the owner's code.").wait_for(timeout=30_000)
            if number < 2:
                page.reload()  # the count is the server's
        page.wait_for_timeout(1500)  # the wait of 1 s that a third wrong code costs: no page counts it down
        give(page, CODE)
        owner.wait_for(timeout=30_000)
        cookies = until(lambda: [one for one in context.cookies() if one["name"].startswith("atelier_owner_")], 20)
        assert cookies[0]["httpOnly"] and cookies[0]["sameSite"] == "Strict"
        assert cookies[0]["name"] not in page.evaluate("document.cookie")
        for path in ("", "/library?tab=checkpoints"):
            page.goto(server + path)
            owner.wait_for(timeout=60_000)
        other = browser.new_page(locale="en-GB")
        other.goto(server)
        other.get_by_label("Owner's code", exact=True).wait_for(timeout=60_000)
        other.close()
        page.get_by_role("button", name="Be a visitor again").click()
        page.get_by_label("Owner's code", exact=True).wait_for(timeout=30_000)
        page.reload()
        page.get_by_label("Owner's code", exact=True).wait_for(timeout=60_000)
        assert owner.count() == 0
        context.close()
    log = (tmp_path / "server.log").read_text()
    assert "a wrong owner's code from 127.0.0.1, number 3; the next one is looked at in 1 s." in log
    assert CODE not in log and "0242" not in log


def test_a_server_whose_secrets_are_utf_16_starts_and_says_so(tmp_path):
    (tmp_path / "home" / ".streamlit").mkdir(parents=True)
    (tmp_path / "home" / ".streamlit" / "secrets.toml").write_bytes(f'owner_code = "{CODE}"'.encode("utf-16"))
    with serving(tmp_path) as port:
        assert handshake(port, None) == 101
    assert requests_seen(tmp_path) == ""
