"""Any tree PATH/train/CLASS/*, PATH/test/CLASS/* of images.

Images are decoded once, resized to one square size and kept in memory.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from pydantic import PositiveInt
from torchvision.datasets import ImageFolder
from torchvision.transforms import functional as TF

from bench.augment import Transforms
from bench.data import DataSet, Source, Split
from bench.errors import DataError, one_line


class Folder(Source):
    """A tree of class folders; random flip and crop with padding of an eighth of the size.

    Args:
        path: the folder that holds train/ and test/; relative paths count from the data root.
        size: height and width, in pixels, that every image is resized to.
        channels: 3 for colour, 1 for grey.
        flip: whether training mirrors images at random.
    """

    def __init__(
        self, *, path: str, size: PositiveInt = 32, channels: Literal[1, 3] = 3, flip: bool = True
    ) -> None:
        self.path, self.size, self.channels, self.flip = path, size, channels, flip

    def load(self, root: Path, download: bool) -> DataSet:
        """Decode both parts; both must have the same classes."""
        train, test = (self._open(root / self.path / part) for part in ("train", "test"))
        if train.classes != test.classes:
            odd = sorted(set(train.classes) ^ set(test.classes))
            raise DataError(
                f"folder: {root / self.path}: train/ and test/ differ in their class folders: {', '.join(odd)}"
            )
        split = self._decode(train)
        pixels = split.images.float() / 255
        mean, std = pixels.mean(dim=(0, 2, 3)).tolist(), pixels.std(dim=(0, 2, 3)).clamp(min=1e-3).tolist()
        transforms = Transforms(mean, std, padding=self.size // 8, flip=self.flip)
        return DataSet(split, self._decode(test), tuple(train.classes), transforms.augment, transforms.evaluate)

    @staticmethod
    def _open(folder: Path) -> ImageFolder:
        try:
            return ImageFolder(folder)
        except FileNotFoundError as error:
            raise DataError(f"folder: {folder} is no tree of class folders with images: {error}") from None

    def _decode(self, part: ImageFolder) -> Split:
        images = np.empty((len(part.samples), self.channels, self.size, self.size), dtype=np.uint8)
        for k, (path, _) in enumerate(part.samples):
            images[k] = self._decode_image(path)
        return Split(torch.from_numpy(images), torch.tensor(part.targets))

    def _decode_image(self, path: str) -> np.ndarray:
        try:
            with Image.open(path) as image:
                resized = TF.resize(image.convert("RGB" if self.channels == 3 else "L"), [self.size, self.size])
        except OSError as error:
            raise DataError(f"folder: {path} is damaged or no image: {one_line(error)}") from None
        return np.asarray(resized).reshape(self.size, self.size, self.channels).transpose(2, 0, 1)
