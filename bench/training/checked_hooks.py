"""Calls of a method's hooks, with checks of what they return and of the state they leave."""

from typing import Any

import torch
from torch import Tensor

from bench.errors import PluginError
from bench.nets.wrapper import defines_hook
from bench.plugins.method import Method
from bench.training.divergence import DivergedError


class Hooks:
    """Calls a method's hooks and holds it to what they may do; none costs nothing.

    Args:
        method: whose hooks are called.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self.shapes = {name: value.shape for name, value in _state(method).items()}
        self.defined = {name for name in ("before_epoch", "backward", "after_step") if defines_hook(method, name)}

    def defines(self, hook: str) -> bool:
        """Return whether the method, or one inside it, defines a hook of its own."""
        return hook in self.defined

    def call(self, hook: str, *given: Any) -> None:
        """Call a hook of the method, which returns nothing.

        Raises:
            PluginError: it returned something, which nobody would use.
        """
        result = getattr(self.method, hook)(*given)
        if result is not None:
            raise PluginError(f"{hook} returned a {type(result).__name__}, must return None")

    def check_state(self, hook: str) -> None:
        """Check parameters and buffers after a hook, if the method defines it.

        It waits for the device, so it is called once an epoch.

        Raises:
            PluginError: one has another shape or is gone, so that no checkpoint could be read.
            DivergedError: one holds NaN.
        """
        if not self.defines(hook):
            return
        state = _state(self.method)
        for name, shape in self.shapes.items():
            found = state.get(name)
            if found is None or found.shape != shape:
                seen = "took it away" if found is None else f"changed its shape to {tuple(found.shape)}"
                raise PluginError(f"{hook}: {name} of the method is a tensor {tuple(shape)}, the hook {seen}")
            if found.is_floating_point() and bool(found.isnan().any()):
                raise DivergedError(f"{hook} left NaN in {name} of the method")


def _state(method: Method) -> dict[str, Tensor]:
    return {name: value for name, value in method.state_dict().items() if isinstance(value, torch.Tensor)}
