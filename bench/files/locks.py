"""Claims: who works on a run, so that two programs on one results folder never do the same run twice.

A claim is a lock that the operating system holds for a process. A process that ends, killed or not,
drops its locks, so no claim is ever stale: that the file of one lies about means nothing.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

TRIES = 100  # to make a file in a folder that others may remove


class Claim:
    """An exclusive lock on a file, held until it is released or the process ends.

    Args:
        descriptor: of the locked file, which is closed on release.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> "Claim | None":
        """Return the claim on a file, made if it is not there, or None if another process holds it.

        Whoever holds a claim may remove its file.
        """
        while True:
            descriptor = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if descriptor is None:
                return None
            if _is_file(descriptor, path):
                return cls(descriptor)
            os.close(descriptor)  # removed by its last holder, who is done

    @classmethod
    def wait(cls, path: Path) -> "Claim":
        """Return the claim on a file that is never removed, once nobody else holds it."""
        descriptor = _locked(path, fcntl.LOCK_EX)
        assert descriptor is not None
        return cls(descriptor)

    @staticmethod
    def is_held(path: Path) -> bool:
        """Return whether a process holds the claim on a file; nothing is written."""
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

    def note(self, text: str) -> None:
        """Write a word on how far the holder is into the file."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def release(self) -> None:
        """Give the claim up."""
        os.close(self.descriptor)

    def __enter__(self) -> "Claim":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _locked(path: Path, operation: int) -> int | None:
    """Return the descriptor of a file that was locked, or None where that would have to wait."""
    for tries_left in reversed(range(TRIES)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            break
        except (FileNotFoundError, FileExistsError):  # removed in between, or something is in the way
            if not tries_left:
                raise
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
