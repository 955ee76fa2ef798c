"""The figures of a report: each is a function from a group of runs to pictures."""

from collections.abc import Callable, Iterator

import bench.report.figures.backend  # noqa: F401

# isort: split
from bench.grid.pictures import Pictures
from bench.report.figures.ablation import pictures as ablations
from bench.report.figures.confusion import pictures as confusion_matrices
from bench.report.figures.features import pictures as feature_maps
from bench.report.figures.image_grids import pictures as image_grids
from bench.report.figures.noise_curves import pictures as curves_against_noise
from bench.report.figures.rejection import pictures as rejection_curves
from bench.report.figures.reliability import pictures as reliability_diagrams
from bench.report.figures.style import Picture
from bench.report.figures.training_curves import pictures as training_logs
from bench.report.figures.training_uncertainty import pictures as training_uncertainties
from bench.report.figures.uncertainty_histograms import pictures as histograms
from bench.report.grouping import Group
from bench.report.sample_pictures import Samples

# From records alone, always drawn.
FROM_RECORDS: list[Callable[[Group], Iterator[Picture]]] = [
    curves_against_noise,
    rejection_curves,
    ablations,
    confusion_matrices,
    training_logs,
    training_uncertainties,
]
# From predictions, drawn when asked for by name: of each cell, or of all methods at a noise.
FROM_SAMPLES: dict[str, Callable[[Group, Samples, Pictures], Iterator[Picture]]] = {
    "images": image_grids,
    "features": feature_maps,
    "reliability": reliability_diagrams,
    "histograms": histograms,
}
OF_ALL_METHODS = ("reliability", "histograms")
