"""The index of a store: a scan that finds it right reads no run; whatever befalls it, results stay right."""

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest
from commandline import server
from generated import accuracies, generate, scan_often, specification, write
from harness import run, spec

import bench
from bench.files import checksums
from bench.report.results import load_records
from bench.store import cache as index
from bench.store import grid_status as status
from bench.store.grid_status import remember
from bench.store.store import Store
from bench.store.transfer import merge, pack

FILES = ["spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json", "SHA256SUMS"]


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    """Files count as settled as soon as they are written."""
    monkeypatch.setattr(index, "SETTLED", 0.0)


@pytest.fixture
def store(tmp_path):
    """Four generated runs and no index."""
    generate(tmp_path / "results", methods=2, noise=[0, 0.3], seeds=1)
    return Store(tmp_path / "results")


@pytest.fixture
def warm(store):
    """The same with an index of all four."""
    store.scan()
    return store


@pytest.fixture(autouse=True)
def _closed(monkeypatch):
    """Every connection is closed in the end."""
    opened, connect = [], sqlite3.connect

    class Told(sqlite3.Connection):
        def close(self):
            opened.remove(self)
            super().close()

    def telling(*arguments, **options):
        opened.append(connect(*arguments, **options, factory=Told))
        return opened[-1]

    monkeypatch.setattr(index.sqlite3, "connect", telling)
    yield
    assert opened == []


@pytest.fixture
def reads(monkeypatch):
    """The folders whose files are read."""
    done, read = [], checksums.read_checked
    monkeypatch.setattr(
        checksums, "read_checked", lambda folder, names: (done.append(folder), read(folder, names))[1]
    )
    return done


def read_afresh(store):
    """All runs, read without the index."""
    return [store.read(path.parent) for path in sorted(store.root.rglob("record.json"))]


def entries(store):
    """What runs the index has."""
    with closing(sqlite3.connect(store.index)) as connection:
        return {os.fsdecode(row[0]) for row in connection.execute(f"SELECT folder FROM {index.RUNS}")}


def places(store):
    return {record.path.relative_to(store.root).as_posix() for record in read_afresh(store)}


def folder_of(store, method="method-0", rate=0.3):
    return store.path(specification(method, rate, 0, 1e-4))


# ---- what it is for -----------------------------------------------------------------------------------------


def test_a_second_scan_reads_no_file_and_returns_equal_records(store, reads):
    cold = store.scan()
    assert len(reads) == 4
    reads.clear()
    warm = store.scan()
    assert reads == []
    assert warm == cold == (read_afresh(store), [])
    assert {record.metrics["accuracy"] for record in warm[0]} == {0.2, 0.4, 0.6, 0.8}
    for one, other in zip(warm[0], cold[0], strict=True):
        assert {name: values.tobytes() for name, values in one.curves.items()} == {
            name: values.tobytes() for name, values in other.curves.items()
        }


def test_the_order_of_the_runs_is_the_same_with_and_without(warm):
    shutil.rmtree(folder_of(warm))
    write(warm.root.parent, specification("method-0", 0.3, 0, 1e-4), 0.5)  # now the last entry
    assert [record.path for record in warm.scan()[0]] == [record.path for record in read_afresh(warm)]


def test_status_reads_no_file_that_the_index_knows_and_writes_nothing(warm, reads):
    specs = [record.spec for record in warm.scan()[0]]
    remember(warm, [*specs, specification("method-0", 0.3, 1, 1e-4)])
    before = {path: path.stat().st_mtime_ns for path in warm.root.parent.rglob("*")}
    cost = read_afresh(warm)[0].cost["seconds"]
    reads.clear()
    (left,) = [each for each in status.of(warm) if each.state == "left"]
    assert reads == []
    assert left.seconds == pytest.approx(cost)
    assert {path: path.stat().st_mtime_ns for path in warm.root.parent.rglob("*")} == before


def test_status_makes_no_index(store):
    remember(store, [record.spec for record in read_afresh(store)])
    assert {each.state for each in status.of(store)} == {"done"}
    assert not store.index.exists()


