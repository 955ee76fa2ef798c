"""Kuzushiji-MNIST: 60,000 + 10,000 handwritten Japanese characters, 28×28, 10 classes.

Source: Clanuwat et al., Deep Learning for Classical Japanese Literature, arXiv:1812.01718, 2018;
through torchvision.
"""

from pathlib import Path

from torchvision.datasets import KMNIST

from bench.api import DataSet, Source, Transforms, load_idx


class Kmnist(Source):
    """IDX files in ROOT/KMNIST/raw; no augmentation."""

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the IDX files."""
        return load_idx(KMNIST, "kmnist", root, download, Transforms(mean=[0.1918], std=[0.3483]))
