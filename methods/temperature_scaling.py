"""Temperature scaling: logits divided by a temperature T fitted to held-out labels.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017,
section 4.2; initial value, learning rate and LBFGS from their code.
Departures: log T is fitted, so that T stays positive, with a strong-Wolfe line search; without one,
LBFGS at the published rate stops short of the minimum.
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

from bench.api import Batch, MakeBackbone, MethodFactory, Prediction, Task, Wrapper, learnt, msp


class TemperatureScaling(Wrapper):
    """Logits z / T, T = argmin NLL(softmax(z / T)) on held-out samples; u = 1 − max softmax.

    Args:
        inner: the method that is trained and gives z.
        initial: T at the start of the fit.
        learning_rate: of LBFGS.
        iterations: maximum number of LBFGS iterations.
    """

    version = 1
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
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def finish(self, train: Iterable[Batch], held_out: Iterable[Batch] | None) -> None:
        """Fit T to the held-out samples."""
        super().finish(train, held_out)
        assert held_out is not None  # guaranteed by `needs_held_out`
        prediction, labels = learnt(self.inner, held_out)
        self.temperature.fill_(self.fit(prediction.logits.double(), labels))

    def fit(self, logits: Tensor, labels: Tensor) -> float:
        """Return T for logits (N, K) and labels (N,)."""
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
        return log_temperature.exp().item()

    def predict(self, images: Tensor) -> Prediction:
        """Return logits z / T, their 1 − max softmax, and the inner method's features."""
        prediction = self.inner.predict(images)
        logits = prediction.logits / self.temperature
        return Prediction(logits, msp(logits), prediction.features)
