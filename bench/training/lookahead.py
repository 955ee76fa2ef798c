"""Averaging of weights during training (Lookahead), as airbench94 has it."""

from typing import Any

import torch
from torch import Tensor, nn

from bench.recipe import Lookahead


class WeightAverage:
    """Average of a net's parameters and normalisation statistics, to which the net is pulled.

    Source: Zhang et al., Lookahead Optimizer, NeurIPS 2019, algorithm 1; the schedule is that of
    airbench94 (Jordan, arXiv 2404.00498). Other buffers are the method's own and are left alone.

    Args:
        net: whose weights are averaged.
        settings: how often, and how strongly.
        steps: T, of the whole training.
    """

    def __init__(self, net: nn.Module, settings: Lookahead, steps: int) -> None:
        self.net, self.settings, self.steps = net, settings, steps
        self.average: list[Tensor] = []  # empty until the first pull

    @torch.no_grad()
    def step(self, done: int) -> None:
        """Pull the net to the average if it is due, and set it to the average after the last step.

        Args:
            done: t, number of steps done.
        """
        if done == self.steps:
            self._pull(1.0)
        elif done % self.settings.every == 0:
            self._pull(self.settings.decay**self.settings.every * (done / self.steps) ** 3)

    def _pull(self, kept: float) -> None:
        weights = self._weights()
        if not self.average:
            self.average = [weight.clone() for weight in weights]
            return
        torch._foreach_lerp_(self.average, weights, 1 - kept)
        torch._foreach_copy_(weights, self.average)

    def _weights(self) -> list[Tensor]:
        norms = [module for module in self.net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        statistics = [value for norm in norms for value in (norm.running_mean, norm.running_var)]
        return [*(parameter.data for parameter in self.net.parameters()), *filter(torch.is_tensor, statistics)]

    def state_dict(self) -> dict[str, Any]:
        """Return the average, as tensors."""
        return {"average": self.average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned; its tensors may be on the CPU."""
        self.average = [value.to(weight) for value, weight in zip(state["average"], self._weights(), strict=False)]
