"""How well scores rank: errors, flipped training labels, images that people disagree on."""

from collections.abc import Callable

from bench.report.grouping import Group
from bench.report.summaries import entry, over, undefined
from bench.report.table import Table, count, formatted, percent


def top_k(group: Group) -> Table:
    """Return the counts of errors among the most uncertain and of right ones among the most certain images."""
    k = entry(group.records[0].metrics, ("scores", "own", "top_k", "k"))
    rows = []
    for noise, label, cell in group.cells():
        counts = [
            count(over(cell, "scores", score, "top_k", key))
            for key in ("uncertain_misclassified", "certain_right")
            for score in ("own", "msp")
        ]
        rows.append([noise.label, label, count(over(cell, "misclassified")), *counts])
    total = group.records[0].metrics.samples
    return Table(
        f"top-k-{group.name}",
        f"Errors among the {k} most uncertain, right ones among the {k} most certain: {group.title}",
        ["noise", "method", "errors", "uncertain: own", "uncertain: msp", "certain: own", "certain: msp"],
        rows,
        [
            f"Errors: of all {total} images. Own: by the method's own score; msp: by 1 − max softmax of the same "
            f"checkpoint. Images tied at the boundary count in expectation."
        ],
    )


SCORE_COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "aurc": ("AURC ×10³", lambda value: f"{1e3 * value:.2f}"),
    "e_aurc": ("e-AURC ×10³", lambda value: f"{1e3 * value:.2f}"),
    "augrc": ("AUGRC ×10³", lambda value: f"{1e3 * value:.2f}"),
    "auroc": ("AUROC", lambda value: f"{100 * value:.2f}"),
    "average_precision": ("AP", lambda value: f"{100 * value:.2f}"),
    "fpr95_error": ("FPR95 error", lambda value: f"{100 * value:.2f}"),
    "fpr95_correct": ("FPR95 correct", lambda value: f"{100 * value:.2f}"),
    "accuracy_at_10_rejection": ("acc. at 10 % rejection", lambda value: f"{100 * value:.2f}"),
    "risk_at_80_coverage": ("risk at 80 % coverage", lambda value: f"{100 * value:.2f}"),
}


def scores(group: Group) -> Table:
    """Return every ranking metric of every score."""
    rows = [
        [noise.label, label, score]
        + [formatted(over(cell, "scores", score, key), form) for key, (_, form) in SCORE_COLUMNS.items()]
        for noise, label, cell in group.cells()
        for score in cell[0].metrics.scores
    ]
    return Table(
        f"scores-{group.name}",
        f"How well each score ranks errors last: {group.title}",
        ["noise", "method", "score", *(name for name, _ in SCORE_COLUMNS.values())],
        rows,
        [
            "In % where no factor is named. Errors are the positive class of AUROC, AP and FPR95 error, right "
            "images that of FPR95 correct. Lower is better for AURC, e-AURC, AUGRC, FPR95 and risk.",
            *undefined(group, "error_detection", "energy"),
        ],
    )


def noise_detection(group: Group) -> Table:
    """Return how well training scores find the flipped labels."""
    keys = ("auroc", "average_precision", "precision_at_flips")
    rows = [
        [noise.label, label, score]
        + [percent(over(cell, "noise_detection", score, key)) for key in keys]
        for noise, label, cell in group.cells()
        if noise.rate
        for score in cell[0].metrics.noise_detection
    ]  # fmt: skip
    return Table(
        f"noise-detection-{group.name}",
        f"How well training scores find the flipped labels: {group.title}",
        ["noise", "method", "score", "AUROC", "AP", "precision at flips"],
        rows,
        [
            "In %. The score label_aware is 1 − p[given label]; the others do not look at the label.",
            *undefined(group, "energy"),
        ],
    )


def human_uncertainty(group: Group) -> Table:
    """Return how each score goes with how much people disagree, for data sets with human label counts."""
    known = [cell for cell in group.cells() if cell[2][0].metrics.human_uncertainty]
    names = list(group.records[0].metrics.scores)
    rows = [
        [
            noise.label,
            label,
            *(formatted(over(cell, "human_uncertainty", name), "{:.3f}".format) for name in names),
        ]
        for noise, label, cell in known
    ]
    return Table(
        f"human-uncertainty-{group.name}",
        f"Spearman correlation with the entropy of human labels: {group.title}",
        ["noise", "method", *names],
        rows,
        [
            "1: the score orders the images as human disagreement does.",
            *undefined(group, "human_uncertainty", "energy"),
        ],
    )
