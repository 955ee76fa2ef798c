"""Claims: one holder at a time, of real processes, none of which leaves one behind."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from bench.files.locks import Claim

TAKE = """
import subprocess, sys
from pathlib import Path
from bench.files.locks import Claim
claim = Claim.take(Path(sys.argv[1]))
print("mine" if claim else "another's", flush=True)
"""
HOLD = TAKE + "sys.stdin.read()\n"
WITH_A_CHILD = (
    TAKE.replace("print(", "child = subprocess.Popen(['sleep', '600'])\nprint(child.pid, ")
    + "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
)
WAIT = TAKE.replace("Claim.take", "Claim.wait")


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
    """Another process that holds a claim."""
    with python(HOLD, path) as process:
        try:
            assert process.stdout.readline() == "mine\n"
            yield process
        finally:
            process.kill()


def test_a_claim_is_its_holders_alone_until_it_is_released(tmp_path):
    path = tmp_path / "run" / "claim"
    claim = Claim.take(path)
    assert claim is not None
    assert Claim.take(path) is None
    assert answer(TAKE, path) == "another's"
    claim.release()
    assert answer(TAKE, path) == "mine"
    with Claim.take(path):
        assert Claim.take(path) is None
    with Claim.take(path) as again:
        assert again is not None


def test_a_claim_of_one_run_is_none_of_another(tmp_path):
    with Claim.take(tmp_path / "one"), Claim.take(tmp_path / "two") as second:
        assert second is not None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_claim_ends_with_its_holders_process(tmp_path, number):
    path = tmp_path / "claim"
    with holder(path) as process:
        assert Claim.take(path) is None
        process.send_signal(number)
        assert process.wait(timeout=60) != 0
        with Claim.take(path) as claim:
            assert claim is not None


def test_a_claim_ends_with_its_holder_though_a_child_of_it_lives_on(tmp_path):
    path = tmp_path / "claim"
    with python(WITH_A_CHILD, path) as process:
        child, said = process.stdout.readline().split()
        assert (said, process.wait(timeout=60)) == ("mine", -signal.SIGKILL)
        try:
            with Claim.take(path) as claim:
                assert claim is not None
        finally:
            subprocess.run(["kill", child], check=True)  # fails if it is gone, and the test shows nothing


def test_waiting_for_a_claim_lasts_until_its_holder_is_done(tmp_path):
    path = tmp_path / "claim"
    with holder(path) as first, python(WAIT, path) as second:
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=0.5)
        first.kill()
        assert second.communicate(timeout=60)[0] == "mine\n"


def test_a_note_replaces_the_one_before(tmp_path):
    with Claim.take(tmp_path / "claim") as claim:
        claim.note("10 of 12")
        claim.note("7")
        assert (tmp_path / "claim").read_text() == "7"
    with Claim.take(tmp_path / "claim"):
        assert (tmp_path / "claim").read_text() == "7"


def test_a_file_that_its_holder_removed_is_no_claim_on_a_new_one(tmp_path):
    """Who has opened the file before it was removed may lock it, and must not take that for a claim."""
    path = tmp_path / "claim"
    first = Claim.take(path)
    path.unlink()
    with Claim.take(path) as second:
        assert second is not None
        first.release()
        assert Claim.take(path) is None


def test_what_is_in_the_way_of_a_claim_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(OSError, match=re.escape(str(tmp_path / name))):
            Claim.take(tmp_path / name / "claim")
        with pytest.raises(OSError, match=re.escape(str(tmp_path / name))):
            Claim.take(tmp_path / name / "deeper" / "claim")


# Each takes the claim over and over, counts, and removes the file, or the whole folder, before it lets go.
STRESS = """
import os, shutil, sys
from pathlib import Path
from bench.files.locks import Claim
folder, counter, inside = (Path(each) for each in sys.argv[1:4])
for turn in range(int(sys.argv[4])):
    while (claim := Claim.take(folder / "claim")) is None:
        pass
    descriptor = os.open(inside, os.O_CREAT | os.O_EXCL)  # fails where another holds the claim, too
    counter.write_text(str(int(counter.read_text()) + 1))
    os.close(descriptor)
    inside.unlink()
    if turn % 3 == 0:
        (folder / "claim").unlink()
    elif turn % 3 == 1:
        shutil.rmtree(folder, ignore_errors=True)
    claim.release()
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
