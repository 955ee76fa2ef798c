"""Any tree PATH/train/CLASS/*, PATH/test/CLASS/* of images.

Images are decoded and resized to one square size once, into an array on disk that may be larger than the memory.
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
    """A tree of class folders; random flip and crop with padding of an eighth of the size.

    Args:
        path: the folder that holds train/ and test/; relative paths count from the data root.
        size: height and width, in pixels, that every image is resized to.
        channels: 3 for colour, 1 for grey.
        flip: whether training mirrors images at random.
    """

    version = 1
    located_by = ("path",)

    def __init__(
        self, *, path: str, size: PositiveInt = 32, channels: Literal[1, 3] = 3, flip: bool = True
    ) -> None:
        self.path, self.size, self.channels, self.flip = path, size, channels, flip

    def content(self, root: Path) -> str:
        """Return a hash of both parts' files."""
        parts = [self._open(root / self.path / part) for part in ("train", "test")]
        return content_hash(root / self.path, [path for part in parts for path, _ in part.samples])

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both parts, decoded if they are not yet; both must have the same classes."""
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
