"""Whatever ends a grid, the same command goes on to the same bytes: real programs are killed."""

import os
import random
import re
import signal
import time

import pytest
from commandline import Shell, opened, until
from harness import DUMMY, PLUGINS, plugin

from bench.store.store import Store

LOSS = "        logits, uncertainty = self(batch.images)\n"
EPOCHS = 40

TINY = ["run", "--plugins", PLUGINS, "--datasets", "tiny", "--device", "cpu", "--precision", "float32"]
# Runs of about a second each, with dropout, relabelling and a checkpoint after every epoch.
GRID = [
    *[*TINY, "--methods", "dummy,scn", "--noise", "0,0.3", "--checkpoint-minutes", "0"],
    *["--epochs", EPOCHS, "--set", "recipe.batch_size=8", "--set", "scn.dimension=8"],
]
RUNS = 4
pytestmark = pytest.mark.xdist_group("survival")  # what they share is made once


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What the grid leaves when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("whole")
    shell = Shell(folder / ".commands")
    done = shell.run(*GRID, "--jobs", "0", "--results", folder)
    assert (done.wait(), done.err) == (0, "")
    yield files(folder)
    shell.clean()


def files(results):
    """The bytes of runs' files but for what tells time and place; outcome and metrics of those."""
    records, problems = Store(results).scan()
    assert problems == []
    found = {}
    for record in records:
        name = str(record.spec.folder)
        found[name] = record.outcome, record.metrics
        for path in record.path.iterdir():
            if path.name not in ("record.json", "SHA256SUMS"):
                found[f"{name}/{path.name}"] = path.read_bytes()
    return found


def leftovers(results):
    """What no program needs any more."""
    names = (".progress-*", ".partial-*", "*.partial")
    return [str(path.relative_to(results)) for name in names for path in results.rglob(name)]


def checkpoints(results):
    return {path: path.stat().st_mtime_ns for path in results.rglob("checkpoint.pt")}


def survive(shell, results, command, kills, seed):
    """Run a grid, kill it at random moments of its training, begin again; return the commands."""
    moments, begun = random.Random(seed), []
    while True:
        begun.append(shell.start(*command, "--results", results))
        if len(begun) > kills:
            break
        before = checkpoints(results)
        until(lambda: not begun[-1].is_alive or checkpoints(results) != before, "a checkpoint")  # noqa: B023
        end = time.monotonic() + moments.uniform(0, 0.5)
        while begun[-1].is_alive and time.monotonic() < end:
            time.sleep(0.005)
        begun[-1].signal(signal.SIGKILL)
        if begun[-1].wait() != -signal.SIGKILL:
            break
        until(lambda: not begun[-1].family, "the end of all processes of a program that was killed")
    return begun


@pytest.mark.parametrize(("jobs", "kills", "seed"), [(0, 4, 1), (2, 1, 2)])
def test_a_grid_killed_at_random_moments_ends_in_the_same_bytes(tmp_path, shell, whole, jobs, kills, seed):
    begun = survive(shell, tmp_path, [*GRID, "--jobs", jobs], kills, seed)
    assert (begun[-1].wait(), begun[-1].err) == (0, "")
    assert len(begun) > 1
    assert "resumed after epoch" in "".join(command.out for command in begun)
    assert files(tmp_path) == whole
    assert leftovers(tmp_path) == []


def at_work(command):
    """The processes of a command that hold a lock, by its path."""
    held = {}
    for pid in command.family:
        held |= {name: pid for name in opened(pid) if name.endswith("/lock")}
    return held


def test_a_worker_that_is_killed_costs_one_retry_and_nothing_else(tmp_path, shell, whole):
    command = shell.start(*GRID, "--jobs", "2", "--results", tmp_path)
    until(lambda: checkpoints(tmp_path), "a checkpoint")
    victim = until(lambda: list(at_work(command).values()), "a run under way")[0]
    assert victim != command.process.pid
    os.kill(victim, signal.SIGKILL)
    assert (command.wait(), command.err) == (0, "")
    assert len(re.findall(r"^\[\d/4\]", command.out, flags=re.M)) == RUNS
    assert files(tmp_path) == whole
    assert leftovers(tmp_path) == []


