"""MNIST: 60,000 + 10,000 handwritten digits, 28×28.

Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998; through torchvision.
"""

from pathlib import Path

from torchvision.datasets import MNIST

from bench.api import DataSet, Source, Transforms, load_idx


class Mnist(Source):
    """The four IDX files under ROOT/MNIST/raw; no augmentation."""

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the IDX files."""
        return load_idx(MNIST, "mnist", root, download, Transforms(mean=[0.1307], std=[0.3081]))
