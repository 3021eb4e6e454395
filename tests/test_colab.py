"""The notebook for Colab: what does not need Colab is executed here, with the mini model; what does is marked."""

import ast
import json

import pytest
from project import PROJECT

from engine.core import paths
from engine.runs import lifecycle, states

nbclient = pytest.importorskip("nbclient", reason="needs requirements-dev.txt")
nbformat = pytest.importorskip("nbformat", reason="needs requirements-dev.txt")

NOTEBOOK = PROJECT / "docs" / "colab.ipynb"
COLAB, PARAMETERS = "colab", "parameters"
# In a notebook of this machine's, the values of the cell with the parameters.
HERE = {"PRESET": str(paths.MINI_PRESET), "MINUTES": 0.05, "NAME": "here"}


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def tags(cell):
    return cell.metadata.get("tags", [])


def test_what_only_colab_has_stands_in_cells_that_say_so(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None, "no trace of an execution"
        of_colab = any(word in cell.source for word in ("google.colab", "/content", "KEPT", "virtualenv"))
        assert of_colab <= (COLAB in tags(cell)), cell.source
        if cell.cell_type == "code":
            ast.parse(cell.source)
    (parameters,) = [cell for cell in notebook.cells if PARAMETERS in tags(cell)]
    assert {"PRESET", "ARTICLES", "MINUTES", "NAME", "PROMPT"} <= set(_assigned(parameters.source))
    assert 'PRESET = "gpt2_base_en"' in parameters.source and "MINUTES = 5" in parameters.source


def _assigned(source):
    return [target.id for node in ast.parse(source).body if isinstance(node, ast.Assign) for target in node.targets]


def test_the_files_that_it_installs_from_and_the_program_that_it_starts_are_there(notebook):
    source = "\n".join(cell.source for cell in notebook.cells)
    for name in ("requirements.txt", "requirements-jax.txt", "streamlit_app.py", "docs/forms.md", "articles/sample"):
        assert name in source and (PROJECT / name).exists(), name


@pytest.mark.long
def test_it_trains_and_both_models_continue_the_sentence(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("ATELIER_CHECKPOINTS", str(tmp_path / "runs"))
    monkeypatch.setenv("ATELIER_CORPORA", str(tmp_path / "corpora"))
    (tmp_path / "runs").mkdir()
    notebook.cells = [cell for cell in notebook.cells if COLAB not in tags(cell)]
    for cell in notebook.cells:
        if PARAMETERS in tags(cell):
            cell.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in HERE.items())
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(PROJECT)}}).execute()
    run = lifecycle.find("here", tmp_path / "runs")
    assert run.state().state == states.FINISHED
    said = "".join(
        output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "checkpoint: here/" in said and "bits per byte" in said
    base, tuned = said.partition("--- ")[2].split("--- ")
    assert base.startswith(str(paths.MINI_PRESET)) and tuned.startswith("here\n")
    assert all(text.count("The patients were ") == 1 and len(text) > 100 for text in (base, tuned))
    assert json.loads(NOTEBOOK.read_text(encoding="utf-8"))["nbformat"] == 4
