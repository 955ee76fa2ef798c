"""Packs that are written and merged, and files that are none."""

import gzip
import os
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from finished_runs import copy, edit, tables_of
from harness import spec

from bench.errors import UsageError
from bench.files import checksums
from bench.store.file_sources import RECORD_FILES, SOURCES
from bench.store.store import Store
from bench.store.transfer import merge, pack
from bench.store.unfinished import folder_of


def names_in(archive):
    with tarfile.open(archive) as content:
        first, *names = content.getnames()
    assert first == "pack.json"
    return names


def test_a_pack_brings_the_same_tables_without_the_predictions(tmp_path, finished, bench):
    target = tmp_path / "runs.tar.gz"
    status, out, err = bench("pack", target, "--results", finished)
    assert (status, err) == (0, "")
    assert out == f"{target}: 8 runs, {target.stat().st_size / 1024:.0f} KiB\n"
    assert {name.rpartition("/")[2] for name in names_in(target)} == {*RECORD_FILES, SOURCES, "SHA256SUMS"}
    assert len(names_in(target)) == 8 * 7
    assert [path.name for path in tmp_path.iterdir()] == ["runs.tar.gz"]
    status, out, err = bench("merge", target, "--results", tmp_path / "here")
    assert (status, out, err) == (0, f"{target}: 8 runs added, 0 were here\n", "")
    page, tables, runs = tables_of(tmp_path / "here", bench)
    whole_page, whole_tables, whole_runs = tables_of(finished, bench)
    assert (page, tables) == (whole_page, whole_tables)
    pd.testing.assert_frame_equal(runs, whole_runs)


def test_a_pack_with_predictions_holds_those_of_the_test_set(tmp_path, finished):
    packed, problems = pack(Store(finished), tmp_path / "runs.tar.gz", predictions=True)
    assert (packed, problems) == (8, [])
    names = names_in(tmp_path / "runs.tar.gz")
    assert sum(name.endswith("test.parquet") for name in names) == 8
    assert not any(name.endswith("train.parquet") for name in names)
    merge(Store(tmp_path / "here"), tmp_path / "runs.tar.gz")
    for path in (tmp_path / "here").rglob("test.parquet"):
        assert path.read_bytes() == (finished / path.relative_to(tmp_path / "here")).read_bytes()
        digests = checksums.read((path.parent / "SHA256SUMS").read_bytes())
        checksums.check("test.parquet", path.read_bytes(), digests)


def test_packing_what_came_in_a_pack_gives_the_same_runs(tmp_path, finished):
    pack(Store(finished), tmp_path / "first.tar.gz", predictions=True)
    merge(Store(tmp_path / "here"), tmp_path / "first.tar.gz")
    pack(Store(tmp_path / "here"), tmp_path / "second.tar.gz", predictions=False)
    merged = merge(Store(finished), tmp_path / "second.tar.gz")
    assert (merged.added, merged.same, merged.refused, merged.problems) == (0, 8, [], [])


def test_a_pack_leaves_out_what_is_not_finished_and_names_what_is_damaged(tmp_path, finished, bench):
    store = Store(copy(finished, tmp_path / "some", "dummy"))
    progress = folder_of(store.path(spec(seeds=[7])))
    progress.mkdir()
    (progress / "checkpoint.pt").write_text("x")
    torn = store.path(spec()) / "epochs.csv"
    torn.write_text("epoch\n")
    target = tmp_path / "runs.tar.gz"
    status, out, err = bench("pack", target, "--results", tmp_path / "some")
    assert (status, out.startswith(f"{target}: 3 runs, ")) == (0, True)
    assert err.startswith(f"note: {torn.parent} cannot be read as a run")
    assert len(names_in(target)) == 3 * 7


def test_a_pack_of_nothing_is_one_line(tmp_path, bench):
    status, out, err = bench("pack", tmp_path / "x.tar.gz", "--results", tmp_path)
    assert (status, out, err) == (2, "", f"error: {tmp_path} holds no finished run\n")
    assert list(tmp_path.iterdir()) == []


