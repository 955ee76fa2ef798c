"""AffectNet: 287,651 + 3,999 faces of 8 expressions, or 283,901 + 3,500 of 7, labelled by people.

Source: Mollahosseini, Hasani and Mahoor, AffectNet: A Database for Facial Expression, Valence, and
Arousal Computing in the Wild, IEEE Transactions on Affective Computing, 2019. Each user needs a
licence, on request. The official validation images are the test set, as there are no others.
Augmentation as for RAF-DB.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from _faces_in_colour import augment, evaluate
from _listed_files import inside, read_csv
from _squares import square
from pydantic import PositiveInt

from bench.api import DataError, DataSet, Source, Split, decode_once, image_tree, one_line

# Labels 0 to 7; three further ones mark images that show no single expression.
CLASSES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
UNUSED = ("none", "uncertain", "no face")
HOME = "http://mohammadmahoor.com/affectnet/"
COLUMNS = (
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks"),
    *("expression", "valence", "arousal"),
)
PARTS = {"npy": ("train_set", "val_set"), "csv": ("training.csv", "validation.csv")}
LISTS = (".", "Manually_Annotated_file_lists")  # folders where the tables may lie
IMAGES = ("Manually_Annotated_Images", "Manually_Annotated", "Manually_Annotated/Manually_Annotated_Images")

Sample = tuple[str, int]  # path and label


class AffectNet(Source):
    """Images in ROOT/AffectNet, decoded once to a square and resized to 224×224 on the device.

    Args:
        edition: `npy` for train_set/ and val_set/ with images/ and annotations/*_exp.npy, or `csv`
            for Manually_Annotated images with training.csv and validation.csv.
        classes: 7 leaves contempt out.
        size: height and width in pixels at which images are kept.
    """

    version = 1
    shows_people = True

    def __init__(
        self, *, edition: Literal["npy", "csv"] = "npy", classes: Literal[7, 8] = 8, size: PositiveInt = 112
    ) -> None:
        self.edition, self.classes, self.size = edition, classes, size

    def load(self, root: Path, download: bool) -> DataSet:
        """Map both parts, decoding them first if needed.

        Raises:
            DataError: a file is missing or damaged, or a label is none of the eleven.
        """
        folder = root / "AffectNet"
        train, test = (self._split(folder, part) for part in PARTS[self.edition])
        return DataSet(train, test, CLASSES[: self.classes], augment, evaluate)

    def _split(self, folder: Path, part: str) -> Split:
        read = _annotated if self.edition == "npy" else _listed
        found = [(path, label) for path, label in read(folder, part) if label < self.classes]
        if not found:
            raise DataError(f"affectnet: {folder / part} has no image of the {self.classes} expressions")
        shape, options = (3, self.size, self.size), {"owner": "affectnet", "channels": 3, "size": self.size}
        paths = [path for path, _ in found]
        decoded = decode_once(folder, paths, shape, square, part=part, **options)  # type: ignore[arg-type]
        return Split(decoded.images, torch.tensor([label for _, label in found]))


def _missing(folder: Path, edition: str, looked: str) -> DataError:
    other = "csv" if edition == "npy" else "npy"
    names = [place / name for place in map(folder.joinpath, LISTS) for name in PARTS[other]]
    if any(name.exists() for name in names):
        hint = f"the other edition is there: pass --set affectnet.edition={other}"
    else:
        hint = f"AffectNet is licensed to each user: apply at {HOME}, and pass --data-root DIR or set BENCH_DATA"
    return DataError(f"affectnet: {folder} has no {looked}; {hint}")


def _annotated(folder: Path, part: str) -> list[Sample]:
    """Return the samples of train_set/ or val_set/."""
    place = folder / part
    if not (place / "images").is_dir() or not (place / "annotations").is_dir():
        raise _missing(folder, "npy", f"{part}/images and {part}/annotations")
    paths = image_tree("affectnet", place).files["images"]
    return [(path, _label_of(place / "annotations" / f"{Path(path).stem}_exp.npy")) for path in paths]


def _label_of(path: Path) -> int:
    if not path.is_file():
        raise DataError(f"affectnet: {path} is not there")
    try:
        text = str(np.load(path, allow_pickle=False).item())
    except Exception as error:
        raise DataError(f"affectnet: {path} is damaged ({one_line(error)})") from None
    return _label(text, f"affectnet: {path}")


def _listed(folder: Path, name: str) -> list[Sample]:
    """Return the samples of training.csv or validation.csv, with or without a header."""
    tables = [place / name for place in map(folder.joinpath, LISTS) if (place / name).is_file()]
    images = [folder / place for place in IMAGES if (folder / place).is_dir()]
    if not tables or not images:
        raise _missing(folder, "csv", f"{name} and {IMAGES[0]}/")
    with tables[0].open("rb") as file:
        has_header = file.read(200).lstrip(b"\xef\xbb\xbf").startswith(COLUMNS[0].encode())
    options = {} if has_header else {"header": None, "names": list(COLUMNS)}
    table = read_csv("affectnet", tables[0], (COLUMNS[0], "expression"), **options)
    found = []
    for line, (path, expression) in enumerate(zip(table[COLUMNS[0]], table["expression"], strict=True)):
        where = f"affectnet: {tables[0]}, line {line + 1 + has_header}"
        found.append((inside(where, _deepest(images), path), _label(expression, where)))
    return found


def _deepest(folders: list[Path]) -> Path:
    return max(folders, key=lambda folder: len(folder.parts))


def _label(text: str, where: str) -> int:
    last = len(CLASSES) + len(UNUSED) - 1
    if text not in map(str, range(last + 1)):
        raise DataError(f"{where}: the expression is {text!r}, must be 0 to {last}")
    return int(text)
