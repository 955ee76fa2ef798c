"""Where samples lie among the classes in the space of features."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist, pdist


def class_distances(
    features: Float[np.ndarray, "n features"], labels: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return each sample's distance to the centre of its own class and to the nearest centre of another.

    Distances are Euclidean, in units of the mean distance between two class centres; a centre is the mean of a
    class's samples. Undefined, NaN, where there is one class only or all centres coincide.
    """
    present, place = np.unique(labels, return_inverse=True)
    features = features.astype(np.float64)
    centres = np.stack([features[place == k].mean(axis=0) for k in range(len(present))])  # (classes, features)
    between = pdist(centres)
    if not between.any():
        return np.full(len(labels), np.nan), np.full(len(labels), np.nan)
    distances = cdist(features, centres) / between.mean()  # (n, classes)
    own = distances[np.arange(len(labels)), place]
    distances[np.arange(len(labels)), place] = np.inf
    return own, distances.min(axis=1)
