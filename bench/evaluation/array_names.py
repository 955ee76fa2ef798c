"""Names of the arrays of predictions that were made elsewhere, and what each holds."""

import re
from collections.abc import Iterable

from bench.errors import UsageError, unknown
from bench.escaping import NAME, NAME_WORDS

TRAIN = "train_"  # before the names of arrays of training images
NAMED = "uncertainty_"  # before the name of one of several uncertainties
FORMS = ("logits", "probabilities", "log_probabilities")  # one of which there must be
# N: test images in the data set's order; M: training images; K: classes.
OUTSIDE_ARRAYS = {
    "logits": "(N, K) of the test images, in the order of the data set",
    "probabilities": "(N, K) in place of logits, each row of sum 1",
    "log_probabilities": "(N, K) in place of logits",
    "labels": "(N,) true classes from 0; the data set's own if left out",
    "uncertainty": "(N,) larger = less sure; uncertainty_NAME for several; 1 − max softmax if left out",
    "features": "(N, D) for distances to class centres, optional",
    "human_entropy": "(N,) nats, of labels by people, optional",
    "train_logits": "(M, K) of the training images, optional, as all that follow",
    "train_probabilities": "(M, K) in place of train_logits",
    "train_log_probabilities": "(M, K) in place of train_logits",
    "train_given": "(M,) labels that the training was given",
    "train_true": "(M,) true classes",
    "train_uncertainty": "(M,) of the training images; train_uncertainty_NAME for several",
    "train_index": "(M,) places of the training images in the data set, to check train_true",
    "train_current": "(M,) labels after relabelling",
}


def check_names(names: Iterable[str]) -> None:
    """Check the names of arrays.

    Raises:
        UsageError: one is unknown, or names an uncertainty by a text that is no name.
    """
    for name in names:
        plain = name.removeprefix(TRAIN)
        is_named = plain.startswith(NAMED)
        if name not in OUTSIDE_ARRAYS and not is_named:
            raise unknown("array", name, OUTSIDE_ARRAYS)
        if is_named and not re.fullmatch(NAME, plain.removeprefix(NAMED)):
            raise UsageError(f"array {name}: after {NAMED} must come {NAME_WORDS}")