def test_an_interrupt_of_all_processes_keeps_what_is_done_and_the_same_command_goes_on(tmp_path, shell, whole):
    command = shell.start(*GRID, "--jobs", "2", "--results", tmp_path)
    until(lambda: checkpoints(tmp_path) and len(at_work(command)) == 2, "two runs under way")
    command.interrupt()
    assert command.wait() == 130
    kept = len(list(tmp_path.rglob("record.json")))
    assert command.err == (
        f"interrupted: {kept} of {RUNS} runs are finished and kept; the same command goes on from there\n"
    )
    until(lambda: not command.family, "the end of all processes")
    again = shell.run(*GRID, "--jobs", "0", "--results", tmp_path)
    assert (again.wait(), again.err) == (0, "")
    assert "resumed after epoch" in again.out
    assert files(tmp_path) == whole
    assert leftovers(tmp_path) == []


# ---- out of time ---------------------------------------------------------------------------------


def slow(folder, name, body):
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    imports = "import os, time\nfrom pathlib import Path\n"
    return plugin(folder, name, imports + DUMMY.partition('"""\n\n')[2].replace(LOSS, lines + LOSS))


def test_a_grid_that_is_out_of_time_stops_at_a_checkpoint_and_ends_later_in_the_same_bytes(tmp_path, shell):
    """An epoch takes longer than the time there is, once."""
    mark = tmp_path / "mark"
    body = f"mark = Path({str(mark)!r})\nif progress.epoch == 2 and not mark.exists():\n"
    folder = slow(tmp_path / "plugins", "slow", body + "    mark.touch()\n    time.sleep(3)")
    grid = [*TINY, "--plugins", folder, "--methods", "slow", "--noise", "0,0.3", "--jobs", "0"]
    first = shell.run(*grid, "--max-minutes", "0.05", "--results", tmp_path / "stopped")
    assert first.wait() == 75
    assert first.err == "out of time: 2 of 2 runs are left; the same command goes on from there\n"
    assert re.search(r"noise 0% · seed 0  stopped: stopped after epoch [12] of 4$", first.out, flags=re.M)
    assert re.search(r"noise 30% · seed 0  stopped: (not begun|stopped after)", first.out)
    assert not list(tmp_path.rglob("record.json"))
    again = shell.run(*grid, "--results", tmp_path / "stopped")
    assert (again.wait(), again.err) == (0, "")
    assert re.search(r"noise 0% .* resumed after epoch [12]$", again.out, flags=re.M)
    mark.touch()
    undisturbed = shell.run(*grid, "--results", tmp_path / "whole")
    assert (undisturbed.wait(), undisturbed.err) == (0, "")
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    assert leftovers(tmp_path / "stopped") == []


# ---- a full disk ---------------------------------------------------------------------------------


def test_a_disk_that_is_full_costs_what_does_not_fit_and_the_same_command_goes_on(tmp_path, shell, whole):
    """Files may grow to 48 KiB: checkpoints of the dummy fit, those of scn and pictures do not."""
    full = shell.run(*GRID, "--jobs", "1", "--results", tmp_path, file_size=48 << 10)
    assert full.wait() == 1
    assert "Traceback" not in full.err
    lines = full.out.splitlines()
    for method in ("scn", "dummy"):
        told = [line for line in lines if f"tiny · {method}" in line and line.startswith("[")]
        assert len(told) == 2
        assert all(("failed: " in line) == (method == "scn") for line in told), told
    assert {record.spec.label for record in Store(tmp_path).scan()[0]} == {"dummy"}
    again = shell.run(*GRID, "--jobs", "0", "--results", tmp_path)
    assert (again.wait(), again.err) == (0, "")
    assert files(tmp_path) == whole
    assert leftovers(tmp_path) == []


