"""Mean of several predicted distributions, and uncertainties derived from them.

With p̄ = (1/M) Σ_m p_m, the entropy H(p̄) is the sum of the mutual information of label and member
(the members' disagreement) and the mean entropy (1/M) Σ_m H(p_m). Source: Gal, Uncertainty in Deep
Learning, 2016, section 3.3.1.
"""

import math
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from bench.evaluation.scores import entropy, in_float64

Spread = Literal["entropy", "mutual-information"]


def mean_log_probabilities(
    logits: Float[Tensor, "members batch classes"],
) -> Float[Tensor, "batch classes"]:
    """Return log p̄, computed in float64."""
    return in_float64(logits).log_softmax(dim=2).logsumexp(dim=0) - math.log(len(logits))


def spread(logits: Float[Tensor, "members batch classes"], score: Spread) -> Float[Tensor, " batch"]:
    """Return H(p̄), or the mutual information H(p̄) − (1/M) Σ_m H(p_m), in nats."""
    of_mean = entropy(mean_log_probabilities(logits))
    if score == "entropy":
        return of_mean
    of_members = entropy(logits.flatten(0, 1)).view(logits.shape[:2])  # (M, B)
    return (of_mean - of_members.mean(dim=0)).clamp(min=0)
