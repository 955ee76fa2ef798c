"""The interface of a data set, and how one is loaded, checked, and split.

A data set is a subclass of `Source`, alone in a file under `datasets/`, with its recipe in a TOML file beside it.
Images are uint8, in memory on the device or in a memory-mapped file; batches are taken by index and augmented on
the device.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from bench.augment import Augment, Evaluate
from bench.errors import BenchError, DataError, one_line
from bench.images import ImageSet, in_order, reading
from bench.method import Batch
from bench.registry import Registry
from bench.spec import Choice


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


def load(choice: Choice, registry: Registry, root: Path, download: bool) -> DataSet:
    """Load the data set a specification names and check it.

    Raises:
        DataError: files are missing or damaged, or the plugin returned something unusable.
    """
    source = registry.find("datasets", choice.name).load()
    try:
        data = source(**choice.hyperparameters).load(root, download)
        check_data_set(choice.name, data)
    except BenchError:
        raise
    except Exception as error:
        raise DataError(f"{choice.name}: {one_line(error)}") from error
    return data


def check_data_set(name: str, data: DataSet) -> None:
    """Check the types, shapes and labels of both parts.

    Raises:
        DataError: one is wrong.
    """
    if len(data.class_names) < 2:
        raise DataError(f"{name}: needs two classes or more, got {len(data.class_names)}")
    _check(f"{name}, train", data.train, len(data.class_names))
    _check(f"{name}, test", data.test, len(data.class_names))
    _check_label_sets(name, data)


def _check(name: str, split: Split, num_classes: int) -> None:
    images, labels = split.images, split.labels
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise DataError(f"{name}: images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    if labels.dtype != torch.long or labels.shape != (len(images),):
        raise DataError(f"{name}: labels must be int64 ({len(images)},), got {labels.dtype} {tuple(labels.shape)}")
    if not len(images):
        raise DataError(f"{name}: there is no image")
    _check_range(name, labels.cpu().numpy(), num_classes)


def _check_label_sets(name: str, data: DataSet) -> None:
    if isinstance(data.label_sets, DataError):
        return
    for key, labels in data.label_sets.items():
        if labels.dtype != np.int64 or labels.shape != (len(data.train.labels),):
            needed = f"must be int64 ({len(data.train.labels)},)"
            raise DataError(f"{name}, labels {key}: {needed}, got {labels.dtype} {labels.shape}")
        _check_range(f"{name}, labels {key}", labels, len(data.class_names))


def _check_range(name: str, labels: Int[np.ndarray, " n"], num_classes: int) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        k = outside[0]
        raise DataError(f"{name}: label {labels[k]} of sample {k} is outside 0–{num_classes - 1}")


def to_device(data: DataSet, device: str) -> DataSet:
    """Return the data set with images and labels on a device; mapped images may stay in their file."""
    train, test = (
        Split(split.images.to(device), split.labels.to(device), split.extra) for split in (data.train, data.test)
    )
    return data._replace(train=train, test=test)


def random_part(size: int, kept: int, seed: int, stream: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted indices of a seeded random part of `kept` samples, and of the rest.

    `stream` keeps the uses of one seed apart.
    """
    order = np.random.default_rng([stream, seed]).permutation(size)
    return np.sort(order[:kept]), np.sort(order[kept:])


class Batches:
    """Unaugmented batches of a split with given labels, for a method's `finish`."""

    def __init__(self, data: DataSet, images: ImageSet, labels: Tensor, batch_size: int = 512) -> None:
        self.data, self.images, self.labels, self.batch_size = data, images, labels, batch_size

    def __iter__(self) -> Iterator[Batch]:
        with reading(self.images, in_order(self.images, self.batch_size)) as batches:
            for index, images in batches:
                yield Batch(self.data.evaluate(images)[0], self.labels[index], index)


def training_order(size: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the index batches of one epoch; a trailing batch of one is dropped, BatchNorm cannot take it."""
    order = torch.randperm(size, generator=generator, device=generator.device)
    for index in order.split(batch_size):
        if len(index) > 1:
            yield index
