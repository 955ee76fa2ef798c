"""Where samples lie among the centres of the classes in the space of features."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bench.evaluation.ranking import Uncertainty, top_weights, weighted_sum
from bench.evaluation.valid_arrays import require_labels, require_one_length, require_real

Distances = Float[np.ndarray, " n"]


class Placed(NamedTuple):
    """An uncertainty score, and the distances of its samples to class centres."""

    uncertainty: Uncertainty
    own: Distances  # to the centre of the sample's class
    nearest_other: Distances


def distances_to_centres(
    features: Float[np.ndarray, "n features"], labels: Int[np.ndarray, " n"]
) -> tuple[Distances, Distances]:
    """Return each sample's distance to the centre of its own class and to the nearest other one.

    Distances are Euclidean, in units of the mean distance between two class centres; a centre is
    the mean of a class's samples. NaN where there is one class only or all centres coincide.

    Raises:
        ArrayError: an array is of the wrong type, shape or length, or holds NaN or infinities.
    """
    require_real("features", features, ndim=2)
    require_labels("labels", labels)
    require_one_length(features=features, labels=labels)
    from scipy.spatial.distance import cdist, pdist  # `bench list`, which needs none, starts faster

    present, place = np.unique(labels, return_inverse=True)
    features = features.astype(np.float64, order="C")  # in one order of adding, whatever the layout
    centres = np.stack([features[place == k].mean(axis=0) for k in range(len(present))])  # (K, D)
    between = pdist(centres)
    if not between.any():
        return np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    distances = cdist(features, centres) / between.mean()  # (n, K)
    own = distances[np.arange(len(labels)), place]
    distances[np.arange(len(labels)), place] = np.inf
    return own, distances.min(axis=1)


def mean_distances(of: Placed) -> dict[str, float]:
    """Return the mean distances of the most certain and of the most uncertain tenth.

    Raises:
        ArrayError: the uncertainty holds NaN or infinities, or the lengths differ.
    """
    require_real("uncertainty", of.uncertainty)
    require_one_length(uncertainty=of.uncertainty, own=of.own, nearest_other=of.nearest_other)
    tenth = max(1, len(of.own) // 10)
    return {
        f"{part}_{name}": weighted_sum(top_weights(sign * of.uncertainty, tenth), distance) / tenth
        for part, sign in (("certain", -1), ("uncertain", 1))
        for name, distance in (("own", of.own), ("nearest_other", of.nearest_other))
    }
