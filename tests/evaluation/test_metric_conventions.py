"""Each cell of the page on conventions is what that library reports; cleanlab orders as we do."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.evaluation import calibration, ranking
from bench.evaluation import evaluate as evaluation
from bench.evaluation.predictions import Predictions

PAGE = Path(__file__).parents[2] / "docs" / "metric-conventions.md"
ERRORS = np.isin(np.arange(1, 11), [3, 7, 9, 10])
LOWER = [0.83, 0.76, 0.7, 0.64, 0.55]
CONFIDENCES = {
    "No two samples equally sure": [1, 0.97, 0.95, 0.92, 0.88, *LOWER],
    "Ties": [1, 1, 1, 0.95, 0.95, *LOWER],
}
pytestmark = [
    pytest.mark.skipif(not PAGE.is_file(), reason="not in a clone"),
    pytest.mark.filterwarnings("ignore"),  # of libraries that are not ours
]


class Example:
    """Samples of three classes: probabilities p (n, 3), labels y, errors e, confidences c."""

    def __init__(self, confidence):
        self.c, self.e = np.asarray(confidence, float), ERRORS
        self.p = np.stack([self.c, 0.75 * (1 - self.c), 0.25 * (1 - self.c)], axis=1)
        self.y = self.e.astype(int)

    def reverse(self):
        """Put the samples in the other order."""
        self.c, self.e, self.p, self.y = self.c[::-1], self.e[::-1], self.p[::-1], self.y[::-1]


def ours():
    def of_ranking(metric, *arguments):
        return lambda x: metric(ranking.rank(1 - x.c, x.e), *arguments)

    return {
        "aurc": of_ranking(ranking.aurc),
        "e-aurc": of_ranking(ranking.e_aurc),
        "augrc": of_ranking(ranking.augrc),
        "auroc": of_ranking(ranking.auroc),
        "ap": of_ranking(ranking.average_precision),
        "fpr95_error": of_ranking(ranking.fpr95_error),
        "fpr95_correct": of_ranking(ranking.fpr95_correct),
        "risk at 80 % coverage": of_ranking(ranking.risk_at_coverage, 0.8),
        "ece": lambda x: calibration.ece(x.c, x.e),
        "brier": lambda x: calibration.brier(log(x.p), x.y),
        "nll": lambda x: calibration.nll(log(x.p), x.y),
    }


def log(p):
    return np.log(np.maximum(p, 1e-300))


def torch_uncertainty():
    peer = pytest.importorskip("torch_uncertainty.metrics")

    def of(metric, first, second):
        metric.update(torch.tensor(first.copy()), torch.tensor(second.copy()))
        return metric.compute().item()

    return {
        "aurc": lambda x: of(peer.AURC(), x.p, x.y),
        "augrc": lambda x: of(peer.AUGRC(), x.p, x.y),
        "fpr95_error": lambda x: of(peer.FPR95(pos_label=1), 1 - x.c, x.e.astype(int)),
        "fpr95_correct": lambda x: of(peer.FPR95(pos_label=1), x.c, 1 - x.e),
        "risk at 80 % coverage": lambda x: of(peer.RiskAt80Cov(), x.p, x.y),
        "ece": lambda x: of(peer.CalibrationError(task="multiclass", num_classes=3), x.p, x.y),
        "brier": lambda x: of(peer.BrierScore(num_classes=3), x.p, x.y),
        "nll": lambda x: of(peer.CategoricalNLL(), x.p, x.y),
    }


def torchmetrics():
    peer = pytest.importorskip("torchmetrics.classification")

    def of(metric, first, second):
        return metric(torch.tensor(first.copy()), torch.tensor(second.copy())).item()

    return {
        "auroc": lambda x: of(peer.BinaryAUROC(), 1 - x.c, x.e.astype(int)),
        "ap": lambda x: of(peer.BinaryAveragePrecision(), 1 - x.c, x.e.astype(int)),
        "ap of the right ones": lambda x: of(peer.BinaryAveragePrecision(), x.c, 1 - x.e),
        "ece": lambda x: of(peer.MulticlassCalibrationError(3), x.p, x.y),
    }


def scikit_learn():
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    return {
        "auroc": lambda x: roc_auc_score(x.e, 1 - x.c),
        "ap": lambda x: average_precision_score(x.e, 1 - x.c),
        "ap of the right ones": lambda x: average_precision_score(~x.e, x.c),
        "brier": lambda x: brier_score_loss(x.y, x.p, labels=[0, 1, 2]),
        "nll": lambda x: log_loss(x.y, x.p, labels=[0, 1, 2]),
    }


def fd_shifts():
    """Its formulas: risks at the ends of ties; at coverage 0 the first again, 0 if generalised."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    def points(x):
        order = np.argsort(-x.c)
        ends = np.append(np.flatnonzero(np.diff(x.c[order])) + 1, len(x.c))
        return np.append(0, ends), np.append(0, np.cumsum(x.e[order])[ends - 1])

    def aurc(x):
        kept, wrong = points(x)
        risk = wrong[1:] / kept[1:]
        return np.trapezoid(np.append(risk[0], risk), kept / len(x.c))

    def augrc(x):
        kept, wrong = points(x)
        return np.trapezoid(wrong, kept) / len(x.c) ** 2

    def fpr(x):
        false, true, _ = roc_curve(~x.e, x.c)
        return false[true >= 0.9495].min()

    rate = ERRORS.mean()
    return {
        "aurc": aurc,
        "e-aurc": lambda x: aurc(x) - (rate + (1 - rate) * np.log(1 - rate)),
        "augrc": augrc,
        "auroc": lambda x: roc_auc_score(~x.e, x.c),
        "ap": lambda x: average_precision_score(~x.e, -x.c, pos_label=0),
        "ap of the right ones": lambda x: average_precision_score(~x.e, x.c),
        "fpr95_correct": fpr,
        "nll": lambda x: -np.where(x.e, np.log(1 - x.c + 1e-7), np.log(x.c + 1e-7)).mean(),
    }


