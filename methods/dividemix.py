"""DivideMix: two nets, each trained on the other's split of the samples into clean and noisy.

Source: Li, Socher and Hoi, DivideMix: Learning with Noisy Labels as Semi-supervised Learning, ICLR
2020 (arXiv 2002.07394), algorithm 1: warm-up, split by a two-component mixture of the losses,
co-refinement, co-guessing and MixMatch; constants and the mixture's settings from the published
code (its warm-up is 10 of 300 epochs on CIFAR-10, 30 on CIFAR-100).
Departures: both nets train on the same batch at the same time, not in turns, and the batch holds
labelled and unlabelled samples as they come, not as many of each. The nets guess in eval mode. λ_u
rises by epochs, over 16/300 of them. Left out: the confidence penalty for asymmetric noise, and
losses averaged over epochs for 90 % noise. The logits are the mean of both nets'; the published
code adds them.
"""

import warnings
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import Beta
from torch.nn import functional as F

from bench.api import Batch, EmbeddingMethod, MakeBackbone, PluginError, Prediction, Progress, Step, Task, msp

RISE = 16 / 300  # part of the epochs in which λ_u rises
Part = Annotated[float, Field(ge=0, lt=1)]


class DivideMix(EmbeddingMethod):
    """L = Σ over both nets of L_x + λ_u L_u + L_reg; uncertainty u = 1 − max softmax of the mean.

    Sample i is labelled for a net if its clean probability w_i by the other net's losses exceeds
    the threshold. Its target is w_i y_i + (1 − w_i) p_i, p_i the net's mean over two views; that of
    an unlabelled one is the mean of both nets over both views; targets are sharpened and mixed.
    L_x is cross-entropy, L_u the squared error, L_reg keeps the mean prediction uniform.

    Args:
        warm_up: part of the epochs, at least one, that train by cross-entropy.
        threshold: τ, of the clean probability.
        temperature: T, of the sharpening p^(1/T).
        alpha: α of Beta(α, α), from which the share λ of a mixture is drawn.
        unlabelled_weight: λ_u; published: 25 for 50 % symmetric noise on CIFAR-10, 0 for 20 %.
    """

    version = 1
    two_views = True
    clean: Tensor  # w (2, N), by the losses of each net

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        warm_up: Part = 0.1,
        threshold: Part = 0.5,
        temperature: PositiveFloat = 0.5,
        alpha: PositiveFloat = 4.0,
        unlabelled_weight: NonNegativeFloat = 25.0,
        **trunk: Any,
    ) -> None:
        super().__init__(task, make_backbone, **trunk)  # the first net
        self.second = EmbeddingMethod(task, make_backbone, **trunk)
        self.warm_up, self.threshold, self.temperature = warm_up, threshold, temperature
        self.ratios, self.unlabelled_weight = Beta(alpha, alpha), unlabelled_weight
        self.register_buffer("clean", torch.ones(2, task.train_size))

    def warm_epochs(self, progress: Progress) -> int:
        """Return the number of epochs of the warm-up."""
        return max(1, round(self.warm_up * progress.epochs))

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits of both nets (2, B, K)."""
        return torch.stack([net.fc(net.embed(images)) for net in (self, self.second)])

    @torch.no_grad()
    def before_epoch(self, clean: Iterable[Batch], progress: Progress) -> None:
        """Split the samples by the losses of each net, after the warm-up."""
        if progress.epoch <= self.warm_epochs(progress):
            return
        self.eval()
        losses = torch.zeros_like(self.clean)
        for batch in clean:
            for net, logits in enumerate(self.logits(batch.images)):
                losses[net, batch.index] = F.cross_entropy(logits, batch.labels, reduction="none")
        self.train()
        self.clean.copy_(torch.stack([clean_probability(each) for each in losses]))

    def loss(self, batch: Batch, progress: Progress) -> Step:
        """Return the sum of both nets' losses, and the mean of their logits."""
        if progress.epoch <= self.warm_epochs(progress):
            logits = self.logits(batch.images)
            loss = torch.stack([F.cross_entropy(each, batch.labels) for each in logits]).sum()
            mean = logits.detach().mean(dim=0)
            return Step(loss, mean, msp(mean))
        guessed = self.guessed(batch)
        mean = guessed[:, 0].mean(dim=0)
        weight = self.unlabelled_weight * self.risen(progress)
        losses = [self.of_net(net, batch, guessed.softmax(dim=3), weight) for net in (0, 1)]
        return Step(losses[0] + losses[1], mean, msp(mean))

    def risen(self, progress: Progress) -> float:
        """Return the part of λ_u that is in force in an epoch."""
        rise = max(1.0, RISE * progress.epochs)
        return min((progress.epoch - self.warm_epochs(progress)) / rise, 1.0)

    @torch.no_grad()
    def guessed(self, batch: Batch) -> Tensor:
        """Return the logits (2, 2, B, K) of both nets for both views, in eval mode."""
        self.eval()
        logits = torch.stack([self.logits(view) for view in (batch.images, batch.second_view)], dim=1)
        self.train()
        return logits

    def targets(self, net: int, batch: Batch, guesses: Tensor) -> tuple[Tensor, Tensor]:
        """Return a net's targets (B, K), and which samples (B,) are labelled for it.

        Args:
            net: 0 or 1.
            batch: with labels and index.
            guesses: softmax of both nets for both views (2, 2, B, K).
        """
        clean = self.clean[1 - net, batch.index][:, None]
        label = F.one_hot(batch.labels, guesses.shape[-1])
        refined = clean * label + (1 - clean) * guesses[net].mean(dim=0)
        chosen = torch.where(clean > self.threshold, refined, guesses.mean(dim=(0, 1)))
        sharp = chosen ** (1 / self.temperature)
        return sharp / sharp.sum(dim=1, keepdim=True), clean.squeeze(1) > self.threshold

    def of_net(self, net: int, batch: Batch, guesses: Tensor, weight: float) -> Tensor:
        """Return the loss () of a net on mixtures of both views; `weight` is the present λ_u."""
        images = torch.cat([batch.images, batch.second_view])
        target, labelled = (torch.cat([each, each]) for each in self.targets(net, batch, guesses))
        ratio = self.ratios.sample().item()
        ratio = max(ratio, 1 - ratio)
        order = torch.randperm(len(images), device=images.device)
        trained = (self, self.second)[net]
        logits = trained.fc(trained.embed(ratio * images + (1 - ratio) * images[order]))
        return mixmatch_loss(logits, ratio * target + (1 - ratio) * target[order], labelled, weight)

    def predict(self, images: Tensor) -> Prediction:
        """Return the mean of both nets' logits, and 1 − max softmax of it."""
        mean = self.logits(images).mean(dim=0)
        return Prediction(mean, msp(mean))


