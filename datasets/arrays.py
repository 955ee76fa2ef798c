"""Image arrays of your own in one .npz file, or a MedMNIST file.

Keys: x_train, y_train, x_test, y_test; or as MedMNIST (Yang et al., Scientific Data, 2023) has
them: train_images, train_labels, test_images, test_labels, and val_images, val_labels.
"""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from _levels import mean_and_std
from _present import Present, present
from pydantic import Field

from bench.api import DataError, DataSet, Source, Split, Transforms, content_hash, one_line

Part = Literal["train", "val", "test"]
FORMS = ("x_{0} y_{0}", "{0}_images {0}_labels")  # keys of a part's images and labels
Channel = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(gt=0)]


class Arrays(Source):
    """Images and labels in one .npz file; random crop and flip.

    The crop's padding is an eighth of the shorter side.

    Args:
        path: of the file; a relative path starts at the data root.
        class_names: in the order of the labels; by default the labels themselves.
        mean, std: of each channel on the 0–1 scale; by default those of the training images.
        flip: whether training images are flipped at random.
        test: part that is reported; `val` is for choosing recipes.
    """

    version = 1
    located_by = ("path",)

    def __init__(
        self,
        *,
        path: str,
        class_names: list[str] | None = None,
        mean: list[Channel] | None = None,
        std: list[Deviation] | None = None,
        flip: bool = True,
        test: Literal["test", "val"] = "test",
    ) -> None:
        self.path, self.class_names, self.mean, self.std = path, class_names, mean, std
        self.flip, self.test = flip, test

    def content(self, root: Path) -> str:
        """Return a hash of the file, whose name and place do not count."""
        path = self._file(root)
        return content_hash(path, [str(path)])

    def notes(self, root: Path) -> list[str]:
        """Return which classes have no images, or none in the test part."""
        path = self._file(root)
        return self._classes(path, *(self._labels(path, part) for part in self._parts)).notes

    def load(self, root: Path, download: bool) -> DataSet:
        """Read both parts.

        Raises:
            DataError: the file is missing or damaged, or an array does not fit; the message names
                it.
        """
        path = self._file(root)
        classes = self._classes(path, *(self._labels(path, part) for part in self._parts))
        train, test = (self._images(path, part) for part in self._parts)
        if train.shape[1:] != test.shape[1:]:
            raise DataError(f"arrays: {path}: images of two shapes, {_shape(train)} and {_shape(test)}")
        for images, labels, part in zip((train, test), (classes.train, classes.test), self._parts, strict=True):
            if len(images) != len(labels):
                raise DataError(f"arrays: {path}: {part} has {len(images)} images and {len(labels)} labels")
        transforms = self._transforms(path, train)
        return DataSet(
            Split(torch.from_numpy(train), torch.from_numpy(classes.train)),
            Split(torch.from_numpy(test), torch.from_numpy(classes.test)),
            classes.class_names,
            transforms.augment,
            transforms.evaluate,
        )

    @property
    def _parts(self) -> tuple[Part, Part]:
        return "train", self.test

    def _file(self, root: Path) -> Path:
        path = root / self.path
        if not path.is_file():
            raise DataError(
                f"arrays: there is no file {path}; pass --set arrays.path=FILE.npz, "
                f"a path that starts at the data root or at /"
            )
        return path

    def _labels(self, path: Path, part: Part) -> np.ndarray:
        """Return a part's labels (N,).

        Raises:
            DataError: they are no classes from 0.
        """
        key, labels = _array(path, part, "labels")
        where = f"arrays: {path}: {key}"
        if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2) or labels.shape[1:] not in ((), (1,)):
            raise DataError(f"{where} must be whole numbers (N,) or (N, 1), got {labels.dtype} {labels.shape}")
        if not len(labels):
            raise DataError(f"{where} is empty")
        most = len(self.class_names) if self.class_names else max(1000, len(labels))
        outside = np.flatnonzero((labels < 0) | (labels >= most))
        if len(outside):
            k = outside[0]
            raise DataError(f"{where}: label {labels.ravel()[k]} of image {k} must be 0 to {most - 1}")
        return labels.ravel().astype(np.int64)

    def _classes(self, path: Path, train: np.ndarray, test: np.ndarray) -> Present:
        names = self.class_names or [str(k) for k in range(1 + max(train.max(), test.max()))]
        return present(f"arrays: {path}", names, train, test)

    def _images(self, path: Path, part: Part) -> np.ndarray:
        """Return a part's images, uint8 (N, C, H, W)."""
        key, images = _array(path, part, "images")
        where = f"arrays: {path}: {key}"
        return np.ascontiguousarray(_levels(where, _channels_first(where, images)))

    def _transforms(self, path: Path, images: np.ndarray) -> Transforms:
        own = mean_and_std(images)
        mean, std = self.mean or own[0], self.std or own[1]
        if len(mean) != images.shape[1] or len(std) != images.shape[1]:
            given = f"{len(mean)} means and {len(std)} deviations"
            raise DataError(f"arrays: {path}: {given}, must be one of each for {images.shape[1]} channels")
        return Transforms(mean, std, padding=min(images.shape[2:]) // 8, flip=self.flip)


def _array(path: Path, part: Part, what: Literal["images", "labels"]) -> tuple[str, np.ndarray]:
    """Return an array of a part with its key.

    Raises:
        DataError: the file is damaged, is no .npz, lacks the key or holds objects.
    """
    place = 0 if what == "images" else 1
    wanted = [form.format(part).split()[place] for form in FORMS]
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            keys = list(file.files)
            if found := [key for key in wanted if key in keys]:
                return found[0], np.asarray(file[found[0]])
    except MemoryError:
        raise DataError(f"arrays: {path} holds more than fits in memory") from None
    except Exception as error:
        raise DataError(f"arrays: {path} is damaged or no .npz file ({one_line(error)})") from None
    raise DataError(f"arrays: {path} has no {' or '.join(wanted)}, it has {', '.join(keys) or 'nothing'}")


def _channels_first(where: str, images: np.ndarray) -> np.ndarray:
    """Return images as (N, C, H, W).

    Raises:
        DataError: the shape has no channels of 1 or 3, or could be read in two ways.
    """
    if images.ndim == 3 and images.size:
        return images[:, None]
    first, last = (images.ndim == 4 and images.shape[axis] in (1, 3) for axis in (1, 3))
    if first and last:
        raise DataError(f"{where}: the channels of {images.shape} may be its second or its last axis")
    if not (first or last) or not images.size:
        raise DataError(
            f"{where} must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels, "
            f"got {images.shape}"
        )
    return images if first else images.transpose(0, 3, 1, 2)


def _levels(where: str, images: np.ndarray) -> np.ndarray:
    """Return grey levels 0–255 as uint8.

    Raises:
        DataError: the images are neither uint8 nor floats in 0–1.
    """
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DataError(f"{where} is {images.dtype}, must be uint8 (0–255) or floating-point (0–1)")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # nor NaN
        raise DataError(f"{where}: floating-point images must be from 0 to 1, got {low} to {high}; or save uint8")
    return np.rint(images.astype(np.float64) * 255).astype(np.uint8)


def _shape(images: np.ndarray) -> str:
    _, channels, height, width = images.shape
    return f"{width}×{height} with {channels} channels"
