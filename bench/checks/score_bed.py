"""Test bed of a post-hoc score: random predictions of images in clusters, with training images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from bench.evaluation.predictions import Predictions
from bench.plugins.hyperparameters import resolve
from bench.plugins.registry import Plugin
from bench.plugins.score import Score, Training, scored

CLASSES, WIDTH = 5, 8
TEST, TRAIN = 60, 150  # images


class ScoreBed:
    """A score on predictions that no method made.

    Args:
        plugin: of the score.
        settings: its hyper-parameters; defaults for the others.
    """

    def __init__(self, plugin: Plugin, settings: Mapping[str, Any]) -> None:
        self.plugin, self.settings = plugin, dict(settings)
        self.broken = ""  # title of the basic check that failed; the others are then skipped
        random = np.random.default_rng(0)
        self.test = _predictions(random, TEST)
        self.train = Training(_predictions(random, TRAIN), random.integers(CLASSES, size=TRAIN))

    def check_settings(self) -> None:
        """Check the given hyper-parameters.

        Raises:
            UsageError: one is unknown or invalid.
        """
        resolve(self.plugin.name, self.plugin.load(), self.settings)

    def score(self) -> Score:
        """Return the score, newly made."""
        cls = self.plugin.load()
        made: Score = cls(**resolve(self.plugin.name, cls, self.settings))
        return made

    def of(self, test: Predictions) -> Float[np.ndarray, " n"]:
        """Return the checked uncertainty of images (N,)."""
        return scored(self.score(), test, self.train if self.wants_training else None)

    @property
    def wants_training(self) -> bool:
        """Whether the score needs anything of the training images."""
        return bool({"training", "training-features"} & {*self.plugin.load().needs})


def _predictions(random: np.random.Generator, size: int) -> Predictions:
    features = random.normal(size=(size, WIDTH)).astype(np.float32)
    logits = (features[:, :CLASSES] * 3).astype(np.float32)
    return Predictions(logits, random.random(size), features)


def in_order(of: Predictions, places: Int[np.ndarray, " n"]) -> Predictions:
    """Return predictions of the images at these places."""
    features = None if of.features is None else of.features[places]
    return Predictions(of.logits[places], of.uncertainty[places], features, of.normalised)
