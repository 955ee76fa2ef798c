"""Noisy stripes, horizontal or vertical, 8×8, generated from a seed."""

from pathlib import Path

import torch

from bench.api import DataSet, Source, Split, Transforms

CLASSES = ("horizontal", "vertical")


class Stripes(Source):
    """Noisy stripes, 1×8×8, generated so that no file is needed.

    Options of a data set are annotated keywords of its constructor, as for methods.
    """

    def load(self, root: Path, download: bool) -> DataSet:
        """Return both splits.

        A data set with files reads them from below `root`; if they are missing it raises
        `bench.api.missing(…)`.
        """
        # Mean and standard deviation per channel, on the 0–1 scale; see also `padding`, `flip`.
        transforms = Transforms(mean=[0.5], std=[0.3])
        return DataSet(stripes(200, 0), stripes(100, 1), CLASSES, transforms.augment, transforms.evaluate)


def stripes(size: int, seed: int) -> Split:
    """Return uint8 images (N, 1, 8, 8) and their int64 labels (N,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(size) % len(CLASSES)
    across = 200 * (torch.arange(8) % 2).expand(8, 8)
    noise = torch.randint(0, 56, (size, 1, 8, 8), generator=generator)
    lines = torch.stack([across.T, across])[labels].unsqueeze(1)  # (N, 1, 8, 8)
    return Split((lines + noise).to(torch.uint8), labels)
