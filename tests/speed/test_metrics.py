"""Metrics of a million samples and five scores, beside torch-uncertainty and torchmetrics."""

import numpy as np
import pytest
import torch
from harness import evaluation_of

from bench.evaluation import evaluate as evaluation
from bench.evaluation.predictions import Predictions

SIZE, CLASSES = 1_000_000, 10


def predictions() -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=SIZE)
    logits = rng.normal(size=(SIZE, CLASSES)).astype(np.float32)
    logits[np.arange(SIZE), labels] += 2.5
    return Predictions(logits, rng.random(SIZE), None), labels


def of_few(predicted: Predictions, size: int = 1000) -> Predictions:
    return Predictions(predicted.logits[:size], predicted.uncertainty[:size], None)


def theirs(predicted: Predictions, labels: np.ndarray):
    """The metrics that both have; torch-uncertainty's selective ones know max-softmax only."""
    from torch_uncertainty import metrics as tu
    from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision, MulticlassAccuracy

    def compute() -> None:
        logits, target = torch.from_numpy(predicted.logits), torch.from_numpy(labels)
        probabilities = logits.softmax(dim=1)
        errors = (probabilities.argmax(dim=1) != target).long()
        for metric in (
            tu.AURC(),
            tu.AUGRC(),
            tu.RiskAt80Cov(),
            tu.BrierScore(num_classes=CLASSES),
            tu.CategoricalNLL(),
            tu.CalibrationError(task="multiclass", num_classes=CLASSES),
            tu.AdaptiveCalibrationError(task="multiclass", num_classes=CLASSES),
            MulticlassAccuracy(CLASSES, average="micro"),
        ):
            metric.update(probabilities, target)
            metric.compute()
        for score in evaluation.all_scores(predicted).values():
            for metric in (BinaryAUROC(), BinaryAveragePrecision(), tu.FPR95(pos_label=1)):
                metric.update(torch.from_numpy(score / np.abs(score).max()).float(), errors)
                metric.compute()

    return compute


@pytest.mark.filterwarnings("ignore:Metric `.*` will save all targets")
def test_every_metric_and_curve_of_a_million_samples(against):
    predicted, labels = predictions()
    few = of_few(predicted)
    given = np.where(np.arange(1000) % 4, labels[:1000], (labels[:1000] + 1) % CLASSES)

    def ours() -> None:
        evaluation_of(predicted, labels, few, given, labels[:1000])

    against(ours, theirs(predicted, labels), "goal 1, and 6 s of ours", rounds=3)
