"""What the page shows of stored predictions: reliability, histograms, and the images chosen.

Each run's predictions are read once, and only those of some runs of each cell.
"""

from collections.abc import Iterator
from typing import Any

from bench.errors import DataError, one_line
from bench.evaluation.predictions import LabelledPredictions
from bench.report.figures.reliability import Bins, binned_by_confidence
from bench.report.figures.uncertainty_histograms import Split, shares
from bench.report.grouping import Group
from bench.report.html.json_blocks import short
from bench.report.html.view_images import ImageViews, Scores
from bench.report.html.view_settings import Place, places
from bench.report.sample_pictures import Samples
from bench.store.record import Record

MOST_RUNS = 60  # whose predictions are read for one page


def from_predictions(group: Group, samples: Samples, images: ImageViews, most: int) -> tuple[dict[str, Any], int]:
    """Return the views of a setting that need predictions, and how many runs were read.

    The first run of each cell that has predictions here is shown; `absent` says why some are not.
    """
    views: dict[str, Any] = {"reliability": [], "histograms": [], "images": []}
    absent: list[str] = []
    read = 0
    for at, record, found in _readable(group, samples, most, absent):
        read += 1
        from bench.evaluation.evaluate import all_scores  # and torch with it, if there are predictions

        scores = all_scores(found.predictions)
        views["reliability"].append([*at, record.spec.seed, *_bins(found)])
        views["histograms"] += [[*at, record.spec.seed, *each] for each in _histograms(found, scores)]
        if shown := images.of(record, found, scores):
            views["images"].append([*at, record.spec.seed, shown])
    views["absent"] = list(dict.fromkeys([*absent, *images.take_problems()]))
    return views, read


def _readable(
    group: Group, samples: Samples, most: int, absent: list[str]
) -> Iterator[tuple[Place, Record, LabelledPredictions]]:
    """Yield the first run of each cell with its predictions; say of the others what is missing."""
    cells, failed = places(group), list[str]()
    for at, noise, label in cells[:most]:
        cell = group.cell(label, noise)
        record = next((each for each in cell if "test.parquet" in each.files.names()), cell[0])
        try:
            yield at, record, samples.evaluated(record)
        except DataError as error:
            failed.append(one_line(error))
    if failed:
        more = f" (and {len(failed) - 1} more cells)" if len(failed) > 1 else ""
        absent.append(f"{failed[0]}{more}")
    if len(cells) > most:
        absent.append(
            f"Predictions are read for the first {most} of {len(cells)} cells, so that the page stays small."
        )


def _bins(found: LabelledPredictions) -> list[Any]:
    bins: Bins = binned_by_confidence([(found.predictions.logits, found.labels)])
    parts = ([short(float(x), 5) for x in part] for part in (bins.accuracy, bins.confidence))
    return [bins.counts.tolist(), *parts]


def _histograms(found: LabelledPredictions, scores: Scores) -> Iterator[list[Any]]:
    """Yield for each score its name, the edges of bars, and the part of right and wrong images."""
    wrong = found.predicted != found.labels
    for name, uncertainty in scores.items():
        edges, parts = shares(Split(uncertainty, wrong))
        ends = [short(float(edges[0])), short(float(edges[-1]))]
        yield [
            name,
            ends,
            *([short(float(x), 4) for x in part] for part in parts.values()),
            int(wrong.sum()),
            len(wrong),
        ]
