"""Laplace approximation of the last layer: a Gaussian over fc, fitted after training.

Source: Daxberger et al., Laplace Redux – Effortless Bayesian Deep Learning, NeurIPS 2021 (arXiv
2106.14806): the recommended form, that is the last layer, a generalised Gauss-Newton matrix with
Kronecker factors, the prior precision by the marginal likelihood, and the probit link.
Departures: the bias is one of the weights, by a 1 beside the features; the authors' laplace-torch
keeps it as a block without correlation to them. It is written here and not taken from that library,
which keeps its state outside the net's state_dict and fits through loaders and backends of its own;
the tests compare both. The layer's curvature does not depend on the labels, noisy or not.
"""

import math
from collections.abc import Iterable

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import (
    Batch,
    MakeBackbone,
    MethodFactory,
    Prediction,
    Task,
    UsageError,
    Wrapper,
    entropy,
    feature_width,
    learnt,
)

BOUNDS = (-10.0, 20.0)  # of log τ


class LastLayerLaplace(Wrapper):
    """Logits z / √(1 + π/8 diag Σ(x)), Σ(x) the covariance of z = fc(f); u = their entropy.

    The weights of fc have covariance (A ⊗ B + τ I)⁻¹, A = mean f fᵀ with a 1 appended to f for the
    bias, B = Σ_n (diag p − p pᵀ); τ maximises the marginal likelihood.

    Args:
        inner: the method that is trained; its logits must be fc of its features.
    """

    version = 1

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
    ) -> None:
        super().__init__(task, make_backbone, inner=inner)
        D, K = feature_width(self.inner, task) + 1, task.num_classes
        self._check_layer(task)
        self.left: Tensor
        self.left_values: Tensor
        self.right: Tensor
        self.right_values: Tensor
        self.precision: Tensor
        for name, shape in (("left", (D, D)), ("left_values", (D,)), ("right", (K, K)), ("right_values", (K,))):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))  # eigenvectors and values
        self.register_buffer("precision", torch.zeros((), dtype=torch.float64))  # τ; 0 before `finish`

    @property
    def _layer(self) -> nn.Linear:
        layer = getattr(self.inner, "fc", None)
        if not isinstance(layer, nn.Linear):
            raise UsageError("its inner method must end in an affine layer named fc: choose another inner")
        return layer

    def _check_layer(self, task: Task) -> None:
        training = self.inner.training
        self.inner.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found = self.inner.predict(torch.ones(1, *task.image_shape))
            assert found.features is not None  # checked by `feature_width`
            is_affine = torch.allclose(self._layer(found.features), found.logits, atol=1e-4)
        self.inner.train(training)
        if not is_affine:
            raise UsageError("its inner method's logits are not fc of its features: choose another inner")

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Fit the factors and τ to the training set's features."""
        super().finish(train, held_out)
        prediction, _ = learnt(self.inner, train)
        assert prediction.features is not None
        self.fit(prediction.features.double(), prediction.logits.double())

    def fit(self, features: Tensor, logits: Tensor) -> None:
        """Fit factors and τ to features (N, D) and logits (N, K)."""
        f, p = F.pad(features, (0, 1), value=1.0), logits.softmax(dim=1)
        for factor, vectors, values in (
            (f.T @ f / len(f), self.left, self.left_values),
            (p.sum(dim=0).diag() - p.T @ p, self.right, self.right_values),
        ):
            found = torch.linalg.eigh(factor)
            vectors.copy_(found.eigenvectors)
            values.copy_(found.eigenvalues.clamp(min=0))
        self.precision.fill_(self.best_precision())

    def best_precision(self) -> float:
        """Return the τ of the largest marginal likelihood, up to a constant −½ of `evidence`."""
        curvature = torch.outer(self.left_values, self.right_values).flatten().cpu()
        square = sum(float(part.detach().double().square().sum()) for part in self._layer.parameters())

        def cost(log_precision: float) -> float:
            tau = math.exp(log_precision)
            return tau * square + float((curvature + tau).log().sum()) - len(curvature) * log_precision

        return math.exp(minimize_scalar(cost, bounds=BOUNDS, method="bounded").x)

    def remarks(self) -> list[str]:
        """Say what τ is."""
        return [*super().remarks(), f"the prior precision is {float(self.precision):.3g}"]

    def variance(self, features: Tensor) -> Tensor:
        """Return the variances (B, K) of the logits of features (B, D), in float64."""
        f = F.pad(features.double(), (0, 1), value=1.0)
        inverse = 1 / (torch.outer(self.left_values, self.right_values) + self.precision)
        return (f @ self.left).square() @ inverse @ self.right.T.square()

    def predict(self, images: Tensor) -> Prediction:
        """Return logits by the probit link, their entropy, and features; z before `finish`."""
        logits, _, features = self.inner.predict(images)
        assert features is not None
        if self.precision > 0:
            logits = logits / (1 + math.pi / 8 * self.variance(features)).sqrt()
        return Prediction(logits, entropy(logits), features)
