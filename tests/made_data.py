"""Small files in the layouts of published data sets, which tests write and open."""

import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bench.data.dataset import DataSet
from bench.errors import DataError
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice

FINE = [f"fine {k}" for k in range(100)]
COARSE = [f"coarse {k}" for k in range(20)]


def pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def python_2_pickle(content: object) -> bytes:
    """Pickle as Python 2 with NumPy 1 did, whose module has another name."""
    return pickle.dumps(content, protocol=2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def cifar100(root: Path, train: int = 200, test: int = 100) -> dict[str, dict]:
    """Write CIFAR-100's three files; return the content of both parts."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True, exist_ok=True)
    parts = {}
    for seed, (part, size) in enumerate((("train", train), ("test", test))):
        fine = [(7 * k + seed) % 100 for k in range(size)]
        coarse = [label // 5 for label in fine]
        parts[part] = {"data": pixels(seed, size, 3072), "fine_labels": fine, "coarse_labels": coarse}
        (folder / part).write_bytes(python_2_pickle(parts[part]))
    (folder / "meta").write_bytes(python_2_pickle({"fine_label_names": FINE, "coarse_label_names": COARSE}))
    return parts


def torch_archive(path: Path, content: object) -> None:
    """Write a file as torch.save does, with arrays of NumPy 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", python_2_pickle(content))
        archive.writestr("archive/version", "3\n")


def idx(path: Path, array: np.ndarray) -> None:
    """Write an array of bytes in the IDX format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def opened(dataset: str, root: Path, /, download: bool = False, **options: object) -> DataSet:
    return load(Choice(name=dataset, hyperparameters=options, version=""), Registry(), root, download)


def refusal(dataset: str, root: Path, /, download: bool = False, **options: object) -> str:
    """Return what is wrong, in a line that begins with the data set's name."""
    with pytest.raises(DataError) as raised:
        opened(dataset, root, download, **options)
    said = str(raised.value)
    assert said.startswith((f"{dataset}: ", f"{dataset}, "))
    assert said.isprintable()
    return said
