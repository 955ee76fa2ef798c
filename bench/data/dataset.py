"""Interface of a data set.

A data set is a subclass of `Source`, alone in a file under `datasets/`, with its recipe in a TOML
file beside it. Images are uint8, in memory on the device or in a memory-mapped file; batches are
taken by index and augmented on the device.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from jaxtyping import Int
from torch import Tensor

from bench.data.augment import Augment, Evaluate
from bench.data.images import ImageSet
from bench.errors import DataError, one_line


class Split(NamedTuple):
    """Images (N, C, H, W) with their true labels (N,).

    `extra` holds further per-image data by name, such as counts of labels given by people.
    """

    images: ImageSet
    labels: Int[Tensor, " n"]
    extra: Mapping[str, np.ndarray] = {}


class Drawn(NamedTuple):
    """Which images of a data set's whole training part are used, where some are left out."""

    size: int  # of the whole part
    places: Int[np.ndarray, " n"]


class DataSet(NamedTuple):
    """A data set: images and labels of both splits, class names and transforms."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    augment: Augment  # (uint8 images, generator) → float training images
    evaluate: Evaluate  # uint8 images → views whose predictions are averaged
    # Labels that people gave the training images, by name; if they are missing, the error that
    # is raised when they are used.
    label_sets: Mapping[str, np.ndarray] | DataError = DataError("the data set has no labels by people")
    # Returns the file names of the images of the whole training part, relative to its folder.
    file_names: Callable[[], Sequence[str]] | None = None
    drawn: Drawn | None = None  # None: the whole training part

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of an image as the net gets it."""
        _, channels, height, width = self.evaluate(self.train.images[:1])[0].shape
        return channels, height, width

    def places_in_whole(self, places: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """Return where training images stand in the whole training part.

        Args:
            places: of images in `train`.
        """
        return places if self.drawn is None else self.drawn.places[places]

    def used_of_whole(self, labels: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
        """Return those labels of the whole training part that belong to images in `train`."""
        return labels if self.drawn is None else labels[self.drawn.places]

    def label_set(self, name: str) -> Int[np.ndarray, " n"]:
        """Return labels (N,) that people gave the training images.

        Args:
            name: of the label set.

        Raises:
            DataError: the data set has no labels of this name, or their file is missing.
        """
        if isinstance(self.label_sets, DataError):
            raise self.label_sets
        if name not in self.label_sets:
            raise DataError(f"the data set has no labels by people '{name}', it has {', '.join(self.label_sets)}")
        return self.label_sets[name]


class Source:
    """Loader of a data set; its constructor keywords are the options of the data set."""

    # The same version has the same images, labels and transforms; None: the code's hash counts.
    version: ClassVar[int | None] = None
    # Options that locate the files; `content` identifies what is in them.
    located_by: ClassVar[tuple[str, ...]] = ()
    # Whether images show people's faces: the report's page then embeds none.
    shows_people: ClassVar[bool] = False
    # Names of checks of `bench check` that do not apply, each with the reason in one line.
    waived_checks: ClassVar[Mapping[str, str]] = {}

    def content(self, root: Path) -> str | None:
        """Return a hash of files that may differ; None if name, options and version suffice.

        That is so for files that the options name, and for others in the layout of a published set.

        Args:
            root: folder of the data sets, against which relative paths are resolved.

        Raises:
            DataError: the files are missing.
        """
        return None

    def notes(self, root: Path) -> list[str]:
        """Return remarks on the files, such as which do not count; a command tells them once.

        Args:
            root: folder of the data sets.

        Raises:
            DataError: the files are missing; nothing is told then.
        """
        return []

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the data set.

        Args:
            root: folder of the data sets.
            download: whether missing files are downloaded first.

        Raises:
            DataError: a file is missing or damaged; the message names it.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no load")


def missing(name: str, root: Path, files: Sequence[str] = ()) -> DataError:
    """Return the error for a data set whose files are missing, with how to get them.

    Args:
        name: of the data set.
        root: folder of the data sets.
        files: that were looked for, relative to `root`; the message has those that are not there.
    """
    absent = [file for file in files if not (root / file).is_file()]
    looked = f" (looked for {', '.join(absent)})" if absent else ""
    return DataError(
        f"{name}: its files are not under {root}{looked}; pass --data-root DIR (or set BENCH_DATA) to where "
        f"they are, or fetch them by `bench run --download`"
    )


def not_fetched(name: str, root: Path, error: Exception) -> DataError:
    """Return the error for a data set whose files could not be downloaded."""
    return DataError(f"{name}: it cannot be fetched ({one_line(error)}); put its files under {root}")
