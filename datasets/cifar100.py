"""CIFAR-100: 50,000 + 10,000 photographs, 32×32, 100 classes in 20 groups.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; through
torchvision.
Optional file: for human noise, labels that people gave the training images (CIFAR-100N, Wei et al.,
ICLR 2022), as ROOT/cifar-100n/CIFAR-100_human.pt.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from _human_labels import read_label_arrays
from _plain_pickle import read_plain_pickle
from _published import Published
from torchvision.datasets import CIFAR100

from bench.api import DataError, DataSet, Source, Split, Transforms, not_fetched, one_line

FOLDER = CIFAR100.base_folder
SUMS = (*CIFAR100.train_list, *CIFAR100.test_list, ("meta", CIFAR100.meta["md5"]))
PUBLISHED = Published("cifar100", {f"{FOLDER}/{name}": md5 for name, md5 in SUMS})
SIZES = {"train": 50_000, "test": 10_000}
CLASSES = {"fine": 100, "coarse": 20}
HUMAN_LABELS = "https://github.com/UCSC-REAL/cifar-10-100n"
HUMAN_KEYS = {"fine": "noisy_label", "coarse": "noisy_coarse_label"}


class Cifar100(Source):
    """Pickled files in ROOT/cifar-100-python.

    Augmentation: random crop with 4-pixel padding, random flip.

    Args:
        labels: `fine` for the 100 classes, `coarse` for the 20 groups of five.
    """

    version = 1

    def __init__(self, *, labels: Literal["fine", "coarse"] = "fine") -> None:
        self.labels = labels

    def content(self, root: Path) -> str | None:
        """Return a hash of the files if they are not the published ones."""
        return PUBLISHED.content(root)

    def notes(self, root: Path) -> list[str]:
        """Return which files are not the published ones."""
        return PUBLISHED.notes(root)

    def load(self, root: Path, download: bool) -> DataSet:
        """Read both parts; files with the published number of images must be the published ones.

        Raises:
            DataError: a file is missing or damaged.
        """
        if download:
            _fetch(root)
        PUBLISHED.require(root)
        names = self._class_names(root)
        (train, fine), (test, _) = (self._read(root, part) for part in SIZES)
        sets = self._label_sets(root / "cifar-100n" / "CIFAR-100_human.pt", fine)
        transforms = Transforms([0.5071, 0.4865, 0.4409], [0.2673, 0.2564, 0.2762], padding=4, flip=True)
        return DataSet(train, test, names, transforms.augment, transforms.evaluate, sets)

    def _class_names(self, root: Path) -> tuple[str, ...]:
        path = f"{FOLDER}/meta"
        names = _opened(root, path).get(f"{self.labels}_label_names")
        if not isinstance(names, list) or len(names) != CLASSES[self.labels]:
            raise PUBLISHED.damaged(root, path, f"it must have {CLASSES[self.labels]} {self.labels}_label_names")
        return tuple(map(str, names))

    def _read(self, root: Path, part: str) -> tuple[Split, np.ndarray]:
        """Return a part with the labels that were asked for, and its fine labels."""
        path = f"{FOLDER}/{part}"
        found = _opened(root, path)
        pixels: Any = found.get("data")
        if getattr(pixels, "dtype", None) != np.uint8 or pixels.shape[1:] != (3072,):
            raise PUBLISHED.damaged(root, path, "its data must be uint8 (N, 3072)")
        PUBLISHED.require_whole(root, path, len(pixels), SIZES[part])
        labels = {kind: _labels(root, path, found.get(f"{kind}_labels"), kind, len(pixels)) for kind in CLASSES}
        images = torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy())
        return Split(images, torch.from_numpy(labels[self.labels])), labels["fine"]

    def _label_sets(self, path: Path, fine: np.ndarray) -> Mapping[str, np.ndarray] | DataError:
        if not path.is_file():
            return DataError(
                f"cifar100: human noise needs {path}, which is not there; it comes from {HUMAN_LABELS}"
            )
        try:
            found = read_label_arrays(path)
            if not np.array_equal(found["clean_label"], fine):
                raise ValueError("its clean labels are not those of the training images")
            return {"noisy": found[HUMAN_KEYS[self.labels]]}
        except Exception as error:
            return DataError(
                f"cifar100: {path} is damaged or not CIFAR-100N's ({one_line(error)}); {HUMAN_LABELS}"
            )


def _fetch(root: Path) -> None:
    if all((root / path).is_file() for path in PUBLISHED.sums):
        return
    try:
        CIFAR100(root, download=True)
    except Exception as error:
        raise not_fetched("cifar100", root, error) from error


def _opened(root: Path, path: str) -> dict[str, Any]:
    try:
        return dict(read_plain_pickle(root / path))
    except Exception as error:
        raise PUBLISHED.damaged(root, path, error) from None


def _labels(root: Path, path: str, found: Any, kind: str, size: int) -> np.ndarray:
    if not isinstance(found, list) or len(found) != size or any(type(label) is not int for label in found):
        raise PUBLISHED.damaged(root, path, f"its {kind} labels must be {size} whole numbers")
    if odd := [label for label in found if not 0 <= label < CLASSES[kind]]:
        raise PUBLISHED.damaged(root, path, f"a {kind} label is {odd[0]}, must be 0 to {CLASSES[kind] - 1}")
    return np.array(found, dtype=np.int64)
