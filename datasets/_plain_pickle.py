"""Reader of pickles that hold plain data and NumPy arrays; anything that could run is refused."""

import pickle
from pathlib import Path
from typing import Any

# By its names in NumPy 1 and 2, all that unpickling an array calls.
ALLOWED = {
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_plain_pickle(path: Path) -> Any:
    """Return what a pickle holds; texts of Python 2 are read as Latin-1.

    Raises:
        Exception: of many types, if it is damaged or holds anything but plain data and arrays.
    """
    with path.open("rb") as file:
        return _Unpickler(file, encoding="latin1").load()
