"""The tables of a report."""

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from bench.formats import ABSENT, Table, count, formatted, percent
from bench.groups import Group
from bench.spec import Noise
from bench.stats import Summary, summarise
from bench.store import Record

PUBLISHED = Path(__file__).with_name("published.toml")


def accuracy(group: Group) -> Table:
    """Return the accuracy table in the shape of the paper's Table 1, the published cells under ours."""
    rows, notes = [], []
    for label in group.labels:
        cells = [group.cell(label, noise) for noise in group.noises]
        rows.append([label, *(percent(_over(cell, "accuracy")) for cell in cells)])
        paper = [
            _paper(group.dataset, label, noise, cell) for noise, cell in zip(group.noises, cells, strict=True)
        ]
        if any(paper):
            rows.append(["  paper (ours − paper)", *(text or ABSENT for text in paper)])
            notes = [f"Paper: {published()[group.dataset]['source']}."]
    evaluated = "Test accuracy" if group.records[0].spec.evaluate == "test" else "Accuracy"
    header = ["method", *(noise.label for noise in group.noises)]
    spread = "± is the standard deviation over seeds. " if _repeated(group) else ""
    return Table(
        f"accuracy-{group.name}",
        f"{evaluated} (%) of the last epoch by label noise: {group.title}",
        header,
        rows,
        [f"{spread}Columns: part of the training labels that are flipped.", *notes],
    )


def top_k(group: Group) -> Table:
    """Return the counts of errors among the most uncertain and of right ones among the most certain images."""
    k = group.records[0].metrics["scores"]["own"]["top_k"]["k"]
    rows = []
    for noise, label, cell in group.cells():
        counts = [
            count(_over(cell, "scores", score, "top_k", key))
            for key in ("uncertain_misclassified", "certain_right")
            for score in ("own", "msp")
        ]
        rows.append([noise.label, label, count(_over(cell, "misclassified")), *counts])
    total = group.records[0].metrics["samples"]
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
        + [formatted(_over(cell, "scores", score, key), form) for key, (_, form) in SCORE_COLUMNS.items()]
        for noise, label, cell in group.cells()
        for score in cell[0].metrics["scores"]
    ]
    return Table(
        f"scores-{group.name}",
        f"How well each score ranks errors last: {group.title}",
        ["noise", "method", "score", *(name for name, _ in SCORE_COLUMNS.values())],
        rows,
        [
            "In % where no factor is named. Errors are the positive class of AUROC, AP and FPR95 error, right "
            "images that of FPR95 correct. Lower is better for AURC, e-AURC, AUGRC, FPR95 and risk."
        ],
    )


def noise_detection(group: Group) -> Table:
    """Return how well training scores find the flipped labels."""
    keys = ("auroc", "average_precision", "precision_at_flips")
    rows = [
        [noise.label, label, score]
        + [percent(_over(cell, "noise_detection", score, key)) for key in keys]
        for noise, label, cell in group.cells()
        if noise.rate > 0
        for score in cell[0].metrics["noise_detection"]
    ]  # fmt: skip
    return Table(
        f"noise-detection-{group.name}",
        f"How well training scores find the flipped labels: {group.title}",
        ["noise", "method", "score", "AUROC", "AP", "precision at flips"],
        rows,
        ["In %. The score label_aware is 1 − p[given label]; the others do not look at the label."],
    )


def quality(group: Group) -> Table:
    """Return accuracy, likelihood and calibration of the softmax, the relabel audit and the cost."""
    rows = [
        [
            noise.label,
            label,
            percent(_over(cell, "accuracy")),
            *(formatted(_over(cell, key), "{:.4f}".format) for key in ("nll", "brier")),
            *(percent(_over(cell, key)) for key in ("ece", "adaptive_ece")),
            *(count(summarise(_epoch_sum(record, key) for record in cell)) for key in AUDIT),
            percent(summarise(_remaining(record) for record in cell)),
            formatted(summarise(record.cost["seconds"] for record in cell), "{:.1f}".format),
        ]
        for noise, label, cell in group.cells()
    ]
    return Table(
        f"quality-{group.name}",
        f"Likelihood, calibration, relabelling and cost: {group.title}",
        ["noise", "method", "accuracy", "NLL", "Brier", "ECE", "adaptive ECE", *AUDIT, "noise left", "seconds"],
        rows,
        ["Accuracy, ECE, noise left in %, NLL in nats; relabelled, corrected, broken are sums over all epochs."],
    )


def human_uncertainty(group: Group) -> Table:
    """Return how each score goes with how much people disagree, for data sets with human label counts."""
    known = [cell for cell in group.cells() if "human_uncertainty" in cell[2][0].metrics]
    names = list(group.records[0].metrics["scores"])
    rows = [
        [
            noise.label,
            label,
            *(formatted(_over(cell, "human_uncertainty", name), "{:.3f}".format) for name in names),
        ]
        for noise, label, cell in known
    ]
    return Table(
        f"human-uncertainty-{group.name}",
        f"Spearman correlation with the entropy of human labels: {group.title}",
        ["noise", "method", *names],
        rows,
        ["1: the score orders the images as human disagreement does."],
    )


AUDIT = ("relabelled", "corrected", "broken")
ALL_TABLES: list[Callable[[Group], Table]] = [accuracy, top_k, scores, noise_detection, human_uncertainty, quality]


@cache
def published() -> dict[str, Any]:
    """Return the published numbers by data set."""
    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


def _paper(dataset: str, label: str, noise: Noise, cell: list[Record]) -> str:
    """Return the published cell and our difference to it, or nothing where there is none."""
    table = published().get(dataset, {})
    if noise.kind != "symmetric" or noise.rate not in table.get("noise", []) or label not in table:
        return ""
    value = table[label][table["noise"].index(noise.rate)]
    ours = _over(cell, "accuracy")
    if ours is None or cell[0].spec.evaluate != "test" or cell[0].spec.recipe.train_limit:
        return ""
    return f"{value:.2f} ({100 * ours.mean - value:+.2f})".replace("-", "−")


def _over(cell: Iterable[Record], *path: str) -> Summary | None:
    """Summarise one entry of the metrics over a cell's runs."""
    return summarise(_entry(record.metrics, path) for record in cell)


def _entry(content: Any, path: tuple[str, ...]) -> Any:
    """Return a nested entry, or None where older code did not write it."""
    for key in path:
        content = content.get(key) if content else None
    return content


def _epoch_sum(record: Record, key: str) -> float | None:
    return float(record.epochs[key].sum()) if key in record.epochs else None


def _remaining(record: Record) -> float | None:
    return float(record.epochs["remaining_noise"].iloc[-1]) if "remaining_noise" in record.epochs else None


def _repeated(group: Group) -> bool:
    return any(len(cell) > 1 for _, _, cell in group.cells())
