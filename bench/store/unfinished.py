"""Lock, progress and checkpoint of an unfinished run, in a folder beside the run's place."""

import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from bench.files import locks

PREFIX = ".progress-"


class UnderWay:
    """A run that this program has locked: until it is released, nobody else writes to its place.

    Args:
        lock: on the file `lock` in the folder.
        folder: beside the run's place.
    """

    def __init__(self, lock: FileLock, folder: Path) -> None:
        self.lock, self.folder = lock, folder
        self.checkpoint = checkpoint_in(folder)
        self.trained = self.kept = 0  # epochs that are trained, and that the checkpoint has

    @classmethod
    def take(cls, place: Path) -> "UnderWay | None":
        """Lock the run of a place; None if another program has."""
        folder = folder_of(place)
        lock = locks.take(_lock_in(folder))
        return None if lock is None else cls(lock, folder)

    def resumed(self, epoch: int) -> None:
        """Write down that the run goes on from its checkpoint."""
        self._note(epoch, epoch)

    def epoch_done(self, epoch: int) -> None:
        """Write down how far the run is."""
        self._note(epoch, self.kept)

    def checkpointed(self) -> None:
        """Write down that the checkpoint is of the last epoch."""
        self._note(self.trained, self.trained)

    def _note(self, trained: int, kept: int) -> None:
        self.trained, self.kept = trained, kept
        _epochs_in(self.folder).write_text(f"{trained} {kept}")

    def release(self, done: bool) -> None:
        """Give the run up; the checkpoint of one that is not done stays."""
        if done or not self.checkpoint.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):  # those of noise, method and data set, if nothing else is there
                for folder in self.folder.parents[:3]:
                    folder.rmdir()
        self.lock.release()

    def __enter__(self) -> "UnderWay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release(done=False)


def folder_of(place: Path) -> Path:
    """Return the folder of the run of a place while it is not finished."""
    return place.with_name(f"{PREFIX}{place.name}")


def checkpoint_in(folder: Path) -> Path:
    """Return the checkpoint's file in such a folder."""
    return folder / "checkpoint.pt"


def _lock_in(folder: Path) -> Path:
    return folder / "lock"


def _epochs_in(folder: Path) -> Path:
    """Return the file of the epochs done: not the lock's own, which `filelock` may truncate."""
    return folder / "epochs"


def is_taken(place: Path) -> bool:
    """Return whether a program works on the run of a place."""
    return locks.is_held(_lock_in(folder_of(place)))


def epochs_done(place: Path) -> tuple[int, int]:
    """Return how many epochs of an unfinished run are trained, and how many its checkpoint has."""
    try:
        words = _epochs_in(folder_of(place)).read_bytes().split()
    except FileNotFoundError:
        words = []
    trained, kept = words if len(words) == 2 and all(word.isdigit() for word in words) else (b"0", b"0")
    return int(trained), int(kept)


def tidy(place: Path) -> None:
    """Remove what a program that was killed at its last step left of a run that is finished."""
    if folder_of(place).is_dir() and (under_way := UnderWay.take(place)):
        under_way.release(done=True)
