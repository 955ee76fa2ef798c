"""Checks of the arrays that metrics are computed from: type, shape, length, and finite values.

A wrong array would pass for a number: NaN sorts last, so a ranking of NaN has an AUROC of its own.
"""

from typing import Any

import numpy as np

from bench.errors import BenchError


class ArrayError(BenchError, ValueError):
    """An array, or a number beside it, that a metric cannot be computed from."""


def require_real(name: str, values: Any, *, ndim: int = 1, whole: bool = False) -> None:
    """Check that an array holds finite floating-point numbers, one at least.

    Args:
        name: of the array in error messages.
        values: the array.
        ndim: its number of axes.
        whole: whether integers will do as well.

    Raises:
        ArrayError: it is of another type or shape, or holds a NaN or an infinity.
    """
    _require_array(name, values, "fiu" if whole else "f", "numbers" if whole else "floating-point numbers", ndim)
    wrong = values.size - np.count_nonzero(np.isfinite(values))
    if wrong:
        raise ArrayError(f"{name} must be finite, {wrong} of {values.size} values are not")


def require_flags(name: str, values: Any) -> None:
    """Check that an array (n,) holds booleans, one at least.

    Raises:
        ArrayError: it does not.
    """
    _require_array(name, values, "b", "booleans", 1)


def require_labels(name: str, values: Any, num_classes: int | None = None) -> None:
    """Check that an array (n,) holds classes, one at least.

    Raises:
        ArrayError: it is of another type or shape, or a class is outside 0 … num_classes − 1.
    """
    _require_array(name, values, "iu", "integers", 1)
    low, high = values.min(), values.max()
    if low < 0 or (num_classes is not None and high >= num_classes):
        last = "" if num_classes is None else f" to {num_classes - 1}"
        raise ArrayError(f"{name} must be classes from 0{last}, got {low if low < 0 else high}")


def require_one_length(**arrays: np.ndarray) -> None:
    """Check that arrays, by their names in messages, have one length.

    Raises:
        ArrayError: they have not.
    """
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        seen = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ArrayError(f"one value is needed for each sample, got {seen}")


def require_part(name: str, value: Any) -> None:
    """Check that a number is a part of a whole, 0–1.

    Raises:
        ArrayError: it is not.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ArrayError(f"{name} must be a number from 0 to 1, got {value!r}")


def require_count(name: str, value: Any, most: int | None = None) -> None:
    """Check that a number is whole, and from 1 to `most`.

    Raises:
        ArrayError: it is not.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < 1 or (most is not None and value > most):
        range_ = "1 or more" if most is None else f"from 1 to {most}"
        raise ArrayError(f"{name} must be a whole number, {range_}, got {value!r}")


def _require_array(name: str, values: Any, kinds: str, words: str, ndim: int) -> None:
    if not isinstance(values, np.ndarray):
        raise ArrayError(f"{name} must be a NumPy array of {words}, got {type(values).__name__}")
    if values.dtype.kind not in kinds:
        raise ArrayError(f"{name} must be {words}, got {values.dtype}")
    if values.ndim != ndim:
        axes = "1 axis" if ndim == 1 else f"{ndim} axes"
        raise ArrayError(f"{name} must have {axes}, got shape {values.shape}")
    if not values.size:
        raise ArrayError(f"{name} must hold one value or more, got shape {values.shape}")
