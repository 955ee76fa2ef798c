"""Augmentation as batched tensor operations on the images' device, with one draw per image."""

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

Images = UInt8[Tensor, "batch channels height width"]
Augment = Callable[[Images, Generator], Float[Tensor, "batch channels h w"]]
Evaluate = Callable[[Images], Sequence[Float[Tensor, "batch channels h w"]]]


def normalise(
    images: UInt8[Tensor, "batch _ _ _"] | Float[Tensor, "batch _ _ _"],
    mean: Sequence[float],
    std: Sequence[float],
) -> Float[Tensor, "b _ _ _"]:
    """Return float32 images: grey levels 0–255 scaled to 0–1, then standardised per channel."""
    shift, scale = (_by_channel(tuple(values), images.device) for values in (mean, std))
    return (images.float() / 255 - shift) / scale


@cache
def _by_channel(values: tuple[float, ...], device: torch.device) -> Float[Tensor, "1 channels 1 1"]:
    """Return the values as a tensor (1, C, 1, 1) on the device.

    The tensor is cached: copying it in each step would synchronise with the device.
    """
    return torch.tensor(values, device=device).view(1, -1, 1, 1)


def random_crop(
    images: Images, size: tuple[int, int], padding: int, generator: Generator
) -> UInt8[Tensor, "batch channels h w"]:
    """Return crops of a size (height, width) at a random offset per image.

    The images are first padded with zeros by `padding` pixels on each side.
    """
    batch, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    rows, columns = (
        torch.randint(0, whole + 2 * padding - part + 1, (batch, 1), generator=generator, device=images.device)
        + torch.arange(part, device=images.device)
        for whole, part in zip((height, width), size, strict=True)
    )  # (B, h), (B, w)
    sample = torch.arange(batch, device=images.device)[:, None, None]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def reflected_crop(images: Images, padding: int, generator: Generator) -> Images:
    """Return crops of the images' own size at a random offset per image.

    Pixels beyond the border, up to `padding` on each side, are reflections of those inside.
    """
    batch, _, height, width = images.shape
    rows, columns = (
        _reflected(
            torch.randint(-padding, padding + 1, (batch, 1), generator=generator, device=images.device)
            + torch.arange(side, device=images.device),
            side,
        )
        for side in (height, width)
    )  # (B, H), (B, W)
    sample = torch.arange(batch, device=images.device)[:, None, None]
    return images[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _reflected(places: Tensor, side: int) -> Tensor:
    """Return places in 0 … side − 1; those outside are reflected at the border pixels."""
    last = side - 1
    return last - (last - places.abs()).abs()


def random_flip(images: Images, generator: Generator) -> Images:
    """Return the images, each mirrored left to right with probability 1/2."""
    return torch.where(_chosen(0.5, images, generator), images.flip(-1), images)


def add_noise(images: Images, std: float, generator: Generator) -> Images:
    """Return the images with Gaussian noise added, rounded and clipped to 0–255.

    Args:
        images: uint8 images (B, C, H, W).
        std: standard deviation of the noise in grey levels.
        generator: source of the random numbers, on the images' device.
    """
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    return (images + std * noise).round().clamp(0, 255).to(torch.uint8)


def resize(images: Images, side: int) -> Float[Tensor, "batch channels side side"]:
    """Return float images (B, C, side, side) in grey levels, resized bilinearly."""
    size = (side, side)
    return torch.nn.functional.interpolate(images.float(), size, mode="bilinear", antialias=True)


def random_erase(
    images: Float[Tensor, "batch _ _ _"],
    area: tuple[float, float],
    generator: Generator,
    probability: float = 0.5,
    aspect: tuple[float, float] = (0.3, 3.3),
    tries: int = 10,
) -> Float[Tensor, "batch _ _ _"]:
    """Return the images, each with one random rectangle set to 0 with some probability.

    Source: Zhong et al., Random Erasing Data Augmentation, AAAI 2020.

    Args:
        images: float images (B, C, H, W).
        area: minimum and maximum of the rectangle's share of the image area, drawn uniformly.
        generator: source of the random numbers, on the images' device.
        probability: of erasing a rectangle in an image.
        aspect: minimum and maximum of the ratio height / width, drawn log-uniformly.
        tries: number of rectangles drawn per image; the first that fits is used, none if none fits.
    """
    batch, _, height, width = images.shape

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(batch, tries, generator=generator, device=images.device)

    pixels, ratio = uniform(*area) * height * width, uniform(*map(math.log, aspect)).exp()
    high, wide = (pixels * ratio).sqrt().round(), (pixels / ratio).sqrt().round()  # (B, tries)
    fits = (high < height) & (wide < width)
    first = fits.int().argmax(dim=1, keepdim=True)
    high, wide = high.gather(1, first), wide.gather(1, first)  # (B, 1)
    top, left = (
        uniform(0.0, 1.0)[:, :1] * (whole - part + 1) // 1 for whole, part in ((height, high), (width, wide))
    )
    row, column = (torch.arange(whole, device=images.device) for whole in (height, width))
    rows, columns = (row >= top) & (row < top + high), (column >= left) & (column < left + wide)
    erased = rows[:, None, :, None] & columns[:, None, None, :] & fits.any(dim=1)[:, None, None, None]
    return images.masked_fill(erased & _chosen(probability, images, generator), 0)


def _chosen(probability: float, images: Tensor, generator: Generator) -> Tensor:
    """Return a mask (B, 1, 1, 1) in which each image is True with the given probability."""
    drawn = torch.rand(len(images), generator=generator, device=images.device)
    return (drawn < probability)[:, None, None, None]


def cutout(images: Float[Tensor, "batch _ _ _"], side: int, generator: Generator) -> Float[Tensor, "batch _ _ _"]:
    """Return the images, each with a square set to 0 at a random place.

    The square's side is cut to the size of the image. Source: DeVries and Taylor, Improved
    Regularization of Convolutional Neural Networks with Cutout, 2017; as in airbench96, the whole
    square lies inside the image.
    """
    batch, _, height, width = images.shape
    rows, columns = (
        _window(whole, min(side, whole), batch, generator, images.device) for whole in (height, width)
    )  # (B, H), (B, W)
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)


