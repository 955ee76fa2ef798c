"""CIFAR-10: 50,000 + 10,000 photographs, 32×32, 10 classes.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; through torchvision.
Human label counts of the test images (CIFAR-10H, Peterson et al., ICCV 2019) are read where they are
present, as ROOT/cifar-10h/cifar10h-counts.npy.
"""

from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import CIFAR10

from bench.augment import Transforms
from bench.data import DataSet, Source, Split, missing
from bench.errors import DataError, one_line


class Cifar10(Source):
    """The pickled batches under ROOT/cifar-10-batches-py; random flip and crop with 4-pixel padding."""

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the six batches, checked against their published MD5 sums."""
        transforms = Transforms([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616], padding=4, flip=True)
        train, test = (self._read(root, train, download) for train in (True, False))
        test = test._replace(extra=self._human_counts(root))
        return DataSet(train, test, tuple(self.class_names), transforms.augment, transforms.evaluate)

    def _read(self, root: Path, train: bool, download: bool) -> Split:
        folder = root / CIFAR10.base_folder
        if not download and not folder.is_dir():
            raise missing("cifar10", root)
        try:
            part = CIFAR10(root, train=train, download=download)
        except Exception as error:
            raise DataError(
                f"cifar10: a file in {folder} is missing or damaged ({one_line(error)}); "
                f"delete the folder and pass --download"
            ) from error
        self.class_names = part.classes
        images = torch.from_numpy(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)))
        return Split(images, torch.tensor(part.targets))

    @staticmethod
    def _human_counts(root: Path) -> dict[str, np.ndarray]:
        path = root / "cifar-10h" / "cifar10h-counts.npy"
        return {"human-counts": np.load(path, allow_pickle=False)} if path.is_file() else {}
