"""Interface of a method.

A method is a subclass of `Method`, alone in a file under `methods/`; its name is the file's stem,
with `_` written `-`. Its constructor keywords are its hyper-parameters: a run uses their defaults,
`--set NAME.KEYWORD=VALUE` sets them, and values are checked against the annotations. `loss` and
`predict` are required; the other methods are hooks into the training, which do nothing unless a
method defines them.

Symbols: B batch size, K classes, C×H×W shape of an image, D features.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.errors import PluginError


class Task(NamedTuple):
    """Properties of the problem that a method may know before it sees a batch."""

    num_classes: int
    image_shape: tuple[int, int, int]  # (C, H, W) as the net gets it, after cropping
    train_size: int
    epochs: int
    # Part of the given labels that is wrong; None unless `oracle` names a hyper-parameter.
    noise_rate: float | None


class Batch(NamedTuple):
    """One training batch. `labels` are the current labels; methods never get the true ones."""

    images: Float[Tensor, "batch channels height width"]
    labels: Int[Tensor, " batch"]
    index: Int[Tensor, " batch"]  # type: ignore[assignment]  # positions in the training set, from 0
    second: Float[Tensor, "batch channels height width"] | None = None  # None without `two_views`

    @property
    def second_view(self) -> Float[Tensor, "batch channels height width"]:
        """The images augmented a second time, with other random numbers.

        Raises:
            PluginError: the method does not ask for them.
        """
        if self.second is None:
            raise PluginError("batch.second_view is not made: the method must set two_views = True")
        return self.second


class Progress(NamedTuple):
    """Progress of the training."""

    epoch: int  # from 1
    epochs: int


class Step(NamedTuple):
    """Result of `loss`: the loss to minimise, and outputs that relabelling and logs may use."""

    loss: Float[Tensor, ""]
    logits: Float[Tensor, "batch classes"] | None = None  # of unmixed images; None: cannot relabel
    uncertainty: Float[Tensor, " batch"] | None = None  # larger = less sure


class Prediction(NamedTuple):
    """Result of `predict`, in the order of the images."""

    logits: Float[Tensor, "batch classes"]
    uncertainty: Float[Tensor, " batch"]  # larger = less sure
    features: Float[Tensor, "batch features"] | None = None


class Backbone(nn.Module):
    """A net from images (B, C, H, W) to a float32 feature map (B, channels, *grid)."""

    channels: int
    grid: tuple[int, int]


MakeBackbone = Callable[[], Backbone]
LossAgain = Callable[[], Tensor]  # the loss () of the step's batch at the present weights


class Method(nn.Module):
    """An uncertainty-learning method.

    Args of the constructor, before its hyper-parameters:
        task: properties of the problem.
        make_backbone: builds a new backbone at each call; call it first, so that all methods start
            from the same weights.
    """

    version: ClassVar[int | None] = None  # same version, same outcome; None: in flux
    relabels: ClassVar[bool] = False  # default of --relabel
    oracle: ClassVar[tuple[str, ...]] = ()  # hyper-parameters that use the true noise rate
    needs_held_out: ClassVar[bool] = False
    # Names of checks of `bench check` that do not apply, each with the reason in one line.
    waived_checks: ClassVar[Mapping[str, str]] = {}
    two_views: bool = False  # whether batches have a `second_view`
    # Whether `logits` are log-probabilities, for which the energy score is constant.
    normalised_logits: bool = False

    def __init__(self, task: Task, make_backbone: MakeBackbone) -> None:
        super().__init__()

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return loss, logits (B, K) and uncertainty (B,) of a training batch, in train mode."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def predict(self, images: Float[Tensor, "batch channels height width"]) -> Prediction:
        """Return the predictions for a batch of B ≥ 1 images.

        Called in eval mode, without gradients.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no predict")

    def param_groups(self, lr: float) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups; a group without `lr` gets this one."""
        return [{"params": [p for p in self.parameters() if p.requires_grad], "lr": lr}]

    def make_optimizer(self, groups: list[dict[str, Any]]) -> Optimizer | None:
        """Return an optimiser of the method's own, or None for the recipe's.

        Args:
            groups: what `param_groups` returned, with `lr` and `weight_decay` of each group as the
                recipe has them. The optimiser must train all of these parameters. The recipe's
                schedule changes its rates, and checkpoints keep its state.
        """
        return None

    def before_epoch(self, clean: Iterable[Batch], progress: Progress) -> None:
        """Do work before the first step of each epoch, such as fitting a mixture to the losses.

        Unlike `loss` it may read values back from the device. What it computes belongs into
        parameters and buffers, which keep their shapes; state per sample is a buffer with
        `task.train_size` rows, indexed by `batch.index`.

        Args:
            clean: unaugmented batches of the whole training set in its order, with the current
                labels; each iteration reads the images again, and none costs nothing.
            progress: with the epoch that begins.
        """

    def backward(self, loss: Float[Tensor, ""], loss_again: LossAgain) -> None:
        """Fill the gradients of a step, after which the optimiser moves the parameters.

        A parameter without a gradient rests in this step, with its momentum and weight decay.

        Args:
            loss: of the batch, as `loss` returned it.
            loss_again: computes the loss () of the same batch anew, with the same random numbers
                (dropout, mixtures), for a second pass at other weights; the weights must be as
                before when this method returns.
        """
        loss.backward()

    def after_step(self, progress: Progress, step: int) -> None:
        """Do work after the optimiser has moved the parameters, such as averaging them.

        Args:
            progress: with the epoch.
            step: number of steps done in the whole training, from 1.
        """

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Do work once after training, such as fitting a temperature.

        Args:
            train: unaugmented batches of the training set, with the current labels.
            held_out: the same of the held-out samples, with their given labels; None if there are
                none.
        """

    def remarks(self) -> list[str]:
        """Return sentences about this training for the run's record; called after `finish`."""
        return []

    @classmethod
    def declines(cls, task: Task) -> str | None:
        """Return a reason not to run this task, in one line, or None to run it."""
        return None
