"""ConfidNet: a second net learns the confidence of a trained one.

Source: Corbière, Thome, Bar-Hen, Cord and Pérez, Addressing Failure Prediction by Learning Model
Confidence, NeurIPS 2019: the true class probability (eq. 2), squared error (eq. 4), four layers of
400 units on features of the frozen net, Adam at 1e-4.
Departures: the inner net stays frozen, in eval mode and on unaugmented images (the paper then
fine-tunes a copy of its encoder). It trains for a number of steps, not of epochs, so that a small
training set or a short recipe does not starve it; the paper's 500 epochs on CIFAR-10 are 176,000
steps. The true class is the current training label, which may be wrong. The inner method's accuracy
does not change.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import (
    Batch,
    MakeBackbone,
    MethodFactory,
    Prediction,
    Task,
    Wrapper,
    feature_width,
    in_float64,
    learnt,
)

WIDTH, LAYERS, BATCH_SIZE = 400, 4, 128
STEPS = 6_000


class ConfidenceNet(nn.Sequential):
    """Features (B, D) → logit of the confidence ĉ (B, 1)."""

    def __init__(self, features: int) -> None:
        widths = [features, *[WIDTH] * LAYERS]
        hidden = [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), nn.ReLU())]
        super().__init__(*hidden, nn.Linear(WIDTH, 1))

    def reset(self) -> None:
        """Draw new initial weights."""
        for layer in self:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()


class ConfidNet(Wrapper):
    """Confidence ĉ = sigmoid(net(f)) learned from the inner method's features f; u = 1 − ĉ.

    The net is trained by (ĉ − p_y)² after the inner method.

    Args:
        inner: the method that is trained first and gives f and p.
        steps: of the confidence net.
        learning_rate: of Adam.
    """

    version = 2  # 1: as many epochs as the inner method

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        steps: PositiveInt = STEPS,
        learning_rate: PositiveFloat = 1e-4,
    ) -> None:
        super().__init__(task, make_backbone, inner=inner)
        self.steps, self.learning_rate = steps, learning_rate
        # Leave the random numbers as they are, so that the inner method trains to the same bits.
        with torch.random.fork_rng(devices=[]):
            self.confidence = ConfidenceNet(feature_width(self.inner, task)).requires_grad_(False)

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Train the confidence net from new initial weights."""
        super().finish(train, held_out)
        prediction, labels = learnt(self.inner, train)
        assert prediction.features is not None  # checked by `feature_width`
        true_class = prediction.logits.softmax(dim=1).gather(1, labels[:, None])  # (N, 1)
        self.confidence.reset()
        self.confidence.requires_grad_(True)
        self.regress(prediction.features, true_class)
        self.confidence.requires_grad_(False)

    def regress(self, features: Tensor, target: Tensor) -> None:
        """Fit ĉ of features (N, D) to the target (N, 1)."""
        optimizer = torch.optim.Adam(self.confidence.parameters(), lr=self.learning_rate, fused=True)
        for index in islice(_shuffled(len(features), features.device), self.steps):
            loss = F.mse_loss(self.confidence(features[index]).sigmoid(), target[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def predict(self, images: Tensor) -> Prediction:
        """Return the inner method's logits and features, and the uncertainty 1 − ĉ."""
        logits, _, features = self.inner.predict(images)
        assert features is not None
        confidence_logit = self.confidence(features).squeeze(1)
        return Prediction(logits, in_float64(-confidence_logit).sigmoid(), features)


def _shuffled(size: int, device: torch.device) -> Iterator[Tensor]:
    """Yield index batches of one epoch after another, without end."""
    while True:
        yield from torch.randperm(size, device=device).split(BATCH_SIZE)
