"""MNIST: 60,000 + 10,000 handwritten digits, 28×28, 10 classes.

Source: LeCun, Cortes and Burges, The MNIST Database of Handwritten Digits, 1998; through
torchvision.
"""

from pathlib import Path

from torchvision.datasets import MNIST

from bench.api import DataSet, Source, Transforms, load_idx


class Mnist(Source):
    """IDX files in ROOT/MNIST/raw; no augmentation."""

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the IDX files."""
        return load_idx(MNIST, "mnist", root, download, Transforms(mean=[0.1307], std=[0.3081]))
