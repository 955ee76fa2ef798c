"""Noisy stripes, horizontal or vertical, 8×8, drawn by a seed."""

from pathlib import Path

import torch

from bench.api import DataSet, Source, Split, Transforms

CLASSES = ("horizontal", "vertical")


class Stripes(Source):
    """Noisy stripes, 1×8×8, drawn here so that no file is read.

    Options are keywords of a constructor, with annotations, as for methods.
    """

    def load(self, root: Path, download: bool) -> DataSet:
        """Return both parts; a set with files reads them below `root`, and raises `bench.api.missing` without."""
        transforms = Transforms(mean=[0.5], std=[0.3])  # of the channels, on the 0–1 scale; padding and flip, too
        return DataSet(stripes(200, 0), stripes(100, 1), CLASSES, transforms.augment, transforms.evaluate)


def stripes(size: int, seed: int) -> Split:
    """Return uint8 images (N, 1, 8, 8) and their int64 labels (N,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(size) % len(CLASSES)
    across = 200 * (torch.arange(8) % 2).expand(8, 8)
    noise = torch.randint(0, 56, (size, 1, 8, 8), generator=generator)
    lines = torch.stack([across.T, across])[labels].unsqueeze(1)  # (N, 1, 8, 8)
    return Split((lines + noise).to(torch.uint8), labels)