def test_a_pack_cannot_take_the_place_of_a_folder(tmp_path, finished, bench):
    (tmp_path / "folder").mkdir()
    status, out, err = bench("pack", tmp_path / "folder", "--results", finished)
    assert (status != 0, out, err.count("\n")) == (True, "", 1)
    assert f"{tmp_path / 'folder'}" in err
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_pack_that_fails_leaves_the_old_one(tmp_path, finished, monkeypatch):
    target = tmp_path / "runs.tar.gz"
    target.write_bytes(gzip.compress(b"the old one"))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(OSError, match="No space left"):
        pack(Store(finished), target, predictions=False)
    assert gzip.decompress(target.read_bytes()) == b"the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["runs.tar.gz"]


@pytest.mark.parametrize("name", ["nowhere", "empty", "notes.txt", "torn.tar.gz", "other.tar"])
def test_what_is_no_results_folder_and_no_pack_is_one_line(tmp_path, finished, bench, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("notes")
    pack(Store(finished), tmp_path / "whole.tar.gz", predictions=False)
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "torn.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other.tar").write_bytes(whole[100:])
    status, out, err = bench("merge", tmp_path / name, "--results", tmp_path / "here")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {tmp_path / name}")
    assert err.count("\n") == 1
    assert not (tmp_path / "here").exists()


def test_a_pack_that_is_damaged_anywhere_is_never_merged_in_silence(tmp_path, finished):
    """Turn over bits all over a pack: either the pack or a run is told, or the runs are whole."""
    pack(Store(copy(finished, tmp_path / "few", "dummy")), tmp_path / "whole.tar.gz", predictions=False)
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    good = {record.spec.identity: record.outcome for record in Store(finished).scan()[0]}
    told = 0
    for place in range(20, len(whole), len(whole) // 25):
        (tmp_path / "bad.tar.gz").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        store = Store(tmp_path / f"at-{place}")
        try:
            merged = merge(store, tmp_path / "bad.tar.gz")
        except UsageError as error:
            assert "is damaged" in str(error)  # noqa: PT017 - either way is right
            told += 1
            continue
        told += bool(merged.problems) or merged.added < 4
        assert {record.spec.identity: record.outcome for record in store.scan()[0]}.items() <= good.items()
    assert told >= 20


@pytest.mark.parametrize("kind", ["pipe", "device", "link", "link to nothing"])
def test_a_pack_takes_no_place_but_a_new_one_or_that_of_a_regular_file(tmp_path, finished, bench, kind):
    (tmp_path / "notes.txt").write_text("notes")
    target = Path("/dev/null") if kind == "device" else tmp_path / "there"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind != "device":
        target.symlink_to(tmp_path / ("notes.txt" if kind == "link" else "nowhere"))
    status, out, err = bench("pack", target, "--results", finished)
    said = f"error: {target}: is no regular file; name a new file, or one that may be replaced\n"
    assert (status, out, err) == (2, "", said)
    assert not target.is_file() or kind == "link"
    assert (tmp_path / "notes.txt").read_text() == "notes"


def test_a_run_whose_names_reach_out_of_the_store_is_not_merged(tmp_path, finished):
    """Any specification may have an identity and checksums that fit; its names make its place."""
    there = Store(copy(finished, tmp_path / "there", "dummy"))
    cell = spec()
    outside = cell.dataset.model_construct(**cell.dataset.model_dump() | {"name": "../../../outside"})
    moved = cell.model_construct(**dict(cell) | {"dataset": outside})
    (there.path(cell) / "spec.json").write_text(moved.model_dump_json())
    edit(there, cell, identity=moved.identity)
    merged = merge(Store(tmp_path / "deep" / "er" / "here"), tmp_path / "there")
    assert not list(tmp_path.rglob("outside"))
    assert (merged.added, len(merged.problems)) == (3, 1)
    assert "dataset.name" in merged.problems[0]
