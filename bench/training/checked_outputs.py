"""Checks of what a method's `loss` and `predict` return: types, shapes, number types, devices.

They read no value, so that no training step waits for a GPU.
"""

from typing import Any

import torch
from torch import Tensor

from bench.errors import Declined, PluginError
from bench.plugins.method import Prediction, Step

# Half numbers tie where others do not, and integers have no gradient.
NUMBER_TYPES = (torch.float32, torch.float64)


def check_step(
    step: Step, size: int, num_classes: int, relabels: bool, device: torch.device | None = None
) -> None:
    """Check a step.

    Args:
        step: returned by a method's `loss`.
        size: B.
        num_classes: K.
        relabels: whether relabelling is on.
        device: of the batch; None for that of the loss.

    Raises:
        PluginError: a type, shape, number type or device is wrong, or the loss has no gradient.
        Declined: relabelling is on, and the step lacks logits or uncertainty.
    """
    if not isinstance(step, Step):
        raise PluginError(f"loss returned a {type(step).__name__}, must be a bench.api.Step")
    _check("loss", "loss", step.loss, (), device)
    parts = (("logits", step.logits, (size, num_classes)), ("uncertainty", step.uncertainty, (size,)))
    for name, value, shape in parts:
        if value is not None:
            _check("loss", name, value, shape, step.loss.device)
    if relabels and (step.logits is None or step.uncertainty is None):
        lacking = "logits" if step.logits is None else "uncertainty"
        raise Declined(f"relabelling is on, but the method's loss returns no {lacking}")
    if not step.loss.requires_grad:
        raise PluginError("loss returned a loss without a gradient; it must follow from the method's weights")


def check_prediction(prediction: Prediction, view: Tensor, num_classes: int) -> None:
    """Check a prediction.

    Args:
        prediction: returned by a method's `predict`.
        view: the images (B, …) that it was given.
        num_classes: K.

    Raises:
        PluginError: a type, a shape, a number type or a device is wrong.
    """
    if not isinstance(prediction, Prediction):
        raise PluginError(f"predict returned a {type(prediction).__name__}, must be a bench.api.Prediction")
    logits, uncertainty, features = prediction
    _check("predict", "logits", logits, (len(view), num_classes), view.device)
    _check("predict", "uncertainty", uncertainty, (len(view),), view.device)
    if features is not None:
        width = features.shape[1:2] if isinstance(features, Tensor) else ("D",)
        _check("predict", "features", features, (len(view), *(width or ("D",))), view.device)


def _check(function: str, name: str, value: Any, shape: tuple[Any, ...], device: torch.device | None) -> None:
    """Check a tensor; a device of None is any."""
    wanted = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    if not isinstance(value, Tensor):
        raise PluginError(f"{function} returned {name} as a {type(value).__name__}, must be a tensor {wanted}")
    if tuple(value.shape) != shape:
        raise PluginError(f"{function} returned {name} of shape {tuple(value.shape)}, must be {wanted}")
    if value.dtype not in NUMBER_TYPES:
        raise PluginError(f"{function} returned {name} of {value.dtype}, must be torch.float32 or torch.float64")
    if value.device != (device or value.device):
        raise PluginError(f"{function} returned {name} on {value.device}, must be on {device}")
    if value.layout != torch.strided:
        raise PluginError(f"{function} returned {name} of layout {value.layout}, must be a dense tensor")
