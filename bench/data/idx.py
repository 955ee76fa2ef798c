"""Reader of data sets in MNIST's IDX format, through torchvision."""

from pathlib import Path
from typing import Any

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Split, missing
from bench.errors import DataError, one_line

SIZES = {True: 60_000, False: 10_000}


def load_idx(reader: Any, name: str, root: Path, download: bool, transforms: Transforms) -> DataSet:
    """Read both splits with one of torchvision's IDX classes.

    Args:
        reader: torchvision's class, such as `MNIST`.
        name: of the data set, for messages.
        root: folder of the data sets.
        download: whether missing files are downloaded.
        transforms: augmentation and evaluation.

    Raises:
        DataError: the files are missing (the message says how to get them) or damaged.
    """
    parts = {train: _read(reader, name, root, train, download) for train in SIZES}
    class_names = tuple(label.partition(" - ")[0] for label in reader.classes)
    return DataSet(parts[True], parts[False], class_names, transforms.augment, transforms.evaluate)


def _read(reader: Any, name: str, root: Path, train: bool, download: bool) -> Split:
    try:
        part = reader(root, train=train, download=download)
    except RuntimeError as error:
        if "not found" in str(error).lower():
            raise missing(name, root, _files(reader)) from None
        if "downloading" in str(error).lower():
            raise DataError(
                f"{name}: it cannot be fetched ({one_line(error)}); put its files under {root}"
            ) from error
        raise _damaged(reader, name, root, error) from error
    except Exception as error:
        raise _damaged(reader, name, root, error) from error
    if len(part.data) != SIZES[train] or len(part.targets) != SIZES[train]:
        found = f"{len(part.data)} images and {len(part.targets)} labels"
        raise _damaged(reader, name, root, ValueError(f"{found} instead of {SIZES[train]}"))
    return Split(part.data.unsqueeze(1), part.targets.long())


def _files(reader: Any) -> list[str]:
    stems = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    return [f"{reader.__name__}/raw/{stem}" for stem in stems]


def _damaged(reader: Any, name: str, root: Path, error: Exception) -> DataError:
    folder = root / reader.__name__ / "raw"
    return DataError(f"{name}: a file in {folder} is damaged ({one_line(error)}); delete it and pass --download")
