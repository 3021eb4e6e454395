"""What the tests share: a tiny real GPT-2, small real articles, folders of their own."""

import contextlib
import gc
import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest

pytest.register_assert_rewrite(
    "articles_helpers",
    "browser_helpers",
    "cluster_helpers",
    "damage_helpers",
    "foreign_helpers",
    "lesson_helpers",
    "pages_helpers",
    "pubmed_helpers",
    "runs_helpers",
    "side_by_side_helpers",
    "slurm_helpers",
    "sources_helpers",
    "training_helpers",
    "waiting_helpers",
)
from browser_helpers import BROWSER_SECONDS, LONG_BROWSER_SECONDS, end_browsers, unavailable  # noqa: E402
from project import PROJECT  # noqa: E402
from pubmed_helpers import article_line, jsonl  # noqa: E402

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("atelier", deadline=None)
hypothesis.settings.load_profile("atelier")


def pytest_collection_modifyitems(items):
    """Begins with the files that take longest, a worker each: one of them at the end would keep its worker alone."""
    rank = dict.fromkeys((item.path for item in items), 2)
    for item in items:
        marked = (item.get_closest_marker(name) for name in ("browser", "slow"))
        rank[item.path] = min([rank[item.path], *(place for place, mark in enumerate(marked) if mark)])
    items.sort(key=lambda item: rank[item.path])


@pytest.fixture(scope="session", autouse=True)
def nothing_in_the_project(tmp_path_factory):
    """Runs, corpora and figures of tests without a folder of their own: nothing is left for the next time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATELIER_CHECKPOINTS", str(tmp_path_factory.mktemp("checkpoints")))
        patch.setenv("ATELIER_CORPORA", str(tmp_path_factory.mktemp("corpora")))
        patch.setenv("ATELIER_CLASSES", str(tmp_path_factory.mktemp("classes")))
        patch.setenv("ATELIER_COMPILED", "off")  # tests/models/test_compiled_results.py looks at it
        patch.setenv("ATELIER_SETTINGS", str(tmp_path_factory.mktemp("settings") / "atelier.toml"))  # of one machine
        yield


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory) -> Path:
    """A folder of 24 training, 4 validation and 4 test articles."""
    folder = tmp_path_factory.mktemp("articles")
    for split, numbers in (("train", range(24)), ("validation", range(24, 28)), ("test", range(28, 32))):
        lines = [article_line(number) for number in numbers]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level BPE of 400 entries."""
    from engine.presets import tokenizers

    return tokenizers.train([json.loads(article_line(n))["article_text"][1] for n in range(24)], 400)


@pytest.fixture
def tokenizer(vocabulary):
    from engine.presets import tokenizers

    return tokenizers.Tokenizer(*vocabulary)


@pytest.fixture(scope="session")
def without_xla():
    """No XLA in this process: compiling takes most of the time of so small a run. Processes of their own (the command line,
    the browser tests) keep it."""
    from engine.evaluation import scoring

    scoring.JIT_COMPILE = False
    importlib.import_module("keras_hub")
    gc.collect()
    gc.freeze()  # a million objects of TensorFlow that stay: each collection of garbage would go through them, 0.3 s


def new_preset(folder: Path, vocabulary, layers: int) -> Path:
    """A keras-hub preset of a real GPT-2: hidden 32, context 64, random weights of a fixed seed."""
    from engine.models import loading
    from engine.models.backend import keras

    keras.utils.set_random_seed(7)
    model = loading.new(loading.Architecture(len(vocabulary[0]), layers, 2, 32, 64))
    loading.save_preset(model, *vocabulary, folder, "# A tiny model for tests\n")
    return folder


@pytest.fixture(scope="session")
def tiny_preset(tmp_path_factory, vocabulary, without_xla) -> Path:
    """One layer: most of the time of so small a run is TensorFlow's tracing, which each layer's variables add to."""
    return new_preset(tmp_path_factory.mktemp("presets") / "tiny", vocabulary, 1)


@pytest.fixture(scope="session")
def two_layer_preset(tmp_path_factory, vocabulary, without_xla) -> Path:
    """Two layers, for what could mistake one for the other."""
    return new_preset(tmp_path_factory.mktemp("two-layers") / "tiny", vocabulary, 2)


