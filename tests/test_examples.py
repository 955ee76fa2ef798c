"""The notebook under `examples/` runs from its first to its last cell, and shows what it says."""

from pathlib import Path

import pytest

import bench

NOTEBOOK = Path(bench.__file__).parents[1] / "examples" / "first_steps.ipynb"
pytestmark = [
    pytest.mark.skipif(not NOTEBOOK.is_file(), reason="not in a clone"),
    pytest.mark.filterwarnings("default"),  # those of the notebook's own machinery are no concern
]


def test_the_notebook_runs_and_is_kept_with_what_it_shows(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert NOTEBOOK.stat().st_size < 100_000
    run = nbformat.from_dict(kept)
    client.NotebookClient(run, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert kinds(run) == kinds(kept)
    assert "image/png" in str(kinds(kept))


def kinds(notebook):
    """Return what each cell shows, by the types of the content."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[sorted(each.get("data", [])) for each in cell.outputs] for cell in cells]
