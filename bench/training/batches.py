"""Order of the training batches, and unaugmented batches for use before epochs and after them."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.data.augment import Evaluate
from bench.data.images import CPU, ImageSet, in_order, reading
from bench.plugins.method import Batch


@runtime_checkable
class HasEvaluate(Protocol):
    """A data set or training set, as far as its transform to float images goes."""

    @property
    def evaluate(self) -> Evaluate:
        """Returns the views of a batch."""


class Batches:
    """Unaugmented batches of a split with given labels, for a method's hooks.

    Args:
        data: supplies the transform to float images, whose first view is used.
        images: N of them.
        labels: (N,) long.
        batch_size: of the batches.
    """

    def __init__(self, data: HasEvaluate, images: ImageSet, labels: Tensor, batch_size: int = 512) -> None:
        self.evaluate = data.evaluate  # not the data, which hold the true labels
        self.images, self.labels, self.batch_size = images, labels, batch_size

    def __iter__(self) -> Iterator[Batch]:
        with reading(self.images, in_order(self.images, self.batch_size)) as batches:
            for index, images in batches:
                yield Batch(self.evaluate(images)[0], self.labels[index], index)


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
