"""Image grids of the page: the most uncertain and certain images of a run, with what it predicts.

Data sets that show people are left out: a page is passed on more easily than their licences allow.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from bench.errors import BenchError, one_line
from bench.evaluation.predictions import LabelledPredictions
from bench.report.html.json_blocks import short
from bench.report.html.thumbnails import Thumbnails
from bench.report.sample_pictures import Samples, extremes
from bench.store.record import Record

EACH = 12  # images of a grid
ORDERED_BY = ("own", "msp")  # that order the images; further ones would double what is embedded
NAMED = 3  # most probable classes that are told
Scores = Mapping[str, Float[np.ndarray, " n"]]


class ImageViews:
    """Makes grids of images of runs; thumbnails are shared by all of them."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.thumbnails = Thumbnails()
        self._problems: list[str] = []

    def of(self, record: Record, found: LabelledPredictions, scores: Scores) -> dict[str, Any] | None:
        """Return the images of a run's grids by score, None where they are not to be shown."""
        name = record.spec.dataset.name
        if shows_people(self.samples, name):
            self._problems.append(f"Images of {name} show people, so none is embedded.")
            return None
        try:
            pixels = self.samples.images(record, found.labels)
        except BenchError as error:
            self._problems.append(one_line(error))
            return None
        return self._grids(record.spec.dataset.model_dump_json(), pixels, found, scores)

    def take_problems(self) -> list[str]:
        """Return why images are missing, once."""
        told, self._problems = self._problems, []
        return told

    def _grids(
        self, dataset: str, pixels: np.ndarray, found: LabelledPredictions, scores: Scores
    ) -> dict[str, Any]:
        likely = probabilities(found)
        grids, told = {}, dict[int, list[Any]]()
        for score in (name for name in ORDERED_BY if name in scores):
            for certain in (False, True):
                places = [int(i) for i in extremes(scores[score], EACH, certain)]
                shown = [i for i in places if self.thumbnails.add(_key(dataset, i), pixels[i])]
                grids[f"{score}-{'certain' if certain else 'uncertain'}"] = shown
                told |= {i: _facts(found, likely, scores, i) for i in shown}
        return {"data": _key(dataset, ""), "grids": grids, "images": told}


def shows_people(samples: Samples, name: str) -> bool:
    """Return whether a data set's file says that its images show people; unknown ones count so."""
    try:
        return bool(getattr(samples.registry.find("datasets", name).load(), "shows_people", False))
    except BenchError:
        return True


def probabilities(found: LabelledPredictions) -> Float[np.ndarray, "n classes"]:
    """Return the softmax of the logits."""
    logits = found.predictions.logits.astype(float)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _key(dataset: str, place: int | str) -> str:
    return f"{dataset}:{place}"


def _facts(found: LabelledPredictions, likely: np.ndarray, scores: Scores, place: int) -> list[Any]:
    """Return label, predicted class, the most probable classes, and every score of an image."""
    order: Int[np.ndarray, " named"] = np.argsort(-likely[place], kind="stable")[:NAMED]
    top = [[int(k), short(float(likely[place, k]), 4)] for k in order]
    values = {name: short(float(each[place]), 5) for name, each in scores.items()}
    return [int(found.labels[place]), int(found.predicted[place]), top, values]
