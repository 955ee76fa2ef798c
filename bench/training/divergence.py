"""Tells a training that has diverged from a method that is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import nn

from bench.errors import BenchError, PluginError, one_line
from bench.evaluation.valid_arrays import ArrayError

HINT = "the training may have diverged: try a lower rate, --set recipe.learning_rate=…"
LARGEST = 1e6  # of a weight; with larger ones values in the net soon are not finite


class DivergedError(PluginError):
    """A value is not finite, perhaps because the training has diverged; the message says so."""

    def __init__(self, said: str) -> None:
        super().__init__(f"{said}; {HINT}")


@contextmanager
def divergence_named(method: nn.Module) -> Iterator[None]:
    """Name divergence as the cause of an error if the method's weights have lost all measure.

    Linear algebra and sampling fail on such weights with messages of their own.

    Args:
        method: that trains or predicts.

    Raises:
        DivergedError: there was such an error.
    """
    try:
        yield
    except Exception as error:
        is_another = isinstance(error, BenchError) and type(error) not in (PluginError, ArrayError)
        if is_another or not has_diverged(method):
            raise
        raise DivergedError(one_line(error)) from error


@torch.no_grad()
def has_diverged(method: nn.Module) -> bool:
    """Return whether a weight or a statistic of a method is not finite, or is huge."""
    values = [value for value in chain(method.parameters(), method.buffers()) if value.is_floating_point()]
    huge = any(bool((value.abs() > LARGEST).any()) for value in method.parameters())
    return huge or not all(bool(value.isfinite().all()) for value in values)
