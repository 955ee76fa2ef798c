"""SAM: sharpness-aware minimisation, descent by the gradient at the worst weights nearby.

Source: Foret, Kleiner, Mobahi and Neyshabur, Sharpness-Aware Minimization for Efficiently Improving
Generalization, ICLR 2021 (arXiv 2010.01412), algorithm 1 with p = 2, and ρ 0.05; from the published
code: normalisation statistics are those of the first pass.
Both passes have the same random numbers (dropout, the mixtures of an inner mixup or rul), as both
gradients are of one loss.
Departures: weight decay is the optimiser's, so it has no part in the direction of the first pass.
The logged loss is that of the first pass.
"""

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

from bench.api import LossAgain, MakeBackbone, MethodFactory, Prediction, Task, UsageError, Wrapper, defines_hook

TINY = 1e-12  # added to the norm


class SharpnessAwareMinimisation(Wrapper):
    """The inner method, trained by ∇L(w + ρ ∇L(w) / ‖∇L(w)‖); u is the inner method's uncertainty.

    A step costs two passes.

    Args:
        inner: the method that is trained.
        radius: ρ, of the neighbourhood; published: 0.05.
    """

    version = 2  # from 2 on both passes have the same random numbers

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        radius: PositiveFloat = 0.05,
    ) -> None:
        super().__init__(task, make_backbone, inner=inner)
        if defines_hook(self.inner, "backward"):
            raise UsageError("its inner method has a backward of its own: choose another inner")
        self.radius = radius

    def backward(self, loss: Tensor, loss_again: LossAgain) -> None:
        """Fill the gradients with those at the perturbed weights; the weights stay as they were."""
        loss.backward()
        moved = [parameter for parameter in self.parameters() if parameter.grad is not None]
        kept = [*moved, *self.buffers()]
        before = [value.detach().clone() for value in kept]
        self._perturb(moved)
        loss_again().backward()
        with torch.no_grad():
            for value, former in zip(kept, before, strict=True):
                value.copy_(former)

    @torch.no_grad()
    def _perturb(self, parameters: list[nn.Parameter]) -> None:
        """Move parameters by ρ g / ‖g‖, and take their gradients g away."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.add_(gradient * (self.radius / (norm + TINY)))
            parameter.grad = None

    def predict(self, images: Tensor) -> Prediction:
        """Return the inner method's prediction."""
        return self.inner.predict(images)