# ---- what it must notice ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_an_edit_that_keeps_size_and_time_is_noticed(warm, name):
    path = folder_of(warm) / name
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    records, (problem,) = warm.scan()
    assert len(records) == 3
    assert str(path.parent) in problem
    assert warm.scan() == (records, [problem])


def test_an_edit_with_checksums_that_fit_is_read(warm):
    path = folder_of(warm) / "record.json"
    content = json.loads(path.read_text())
    content["metrics"]["accuracy"] = 0.123
    path.write_text(json.dumps(content))
    checksums.write(path.parent)
    assert 0.123 in accuracies(warm)
    assert warm.scan() == (read_afresh(warm), [])


def edited(folder):
    content = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(json.dumps(content | {"seed": 99}))
    checksums.write(folder)


@pytest.mark.parametrize("spoil", [edited, lambda folder: (folder / "curves.csv").write_text("rejected\n")])
def test_a_run_that_cannot_be_read_is_told_at_every_scan(store, reads, spoil):
    spoil(folder_of(store))
    told = [store.scan()[1] for _ in range(3)]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 1
    assert reads.count(folder_of(store)) == 3
    assert len(reads) == 4 + 1 + 1


def test_runs_that_are_removed_added_or_renamed_are_noticed_and_leave_no_entry(warm, reads):
    shutil.rmtree(folder_of(warm, "method-1").parent)
    folder_of(warm, rate=0.0).rename(folder_of(warm, rate=0.0).with_name("renamed"))
    write(warm.root.parent, specification("method-2", 0.1, 7, 1e-4), 0.75)
    found = warm.scan()
    assert len(reads) == 2, reads
    assert found == (read_afresh(warm), [])
    assert sorted(record.metrics["accuracy"] for record in found[0]) == accuracies(warm)
    assert entries(warm) == places(warm)
    assert len(entries(warm)) == 4


def test_a_folder_that_takes_the_name_of_another_is_read(warm):
    first, second = folder_of(warm, rate=0.0), folder_of(warm, rate=0.3)
    first.rename(first.with_name("aside"))
    second.rename(first)
    first.with_name("aside").rename(second)
    assert warm.scan() == (read_afresh(warm), [])


def test_a_forced_recomputed_or_merged_run_is_read_again(tmp_path, reads):
    store, other = Store(tmp_path / "here"), Store(tmp_path / "there")
    run(tmp_path / "here")
    store.scan()
    run(tmp_path / "here", force=True)
    reads.clear()
    (forced,), _ = store.scan()
    assert reads == [forced.path]
    curves = pd.DataFrame(forced.curves)
    record = store.recompute(forced, forced.metrics | {"accuracy": 0.123}, curves, "newer code")
    assert store.scan() == ([record], [])
    assert record.metrics["accuracy"] == 0.123
    run(tmp_path / "there", seeds=[1])
    assert merge(store, tmp_path / "there").added == 1
    reads.clear()
    assert [found.spec.seed for found in store.scan()[0]] == [0, 1]
    assert reads == [store.path(spec(seeds=[1]))]
    assert store.scan() == (read_afresh(store), [])
    assert not other.index.exists()


def test_stale_metrics_are_found_behind_an_index(tmp_path):
    run(tmp_path)
    store = Store(tmp_path)
    right = accuracies(store)
    path = store.path(spec()) / "record.json"
    content = json.loads(path.read_text())
    content["metrics"]["accuracy"], content["metrics_source"] = 0.123, "older code"
    path.write_text(json.dumps(content))
    checksums.write(path.parent)
    store.scan()
    for _ in range(2):
        assert [record.metrics["accuracy"] for record in load_records(store)[0]] == right


@pytest.mark.parametrize(("later", "kept"), [(-100.0, False), (1.0, False), (100.0, True)])
def test_files_that_may_change_within_a_tick_of_the_clock_have_no_entry(store, monkeypatch, reads, later, kept):
    """Two writes within one tick have the same stamp: no file is trusted before its last write is well past."""
    monkeypatch.setattr(index, "SETTLED", 2.0)
    now = time.time()
    monkeypatch.setattr(index.time, "time", lambda: now + later)
    store.scan()
    assert store.index.exists() == kept
    store.scan()
    assert len(reads) == (4 if kept else 8)


