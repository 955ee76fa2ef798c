"""Faces of FER2013, 48×48 grey: their table, and the transforms of the paper that is followed.

Augmentation and ten crops as in the supplement of Zhang et al., NeurIPS 2021, section E.
"""

import numpy as np
from torch import Generator, Tensor

from bench.api import DataError, normalise, one_line, random_crop, random_flip, read_image, ten_crop

TABLES = ("fer2013.csv", "icml_face_data.csv")
USAGES = ("Training", "PublicTest", "PrivateTest")
SIDE, CROP = 48, (44, 44)
MEAN, STD = [0.514], [0.307]  # of the folder edition's training images, used for all editions


def augment(images: Tensor, generator: Generator) -> Tensor:
    """Return random crops (B, 1, 44, 44), flipped at random and standardised."""
    return normalise(random_flip(random_crop(images, CROP, 0, generator), generator), MEAN, STD)


def evaluate(images: Tensor) -> list[Tensor]:
    """Return ten standardised crops (B, 1, 44, 44) per image, the centre first."""
    return [normalise(view, MEAN, STD) for view in ten_crop(images, CROP)]


def face_of_file(owner: str, path: str) -> np.ndarray:
    """Return the face in an image file, uint8 (48, 48).

    Raises:
        DataError: the file is damaged or of another size.
    """
    pixels = np.asarray(read_image(owner, path, channels=1))
    if pixels.shape != (SIDE, SIDE):
        raise DataError(f"{owner}: {path} has {pixels.shape[1]}×{pixels.shape[0]} pixels, must be {SIDE}×{SIDE}")
    return pixels


def face_of_text(text: str, where: str) -> np.ndarray:
    """Return the face in the table's column `pixels`, uint8 (1, 48, 48).

    Args:
        text: grey levels in reading order, with spaces between them.
        where: file and line, for messages.

    Raises:
        DataError: they are not 48² grey levels.
    """
    try:
        pixels = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: a pixel is no whole number: {one_line(error)}") from None
    if len(pixels) != SIDE**2:
        raise DataError(f"{where}: {len(pixels)} pixels, must be {SIDE**2}")
    if pixels.min() < 0 or pixels.max() > 255:
        raise DataError(f"{where}: pixels from {pixels.min()} to {pixels.max()}, must be 0 to 255")
    return pixels.astype(np.uint8).reshape(1, SIDE, SIDE)
