"""RAF-DB, basic: 12,271 + 3,068 aligned faces, 100×100, 7 expressions.

Source: Li, Deng and Du, Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression
Recognition in the Wild, CVPR 2017. Each user needs a licence, on request.
Augmentation as in the published code of Zhang et al., NeurIPS 2021: a quarter of the images
flipped, another quarter with noise, and in half of them a rectangle of 2–25 % erased.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from _faces_in_colour import augment, evaluate

from bench.api import DataError, DataSet, Source, Split, one_line, read_image

# Labels 1 to 7 in the list.
CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
LIST = Path("EmoLabel", "list_patition_label.txt")  # the official spelling
HOME = "http://www.whdeng.cn/RAF/model1.html"


class RafDb(Source):
    """Images and list in ROOT/RAF-DB/basic, as unpacked.

    The files are Image/aligned/*_aligned.jpg and EmoLabel/list_patition_label.txt. Images are
    decoded once, kept at their own size, and resized to 224×224 on the device.
    """

    version = 1
    shows_people = True

    def load(self, root: Path, download: bool) -> DataSet:
        """Decode every image in the list.

        Raises:
            DataError: the list or an image is missing or damaged.
        """
        folder = root / "RAF-DB" / "basic"
        if not (folder / LIST).is_file():
            raise DataError(
                f"rafdb: {folder / LIST} is not there; RAF-DB is licensed to each user: apply for it at {HOME}, "
                f"unpack it there, and pass --data-root DIR or set BENCH_DATA"
            )
        parts: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "test": []}
        for part, path, label in read_list(folder):
            parts[part].append((decode(path), label))
        train, test = (_stack(folder, part, found) for part, found in parts.items())
        return DataSet(train, test, CLASSES, augment, evaluate)


def read_list(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Yield split, image file and label (from 0) for each line, such as `train_00001.jpg 5`.

    Raises:
        DataError: the list is not text, or a line or image file is invalid.
    """
    try:
        lines = (folder / LIST).read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"rafdb: {folder / LIST} is not text: {one_line(error)}") from None
    for number, line in enumerate(lines, 1):
        where = f"rafdb: {folder / LIST}, line {number}"
        name, _, label = line.strip().partition(" ")
        part, stem = name.split("_")[0], name.removesuffix(".jpg")
        if part not in ("train", "test") or stem == name:
            raise DataError(f"{where}: must look like `train_00001.jpg 5`, got {line!r}")
        if label not in map(str, range(1, len(CLASSES) + 1)):
            raise DataError(f"{where}: the label is {label!r}, must be 1 to {len(CLASSES)}")
        path = folder / "Image" / "aligned" / f"{stem}_aligned.jpg"
        if not path.is_file():
            raise DataError(f"{where}: there is no image {path}")
        yield part, path, int(label) - 1


def decode(path: Path) -> np.ndarray:
    """Return an image (3, H, W), uint8."""
    return np.asarray(read_image("rafdb", path, channels=3)).transpose(2, 0, 1)


def _stack(folder: Path, part: str, found: list[tuple[np.ndarray, int]]) -> Split:
    sizes = {pixels.shape for pixels, _ in found}
    if len(sizes) != 1:
        seen = ", ".join(f"{width}×{height}" for _, height, width in sorted(sizes)) or "no image"
        raise DataError(f"rafdb: {folder}: the {part} images must be of one size, got {seen}")
    return Split(torch.from_numpy(np.stack([pixels for pixels, _ in found])), torch.tensor([k for _, k in found]))
