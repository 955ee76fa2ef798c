"""CIFAR-10: 50,000 + 10,000 photographs, 32×32, 10 classes.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; through
torchvision.
Optional files: for human noise, labels that people gave the training images (CIFAR-10N, Wei et al.,
ICLR 2022), as ROOT/cifar-10n/CIFAR-10_human.pt; and counts of the labels that people gave the test
images (CIFAR-10H, Peterson et al., ICCV 2019), as ROOT/cifar-10h/cifar10h-counts.npy.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from _human_labels import read_label_arrays
from torchvision.datasets import CIFAR10

from bench.api import DataError, DataSet, Source, Split, Transforms, missing, one_line

FILES = [f"{CIFAR10.base_folder}/{name}" for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
FILES.append(f"{CIFAR10.base_folder}/{CIFAR10.meta['filename']}")
# Source of CIFAR-10N's file; our names of the label sets and those in the file.
HUMAN_LABELS = "https://github.com/UCSC-REAL/cifar-10-100n"
LABEL_SETS = {
    "aggre": "aggre_label",
    "worse": "worse_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
}


class Cifar10(Source):
    """Pickled batches in ROOT/cifar-10-batches-py.

    Augmentation: random crop with 4-pixel padding, random flip.
    """

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the six batches, checked against their published MD5 sums.

        Raises:
            DataError: a file is missing or damaged.
        """
        transforms = Transforms([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616], padding=4, flip=True)
        train, test = (self._read(root, train, download) for train in (True, False))
        test = test._replace(extra=self._human_counts(root))
        label_sets = self._label_sets(root / "cifar-10n" / "CIFAR-10_human.pt", train.labels.numpy())
        return DataSet(train, test, tuple(self.class_names), transforms.augment, transforms.evaluate, label_sets)

    def _read(self, root: Path, train: bool, download: bool) -> Split:
        folder = root / CIFAR10.base_folder
        if not download and not all((root / name).is_file() for name in FILES):
            raise missing("cifar10", root, FILES)
        try:
            part = CIFAR10(root, train=train, download=download)
        except Exception as error:
            raise DataError(
                f"cifar10: a file in {folder} is damaged ({one_line(error)}); "
                f"delete the folder and pass --download"
            ) from error
        self.class_names = part.classes
        images = torch.from_numpy(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)))
        return Split(images, torch.tensor(part.targets))

    @staticmethod
    def _human_counts(root: Path) -> dict[str, np.ndarray]:
        path = root / "cifar-10h" / "cifar10h-counts.npy"
        if not path.is_file():
            return {}
        try:
            return {"human-counts": np.load(path, allow_pickle=False).astype(float)}
        except Exception as error:
            raise DataError(f"cifar10: {path} is damaged or not CIFAR-10H's ({one_line(error)})") from None

    @staticmethod
    def _label_sets(path: Path, true: np.ndarray) -> Mapping[str, np.ndarray] | DataError:
        if not path.is_file():
            return DataError(
                f"cifar10: human noise needs {path}, which is not there; it comes from {HUMAN_LABELS}"
            )
        try:
            found = read_label_arrays(path)
            if not np.array_equal(found["clean_label"], true):
                raise ValueError("its clean labels are not those of the training images")
            return {name: found[key] for name, key in LABEL_SETS.items()}
        except Exception as error:
            return DataError(f"cifar10: {path} is damaged or not CIFAR-10N's ({one_line(error)}); {HUMAN_LABELS}")
