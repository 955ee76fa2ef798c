"""How well scores rank: errors, flipped training labels, images that people disagree on."""

from bench.evaluation.metrics import OF_FLIPS, OF_SCORES
from bench.report.columns import Counts, Summaries, Texts
from bench.report.grouping import Group
from bench.report.summaries import entry, over, undefined
from bench.report.table import Row, Table
from bench.report.tables.shared_columns import NOISE_AND_METHOD, method_labels, metric_columns
from bench.report.values import THREE_DECIMALS

RANKING = [metric for metric in OF_SCORES if metric.heading]
COUNTED = {"uncertain_misclassified": "uncertain", "certain_right": "certain"}


def top_k_table(group: Group) -> Table:
    """Return how many of the most uncertain images are errors, of the most certain ones right."""
    first, labels = group.records[0], method_labels(group.records)
    k, total = entry(first, "scores", "own", "top_k", "k"), entry(first, "samples")
    counted = [(key, score) for key in COUNTED for score in ("own", "msp")]
    rows = [
        Row(
            [
                noise.label,
                labels[label],
                over(cell, "misclassified"),
                *(over(cell, "scores", score, "top_k", key) for key, score in counted),
            ]
        )
        for noise, label, cell in group.cells()
    ]
    return Table(
        f"top-k-{group.name}",
        f"Errors among the {k} most uncertain, right ones among the {k} most certain: {group.title}",
        [
            *NOISE_AND_METHOD,
            Counts("errors", "misclassified"),
            *(Counts(f"{COUNTED[key]}: {score}", f"{key}_{score}") for key, score in counted),
        ],
        rows,
        [
            f"Errors: of all {total} images. Own: by the method's own score; msp: by 1 − max softmax of "
            f"the same checkpoint. Images tied at the boundary count in expectation."
        ],
    )


def scores_table(group: Group) -> Table:
    """Return every ranking metric of every score."""
    labels = method_labels(group.records)
    rows = [
        Row([noise.label, labels[label], score, *(over(cell, "scores", score, m.name) for m in RANKING)])
        for noise, label, cell in group.cells()
        for score in entry(cell[0], "scores")
    ]
    return Table(
        f"scores-{group.name}",
        f"How well each score ranks errors last: {group.title}",
        [*NOISE_AND_METHOD, Texts("score"), *metric_columns(RANKING)],
        rows,
        [
            "In % where no factor is named. Errors are the positive class of AUROC, AP and FPR95 error, "
            f"right images that of FPR95 correct. Lower is better for {_lower()}.",
            *undefined(group, "error_detection", "energy"),
        ],
    )


def _lower() -> str:
    """Return the first words of the headings of metrics that are better when lower."""
    words = [metric.heading.split()[0] for metric in RANKING if metric.better == "lower"]
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}"


def noise_detection_table(group: Group) -> Table:
    """Return how well training scores find the flipped labels."""
    labels = method_labels(group.records)
    rows = [
        Row(
            [
                noise.label,
                labels[label],
                score,
                *(over(cell, "noise_detection", score, m.name) for m in OF_FLIPS),
            ]
        )
        for noise, label, cell in group.cells()
        if noise.rate
        for score in entry(cell[0], "noise_detection")
    ]
    return Table(
        f"noise-detection-{group.name}",
        f"How well training scores find the flipped labels: {group.title}",
        [*NOISE_AND_METHOD, Texts("score"), *metric_columns(OF_FLIPS)],
        rows,
        [
            "In %. The score label_aware is 1 − p[given label]; the others do not look at the label.",
            *undefined(group, "energy"),
        ],
    )


def human_uncertainty_table(group: Group) -> Table:
    """Return how each score goes with how much people disagree, where people were asked."""
    labels, names = method_labels(group.records), list(entry(group.records[0], "scores"))
    rows = [
        Row([noise.label, labels[label], *(over(cell, "human_uncertainty", name) for name in names)])
        for noise, label, cell in group.cells()
        if entry(cell[0], "human_uncertainty")
    ]
    return Table(
        f"human-uncertainty-{group.name}",
        f"Spearman correlation with the entropy of human labels: {group.title}",
        [*NOISE_AND_METHOD, *(Summaries(name, form=THREE_DECIMALS) for name in names)],
        rows,
        [
            "1: the score orders the images as human disagreement does.",
            *undefined(group, "human_uncertainty", "energy"),
        ],
    )
