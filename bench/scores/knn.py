"""Nearest neighbours: distance of the features to the k-th nearest of the training images.

Source: Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022, section 3.
"""

from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy.spatial.distance import cdist

from bench.api import PluginError, Predictions, Score, Training

ROWS = 256  # of test images at a time, which bounds the memory for distances


class Knn(Score):
    """Euclidean distance to the k-th nearest training feature.

    Args:
        k: which neighbour.
        unit: whether features are divided by their length first, as in the paper.
    """

    version = 1
    needs = ("features", "training-features")

    def __init__(self, *, k: Annotated[int, Field(ge=1)] = 50, unit: bool = True) -> None:
        self.k, self.unit = k, unit

    def uncertainty(self, test: Predictions, train: Training | None) -> Float[np.ndarray, " n"]:
        """Return the distances (N,)."""
        assert test.features is not None  # both are needed
        assert train is not None
        assert train.predictions.features is not None
        known, asked = self._scaled(train.predictions.features), self._scaled(test.features)
        if self.k > len(known):
            raise PluginError(f"k = {self.k}: there are {len(known)} training images")
        parts = [cdist(asked[start : start + ROWS], known) for start in range(0, len(asked), ROWS)]
        return np.concatenate([np.partition(part, self.k - 1, axis=1)[:, self.k - 1] for part in parts])

    def _scaled(self, features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        values = features.astype(np.float64)
        if not self.unit:
            return values
        return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
