"""Clothing1M: 1,000,000 pictures from shops with noisy labels, 10,526 with clean ones, 14 classes.

Source: Xiao et al., Learning from Massive Noisy Labeled Data for Image Classification, CVPR 2015;
on request. The training labels come from the text around an image, by the authors' estimate 38 % of
them are wrong. Nobody knows which, so what the tables call true labels are these.
Augmentation: random crop of seven eighths of the side, random flip; evaluation: the centre.
"""

from pathlib import Path
from typing import Annotated, Literal

import torch
from _listed_files import inside, read_lines
from _squares import square
from pydantic import Field
from torch import Generator, Tensor

from bench.api import DataError, DataSet, Source, Split, decode_once, normalise, random_crop, random_flip

CLASSES = (
    *("T-Shirt", "Shirt", "Knitwear", "Chiffon", "Sweater", "Hoodie", "Windbreaker"),
    *("Jacket", "Down Coat", "Suit", "Shawl", "Dress", "Vest", "Underwear"),
)
# Of the training images, as in the published code of DivideMix (Li et al., ICLR 2020).
MEAN, STD = [0.6959, 0.6537, 0.6371], [0.3113, 0.3192, 0.3214]
HOME = "https://github.com/Cysu/noisy_label"


class Clothing1M(Source):
    """Lists and images/ in ROOT/Clothing1M; the lists may lie in annotations/ there.

    Args:
        test: part with clean labels that is reported; `val` is for choosing recipes.
        size: height and width in pixels at which images are kept; nets get seven eighths of it.
    """

    version = 1

    def __init__(self, *, test: Literal["test", "val"] = "test", size: Annotated[int, Field(ge=8)] = 256) -> None:
        self.test, self.size = test, size
        self.crop = size * 7 // 8

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both parts, decoding them first if needed.

        Raises:
            DataError: a list or an image is missing or damaged.
        """
        folder = root / "Clothing1M"
        train = self._split(folder, "noisy_train", "noisy")
        test = self._split(folder, f"clean_{self.test}", "clean")
        return DataSet(train, test, CLASSES, self._augment, self._evaluate)

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        cropped = random_crop(images, (self.crop, self.crop), 0, generator)
        return normalise(random_flip(cropped, generator), MEAN, STD)

    def _evaluate(self, images: Tensor) -> list[Tensor]:
        start = (self.size - self.crop) // 2
        end = start + self.crop
        return [normalise(images[:, :, start:end, start:end], MEAN, STD)]

    def _split(self, folder: Path, part: str, kind: str) -> Split:
        path, labels = _list(folder, f"{part}_key_list.txt"), _labels(_list(folder, f"{kind}_label_kv.txt"))
        samples = []
        for number, line in enumerate(read_lines("clothing1m", path), 1):
            where, key = f"clothing1m: {path}, line {number}", line.strip()
            if key not in labels:
                raise DataError(f"{where}: {key!r:.200} has no label in {kind}_label_kv.txt")
            samples.append((inside(where, folder, key), labels[key]))
        if not samples:
            raise DataError(f"clothing1m: {path} is empty")
        shape, options = (3, self.size, self.size), {"owner": "clothing1m", "channels": 3, "size": self.size}
        paths = [path for path, _ in samples]
        decoded = decode_once(folder, paths, shape, square, part=part, **options)  # type: ignore[arg-type]
        return Split(decoded.images, torch.tensor([label for _, label in samples]))


def _list(folder: Path, name: str) -> Path:
    for place in (folder / "annotations", folder):
        if (place / name).is_file():
            return place / name
    raise DataError(
        f"clothing1m: {folder} has no {name}, nor annotations/ there; ask for it as {HOME} says, unpack it there, "
        f"and pass --data-root DIR or set BENCH_DATA"
    )


def _labels(path: Path) -> dict[str, int]:
    """Return the label of each image, which a line gives after its name."""
    found = {}
    for number, line in enumerate(read_lines("clothing1m", path), 1):
        key, _, label = line.strip().rpartition(" ")
        if label not in map(str, range(len(CLASSES))):
            raise DataError(
                f"clothing1m: {path}, line {number}: the label is {label!r:.80}, must be 0 to {len(CLASSES) - 1}"
            )
        found[key] = int(label)
    return found
