"""Long-tailed versions of data sets, whose classes fall off exponentially from the first on."""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int

from bench.data.dataset import DataSet, Drawn, Split
from bench.data.images import part
from bench.errors import DataError

Places = Int[np.ndarray, " k"]
# Separates this draw's random numbers from others; every run of a data set sees the same images.
_STREAM, _SEED = 0x7461696C, 0


def long_tailed_sizes(largest: int, ratio: float, num_classes: int) -> list[int]:
    """Return how many images each class may have: ⌊n · μ^(k/(K−1))⌋ of class k, at least one.

    Source: Cui et al., Class-Balanced Loss, CVPR 2019; rounded as in the code of Cao et al., LDAM,
    NeurIPS 2019.

    Args:
        largest: n, the size of the largest class.
        ratio: μ, 0–1, the size of the last class as a part of n.
        num_classes: K, 2 or more.
    """
    return [max(1, int(largest * ratio ** (k / (num_classes - 1.0)))) for k in range(num_classes)]


def long_tailed_places(labels: Int[np.ndarray, " n"], num_classes: int, ratio: float) -> Places:
    """Return the sorted places of a long-tailed part, drawn at random.

    A class that has fewer images than it may have keeps them all. A smaller ratio draws from what
    a larger one keeps.

    Args:
        labels: true ones, 0 … K − 1.
        num_classes: K.
        ratio: as in `long_tailed_sizes`.
    """
    rng = np.random.default_rng([_STREAM, _SEED])
    sizes = long_tailed_sizes(int(np.bincount(labels).max()), ratio, num_classes)
    kept = [rng.permutation(np.flatnonzero(labels == own))[:size] for own, size in enumerate(sizes)]
    return np.sort(np.concatenate(kept))


def long_tailed(data: DataSet, ratio: float) -> DataSet:
    """Return the data set with a long-tailed training part; the test part stays as it is."""
    places = long_tailed_places(data.train.labels.cpu().numpy(), len(data.class_names), ratio)
    train, size = data.train, len(data.train.labels)
    drawn = Split(part(train.images, places), train.labels[torch.from_numpy(places)], _parts(train.extra, places))
    sets = data.label_sets
    label_sets = sets if isinstance(sets, DataError) else _parts(sets, places)
    return data._replace(train=drawn, label_sets=label_sets, drawn=Drawn(size, places))


def _parts(arrays: Mapping[str, np.ndarray], places: Places) -> dict[str, np.ndarray]:
    return {name: values[places] for name, values in arrays.items()}
