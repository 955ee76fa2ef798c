"""Who waits for another program says what for, who has it and since when; and none clash."""

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import pytest
from commandline import Shell, until
from finished_runs import content, copy
from harness import PLUGINS, grid, run

from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import Observer
from bench.files import locks
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.store.unfinished import UnderWay

HOLD = """
import sys
from pathlib import Path
from bench.files import locks
lock = locks.take(Path(sys.argv[1]))
print("mine" if lock else "another's", flush=True)
sys.stdin.read()
"""
SINCE = r"since \d\d:\d\d:\d\d"


@contextmanager
def holder(path):
    """Another process that holds a lock and does nothing: a program that is stopped."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "mine\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path / ".commands")
    yield shell
    shell.clean()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    results = tmp_path_factory.mktemp("finished")
    run(results, methods=["dummy", "baseline"], seeds=[0, 1])
    return results


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(locks, "QUIET", 0.2)
    monkeypatch.setattr(locks, "AGAIN", 0.2)


# What is waited for: the lock's file, the command, and the words.
WAITS = {
    "a report": (".report.lock", ["report", "--plugins", PLUGINS], "the report of RESULTS"),
    "a comparison": ("compare/.lock", ["compare"], "the comparison in RESULTS/compare/accuracy"),
    "the list of runs": (
        "runs/.asked.lock",
        [
            "run",
            "--plugins",
            PLUGINS,
            "--datasets",
            "tiny",
            "--methods",
            "dummy",
            "--noise",
            "0.3",
            "--precision",
            "float32",
        ],
        "the list of runs asked for, RESULTS/runs/.asked.json",
    ),
}


@pytest.mark.parametrize("what", WAITS)
def test_a_command_that_waits_says_what_for_and_since_when_and_goes_on(finished, shell, what):
    name, arguments, words = WAITS[what]
    with holder(finished / name) as process:
        waiting = shell.start(*arguments, "--results", finished)
        said = until(lambda: waiting.err, "a word on what it waits for")
        process.kill()
    assert waiting.wait() == 0
    wanted = re.escape(words.replace("RESULTS", str(finished)))
    line = rf"waiting {SINCE} for {wanted}, which process {process.pid} on \S+ has had {SINCE}\n"
    assert re.fullmatch(line, said)
    assert waiting.err == said


def test_a_wait_is_told_now_and_then_and_a_short_one_is_not(tmp_path, impatient):
    told = []
    with holder(tmp_path / "lock") as process:
        begun = time.time()

        def tell(line):
            told.append(line)
            if len(told) == 3:
                process.kill()

        with locks.waiting(tmp_path / "lock", "a thing", tell):
            assert 0.5 < time.time() - begun < 60
    assert len(told) == 3
    assert len({re.match(f"waiting {SINCE}", line)[0] for line in told}) == 1
    with locks.waiting(tmp_path / "lock", "a thing", told.append):
        pass
    assert len(told) == 3


@pytest.mark.parametrize("text", ["", "1", "a b c", "1 host x", "1 host 1e999", "\x00" * 9, "1 two words 3"])
def test_a_lock_that_does_not_tell_who_has_it_is_another_programs(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    assert locks.holder(tmp_path / "lock") == "another program has"
    assert locks.holder(tmp_path / "none") == "another program has"


def test_a_time_of_another_day_has_its_date():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", locks.clock(time.time() - 10 * 86400))


def test_a_grid_that_waits_for_another_programs_run_says_so(tmp_path, impatient):
    """What holds the run does nothing until it is told that somebody waits."""
    cells = grid(seeds=[0, 1])
    store = Store(tmp_path)
    held, told = UnderWay.take(store.path(cells[0])), []

    class Listening(Observer):
        def waiting(self, said):
            told.append(said)
            held.release(done=False)

    context = Context(Registry([PLUGINS]), store, Path("data"))
    reports = LocalExecutor(context, Listening()).run(cells)
    assert [report.status for report in reports] == ["done", "done"]
    wanted = f"1 runs that other programs work on; {re.escape(cells[0].title)} is one"
    assert re.fullmatch(
        rf"waiting {SINCE} for {wanted}, which process {os.getpid()} on \S+ has had {SINCE}", told[0]
    )


# ---- no clash ------------------------------------------------------------------------------------


def test_several_packs_to_one_target_leave_a_whole_one_and_nothing_else(finished, shell, tmp_path):
    target = tmp_path / "packs" / "runs.tar.gz"
    target.parent.mkdir()
    started = [shell.start("pack", target, "--results", finished) for _ in range(4)]
    assert [(command.wait(), command.err) for command in started] == [(0, "")] * 4
    assert list(target.parent.iterdir()) == [target]
    assert shell.run("merge", target, "--results", tmp_path / "new").wait() == 0
    assert len(Store(tmp_path / "new").scan()[0]) == 4


def test_several_comparisons_at_once_are_whole(finished, shell):
    assert shell.run("compare", "--results", finished).wait() == 0
    before = content(finished / "compare")
    started = [shell.start("compare", "--results", finished) for _ in range(3)]
    for command in started:
        assert command.wait() == 0, command.err
        assert all(line.startswith("waiting ") for line in command.err.splitlines())
    assert content(finished / "compare") == before


# All is imported as root first: another user may not read root's Python.
USERS = """
import os, sys
from bench.__main__ import main

def go(user):
    if user:
        os.setgid(user)
        os.setuid(user)
    try:
        main()
    except SystemExit as ended:
        return ended.code or 0

os.umask(0o022)
assert go(0) == 0
for user in (65534, 65534, 0):
    child = os.fork()
    if not child:
        os._exit(go(user))
    assert os.waitpid(child, 0)[1] == 0, user
    assert os.stat(sys.argv[-1] + "/" + os.environ["PAGE"]).st_uid == user
"""


def two_users_can_run():
    """Whether this is root and another user can read the fonts and the plugins of this test."""
    if os.geteuid():
        return False
    find = ["find", matplotlib.get_data_path(), str(PLUGINS), "!", "-readable"]
    found = subprocess.run(find, capture_output=True, user=65534, check=False)
    return (found.returncode, found.stdout) == (0, b"")


@pytest.mark.skipif(not two_users_can_run(), reason="needs root, and fonts and plugins that all users can read")
@pytest.mark.parametrize(
    ("command", "page"),
    [(["report", "--plugins", PLUGINS], "report/README.md"), (["compare"], "compare/accuracy/README.md")],
)
def test_a_second_users_report_replaces_the_firsts_in_a_folder_that_both_may_write_to(finished, command, page):
    """The first writes as root, whose files no other may change; the second does so twice."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        results = copy(finished, Path(folder) / "results", "seed")
        for place in (results.parent, results, results / "compare"):
            place.mkdir(exist_ok=True)
            place.chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", USERS, *map(str, command), "--results", str(results)],
            capture_output=True,
            text=True,
            env=os.environ | {"PAGE": page},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(path.name for path in results.glob("*report*")) in ([".report.lock", "report"], [])
