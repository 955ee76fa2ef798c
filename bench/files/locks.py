"""Locks between programs, by `filelock`; here is what that library lacks.

The operating system holds a lock for a process and drops it when the process ends, killed or not:
no lock is ever stale, and a lock's file that lies about means nothing. Its text tells who took it
last. Where a system has no such locks (`fcntl` is missing), `filelock` has files instead, whose
text it needs itself.
"""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

try:
    import fcntl
except ModuleNotFoundError:  # not on every system
    fcntl = None  # type: ignore[assignment]

TRIES = 100  # to make a file in a folder that its last holder may be removing
QUIET, AGAIN = 5.0, 60.0  # seconds of waiting before the first word on it, and between two
EVERYBODY = 0o666  # may take a lock in a folder that several people write to


def lock(path: Path) -> FileLock:
    """Return the lock on a file, not yet taken; `with` waits for it, without a word.

    It is never a file whose mere existence counts as a lock, as that outlives a killed process.
    """
    return FileLock(path, mode=EVERYBODY, thread_local=False, fallback_to_soft=False)


def take(path: Path) -> FileLock | None:
    """Return the lock on a file, taken, or None if another program holds it.

    Whoever holds a lock may remove its file and the folder that it is in.

    Raises:
        OSError: the file cannot be made.
    """
    mine = lock(path)
    for tries_left in reversed(range(TRIES)):
        try:
            mine.acquire(blocking=False)
        except Timeout:
            return None
        except (FileNotFoundError, FileExistsError):  # removed in between, or something is in the way
            if not tries_left:
                raise
        else:
            _sign(path)
            return mine
    return None


def say(line: str) -> None:
    """Print a line for the user beside a command's own output."""
    print(line, file=sys.stderr, flush=True)


class Wait:
    """A wait, which says now and then what it is for and since when.

    Args:
        tell: takes the words.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell, self.since = tell, time.time()
        self.due = self.since + QUIET

    @property
    def quiet(self) -> float:
        """Seconds until the next word."""
        return max(0.0, self.due - time.time())

    def goes_on(self, what: str) -> None:
        """Say that the wait goes on, if it is time to."""
        if not self.quiet:
            self.tell(f"waiting since {clock(self.since)} for {what}")
            self.due = time.time() + AGAIN


@contextmanager
def waiting(path: Path, what: str, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock on a file; a wait for it is told, with what it is for, who has it, since when.

    Args:
        path: of the file.
        what: that the lock guards, for the message.
        tell: takes the message; None prints it.

    Raises:
        OSError: the file cannot be made.
    """
    mine, wait = lock(path), Wait(tell or say)
    while True:
        try:
            mine.acquire(timeout=wait.quiet)
            break
        except Timeout:
            wait.goes_on(f"{what}, which {holder(path)}")
    _sign(path)
    try:
        yield
    finally:
        mine.release()


def clock(moment: float) -> str:
    """Return a time as of `time.time` as words: `14:03:12`, with the date if not today."""
    then, today = time.localtime(moment), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", then)


def holder(path: Path) -> str:
    """Return who holds the lock on a file, and since when, as words.

    They are `another program has` if the file does not tell.
    """
    try:
        pid, host, moment = path.read_text(encoding="utf-8").split()
        return f"process {int(pid)} on {host} has had since {clock(float(moment))}"
    except (OSError, ValueError, OverflowError):
        return "another program has"


def _sign(path: Path) -> None:
    """Write down who holds a lock, for messages; nothing depends on it."""
    if fcntl is not None:
        with suppress(OSError):
            path.write_text(f"{os.getpid()} {platform.node() or '?'} {time.time():.0f}", encoding="utf-8")


def mark(descriptor: int) -> None:
    """Lock an open file of this program alone, so that others see that it is being written.

    Nothing is done on systems and disks that have no locks.
    """
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Return whether a program holds the lock on a file; writes nothing.

    It relies on `filelock` taking its locks by `flock` on Unix: a test compares the two.
    """
    if fcntl is None:
        return _is_held_by_its_file(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place is not waited for
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_held_by_its_file(path: Path) -> bool:
    """Return whether a lock is held where its file is all there is of it: try to take it."""
    if not path.exists():
        return False
    mine = take(path)
    if mine is not None:
        mine.release()
    return mine is None
