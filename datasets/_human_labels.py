"""Reader of files of label arrays that torch saved, such as CIFAR-10N's and CIFAR-100N's."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

# Everything that unpickling int64 arrays of numpy 1 calls. torch refuses all else, so that no
# code in the file can run.
INT64_ARRAYS: list[Any] = [
    (np.empty(0).__reduce__()[0], "numpy.core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    type(np.dtype(np.int64)),
]


def read_label_arrays(path: Path) -> Any:
    """Return what the file holds: a dictionary of int64 arrays, if it is what it should be.

    Raises:
        Exception: of many types, if it holds anything but plain data and such arrays.
    """
    with torch.serialization.safe_globals(INT64_ARRAYS):
        return torch.load(path, weights_only=True)
