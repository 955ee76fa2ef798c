"""EMNIST: handwritten letters and digits, 28×28, in six selections of 10 to 62 classes.

Source: Cohen et al., EMNIST: Extending MNIST to Handwritten Letters, IJCNN 2017; through
torchvision. The files hold each image mirrored and turned; it is read upright, rows for columns.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import torch
from _levels import mean_and_std
from torchvision.datasets import EMNIST

from bench.api import DataError, DataSet, IdxFiles, Source, Split, Transforms, load_idx

SIZES = {
    "balanced": (112_800, 18_800),
    "byclass": (697_932, 116_323),
    "bymerge": (697_932, 116_323),
    "letters": (124_800, 20_800),
    "digits": (240_000, 40_000),
    "mnist": (60_000, 10_000),
}
SplitName = Literal["balanced", "byclass", "bymerge", "letters", "digits", "mnist"]


class Emnist(Source):
    """IDX files in ROOT/EMNIST/raw; mean and deviation of the training images; no augmentation.

    Args:
        split: the selection. `balanced` and `bymerge` have 47 classes, as some small letters look
            like the capital; `byclass` has 62, `letters` 26 and the others 10.
    """

    version = 1

    def __init__(self, *, split: SplitName = "balanced") -> None:
        self.split = split

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the IDX files of the selection.

        Raises:
            DataError: a file is missing or damaged.
        """
        reader, transforms = partial(EMNIST, split=self.split), Transforms([0.5], [0.5])
        data = load_idx(reader, "emnist", root, download, transforms, self._files())
        train, test = (self._upright(root, part) for part in (data.train, data.test))
        own = Transforms(*mean_and_std(train.images.numpy()))
        return data._replace(train=train, test=test, augment=own.augment, evaluate=own.evaluate)

    def _files(self) -> IdxFiles:
        names = tuple(name for name in EMNIST.classes_split_dict[self.split] if name != "N/A")
        parts = (f"emnist-{self.split}-train", f"emnist-{self.split}-test")
        return IdxFiles("EMNIST/raw", names, parts, SIZES[self.split])

    def _upright(self, root: Path, part: Split) -> Split:
        labels = part.labels - (1 if self.split == "letters" else 0)  # which count from 1 there
        last = len(self._files().class_names) - 1
        if labels.min() < 0 or labels.max() > last:
            seen = f"labels from {part.labels.min()} to {part.labels.max()}"
            raise DataError(
                f"emnist: {root / 'EMNIST' / 'raw'}: {self.split} has {seen}, must be {last + 1} classes"
            )
        return Split(torch.from_numpy(part.images.numpy().swapaxes(2, 3).copy()), labels)
