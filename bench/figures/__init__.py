"""The figures of a report: each is a function from a group of runs to pictures."""

from collections.abc import Callable, Iterator

from bench.figures.ablation import pictures as ablations
from bench.figures.confusion import pictures as confusion_matrices
from bench.figures.features import pictures as feature_maps
from bench.figures.images import pictures as image_grids
from bench.figures.rejection import pictures as rejection_curves
from bench.figures.style import Picture
from bench.figures.training import pictures as training_logs
from bench.groups import Group
from bench.samples import Samples
from bench.spec import Pictures

# From records alone, always drawn.
FROM_RECORDS: list[Callable[[Group], Iterator[Picture]]] = [
    rejection_curves,
    ablations,
    confusion_matrices,
    training_logs,
]
# From predictions, drawn when asked for by name.
FROM_SAMPLES: dict[str, Callable[[Group, Samples, Pictures], Iterator[Picture]]] = {
    "images": image_grids,
    "features": feature_maps,
}
