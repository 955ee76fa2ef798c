"""Noisy labels from a file, as papers publish them: .npy, .pt or .csv, read without running code.

A file holds a label for each image of the whole training part, in its order, or beside each image.
"""

import hashlib
import io
import re
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
from jaxtyping import Int

from bench.data.dataset import DataSet
from bench.data.label_arrays import Labels, read_npy, read_pt
from bench.data.label_tables import Table, labels_of_table, read_table
from bench.errors import NOT_LOADED, UsageError, one_line
from bench.escaping import NAME, NAME_WORDS
from bench.files.reading import read_file
from bench.options import path_of
from bench.spec import LabelFile

KIND = "file"
ARRAYS, TABLES, DICTIONARIES = (".npy",), (".csv",), (".pt", ".pth")
SUFFIXES = (*ARRAYS, *DICTIONARIES, *TABLES)
MOST = 2**30  # bytes
LONGEST_STEM = 40


def label_file(text: str) -> LabelFile:
    """Return the file that `PATH` or `PATH:KEY` names, with the hash of its content.

    The path is all up to the last suffix of such a file: it may hold colons, as `C:\\labels.npy`.

    Args:
        text: a relative path starts at the current folder, `~` is a home folder.

    Raises:
        UsageError: there is no such file, it is empty or of another kind, or the key fits none.
    """
    path_text, key = _path_and_key(text)
    path, said = path_of(path_text, f"--noise {KIND}:").absolute(), where(path_text, key)
    if not str(path).isprintable():
        raise UsageError(f"{said}: the path must be of printable characters")
    return LabelFile(path=str(path), stem=_stem(path_text), key=key, source=_hash(_content(path, said)))


def _path_and_key(text: str) -> tuple[str, str | None]:
    suffixes = "|".join(re.escape(suffix) for suffix in SUFFIXES)
    found = re.fullmatch(rf"(.+(?:{suffixes}))(?::(.*))?", text, re.IGNORECASE | re.DOTALL)
    if found is None:
        raise UsageError(
            f"--noise {KIND}:{text}: must be {KIND}:PATH or {KIND}:PATH:KEY with a path that ends in "
            f"{', '.join(SUFFIXES)}; a path with a comma belongs into a list, of Python or TOML"
        )
    path, key = found.groups()
    if key is not None and not path.lower().endswith(DICTIONARIES):
        raise UsageError(f"{where(path, key)}: only {' and '.join(DICTIONARIES)} files have arrays by name")
    if key is not None and not re.fullmatch(NAME, key):
        raise UsageError(f"{where(path, key)}: a key must be {NAME_WORDS}; save the array alone, as .npy")
    return path, key


def _stem(path: str) -> str:
    """Return the stem of a file's name in signs that a name may have."""
    name = re.split(r"[/\\]", path)[-1]  # of Windows, too
    stem = re.sub(r"[^\w.+-]", "-", name.rpartition(".")[0])
    return re.sub(r"^[\W_]+", "", stem)[:LONGEST_STEM] or "labels"


def where(path: str, key: str | None = None) -> str:
    """Return how messages name a file of labels: as the noise was typed."""
    return f"--noise {KIND}:{path}" + ("" if key is None else f":{key}")


def _content(path: Path, said: str) -> bytes:
    try:
        content = read_file(path, MOST)
    except FileNotFoundError:
        raise UsageError(f"{said}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{said}: it is a folder, must be a file of labels") from None
    except OSError as error:
        raise UsageError(f"{said}: it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{said}: {error}") from None
    if not content:
        raise UsageError(f"{said}: the file is empty")
    return content


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def content_of(file: LabelFile) -> bytes:
    """Return the content of a file of labels.

    Raises:
        UsageError: it is not there any more, or has changed since the runs were asked for.
    """
    said = where(file.path, file.key)
    content = _content(Path(file.path), said)
    if _hash(content) != file.source:
        raise UsageError(f"{said}: the file has changed since this run was asked for; ask for it again")
    return content


def parsed(file: LabelFile, content: bytes) -> Labels | Table:
    """Return what a file holds, before it is known whether it fits a data set.

    Raises:
        UsageError: it is damaged, or holds no labels.
    """
    said, suffix = where(file.path, file.key), Path(file.path).suffix.lower()
    try:
        if suffix in TABLES:
            return read_table(content, said)
        stream = io.BytesIO(content)
        return read_npy(stream, said) if suffix in ARRAYS else read_pt(stream, file.key, said)
    except UsageError:
        raise
    except UnpicklingError:
        raise UsageError(f"{said}: {NOT_LOADED}") from None
    except Exception as error:  # numpy and torch raise any type on a damaged file
        raise UsageError(f"{said}: the file cannot be read: {one_line(error)}") from None


def labels_of(file: LabelFile, content: bytes, data: DataSet) -> Int[np.ndarray, " n"]:
    """Return the labels of a file for the training images that a data set uses.

    Raises:
        UsageError: the file is damaged, or does not fit the data set.
    """
    found, said, classes = parsed(file, content), where(file.path, file.key), data.class_names
    size = len(data.train.labels) if data.drawn is None else data.drawn.size
    if isinstance(found, Table):
        labels = labels_of_table(found, size, classes, data.file_names, said)
    else:
        labels = _fitting(found, size, len(classes), said)
    return data.used_of_whole(labels)


def _fitting(labels: Labels, size: int, num_classes: int, said: str) -> Int[np.ndarray, " n"]:
    if len(labels) != size:
        raise UsageError(f"{said}: {len(labels)} labels, must be {size}, one for each training image")
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        k = outside[0]
        raise UsageError(f"{said}: label {labels[k]} of image {k} is outside 0–{num_classes - 1}")
    return labels.astype(np.int64)


def with_labels(data: DataSet, file: LabelFile, name: str, content: bytes) -> DataSet:
    """Return the data set with the labels of a file as its only label set.

    Args:
        data: a data set.
        file: of the labels.
        name: of the label set.
        content: of the file.

    Raises:
        UsageError: the file is damaged, or does not fit the data set.
    """
    return data._replace(label_sets={name: labels_of(file, content, data)})
