"""What macOS and Windows lack is not needed: each is taken away, and the harness does its work."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from harness import grid

from bench.execution import process_tuning, processes, provenance
from bench.execution.machines import Machines
from bench.files import atomic, locks
from bench.files.atomic import clear_partials, move_all, new_folder, replace_file
from bench.store.unfinished import UnderWay, is_taken

# A run, a report and a pack in a process that cannot import some modules, or lacks some functions.
PROGRAM = """
import os, signal, sys
import commandline  # of the tests themselves, which need some of it
lacking = sys.argv.pop(1).split(",")
for name in lacking:
    module, _, function = name.partition(".")
    if function:
        vars(sys.modules[module]).pop(function, None)
    else:
        sys.modules[module] = None
import warnings
warnings.filterwarnings("ignore", "only soft file lock")
from pathlib import Path
from harness import run, report
from bench.store.store import Store
from bench.store.transfer import pack
results = Path(sys.argv[1])
(done,) = run(results, epochs=2)
assert done.status == "done", done
assert report(results).groups
assert pack(Store(results), results / "runs.tar.gz", False)[0] == 1
print(sorted(path.name for path in results.rglob(".*") if "asked" not in path.name))
"""
LACKING = {
    "macOS": "os.sched_getaffinity",
    "Windows": "fcntl,resource,os.sched_getaffinity,os.sync,signal.pthread_sigmask",
}


@pytest.mark.parametrize("lacking", LACKING.values(), ids=LACKING)
def test_a_run_a_report_and_a_pack_need_none_of_it(tmp_path, lacking):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, lacking, str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("['.report.lock']\n", "[]\n")  # a lock that is its file goes when released


@pytest.mark.usefixtures("unchecked_types")  # such a lock is of another class
def test_locks_without_fcntl_are_files_and_keep_others_out(tmp_path, monkeypatch):
    from filelock import SoftFileLock

    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(locks, "FileLock", SoftFileLock)
    place = tmp_path / "seed0"
    assert not is_taken(place)
    with UnderWay.take(place):
        assert is_taken(place)
        assert UnderWay.take(place) is None
    assert not is_taken(place)
    with replace_file(tmp_path / "file") as file:
        file.write(b"new")
    clear_partials(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_grid_takes_the_cores_of_the_machine_where_none_tells_those_of_the_process(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "6")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert Machines(threads=2).at_once(grid(seeds=list(range(9)))) <= 3


def test_folders_are_written_out_one_by_one_where_not_all_can_be_at_once(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sync")
    synced = []
    monkeypatch.setattr(atomic, "sync", synced.append)
    moves = []
    for name in ("a", "b"):
        partial = atomic.empty_beside(tmp_path / name)
        (partial / "file").touch()
        moves.append((partial, tmp_path / name))
    assert move_all(moves) == []
    assert {path for path in synced if path.name == "file"} == {partial / "file" for partial, _ in moves}


def test_a_system_that_opens_no_folders_is_trusted_with_the_names(tmp_path, monkeypatch):
    opened = os.open

    def refused(path, flags, *more):
        if os.path.isdir(path):  # noqa: PTH112
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more)

    monkeypatch.setattr(atomic, "os", SimpleNamespace(**vars(os) | {"open": refused, "name": "nt"}))
    with new_folder(tmp_path / "place") as folder:
        (folder / "file").touch()
    assert (tmp_path / "place" / "file").is_file()


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_memory_is_counted_in_the_systems_unit_and_is_0_where_it_does_not_tell(monkeypatch, platform, unit):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=3))
    monkeypatch.setattr(provenance.sys, "platform", platform)
    monkeypatch.setattr(provenance, "resource", usage)
    assert provenance.peak_memory("cpu") == 3 * unit
    monkeypatch.setattr(provenance, "resource", None)
    assert provenance.peak_memory("cpu") == 0


def test_a_server_of_processes_starts_where_no_signals_are_blocked(monkeypatch):
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    started = []
    monkeypatch.setattr(processes.forkserver, "ensure_running", lambda: started.append(True))
    monkeypatch.setattr(processes.resource_tracker, "ensure_running", lambda: None)
    processes.start_server()
    assert started in ([True], [])


def test_memory_is_left_to_the_system_where_malloc_is_not_glibcs(monkeypatch):
    monkeypatch.setattr(process_tuning.sys, "platform", "darwin")
    monkeypatch.setattr(process_tuning.ctypes, "CDLL", lambda name: pytest.fail("opened"))
    process_tuning.keep_freed_memory()
