"""Search of image files in class folders, FOLDER/CLASS/**: which count, and what is passed over.

Hidden names never count, nor those that systems make, and no file counts twice.
"""

import os
import stat
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from bench.errors import DataError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")  # capitals too
# Folders of the system's own: of macOS archives, Synology, Windows (two) and file checks of Linux.
OF_SYSTEMS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
HIDDEN, OUTSIDE, SPECIAL = "hidden or the system's own", "outside the class folders", "no regular file"
SECOND, AGAIN = "second names of one file", "links to folders read already"

Identity = tuple[int, int]  # device and inode


class ImageTree(NamedTuple):
    """Image files of the class folders in a folder, as paths that start with it.

    `files` has every class folder, also one without images. `passed_over` counts by kind what does
    not count. `has_links` says whether links lead to some files, or these have several names.
    """

    folder: Path
    files: dict[str, list[str]]
    passed_over: Counter[str]
    has_links: bool

    @property
    def classes(self) -> list[str]:
        """Names of the class folders that hold images, sorted."""
        return [name for name, files in self.files.items() if files]

    @property
    def empty(self) -> list[str]:
        """Names of the class folders without images, sorted."""
        return [name for name, files in self.files.items() if not files]

    def samples(self, classes: Sequence[str]) -> list[tuple[str, int]]:
        """Return the path and the label of each image: the place of its class in `classes`."""
        labels = {name: label for label, name in enumerate(classes)}
        return [(path, labels[name]) for name, files in self.files.items() for path in files]


class _File(NamedTuple):
    """An image file. They sort as they are to be kept: those that have no other name come first."""

    linked: bool  # whether a link leads to it, or it has several names
    folder: str
    name: str
    identity: Identity


def image_tree(owner: str, folder: Path) -> ImageTree:
    """Return the images in a folder's class folders, sorted by class, folder and name.

    Args:
        owner: name of the data set, for messages.
        folder: that holds the class folders.

    Raises:
        DataError: there is no image, a folder or link cannot be read, or one file is in two
            classes; the message names it.
    """
    passed_over = Counter[str]()
    try:
        classes = list(_class_folders(folder, passed_over))
        found = {entry.name: _files(entry, passed_over) for entry in classes}
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and Path(error.filename) == folder:
            raise DataError(
                f"{owner}: {folder} is no tree of class folders with images: there is no such folder"
            ) from None
        raise DataError(f"{owner}: {error.filename or folder} cannot be read: {error.strerror}") from None
    if not any(found.values()):
        said = f"looked for CLASS/*{', CLASS/*'.join(SUFFIXES)}"
        but = f"; there are {told(passed_over)}" if passed_over else ""
        raise DataError(f"{owner}: {folder} is no tree of class folders with images: {said}{but}")
    has_links = folder.is_symlink() or any(file.linked for files in found.values() for file in files)
    if has_links:
        found = _each_once(owner, found, passed_over)
    return ImageTree(folder, {name: _sorted(files) for name, files in found.items()}, passed_over, has_links)


def told(passed_over: Counter[str]) -> str:
    """Return what does not count in words, the eight most frequent kinds by name.

    >>> told(Counter({"hidden": 2, ".gif files": 1}))
    '2 hidden, 1 .gif files'
    """
    frequent = passed_over.most_common(8)
    rest = passed_over.total() - sum(count for _, count in frequent)
    return ", ".join([f"{count} {kind}" for kind, count in frequent] + [f"{rest} more"] * bool(rest))


