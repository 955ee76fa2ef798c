"""Deep deterministic uncertainty: density of features under one Gaussian per class.

Source: Mukhoti, Kirsch, van Amersfoort, Torr and Gal, Deep Deterministic Uncertainty, CVPR 2023:
Algorithm 1 (class Gaussians with priors, fitted after training) on a net with bounded spectral
norms. From their code: spectral normalisation with coefficient 3, and jitter for covariances that
are not positive definite.
Departures: the bound is on the spectral norm of the kernel as a matrix, by torch's power iteration,
not on that of the convolution. The backbone is bounded, the embedding head and fc are not. The net
is otherwise unchanged (the paper also uses leaky ReLUs and average pooling in shortcuts). The
Gaussians are fitted to the current training labels, some of which are wrong.
"""

from collections.abc import Iterable
from copy import deepcopy
from functools import partial
from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.func import functional_call
from torch.nn.utils import parametrizations

from bench.api import (
    Backbone,
    Batch,
    MakeBackbone,
    MethodFactory,
    PluginError,
    Prediction,
    Task,
    UsageError,
    Wrapper,
    entropy,
    feature_width,
    learnt,
)

JITTERS = (0.0, *(10.0**exponent for exponent in range(-20, 1)))


class BoundedConvolution(nn.Module):
    """A convolution whose weight is scaled down to a spectral norm of at most `coefficient`.

    torch's spectral normalisation, W → W/σ, is kept as a module beside the convolution instead of
    as its parametrization, because modules with parametrizations cannot be pickled.
    """

    def __init__(self, convolution: nn.Conv2d, coefficient: float) -> None:
        super().__init__()
        self.convolution, self.coefficient = convolution, coefficient
        normalised = parametrizations.spectral_norm(deepcopy(convolution))
        # Also holds the vectors of the power iteration.
        self.normalise = normalised.get_submodule("parametrizations.weight.0")

    def weight(self) -> Tensor:
        """Return W · min(1, c/σ), in float32."""
        weight = self.convolution.weight
        with torch.autocast(weight.device.type, enabled=False):
            normalised = self.normalise(weight)
            norm = weight.detach().norm() / normalised.detach().norm()
            return torch.where(norm > self.coefficient, self.coefficient * normalised, weight)

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolution of images (B, C, H, W) with the bounded weight."""
        result: Tensor = functional_call(self.convolution, {"weight": self.weight()}, images)
        return result


def bounded(make_backbone: MakeBackbone, coefficient: float) -> Backbone:
    """Return a new backbone whose convolutions have a spectral norm of at most `coefficient`.

    Raises:
        UsageError: the norms are already bounded, by an inner method.
    """
    backbone = make_backbone()
    if any(isinstance(module, BoundedConvolution) for module in backbone.modules()):
        raise UsageError("its inner method already bounds the norms: choose another inner")
    for name, layer in list(backbone.named_modules()):
        if isinstance(layer, nn.Conv2d):
            backbone.set_submodule(name, BoundedConvolution(layer, coefficient))
    return backbone


class DeepDeterministicUncertainty(Wrapper):
    """Class Gaussians N(μ_c, Σ_c) with priors π_c on features f, fitted after training.

    u = −log Σ_c π_c N(f; μ_c, Σ_c), or the entropy of the softmax.

    Args:
        inner: the method that is trained, on a backbone with bounded norms.
        coefficient: bound of the convolutions' spectral norms.
        score: `density` (epistemic) or `entropy` (aleatoric).
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        coefficient: PositiveFloat = 3.0,
        score: Literal["density", "entropy"] = "density",
    ) -> None:
        super().__init__(task, partial(bounded, make_backbone, coefficient), inner=inner)
        self.score = score
        K, D = task.num_classes, feature_width(self.inner, task)
        self.log_priors: Tensor
        self.means: Tensor
        self.scales: Tensor
        self.register_buffer("log_priors", torch.zeros(K, dtype=torch.float64))
        self.register_buffer("means", torch.zeros(K, D, dtype=torch.float64))
        self.register_buffer("scales", torch.eye(D, dtype=torch.float64).repeat(K, 1, 1))  # Cholesky factors

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Fit the Gaussians to the training set's features."""
        super().finish(train, held_out)
        prediction, labels = learnt(self.inner, train)
        assert prediction.features is not None  # checked by `feature_width`
        self.fit(prediction.features.double(), labels)

    def fit(self, features: Tensor, labels: Tensor) -> None:
        """Fit priors, means and covariances to features (N, D) with labels (N,).

        A class without samples gets prior 0.
        """
        counts = torch.bincount(labels, minlength=len(self.means))
        self.log_priors.copy_((counts.double() / len(labels)).log())
        for label in counts.nonzero().flatten().tolist():
            own = features[labels == label]
            centred = own - own.mean(dim=0)
            self.means[label] = own.mean(dim=0)
            self.scales[label] = cholesky(centred.T @ centred / max(1, len(own) - 1))

    def negative_log_density(self, features: Tensor) -> Tensor:
        """Return −log Σ_c π_c N(f; μ_c, Σ_c) (B,) of features (B, D), in float64."""
        gaussians = MultivariateNormal(self.means, scale_tril=self.scales, validate_args=False)
        log_densities = gaussians.log_prob(features.double().unsqueeze(1))  # (B, K)
        return -(self.log_priors + log_densities).logsumexp(dim=1)

    def predict(self, images: Tensor) -> Prediction:
        """Return the inner method's logits and features, and the uncertainty."""
        logits, _, features = self.inner.predict(images)
        assert features is not None
        if self.score == "entropy":
            return Prediction(logits, entropy(logits), features)
        return Prediction(logits, self.negative_log_density(features), features)


def cholesky(covariance: Tensor) -> Tensor:
    """Return the Cholesky factor of Σ + εI (D, D), for the smallest ε of 0, 10⁻²⁰, …, 1 possible.

    Raises:
        PluginError: no ε gives one, for example because a feature is not finite.
    """
    identity = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
    for jitter in JITTERS:
        factor, failed = torch.linalg.cholesky_ex(covariance + jitter * identity)
        if not failed:
            return factor
    raise PluginError("a class's covariance has no Cholesky factor, with jitter up to 1")
