"""Cross-entropy on the shared trunk; uncertainty 1 − max softmax.

Source: the baseline of Zhang et al., Relative Uncertainty Learning, NeurIPS 2021.
Departures: it has the embedding head that the methods of learned uncertainty need, for equal
trunks.
"""

from bench.api import Classifier


class Baseline(Classifier):
    """L = CE(fc(μ), y); u = 1 − max softmax."""

    version = 1
