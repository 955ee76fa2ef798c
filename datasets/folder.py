"""Image folders PATH/train/CLASS/* and PATH/test/CLASS/*.

Images are decoded once and resized to one square size. They are stored in a memory-mapped array on
disk, which may be larger than the memory.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from pydantic import PositiveInt
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as TF

from bench.api import DataError, DataSet, Decoded, Source, Split, Transforms, content_hash, decode_once, one_line


class Folder(Source):
    """Folders of images, one per class; random crop and flip.

    The crop's padding is an eighth of the size.

    Args:
        path: folder that holds train/ and test/; a relative path starts at the data root.
        size: height and width in pixels to which images are resized.
        channels: 3 for colour, 1 for grey.
        flip: whether training images are flipped at random.
    """

    version = 1
    located_by = ("path",)

    def __init__(
        self, *, path: str, size: PositiveInt = 32, channels: Literal[1, 3] = 3, flip: bool = True
    ) -> None:
        self.path, self.size, self.channels, self.flip = path, size, channels, flip

    def content(self, root: Path) -> str:
        """Return a hash of the files of both splits."""
        parts = [self._open(root / self.path / part) for part in ("train", "test")]
        return content_hash(root / self.path, [path for part in parts for path, _ in part.samples])

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both splits, decoding them first if needed.

        Raises:
            DataError: a folder is missing, the splits differ in their classes, or an image is
                damaged.
        """
        train, test = (self._open(root / self.path / part) for part in ("train", "test"))
        if train.classes != test.classes:
            odd = sorted(set(train.classes) ^ set(test.classes))
            raise DataError(
                f"folder: {root / self.path}: train/ and test/ differ in their class folders: {', '.join(odd)}"
            )
        seen, unseen = self._decoded(train), self._decoded(test)
        std = [max(value, 1e-3) for value in seen.std]
        transforms = Transforms(seen.mean, std, padding=self.size // 8, flip=self.flip)
        return DataSet(
            Split(seen.images, torch.tensor(train.targets)),
            Split(unseen.images, torch.tensor(test.targets)),
            tuple(train.classes),
            transforms.augment,
            transforms.evaluate,
        )

    @staticmethod
    def _open(folder: Path) -> ImageFolder:
        try:
            return ImageFolder(folder)
        except FileNotFoundError as error:
            raise DataError(f"folder: {folder} is no tree of class folders with images: {error}") from None

    def _decoded(self, part: ImageFolder) -> Decoded:
        shape, paths = (self.channels, self.size, self.size), [path for path, _ in part.samples]
        return decode_once(Path(part.root), paths, shape, decode, channels=self.channels, size=self.size)


def decode(path: str, channels: int, size: int) -> np.ndarray:
    """Return an image (C, H, W), resized to a square."""
    try:
        with Image.open(path) as image:
            resized = TF.resize(image.convert("RGB" if channels == 3 else "L"), [size, size])
    except OSError as error:
        raise DataError(f"folder: {path} is damaged or no image: {one_line(error)}") from None
    return np.asarray(resized).reshape(size, size, channels).transpose(2, 0, 1)