def _window(whole: int, part: int, batch: int, generator: Generator, device: torch.device) -> Tensor:
    """Return a mask (B, whole) with `part` adjacent True values from a random offset per row."""
    start = torch.randint(0, whole - part + 1, (batch, 1), generator=generator, device=device)
    place = torch.arange(whole, device=device)
    return (place >= start) & (place < start + part)


def ten_crop(images: Images, size: tuple[int, int]) -> list[UInt8[Tensor, "batch channels h w"]]:
    """Return ten crops: the centre, the four corners, and the mirror images of these five.

    The centre comes first, its mirror image sixth.
    """
    from torchvision.transforms.v2.functional import ten_crop as crops

    *five, centre = crops(images, list(size))[:5]
    views = [centre, *five]
    return views + [view.flip(-1) for view in views]


class Transforms:
    """Common augmentation and evaluation of small images.

    Args:
        mean: of each channel, on the 0–1 scale.
        std: the same for the standard deviation.
        padding: of the random crop, in pixels; 0 for no crop.
        flip: whether to mirror images at random.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], padding: int = 0, flip: bool = False) -> None:
        self.mean, self.std, self.padding, self.flip = mean, std, padding, flip

    def augment(self, images: Images, generator: Generator) -> Float[Tensor, "batch channels height width"]:
        """Return augmented float32 images: cropped, flipped and standardised."""
        if self.padding:
            images = random_crop(images, (images.shape[2], images.shape[3]), self.padding, generator)
        if self.flip:
            images = random_flip(images, generator)
        return normalise(images, self.mean, self.std)

    def evaluate(self, images: Images) -> list[Float[Tensor, "batch channels height width"]]:
        """Return the only view that is evaluated: the standardised images."""
        return [normalise(images, self.mean, self.std)]
