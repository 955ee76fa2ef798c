"""Reading never writes: results of somebody else are read where nothing can be written."""

import json
import tempfile
import warnings
from pathlib import Path

import pytest
from harness import checksummed, grid, run, spec, unwritable

import bench
from bench.evaluation.metrics import VERSION
from bench.store import grid_status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.transfer import pack


@pytest.fixture(params=["runs", "pack"])
def results(request):
    """A folder of two methods' runs, one with stale metrics, in a place that is open to all."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        Path(folder).chmod(0o755)
        root = Path(folder) / "results"
        run(root, methods=["dummy", "baseline"], seeds=[0, 1])
        remember(Store(root), grid(methods=["dummy", "baseline"], seeds=[0, 1, 2]))
        path = Store(root).path(spec()) / "record.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics_version": VERSION - 1}))
        checksummed(path.parent)
        if request.param == "pack":
            pack(Store(root), root / "runs.tar.gz", predictions=False)
        yield root


def test_results_are_loaded_compared_and_counted_in_a_folder_that_cannot_be_written(results):
    with unwritable(results):
        with pytest.raises(PermissionError):
            (results / "new").touch()
        before = {path: path.stat().st_ctime_ns for path in results.rglob("*")}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(bench.load_results(results)) == 4
            assert len(bench.compare(results=results)) == 1
        assert sum(each.state == "done" for each in grid_status.of(Store(results))) == 4
        assert {path: path.stat().st_ctime_ns for path in results.rglob("*")} == before


def test_loading_writes_no_more_than_its_cache_where_it_can(results):
    before = set(results.rglob("*"))
    bench.load_results(results)
    kept = Store(results).recomputed
    assert set(results.rglob("*")) - before == {kept, kept / f"{spec().identity}.json"}
