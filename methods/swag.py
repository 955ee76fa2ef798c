"""SWAG: a Gaussian over the weights that SGD passes near its end, from which nets are drawn.

Source: Maddox, Garipov, Izmailov, Vetrov and Wilson, A Simple Baseline for Bayesian Uncertainty in
Deep Learning, NeurIPS 2019 (arXiv 1902.02476), sections 3.2 and 3.3, equation 1 and algorithm 1
(rank 20, one collection an epoch, 30 samples); from the published code: deviations are from the
running mean, and a scale of 0.5 of the covariance.
Departures: weights are collected in the last quarter of the recipe's schedule, whose rate falls,
while the paper holds the rate high. Normalisation statistics of a drawn net are those of about
`images` unaugmented images, not of the whole augmented training set. Nets are drawn anew from kept
seeds, so that their weights need no memory.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.api import (
    Batch,
    MakeBackbone,
    MethodFactory,
    Prediction,
    Progress,
    Task,
    Wrapper,
    entropy,
    mean_log_probabilities,
)

SMALLEST = 1e-30  # of a variance, as in the published code
LARGE = 2**31  # above all seeds


class StochasticWeightAveragingGaussian(Wrapper):
    """Logits log p̄ of nets drawn from N(w̄, scale (diag(w̄² − w̄ w̄) + D Dᵀ / (R − 1))).

    w̄ and w̄² are means over the collected weights w, and the R columns of D are the last w − w̄.
    u = entropy of p̄.

    Args:
        inner: the method that is trained.
        start: part of the epochs before the first collection.
        rank: largest R.
        samples: number of nets drawn.
        scale: of the covariance; published: 0.5.
        images: number of training images, about, that set a drawn net's normalisation statistics.
    """

    version = 2
    normalised_logits = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        start: Annotated[float, Field(ge=0, lt=1)] = 0.75,
        rank: Annotated[int, Field(ge=2)] = 20,
        samples: PositiveInt = 30,
        scale: NonNegativeFloat = 0.5,
        images: PositiveInt = 10_000,
    ) -> None:
        super().__init__(task, make_backbone, inner=inner)
        self.start, self.scale = start, scale
        self.stride = -(-task.train_size // images)
        size = sum(parameter.numel() for parameter in self.inner.parameters())
        statistics = sum(value.numel() for norm in self._norms() for value in _statistics(norm))
        self.mean: Tensor
        self.square: Tensor
        self.deviations: Tensor
        self.collected: Tensor
        self.seeds: Tensor
        self.statistics: Tensor
        self.register_buffer("mean", torch.zeros(size))  # w̄
        self.register_buffer("square", torch.zeros(size))  # w̄²
        self.register_buffer("deviations", torch.zeros(rank, size))  # Dᵀ, a ring
        self.register_buffer("collected", torch.zeros((), dtype=torch.long))
        self.register_buffer("seeds", torch.zeros(samples, dtype=torch.long))  # 0 before `finish`
        self.register_buffer("statistics", torch.zeros(samples, statistics))

    def before_epoch(self, clean: Iterable[Batch], progress: Progress) -> None:
        """Collect the weights at the end of the epoch before, if it is one of the last quarter."""
        super().before_epoch(clean, progress)
        if progress.epoch - 1 > self.start * progress.epochs:
            self.collect(self._weights())

    def collect(self, weights: Tensor) -> None:
        """Update both means and the deviations by weights (P,)."""
        count = int(self.collected)
        self.mean.lerp_(weights, 1 / (count + 1))
        self.square.lerp_(weights.square(), 1 / (count + 1))
        self.deviations[count % len(self.deviations)] = weights - self.mean
        self.collected.add_(1)

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Collect the last weights, draw the seeds of the nets and set their statistics."""
        self.collect(self._weights())
        super().finish(train, held_out)
        self.seeds.copy_(torch.randint(1, LARGE, self.seeds.shape))
        parts = [batch.images[:: self.stride] for batch in train]
        for place, seed in enumerate(self.seeds.tolist()):
            with self._as(self.drawn(seed), None), torch.no_grad():
                self._set_statistics(parts)
                values = [value.flatten() for norm in self._norms() for value in _statistics(norm)]
                self.statistics[place] = torch.cat([*values, self.mean[:0]])

    def remarks(self) -> list[str]:
        """Say how many weights the covariance is of."""
        count, most = int(self.collected), len(self.deviations)
        few = ": too few epochs for a covariance" if count < 2 else ""
        return [*super().remarks(), f"weights of {count} epochs were collected, for a rank of at most {most}{few}"]

    def drawn(self, seed: int) -> Tensor:
        """Return weights (P,) drawn from the Gaussian: equation 1, with `scale` for 1/2."""
        generator = torch.Generator().manual_seed(seed)  # the same numbers on every device
        deviations = self.deviations[: int(self.collected.clamp(max=len(self.deviations)))]
        variance = (self.square - self.mean.square()).clamp(min=SMALLEST)
        first, second = (
            torch.randn(size, generator=generator, dtype=self.mean.dtype).to(self.mean.device)
            for size in (len(self.mean), len(deviations))
        )
        low_rank = second @ deviations / max(1, len(deviations) - 1) ** 0.5
        return self.mean + self.scale**0.5 * (variance.sqrt() * first + low_rank)

    def predict(self, images: Tensor) -> Prediction:
        """Return log p̄ of the drawn nets and its entropy; before `finish`, those of the one net."""
        if not self.seeds.any():
            logits = [self.inner.predict(images).logits]
        else:
            logits = []
            for seed, statistics in zip(self.seeds.tolist(), self.statistics, strict=True):
                with self._as(self.drawn(seed), statistics):
                    logits.append(self.inner.predict(images).logits)
        mean = mean_log_probabilities(torch.stack(logits))
        return Prediction(mean, entropy(mean))

    def _weights(self) -> Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in self.inner.parameters()]).float()

    def _norms(self) -> list[_BatchNorm]:
        norms = (module for module in self.inner.modules() if isinstance(module, _BatchNorm))
        return [norm for norm in norms if norm.running_mean is not None]

    @contextmanager
    def _as(self, weights: Tensor, statistics: Tensor | None) -> Iterator[None]:
        """Let the inner method have other weights and, if given, statistics for a while."""
        own = [*self.inner.parameters(), *self.inner.buffers()]
        before = [value.detach().clone() for value in own]
        with torch.no_grad():
            _fill(list(self.inner.parameters()), weights)
            if statistics is not None:
                _fill([value for norm in self._norms() for value in _statistics(norm)], statistics)
        try:
            yield
        finally:
            with torch.no_grad():
                for value, former in zip(own, before, strict=True):
                    value.copy_(former)

    def _set_statistics(self, parts: list[Tensor]) -> None:
        """Set the statistics of all normalisations to means over images, batch by batch."""
        norms, training = self._norms(), self.inner.training
        momenta = [norm.momentum for norm in norms]
        self.inner.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
        seen = 0
        for images in parts:
            seen += len(images)
            for norm in norms:
                norm.momentum = len(images) / seen  # the mean over all images
            if len(images) > 1:
                self.inner.predict(images)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self.inner.train(training)


def _statistics(norm: nn.Module) -> list[Tensor]:
    assert isinstance(norm, _BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return [norm.running_mean, norm.running_var]


def _fill(tensors: list[Tensor], values: Tensor) -> None:
    """Copy consecutive values (P,) into tensors."""
    parts = values.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))
