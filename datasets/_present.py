"""Classes that have images: labels counted over them alone, and remarks on the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.api import DataError


class Present(NamedTuple):
    """Labels (N,) of both parts, as places in the names of the classes that have images."""

    class_names: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    notes: list[str]


def present(place: str, names: Sequence[str], train: np.ndarray, test: np.ndarray) -> Present:
    """Return the labels without the classes that have no image; a class without test images stays.

    Args:
        place: of the data set, at the beginning of messages.
        names: of all classes.
        train, test: labels (N,) of the parts, from 0 to len(names) − 1.

    Raises:
        DataError: a class has test images only.
    """
    counts = [np.bincount(labels, minlength=len(names)) for labels in (train, test)]
    known, tested = (set(np.flatnonzero(count).tolist()) for count in counts)
    if odd := sorted(tested - known):
        said = f"test images of classes without training images: {_listed(names, odd)}"
        raise DataError(f"{place}: {said}")
    notes, kept = [], sorted(known)
    if empty := [k for k in range(len(names)) if k not in known]:
        notes.append(f"{place}: classes without images, which are left out: {_listed(names, empty)}")
    if untested := sorted(known - tested):
        notes.append(f"{place}: no test image of the classes {_listed(names, untested)}")
    new = np.zeros(len(names), dtype=np.int64)
    new[kept] = np.arange(len(kept))
    return Present(tuple(names[k] for k in kept), new[train], new[test], notes)


def _listed(names: Sequence[str], places: Sequence[int]) -> str:
    more = f" and {len(places) - 8} more" if len(places) > 8 else ""
    return ", ".join(names[k] for k in places[:8]) + more
