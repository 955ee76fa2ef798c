"""FER2013: 28,709 + 3,589 faces, 48×48 grey, 7 expressions.

A further 3,589 public test faces serve to choose recipes.

Source: Goodfellow et al., Challenges in Representation Learning, ICONIP 2013. Augmentation and ten
crops as in the supplement of Zhang et al., NeurIPS 2021, section E.
There are two editions with different order and contrast: the table ROOT/fer2013/fer2013.csv (or
icml_face_data.csv), and the folders ROOT/fer2013/{train,test}/CLASS/*.jpg.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from _fer2013_faces import TABLES, USAGES, augment, evaluate, face_of_file, face_of_text
from _listed_files import read_csv

from bench.api import DataError, DataSet, ImageTree, Source, Split, image_tree, tree_notes

# In the order of the table's labels.
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


class Fer2013(Source):
    """Training: random 44×44 crop and flip; evaluation: mean prediction of ten crops.

    Args:
        edition: `folder` (JPEGs) or `csv`; the runs of one do not count for the other.
        test: test set that is reported; `public` is for choosing recipes.
    """

    version = 1
    shows_people = True

    def __init__(
        self, *, edition: Literal["folder", "csv"] = "folder", test: Literal["private", "public"] = "private"
    ) -> None:
        self.edition, self.test = edition, test

    def notes(self, root: Path) -> list[str]:
        """Return what was passed over in the folders."""
        return tree_notes("fer2013", *_open(root / "fer2013")) if self.edition == "folder" else []

    def load(self, root: Path, download: bool) -> DataSet:
        """Read one edition.

        Raises:
            DataError: a file is missing or damaged.
        """
        parts = read_table(root / "fer2013") if self.edition == "csv" else read_folders(root / "fer2013")
        test = parts["PrivateTest" if self.test == "private" else "PublicTest"]
        return DataSet(parts["Training"], test, CLASSES, augment, evaluate)


def read_folders(folder: Path) -> dict[str, Split]:
    """Return the splits by usage, which file names start with: `PrivateTest_123.jpg`.

    Raises:
        DataError: a folder or file is missing, misnamed or damaged.
    """
    files: dict[str, list[tuple[str, int]]] = {usage: [] for usage in USAGES}
    for tree in _open(folder):
        wanted = ("Training",) if tree.folder.name == "train" else ("PublicTest", "PrivateTest")
        for path, label in tree.samples(CLASSES):
            usage = Path(path).name.split("_")[0]
            if usage not in wanted:
                raise DataError(
                    f"fer2013: {path}: a name there must begin with {' or '.join(wanted)}, got {usage}"
                )
            files[usage].append((path, label))
    return {usage: _decode(folder, usage, found) for usage, found in files.items()}


def _open(folder: Path) -> list[ImageTree]:
    """Return train/ and test/, each with images of the seven classes."""
    if not (folder / "train").is_dir() or not (folder / "test").is_dir():
        raise _missing(folder, "train/ and test/", "csv", any((folder / name).is_file() for name in TABLES))
    trees = [image_tree("fer2013", folder / part) for part in ("train", "test")]
    for tree in trees:
        if set(tree.classes) != set(CLASSES):
            raise DataError(
                f"fer2013: {tree.folder} has images of the classes {', '.join(tree.classes)}, "
                f"must be {', '.join(CLASSES)}"
            )
    return trees


def _decode(folder: Path, usage: str, files: list[tuple[str, int]]) -> Split:
    if not files:
        raise DataError(f"fer2013: {folder} has no file {usage}_*.jpg")
    images = np.stack([face_of_file("fer2013", path) for path, _ in files])[:, None]
    return Split(torch.from_numpy(images), torch.tensor([label for _, label in files]))


def read_table(folder: Path) -> dict[str, Split]:
    """Return the splits by usage from the table with columns emotion, pixels and Usage.

    Raises:
        DataError: the table is missing or damaged.
    """
    paths = [folder / name for name in TABLES if (folder / name).is_file()]
    if not paths:
        raise _missing(folder, " or ".join(TABLES), "folder", (folder / "train").is_dir())
    table = read_csv("fer2013", paths[0], ("emotion", "pixels", "Usage"))
    parts: dict[str, list[tuple[np.ndarray, int]]] = {usage: [] for usage in USAGES}
    for line, (emotion, pixels, usage) in enumerate(zip(table.emotion, table.pixels, table.Usage, strict=True), 2):
        where = f"fer2013: {paths[0]}, line {line}"
        if usage not in parts:
            raise DataError(f"{where}: Usage is {usage!r}, must be one of {', '.join(parts)}")
        if emotion not in map(str, range(len(CLASSES))):
            raise DataError(f"{where}: emotion is {emotion!r}, must be 0 to {len(CLASSES) - 1}")
        parts[usage].append((face_of_text(pixels, where), int(emotion)))
    return {usage: _stack(paths[0], usage, rows) for usage, rows in parts.items()}


def _stack(path: Path, usage: str, rows: list[tuple[np.ndarray, int]]) -> Split:
    if not rows:
        raise DataError(f"fer2013: {path} has no row with the Usage {usage}")
    return Split(torch.from_numpy(np.stack([pixels for pixels, _ in rows])), torch.tensor([k for _, k in rows]))


def _missing(folder: Path, what: str, other: str, other_is_there: bool) -> DataError:
    if other_is_there:
        hint = f"the other edition is there: pass --set fer2013.edition={other}"
    else:
        hint = "get it from Kaggle, where it is called FER-2013, and pass --data-root DIR or set BENCH_DATA"
    return DataError(f"fer2013: {folder} has no {what}; {hint}")
