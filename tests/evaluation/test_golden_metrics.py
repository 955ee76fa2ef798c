"""The promise of `VERSION`: metrics of the same predictions are those that were stored under it."""

import json
from pathlib import Path

import numpy as np
import pytest
from harness import evaluation_of

from bench.evaluation.metrics import VERSION
from bench.evaluation.predictions import Predictions

STORED = Path(__file__).with_name("golden_metrics.json")
N, K = 60, 3


def predictions(start: int, features: bool = False) -> Predictions:
    """Made by arithmetic alone, so that no library's random numbers can change them."""
    grid = np.arange(start, start + N * K).reshape(N, K)
    logits = (np.sin(1.7 * grid) * 3).round(2).astype(np.float32)
    uncertainty = np.cos(0.9 * np.arange(start, start + N)).round(1)  # with ties
    around = (np.sin(0.3 * grid) * 2).round(2).astype(np.float32)
    return Predictions(logits, uncertainty, around if features else None)


def evaluated() -> dict:
    labels, true = np.arange(N) * 7 % K, np.arange(N) * 5 % K
    given = np.where(np.arange(N) % 4 == 0, (true + 1) % K, true)
    people = np.abs(np.sin(np.arange(N))).round(3)
    metrics, curves = evaluation_of(predictions(0, features=True), labels, predictions(1000), given, true, people)
    return {"metrics": metrics, "curves": {name: column.tolist() for name, column in curves.items()}}


def leaves(content, path=""):
    """Yield each value with its place."""
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from leaves(value, f"{path}/{key}")
    else:
        yield path, content


def test_metrics_of_fixed_predictions_are_those_stored_under_this_version():
    """To store them anew: `python tests/evaluation/test_golden_metrics.py`."""
    stored = json.loads(STORED.read_text())
    assert stored.pop("version") == VERSION, "VERSION was raised: store the metrics anew, as this test's text says"
    before, now = dict(leaves(stored)), dict(leaves(evaluated()))
    moved = [
        place
        for place in before.keys() | now.keys()
        if place not in before or place not in now or now[place] != pytest.approx(before[place], rel=0, abs=1e-12)
    ]
    assert not moved, f"metrics moved, so raise VERSION in bench/evaluation/metrics.py: {sorted(moved)[:5]}"


if __name__ == "__main__":
    STORED.write_text(json.dumps({"version": VERSION} | evaluated(), indent=1) + "\n")