def mixmatch_loss(logits: Tensor, target: Tensor, labelled: Tensor, weight: float) -> Tensor:
    """Return L_x + λ_u L_u + L_reg of logits and targets (B, K); B is split by `labelled` (B,)."""
    p, share = logits.softmax(dim=1), labelled.float()
    of_label = -(target * logits.log_softmax(dim=1)).sum(dim=1)
    of_guess = (p - target).square().mean(dim=1)
    mean = p.mean(dim=0)
    uniform = torch.full_like(mean, 1 / len(mean))
    penalty = (uniform * (uniform / mean).log()).sum()
    return _mean(of_label, share) + weight * _mean(of_guess, 1 - share) + penalty


def _mean(values: Tensor, share: Tensor) -> Tensor:
    """Return the mean of values (B,) where the share (B,) is 1; 0 if it is nowhere."""
    return (values * share).sum() / share.sum().clamp(min=1)


def clean_probability(losses: Tensor) -> Tensor:
    """Return the probability (N,) of the component of small loss in a mixture of two Gaussians."""
    spread = losses.max() - losses.min()
    if not spread.isfinite():
        raise PluginError("the loss of a training image is not finite; a lower learning rate may help")
    if spread == 0:
        return torch.ones_like(losses)
    values = ((losses - losses.min()) / spread).cpu().double().numpy()[:, None]
    mixture = GaussianMixture(n_components=2, max_iter=10, tol=1e-2, reg_covar=5e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are meant
        found = mixture.fit(values).predict_proba(values)[:, np.argmin(mixture.means_)]
    return torch.from_numpy(found).to(losses)
