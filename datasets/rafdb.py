"""RAF-DB, basic: 12,271 + 3,068 aligned faces, 100×100, 7 expressions.

Source: Li, Deng and Du, Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in
the Wild, CVPR 2017. Licensed to each user on request. Augmentation as in the published code of Zhang et al.,
NeurIPS 2021: a quarter of the images mirrored, another with noise, half with a rectangle of 2–25 % erased.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from bench.api import DataError, DataSet, Source, Split, add_noise, normalise, one_line, random_erase, resize

CLASSES = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")  # labels 1 to 7 of the list
LIST = Path("EmoLabel", "list_patition_label.txt")  # the official spelling
HOME = "http://www.whdeng.cn/RAF/model1.html"
SIDE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # ImageNet's, as in the published code
NOISE = 30**0.5  # grey levels: a variance of 30


class RafDb(Source):
    """ROOT/RAF-DB/basic as it is unpacked: Image/aligned/*_aligned.jpg and EmoLabel/list_patition_label.txt.

    Images are decoded once, kept at their own size, and resized to 224×224 on the device.
    """

    version = 1

    def load(self, root: Path, download: bool) -> DataSet:
        """Decode every image that the list names."""
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


def augment(images: Tensor, generator: Generator) -> Tensor:
    """Return training images (B, 3, 224, 224): mirrored, noisy or neither, resized, standardised, erased."""
    drawn = torch.rand(len(images), generator=generator, device=images.device)[:, None, None, None]
    noisy = torch.where(drawn < 0.5, add_noise(images, NOISE, generator), images)
    mirrored = torch.where(drawn < 0.25, images.flip(-1), noisy)
    return random_erase(normalise(resize(mirrored, SIDE), MEAN, STD), (0.02, 0.25), generator)


def evaluate(images: Tensor) -> list[Tensor]:
    """Return the one view that is evaluated (B, 3, 224, 224), standardised."""
    return [normalise(resize(images, SIDE), MEAN, STD)]


def read_list(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Yield part, image file and label from 0 for each line of the list, such as `train_00001.jpg 5`."""
    try:
        lines = (folder / LIST).read_text(encoding="utf-8").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(f"rafdb: {folder / LIST} is no text: {one_line(error)}") from None
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
    """Return an image (3, H, W)."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except OSError as error:
        raise DataError(f"rafdb: {path} is damaged or no image: {one_line(error)}") from None


def _stack(folder: Path, part: str, found: list[tuple[np.ndarray, int]]) -> Split:
    sizes = {pixels.shape for pixels, _ in found}
    if len(sizes) != 1:
        seen = ", ".join(f"{width}×{height}" for _, height, width in sorted(sizes)) or "no image"
        raise DataError(f"rafdb: {folder}: the {part} images must be of one size, got {seen}")
    return Split(torch.from_numpy(np.stack([pixels for pixels, _ in found])), torch.tensor([k for _, k in found]))
