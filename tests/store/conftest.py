"""Eight finished runs, and the command line that moves them."""

import shutil

import pytest
from commandline import Shell
from finished_runs import GRID
from harness import run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A results folder with eight runs; tests leave it as it is."""
    results = tmp_path_factory.mktemp("finished")
    assert {each.status for each in run(results, **GRID)} == {"done"}
    return results


@pytest.fixture
def bench(tmp_path):
    """Runs the command line; returns its exit status and what it said."""
    shell = Shell(tmp_path / ".commands")

    def run_command(*arguments):
        command = shell.run(*arguments)
        said = command.wait(), command.out, command.err
        shutil.rmtree(shell.folder)
        return said

    yield run_command
    shell.clean()
