"""Order of the training batches, and unaugmented batches for use after training."""

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.data.dataset import DataSet
from bench.data.images import CPU, ImageSet, in_order, reading
from bench.plugins.method import Batch


class Batches:
    """Unaugmented batches of a split with given labels, for a method's `finish`.

    Args:
        data: supplies the transform to float images.
        images: N of them.
        labels: (N,) long.
        batch_size: of the batches.
    """

    def __init__(self, data: DataSet, images: ImageSet, labels: Tensor, batch_size: int = 512) -> None:
        self.data, self.images, self.labels, self.batch_size = data, images, labels, batch_size

    def __iter__(self) -> Iterator[Batch]:
        with reading(self.images, in_order(self.images, self.batch_size)) as batches:
            for index, images in batches:
                yield Batch(self.data.evaluate(images)[0], self.labels[index], index)


def training_order(
    size: int, batch_size: int, generator: torch.Generator, device: torch.device = CPU
) -> Iterator[Tensor]:
    """Yield the index batches of one epoch in random order, on the device.

    A last batch of a single sample is dropped, because BatchNorm cannot train on it.
    """
    order = torch.randperm(size, generator=generator, device=device)
    for index in order.split(batch_size):
        if len(index) > 1:
            yield index
