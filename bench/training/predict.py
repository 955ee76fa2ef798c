"""Prediction with a trained method: batched, in eval mode, without gradients."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.data.augment import Evaluate
from bench.data.images import ImageSet, in_order, reading
from bench.errors import PluginError
from bench.evaluation.outside_arrays import TOLERANCE
from bench.evaluation.predictions import Predictions
from bench.plugins.method import Method, Prediction
from bench.training.checked_outputs import check_prediction
from bench.training.divergence import DivergedError
from bench.training.seeding import kept

# Per device type: much larger batches would exceed a CPU's caches and fill its memory.
BATCH_SIZES = {"cpu": 128, "cuda": 1000, "mps": 1000}


def predict(
    method: Method, images: ImageSet, evaluate: Evaluate, num_classes: int, features: bool = True
) -> Predictions:
    """Return logits, uncertainty and features of all images, each averaged over the views.

    The global random numbers are the same afterwards as before.

    Args:
        method: that predicts.
        images: N of them.
        evaluate: returns the views of a batch.
        num_classes: of the data set.
        features: whether to keep features, which take most of the memory.

    Raises:
        PluginError: the method returned something wrong, such as log-probabilities whose
            probabilities do not sum to 1.
        DivergedError: a value is not finite.
    """
    method.eval()
    order = in_order(images, BATCH_SIZES[images.device.type])
    with torch.inference_mode(), kept(images.device), reading(images, order) as batches:
        outputs = Outputs(len(images))
        for index, batch in batches:
            views = [_checked(method, view, num_classes) for view in evaluate(batch)]
            found = _mean_of_views(views, method.normalised_logits)
            outputs.add(index, found if features else found._replace(features=None))
    method.train()
    predictions = outputs.read()._replace(normalised=method.normalised_logits)
    if predictions.normalised:
        _check_sums(predictions.logits)
    return predictions


def accuracy_on(method: Method, images: ImageSet, labels: Tensor, evaluate: Evaluate, num_classes: int) -> float:
    """Predict images (N, C, H, W) and return the accuracy (0–1) on their labels (N,)."""
    logits = predict(method, images, evaluate, num_classes, features=False).logits
    return float((logits.argmax(axis=1) == labels.cpu().numpy()).mean())


def _checked(method: Method, view: Tensor, num_classes: int) -> Prediction:
    prediction = method.predict(view)
    check_prediction(prediction, view, num_classes)
    return prediction


def _check_sums(log_probabilities: Float[np.ndarray, "n classes"]) -> None:
    sums = np.exp(log_probabilities.astype(np.float64)).sum(axis=1)
    worst = sums[np.abs(sums - 1).argmax()]
    if abs(worst - 1) > TOLERANCE:
        raise PluginError(
            f"predict returned logits whose exponentials sum to {worst:.6g}; must be log-probabilities, as the "
            "method sets normalised_logits"
        )


def _mean_of_views(views: list[Prediction], are_normalised: bool) -> Prediction:
    """Return the mean over views; that of log-probabilities is normalised again."""
    if len(views) == 1:
        return views[0]
    logits = torch.stack([view.logits for view in views]).mean(dim=0)
    logits = logits.log_softmax(dim=1) if are_normalised else logits
    uncertainty = torch.stack([view.uncertainty for view in views]).mean(dim=0)
    features = [view.features for view in views if view.features is not None]
    if len(features) not in (0, len(views)):
        raise PluginError("predict returned features for some views of an image and none for others")
    return Prediction(logits, uncertainty, torch.stack(features).mean(dim=0) if features else None)


class Outputs:
    """Predictions of N samples, collected on the device in tensors allocated at the first batch.

    Keeping small tensors of each batch instead would fragment a CPU's heap, which would grow by the
    size of all images.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.all: Prediction | None = None

    def add(self, index: Int[Tensor, " batch"], found: Prediction) -> None:
        """Add the predictions of one batch.

        Args:
            index: places (B,) of the batch's samples.
            found: their predictions.

        Raises:
            PluginError: only some of the batches have features, or theirs are of another width.
        """
        if self.all is None:
            self.all = Prediction(*map(self._room, found))
        if (self.all.features is None) != (found.features is None):
            raise PluginError("predict returned features for some batches and none for others")
        for whole, values in zip(self.all, found, strict=True):
            if whole is not None and values is not None:
                if whole.shape[1:] != values.shape[1:]:
                    seen = f"{whole.shape[1]} features for some batches and {values.shape[1]} for others"
                    raise PluginError(f"predict returned {seen}")
                whole[index] = values

    def _room(self, values: Tensor | None) -> Any:
        return None if values is None else values.new_empty(self.size, *values.shape[1:])

    def read(self) -> Predictions:
        """Return the predictions as arrays on the CPU.

        Raises:
            DivergedError: a value is not finite.
        """
        assert self.all is not None
        logits = self.all.logits.float().cpu().numpy()
        uncertainty = self.all.uncertainty.cpu().double().numpy()  # MPS has no float64
        features = None if self.all.features is None else self.all.features.float().cpu().numpy()
        for name, values in (("logits", logits), ("uncertainty", uncertainty), ("features", features)):
            if values is not None and not np.isfinite(values).all():
                raise DivergedError(f"predict returned {name} that are not finite")
        return Predictions(logits, uncertainty, features)
