"""Stores of version 0.1: told in one line, changed in nothing, brought over by a merge."""

import json
import re
import shutil
import tarfile

import pytest
from commandline import Shell
from harness import run, spec

import bench
from bench.errors import UsageError
from bench.files import checksums
from bench.store import transfer
from bench.store.first_format import is_first
from bench.store.store import Store
from bench.store.transfer import merge, pack


def aged(spec_json):
    """A spec.json as version 0.1 wrote it."""
    content = json.loads(spec_json)
    del content["protocol"]
    for part in ("dataset", "method"):
        content[part] = {key: content[part][key] for key in ("name", "hyperparameters")} | {
            "source": "8e08fef4fb2a"
        }
    return json.dumps(content).encode()


@pytest.fixture
def old(tmp_path):
    """A results folder with a run of version 0.1."""
    run(tmp_path / "old")
    path = Store(tmp_path / "old").path(spec()) / "spec.json"
    path.write_bytes(aged(path.read_bytes()))
    checksums.write(path.parent)
    return tmp_path / "old"


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_only_runs_of_version_01_are_taken_for_such(old, tmp_path):
    assert is_first((Store(old).path(spec()) / "spec.json").read_bytes())
    assert not is_first(spec().model_dump_json().encode())
    for content in (b"", b"[]", b"3", b"{}", b'{"dataset": 3, "method": {}}', b"\xff"):
        assert not is_first(content)


COMMANDS = ["run", "report", "compare", "status", "pack"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_command_ends_in_one_line_that_says_how_to_bring_it_over(old, tmp_path, command, packed):
    if packed:
        move_into_a_pack(old)
    before = state(old)
    options = {
        "run": ["--methods", "baseline", "--datasets", "digits", "--epochs", "1"],
        "pack": [str(tmp_path / "x.tar.gz")],
    }
    shell = Shell(tmp_path / ".commands")
    done = shell.run(command, *options.get(command, []), "--results", old)
    assert (done.wait(), done.out) == (2, "")
    assert done.err == (
        f"error: {old} holds runs of version 0.1, which this version does not read; "
        f"`bench merge {old} --results NEW` brings them over into a folder NEW\n"
    )
    shell.clean()
    assert state(old) == before


def move_into_a_pack(results):
    with tarfile.open(results / "runs.tar.gz", "w:gz") as archive:
        for path in (results / "runs").rglob("*"):
            if path.is_file() and path.suffix != ".parquet":
                archive.add(path, path.relative_to(results))
    shutil.rmtree(results / "runs")


def test_the_functions_say_the_same(old):
    for function in (bench.load_results, lambda folder: bench.compare(results=folder)):
        with pytest.raises(UsageError, match=re.escape(f"`bench merge {old} --results NEW`")):
            function(old)
    with pytest.raises(UsageError, match="version 0.1"):
        merge(Store(old), old)


def test_a_merge_brings_runs_over_with_checksums_that_fit_and_their_predictions(old, tmp_path, monkeypatch):
    run(tmp_path / "whole")
    theirs = Store(tmp_path / "whole").path(spec())
    monkeypatch.setattr(
        transfer, "upgraded", lambda files: files | {"spec.json": (theirs / "spec.json").read_bytes()}
    )
    before = state(old)
    merged = merge(Store(tmp_path / "new"), old)
    assert (merged.added, merged.problems) == (1, [])
    assert state(old) == before
    here = Store(tmp_path / "new").path(spec())
    assert sorted(path.name for path in here.iterdir()) == sorted(path.name for path in theirs.iterdir())
    digests = checksums.read((here / "SHA256SUMS").read_bytes())
    for path in here.iterdir():
        if path.name != "SHA256SUMS":
            checksums.check(path.name, path.read_bytes(), digests)
    pack(Store(tmp_path / "new"), tmp_path / "new" / "runs.tar.gz", predictions=False)


def test_a_run_that_cannot_be_brought_over_is_named(old, tmp_path, monkeypatch):
    def fails(files):
        raise KeyError("source")

    monkeypatch.setattr(transfer, "upgraded", fails)
    merged = merge(Store(tmp_path / "new"), old)
    assert merged.added == 0
    (problem,) = merged.problems
    assert problem.startswith(f"{Store(old).path(spec())} cannot be brought over: KeyError: 'source'")


def test_a_torn_run_of_version_01_is_not_brought_over(old, tmp_path):
    path = Store(old).path(spec()) / "epochs.csv"
    path.write_text("epoch\n")
    (problem,) = merge(Store(tmp_path / "new"), old).problems
    assert "epochs.csv is not as it was written" in problem