def _visible(folder: str | Path, passed_over: Counter[str]) -> list[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden, sorted by name."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    shown = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in OF_SYSTEMS]
    if hidden := len(entries) - len(shown):
        passed_over[HIDDEN] += hidden
    return shown


def _class_folders(folder: Path, passed_over: Counter[str]) -> Iterator[os.DirEntry[str]]:
    for entry in _visible(folder, passed_over):
        if entry.is_dir():
            yield entry
        else:
            passed_over[OUTSIDE] += 1


def _files(top: os.DirEntry[str], passed_over: Counter[str]) -> list[_File]:
    """Return the image files below a class folder, which reads each folder once."""
    found, read = list[_File](), set[Identity]()
    waiting = deque([(top.path, top.is_symlink())])
    while waiting:
        folder, linked = waiting.popleft()
        identity = _identity(os.stat(folder))  # noqa: PTH116 - faster than a Path, for many folders
        if linked and identity in read:
            passed_over[AGAIN] += 1
            continue
        read.add(identity)
        for entry in _visible(folder, passed_over):
            by_link = linked or entry.is_symlink()
            if entry.is_dir():  # links wait until all folders are read under their own names
                (waiting.append if by_link else waiting.appendleft)((entry.path, by_link))
            elif status := _image(entry, passed_over):
                found.append(_File(by_link or status.st_nlink > 1, folder, entry.name, _identity(status)))
    return found


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _image(entry: os.DirEntry[str], passed_over: Counter[str]) -> os.stat_result | None:
    """Return the status of an image file; None if the entry is none, by its suffix or its type.

    Raises:
        OSError: it is a link to nothing.
    """
    if not entry.name.lower().endswith(SUFFIXES):
        suffix = Path(entry.name).suffix.lower()
        passed_over[f"{suffix} files" if suffix[1:].isalnum() and suffix.isascii() else "other files"] += 1
        return None
    status = entry.stat()
    if stat.S_ISREG(status.st_mode):
        return status
    passed_over[SPECIAL] += 1
    return None


def _each_once(owner: str, found: dict[str, list[_File]], passed_over: Counter[str]) -> dict[str, list[_File]]:
    """Return the files by class without second names of one; its own name is preferred to a link.

    Raises:
        DataError: a file is in two classes.
    """
    kept: dict[str, list[_File]] = {name: [] for name in found}
    seen: dict[Identity, tuple[str, _File]] = {}
    for file, name in sorted((file, of_class) for of_class in found for file in found[of_class]):
        # Not all file systems give each file a number of its own, so only links are looked up.
        if file.linked and file.identity in seen:
            _check_class(owner, (name, file), seen[file.identity])
            passed_over[SECOND] += 1
        else:
            seen[file.identity] = name, file
            kept[name].append(file)
    return kept


def _check_class(owner: str, one: tuple[str, _File], other: tuple[str, _File]) -> None:
    if one[0] != other[0]:
        paths = f"{_path(other[1])} and {_path(one[1])}"
        raise DataError(f"{owner}: {paths} are one file, in two classes; remove one, or copy it if both are meant")


def _sorted(files: list[_File]) -> list[str]:
    return [_path(file) for file in sorted(files, key=attrgetter("folder", "name"))]


def _path(file: _File) -> str:
    return f"{file.folder}{os.sep}{file.name}"  # faster than a Path, for a million files


def tree_notes(owner: str, train: ImageTree, test: ImageTree) -> list[str]:
    """Return remarks on the two parts of a data set, one line each; empty if there are none.

    They tell what was passed over, by kind; class folders without images; classes without a test
    image; and files that are in both parts.
    """
    place, notes = f"{owner}: {train.folder.parent}", list[str]()
    if passed_over := train.passed_over + test.passed_over:
        notes.append(f"{place}: not read: {told(passed_over)}")
    if empty := sorted({*train.empty, *test.empty} - {*train.classes, *test.classes}):
        notes.append(f"{place}: class folders without images, which are left out: {', '.join(empty)}")
    if untested := sorted({*train.classes} - {*test.classes}):
        notes.append(f"{place}: no test image of the classes {', '.join(untested)}")
    if (train.has_links or test.has_links) and (shared := _in_both(train, test)):
        notes.append(f"{place}: {shared} test images are also training images, by links")
    return notes


def _in_both(*trees: ImageTree) -> int:
    """Return how many files of the trees are also in a tree before."""
    own = [{_mark(path) for files in tree.files.values() for path in files} for tree in trees]
    return sum(map(len, own)) - len(set().union(*own))


def _mark(path: str) -> tuple[int, ...]:
    """Return what tells a file from all others, also where a file system's inodes do not."""
    status = os.stat(path)  # noqa: PTH116 - faster than a Path, for a million files
    return *_identity(status), status.st_size, status.st_mtime_ns
