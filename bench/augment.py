"""Augmentation as batched tensor operations, each image with a draw of its own, on the images' device."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

Images = UInt8[Tensor, "batch channels height width"]
Augment = Callable[[Images, Generator], Float[Tensor, "batch channels h w"]]
Evaluate = Callable[[Images], Sequence[Float[Tensor, "batch channels h w"]]]


def normalise(images: Images, mean: Sequence[float], std: Sequence[float]) -> Float[Tensor, "batch _ _ _"]:
    """Return float32 images, scaled to 0–1 and then standardised by channel."""
    return (images.float() / 255 - _by_channel(tuple(mean), images.device)) / _by_channel(
        tuple(std), images.device
    )


@cache
def _by_channel(values: tuple[float, ...], device: torch.device) -> Float[Tensor, "1 channels 1 1"]:
    """Return the values on the device, moved there once: a copy in each step would wait for the device."""
    return torch.tensor(values, device=device).view(1, -1, 1, 1)


def random_crop(images: Images, padding: int, generator: Generator) -> Images:
    """Return crops of the images' own size from images padded with zeros, at an offset of each one's own."""
    size, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    offsets = torch.randint(0, 2 * padding + 1, (2, size, 1), generator=generator, device=images.device)
    rows = offsets[0] + torch.arange(height, device=images.device)  # (B, H)
    columns = offsets[1] + torch.arange(width, device=images.device)  # (B, W)
    sample = torch.arange(size, device=images.device)[:, None, None]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_flip(images: Images, generator: Generator) -> Images:
    """Return the images, each mirrored left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


class Transforms:
    """The usual augmentation and evaluation of small images.

    Args:
        mean, std: of each channel, on the 0–1 scale.
        padding: of the random crop, in pixels; 0 for none.
        flip: whether to mirror at random.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], padding: int = 0, flip: bool = False) -> None:
        self.mean, self.std, self.padding, self.flip = mean, std, padding, flip

    def augment(self, images: Images, generator: Generator) -> Float[Tensor, "batch channels height width"]:
        """Return a training batch: crop, flip, standardise."""
        if self.padding:
            images = random_crop(images, self.padding, generator)
        if self.flip:
            images = random_flip(images, generator)
        return normalise(images, self.mean, self.std)

    def evaluate(self, images: Images) -> list[Float[Tensor, "batch channels height width"]]:
        """Return the one view that is evaluated, standardised."""
        return [normalise(images, self.mean, self.std)]
