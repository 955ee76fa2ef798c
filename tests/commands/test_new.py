"""`bench new` writes plugins that work, with tests that pass, and never over a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import bench

from bench.checks.suite import find_plugin, run_checks
from bench.commands import new as scaffold
from bench.commands.new import write_plugin
from bench.errors import UsageError
from bench.plugins.registry import Registry

KINDS = ["method", "dataset", "backbone", "score"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_passes_every_check(tmp_path, kind):
    write_plugin(kind, "my_new", tmp_path)
    results = list(run_checks(find_plugin("my-new", Registry([tmp_path]))))
    assert [result for result in results if result.status == "fail"] == []
    assert sum(result.status == "pass" for result in results) > 5


def test_the_tests_that_are_written_pass(tmp_path):
    for kind in KINDS:
        write_plugin(kind, f"my_{kind}", tmp_path)
    run = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--import-mode=importlib", "tests"]
    environment = os.environ | {"PYTHONPATH": str(Path(scaffold.__file__).parents[2])}
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"test_my_{kind}.py" in done.stdout for kind in KINDS)


def test_the_command_names_the_files(tmp_path):
    done = bench("new", "dataset", "my-data", "--plugins", str(tmp_path))
    written = ("datasets/my_data.py", "tests/datasets/test_my_data.py", "datasets/my_data.toml")
    *files, last = done.stdout.splitlines()
    assert files == [str(tmp_path / path) for path in written]
    assert last == f"Next: python -m bench check my-data --plugins {tmp_path}"


def test_without_a_folder_the_clone_gets_the_files(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(scaffold, "builtin_folder", lambda: tmp_path)
    write_plugin("method", "my_new", None)
    assert (tmp_path / "methods" / "my_new.py").is_file()
    assert (tmp_path / "tests" / "methods" / "test_my_new.py").is_file()


def test_without_a_clone_a_folder_must_be_named(tmp_path, monkeypatch):
    monkeypatch.setattr(scaffold, "builtin_folder", lambda: tmp_path)
    with pytest.raises(UsageError, match="pass --plugins DIR"):
        write_plugin("method", "my_new", None)


def test_nothing_is_overwritten(tmp_path):
    test = tmp_path / "tests" / "methods" / "test_my_new.py"
    test.parent.mkdir(parents=True)
    test.write_text("mine")
    with pytest.raises(UsageError, match="test_my_new.py is there already"):
        write_plugin("method", "my_new", tmp_path)
    assert test.read_text() == "mine"
    assert not (tmp_path / "methods").exists()


@pytest.mark.parametrize("name", ["", "1st", "My", "a b", "../up", "_hidden", "class"])
def test_a_bad_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="is no name of a plugin"):
        write_plugin("method", name, tmp_path)


def test_a_taken_name_and_an_unknown_kind_are_refused(tmp_path):
    with pytest.raises(UsageError, match="there is a method mix-output already"):
        write_plugin("method", "mix_output", tmp_path)
    with pytest.raises(UsageError, match="no kind of plugin 'metod'. Did you mean 'method'"):
        write_plugin("metod", "my_new", tmp_path)


@pytest.mark.parametrize(("kind", "taken"), [("backbone", "resnet18"), ("score", "knn"), ("score", "msp")])
def test_what_the_clone_has_no_folder_for_goes_into_a_folder_of_ones_own(tmp_path, kind, taken):
    with pytest.raises(UsageError, match=f"a {kind} of your own lies in a folder of your own: pass --plugins DIR"):
        write_plugin(kind, "my_new", None)
    with pytest.raises(UsageError, match=f"there is a {kind} {taken} already"):
        write_plugin(kind, taken, tmp_path)
