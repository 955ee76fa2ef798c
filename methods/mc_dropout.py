"""Monte-Carlo dropout: the mean of several predictions with dropout on.

Source: Gal and Ghahramani, Dropout as a Bayesian Approximation, ICML 2016, eq. 6; both scores: Gal,
Uncertainty in Deep Learning, 2016, section 3.3.1.
Departures: dropout is only where the inner method has it (on the shared trunk, in the embedding
head), not before every layer. So the backbone runs once per batch, and the T passes cost little.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from bench.api import (
    Backbone,
    MakeBackbone,
    MethodFactory,
    Prediction,
    Spread,
    Task,
    UsageError,
    Wrapper,
    mean_log_probabilities,
    spread,
)


class OnePass(Backbone):
    """A backbone that, while `keeps` is set, computes the feature map of the same images once."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels, self.grid = backbone.channels, backbone.grid
        self.keeps = False
        self.kept: tuple[Tensor, Tensor] | None = None  # the last images and their feature map

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map of images (B, C, H, W)."""
        if self.kept and self.kept[0] is images:
            return self.kept[1]
        feature_map: Tensor = self.backbone(images)
        self.kept = (images, feature_map) if self.keeps else None
        return feature_map


class MonteCarloDropout(Wrapper):
    """Mean of T passes: p̄ = (1/T) Σ_t softmax(z_t), one dropout mask per pass t; logits log p̄.

    u = H(p̄), or the mutual information H(p̄) − (1/T) Σ_t H(p_t). Training is that of the inner
    method.

    Args:
        inner: the method that is trained.
        passes: T.
        score: `entropy` (of the mean), or `mutual-information` (the disagreement of the passes).
    """

    version = 1
    normalised_logits = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        passes: PositiveInt = 30,
        score: Spread = "entropy",
    ) -> None:
        super().__init__(task, lambda: OnePass(make_backbone()), inner=inner)
        if not any(isinstance(module, nn.Dropout) for module in self.modules()):
            raise UsageError("its inner method must have dropout: choose another inner")
        self.passes, self.score = passes, score

    def remarks(self) -> list[str]:
        """Say so if dropout is 0 everywhere: then all passes are the same."""
        drops = any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.modules())
        return super().remarks() + ([] if drops else ["dropout is 0, so all passes are the same"])

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Turn on dropout and the caching of feature maps in the `with` block."""
        self._sample(True)
        try:
            yield
        finally:
            self._sample(False)

    def _sample(self, on: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.train(on or self.training)
            if isinstance(module, OnePass):
                module.keeps, module.kept = on, None

    def predict(self, images: Tensor) -> Prediction:
        """Return log p̄, the uncertainty, and the mean of the passes' features, if any."""
        with self.sampling():
            found = [self.inner.predict(images) for _ in range(self.passes)]
        logits = torch.stack([prediction.logits for prediction in found])  # (T, B, K)
        features = [prediction.features for prediction in found if prediction.features is not None]
        mean = torch.stack(features).mean(dim=0) if features else None
        return Prediction(mean_log_probabilities(logits), spread(logits, self.score), mean)
