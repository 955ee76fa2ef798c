"""Base class and helpers of methods that wrap another method."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.optim import Optimizer

from bench.errors import UsageError
from bench.plugins.factory import MethodFactory
from bench.plugins.method import Batch, LossAgain, MakeBackbone, Method, Prediction, Progress, Step, Task


class Wrapper(Method):
    """Base class of methods that train another, inner method unchanged.

    Subclasses define the prediction.

    Args:
        inner: the method to train.
    """

    def __init__(self, task: Task, make_backbone: MakeBackbone, *, inner: MethodFactory) -> None:
        super().__init__(task, make_backbone)
        self.inner = inner(task, make_backbone)
        self.normalised_logits = self.normalised_logits or self.inner.normalised_logits
        self.two_views = self.two_views or self.inner.two_views

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the inner method's step."""
        return self.inner.loss(batch, progress)

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the inner method's parameter groups."""
        return self.inner.param_groups(lr)

    def make_optimizer(self, groups: list[dict[str, Any]]) -> Optimizer | None:
        """Return the inner method's optimiser."""
        return self.inner.make_optimizer(groups)

    def before_epoch(self, clean: Iterable[Batch], progress: Progress) -> None:
        """Call `before_epoch` of the inner method."""
        self.inner.before_epoch(clean, progress)

    def backward(self, loss: Tensor, loss_again: LossAgain) -> None:
        """Call `backward` of the inner method."""
        self.inner.backward(loss, loss_again)

    def after_step(self, progress: Progress, step: int) -> None:
        """Call `after_step` of the inner method."""
        self.inner.after_step(progress, step)

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Call `finish` of the inner method."""
        self.inner.finish(train, held_out)

    def remarks(self) -> list[str]:
        """Return the inner method's remarks."""
        return self.inner.remarks()


def defines_hook(method: Method, hook: str) -> bool:
    """Return whether a method, or one inside it, defines a hook such as `backward` of its own."""
    usual = (getattr(Method, hook), getattr(Wrapper, hook))
    methods = (module for module in method.modules() if isinstance(module, Method))
    return any(getattr(getattr(each, hook), "__func__", None) not in usual for each in methods)


def learnt(method: Method, batches: Iterable[Batch]) -> tuple[Prediction, Int[Tensor, " n"]]:
    """Return a method's predictions for batches, and the batches' labels (N,).

    The method predicts in eval mode without gradients, and returns to its former mode.
    """
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
        UsageError: the method predicts no features.
    """
    training = method.training
    method.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        features = method.predict(torch.zeros(1, *task.image_shape)).features
    method.train(training)
    if features is None:
        raise UsageError("its inner method must predict features: choose another inner")
    return features.shape[1]
