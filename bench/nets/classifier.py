"""Base class of methods that train a softmax classifier on the shared trunk."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from bench.evaluation import scores
from bench.nets.trunk import EmbeddingMethod
from bench.plugins.method import Batch, Prediction, Progress, Step


class Classifier(EmbeddingMethod):
    """Logits fc(μ); u = 1 − max softmax. Subclasses override `criterion` or all of `loss`."""

    def criterion(
        self, logits: Float[Tensor, "batch classes"], batch: Batch, progress: Progress
    ) -> Float[Tensor, ""]:
        """Return the loss () of a batch's logits (B, K); here cross-entropy."""
        return F.cross_entropy(logits, batch.labels)

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the criterion of the logits fc(μ)."""
        logits = self.fc(self.embed(batch.images))
        return Step(self.criterion(logits, batch, progress), logits, scores.msp(logits.detach()))

    def predict(self, images: Tensor) -> Prediction:
        """Return logits fc(μ), uncertainty 1 − max softmax, and features μ."""
        mean = self.embed(images)
        logits = self.fc(mean)
        return Prediction(logits, scores.msp(logits), mean)


def log_likelihood(logits: Float[Tensor, "batch classes"], batch: Batch) -> Float[Tensor, " batch"]:
    """Return log p_y (B,), the log softmax at the labels."""
    return -F.cross_entropy(logits, batch.labels, reduction="none")
