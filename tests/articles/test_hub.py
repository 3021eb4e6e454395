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

from engine.core import paths
from engine.corpus import lookup, store

NAME, SHA = "ccdv/pubmed-summarization", "0123456789abcdef0123456789abcdef01234567"


def others_on_the_hub() -> dict[str, tuple[int, dict[str, str], bytes]]:
    """Path → status, headers and content: data sets that cannot be fetched just so."""

    def listing(name: str, *files: str, **more: object) -> bytes:
        siblings = [{"rfilename": file, "size": 3} for file in files]
        return json.dumps({"_id": "1", "id": name, "sha": SHA, "siblings": siblings, **more}).encode()

    gated = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to dataset some/gated is restricted"}
    found = {
        "some/gated": (200, {}, listing("some/gated", "data/train.parquet", gated="manual")),
        "some/closed": (403, gated, b""),
        "armanc/scientific_papers": (200, {}, listing("x", "scientific_papers.py", "README.md")),
        "some/text": (200, {}, listing("x", "README.md")),
        "some/many": (200, {}, listing("x", "en/train.parquet", "fr/train.parquet", "fr/test.parquet")),
        "some/parts": (200, {}, listing("x", "train/0.parquet", "test/0.parquet")),
        "some/one": (200, {}, listing("x", "plain/train.parquet")),
        "some/busy": (429, {"Retry-After": "0"}, b""),
    }
    found = {f"/api/datasets/{name}": answer for name, answer in found.items()}
    found[f"/datasets/some/one/resolve/{SHA}/plain/train.parquet"] = (403, gated, b"")
    return found


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
    requests: list[str] = []
    refusals = others_on_the_hub()

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, body: bool):
            if (content := refusals.get(self.path.partition("?")[0])) is not None:
                status, headers, content = content
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)
                return
            requests.append(f"{self.command} {self.path}")
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
    yield f"http://127.0.0.1:{server.server_port}", requests
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
    address, requests = hub
    done = prepare(address, NAME, tiny_preset, tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert {split: counts["articles"] for split, counts in result["splits"].items()} == {
        "train": 5,
        "validation": 2,
        "test": 2,
    }
    assert re.search(r"ccdv/pubmed-summarization: 3 files, \d+ MB", done.stderr)
    assert not any("/section/" in path for path in requests)
    assert store.is_corpus(result["corpus"])
    requests.clear()
    again = prepare(address, f"hf://datasets/{NAME}", tiny_preset, tmp_path)
    assert json.loads(again.stdout.splitlines()[-1])["corpus"] == result["corpus"]
    assert requests == []  # what was fetched is used without asking the network


STOPPED_IN_A_FILE = """
import json, sys
from engine.articles import hub
from engine.core.progress import Cancelled
from huggingface_hub import constants
constants.DOWNLOAD_CHUNK_SIZE = 100
listing = hub.list_files(sys.argv[1])
told = []
def on_progress(progress):
    told.append(progress.done)
    if len(told) == 3:
        raise Cancelled
try:
    hub.fetch(listing, on_progress)
except Cancelled:
    told.append("stopped")
folder = hub.fetch(listing, lambda progress: told.append(progress.done))
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
    progress, size, files = json.loads(done.stdout.splitlines()[-1])
    assert progress[:4] == [0, 100, 200, "stopped"]
    assert progress[4:] == sorted(progress[4:]) and progress[-1] == size and len(progress) > 20
    assert files == 3  # of the configuration alone


def test_a_name_that_is_not_on_the_hub_is_one_sentence(hub, tiny_preset, tmp_path):
    done = prepare(hub[0], "nobody/nothing", tiny_preset, tmp_path)
    assert done.returncode == 1
    assert "engine: There is no public data set nobody/nothing on the Hugging Face hub." in done.stderr


def test_without_network_the_manual_way_is_said(tiny_preset, tmp_path):
    done = prepare("http://127.0.0.1:9", NAME, tiny_preset, tmp_path)
    assert done.returncode == 1
    assert "The Hugging Face hub cannot be reached. Without network: fetch the Parquet files" in done.stderr


LISTED = """
import json, sys
from engine.articles import hub
from engine.core.errors import EngineError
from huggingface_hub.utils import _http
_http.time.sleep = lambda seconds: None
told = []
for name in sys.argv[1:]:
    try:
        listing = hub.list_files(name)
        told.append([listing.configuration, list(listing.others), [file for file, _size in listing.files]])
        if name == "some/one":
            hub.fetch(listing)
    except EngineError as error:
        told.append(str(error))
print(json.dumps(told))
"""


def listed(address: str, tmp_path, *names: str) -> list:
    environment = {k: v for k, v in environment_of(address, tmp_path).items() if k != "HF_TOKEN"}
    done = subprocess.run(
        [sys.executable, "-c", LISTED, *names],
        cwd=paths.PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_a_refusal_of_the_hub_means_is_said(hub, tmp_path):
    gated, closed, script, text, busy = listed(
        hub[0], tmp_path, "some/gated", "some/closed", "armanc/scientific_papers", "some/text", "some/busy"
    )
    assert gated.startswith("Access to some/gated must be asked for: log in at huggingface.co/datasets/some/gated")
    assert closed.startswith("Access to some/closed must be asked for")
    assert script == (
        "armanc/scientific_papers holds no articles, only a script that would fetch them, and scripts from the hub are not run. "
        "ccdv/pubmed-summarization holds the articles of PubMed's scientific_papers as files."
    )
    assert text == "some/text holds no Parquet files: only data sets in that form are fetched."
    assert "too many requests from this network: wait some minutes" in busy


def test_several_configurations_are_named_and_never_merged(hub, tmp_path):
    many, french, wrong, parts, pubmed, section, *one = listed(
        hub[0],
        tmp_path,
        "some/many",
        "hf://datasets/some/many:fr",
        "some/many:de",
        "some/parts",
        NAME,
        f"{NAME}:section",
        "some/one",
    )
    assert many == "some/many has several configurations, which are other data each: en, fr. Name one: some/many:en"
    assert french == ["fr", ["en"], ["fr/test.parquet", "fr/train.parquet"]]
    assert wrong == "some/many has no configuration de; it has en, fr."
    assert parts == ["", [], ["test/0.parquet", "train/0.parquet"]]
    assert pubmed[:2] == ["document", ["section"]] and section[:2] == ["section", ["document"]]
    assert one[0][0] == "plain" and one[1].startswith("Access to some/one must be asked for")


def test_a_configuration_that_was_fetched_beside_another_is_prepared_alone(hub, tiny_preset, tmp_path):
    for name in (NAME, f"{NAME}:section"):
        done = prepare(hub[0], name, tiny_preset, tmp_path)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        assert [counts["articles"] for counts in result["splits"].values()] == [5, 2, 2]
        configuration = name.partition(":")[2] or "document"
        # Here both hold the same articles, so they are one corpus, which names where it is from.
        sources = lookup.sources(store.Corpus(result["corpus"]))
        assert any(source.endswith(f"/{configuration}") for source in sources)
