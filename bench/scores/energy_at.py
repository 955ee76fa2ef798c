"""Energy at a temperature T: −T · logsumexp(logits / T).

Source: Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020, equation 4.
"""

from typing import Annotated

import numpy as np
from jaxtyping import Float
from pydantic import Field
from scipy.special import logsumexp

from bench.api import DataError, Predictions, Score, Training


class EnergyAt(Score):
    """Free energy of the logits.

    Args:
        temperature: T; 1 is the score energy, which every run has.
    """

    version = 1

    def __init__(self, *, temperature: Annotated[float, Field(gt=0)] = 2.0) -> None:
        self.temperature = temperature

    def uncertainty(self, test: Predictions, train: Training | None) -> Float[np.ndarray, " n"]:
        """Return the energies (N,).

        Raises:
            DataError: the logits are log-probabilities.
        """
        if test.normalised:
            raise DataError("the logits are log-probabilities, which have no energy")
        logits = test.logits.astype(np.float64)
        return -self.temperature * logsumexp(logits / self.temperature, axis=1)