# ---- what may befall it -------------------------------------------------------------------------------------


def nothing(path):
    path.write_bytes(b"")


def garbage(path):
    path.write_bytes(b"no database at all " * 1000)


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def another_version(path):
    execute(path, f"ALTER TABLE {index.RUNS} RENAME TO runs_0")


def another_schema(path):
    execute(path, f"ALTER TABLE {index.RUNS} DROP COLUMN curves")


def another_database(path):
    path.unlink()
    execute(path, "CREATE TABLE shopping (item TEXT)")


def execute(path, statement, *values):
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).rowcount


@pytest.mark.parametrize("spoil", [nothing, garbage, half, another_version, another_schema, another_database])
@pytest.mark.parametrize("writes", [True, False])
def test_a_spoilt_index_costs_time_and_is_made_anew(warm, reads, spoil, writes):
    expected = read_afresh(warm), []
    spoil(warm.index)
    spoilt = warm.index.read_bytes()
    assert warm.scan(keep=writes) == expected
    assert writes or warm.index.read_bytes() == spoilt
    for _ in range((not writes) + (spoil is half)):  # what is torn inside is removed when it is met
        warm.scan()
    reads.clear()
    assert warm.scan() == expected
    assert reads == []


def test_a_bit_that_turned_anywhere_never_changes_a_result(warm):
    expected, whole = (read_afresh(warm), []), warm.index.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        warm.index.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        assert warm.scan(keep=False) == expected, place
    assert warm.scan() == expected


@pytest.mark.parametrize(
    "change",
    [
        "record = replace(record, 'accuracy\": 0.', 'accuracy\": 0.9')",
        "record = CAST(record AS TEXT)",
        "curves = NULL",
        "digest = NULL",
        "digest = zeroblob(32)",
        "stamp = replace(stamp, '1', '2')",
        "epochs = curves, curves = epochs",
        "folder = CAST(replace(folder, 'method-0', 'method-1') AS BLOB) WHERE instr(folder, 'method-0')",
    ],
)
def test_an_entry_that_is_not_as_it_was_written_does_not_count(warm, reads, change):
    if "WHERE" in change:
        execute(warm.index, f"DELETE FROM {index.RUNS} WHERE instr(folder, 'method-1')")
    assert execute(warm.index, f"UPDATE {index.RUNS} SET {change}") >= 2
    assert warm.scan() == (read_afresh(warm), [])
    assert len(reads) >= 4 + 4
    reads.clear()
    warm.scan()
    assert reads == []


def test_entries_that_changed_places_do_not_count(warm, reads):
    columns = "folder, stamp, digest, spec, manifest, record, epochs, curves"
    with closing(sqlite3.connect(warm.index)) as connection, connection:
        rows = connection.execute(f"SELECT {columns} FROM {index.RUNS}").fetchall()
        swapped = [(*one[:2], *other[2:]) for one, other in zip(rows, rows[::-1], strict=True)]
        values = ", ".join("?" * len(rows[0]))
        connection.executemany(f"REPLACE INTO {index.RUNS} ({columns}) VALUES ({values})", swapped)
    assert warm.scan() == (read_afresh(warm), [])
    assert len(reads) == 4 + 4


def test_a_folder_in_its_place_is_left_alone(store, reads):
    store.index.mkdir()
    for _ in range(2):
        assert store.scan()[1] == [
            f"{store.index} is not a finished run: SHA256SUMS is missing; it is left alone and not in the tables"
        ]
    assert len(reads) == 2 * (4 + 1)
    assert store.index.is_dir()


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("known", [4, 3])
def test_an_index_that_another_program_holds_is_done_without(warm, monkeypatch, lock, known):
    monkeypatch.setattr(index, "PATIENCE", 0.01)
    if known == 3:
        write(warm.root.parent, specification("method-2", 0.1, 7, 1e-4), 0.75)
    before = warm.index.read_bytes()
    with closing(sqlite3.connect(warm.index, isolation_level=None)) as holder:
        holder.execute(lock)
        assert warm.scan() == (read_afresh(warm), [])
    assert warm.index.read_bytes() == before


