"""The interface of a data set, and how one is loaded, checked, and split.

A data set is a subclass of `Source`, alone in a file under `datasets/`, with its recipe in a TOML file beside it.
Images are uint8, in memory on the device or in a memory-mapped file; batches are taken by index and augmented on
the device.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Int
from torch import Tensor

from bench.data.augment import Augment, Evaluate
from bench.data.images import ImageSet
from bench.errors import DataError


class Split(NamedTuple):
    """Images with their true labels; further label sets, such as human ones, by name."""

    images: ImageSet
    labels: Int[Tensor, " n"]
    extra: Mapping[str, np.ndarray] = {}


class DataSet(NamedTuple):
    """A data set, read or ready to be read."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    augment: Augment  # (uint8 images, generator) -> float training images
    evaluate: Evaluate  # uint8 images -> the views whose predictions are averaged, such as ten crops
    # Labels that people gave the training images, by name; an error, raised at their use, if they are not here.
    label_sets: Mapping[str, np.ndarray] | DataError = DataError("the data set loads no labels by people")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) as the net sees it."""
        _, channels, height, width = self.evaluate(self.train.images[:1])[0].shape
        return channels, height, width

    def label_set(self, name: str) -> Int[np.ndarray, " n"]:
        """Return labels that people gave the training images.

        Raises:
            DataError: they are not here.
        """
        if isinstance(self.label_sets, DataError):
            raise self.label_sets
        if name not in self.label_sets:
            raise DataError(f"the data set loads no labels '{name}' by people, but {', '.join(self.label_sets)}")
        return self.label_sets[name]


class Source:
    """Where a data set comes from; constructor keywords are its options."""

    version: ClassVar[int | None] = None  # a promise: the same version has the same images, labels and transforms
    located_by: ClassVar[tuple[str, ...]] = ()  # options that say where the data lie, which are told by `content`

    def content(self, root: Path) -> str | None:
        """Return a hash of the files that the options name; None where name and version tell the data.

        Raises:
            DataError: they are not there.
        """
        return None

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the data set from below `root`, fetching it first if `download`.

        Raises:
            DataError: a file is missing or damaged; the message names it.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no load")


def missing(name: str, root: Path) -> DataError:
    """Return the error for a data set whose files are absent, with the ways to mend it."""
    return DataError(
        f"{name}: its files are not under {root}; pass --data-root DIR (or set BENCH_DATA) to where they are, "
        f"or --download to fetch them"
    )
