"""A package of its own, installed by pip, adds a method and a data set."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import from_nothing

import bench as package

ROOT = Path(package.__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin-package"
pytestmark = pytest.mark.skipif(not EXAMPLE.is_dir(), reason="not in a clone")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """PYTHONPATH of a folder into which the package was installed."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(folder / "site"))
    install = [sys.executable, "-m", "pip", "install", *options, str(source)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return os.pathsep.join([str(folder / "site"), str(ROOT)])


def test_its_method_runs_on_its_data_set(path, tmp_path):
    arguments = ("--methods", "norm", "--datasets", "stripes", "--noise", "0.1", "--device", "cpu")
    done = from_nothing("run", *arguments, "--jobs", "0", "--results", str(tmp_path), PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("runs/stripes/norm/symmetric-0.1/seed0-*/record.json")
    assert record.stat().st_size > 0


@pytest.mark.parametrize("name", ["norm", "stripes"])
def test_its_plugins_pass_every_check(path, name):
    done = from_nothing("check", name, PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
