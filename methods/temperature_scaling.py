"""Temperature scaling: logits divided by a temperature T fitted to held-out labels.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017,
section 4.2; initial value, learning rate and LBFGS from their code.
Departures: log T is fitted, so that T stays positive, with a strong-Wolfe line search; without one,
LBFGS at the published rate stops short of the minimum. T stays 1 where every held-out sample is
right, since the likelihood then has no minimum and T runs to 0; else T stays within 0.01 and 100.
Note: the held-out labels are as noisy as the training labels, and T fits the confidence to them: at
30 % noise to an accuracy of about 70 %, less than that on clean images. T does not change the order
of classes, so the accuracy is that of the inner method.
"""

import math
from collections.abc import Iterable

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn import functional as F

from bench.api import Batch, MakeBackbone, MethodFactory, Prediction, Task, Wrapper, in_float64, learnt, msp

LOWEST, HIGHEST = 0.01, 100.0


class TemperatureScaling(Wrapper):
    """Logits z / T, T = argmin NLL(softmax(z / T)) on held-out samples; u = 1 − max softmax.

    Args:
        inner: the method that is trained and gives z.
        initial: T at the start of the fit.
        learning_rate: of LBFGS.
        iterations: maximum number of LBFGS iterations.
    """

    version = 3  # 2: z / T of log-probabilities z was not normalised; 1: T without bounds
    needs_held_out = True

    def __init__(
        self,
        task: Task,
        make_backbone: MakeBackbone,
        *,
        inner: MethodFactory = MethodFactory("baseline"),
        initial: PositiveFloat = 1.5,
        learning_rate: PositiveFloat = 0.01,
        iterations: PositiveInt = 200,
    ) -> None:
        super().__init__(task, make_backbone, inner=inner)
        self.initial, self.learning_rate, self.iterations = initial, learning_rate, iterations
        self.all_right = False
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Fit T to the held-out samples."""
        super().finish(train, held_out)
        assert held_out is not None  # guaranteed by `needs_held_out`
        prediction, labels = learnt(self.inner, held_out)
        self.all_right = bool((prediction.logits.argmax(dim=1) == labels).all())
        self.temperature.fill_(1.0 if self.all_right else self.fit(in_float64(prediction.logits), labels))

    def remarks(self) -> list[str]:
        """Say what T is, and why if it is 1 or at a bound."""
        temperature = self.temperature.item()
        why = ", as every held-out sample is right" if self.all_right else ""
        at_bound = "" if 1.0001 * LOWEST < temperature < 0.9999 * HIGHEST else ", its bound"
        return [*super().remarks(), f"T is {temperature:.3g}{why}{at_bound}"]

    def fit(self, logits: Tensor, labels: Tensor) -> float:
        """Return T, between its bounds, for logits (N, K) and labels (N,)."""
        log_temperature = torch.full_like(logits[0, 0], math.log(self.initial), requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [log_temperature], self.learning_rate, self.iterations, line_search_fn="strong_wolfe"
        )

        def closure() -> float:
            optimizer.zero_grad()
            nll = F.cross_entropy(logits / log_temperature.exp(), labels)
            nll.backward()
            return nll.item()

        optimizer.step(closure)
        return min(max(log_temperature.exp().item(), LOWEST), HIGHEST)

    def predict(self, images: Tensor) -> Prediction:
        """Return logits z / T, their 1 − max softmax, and the inner method's features.

        Those of log-probabilities z are normalised again.
        """
        prediction = self.inner.predict(images)
        logits = prediction.logits / self.temperature
        logits = logits.log_softmax(dim=1) if self.normalised_logits else logits
        return Prediction(logits, msp(logits), prediction.features)
