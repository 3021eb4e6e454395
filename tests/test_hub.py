"""The hub through its own library, against a server on this machine that answers as the hub does."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow
import pyarrow.parquet
import pytest

from engine import corpus, paths

NAME, SHA = "ccdv/pubmed-summarization", "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path):
    """The address of a hub that holds both configurations of the data set, and the paths that were asked of it."""
    files = {}
    for configuration in ("document", "section"):
        for split, rows in (("train", 5), ("validation", 2), ("test", 2)):
            path = tmp_path / "x.parquet"
            table = {"article": [f"{split} body {n} .\nmore" for n in range(rows)], "abstract": ["an abstract"] * rows}
            pyarrow.parquet.write_table(pyarrow.table(table), path)
            files[f"{configuration}/{split}-00000-of-00001.parquet"] = path.read_bytes()
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, body: bool):
            asked.append(f"{self.command} {self.path}")
            match = re.fullmatch(rf"/datasets/{NAME}/resolve/{SHA}/(.+)", self.path)
            headers = {"X-Repo-Commit": SHA}
            if self.path.startswith(f"/api/datasets/{NAME}"):
                siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
                siblings.append({"rfilename": "README.md", "size": 3})
                content = json.dumps({"_id": "1", "id": NAME, "sha": SHA, "siblings": siblings}).encode()
                headers["Content-Type"] = "application/json"
            elif match and match.group(1) in files:
                content = files[match.group(1)]
                headers["ETag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            else:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.send_header("X-Error-Code", "RepoNotFound")
                self.end_headers()
                return
            begin = int(
                (self.headers.get("Range") or "bytes=0-")[6:].split("-")[0]
            )  # older libraries go on within a file
            whole, content = len(content), content[begin:]
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{whole - 1}/{whole}")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def environment_of(address: str, tmp_path) -> dict[str, str]:
    return {
        **os.environ,
        "HF_ENDPOINT": address,
        "HF_HOME": str(tmp_path / "home"),
        "ATELIER_CORPORA": str(tmp_path / "corpora"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def prepare(address: str, name: str, preset, tmp_path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "engine", "prepare", "--source", name, "--preset", str(preset), "--json"]
    return subprocess.run(
        command,
        cwd=paths.PROJECT,
        env=environment_of(address, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_data_set_is_fetched_once_with_its_size_said_first(hub, tiny_preset, tmp_path):
    address, asked = hub
    done = prepare(address, NAME, tiny_preset, tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert {split: counts["articles"] for split, counts in result["splits"].items()} == {
        "train": 5,
        "validation": 2,
        "test": 2,
    }
    assert re.search(r"ccdv/pubmed-summarization: 3 files, \d+ MB", done.stderr)
    assert not any("/section/" in path for path in asked)
    assert corpus.is_corpus(result["corpus"])
    asked.clear()
    again = prepare(address, f"hf://datasets/{NAME}", tiny_preset, tmp_path)
    assert json.loads(again.stdout.splitlines()[-1])["corpus"] == result["corpus"]
    assert asked == []  # what was fetched is used without asking the network


STOPPED_IN_A_FILE = """
import json, sys
from engine import jobs
from engine.articles import hub
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 100
listing = hub.list_files(sys.argv[1])
told = []
def report(done, total):
    told.append(done)
    if len(told) == 3:
        raise jobs.Stopped
try:
    hub.fetch(listing, report)
except jobs.Stopped:
    told.append("stopped")
folder = hub.fetch(listing, lambda done, total: told.append(done))
print(json.dumps([told, listing.size, len(list(folder.rglob("*.parquet")))]))
"""


def test_a_download_tells_its_bytes_and_stops_within_a_file(hub, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_IN_A_FILE, NAME],
        cwd=paths.PROJECT,
        env=environment_of(hub[0], tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told, size, files = json.loads(done.stdout.splitlines()[-1])
    assert told[:4] == [0, 100, 200, "stopped"]
    assert told[4:] == sorted(told[4:]) and told[-1] == size and len(told) > 20
    assert files == 3


def test_a_name_that_is_not_on_the_hub_is_one_sentence(hub, tiny_preset, tmp_path):
    done = prepare(hub[0], "nobody/nothing", tiny_preset, tmp_path)
    assert done.returncode == 1
    assert "engine: There is no public data set nobody/nothing on the Hugging Face hub." in done.stderr


def test_without_network_the_manual_way_is_said(tiny_preset, tmp_path):
    done = prepare("http://127.0.0.1:9", NAME, tiny_preset, tmp_path)
    assert done.returncode == 1
    assert "The Hugging Face hub cannot be reached. Without network: fetch the Parquet files" in done.stderr
