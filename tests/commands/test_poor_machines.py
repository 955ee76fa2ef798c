"""Terminals, environments and limits of machines as they are: one line that names the cause."""

import os
import resource
import subprocess
import sys

import pytest
from harness import PLUGINS, bench, from_nothing

import bench as package
from bench.errors import UsageError
from bench.execution import process_limits
from bench.execution.machines import Machines
from bench.options import path_of
from bench.validation import validated

TINY = ["--methods", "dummy", "--datasets", "tiny", "--noise", "0.3", "--epochs", "1", "--plugins", str(PLUGINS)]
ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"PYTHONIOENCODING": "cp437"},
    {"PYTHONIOENCODING": "koi8-r"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX"},
]
NOBODY = "~nosuchuser"


def limited(*arguments, kind, limit):
    """Run a new `python -m bench` that a limit of the system holds for."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)),
    )


def is_one_line(done, *said):
    """Whether a command failed with one line on what was wrong."""
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for words in said:
        assert words in done.stderr
    return True


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder with one run."""
    folder = tmp_path_factory.mktemp("runs")
    assert bench("run", *TINY, "--results", str(folder)).returncode == 0
    return folder


def shown(terminal, *arguments):
    """Return what a command shows on a terminal, and how Python encodes a text there."""
    environment = os.environ | {"COLUMNS": "80"} | terminal
    command = [sys.executable, "-m", "bench", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=300, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    asked = [sys.executable, "-c", "import sys; print(sys.stdout.encoding)"]
    encoding = subprocess.run(asked, capture_output=True, text=True, env=environment).stdout.strip()
    return done.stdout, lambda text: text.encode(encoding, "replace")


@pytest.mark.parametrize("terminal", ENCODINGS)
def test_characters_that_a_terminal_lacks_are_replaced(terminal):
    said, encoded = shown(terminal, "list", "datasets")
    assert encoded("10,000 photographs, 32×32, 10 classes.") in said


def test_so_are_those_of_a_run_and_of_a_plan(results):
    request = ["run", *TINY, "--jobs", "0", "--results", str(results)]
    said, encoded = shown({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, *request)
    assert said.startswith(encoded("[1/1] tiny · dummy · noise 30% · seed 0"))
    said, encoded = shown({"PYTHONIOENCODING": "ascii"}, *request, "--dry-run")
    assert encoded("tiny · dummy · noise 30% · seed 0") in said


@pytest.mark.parametrize("name", ["gr\u00f6\u00dfe", "\u4e2d", "\x1b[31mred", "a\u202eb"])
def test_an_error_can_be_read_on_every_terminal(name):
    done = from_nothing("list", name, PYTHONIOENCODING="ascii")
    assert is_one_line(done, "error: no section, method or data set to list")
    assert done.stderr.isascii()
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--results", f"{NOBODY}/runs"],
        ["run", f"--data-root={NOBODY}"],
        ["run", "--plugins", f"{NOBODY}/ideas"],
        ["run", "--experiment", f"{NOBODY}/mine.toml"],
        ["run", *TINY, "--set", f"recipe.pretrained={NOBODY}/net.pt"],
        ["report", "--results", NOBODY],
        ["compare", "--results", f"{NOBODY}/a/b"],
        ["status", "--results", f"{NOBODY}/a"],
        ["list", "--plugins", f"{NOBODY}/a"],
        ["new", "method", "mine", "--plugins", f"{NOBODY}/a"],
    ],
)
def test_a_home_folder_that_there_is_not_is_named(arguments):
    assert is_one_line(bench(*arguments), f"there is no home folder {NOBODY}")


@pytest.mark.parametrize("variable", ["BENCH_DATA", "BENCH_CACHE"])
def test_so_is_one_in_the_environment(variable, monkeypatch):
    from bench.data.data_root import find_data_root
    from bench.files.cache_place import cache_folder

    monkeypatch.setenv(variable, f"{NOBODY}/x")
    with pytest.raises(UsageError, match=f"^{variable} {NOBODY}/x: there is no home folder {NOBODY}"):
        find_data_root(None) if variable == "BENCH_DATA" else cache_folder()


