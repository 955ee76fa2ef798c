"""Arrays of labels in .npy and .pt files, read without running what a pickle says."""

from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import Integer

from bench.errors import NOT_LOADED, UsageError, unknown

Labels = Integer[np.ndarray, " n"]
_RECONSTRUCT = np.empty(0).__reduce__()[0]
# All that unpickling arrays of numbers calls, of numpy 1 and 2. torch refuses all else, so that no
# code in the file can run.
PLAIN_ARRAYS: list[Any] = [
    (_RECONSTRUCT, "numpy.core.multiarray._reconstruct"),
    (_RECONSTRUCT, "numpy._core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(code)) for code in "?bhilqBHILQefd"),
]


def read_npy(stream: BytesIO, said: str) -> Labels:
    """Return the labels in a .npy file.

    Args:
        stream: the content.
        said: how messages name the file.

    Raises:
        UsageError: they are no whole numbers (n,), or objects, which could run code.
    """
    try:
        return _whole(np.lib.format.read_array(stream, allow_pickle=False), said)
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise UsageError(f"{said}: {NOT_LOADED}") from None


def read_pt(stream: BytesIO, key: str | None, said: str) -> Labels:
    """Return the labels in a .pt file: a tensor, an array, or a dictionary of several.

    Args:
        stream: the content.
        key: of the labels in a dictionary; None if there is only one array.
        said: how messages name the file.

    Raises:
        UsageError: there is no such key, several arrays and no key, or no whole numbers (n,).
    """
    with torch.serialization.safe_globals(PLAIN_ARRAYS):
        content: Any = torch.load(stream, map_location="cpu", weights_only=True)
    return _whole(_chosen(content, key, said), said)


def _chosen(content: Any, key: str | None, said: str) -> Any:
    if not isinstance(content, dict):
        if key is not None:
            raise UsageError(f"{said}: the file holds one array, without a key; leave the key out")
        return content
    arrays = {str(name): value for name, value in content.items() if isinstance(value, np.ndarray | torch.Tensor)}
    if key is None and len(arrays) == 1:
        return next(iter(arrays.values()))
    if key is None:
        listed = ", ".join(sorted(arrays)) or "none"
        raise UsageError(f"{said}: name one of its arrays, as file:PATH:KEY, of {listed}")
    if key not in arrays:
        raise UsageError(f"{said}: {unknown('array', key, arrays)}")
    return arrays[key]


def _whole(found: Any, said: str) -> Labels:
    if isinstance(found, torch.Tensor):
        found = found.detach().cpu().float() if found.dtype == torch.bfloat16 else found.detach().cpu()
        found = found.numpy()
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{said}: must hold an array of labels, got {type(found).__name__}")
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise UsageError(f"{said}: labels must be whole numbers (n,), got {found.dtype} {found.shape}")
    if not len(found):
        raise UsageError(f"{said}: the file holds no label")
    return found
