"""Relative uncertainty: how samples are paired and weighted (RUL, section 3).

Shared by methods that weight the samples of a batch against each other by their uncertainty s.
"""

from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bench.nets.trunk import GaussianMethod
from bench.plugins.method import MakeBackbone, Prediction, Task

Pairing = Literal["random", "different-label"]


def random_groups(size: int, members: int, device: torch.device) -> Int[Tensor, "members batch"]:
    """Return the mixing groups of a batch (members, B): sample b is mixed with column b.

    The first row is the sample itself. Every other row is a random permutation of the batch, so a
    sample may be mixed with itself.

    Args:
        size: of the batch.
        members: samples per group.
        device: of the returned indices.
    """
    return torch.stack(
        [
            torch.arange(size, device=device),
            *(torch.randperm(size, device=device) for _ in range(members - 1)),
        ]
    )


def redraw_same_label(partner: Int[Tensor, " batch"], labels: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """Redraw partners that share their sample's label, among the samples with another label.

    A partner is kept if the batch has only one label.
    """
    differs = labels[:, None] != labels[None, :]  # (B, B)
    drawn = torch.where(differs, torch.rand(differs.shape, device=labels.device), -1).argmax(dim=1)
    return torch.where((labels[partner] == labels) & differs.any(dim=1), drawn, partner)


def pairs(labels: Int[Tensor, " batch"], pairing: Pairing) -> Int[Tensor, "two batch"]:
    """Return the pairs (i, j) of a batch, as indices (2, B), under a pairing rule."""
    group = random_groups(len(labels), 2, labels.device)
    if pairing == "different-label":
        group[1] = redraw_same_label(group[1], labels)
    return group


def weights(uncertainty: Float[Tensor, "members batch"]) -> Float[Tensor, "members batch"]:
    """Return s_i / Σ s over the members of each group; invariant under s → c·s."""
    return uncertainty / uncertainty.sum(dim=0)


class RelativeMethod(GaussianMethod):
    """Base class of methods whose uncertainty is s = mean_D e^ℓ.

    The uncertainty is learned by weighting the samples of a pair against each other.

    Args:
        pairing: `random`, or `different-label` to pair samples with different labels where the
            batch has any (the RUL authors' advice to readers).
    """

    relabels: ClassVar[bool] = True

    def __init__(
        self, task: Task, make_backbone: MakeBackbone, *, pairing: Pairing = "random", **trunk: Any
    ) -> None:
        super().__init__(task, make_backbone, **trunk)
        self.pairing = pairing

    def embed_relative(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> tuple[Float[Tensor, "batch features"], Float[Tensor, " batch"]]:
        """Return μ (B, D) and s (B,)."""
        mean, log_variance = self.gaussian(images)
        return mean, log_variance.exp().mean(dim=1)

    def predict(self, images: Float[Tensor, "batch channels height width"]) -> Prediction:
        """Return logits fc(μ), uncertainty s and features μ."""
        mean, uncertainty = self.embed_relative(images)
        return Prediction(self.fc(mean), uncertainty, mean)
