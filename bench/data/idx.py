"""Reader of data sets in MNIST's IDX format, through torchvision."""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Split, missing, not_fetched
from bench.errors import DataError, one_line

KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")


class IdxFiles(NamedTuple):
    """Where the IDX files of a data set lie, what they are called, and how many images they hold.

    `folder` is below the data root. The names of the training and of the test files begin with
    `parts`.
    """

    folder: str
    class_names: tuple[str, ...]
    parts: tuple[str, str] = ("train", "t10k")
    sizes: tuple[int, int] = (60_000, 10_000)

    @classmethod
    def of(cls, reader: Any) -> "IdxFiles":
        """Return those of a class of torchvision's with the files and sizes of MNIST."""
        names = tuple(label.partition(" - ")[0] for label in reader.classes)
        return cls(f"{reader.__name__}/raw", names)

    @property
    def paths(self) -> list[str]:
        """The four files, below the data root."""
        return [f"{self.folder}/{part}-{kind}" for part in self.parts for kind in KINDS]


def load_idx(
    reader: Any, name: str, root: Path, download: bool, transforms: Transforms, files: IdxFiles | None = None
) -> DataSet:
    """Read both splits with one of torchvision's IDX classes.

    Args:
        reader: torchvision's class, such as `MNIST`, or what is called like it.
        name: of the data set, for messages.
        root: folder of the data sets.
        download: whether missing files are downloaded.
        transforms: augmentation and evaluation.
        files: their places and sizes, where they are not those of MNIST.

    Raises:
        DataError: the files are missing (the message says how to get them) or damaged.
    """
    files = files or IdxFiles.of(reader)
    train, test = (_read(reader, name, root, files, train, download) for train in (True, False))
    return DataSet(train, test, files.class_names, transforms.augment, transforms.evaluate)


def _read(reader: Any, name: str, root: Path, files: IdxFiles, train: bool, download: bool) -> Split:
    try:
        part = reader(root, train=train, download=download)
    except RuntimeError as error:
        if "not found" in str(error).lower():
            raise missing(name, root, files.paths) from None
        if "downloading" in str(error).lower():
            raise not_fetched(name, root, error) from error
        raise _damaged(name, root, files, error) from error
    except URLError as error:
        raise not_fetched(name, root, error) from error
    except Exception as error:
        raise _damaged(name, root, files, error) from error
    size = files.sizes[0 if train else 1]
    if len(part.data) != size or len(part.targets) != size:
        found = f"{len(part.data)} images and {len(part.targets)} labels"
        raise _damaged(name, root, files, ValueError(f"{found} instead of {size}"))
    return Split(part.data.unsqueeze(1), part.targets.long())


def _damaged(name: str, root: Path, files: IdxFiles, error: Exception) -> DataError:
    seen = f"a file in {root / files.folder} is damaged ({one_line(error)})"
    return DataError(f"{name}: {seen}; delete it and fetch it by `bench run --download`")
