"""Decoder of image files that resizes them to a square."""

import numpy as np
from torchvision.transforms import functional as TF

from bench.api import read_image


def square(path: str, owner: str, channels: int, size: int, content: bytes | None = None) -> np.ndarray:
    """Return an image, uint8 (C, H, W), resized to a square.

    Args:
        path: of the file.
        owner: name of the data set, for messages.
        channels: 3 for colour, 1 for grey.
        size: height and width in pixels.
        content: of the file, where it lies within another; `path` then only names it.

    Raises:
        DataError: it is damaged or no image.
    """
    resized = TF.resize(read_image(owner, path, channels, content), [size, size])
    return np.asarray(resized).reshape(size, size, channels).transpose(2, 0, 1)
