"""Transforms of faces in colour, as in the published code of Zhang et al., NeurIPS 2021.

A quarter of the training images is flipped, another quarter gets noise, and in half of them a
rectangle of 2–25 % is erased. Nets get 224×224 pixels.
"""

import torch
from torch import Generator, Tensor

from bench.api import add_noise, normalise, random_erase, resize

SIDE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # ImageNet's, as in the published code
NOISE = 30**0.5  # standard deviation in grey levels: a variance of 30


def augment(images: Tensor, generator: Generator) -> Tensor:
    """Return training images (B, 3, 224, 224).

    Each is flipped, noisy or neither; then resized, standardised and, in half of the cases, erased.
    """
    drawn = torch.rand(len(images), generator=generator, device=images.device)[:, None, None, None]
    noisy = torch.where(drawn < 0.5, add_noise(images, NOISE, generator), images)
    mirrored = torch.where(drawn < 0.25, images.flip(-1), noisy)
    return random_erase(normalise(resize(mirrored, SIDE), MEAN, STD), (0.02, 0.25), generator)


def evaluate(images: Tensor) -> list[Tensor]:
    """Return the only view that is evaluated: standardised images (B, 3, 224, 224)."""
    return [normalise(resize(images, SIDE), MEAN, STD)]
