"""Packs in place of folders: every reader reads them as they are."""

import io
import shutil
import tarfile
import time
import warnings
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest
from finished_runs import GRID
from harness import grid, report, run, samples, spec

import bench
from bench.errors import UsageError
from bench.report.results import load_records
from bench.store import grid_status
from bench.store.grid_status import remember
from bench.store.prediction_files import read_predictions
from bench.store.record import StoreError
from bench.store.store import Store
from bench.store.transfer import merge, pack


@pytest.fixture
def packed(tmp_path, finished):
    """A results folder with a pack of them and predictions of the test set, and nothing else."""
    pack(Store(finished), tmp_path / "results" / "runs.tar.gz", predictions=True)
    return tmp_path / "results"


def both(results, *cells):
    """Unpack some runs of a packed results folder beside the pack."""
    with tarfile.open(results / "runs.tar.gz") as archive:
        for cell in cells:
            wanted = [m for m in archive.getmembers() if str(cell.folder) in m.name]
            archive.extractall(results, wanted, filter="data")


def test_a_packed_folder_has_the_records_of_the_runs_without_anything_unpacked(packed, finished):
    (ours, problems), (theirs, _) = Store(packed).scan(), Store(finished).scan()
    assert problems == []
    assert [path.name for path in packed.iterdir()] == ["runs.tar.gz"]
    assert [r.outcome for r in ours] == [r.outcome for r in theirs]
    assert [r.metrics for r in ours] == [r.metrics for r in theirs]
    assert [r.path.relative_to(packed) for r in ours] == [r.path.relative_to(finished) for r in theirs]


