"""Locks: one holder at a time, of real processes, none of which leaves one behind."""

import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import unwritable

from bench.files import locks

TAKE = """
import subprocess, sys
from pathlib import Path
from bench.files import locks
lock = locks.take(Path(sys.argv[1]))
print("mine" if lock else "another's", flush=True)
"""
HOLD = TAKE + "sys.stdin.read()\n"
WITH_A_CHILD = (
    TAKE.replace("print(", "child = subprocess.Popen(['sleep', '600'])\nprint(child.pid, ")
    + "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
)
WAIT = TAKE.replace("locks.take(Path(sys.argv[1]))", "locks.lock(Path(sys.argv[1])).acquire()")


def python(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(program, *arguments):
    with python(program, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert err == ""
    return out.strip()


@contextmanager
def holder(path):
    """Another process that holds a lock."""
    with python(HOLD, path) as process:
        try:
            assert process.stdout.readline() == "mine\n"
            yield process
        finally:
            process.kill()


def test_a_lock_is_its_holders_alone_until_it_is_released(tmp_path):
    path = tmp_path / "run" / "lock"
    lock = locks.take(path)
    assert lock is not None
    assert locks.take(path) is None
    assert answer(TAKE, path) == "another's"
    lock.release()
    assert answer(TAKE, path) == "mine"
    with locks.take(path):
        assert locks.take(path) is None
    with locks.take(path) as again:
        assert again is not None


def test_a_lock_of_one_run_is_none_of_another(tmp_path):
    with locks.take(tmp_path / "one"), locks.take(tmp_path / "two") as second:
        assert second is not None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_lock_ends_with_its_holders_process(tmp_path, number):
    path = tmp_path / "lock"
    with holder(path) as process:
        assert locks.take(path) is None
        process.send_signal(number)
        assert process.wait(timeout=60) != 0
        with locks.take(path) as lock:
            assert lock is not None


def test_a_lock_ends_with_its_holder_though_a_child_of_it_lives_on(tmp_path):
    path = tmp_path / "lock"
    with python(WITH_A_CHILD, path) as process:
        child, said = process.stdout.readline().split()
        assert (said, process.wait(timeout=60)) == ("mine", -signal.SIGKILL)
        try:
            with locks.take(path) as lock:
                assert lock is not None
        finally:
            subprocess.run(["kill", child], check=True)  # fails if it is gone, and the test shows nothing


def test_waiting_for_a_lock_lasts_until_its_holder_is_done(tmp_path):
    path = tmp_path / "lock"
    with holder(path) as first, python(WAIT, path) as second:
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        first.kill()
        assert second.communicate(timeout=60)[0] == "mine\n"


def test_looking_at_a_lock_writes_nothing_and_works_where_nothing_can_be_written():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to others
        path = Path(folder) / "lock"
        assert not locks.is_held(path)
        assert not path.exists()
        mine = locks.take(path)
        with unwritable(Path(folder)):
            before = path.stat()
            assert locks.is_held(path)
            mine.release()
            assert not locks.is_held(path)
            assert path.stat() == before


def test_looking_at_a_lock_holds_up_nobody(tmp_path):
    path = tmp_path / "lock"
    locks.take(path).release()
    assert not locks.is_held(path)
    assert locks.take(path) is not None


def test_a_file_that_its_holder_removed_is_no_lock_on_a_new_one(tmp_path):
    """Who opened the file before it was removed may lock it, and must not take that for a lock."""
    path = tmp_path / "lock"
    first = locks.take(path)
    path.unlink()
    with locks.take(path) as second:
        assert second is not None
        first.release()
        assert locks.take(path) is None


def test_what_is_in_the_way_of_a_lock_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "lock", tmp_path / "file" / "deeper" / "lock"):
        with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))):
            locks.take(path)


# Each takes the lock over and over, counts, and removes file or folder before it lets go.
STRESS = """
import os, shutil, sys
from pathlib import Path
from bench.files import locks
folder, counter, inside = (Path(each) for each in sys.argv[1:4])
for turn in range(int(sys.argv[4])):
    while (lock := locks.take(folder / "lock")) is None:
        pass
    descriptor = os.open(inside, os.O_CREAT | os.O_EXCL)  # fails where another holds the lock, too
    counter.write_text(str(int(counter.read_text()) + 1))
    os.close(descriptor)
    inside.unlink()
    if turn % 3 == 0:
        (folder / "lock").unlink()
    elif turn % 3 == 1:
        shutil.rmtree(folder, ignore_errors=True)
    lock.release()
"""


def test_removing_files_under_the_waiting_never_makes_two_holders(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    started = [python(STRESS, tmp_path / "runs" / "run", counter, tmp_path / "inside", 300) for _ in range(4)]
    try:
        ended = [(process.communicate(timeout=100)[1], process.returncode) for process in started]
    finally:
        for process in started:
            process.kill()
    assert ended == [("", 0)] * 4
    assert counter.read_text() == "1200"