@contextmanager
def unwritable(folder):
    """A folder and all in it as somebody else's, who lets others read."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("indexed", ["no", "yes", "garbage"])
def test_a_folder_that_cannot_be_written_is_read(reads, indexed):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        Path(folder).chmod(0o755)
        generate(Path(folder), methods=2, noise=[0], seeds=1)
        store = Store(Path(folder))
        expected = store.scan() if indexed != "no" else (read_afresh(store), [])
        if indexed == "garbage":
            garbage(store.index)
        before = {path: path.stat().st_ctime_ns for path in store.root.rglob("*")}
        reads.clear()
        with unwritable(store.root):
            stamps = {path: path.stat().st_ctime_ns for path in store.root.rglob("*")}
            with pytest.raises(OSError, match="ermission denied"):
                (store.root / "new").touch()
            for _ in range(2):
                assert store.scan() == expected
            assert {path: path.stat().st_ctime_ns for path in store.root.rglob("*")} == stamps
        assert stamps.keys() == before.keys()


def test_an_unwritable_folder_with_an_index_is_read_from_it(reads):
    """The files' permissions are set before they are indexed: to change them changes their stamps."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        generate(Path(folder), methods=2, noise=[0], seeds=1)
        store = Store(Path(folder))
        for path in store.root.rglob("*/*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        expected = store.scan()
        reads.clear()
        store.root.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            assert store.scan() == expected
        finally:
            if root:
                os.seteuid(0)
            for path in [store.root, *store.root.rglob("*")]:
                path.chmod(0o755)
        assert reads == []


def test_programs_that_scan_at_once_all_read_the_same(store):
    expected = accuracies(store)
    with server().Pool(3) as pool:
        found = pool.starmap(scan_often, [(store.root.parent, 20, place == 0) for place in range(3)], chunksize=1)
    assert found == [[expected] * 20] * 3
    assert store.scan() == (read_afresh(store), [])


def test_a_name_that_is_no_text_is_a_name(warm, reads):
    folder = folder_of(warm)
    folder.rename(os.fsdecode(os.fsencode(folder.parent) + b"/\xff\xfe"))
    assert warm.scan() == (read_afresh(warm), [])
    reads.clear()
    assert warm.scan()[1] == []
    assert reads == []


# ---- where it goes ------------------------------------------------------------------------------------------


def test_it_is_not_packed_and_not_merged_and_a_merge_leaves_none_behind(warm, tmp_path):
    pack(warm, tmp_path / "runs.tar.gz", predictions=True)
    with tarfile.open(tmp_path / "runs.tar.gz") as archive:
        assert not [name for name in archive.getnames() if "index" in name]
    source = shutil.copytree(warm.root.parent, tmp_path / "copy")
    (source / "runs" / ".index.sqlite").unlink()
    for other in (source, warm.root.parent, tmp_path / "runs.tar.gz"):
        here = tmp_path / f"from-{other.name}"
        assert merge(Store(here), other).added == 4
        assert not list(here.rglob(".index*"))
    assert not list(source.rglob(".index*"))


def test_one_that_came_with_its_folder_does_not_count(warm, tmp_path, reads):
    """Stamps are of this machine's files: what travels with a folder is never believed."""
    there = Store(shutil.copytree(warm.root.parent, tmp_path / "copy"))
    assert there.index.exists()
    reads.clear()
    assert [record.metrics for record in there.scan()[0]] == [record.metrics for record in read_afresh(warm)]
    assert len(reads) == 4 + 4


def test_git_leaves_it_out():
    root = Path(bench.__file__).parents[1]
    if not (root / ".git").exists():
        pytest.skip("not in a clone")
    names = [f"results/mine/runs/.index.sqlite{ending}" for ending in ("", "-journal")]
    done = subprocess.run(["git", "check-ignore", *names], cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == names


def test_a_folder_without_runs_gets_none(tmp_path):
    (tmp_path / "runs").mkdir()
    assert Store(tmp_path).scan() == ([], [])
    assert list((tmp_path / "runs").iterdir()) == []
    assert Store(tmp_path / "nowhere").scan() == ([], [])
    assert not (tmp_path / "nowhere").exists()
