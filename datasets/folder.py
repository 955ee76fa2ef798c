"""Image folders PATH/train/CLASS/* and PATH/test/CLASS/*.

Images are decoded once and resized to one square size. They are stored in a memory-mapped array on
disk, which may be larger than the memory.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import torch
from _squares import square
from pydantic import PositiveInt

from bench.api import (
    DataError,
    DataSet,
    Decoded,
    ImageTree,
    Source,
    Split,
    Transforms,
    content_hash,
    decode_once,
    image_tree,
    tree_notes,
)

Sample = tuple[str, int]  # path and label


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
        self._found: dict[Path, tuple[ImageTree, ImageTree]] = {}

    def content(self, root: Path) -> str:
        """Return a hash of the files of both splits."""
        train, test = self._trees(root)
        samples = train.samples(train.classes) + test.samples(train.classes)
        return content_hash(root / self.path, [path for path, _ in samples])

    def notes(self, root: Path) -> list[str]:
        """Return what was passed over, and what a part lacks."""
        return tree_notes("folder", *(self._found.get(root) or self._trees(root)))

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both splits, decoding them first if needed.

        Raises:
            DataError: a folder is missing, a class has test images only, or an image is damaged.
        """
        train, test = self._trees(root)
        known, asked = train.samples(train.classes), test.samples(train.classes)
        seen, unseen = self._decoded(train, known), self._decoded(test, asked)
        std = [max(value, 1e-3) for value in seen.std]
        transforms = Transforms(seen.mean, std, padding=self.size // 8, flip=self.flip)
        return DataSet(
            Split(seen.images, torch.tensor([label for _, label in known])),
            Split(unseen.images, torch.tensor([label for _, label in asked])),
            tuple(train.classes),
            transforms.augment,
            transforms.evaluate,
            file_names=partial(training_names, train.folder),
        )

    def _trees(self, root: Path) -> tuple[ImageTree, ImageTree]:
        """Return train/ and test/.

        Raises:
            DataError: one is missing or without images, or test/ has classes that train/ lacks.
        """
        train, test = (image_tree("folder", root / self.path / part) for part in ("train", "test"))
        if odd := sorted(set(test.classes) - set(train.classes)):
            said = f"test/ has images of classes of which train/ has none: {', '.join(odd)}"
            raise DataError(f"folder: {root / self.path}: {said}")
        self._found[root] = train, test  # so that a command that asks twice reads the folders once
        return train, test

    def _decoded(self, part: ImageTree, samples: list[Sample]) -> Decoded:
        shape, paths = (self.channels, self.size, self.size), [path for path, _ in samples]
        return decode_once(
            part.folder, paths, shape, square, owner="folder", channels=self.channels, size=self.size
        )


def training_names(folder: Path) -> list[str]:
    """Return the names of the training images, relative to their folder: `CLASS/1.png`.

    The folder is read again: few runs need them, and millions of names would fill the memory.
    """
    tree = image_tree("folder", folder)
    return [Path(path).relative_to(folder).as_posix() for path, _ in tree.samples(tree.classes)]
