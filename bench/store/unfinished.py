"""Lock, progress and checkpoint of an unfinished run, in a folder beside the run's place."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from bench.files import locks
from bench.files.atomic import PARTIAL, REPLACED, clear_partials, put_back, write_text

PREFIX = ".progress-"
HIDDEN = (PREFIX, PARTIAL, REPLACED)  # begin the names of folders that are no finished runs
DEPTH = 4  # of the places of runs below the store's folder: data set, method, noise, seed


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
        write_text(_epochs_in(self.folder), f"{trained} {kept}")

    def release(self, done: bool) -> None:
        """Give the run up; the checkpoint of one that is not done stays."""
        if done or not self.checkpoint.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            with suppress(OSError):  # those of noise, method and data set, if nothing else is there
                for folder in self.folder.parents[:3]:
                    folder.rmdir()
        self.lock.release()

    def clear(self, place: Path) -> None:
        """Remove what a killed program left at the run's place and in this folder, then release it.

        A checkpoint stays, unless it is older than the finished run: one that is newer is of a run
        that was to be run again (`--force`).
        """
        put_back(place)
        shutil.rmtree(place.with_name(f"{PARTIAL}{place.name}"), ignore_errors=True)
        clear_partials(self.folder)
        self.release(done=_is_older(self.checkpoint, place))

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


def holder(place: Path) -> str:
    """Return who works on the run of a place, and since when, as words."""
    return locks.holder(_lock_in(folder_of(place)))


def epochs_done(place: Path) -> tuple[int, int]:
    """Return how many epochs of an unfinished run are trained, and how many its checkpoint has."""
    path = _epochs_in(folder_of(place))
    try:
        words = path.read_bytes().split() if path.is_file() else []
    except FileNotFoundError:
        words = []
    fits = len(words) == 2 and all(word.isdigit() and len(word) < 10 for word in words)
    trained, kept = words if fits else (b"0", b"0")
    return int(trained), int(kept)


def tidy(place: Path) -> None:
    """Remove what a program that was killed at its last step left of a run that is finished."""
    if folder_of(place).is_dir() and (under_way := UnderWay.take(place)):
        under_way.release(done=True)


def clear(root: Path) -> None:
    """Remove what killed programs left in a store, but checkpoints and what is being worked on.

    A run that was cut off as it took an older one's place is no loss: the older one is put back.

    Args:
        root: the folder of the store's runs.
    """
    for folder in (root.parent, root, root.parent / ".recomputed"):
        clear_partials(folder)
    for place in sorted(set(_disturbed(root))):
        with suppress(OSError):
            if under_way := UnderWay.take(place):
                under_way.clear(place)


def _disturbed(folder: Path, depth: int = 1) -> Iterator[Path]:
    """Yield the places beside which there are hidden folders."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if depth < DEPTH and entry.is_dir(follow_symlinks=False):
                yield from _disturbed(Path(entry.path), depth + 1)
            elif depth == DEPTH and entry.name.startswith(HIDDEN):
                for prefix in HIDDEN:
                    if entry.name.startswith(prefix):
                        yield folder / entry.name.removeprefix(prefix)


def _is_older(checkpoint: Path, place: Path) -> bool:
    """Return whether a run was finished after its checkpoint was written."""
    try:
        return checkpoint.stat().st_mtime_ns <= place.stat().st_mtime_ns
    except FileNotFoundError:
        return False
