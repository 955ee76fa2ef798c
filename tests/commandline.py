"""`python -m bench` as real processes that start at once: forked from a server with all imports."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

# Besides the command line itself, what takes long to import and is imported only where it is used.
IMPORTED = ["bench.__main__", "bench.commands.cli", "bench.commands.grid_session", "bench.api", "torch._dynamo"]
IMPORTED += ["bench.report.figures", "pyarrow.parquet", "scipy.stats", "sklearn.datasets"]
PATIENCE = 120.0  # seconds after which what a test waits for is taken never to come


def until(happened: Callable[[], Any], what: str) -> Any:
    """Wait for something and return it; fail if it does not come."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE:g} s in vain for {what}")


def server() -> Any:
    """Return the server of processes, which has imported what the command line needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        multiprocessing.forkserver.ensure_running()
    return context


def _bench(
    arguments: list[str], folder: Path, file_size: int | None, environment: Mapping[str, str] | None
) -> None:
    """Be `python -m bench` in a session of its own; output goes to files of limited size."""
    os.setsid()
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        os.environ["GIT_DIR"] = os.devnull  # git would die on a larger index and leave the clone locked
    from bench.__main__ import main
    from bench.report import figures

    if file_size is None:
        # They take half of a report's 2 s; tests of pictures draw them in their own process.
        for slow in (figures.training_logs, figures.training_uncertainties):
            figures.FROM_RECORDS.remove(slow)
    sys.argv = ["bench", *arguments]
    main()


class Command:
    """A `bench` command under way."""

    def __init__(
        self,
        folder: Path,
        arguments: list[str],
        file_size: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.arguments = folder, arguments
        self.process = server().Process(target=_bench, args=(arguments, folder, file_size, environment))
        self.process.start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def interrupt(self) -> None:
        """Send to this process and all that it began what Ctrl-C sends."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Return the exit status, minus the signal's number where one ended it."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, f"still running after {PATIENCE:g} s: {self.out}{self.err}"
        return self.process.exitcode

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.is_alive()

    @property
    def out(self) -> str:
        """What it has said."""
        return self._said("out")

    @property
    def err(self) -> str:
        """What it has said of errors."""
        return self._said("err")

    @property
    def family(self) -> list[int]:
        """The processes that it began and itself, as far as they are alive."""
        return [pid for pid, session in sessions() if session == self.process.pid]

    def end(self) -> None:
        """Kill what is left of it and of all that it began."""
        for pid in self.family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.join(PATIENCE)
        self.process.close()

    def _said(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


def sessions() -> Iterator[tuple[int, int]]:
    """Yield each living process with its session."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if state not in "ZX":
                yield int(path.parent.name), int(session)


def opened(pid: int) -> list[str]:
    """Return the files that a process holds open."""
    found = []
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
    return found


class Shell:
    """Starts commands, and ends them with all that they began when a test is over."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commands = folder, list[Command]()

    def start(self, *arguments: str | Path, file_size: int | None = None) -> Command:
        """Start a command and return it."""
        place = self.folder / f"command{len(self.commands)}"
        self.commands.append(Command(place, [str(each) for each in arguments], file_size))
        return self.commands[-1]

    def run(self, *arguments: str | Path, file_size: int | None = None) -> Command:
        """Run a command to its end and return it."""
        command = self.start(*arguments, file_size=file_size)
        command.wait()
        return command

    def clean(self) -> None:
        """Kill what is left of the commands."""
        for command in self.commands:
            command.end()
