"""Samples of a stored run for pictures: its predictions, and the images, loaded once more.

What needs torch is imported where it is used: a report without samples does not wait for it.
"""

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from bench.errors import DataError, one_line
from bench.evaluation.predictions import LabelledPredictions
from bench.plugins.registry import Registry
from bench.spec import Choice
from bench.store.prediction_files import read_predictions
from bench.store.record import Record


def most(found: LabelledPredictions, count: int, score: str, certain: bool) -> Int[np.ndarray, " count"]:
    """Return the places of the most certain or uncertain samples, the extreme first, ties in order.

    Raises:
        DataError: the score is not defined for these predictions.
    """
    return extremes(score_of(found, score), count, certain)


def extremes(uncertainty: Float[np.ndarray, " n"], count: int, certain: bool) -> Int[np.ndarray, " count"]:
    """Return the places of the least or most uncertain samples, the extreme first."""
    return np.argsort(uncertainty if certain else -uncertainty, kind="stable")[:count]


def score_of(found: LabelledPredictions, score: str) -> Float[np.ndarray, " n"]:
    """Return a score of each sample, larger = less sure.

    Raises:
        DataError: the score is not defined for these predictions.
    """
    from bench.evaluation.evaluate import all_scores
    from bench.evaluation.scores import UNDEFINED_IF_NORMALISED

    if (uncertainty := all_scores(found.predictions).get(score)) is None:
        raise DataError(f"there is no score {score}: {UNDEFINED_IF_NORMALISED[score]}")
    return uncertainty


class Samples:
    """Where figures find samples; each data set is loaded once.

    Args:
        registry: of the data sets.
        root: the folder of their files.
    """

    def __init__(self, registry: Registry, root: Path) -> None:
        self.registry, self.root = registry, root
        self._load = cache(self._load_once)

    def evaluated(self, record: Record) -> LabelledPredictions:
        """Return a run's predictions.

        Raises:
            DataError: they are not in the store.
        """
        try:
            return read_predictions(record.files, "test")
        except FileNotFoundError:
            raise DataError(f"{record.files} has no predictions here: they stay where the run was made") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{record.files}: {one_line(error)}") from None

    def images(
        self, record: Record, labels: Int[np.ndarray, " n"]
    ) -> UInt8[np.ndarray, "n channels height width"]:
        """Return the images that a run was evaluated on.

        Raises:
            DataError: the data set is not here, or is not the one of the run.
        """
        spec = record.spec
        if spec.evaluate != "test":
            raise DataError(f"{record.files}: evaluated on a held-out part, images are drawn of test sets only")
        images, true = self._load(spec.dataset.model_dump_json())
        if not np.array_equal(true, labels):
            raise DataError(
                f"{record.files}: the test set under {self.root} is not the one this run was evaluated on"
            )
        return images

    def _load_once(
        self, choice: str
    ) -> tuple[UInt8[np.ndarray, "n channels height width"], Int[np.ndarray, " n"]]:
        from bench.plugins.loading import load

        test = load(Choice.model_validate_json(choice), self.registry, self.root, download=False).test
        return test.images.numpy(), test.labels.numpy()


def of_each_method(cells: dict[str, list[Record]], samples: Samples) -> dict[str, list[LabelledPredictions]]:
    """Return the predictions of each method's runs, of those whose predictions are here.

    Raises:
        DataError: no run's predictions are here.
    """
    found: dict[str, list[LabelledPredictions]] = {}
    first: DataError | None = None
    for label, cell in cells.items():
        for record in cell:
            try:
                found.setdefault(label, []).append(samples.evaluated(record))
            except DataError as error:
                first = first or error
    kept = {label: each for label, each in found.items() if each}
    if not kept and first:
        raise first
    return kept
