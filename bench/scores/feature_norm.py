"""Feature norm: minus the length of the feature vector; long features are sure.

Source: Vaze et al., Open-Set Recognition, ICLR 2022, section 3: norms of features of known classes
are larger.
"""

import numpy as np
from jaxtyping import Float

from bench.api import Predictions, Score, Training


class FeatureNorm(Score):
    """−‖z‖ of the features z.

    Args:
        order: p of the p-norm.
    """

    version = 1
    needs = ("features",)

    def __init__(self, *, order: float = 2.0) -> None:
        self.order = order

    def uncertainty(self, test: Predictions, train: Training | None) -> Float[np.ndarray, " n"]:
        """Return minus the norms (N,)."""
        assert test.features is not None  # as it is needed
        return -np.linalg.norm(test.features.astype(np.float64), ord=self.order, axis=1)
