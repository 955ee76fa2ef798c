"""Reliability diagrams and histograms of uncertainty, against counting by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import record, spec

from bench.errors import DataError
from bench.evaluation.calibration import BINS, Classified, ece
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.grid.pictures import Pictures
from bench.plugins.registry import Registry
from bench.report.figures import reliability, uncertainty_histograms
from bench.report.grouping import group
from bench.report.sample_pictures import Samples, of_each_method


def outputs(seed, size=400):
    rng = np.random.default_rng(seed)
    logits = (2 * rng.normal(size=(size, 3))).astype(np.float32)
    return LabelledPredictions(Predictions(logits, rng.random(size), None), {"label": rng.integers(3, size=size)})


@pytest.fixture(scope="module")
def members():
    runs = [record(spec(methods=[m], seeds=[s]), metrics={"ece": 0.1}) for m in ("rul", "dul") for s in (0, 1)]
    (found,) = group(runs)
    return found


class SomePredictions(Samples):
    """Predictions of every run but those of dul, which are elsewhere."""

    def evaluated(self, record):
        if record.spec.label == "dul":
            raise DataError("has no predictions here")
        return outputs(record.spec.seed)


@pytest.fixture
def samples():
    return SomePredictions(Registry(), Path("data"))


def test_bins_hold_the_images_of_all_runs_by_confidence():
    runs = [outputs(seed) for seed in (0, 1)]
    bins = reliability.binned_by_confidence([(each.predictions.logits, each.labels) for each in runs])
    confidence = np.concatenate([Classified(r.predictions.logits, r.labels).confidence for r in runs])
    right = np.concatenate([r.predicted == r.labels for r in runs])
    assert bins.counts.sum() == 800
    for k in range(BINS):
        inside = (confidence >= k / BINS) & ((confidence < (k + 1) / BINS) | (k == BINS - 1))
        assert bins.counts[k] == inside.sum()
        if inside.any():
            assert bins.accuracy[k] == pytest.approx(right[inside].mean())
            assert bins.confidence[k] == pytest.approx(confidence[inside].mean())


def test_the_gaps_of_the_bins_make_the_ece():
    found = outputs(3)
    bins = reliability.binned_by_confidence([(found.predictions.logits, found.labels)])
    classified = Classified(found.predictions.logits, found.labels)
    known = bins.counts > 0
    gaps = bins.counts[known] * np.abs(bins.accuracy[known] - bins.confidence[known])
    assert gaps.sum() / 400 == pytest.approx(ece(classified.confidence, classified.errors))


def test_a_reliability_diagram_has_bars_of_accuracy_over_bars_of_counts(members, samples):
    (picture,) = reliability.pictures(members, samples, Pictures())
    (axes,) = picture.figure.axes
    assert axes.get_title() == "rul"
    runs = [outputs(seed) for seed in (0, 1)]
    bins = reliability.binned_by_confidence([(each.predictions.logits, each.labels) for each in runs])
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, 100 * bins.accuracy[bins.counts > 0])
    (strip,) = axes.child_axes
    assert [bar.get_height() for bar in strip.patches] == bins.counts[bins.counts > 0].tolist()


def test_shares_of_histograms_are_those_of_right_and_of_wrong_images():
    rng = np.random.default_rng(0)
    split = uncertainty_histograms.Split(rng.normal(size=1000), rng.random(1000) < 0.1)
    edges, found = uncertainty_histograms.shares(split)
    assert [part.sum() for part in found.values()] == pytest.approx([100, 100])
    inner = (split.uncertainty >= edges[5]) & (split.uncertainty < edges[6])
    assert found["wrong images"][5] == pytest.approx(100 * (inner & split.wrong).sum() / split.wrong.sum())
    assert found["right images"][0] >= 100 * (~split.wrong & (split.uncertainty < edges[0])).sum() / 1000


def test_a_score_that_is_one_number_and_a_run_without_errors_are_drawn():
    split = uncertainty_histograms.Split(np.zeros(10), np.zeros(10, dtype=bool))
    _, found = uncertainty_histograms.shares(split)
    assert found["right images"].sum() == 100
    assert found["wrong images"].sum() == 0


def test_histograms_have_a_panel_for_each_method_with_predictions(members, samples):
    (picture,) = uncertainty_histograms.pictures(members, samples, Pictures(score="msp"))
    (axes,) = picture.figure.axes
    assert axes.get_title() == "rul"
    wrong = sum(int((outputs(s).predicted != outputs(s).labels).sum()) for s in (0, 1))
    assert axes.texts[0].get_text() == f"{wrong} of 800 wrong"


def test_where_no_predictions_are_the_first_reason_is_told(members, samples):
    cells = {"dul": members.cell("dul", members.noises[0])}
    with pytest.raises(DataError, match="has no predictions here"):
        of_each_method(cells, samples)
    alone = replace(members, records=cells["dul"])
    with pytest.raises(DataError):
        list(reliability.pictures(alone, samples, Pictures()))
