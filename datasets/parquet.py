"""A Hugging Face image data set: Parquet files in a folder, or by name through their library.

Images are decoded once and resized to one square size. They are stored in a memory-mapped array on
disk, which may be larger than the memory.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from _image_tables import Columns, Table, open_named, open_shards
from _present import Present, present
from _squares import square
from pydantic import PositiveInt

from bench.api import (
    DataError,
    DataSet,
    Decoded,
    Embedded,
    Source,
    Split,
    Transforms,
    UsageError,
    content_hash,
    decode_once,
)

ONE_OF_TWO = "parquet needs one of two: --set parquet.path=DIR or --set parquet.name=NAME"


class Parquet(Source):
    """Images and labels in two columns; random crop and flip.

    The crop's padding is an eighth of the size.

    Args:
        path: folder with the Parquet files of both parts; a relative path starts at the data root.
        name: instead of the path, of a data set that the library `datasets` has stored or fetches.
        image, label: columns; by default image or img, and label or labels.
        train, test: the parts' names.
        size: height and width in pixels to which images are resized.
        channels: 3 for colour, 1 for grey.
        flip: whether training images are flipped at random.
    """

    version = 1
    located_by = ("path",)

    def __init__(
        self,
        *,
        path: str | None = None,
        name: str | None = None,
        image: str | None = None,
        label: str | None = None,
        train: str = "train",
        test: str = "test",
        size: PositiveInt = 32,
        channels: Literal[1, 3] = 3,
        flip: bool = True,
    ) -> None:
        self.path, self.name, self.columns, self.parts = path, name, Columns(image, label), (train, test)
        self.size, self.channels, self.flip = size, channels, flip
        self._found: dict[Path, tuple[Table, Table]] = {}

    def content(self, root: Path) -> str:
        """Return a hash of the files of both parts.

        Raises:
            UsageError: neither or both of path and name are given.
            DataError: a file is missing or damaged, or the library cannot load the data set.
        """
        if (self.path is None) == (self.name is None):
            raise UsageError(ONE_OF_TWO)
        return "-".join(content_hash(table.folder, table.files) for table in self._tables(root))

    def notes(self, root: Path) -> list[str]:
        """Return which classes have no images, or none in the test part."""
        return _classes(*self._tables(root)).notes

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both parts, decoding them first if needed.

        Raises:
            DataError: a file is missing or damaged, a label is out of range, or a class has test
                images only.
        """
        tables = self._tables(root)
        classes = _classes(*tables)
        seen, unseen = map(self._decoded, tables)
        std = [max(value, 1e-3) for value in seen.std]
        transforms = Transforms(seen.mean, std, padding=self.size // 8, flip=self.flip)
        return DataSet(
            Split(seen.images, torch.from_numpy(classes.train)),
            Split(unseen.images, torch.from_numpy(classes.test)),
            classes.class_names,
            transforms.augment,
            transforms.evaluate,
        )

    def _tables(self, root: Path) -> tuple[Table, Table]:
        if (self.path is None) == (self.name is None):
            raise DataError(ONE_OF_TWO)
        if root not in self._found:  # a command that asks twice reads the labels once
            train, test = (self._open(root, part) for part in self.parts)
            self._found[root] = train, test
        return self._found[root]

    def _open(self, root: Path, part: str) -> Table:
        if self.name is not None:
            return open_named(self.name, part, self.columns)
        return open_shards(root / str(self.path), part, self.columns)

    def _decoded(self, table: Table) -> Decoded:
        shape = (self.channels, self.size, self.size)
        return decode_once(
            table.folder,
            table.files,
            shape,
            decode,
            part=table.part,
            embedded=Embedded(len(table.labels), table.images),
            channels=self.channels,
            size=self.size,
        )


def decode(image: tuple[str, bytes | None], channels: int, size: int) -> np.ndarray:
    """Return an image (C, H, W), resized to a square."""
    return square(image[0], "parquet", channels, size, image[1])


def _classes(train: Table, test: Table) -> Present:
    """Return the labels of both parts as places in the names of the classes that have images.

    Raises:
        DataError: a label is missing or out of range, or the parts' labels do not go together.
    """
    if train.names != test.names and train.names and test.names:
        raise DataError(f"{train.where} and {test.where} have other names of classes")
    names = train.names or test.names
    kinds = {type(label) for table in (train, test) for label in table.labels}
    if kinds == {str} and not names:
        names = sorted({*train.labels, *test.labels})
        places = {name: k for k, name in enumerate(names)}
        codes = [np.array([places[label] for label in table.labels]) for table in (train, test)]
        return present(train.where, names, *codes)
    for table in (train, test):
        _require_labels(table, len(names) if names else max(1000, len(table.labels)))
    numbers = [np.array(table.labels, dtype=np.int64) for table in (train, test)]
    return present(train.where, names or [str(k) for k in range(1 + max(map(np.max, numbers)))], *numbers)


def _require_labels(table: Table, most: int) -> None:
    if not table.labels:
        raise DataError(f"{table.where}: there is no image")
    for row, label in enumerate(table.labels):
        if type(label) not in (int, bool) or not 0 <= label < most:
            raise DataError(f"{table.where}: the label of row {row} is {_told(label)}, must be 0 to {most - 1}")


def _told(label: Any) -> str:
    return "missing" if label is None else f"{label!r:.80}"
