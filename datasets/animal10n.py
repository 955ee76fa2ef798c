"""ANIMAL-10N: 50,000 + 5,000 pictures of ten animals that look alike in pairs, 64×64.

Source: Song, Kim and Lee, SELFIE: Refurbishing Unclean Samples for Robust Deep Learning, ICML 2019;
on request. People labelled the images online, by their estimate 8 % of the training labels are
wrong. Nobody knows which, so what the tables call true labels are theirs.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from _levels import mean_and_std
from _squares import square

from bench.api import DataError, DataSet, ImageTree, Source, Split, Transforms, decode_once, image_tree, tree_notes

CLASSES = (
    *("cat", "lynx", "wolf", "coyote", "cheetah", "jaguar"),
    *("chimpanzee", "orangutan", "hamster", "guinea pig"),
)
SIDE = 64
HEADER, PIXELS = 8, 3 * SIDE * SIDE  # bytes of a record: number and label, of four bytes each; image
HOME = "https://dm.kaist.ac.kr/datasets/animal-10n/"
WANTED = {"images": "training/ and testing/", "binary": "data_batch_*.bin and test_batch.bin"}


class Animal10N(Source):
    """Files in ROOT/animal-10n; mean and deviation of the training images.

    Augmentation: random crop with 8-pixel padding, random flip.

    Args:
        edition: `images` for training/ and testing/, whose files' names begin with the label's
            digit, or `binary` for data_batch_*.bin and test_batch.bin.
    """

    version = 1

    def __init__(self, *, edition: Literal["images", "binary"] = "images") -> None:
        self.edition = edition

    def notes(self, root: Path) -> list[str]:
        """Return what was passed over in the folders."""
        return tree_notes("animal10n", *_trees(root / "animal-10n")) if self.edition == "images" else []

    def load(self, root: Path, download: bool) -> DataSet:
        """Read one edition.

        Raises:
            DataError: a file is missing, misnamed or damaged.
        """
        folder = root / "animal-10n"
        if self.edition == "images":
            train, test, mean, std = _of_images(*_trees(folder))
        else:
            train, test, mean, std = _of_binaries(folder)
        transforms = Transforms(mean, std, padding=SIDE // 8, flip=True)
        return DataSet(train, test, CLASSES, transforms.augment, transforms.evaluate)


def _missing(folder: Path, edition: str, is_there: bool) -> DataError:
    other = "binary" if edition == "images" else "images"
    hint = f"the other edition is there: pass --set animal10n.edition={other}"
    if not is_there:
        hint = f"get it from {HOME}, unpack it there, and pass --data-root DIR or set BENCH_DATA"
    return DataError(f"animal10n: {folder} has no {WANTED[edition]}; {hint}")


def _trees(folder: Path) -> tuple[ImageTree, ImageTree]:
    """Return the images of training/ and testing/ by class, which the first digit of a name is."""
    if not (folder / "training").is_dir() or not (folder / "testing").is_dir():
        raise _missing(folder, "images", (folder / "test_batch.bin").exists())
    tree = image_tree("animal10n", folder)
    train, test = (_by_class(tree, part) for part in ("training", "testing"))
    return train, test._replace(passed_over=type(tree.passed_over)())  # told once, of the whole


def _by_class(tree: ImageTree, part: str) -> ImageTree:
    files: dict[str, list[str]] = {name: [] for name in CLASSES}
    for path in tree.files[part]:
        digit, _, rest = Path(path).name.partition("_")
        if digit not in map(str, range(len(CLASSES))) or not rest:
            raise DataError(f"animal10n: {path}: a name there must begin with the label, as 0_12345.jpg does")
        files[CLASSES[int(digit)]].append(path)
    if not any(files.values()):
        raise DataError(f"animal10n: {tree.folder / part} has no image")
    return ImageTree(tree.folder / part, files, tree.passed_over, tree.has_links)


def _of_images(*trees: ImageTree) -> tuple[Split, Split, list[float], list[float]]:
    options = {"owner": "animal10n", "channels": 3, "size": SIDE}
    splits, scales = [], []
    for tree in trees:
        samples = tree.samples(CLASSES)
        paths = [path for path, _ in samples]
        found = decode_once(tree.folder, paths, (3, SIDE, SIDE), square, **options)  # type: ignore[arg-type]
        splits.append(Split(found.images, torch.tensor([label for _, label in samples])))
        scales.append((found.mean, [max(value, 1e-3) for value in found.std]))
    return splits[0], splits[1], *scales[0]


def _of_binaries(folder: Path) -> tuple[Split, Split, list[float], list[float]]:
    batches = sorted(folder.glob("data_batch_*.bin"), key=lambda path: (len(path.name), path.name))
    if not batches or not (folder / "test_batch.bin").is_file():
        raise _missing(folder, "binary", (folder / "training").is_dir())
    parts = [[_records(path) for path in paths] for paths in (batches, [folder / "test_batch.bin"])]
    images = [np.concatenate([pixels for pixels, _ in part]) for part in parts]
    labels = [torch.from_numpy(np.concatenate([labels for _, labels in part])) for part in parts]
    train, test = (Split(torch.from_numpy(pixels), label) for pixels, label in zip(images, labels, strict=True))
    return train, test, *mean_and_std(images[0])


def _records(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return a file's images (N, 3, 64, 64) and labels (N,).

    The published reader does not say which byte of a label comes first, so both ways are tried.
    """
    if not path.is_file():
        raise DataError(f"animal10n: {path} is no regular file")
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    if not len(content) or len(content) % (HEADER + PIXELS):
        raise DataError(
            f"animal10n: {path} is damaged: {len(content)} bytes, must be a multiple of {HEADER + PIXELS}"
        )
    records = content.reshape(-1, HEADER + PIXELS)
    fields = np.ascontiguousarray(records[:, 4:HEADER])
    read = [fields.view(order).ravel().astype(np.int64) for order in (">u4", "<u4")]
    labels = min(read, key=lambda labels: (labels >= len(CLASSES)).sum())
    outside = np.flatnonzero(labels >= len(CLASSES))
    if len(outside):
        raise DataError(f"animal10n: {path}, record {outside[0]}: the label must be 0 to {len(CLASSES) - 1}")
    return records[:, HEADER:].reshape(-1, 3, SIDE, SIDE).copy(), labels
