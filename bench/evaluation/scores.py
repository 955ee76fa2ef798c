"""Uncertainty scores that any logits offer, as larger = less sure.

They are computed in float64: in float32, one minus a confident softmax rounds to ties at zero.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Logits = Float[Tensor, "batch classes"]
Scores = Float[Tensor, " batch"]


def msp(logits: Logits) -> Scores:
    """Return 1 − max softmax (Hendrycks & Gimpel, 2017), as the sum of the other probabilities."""
    probabilities = logits.double().softmax(dim=1).sort(dim=1).values
    return probabilities[:, :-1].sum(dim=1)


def entropy(logits: Logits) -> Scores:
    """Return the softmax entropy in nats."""
    return torch.special.entr(logits.double().softmax(dim=1)).sum(dim=1)


def margin(logits: Logits) -> Scores:
    """Return p₂ − p₁ of the two largest softmax probabilities, in −1 … 0."""
    top = logits.double().softmax(dim=1).topk(2, dim=1).values
    return top[:, 1] - top[:, 0]


def energy(logits: Logits) -> Scores:
    """Return −logsumexp of the logits (Liu et al., 2020)."""
    return -logits.double().logsumexp(dim=1)


# By their names in metrics, tables and options, in the order of `SCORE_NAMES`.
LOGIT_SCORES: dict[str, Callable[[Logits], Scores]] = {
    score.__name__: score for score in (msp, entropy, margin, energy)
}
# Those that log-probabilities do not offer, and why.
UNDEFINED_IF_NORMALISED = {"energy": "the logits are log-probabilities, whose logsumexp is 0 for every image"}
