"""What methods that wrap another share: they train it as it is, and look at what it has learnt."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch, MakeBackbone, Method, Prediction, Progress, Step, Task


class Wrapper(Method):
    """A method that trains another, the inner one, as it is; subclasses define what is predicted from it.

    Args:
        inner: the method that is trained.
    """

    def __init__(self, task: Task, make_backbone: MakeBackbone, *, inner: MethodFactory) -> None:
        super().__init__(task, make_backbone)
        self.inner = inner(task, make_backbone)
        self.normalised_logits = self.normalised_logits or self.inner.normalised_logits

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the inner method's step."""
        return self.inner.loss(batch, progress)

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the inner method's parameter groups."""
        return self.inner.param_groups(lr)

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Finish the inner method."""
        self.inner.finish(train, held_out)


def learnt(method: Method, batches: Iterable[Batch]) -> tuple[Prediction, Int[Tensor, " n"]]:
    """Return a method's predictions for batches, in eval mode and without gradients, and the batches' labels."""
    training = method.training
    method.eval()
    with torch.no_grad():
        found = [(method.predict(batch.images), batch.labels) for batch in batches]
    method.train(training)
    parts = zip(*(prediction for prediction, _ in found), strict=True)
    whole = Prediction(*(None if part[0] is None else torch.cat(part) for part in parts))  # type: ignore[arg-type]
    return whole, torch.cat([labels for _, labels in found])


def feature_width(method: Method, task: Task) -> int:
    """Return the number D of features that a method predicts.

    Raises:
        UsageError: it predicts none.
    """
    training = method.training
    method.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        features = method.predict(torch.zeros(1, *task.image_shape)).features
    method.train(training)
    if features is None:
        raise UsageError("its inner method predicts no features, which it needs: choose another inner")
    return features.shape[1]
