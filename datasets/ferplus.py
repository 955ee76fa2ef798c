"""FERPlus: FER2013's faces with ten people's votes each, 48×48 grey, 8 expressions.

Source: Barsoum et al., Training Deep Networks for Facial Expression Recognition with Crowd-Sourced
Label Distribution, ICMI 2016; its file fer2013new.csv beside the images, which are FER2013's table
or the PNG files that the authors' code makes of it. The label is the majority's, by their rule. The
votes on the test images are counts of human labels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from _fer2013_faces import TABLES, USAGES, augment, evaluate, face_of_file, face_of_text
from _listed_files import inside, read_csv

from bench.api import DataError, DataSet, Source, Split

CLASSES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
OTHERS = ("unknown", "NF")  # NF: no face
VOTES = "fer2013new.csv"
FOLDERS = dict(zip(USAGES, ("FER2013Train", "FER2013Valid", "FER2013Test"), strict=True))
HOME = "https://github.com/microsoft/FERPlus"


class _Face(NamedTuple):
    image: np.ndarray  # (1, 48, 48)
    label: int
    votes: list[int]  # for each class


class FerPlus(Source):
    """ROOT/fer2013/fer2013new.csv, and fer2013.csv there or FER2013Train, …Valid and …Test.

    Training: random 44×44 crop and flip; evaluation: mean prediction of ten crops.

    Args:
        test: test set that is reported; `public` is for choosing recipes.
    """

    version = 1
    shows_people = True

    def __init__(self, *, test: Literal["private", "public"] = "private") -> None:
        self.test = test

    def load(self, root: Path, download: bool) -> DataSet:
        """Read votes and images.

        Raises:
            DataError: a file is missing or damaged, or the two tables do not go together.
        """
        folder = root / "fer2013"
        if not (folder / VOTES).is_file():
            raise DataError(
                f"ferplus: {folder / VOTES} is not there; get it from {HOME} and FER2013's images from Kaggle, "
                f"and pass --data-root DIR or set BENCH_DATA"
            )
        parts: dict[str, list[_Face]] = {usage: [] for usage in USAGES}
        for usage, face in _faces(folder):
            parts[usage].append(face)
        train = _split(folder, "Training", parts)
        test = _split(folder, "PrivateTest" if self.test == "private" else "PublicTest", parts)
        return DataSet(train._replace(extra={}), test, CLASSES, augment, evaluate)


def _faces(folder: Path) -> Iterator[tuple[str, _Face]]:
    """Yield the faces on whose expression people agree, with their usage."""
    table = read_csv("ferplus", folder / VOTES, ("Usage", "Image name", *CLASSES, *OTHERS))
    pixels = _pixels(folder, list(table["Usage"]))
    for row, record in enumerate(table.to_dict("records")):
        where = f"ferplus: {folder / VOTES}, line {row + 2}"
        usage, name = record["Usage"], record["Image name"].strip()
        if usage not in USAGES:
            raise DataError(f"{where}: Usage is {usage!r}, must be one of {', '.join(USAGES)}")
        votes = [_count(record[column], f"{where}: {column}") for column in (*CLASSES, *OTHERS)]
        if not name or (label := majority(votes)) is None:
            continue
        if pixels is None:
            path = inside(where, folder / FOLDERS[usage], name)
            image = face_of_file("ferplus", path)[None]
        else:
            image = face_of_text(pixels[row], f"ferplus: {folder}, row {row} of FER2013's table")
        yield usage, _Face(image, label, votes[: len(CLASSES)])


def _pixels(folder: Path, usages: list[str]) -> list[str] | None:
    """Return the column of pixels of FER2013's table; None if there are PNG files instead.

    Raises:
        DataError: there is neither, or the table's rows are not those of the votes.
    """
    paths = [folder / name for name in TABLES if (folder / name).is_file()]
    if not paths:
        if absent := [name for name in FOLDERS.values() if not (folder / name).is_dir()]:
            raise DataError(
                f"ferplus: {folder} has neither {' or '.join(TABLES)} nor {absent[0]}; FER2013's edition of JPEG "
                f"folders has another order, and does not go with the votes"
            )
        return None
    table = read_csv("ferplus", paths[0], ("pixels", "Usage"))
    if list(table["Usage"]) != usages:
        raise DataError(f"ferplus: {paths[0]} and {folder / VOTES} have other rows, by the column Usage")
    return list(table["pixels"])


def _count(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise DataError(f"{where}: {text!r} is no number of votes")
    return int(text)


def majority(votes: list[int]) -> int | None:
    """Return the class that more than half of the votes are for; None if there is none.

    As in the authors' code, single votes are left out first, and unknown and no face have votes
    too.
    """
    kept = [vote if vote > 1 else 0 for vote in votes]
    best = int(np.argmax(kept))
    return best if best < len(CLASSES) and 2 * kept[best] > sum(kept) else None


def _split(folder: Path, usage: str, parts: dict[str, list[_Face]]) -> Split:
    if not parts[usage]:
        raise DataError(f"ferplus: {folder / VOTES} has no face of the Usage {usage} with a majority")
    images = torch.from_numpy(np.stack([face.image for face in parts[usage]]))
    counts = np.array([face.votes for face in parts[usage]], dtype=float)
    return Split(images, torch.tensor([face.label for face in parts[usage]]), {"human-counts": counts})