def test_a_disk_that_takes_no_predictions_leaves_no_half_run(tmp_path, shell):
    """Files may grow to 16 KiB: many features do not fit, though the files before them do."""
    grid = [*TINY, "--methods", "scn", "--noise", "0,0.3", "--epochs", 2, "--set", "scn.dimension=256"]
    full = shell.run(*grid, "--jobs", "1", "--results", tmp_path / "full", file_size=16 << 10)
    assert full.wait() == 1
    assert "Traceback" not in full.err
    told = [line for line in full.out.splitlines() if line.startswith("[")]
    assert ["failed: " in line for line in told] == [True] * 2, told
    assert Store(tmp_path / "full").scan()[0] == []
    assert not list((tmp_path / "full").rglob("seed*/*"))
    for folder in ("full", "whole"):
        again = shell.run(*grid, "--jobs", "1", "--results", tmp_path / folder)
        assert (again.wait(), again.err) == (0, "")
    assert files(tmp_path / "full") == files(tmp_path / "whole")
    large = {path.name for path in (tmp_path / "whole").rglob("seed*/*") if path.stat().st_size > 16 << 10}
    assert large == {"test.parquet"}
    assert leftovers(tmp_path) == []


# ---- two programs on one results folder ----------------------------------------------------------


def counted(folder, log, name):
    """A method that writes down each time it is made, then waits for the other program."""
    body = f"end = time.monotonic() + 60\nlog = Path({str(log)!r})\n"
    body += "while len(log.read_text().splitlines()) < 2 and time.monotonic() < end:\n    time.sleep(0.01)"
    path = slow(folder, name, body) / "methods" / f"{name}.py"
    old, source = "        self.scale = scale\n", path.read_text()
    assert source.count(old) == 1
    said = f"f'{name} {{os.getpid()}}\\n'"
    made = f"        with Path({str(log)!r}).open('a') as log:\n            log.write({said})\n"
    path.write_text(source.replace(old, old + made))
    return folder


def unexpected(said):
    """Return the lines of an error output but those of a slow machine: who waits for whom."""
    return [line for line in said.splitlines() if not line.startswith("waiting since ")]


def test_two_programs_on_one_grid_share_it_and_do_each_run_once(tmp_path, shell):
    log, results = tmp_path / "log", tmp_path / "results"
    for name in ("one", "two", "three"):
        folder = counted(tmp_path / "plugins", log, name)
    grid = [*TINY, "--plugins", folder, "--noise", "0.3", "--jobs", "0", "--results", results]
    started = [shell.start(*grid, "--methods", names) for names in ("one,two,three", "two,one,three")]
    assert [(command.wait(), unexpected(command.err)) for command in started] == [(0, []), (0, [])]
    lines = [line.split() for line in log.read_text().splitlines()]
    assert sorted(name for name, _ in lines) == ["one", "three", "two"]
    assert {pid for _, pid in lines} == {str(command.process.pid) for command in started}
    for command in started:
        assert len(re.findall(r"^\[\d/3\] tiny", command.out, flags=re.M)) == 3
        assert re.search(r"^one +\S+", command.out, flags=re.M)
    finished = sum(command.out.count("finished before") for command in started)
    assert finished == 3
    assert leftovers(results) == []
    shared = page(results)
    alone = shell.run(*grid, "--methods", "one,two,three")
    assert alone.wait() == 0
    assert shared == page(results)


def test_reports_written_at_the_same_time_are_whole(tmp_path, shell):
    grid = [*TINY, "--methods", "dummy", "--noise", "0.3", "--jobs", "0", "--results", tmp_path]
    assert shell.run(*grid).wait() == 0
    alone = page(tmp_path)
    at_once = [shell.start("report", "--plugins", PLUGINS, "--results", tmp_path) for _ in range(3)]
    assert [(command.wait(), unexpected(command.err)) for command in at_once] == [(0, [])] * 3
    assert page(tmp_path) == alone


def page(results):
    folder = results / "report"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "README.md" in found
    for name in re.findall(r"\]\((figures/[^)]+)\)", found["README.md"].decode()):
        assert name in found
    return {name: found[name] for name in found if name.endswith((".md", ".csv", ".tex"))}