def test_tables_frames_and_comparisons_are_those_of_the_folder(packed, finished):
    report(packed)
    report(finished)
    for name in ("README.md", "runs.csv"):
        assert (packed / "report" / name).read_bytes() == (finished / "report" / name).read_bytes()
    tables = [
        {p.name: p.read_bytes() for p in (each / "report" / "tables").iterdir()} for each in (packed, finished)
    ]
    assert tables[0] == tables[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(bench.load_results(packed), bench.load_results(finished))
        comparisons = [bench.compare(results=each) for each in (packed, finished)]
    pd.testing.assert_frame_equal(*comparisons)
    assert set(comparisons[0]["interval"]) == {"seeds and samples"}  # from the predictions in the pack
    assert not (packed / "runs").exists()


def test_packed_runs_are_finished_before_and_others_are_stored_beside_the_pack(packed):
    assert {each.status for each in run(packed, **GRID)} == {"finished"}
    assert [each.status for each in run(packed, seeds=[0, 2])] == ["finished", "done"]
    assert len(Store(packed).scan()[0]) == 9
    assert len(list(packed.rglob("record.json"))) == 1


def test_a_packed_run_that_is_run_again_by_force_lies_beside_the_pack_and_counts_once(packed):
    assert [each.status for each in run(packed, force=True)] == ["done"]
    store = Store(packed)
    assert len(store.scan()[0]) == 8
    assert store.read(spec()).files.path.is_dir()


def test_a_run_in_the_folder_and_in_the_pack_counts_once_wherever_it_lies(packed, finished):
    both(packed, *grid(seeds=[0, 1]))
    folder = Store(packed).path(spec())
    folder.rename(folder.with_name("another-name"))
    records, problems = Store(packed).scan()
    assert (len(records), problems) == (8, [])
    assert sum(record.path.name == "another-name" for record in records) == 1


def test_a_run_that_is_damaged_in_the_folder_is_told_and_taken_from_the_pack(packed):
    both(packed, spec())
    torn = Store(packed).path(spec()) / "record.json"
    torn.write_text("{ torn")
    records, (problem,) = Store(packed).scan()
    assert len(records) == 8
    assert str(torn.parent) in problem


def test_status_tells_of_packed_runs(packed):
    store = Store(packed)
    remember(store, grid(**GRID | {"seeds": [0, 1, 2]}))
    states = [each.state for each in grid_status.of(store)]
    assert (states.count("done"), states.count("left")) == (8, 4)
    assert all(each.seconds for each in grid_status.of(store) if each.state == "left")


def test_predictions_in_a_pack_are_read_in_any_order(packed, finished):
    for cell in [*grid(**GRID), *reversed(grid(**GRID))]:
        ours, theirs = (read_predictions(Store(each).files(cell), "test") for each in (packed, finished))
        np.testing.assert_array_equal(ours.predictions.logits, theirs.predictions.logits)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
        with pytest.raises(FileNotFoundError):
            read_predictions(Store(packed).files(cell), "train")
    record = Store(packed).read(spec())
    assert len(samples().images(record, samples().evaluated(record).labels)) == 21


def test_packing_the_same_runs_twice_gives_the_same_bytes(packed, finished, tmp_path):
    time.sleep(1.1)  # gzip's time is in seconds
    copied = shutil.copytree(finished, tmp_path / "copy", copy_function=shutil.copyfile)
    pack(Store(copied), tmp_path / "again.tar.gz", predictions=True)
    assert (tmp_path / "again.tar.gz").read_bytes() == (packed / "runs.tar.gz").read_bytes()
    with tarfile.open(packed / "runs.tar.gz") as archive:
        members = archive.getmembers()
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    folders = [PurePosixPath(member.name).parent.parts for member in members]
    assert folders == sorted(folders)


def test_a_pack_may_be_written_over_the_pack_it_is_made_of(packed):
    before = (packed / "runs.tar.gz").read_bytes()
    assert pack(Store(packed), packed / "runs.tar.gz", predictions=True) == (8, [])
    assert (packed / "runs.tar.gz").read_bytes() == before
    run(packed, seeds=[2])
    assert pack(Store(packed), packed / "runs.tar.gz", predictions=True) == (9, [])
    shutil.rmtree(packed / "runs")
    assert len(Store(packed).scan()[0]) == 9
    assert pack(Store(packed), packed / "runs.tar.gz", predictions=False) == (9, [])
    with pytest.raises(FileNotFoundError):
        read_predictions(Store(packed).files(spec()), "test")


def test_merging_from_a_packed_folder_and_into_one(packed, finished, tmp_path):
    assert merge(Store(tmp_path / "new"), packed).added == 8
    both(packed, spec())
    merged = merge(Store(tmp_path / "other"), packed)
    assert (merged.added, merged.same, merged.problems) == (8, 0, [])
    run(tmp_path / "more", seeds=[0, 2])
    merged = merge(Store(packed), tmp_path / "more")
    assert (merged.added, merged.same, merged.refused, merged.problems) == (1, 1, [], [])
    assert len(Store(packed).scan()[0]) == 9


def test_a_pack_is_read_again_when_it_has_changed(packed, finished):
    store = Store(packed)
    assert store.has(spec())
    shutil.copytree(Store(finished).path(spec(seeds=[1])), packed / "one" / "runs" / spec(seeds=[1]).folder)
    pack(Store(packed / "one"), packed / "runs.tar.gz", predictions=False)
    assert not store.has(spec())
    assert [record.spec.seed for record in store.scan()[0]] == [1]


def test_a_damaged_pack_in_a_results_folder_is_one_line(packed):
    whole = (packed / "runs.tar.gz").read_bytes()
    (packed / "runs.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"runs.tar.gz is no file .* or is damaged \(\w+\)$"):
        load_records(Store(packed))


def repacked(packed, change):
    """Write the pack again with some members changed."""
    with tarfile.open(packed / "runs.tar.gz") as archive:
        files = [(member, archive.extractfile(member).read()) for member in archive.getmembers()]
    with tarfile.open(packed / "runs.tar.gz", "w:gz") as archive:
        for member, content in files:
            new = change(member.name, content)
            member.size = len(new)
            archive.addfile(member, io.BytesIO(new))


def test_one_damaged_run_in_a_pack_is_named_and_the_others_go_on(packed):
    bad = f"runs/{spec().folder.as_posix()}/record.json"
    repacked(packed, lambda name, content: content[:-9] if name == bad else content)
    records, (problem,) = Store(packed).scan()
    assert len(records) == 7
    assert problem.startswith(f"{packed / 'runs.tar.gz'}: {spec().folder.as_posix()} cannot be read as a run: ")
    assert "record.json is not as it was written" in problem
    with pytest.raises(StoreError, match="record.json is not as it was written.*; pass --force to run it again$"):
        Store(packed).check(spec())


@pytest.mark.parametrize(
    "name", ["../escaped.txt", "/runs/a/spec.json", "runs/spec.json", "runs/a/../spec.json", "other/a/spec.json"]
)
def test_members_that_are_no_files_of_runs_are_refused(tmp_path, name):
    with tarfile.open(tmp_path / "runs.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(UsageError, match="is no file that `bench pack` wrote"):
        Store(tmp_path).scan()


def test_a_member_that_is_too_large_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setitem(bench.store.pack_files.MOST_BYTES, "spec.json", 10)
    with tarfile.open(tmp_path / "runs.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("runs/a/spec.json")
        member.size = 11
        archive.addfile(member, io.BytesIO(b"x" * 11))
    records, problems = Store(tmp_path).scan()
    assert records == []
    assert "spec.json has 11 bytes, more than the 10 that it may have" in problems[0]