@pytest.fixture(scope="module")
def looking():
    """The process that reads foreign weights, shared by the tests of a module."""
    from engine.exchange.foreign.validator import Validator

    with Validator() as shared:
        yield shared


@pytest.fixture(scope="module")
def fine_tuned(two_layer_preset, tmp_path_factory):
    """(weights of a GPT2Backbone that are not the preset's, a keras-hub preset of them, a Hugging Face folder of them)."""
    import numpy as np

    from engine.models import formats, loading
    from engine.presets import catalogue
    from engine.runs import references
    from engine.runs.references import ModelReference

    folder = tmp_path_factory.mktemp("fine-tuned")
    model, _tokenizer = loading.load(ModelReference(catalogue.find(two_layer_preset)))
    rng = np.random.default_rng(1)
    model.backbone.set_weights([w + rng.normal(0, 0.05, w.shape) for w in model.backbone.get_weights()])
    loading.save_preset(
        model, *formats._vocabulary(ModelReference(catalogue.find(two_layer_preset))), folder / "keras-hub", ""
    )
    exported = formats.export(references.resolve(str(folder / "keras-hub")), "hugging-face", folder / "hugging-face")
    return model.backbone.get_weights(), folder / "keras-hub", exported


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Folders for runs and corpora that belong to this test alone; subprocesses find them too."""
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("ATELIER_CORPORA", str(tmp_path / "corpora"))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


class Elsewhere(NamedTuple):
    """An interpreter that has Hugging Face's library: in a process with TensorFlow torch crashes (signal 11 with triton 3.8)."""

    python: str

    def run(self, script: str, *arguments: object) -> str:
        """What a script prints there, in a process that knows nothing of this project."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [self.python, "-c", script, *map(str, arguments)],
            env={**environment, "HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def transformers() -> Elsewhere:
    """Hugging Face's library with torch behind it, in `$ATELIER_TRANSFORMERS_PYTHON` or here; skips where they are not
    installed, since they are large, and fails so in CI."""
    found = Elsewhere(os.environ.get("ATELIER_TRANSFORMERS_PYTHON") or sys.executable)
    look = "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('transformers')))"
    if subprocess.run([found.python, "-c", look]).returncode:
        reason = "a test extra: pip install -r tests/requirements-transformers.txt && pytest -m long -k transformers"
        (pytest.fail if os.environ.get("ATELIER_REQUIRE_ALL") else pytest.skip)(reason)
    return found


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real articles and books, `$ATELIER_DATA`; skips where it is absent, and fails so in CI."""
    folder = Path(os.environ.get("ATELIER_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        message = "needs the real articles: set ATELIER_DATA to their folder (docs/architecture.md, Data)"
        (pytest.fail if os.environ.get("ATELIER_REQUIRE_ALL") else pytest.skip)(message)
    return folder


@pytest.fixture
def eager():
    """Nothing is traced, which takes longer than a few steps of a model of one layer."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def only_trains(monkeypatch, eager):
    """Leaves out what has no part in what is tested, and takes most of the time of so small a run."""
    from engine.training import final, loop
    from engine.training.measurer import Measurer

    for method in ("measure_start", "measure"):
        monkeypatch.setattr(Measurer, method, lambda self, *rest: None)
    monkeypatch.setattr(final, "measure_result", lambda *rest: {})
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)  # the loss of each step


@pytest.fixture
def release(tmp_path):
    """The PubMed release as downloaded."""
    path = tmp_path / "pubmed-dataset.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pubmed-dataset/vocab", "the 120\nof 80\n")
        archive.writestr("pubmed-dataset/train.txt", jsonl(*range(8)))
        archive.writestr("pubmed-dataset/val.txt", jsonl(8, 9))
        archive.writestr("pubmed-dataset/test.txt", jsonl(10))
        archive.writestr("__MACOSX/pubmed-dataset/._train.txt", b"\0\5\26\7")
    return path


@pytest.fixture
def on_the_cpu(monkeypatch):
    """A machine without a GPU."""
    from engine.core import machine

    monkeypatch.setattr(machine, "gpus", lambda: ())


@pytest.fixture(scope="session")
def sample_corpus(tmp_path_factory) -> Path:
    """The corpus of the sample articles in the mini model's vocabulary, prepared once: for copying."""
    from engine.core import paths
    from engine.corpus import preparation
    from engine.presets import tokenizers

    corpora = tmp_path_factory.mktemp("sample_corpus")
    return preparation.prepare(paths.SAMPLE_ARTICLES, tokenizers.load(paths.MINI_PRESET), corpora).folder


@pytest.fixture
def prepared_sample(root, sample_corpus):
    """The corpus of the sample articles among those of this test."""
    from engine.core import paths
    from engine.corpus.store import Corpus

    return Corpus(shutil.copytree(sample_corpus, paths.corpora_root() / sample_corpus.name))


@pytest.fixture
def sample_is_copied(monkeypatch, sample_corpus):
    """Where a page prepares the sample articles, they are copied: those that a test brings are prepared."""
    from engine.articles import Options
    from engine.core import paths
    from engine.services import import_job

    prepared_apart = import_job.prepared_apart

    def copied(request, *seconds):
        same = (paths.locate(request.source), paths.locate(request.preset)) == (
            paths.SAMPLE_ARTICLES,
            paths.MINI_PRESET,
        )
        fits = not request.most_bytes or (sample_corpus / "tokens.bin").stat().st_size < request.most_bytes
        target = paths.corpora_root() / sample_corpus.name
        if same and fits and request.options == Options() and not request.limit and not target.exists():
            with contextlib.suppress(OSError):  # where no folder can be made it is the page that says so
                shutil.copytree(sample_corpus, target.with_suffix(".copy"))
                target.with_suffix(".copy").rename(target)
        return prepared_apart(request, *seconds)

    monkeypatch.setattr(import_job, "prepared_apart", copied)


@pytest.fixture
def no_studio(monkeypatch, sample_is_copied):
    """Pages are rendered here, not generated with: no process is started, but one for articles that a test brings."""
    from engine.services import dispatcher, inference_client
    from ui import owner_file

    monkeypatch.setattr(owner_file, "_secrets_files", lambda: ([], False))  # whatever this machine's own secrets say
    monkeypatch.setattr(owner_file, "_seen", False)
    monkeypatch.setattr(inference_client, "ensure", lambda root=None: None)
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


@pytest.fixture
def nothing_started(monkeypatch, sample_is_copied):
    """Neither a studio nor a dispatcher."""
    from engine.services import dispatcher, inference_client

    monkeypatch.setattr(inference_client, "ensure", lambda root=None: None)
    monkeypatch.setattr(dispatcher, "ensure", lambda root=None: None)


@pytest.fixture
def visitor(monkeypatch):
    """A server with an owner, seen by somebody else; gives the session's state and the secrets."""
    import streamlit as st

    from ui import owner_file

    values, state = {"owner_code": "s3cret-of-hers"}, {}
    monkeypatch.setattr(owner_file, "read", lambda: owner_file.OwnerFile(True, "s3cret-of-hers", values=values))
    monkeypatch.setattr(st, "session_state", state)
    return state, values


@pytest.fixture
def own_classes(monkeypatch, tmp_path):
    """Classes of one test."""
    monkeypatch.setenv("ATELIER_CLASSES", str(tmp_path / "classes"))


@pytest.fixture
def local(monkeypatch):
    """A server on this machine alone: files may be named by path."""
    from ui import access

    monkeypatch.setattr(access, "is_local", lambda: True)


@pytest.fixture(autouse=True)
def no_endless_wait_for_a_browser(request):
    """Ends a browser that has stopped to answer, as at the closing of a window: what waits for it fails, and says where."""
    if request.node.get_closest_marker("browser") is None:
        yield
        return
    seconds = LONG_BROWSER_SECONDS if request.node.get_closest_marker("long") else BROWSER_SECONDS
    timer = threading.Timer(seconds, end_browsers)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


@pytest.fixture(scope="module")
def browser():
    from scripts import dashboard

    if not dashboard.browser_program():
        unavailable("needs Chromium: install it or set CHROMIUM")
    try:
        import playwright  # noqa: F401
    except ImportError:
        unavailable("needs playwright: pip install -r requirements-dev.txt")
    with dashboard.chromium() as chromium:
        yield chromium
