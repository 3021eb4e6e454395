"""Imports point one way, and the dashboard never imports TensorFlow or Keras."""

import ast
import graphlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from project import PROJECT

HEAVY = {"tensorflow", "keras", "keras_hub", "keras_nlp"}
# The packages of the engine: each imports only itself and those before it.
PACKAGES = (
    "core",
    "presets",
    "articles",
    "corpus",
    "runs",
    "models",
    "evaluation",
    "inference",
    "training",
    "memorisation",
    "exchange",
    "classroom",
    "services",
    "cli",
)
# The modules that may import TensorFlow, Keras or keras-hub, and what starts from them.
TRAINING_SIDE = {
    "engine.models.attention",
    "engine.models.backend",
    "engine.models.loading",
    "engine.models.formats",
    "engine.evaluation.scoring",
    "engine.evaluation.keras_check",
    "engine.evaluation.measure",
    "engine.inference.batches",
    "engine.inference.generation",
    "engine.inference.token_scores",
    "engine.inference.differences",
    "engine.training.final",
    "engine.training.fine_tuning",
    "engine.training.chunked_loss_jax",
    "engine.training.adamw_tensorflow",
    "engine.training.chunked_loss_tensorflow",
    "engine.training.step_jax",
    "engine.training.step_tensorflow",
    "engine.training.loop",
    "engine.training.measurer",
    "engine.training.timekeeper",
    "engine.training.saver",
    "engine.training.setup",
    "engine.training.state",
    "engine.training.steppers",
    "engine.training.keras_fit",
    "engine.training.muon",
    "engine.training.placing",
    "engine.training.pretraining",
    "engine.training.pretraining_recorder",
    "engine.training.reports",
    "engine.exchange.conversion",
    "engine.exchange.foreign.ckpt",  # only its child loads it
}
MOST_LINES = 400  # of a module
ENGINE = sorted((PROJECT / "engine").rglob("*.py"))


def module(path: Path) -> str:
    """engine/core/files.py is engine.core.files."""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, deferred: bool = True) -> set[str]:
    """The modules that a file imports; without `deferred`, only those imported when it is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree)
    if not deferred:
        inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
        nodes = [node for node in ast.walk(tree) if id(node) not in inside]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def tops(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def test_the_engine_is_packages():
    assert {p.name for p in (PROJECT / "engine").glob("*.py")} == {"__init__.py", "__main__.py"}
    folders = {p.name for p in (PROJECT / "engine").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert folders == {*PACKAGES}


@pytest.mark.parametrize("path", [p for p in ENGINE if p.parent.name != "engine"], ids=module)
def test_a_package_imports_only_itself_and_those_before_it(path):
    """Also inside functions: a late import hides a circle, it does not undo it."""
    allowed = PACKAGES[: PACKAGES.index(module(path).split(".")[1]) + 1]
    wanted = {name.split(".")[1] for name in imports(path) if name.startswith("engine.")} & {*PACKAGES}
    assert wanted <= {*allowed}


@pytest.mark.parametrize("package", ["engine", "ui"])
def test_modules_do_not_import_each_other_in_a_circle(package):
    """Whichever is imported first, which in a server is another than in a test, must find the others whole."""
    files = {".".join(p.relative_to(PROJECT).with_suffix("").parts): p for p in (PROJECT / package).rglob("*.py")}
    needs = {name: imports(path, deferred=False) & set(files) - {name} for name, path in files.items()}
    assert list(graphlib.TopologicalSorter(needs).static_order())  # a CycleError names the circle


@pytest.mark.parametrize("path", ENGINE, ids=module)
def test_the_engine_imports_neither_pages_nor_streamlit(path):
    assert not tops(imports(path)) & {"streamlit", "ui", "pages", "plotly", "pandas"}


@pytest.mark.parametrize("path", ENGINE, ids=module)
def test_only_the_training_side_imports_tensorflow(path):
    if module(path) in TRAINING_SIDE:
        return
    assert not tops(imports(path)) & HEAVY
    assert not imports(path, deferred=False) & TRAINING_SIDE, "import it inside the function that needs it"


@pytest.mark.parametrize("path", sorted((PROJECT / "ui").rglob("*.py")), ids=lambda p: p.stem)
def test_what_pages_share_does_not_import_pages(path):
    assert not tops(imports(path)) & ({"pages", "streamlit_app"} | HEAVY)
    assert not imports(path) & TRAINING_SIDE


@pytest.mark.parametrize("path", sorted((PROJECT / "pages").rglob("*.py")), ids=lambda p: p.stem)
def test_pages_do_no_engine_work_of_their_own(path):
    assert not tops(imports(path)) & HEAVY
    assert not imports(path) & TRAINING_SIDE


@pytest.mark.parametrize("package", ["engine", "ui", "pages"])
def test_no_module_is_longer_than_a_person_reads_at_once(package):
    """What needs more lines says two sentences: the one that its docstring does not say becomes a module of its own."""
    lines = {module(p): len(p.read_text(encoding="utf-8").splitlines()) for p in (PROJECT / package).rglob("*.py")}
    too_long = [f"{name} has {count} lines" for name, count in sorted(lines.items()) if count > MOST_LINES]
    assert not too_long, f"at most {MOST_LINES}: split by what the module's sentence leaves out ({', '.join(too_long)})"


def test_the_dashboard_process_has_no_tensorflow_after_rendering_every_page(tmp_path):
    """A process of its own renders every page through the frame, then looks at what it has imported."""
    code = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest

project = Path(sys.argv[1])
sys.path.insert(0, str(project))
app = AppTest.from_file(str(project / "streamlit_app.py"), default_timeout=60)
from ui import rooms

for room, tabs in rooms.ROOMS.items():
    for tab in tabs or (None,):
        app.query_params.clear()
        if tab:
            app.query_params["tab"] = tab
        app.run()
        app.switch_page(str(project / "pages" / f"{room}.py")).run()
        assert not app.exception, (room, tab, app.exception)
        assert app.title, (room, tab)
heavy = sorted(name for name in sys.modules if name.split(".")[0] in {"tensorflow", "keras", "keras_hub", "keras_nlp"})
assert not heavy, heavy[:5]
print("clean")
"""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ATELIER_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "ATELIER_CORPORA": str(tmp_path / "corpora"),
        "ATELIER_STUDIO_IDLE_SECONDS": "2",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(PROJECT)],
        capture_output=True,
        text=True,
        timeout=180,
        env=environment,
        check=False,
    )
    assert done.stdout.strip().endswith("clean"), done.stderr[-3000:]


def test_the_tree_in_the_architecture_is_that_of_the_files():
    """`python scripts/tree.py` writes it."""
    sys.path.insert(0, str(PROJECT / "scripts"))
    import tree

    document = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    order = tree.packages(document)
    assert order == PACKAGES
    assert document == tree.with_tree(document, order)
