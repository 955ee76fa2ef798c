"""Cross-entropy on the shared trunk, 1 − max softmax.

Source: the baseline of Zhang et al., Relative Uncertainty Learning, NeurIPS 2021.
Departure: it keeps the embedding head that the learned-uncertainty methods need, for equal trunks.
"""

from torch import Tensor
from torch.nn import functional as F

from bench import scores
from bench.embedding import EmbeddingMethod
from bench.method import Batch, Prediction, Progress, Step


class Baseline(EmbeddingMethod):
    """L = CE(fc(μ), y); u = 1 − max softmax."""

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the cross-entropy."""
        logits = self.fc(self.embed(batch.images))
        return Step(F.cross_entropy(logits, batch.labels), logits, scores.msp(logits.detach()))

    def predict(self, images: Tensor) -> Prediction:
        """Return fc(μ) and 1 − max softmax."""
        mean = self.embed(images)
        logits = self.fc(mean)
        return Prediction(logits, scores.msp(logits), mean)