def test_the_python_interface_names_it_too():
    for call in (package.run, package.load_results, package.compare):
        with pytest.raises(UsageError, match="there is no home folder ~nosuchuser"):
            call(results=f"{NOBODY}/runs")


def test_a_home_folder_that_there_is_takes_the_place_of_its_sign(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of("~/runs", "--results") == tmp_path / "runs"


@pytest.mark.parametrize("backend", ["a\nb", "module:"])
def test_a_backend_that_matplotlib_lacks_is_named_and_figures_are_drawn(backend, results):
    done = from_nothing("report", "--results", str(results), MPLBACKEND=backend)
    assert done.returncode == 0
    assert done.stderr.startswith("note: MPLBACKEND=")
    assert done.stderr.count("\n") == 1


def test_a_backend_that_it_has_stays(results):
    done = from_nothing("report", "--results", str(results), MPLBACKEND="svg")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_for_temporary_files_whose_path_is_too_long_for_sockets_is_named(tmp_path):
    folder = tmp_path / ("x" * max(1, 76 - len(str(tmp_path)) - 1))  # and the name of a socket
    folder.mkdir()
    options = [*TINY, "--results", str(tmp_path / "runs")]
    assert is_one_line(from_nothing("run", *options, "--jobs", "1", TMPDIR=str(folder)), "TMPDIR", "--jobs 0")
    assert from_nothing("run", *options, "--jobs", "0", TMPDIR=str(folder)).returncode == 0


def test_a_folder_for_temporary_files_that_there_is_not_is_done_without(tmp_path):
    options = [*TINY, "--results", str(tmp_path / "runs"), "--jobs", "1"]
    assert from_nothing("run", *options, TMPDIR=str(tmp_path / "absent")).returncode == 0


@pytest.mark.parametrize(("limit", "jobs"), [(12, "1"), (20, "3"), (40, "auto")])
def test_too_few_open_files_are_named(limit, jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(process_limits, "_open_files", lambda: limit)
    machines = validated(Machines, {"jobs": jobs}, "option")
    monkeypatch.setattr(Machines, "at_once", lambda self, grid, gpu: 12 if self.jobs is None else self.jobs)
    with pytest.raises(UsageError, match=f"a program may have {limit} here; raise that by `ulimit -n"):
        machines.check([])


def test_enough_open_files_are_accepted(monkeypatch):
    monkeypatch.setattr(process_limits, "_open_files", lambda: 20)
    process_limits.check_processes(2)
    monkeypatch.setattr(process_limits, "_open_files", lambda: None)
    process_limits.check_processes(10_000)


@pytest.mark.parametrize("limit", [5, 8, 14])
def test_the_system_s_own_limit_of_open_files_is_named(limit, tmp_path):
    options = [*TINY, "--results", str(tmp_path / "runs"), "--jobs", "1"]
    done = limited("run", *options, kind=resource.RLIMIT_NOFILE, limit=limit)
    assert is_one_line(done, "ulimit -n")


@pytest.mark.parametrize("mebibytes", [100, 450, 1000, 2000])
def test_the_limit_of_the_address_space_is_named(mebibytes, tmp_path):
    options = [*TINY, "--results", str(tmp_path / "runs")]
    done = limited("run", *options, kind=resource.RLIMIT_AS, limit=mebibytes * 2**20)
    assert is_one_line(done, f"{mebibytes} MiB of address space", "ulimit -v")


@pytest.mark.parametrize("threads", ["100000", "1025", "999999999999999999999", 65 + (os.cpu_count() or 1)])
def test_more_threads_than_a_machine_can_have_are_refused(threads, tmp_path):
    done = bench("run", *TINY, "--threads", str(threads), "--results", str(tmp_path))
    assert is_one_line(done, "--threads", str(threads))


def test_threads_that_a_machine_can_have_are_accepted():
    for threads in ("1", "2", 64):
        validated(Machines, {"threads": threads, "jobs": 0}, "option").check([])
