"""Ctrl-C at any moment, once or twice: one line, exit status 130, and no process left."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from commandline import Shell, sessions, until
from harness import PLUGINS

from bench.commands import interrupts
from bench.commands.interrupts import interrupt_once

GRID = ["run", "--plugins", PLUGINS, "--datasets", "tiny", "--methods", "dummy,scn", "--noise", "0,0.3"]
GRID += ["--device", "cpu", "--epochs", 400, "--set", "scn.dimension=8", "--set", "recipe.batch_size=8"]
LINE = r"interrupted: (the same command goes on from there|0 of 4 runs are finished and kept; .*)\n"


@pytest.fixture(autouse=True)
def _own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


@pytest.mark.parametrize(("after", "times"), [(0.1, 1), (0.4, 2), (4.0, 3)])
def test_a_grid_whose_workers_start_or_train_ends_in_one_line(tmp_path, shell, after, times):
    command = shell.start(*GRID, "--jobs", "2", "--results", tmp_path / "results")
    until(lambda: command.out, "the first line")
    time.sleep(after)
    for _ in range(times):
        command.interrupt()
        time.sleep(0.03)
    assert command.wait() == 130
    assert re.fullmatch(LINE, command.err), command.err
    until(lambda: not command.family, "the end of all processes")


@pytest.mark.parametrize("moment", [0.15, 0.4, 0.8, 1.6, 3.0])
def test_a_new_interpreter_ends_in_one_line_while_it_still_imports(tmp_path, moment):
    """It stands in a session of its own, as in a terminal; modules are imported all the while."""
    command = [sys.executable, "-m", "bench", *map(str, GRID), "--jobs", "2", "--results", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until(lambda: _handles_interrupts(process.pid), "the handler")
        time.sleep(moment)
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=100)[1]
    assert _as_a_shell_says(process.returncode) == 130
    assert re.fullmatch(LINE, err), err
    until(lambda: process.pid not in {session for _, session in sessions()}, "the end of all processes")


def _as_a_shell_says(status):
    """A signal's status as shells have it.

    Python ends itself by SIGINT if that came while a library in C ran code of its own as it was
    imported, whatever status was asked for.
    """
    return 128 - status if status < 0 else status


def _handles_interrupts(pid):
    """Whether Python's own handler, or the command's, is in place."""
    with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
        caught = next(line for line in file if line.startswith("SigCgt:")).split()[1]
    return int(caught, 16) >> (signal.SIGINT - 1) & 1 and b"bench" in _command_line(pid) and _has_begun(pid)


def _command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
        return file.read()


def _has_begun(pid):
    """Whether the interpreter is past its own start-up: typer's modules are being imported."""
    with open(f"/proc/{pid}/maps") as file:  # noqa: PTH123
        return "_json" in file.read()


def test_commands_and_their_imports_say_it_in_typers_place(monkeypatch, capsys):
    from bench import __main__
    from bench.commands import cli

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    wrapped = interrupts.ending_in_one_line(interrupted)
    with pytest.raises(SystemExit) as ended:
        wrapped()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on from there\n"
    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on from there\n"


@pytest.mark.parametrize(
    "error", [ImportError("numpy failed to import"), SystemError("x"), OSError(4, "Interrupted")]
)
def test_an_error_that_a_library_makes_of_the_interrupt_is_told_as_that(monkeypatch, capsys, error):
    from bench import __main__
    from bench.commands import cli

    before = signal.getsignal(signal.SIGINT)

    def hides(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            raise error from None

    monkeypatch.setattr(cli, "app", hides)
    try:
        with pytest.raises(SystemExit) as ended:
            __main__.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted: the same command goes on from there\n"


def test_later_interrupts_do_nothing_until_the_program_should_have_ended(monkeypatch):
    before, ended = signal.getsignal(signal.SIGINT), []
    monkeypatch.setattr(os, "_exit", ended.append)
    try:
        handler = interrupt_once()
        assert signal.getsignal(signal.SIGINT) is handler
        with pytest.raises(KeyboardInterrupt):
            handler(signal.SIGINT, None)
        handler(signal.SIGINT, None)
        assert ended == []
        handler.first -= interrupts.GRACE + 1
        handler(signal.SIGINT, None)
        assert ended == [130]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_program_that_ignores_interrupts_goes_on_to_do_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupt_once()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
