"""Loading a data set through its plugin, checking it, and moving it to a device."""

import random
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from bench.data.dataset import DataSet, Split
from bench.data.imbalance import long_tailed
from bench.errors import BenchError, DataError, one_line
from bench.escaping import is_printable
from bench.evaluation.human_disagreement import require_counts
from bench.evaluation.valid_arrays import ArrayError
from bench.plugins.dataset_options import split_imbalance
from bench.plugins.fence import fenced
from bench.plugins.registry import Registry
from bench.spec import Choice

LONGEST = 100  # characters of a class's name


def load(choice: Choice, registry: Registry, root: Path, download: bool) -> DataSet:
    """Load and check the data set of a specification.

    Args:
        choice: names the data set and its options.
        registry: in which the data set is looked up.
        root: folder of the data sets.
        download: whether missing files are downloaded.

    Raises:
        DataError: files are missing or damaged, or the plugin returned unusable data.
    """
    plugin = registry.find("datasets", choice.name)
    source = plugin.load()
    options, imbalance = split_imbalance(source, choice.hyperparameters)
    try:
        with fenced(plugin.path, _same_random_numbers):
            data = source(**options, **choice.location).load(root, download)
        check_data_set(choice.name, data)
    except BenchError:
        raise
    except Exception as error:
        raise DataError(f"{choice.name}: {one_line(error)}") from error
    return data if imbalance is None else long_tailed(data, imbalance)


def _same_random_numbers() -> None:
    """Let a data set that draws of the global generators be the same each time."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - others than the global one are no concern
    torch.manual_seed(0)


def check_data_set(name: str, data: DataSet) -> None:
    """Check types, shapes and labels of both splits and of the label sets.

    Args:
        name: of the data set in error messages.
        data: to check.

    Raises:
        DataError: a type, a shape or a label is wrong.
    """
    _check_classes(name, data.class_names)
    _check(f"{name}, train", data.train, len(data.class_names))
    _check(f"{name}, test", data.test, len(data.class_names))
    _check_label_sets(name, data)


def _check_classes(name: str, classes: Sequence[Any]) -> None:
    """Check that there are two classes or more, whose names can be read and told apart."""
    if len(classes) < 2:
        raise DataError(f"{name}: needs two classes or more, got {len(classes)}")
    seen: dict[str, str] = {}
    for each in classes:
        if not isinstance(each, str) or not is_printable(each) or not 0 < len(each.strip()) <= LONGEST:
            raise DataError(
                f"{name}: a class's name must be 1 to {LONGEST} printable characters, got {each!r:.120}"
            )
        looks = unicodedata.normalize("NFC", each.strip())
        if looks in seen:
            raise DataError(f"{name}: class names must differ, got {seen[looks]!r} and {each!r}")
        seen[looks] = each


def _check(name: str, split: Split, num_classes: int) -> None:
    images, labels = split.images, split.labels
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise DataError(f"{name}: images must be uint8 (N, C, H, W), got {images.dtype} {tuple(images.shape)}")
    if labels.dtype != torch.long or labels.shape != (len(images),):
        raise DataError(f"{name}: labels must be int64 ({len(images)},), got {labels.dtype} {tuple(labels.shape)}")
    if not len(images):
        raise DataError(f"{name}: there is no image")
    _check_range(name, labels.cpu().numpy(), num_classes)
    if (counts := split.extra.get("human-counts")) is not None:
        _check_human_counts(name, counts, (len(images), num_classes))


def _check_human_counts(name: str, counts: np.ndarray, shape: tuple[int, int]) -> None:
    try:
        require_counts(counts)
    except ArrayError as error:
        raise DataError(f"{name}: {error}") from None
    if counts.shape != shape:
        raise DataError(f"{name}: human counts must have shape {shape}, got {counts.shape}")


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
    """Return the data set with images and labels on a device; mapped images may stay mapped."""
    train, test = (
        Split(split.images.to(device), split.labels.to(device), split.extra) for split in (data.train, data.test)
    )
    return data._replace(train=train, test=test)
