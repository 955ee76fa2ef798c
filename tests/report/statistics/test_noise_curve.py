import numpy as np
import pytest
from scipy.stats import linregress

from bench.report.statistics.noise_curve import area, crossings, slope

RATES = np.array([0.0, 0.1, 0.3])
ACCURACY = np.array([0.9, 0.8, 0.4])


def test_area_by_hand():
    """(0.85 · 0.1 + 0.6 · 0.2) / 0.3."""
    assert area(RATES, ACCURACY) == pytest.approx(0.205 / 0.3)
    assert area(RATES, np.full(3, 0.7)) == pytest.approx(0.7)


def test_slope_is_that_of_a_regression():
    assert slope(RATES, ACCURACY) == pytest.approx(linregress(RATES, ACCURACY).slope)
    assert slope(RATES, 0.9 - 0.5 * RATES) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("other", "where"),
    [
        ([0.8, 0.7, 0.3], []),
        ([0.8, 0.7, 0.5], [0.2]),  # gaps 0.1, 0.1, −0.1
        ([0.8, 0.9, 0.3], [0.05, 0.2]),
        ([0.8, 0.8, 0.5], [0.1]),  # through a measured point
        ([0.8, 0.8, 0.3], []),  # only touches
        ([0.9, 0.7, 0.3], []),
        ([0.9, 0.8, 0.4], []),
    ],
)
def test_crossings_by_hand(other, where):
    assert crossings(RATES, ACCURACY, np.array(other)) == pytest.approx(where)
