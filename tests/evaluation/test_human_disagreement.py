import numpy as np
import pytest

from bench.evaluation.evaluate import human_uncertainty
from bench.evaluation.human_disagreement import entropy_of_counts


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([10, 0, 0], 0),
        ([5, 5, 0], np.log(2)),
        ([2, 1, 1], 1.5 * np.log(2)),
        ([20, 10, 10], 1.5 * np.log(2)),
        ([7, 7, 7], np.log(3)),
    ],
)
def test_entropy_of_counts_by_hand(counts, expected):
    assert entropy_of_counts(np.array([counts], dtype=float))[0] == pytest.approx(expected)


def test_entropy_of_counts_is_one_value_per_sample():
    counts = np.array([[4.0, 0.0], [1.0, 1.0], [9.0, 0.0]])
    np.testing.assert_allclose(entropy_of_counts(counts), [0, np.log(2), 0])


@pytest.mark.parametrize(
    ("u", "entropy", "expected"),
    [
        ([0.1, 0.4, 0.2, 0.9], [0.0, 0.5, 0.7, 0.6], 1 - 6 * 6 / (4 * 15)),
        ([0.1, 0.2, 0.3], [0.0, 0.1, 5.0], 1),
        ([0.3, 0.2, 0.1], [0.0, 0.1, 5.0], -1),
        ([1, 1, 2], [0, 1, 2], 1.5 / (1.5 * 2) ** 0.5),
    ],
    ids=["ranks 1324 and 1243", "rising", "falling", "tied: mean ranks"],
)
def test_human_uncertainty_is_the_correlation_of_ranks_by_hand(u, entropy, expected):
    scores = {"own": np.array(u, dtype=float)}
    assert human_uncertainty(scores, np.array(entropy, dtype=float)) == {"own": pytest.approx(expected)}
