"""scikit-learn's 1,797 handwritten digits, 8×8, 10 classes, no download.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test
set).
The split is fixed and stratified: 1,197 training and 600 test images.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from bench.api import DataSet, Source, Split, Transforms


class Digits(Source):
    """scikit-learn's digits, with grey levels 0–16 scaled to 0–255; no augmentation."""

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Return the digits, which are part of scikit-learn; `root` is not used."""
        images, labels = load_digits(return_X_y=True)
        pixels = np.rint(images.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
        train, test = train_test_split(np.arange(len(labels)), test_size=600, random_state=0, stratify=labels)
        transforms = Transforms(mean=[0.305], std=[0.376])
        return DataSet(
            self._split(pixels[train], labels[train]),
            self._split(pixels[test], labels[test]),
            tuple("0123456789"),
            transforms.augment,
            transforms.evaluate,
        )

    @staticmethod
    def _split(pixels: np.ndarray, labels: np.ndarray) -> Split:
        return Split(torch.from_numpy(pixels), torch.from_numpy(labels).long())
