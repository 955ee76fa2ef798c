"""Locks between programs, by `filelock`; here is what that library lacks.

The operating system holds a lock for a process and drops it when the process ends, killed or not:
no lock is ever stale, and a lock's file that lies about means nothing.
"""

import fcntl
import os
from pathlib import Path

from filelock import FileLock, Timeout

TRIES = 100  # to make a file in a folder that its last holder may be removing


def lock(path: Path) -> FileLock:
    """Return the lock on a file, not yet taken; `with` waits for it.

    It is never a file whose mere existence counts as a lock, as that outlives a killed process.
    """
    return FileLock(path, thread_local=False, fallback_to_soft=False)


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
            return mine
        except Timeout:
            return None
        except (FileNotFoundError, FileExistsError):  # removed in between, or something is in the way
            if not tries_left:
                raise
    return None


def is_held(path: Path) -> bool:
    """Return whether a program holds the lock on a file; writes nothing.

    It relies on `filelock` taking its locks by `flock` on Unix: a test compares the two.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
