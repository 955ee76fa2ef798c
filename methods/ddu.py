"""Deep deterministic uncertainty: density of features under one Gaussian per class.

Source: Mukhoti, Kirsch, van Amersfoort, Torr and Gal, Deep Deterministic Uncertainty, CVPR 2023:
Algorithm 1 (class Gaussians with priors, fitted after training) on a net with bounded spectral
norms. From their code: the norm is that of the convolution as a linear map of images, by one power
iteration a training step, with coefficient 3; and jitter for covariances that are not positive
definite.
Departures: the backbone is bounded, the embedding head and fc are not. The net is otherwise
unchanged (the paper also uses leaky ReLUs and average pooling in shortcuts). The Gaussians are
fitted to the current training labels, some of which are wrong.
"""

from collections.abc import Iterable
from functools import partial
from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.distributions import MultivariateNormal
from torch.func import functional_call
from torch.nn import functional as F

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
    computing_in,
    entropy,
    feature_width,
    learnt,
)

WARM_UP = 15  # power iterations before training, as many as torch's own normalisation makes
JITTERS = (0.0, *(10.0**exponent for exponent in range(-20, 1)))


class BoundedConvolution(nn.Module):
    """A convolution A, scaled down to a spectral norm σ(A) = max ‖Ax‖/‖x‖ of at most `coefficient`.

    Source: Gouk, Frank, Pfahringer and Cree, Regularisation of Neural Networks by Enforcing
    Lipschitz Continuity, Machine Learning 2021, algorithm 2: power iteration x → AᵀAx, with one x
    kept from step to step.

    Args:
        convolution: A, without its bias.
        shape: (1, C, H, W) of the images that it gets.
        coefficient: c.
    """

    def __init__(self, convolution: nn.Conv2d, shape: torch.Size, coefficient: float) -> None:
        super().__init__()
        self.convolution, self.coefficient = convolution, coefficient
        self.direction: Tensor
        with torch.random.fork_rng(devices=[]):  # so that the layers after it start as without it
            self.register_buffer("direction", F.normalize(torch.randn(shape).flatten(1)).view(shape))
        self.active: Tensor  # whether the bound scaled the weight in the last training step
        self.register_buffer("active", torch.tensor(False))
        for _ in range(WARM_UP):
            self._iterate()

    @torch.no_grad()
    def _iterate(self) -> None:
        with torch.enable_grad():
            x = self.direction.detach().requires_grad_()
            half_square = self._map(x, self.convolution.weight.detach()).square().sum() / 2
            (gradient,) = torch.autograd.grad(half_square, x)  # AᵀAx
        self.direction = F.normalize(gradient.flatten(1)).view_as(gradient)

    def _map(self, images: Tensor, weight: Tensor) -> Tensor:
        return self.convolution._conv_forward(images, weight, None)

    def weight(self) -> Tensor:
        """Return W · min(1, c/σ), in float32; in training after one more power iteration."""
        weight = self.convolution.weight
        with computing_in(torch.float32, weight.device):
            if self.training:
                self._iterate()
            norm = self._map(self.direction, weight).norm()  # gradients flow through it
            if self.training:
                self.active = norm.detach() > self.coefficient
            return weight * (self.coefficient / norm).clamp(max=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolution of images (B, C, H, W) with the bounded weight."""
        result: Tensor = functional_call(self.convolution, {"weight": self.weight()}, images)
        return result


def bounded(make_backbone: MakeBackbone, coefficient: float, image_shape: tuple[int, int, int]) -> Backbone:
    """Return a new backbone whose convolutions have a spectral norm of at most `coefficient`.

    Raises:
        UsageError: the norms are already bounded, by an inner method; or a convolution changes its
            images or its weight first, as those of some libraries do.
    """
    backbone = make_backbone()
    if any(isinstance(module, BoundedConvolution) for module in backbone.modules()):
        raise UsageError("its inner method already bounds the norms: choose another inner")
    for name, shape in _input_shapes(backbone, image_shape).items():
        layer = backbone.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        if type(layer).forward is not nn.Conv2d.forward:
            kind = type(layer).__name__
            raise UsageError(f"cannot bound the norm of the backbone's {kind} layers: choose another backbone")
        backbone.set_submodule(name, BoundedConvolution(layer, shape, coefficient))
    return backbone


def _input_shapes(backbone: Backbone, image_shape: tuple[int, int, int]) -> dict[str, torch.Size]:
    """Return the shape (1, C, H, W) of what each convolution gets for one image, by its name."""
    names = {layer: name for name, layer in backbone.named_modules() if isinstance(layer, nn.Conv2d)}
    shapes: dict[str, torch.Size] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda layer, inputs: shapes.update({names[layer]: inputs[0].shape}))
        for layer in names
    ]
    training = backbone.training
    with torch.no_grad():
        backbone.eval()(torch.zeros(1, *image_shape))
    backbone.train(training)
    for hook in hooks:
        hook.remove()
    return shapes


class DeepDeterministicUncertainty(Wrapper):
    """Class Gaussians N(μ_c, Σ_c) with priors π_c on features f, fitted after training.

    u = −log Σ_c π_c N(f; μ_c, Σ_c), or the entropy of the softmax.

    Args:
        inner: the method that is trained, on a backbone with bounded norms.
        coefficient: bound of the spectral norms of the backbone's convolutions.
        score: `density` (epistemic) or `entropy` (aleatoric).
    """

    version = 2  # 1: bounded the kernel as a matrix, which no net here reached

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        coefficient: PositiveFloat = 3.0,
        score: Literal["density", "entropy"] = "density",
    ) -> None:
        super().__init__(task, partial(bounded, make_backbone, coefficient, task.image_shape), inner=inner)
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

    def remarks(self) -> list[str]:
        """Say at how many convolutions the bound was active in the last training step."""
        bounds = [module for module in self.modules() if isinstance(module, BoundedConvolution)]
        active = sum(bool(bound.active) for bound in bounds)
        said = f"the bound on spectral norms was active at {active} of {len(bounds)} convolutions at the end"
        linear = sum(isinstance(each, nn.Linear) for net in self._backbones() for each in net.modules())
        return [*super().remarks(), f"{said}; {linear} linear layers have none" if linear else said]

    def _backbones(self) -> list[Backbone]:
        return [module for module in self.modules() if isinstance(module, Backbone)]

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
