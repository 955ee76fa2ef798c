"""Uncertainty scores that any logits offer, as larger = less sure.

They are computed in float64: in float32, one minus a confident softmax rounds to ties at zero.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from bench.evaluation.valid_arrays import ArrayError

Logits = Float[Tensor, "batch classes"]
Scores = Float[Tensor, " batch"]


def _in_float64(logits: Logits) -> Logits:
    """Return logits in float64.

    Values are looked at on a CPU only, as reading them would make each training step wait for the
    GPU; and not in `predict`, whose caller looks at all that it returns.

    Raises:
        ArrayError: they are no floating-point numbers (B, K) of two classes or more, or are not
            finite.
    """
    if not isinstance(logits, Tensor):
        raise ArrayError(f"logits must be a tensor of floating-point numbers, got {type(logits).__name__}")
    if not logits.is_floating_point():
        raise ArrayError(f"logits must be floating-point numbers, got {logits.dtype}")
    if logits.ndim != 2 or logits.shape[1] < 2 or not len(logits):
        raise ArrayError(
            f"logits must be of one sample or more by two classes or more, got shape {tuple(logits.shape)}"
        )
    if logits.device.type == "cpu" and not torch.is_inference_mode_enabled():
        wrong = logits.numel() - int(torch.isfinite(logits).sum())
        if wrong:
            raise ArrayError(f"logits must be finite, {wrong} of {logits.numel()} values are not")
    return in_float64(logits)


def in_float64(values: Tensor) -> Tensor:
    """Return values in float64; as they are on MPS, which has no such numbers."""
    return values if values.device.type == "mps" else values.double()


def msp(logits: Logits) -> Scores:
    """Return 1 − max softmax (Hendrycks & Gimpel, 2017), as the sum of the other probabilities."""
    probabilities = _in_float64(logits).softmax(dim=1).sort(dim=1).values
    return probabilities[:, :-1].sum(dim=1)


def entropy(logits: Logits) -> Scores:
    """Return the softmax entropy in nats."""
    return torch.special.entr(_in_float64(logits).softmax(dim=1)).sum(dim=1)


def margin(logits: Logits) -> Scores:
    """Return p₂ − p₁ of the two largest softmax probabilities, in −1 … 0."""
    top = _in_float64(logits).softmax(dim=1).topk(2, dim=1).values
    return top[:, 1] - top[:, 0]


def energy(logits: Logits) -> Scores:
    """Return −logsumexp of the logits (Liu et al., 2020)."""
    return -_in_float64(logits).logsumexp(dim=1)


# By their names in metrics, tables and options, in the order of `SCORE_NAMES`.
LOGIT_SCORES: dict[str, Callable[[Logits], Scores]] = {
    score.__name__: score for score in (msp, entropy, margin, energy)
}
# Those that log-probabilities do not offer, and why.
UNDEFINED_IF_NORMALISED = {"energy": "the logits are log-probabilities, whose logsumexp is 0 for every image"}
