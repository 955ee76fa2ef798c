"""SVHN: 73,257 + 26,032 house numbers, 32×32, 10 digits; the additional images are not used.

Source: Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, NIPS
Workshop on Deep Learning and Unsupervised Feature Learning, 2011; the cropped digits, in the files
that torchvision downloads.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from _published import Published
from torchvision.datasets import SVHN

from bench.api import DataSet, Source, Split, Transforms, not_fetched

FILES = {part: SVHN.split_list[part][1] for part in ("train", "test")}
PUBLISHED = Published("svhn", {SVHN.split_list[part][1]: SVHN.split_list[part][2] for part in FILES})
SIZES = {"train": 73_257, "test": 26_032}


class Svhn(Source):
    """Matlab files ROOT/train_32x32.mat and ROOT/test_32x32.mat, which call the digit 0 10.

    Augmentation: random crop with 4-pixel padding; no flip, which digits do not bear.
    """

    version = 1

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
        transforms = Transforms([0.4377, 0.4438, 0.4728], [0.1980, 0.2010, 0.1970], padding=4)
        train, test = (_read(root, part) for part in FILES)
        return DataSet(train, test, tuple("0123456789"), transforms.augment, transforms.evaluate)


def _fetch(root: Path) -> None:
    for part, path in FILES.items():
        if not (root / path).is_file():
            try:
                SVHN(root, part, download=True)
            except Exception as error:
                raise not_fetched("svhn", root, error) from error


def _read(root: Path, part: str) -> Split:
    path = FILES[part]
    pixels, labels = _arrays(root, path)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3):
        raise PUBLISHED.damaged(root, path, f"X must be uint8 (32, 32, 3, N), got {pixels.dtype} {pixels.shape}")
    size = pixels.shape[3]
    if labels.dtype.kind not in "iu" or labels.shape not in ((size, 1), (1, size)):
        raise PUBLISHED.damaged(root, path, f"y must be {size} whole numbers, got {labels.dtype} {labels.shape}")
    PUBLISHED.require_whole(root, path, size, SIZES[part])
    if odd := [label for label in labels.ravel().tolist() if not 1 <= label <= 10]:
        raise PUBLISHED.damaged(root, path, f"a label is {odd[0]}, must be 1 to 10")
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(3, 2, 0, 1)))
    return Split(images, torch.from_numpy(labels.ravel().astype(np.int64) % 10))


def _arrays(root: Path, path: str) -> tuple[np.ndarray, np.ndarray]:
    from scipy.io import loadmat

    try:
        found: dict[str, Any] = loadmat(root / path)
        return np.asarray(found["X"]), np.asarray(found["y"])
    except Exception as error:
        raise PUBLISHED.damaged(root, path, error) from None
