"""Prediction as the harness does it, and equality of predictions and of methods' states."""

from typing import Any

import torch
from torch import Tensor

from bench.plugins.method import Method, Prediction


def predict(method: Method, images: Tensor, seed: int = 0) -> Any:
    """Return the result of `predict`, called as by the harness.

    The method is in eval mode, without gradients, and the seed is set for this call only.
    """
    method.eval()
    devices = [images.device] if images.device.type == "cuda" else []
    with torch.inference_mode(), torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        return method.predict(images)


def same(one: Prediction, other: Prediction) -> bool:
    """Return whether two predictions have identical logits and uncertainty."""
    return torch.equal(one.logits, other.logits) and torch.equal(one.uncertainty, other.uncertainty)


def equal(one: Any, other: Any) -> bool:
    """Return whether two entries of a state are identical."""
    return torch.equal(one, other) if isinstance(one, Tensor) else bool(one == other)


def differing(one: Method, other: Method) -> str | None:
    """Return the name of an entry in which two methods' states differ, or None."""
    states = one.state_dict(), other.state_dict()
    return next((name for name in states[0] if not equal(states[0][name], states[1][name])), None)


def close(one: Prediction, other: Prediction) -> bool:
    """Return whether two predictions are equal up to rounding that depends on the batch size."""
    pairs = zip(one[:2], other[:2], strict=True)
    return all(torch.allclose(a.double(), b.double(), rtol=1e-3, atol=1e-4) for a, b in pairs)
