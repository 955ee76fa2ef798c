"""Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28×28, 10 classes.

Source: Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017; through torchvision.
"""

from pathlib import Path

from torchvision.datasets import FashionMNIST

from bench.api import DataSet, Source, Transforms, load_idx


class FashionMnist(Source):
    """IDX files in ROOT/FashionMNIST/raw.

    Augmentation: random crop with 2-pixel padding, random flip.
    """

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Read the IDX files."""
        transforms = Transforms(mean=[0.2860], std=[0.3530], padding=2, flip=True)
        return load_idx(FashionMNIST, "fashion-mnist", root, download, transforms)
