"""Commands start without the libraries that they do not need."""

import subprocess
import sys

import pytest
from generated import generate
from harness import report

from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.transfer import pack

pytestmark = pytest.mark.xdist_group("imports")  # for what they share is made once


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A results folder whose metrics are up to date."""
    results = tmp_path_factory.mktemp("reported")
    remember(Store(results), generate(results, 2, [0, 0.1], seeds=2))
    report(results)
    pack(Store(results), results / "packed.tar.gz", predictions=False)
    return results


def test_torch_is_not_imported_to_report_runs_without_predictions(reported, tmp_path):
    """Those with predictions have them shown on the page, for which torch is imported."""
    published = tmp_path / "published"
    published.mkdir()
    (published / "runs.tar.gz").write_bytes((reported / "packed.tar.gz").read_bytes())
    starts_without_torch(["report", "--results", str(published)], tmp_path)


@pytest.mark.parametrize("command", ["compare", "status", "merge other.tar.gz", "pack runs.tar.gz"])
def test_torch_is_not_imported_to_read_what_is_stored(reported, tmp_path, command):
    (tmp_path / "other.tar.gz").write_bytes((reported / "packed.tar.gz").read_bytes())
    starts_without_torch([*command.split(), "--results", str(reported)], tmp_path)


def test_torch_is_not_imported_to_list(tmp_path):
    starts_without_torch(["list"], tmp_path)


@pytest.mark.parametrize("arguments", ["--help", "run --help", "--version"])
def test_nothing_that_takes_long_is_imported_for_help(arguments, tmp_path):
    starts_without_torch(arguments.split(), tmp_path, "numpy", "pandas", "jaxtyping", "joblib", "scipy")


def starts_without_torch(arguments, folder, *others):
    program = f"""
import sys
sys.argv = ["bench", *{arguments!r}]
from bench.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
imported = set({["torch", *others]!r}) & set(sys.modules)
assert not imported, imported
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
