"""Stores of version 0.1: told in one line, changed in nothing, brought over by a merge."""

import json
import re
import shutil
import tarfile

import pytest
from commandline import Shell
from harness import checksummed, run, spec

import bench
from bench.errors import UsageError
from bench.files import checksums
from bench.spec import RunSpec
from bench.store import transfer
from bench.store.first_format import FormatError, is_first, upgraded
from bench.store.store import Store
from bench.store.transfer import merge

KNOWN, UNKNOWN = "8e08fef4fb2a", "000000000000"  # hashes of plugins' files


def aged(files, commit=None, sources=(KNOWN, UNKNOWN), label="dummy", metrics_source="3f564a37c5e9"):
    """The files of a run as version 0.1 wrote them."""
    content, record = json.loads(files["spec.json"]), json.loads(files["record.json"])
    for key in ("protocol", "oracle"):
        del content[key]
    for part, source in zip(("dataset", "method"), sources, strict=True):
        content[part] = {key: content[part][key] for key in ("name", "hyperparameters")} | {"source": source}
    del record["metrics_version"]
    record |= {"metrics_source": metrics_source, "environment": record["environment"] | {"commit": commit}}
    content["label"] = label
    return files | {"spec.json": json.dumps(content).encode(), "record.json": json.dumps(record).encode()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a run of today."""
    results = tmp_path_factory.mktemp("today")
    run(results)
    return {path.name: path.read_bytes() for path in Store(results).path(spec()).iterdir()}


@pytest.fixture
def old(tmp_path, files):
    """A results folder with a run of version 0.1."""
    folder = Store(tmp_path / "old").path(spec())
    folder.mkdir(parents=True)
    for name, content in aged(files).items():
        (folder / name).write_bytes(content)
    checksummed(folder)
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


def test_a_merge_brings_runs_over_with_checksums_that_fit_and_their_predictions(old, tmp_path, files):
    before = state(old)
    merged = merge(Store(tmp_path / "new"), old)
    assert (merged.added, merged.problems) == (1, [])
    assert state(old) == before
    ((record,), problems) = Store(tmp_path / "new").scan()
    assert problems == []
    assert sorted(path.name for path in record.path.iterdir()) == sorted(files)
    digests = checksums.read((record.path / "SHA256SUMS").read_bytes())
    for path in record.path.iterdir():
        if path.name != "SHA256SUMS":
            checksums.check(path.name, path.read_bytes(), digests)
    for name in ("manifest.json", "epochs.csv", "curves.csv", "test.parquet", "train.parquet"):
        assert (record.path / name).read_bytes() == files[name]
    today = json.loads(files["record.json"])
    assert (record.outcome, record.metrics.accuracy) == (today["outcome"], today["metrics"]["accuracy"])
    again = merge(Store(tmp_path / "new"), old)
    assert (again.added, again.same) == (0, 1)


def brought_over(files, **old):
    made = upgraded(aged(files, **old))
    content, record = RunSpec.model_validate_json(made["spec.json"]), json.loads(made["record.json"])
    assert record["identity"] == content.identity
    return content, record


@pytest.mark.parametrize(
    ("commit", "protocol"),
    [
        (None, 3),  # it was installed: version 0.1 as it ended
        ("3de01d3885ba", 3),
        ("76ab423201af", 3),
        ("d591d9a3b4a8", 2),
        ("119a1a4ef7de+", 1),
        ("76ab423201af+", 0),
        ("fedcba987654", 0),
    ],
)
def test_the_commit_tells_the_protocol(files, commit, protocol):
    content, _ = brought_over(files, commit=commit)
    assert content.protocol == protocol


def test_hashes_of_files_that_were_ours_are_version_1_and_others_stay_what_they_are(files):
    content, _ = brought_over(files, sources=(KNOWN, f"6d714339b96f+{UNKNOWN}"))
    assert content.dataset.version == "1"
    assert content.method.version == f"1+code:{UNKNOWN}"


def test_the_mark_of_an_oracle_moves_from_the_label(files):
    content, _ = brought_over(files, label="told†(rate=0.2)")
    assert (content.label, content.oracle) == ("told(rate=0.2)", True)
    content, _ = brought_over(files)
    assert (content.label, content.oracle) == ("dummy", False)


def test_metrics_of_older_code_are_to_be_computed_anew(files):
    assert brought_over(files)[1]["metrics_version"] == 1
    assert brought_over(files, metrics_source="older")[1]["metrics_version"] == 0


def test_a_run_of_the_present_protocol_and_versions_is_finished_before(files):
    """What version 0.1 as it ended has run of our methods need not be run again."""
    cell = spec(methods=["rul"], datasets=["digits"])
    today = files | {"spec.json": cell.model_dump_json().encode()}
    content, _ = brought_over(today, sources=("ca5bca58b517", "6d714339b96f"), label="rul")
    assert content.identity == cell.identity


@pytest.mark.parametrize("broken", ["record.json", "spec.json"])
def test_files_of_no_run_are_refused(files, broken):
    with pytest.raises(FormatError, match="it is no run of version 0.1"):
        upgraded(aged(files) | {broken: b"{}"})


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


def test_a_store_tells_of_its_version_itself_and_only_a_merge_reads_past_it(old):
    store = Store(old)
    assert len(list(store.runs_of_any_version())) == 1
    for read in (store.runs, store.scan, lambda: store.asked):
        with pytest.raises(UsageError, match="holds runs of version 0.1"):
            read()
