"""The kinds of figures: what each shows, and of what. It imports nothing, for lists and help."""

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of figure."""

    words: str
    needs: str  # what runs must have for it
    of_one_noise: bool = True
    of_one_method: bool = False
    takes_metric: str = ""  # what `--metric` means, if it is taken


PREDICTIONS = "stored predictions"
KINDS = {
    "rejection": Kind("accuracy of the kept images as the most uncertain are rejected", "runs"),
    "accuracy": Kind(
        "accuracy, or another metric, against label noise, with every seed",
        "runs at two rates of one kind of noise",
        of_one_noise=False,
        takes_metric="the metric, such as scores.own.auroc",
    ),
    "training": Kind(
        "accuracy, memorisation and relabelling by epoch",
        "runs",
        takes_metric="columns of the log, such as test_accuracy,loss",
    ),
    "training-uncertainty": Kind("uncertainty of clean and of wrong labels by epoch", "runs with label noise"),
    "confusion": Kind("which classes are taken for which", "runs with at most 20 classes"),
    "reliability": Kind("accuracy by confidence, with counts of images", PREDICTIONS),
    "histograms": Kind("uncertainty of right and of wrong images", PREDICTIONS),
    "features": Kind(
        "features in two dimensions, certain and uncertain images marked", PREDICTIONS, of_one_method=True
    ),
    "images": Kind(
        "the most uncertain images, or the most certain", f"{PREDICTIONS} and the data", of_one_method=True
    ),
    "ablation": Kind("accuracy along a hyper-parameter", "runs of a method with several values of one"),
    "relabelling": Kind(
        "accuracy without and with relabelling", "runs of a method without and with it", of_one_noise=False
    ),
    "critical-difference": Kind(
        "mean ranks over data sets, noise and seeds, with Nemenyi's critical difference",
        "runs of three methods at the same noise and seeds",
        of_one_noise=False,
        takes_metric="the metric to rank by",
    ),
}
