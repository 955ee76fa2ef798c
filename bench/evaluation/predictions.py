"""What a trained method says of a set of samples, as it is stored."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Predictions(NamedTuple):
    """Stored outputs for N samples, in their order."""

    logits: Float[np.ndarray, "n classes"]  # float32
    uncertainty: Float[np.ndarray, " n"]  # float64, larger = less sure
    features: Float[np.ndarray, "n features"] | None  # float32
    normalised: bool = False  # whether the logits are log-probabilities