COLUMNS = {
    "ours": ours,
    "torch-uncertainty": torch_uncertainty,
    "torchmetrics": torchmetrics,
    "scikit-learn": scikit_learn,
    "fd-shifts": fd_shifts,
}


def tables():
    """Return the cells of the page's tables: by section, metric and column."""
    for section, text in re.findall(
        r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)
        ]
        for row in rows[2:]:
            for column, cell in zip(rows[0][1:], row[1:], strict=True):
                yield section, row[0], column, cell


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("section", CONFIDENCES)
def test_each_cell_is_what_the_library_reports(section, column):
    reported = COLUMNS[column]()
    cells = {metric: cell for of, metric, by, cell in tables() if (of, by) == (section, column)}
    assert len(cells) >= 8
    for metric, cell in cells.items():
        assert cell == (said(reported[metric], section) if metric in reported else "–"), metric


def said(metric, section):
    """Return the metric's value, or both where the order of the samples matters."""
    example = Example(CONFIDENCES[section])
    forward = f"{metric(example):.4f}"
    example.reverse()
    backward = f"{metric(example):.4f}"
    return forward if forward == backward else f"{forward} or {backward}"


def test_the_examples_of_the_page_hold():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})


def test_coverage_that_is_not_whole_is_rounded_by_us_and_raised_by_torch_uncertainty():
    peer = pytest.importorskip("torch_uncertainty.metrics").RiskAt80Cov()
    confidence, errors = np.array([0.9, 0.8, 0.7, 0.6]), np.array([False, False, False, True])
    peer.update(torch.tensor(np.stack([confidence, 1 - confidence], 1)), torch.tensor(errors.astype(int)))
    assert peer.compute().item() == 0.25  # of all four
    assert ranking.risk_at_coverage(ranking.rank(1 - confidence, errors), 0.8) == 0  # of three


def test_the_label_aware_score_orders_labels_as_cleanlab_does():
    rank = pytest.importorskip("cleanlab.rank")
    rng = np.random.default_rng(0)
    true, logits = rng.integers(5, size=400), rng.normal(size=(400, 5)).astype(np.float32)
    logits[np.arange(400), true] += 2
    given = np.where(rng.random(400) < 0.2, (true + 1) % 5, true)
    train = Predictions(logits, rng.random(400), None)
    found = evaluation.noise_detection(train, given, true)["label_aware"]

    quality = rank.get_label_quality_scores(given, torch.tensor(logits).double().softmax(1).numpy())
    flipped = given != true
    worst = np.argsort(quality)[: flipped.sum()]
    assert found["precision_at_flips"] == pytest.approx(flipped[worst].mean())
    assert found["auroc"] == pytest.approx((quality[flipped, None] < quality[~flipped]).mean())
