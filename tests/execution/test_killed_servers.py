"""The processes behind the workers are killed: the grid goes on, or one line names the cause."""

import multiprocessing
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commandline import Shell, server, until
from harness import PLUGINS, grid

from bench.errors import BenchError
from bench.execution import processes
from bench.execution.context import Context
from bench.execution.observer import Observer
from bench.execution.processes import ProcessExecutor, death
from bench.plugins.registry import Registry
from bench.store.store import Store

GRID = ["run", "--plugins", PLUGINS, "--datasets", "tiny", "--methods", "dummy,scn", "--noise", "0,0.3"]
GRID += ["--device", "cpu", "--epochs", 20, "--set", "scn.dimension=8", "--checkpoint-minutes", "0"]


@pytest.fixture(autouse=True, scope="module")
def _server():
    server()


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


def servers(command):
    """The servers of processes that a command has started."""
    found = []
    for pid in command.family:
        with suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if parent == command.process.pid and b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


@pytest.mark.parametrize(("after", "workers_too"), [(0.3, False), (0.3, True), (6.0, False)])
def test_a_server_that_is_killed_is_replaced_and_all_runs_are_done(tmp_path, shell, after, workers_too):
    command = shell.start(*GRID, "--jobs", "2", "--results", tmp_path)
    until(lambda: servers(command) or not command.is_alive, "the server")
    time.sleep(after)
    for pid in command.family if workers_too else servers(command):
        if pid != command.process.pid:
            os.kill(pid, signal.SIGKILL)
    assert (command.wait(), command.err) == (0, ""), command.out
    assert len(Store(tmp_path).scan()[0]) == 4


class Dead:
    """Stands in for a server that never answers."""

    def __init__(self, error):
        self.error = error

    def Pipe(self):  # noqa: N802 - as of multiprocessing
        return multiprocessing.Pipe()

    def Process(self, **_):  # noqa: N802 - as of multiprocessing
        return self

    def start(self):
        raise self.error


@pytest.mark.parametrize(
    "error", [EOFError(), ConnectionRefusedError(111, "Connection refused"), FileNotFoundError(2, "No such file"),
              OSError(24, "Too many open files"), BlockingIOError(11, "Resource temporarily unavailable")]
)  # fmt: skip
def test_a_server_that_never_answers_fails_its_cells_in_one_line_each(tmp_path, monkeypatch, error):
    monkeypatch.setattr(processes, "PAUSES", (0.0, 0.0))
    context = Context(Registry([PLUGINS]), Store(tmp_path), Path("data"))
    executor = ProcessExecutor(context, Observer(), 2, 1)
    monkeypatch.setattr(executor, "server", Dead(error))
    reports = executor.run(grid(seeds=[0, 1]))
    assert [report.status for report in reports] == ["failed"] * 2
    wanted = (
        r"its process did not start: the server of processes \(forkserver\) ended, .* \(2 tries got no further\)"
    )
    assert all(re.fullmatch(wanted, report.detail) for report in reports), reports
    assert all(type(error).__name__ in report.detail for report in reports)


def test_an_end_that_nobody_saw_is_told_as_that():
    assert death(255) == "exit status 255, or unseen, as the server of processes (forkserver) was killed"
    assert death(254) == "exit status 254"


# ---- Ray -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked_types")  # its tasks are not those of a real cluster
@pytest.mark.parametrize("where", ["listen", "size", "start"])
def test_a_raylet_that_is_lost_is_one_line_and_all_locks_are_free(tmp_path, monkeypatch, where):
    pytest.importorskip("ray")
    from ray.exceptions import ActorDiedError, RaySystemError

    from bench.execution import ray as rays
    from bench.execution.queue_and_retries import Pool

    executor = object.__new__(rays.RayExecutor)
    Pool.__init__(executor, Context(Registry([PLUGINS]), Store(tmp_path), Path("data")), Observer(), 1)
    error = ActorDiedError() if where == "listen" else RaySystemError("lost\nand more\nlines")

    def lost(*_, **__):
        raise error

    class Mailbox:
        shutdown = lost

    executor.mailbox, executor.owned = Mailbox(), False
    monkeypatch.setattr(rays.RayExecutor, "size", lost if where == "size" else lambda self: 1)
    monkeypatch.setattr(rays.RayExecutor, where, lost)
    if where == "listen":
        monkeypatch.setattr(
            rays.RayExecutor, "start", lambda self, place, spec: self.workers.update({place: _task()})
        )
        monkeypatch.setattr(rays.ray, "cancel", lambda *_, **__: lost())
    with pytest.raises(BenchError) as told:
        executor.run(grid())
    assert re.fullmatch(
        r"Ray on this machine was lost, or one .* was killed: .*; what is finished .*", str(told.value)
    )
    assert "and more" not in str(told.value)
    if where == "listen":
        assert released == [False]


released = []


def _task():
    released.clear()

    class UnderWay:
        def release(self, done):
            released.append(done)

    from bench.execution.ray import Task

    return Task(None, UnderWay(), "0.1")
