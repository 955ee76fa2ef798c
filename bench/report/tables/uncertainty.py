"""How well scores rank: errors, flipped training labels, images that people disagree on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from bench.evaluation.metrics import OF_FLIPS, OF_SCORES
from bench.report.columns import Counts, Summaries, Texts
from bench.report.grouping import Group
from bench.report.summaries import Summary, entry, over, undefined
from bench.report.table import Table
from bench.report.tables.cell_table import Runs, ValuedColumns, cell_table, mean_of, metric_columns
from bench.report.values import THREE_DECIMALS

RANKING = [metric for metric in OF_SCORES if metric.heading]
COUNTED = {"uncertain_misclassified": "uncertain", "certain_right": "certain"}
TOP_K: ValuedColumns = (
    (Counts("errors", "misclassified"), mean_of("misclassified")),
    *(
        (Counts(f"{word}: {score}", f"{key}_{score}"), mean_of("scores", score, "top_k", key))
        for key, word in COUNTED.items()
        for score in ("own", "msp")
    ),
)
SCORE: tuple[Texts, Callable[[Any], Any]] = (Texts("score"), lambda row: row.score)


class ScoredRuns(NamedTuple):
    """The runs of a cell, and the score that a row is about."""

    score: str
    runs: Runs


def top_k_table(group: Group) -> Table:
    """Return how many of the most uncertain images are errors, of the most certain ones right."""
    first = group.records[0]
    k, total = entry(first, "scores", "own", "top_k", "k"), entry(first, "samples")
    return cell_table(
        group,
        "top-k",
        f"Errors among the {k} most uncertain, right ones among the {k} most certain",
        TOP_K,
        [
            f"Errors: of all {total} images. Own: by the method's own score; msp: by 1 − max softmax of "
            f"the same checkpoint. Images tied at the boundary count in expectation."
        ],
    )


def scores_table(group: Group) -> Table:
    """Return every ranking metric of every score."""
    return cell_table(
        group,
        "scores",
        "How well each score ranks errors last",
        [SCORE, *metric_columns(RANKING, _mean_at("scores"))],
        [
            "In % where no factor is named. Errors are the positive class of AUROC, AP and FPR95 error, "
            f"right images that of FPR95 correct. Lower is better for {_lower()}.",
            *undefined(group, "error_detection", "energy"),
        ],
        lambda runs: _by_score(runs, "scores"),
    )


def _lower() -> str:
    """Return the first words of the headings of metrics that are better when lower."""
    words = [metric.heading.split()[0] for metric in RANKING if metric.better == "lower"]
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}"


def noise_detection_table(group: Group) -> Table:
    """Return how well training scores find the flipped labels."""
    return cell_table(
        group,
        "noise-detection",
        "How well training scores find the flipped labels",
        [SCORE, *metric_columns(OF_FLIPS, _mean_at("noise_detection"))],
        [
            "In %. The score label_aware is 1 − p[given label]; the others do not look at the label.",
            *undefined(group, "energy"),
            *undefined(replace(group, records=[r for r in group.records if r.noise.rate]), "noise_detection"),
        ],
        lambda runs: _by_score(runs, "noise_detection") if runs[0].noise.rate else [],
    )


def human_uncertainty_table(group: Group) -> Table:
    """Return how each score goes with how much people disagree, where people were asked."""
    names = entry(group.records[0], "scores")
    return cell_table(
        group,
        "human-uncertainty",
        "Spearman correlation with the entropy of human labels",
        [(Summaries(name, form=THREE_DECIMALS), mean_of("human_uncertainty", name)) for name in names],
        [
            "1: the score orders the images as human disagreement does.",
            *undefined(group, "human_uncertainty", "energy"),
        ],
        lambda runs: [runs] if entry(runs[0], "human_uncertainty") else [],
    )


def _by_score(runs: Runs, place: str) -> Iterator[ScoredRuns]:
    """Yield what a row of each score at a place of the metrics is about."""
    return (ScoredRuns(score, runs) for score in entry(runs[0], place))


def _mean_at(place: str) -> Callable[[str], Callable[[ScoredRuns], Summary | None]]:
    """Return what takes a metric's name to the mean of that metric of a row's score."""
    return lambda name: lambda row: over(row.runs, place, row.score, name)
