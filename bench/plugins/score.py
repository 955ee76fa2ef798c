"""The interface of a post-hoc score: uncertainty from stored predictions, without training."""

from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bench.errors import DataError, PluginError
from bench.evaluation.predictions import Predictions

Need = Literal["features", "training", "training-features"]


class Training(NamedTuple):
    """What is stored of the M training images of a run."""

    predictions: Predictions  # features (M, D) only for a score that needs them
    given: Int[np.ndarray, " m"]  # the labels that the training was given, noise included


class Score:
    """A post-hoc score: one uncertainty per image, from what a run stores.

    The labels of the test images are never given. Hyper-parameters are keywords of the constructor.
    """

    version: ClassVar[int]
    needs: ClassVar[tuple[Need, ...]] = ()

    def uncertainty(self, test: Predictions, train: Training | None) -> Float[np.ndarray, " n"]:
        """Return the uncertainty (N,) of the test images, larger = less sure.

        Args:
            test: logits (N, K), the method's own uncertainty (N,), features (N, D) or None. The
                arrays cannot be written to.
            train: of the training images; None for a score that does not need it.
        """
        raise NotImplementedError


def missing(needs: tuple[Need, ...], test: Predictions, train: Training | None) -> str | None:
    """Return what a score needs and does not get, in words, or None."""
    if "features" in needs and test.features is None:
        return "the method has no features"
    if ("training" in needs or "training-features" in needs) and train is None:
        return "the predictions of the training images are not here"
    if "training-features" in needs and train is not None and train.predictions.features is None:
        return "there are no features of the training images, nor weights to make them (run with --keep-weights)"
    return None


def scored(score: Score, test: Predictions, train: Training | None) -> Float[np.ndarray, " n"]:
    """Return the checked uncertainty of a score as float64.

    Raises:
        DataError: the score needs what is not here.
        PluginError: it returned anything else than a finite real number for each image.
    """
    if reason := missing(score.needs, test, train):
        raise DataError(reason)
    locked = None if train is None else Training(_locked(train.predictions), _read_only(train.given))
    found = score.uncertainty(_locked(test), locked)
    return _checked(found, len(test.logits))


def _checked(found: object, size: int) -> Float[np.ndarray, " n"]:
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        kind = found.dtype if isinstance(found, np.ndarray) else type(found).__name__
        raise PluginError(f"uncertainty must return an array of real numbers, got {kind}")
    if found.shape != (size,):
        raise PluginError(f"uncertainty must return shape ({size},), got {found.shape}")
    if wrong := size - np.count_nonzero(np.isfinite(found)):
        raise PluginError(f"uncertainty must be finite, {wrong} of {size} values are not")
    return found.astype(np.float64)


def _locked(given: Predictions) -> Predictions:
    features = None if given.features is None else _read_only(given.features)
    return Predictions(_read_only(given.logits), _read_only(given.uncertainty), features, given.normalised)


def _read_only(values: np.ndarray) -> np.ndarray:
    view = values.view()
    view.flags.writeable = False
    return view
