"""Predictions of a trained method: large batches, eval mode, the training's random numbers untouched."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from bench.augment import Evaluate
from bench.errors import PluginError
from bench.method import Method, Prediction

BATCH_SIZE = 1000


class Predictions(NamedTuple):
    """Stored outputs for N samples, in their order."""

    logits: Float[np.ndarray, "n classes"]  # float32
    uncertainty: Float[np.ndarray, " n"]  # float64, larger = less sure
    features: Float[np.ndarray, "n features"] | None  # float32


def predict(
    method: Method, images: UInt8[Tensor, "n channels height width"], evaluate: Evaluate, num_classes: int
) -> Predictions:
    """Return logits, uncertainty and features of all images; each is averaged over the evaluation's views.

    Raises:
        PluginError: the method returned a wrong shape or a value that is not finite.
    """
    method.eval()
    devices = [images.device] if images.device.type == "cuda" else []
    with torch.inference_mode(), torch.random.fork_rng(devices):
        parts = [
            _mean_of_views([_checked(method, view, num_classes) for view in evaluate(batch)])
            for batch in images.split(BATCH_SIZE)
        ]
    method.train()
    return _gather(parts)


def accuracy(method: Method, images: Tensor, labels: Tensor, evaluate: Evaluate, num_classes: int) -> float:
    """Return the accuracy (0–1) on images (N, C, H, W) with labels (N,)."""
    logits = predict(method, images, evaluate, num_classes).logits
    return float((logits.argmax(axis=1) == labels.cpu().numpy()).mean())


def _checked(method: Method, view: Tensor, num_classes: int) -> Prediction:
    prediction = method.predict(view)
    for name, value, shape in [
        ("logits", prediction.logits, (len(view), num_classes)),
        ("uncertainty", prediction.uncertainty, (len(view),)),
    ]:
        if tuple(value.shape) != shape:
            raise PluginError(f"predict returned {name} of shape {tuple(value.shape)}, must be {shape}")
    return prediction


def _mean_of_views(views: list[Prediction]) -> Prediction:
    if len(views) == 1:
        return views[0]
    logits = torch.stack([view.logits for view in views]).mean(dim=0)
    uncertainty = torch.stack([view.uncertainty for view in views]).mean(dim=0)
    features = [view.features for view in views if view.features is not None]
    return Prediction(logits, uncertainty, torch.stack(features).mean(dim=0) if features else None)


def _gather(parts: list[Prediction]) -> Predictions:
    logits = torch.cat([part.logits for part in parts]).float().cpu().numpy()
    uncertainty = torch.cat([part.uncertainty for part in parts]).double().cpu().numpy()
    for name, values in (("logits", logits), ("uncertainty", uncertainty)):
        if not np.isfinite(values).all():
            raise PluginError(f"predict returned {name} that are not finite")
    features = [part.features for part in parts if part.features is not None]
    return Predictions(logits, uncertainty, torch.cat(features).float().cpu().numpy() if features else None)
