"""The interface of a method: what the author of a plugin reads.

A method is a subclass of `Method`, alone in a file under `methods/`; the file's stem, with `_` written `-`, is
its name. Its constructor keywords are its hyper-parameters: their annotations are checked, their
defaults are what a run uses, and `--set NAME.KEYWORD=VALUE` sets them. `loss` and `predict` are required.

Symbols: B batch, K classes, C×H×W an image, D features.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn


class Task(NamedTuple):
    """What a method may know of the problem before it sees a batch."""

    num_classes: int
    image_shape: tuple[int, int, int]  # (C, H, W) as the net sees it, after cropping
    train_size: int
    epochs: int
    noise_rate: float | None  # part of the given labels that is wrong; None unless the method names an oracle


class Batch(NamedTuple):
    """One training batch. True labels never reach a method: `labels` are the current ones."""

    images: Float[Tensor, "batch channels height width"]
    labels: Int[Tensor, " batch"]
    index: Int[Tensor, " batch"]  # type: ignore[assignment]  # places in the training set, from 0


class Progress(NamedTuple):
    """Where training stands."""

    epoch: int  # from 1
    epochs: int


class Step(NamedTuple):
    """What `loss` returns: the loss to descend, and what relabelling may look at."""

    loss: Float[Tensor, ""]
    logits: Float[Tensor, "batch classes"] | None = None  # unmixed; None: relabelling is declined
    uncertainty: Float[Tensor, " batch"] | None = None  # larger = less sure


class Prediction(NamedTuple):
    """What `predict` returns, in the order of the images."""

    logits: Float[Tensor, "batch classes"]
    uncertainty: Float[Tensor, " batch"]  # larger = less sure
    features: Float[Tensor, "batch features"] | None = None


class Backbone(nn.Module):
    """A net from images (B, C, H, W) to a float32 feature map (B, channels, *grid)."""

    channels: int
    grid: tuple[int, int]


MakeBackbone = Callable[[], Backbone]


class Method(nn.Module):
    """One uncertainty-learning method.

    Args of the constructor, before its hyper-parameters:
        task: what is known of the problem.
        make_backbone: builds a fresh backbone at each call; call it first, so that all methods start
            from the same weights.
    """

    version: ClassVar[int | None] = None  # a promise: the same version has the same outcome; None: in flux
    relabels: ClassVar[bool] = False  # whether it relabels by default; --relabel overrides
    oracle: ClassVar[tuple[str, ...]] = ()  # hyper-parameters that use the true noise rate
    needs_held_out: ClassVar[bool] = False
    normalised_logits: bool = False  # whether `logits` are log-probabilities, of which energy says nothing

    def __init__(self, task: Task, make_backbone: MakeBackbone) -> None:
        super().__init__()

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the loss of one training batch, in train mode."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def predict(self, images: Float[Tensor, "batch channels height width"]) -> Prediction:
        """Return the predictions for a batch of any size, one included, in eval mode without gradients."""
        raise NotImplementedError(f"{type(self).__name__} defines no predict")

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups; a group without an `lr` of its own gets `lr`."""
        return [{"params": [p for p in self.parameters() if p.requires_grad], "lr": lr}]

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Do what comes once after training, such as a temperature; the batches are unaugmented."""

    @classmethod
    def declines(cls, task: Task) -> str | None:
        """Return a reason not to run this task, or None to run it."""
        return None
