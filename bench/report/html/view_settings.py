"""What the page must know at once: settings with their methods, noises and classes, and metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.escaping import printable
from bench.evaluation.score_names import SCORE_NAMES
from bench.report.figures.style import COLOURS, RIGHT, WRONG
from bench.report.grouping import Group
from bench.report.html.offered_metrics import offered
from bench.spec import Noise
from bench.store.store import Store

Place = tuple[int, int]  # of a cell: its method's and its noise's place in the setting


def settings(groups: Sequence[Group]) -> dict[str, Any]:
    """Return settings, metrics, scores and colours."""
    records = [record for group in groups for record in group.records]
    return {
        "settings": [_setting(group) for group in groups],
        "metrics": offered(records),
        "scores": list(SCORE_NAMES),
        "colours": COLOURS,
        "right": RIGHT,
        "wrong": WRONG,
        "runs": len({record.spec.identity for record in records}),
    }


def places(group: Group) -> list[tuple[Place, Noise, str]]:
    """Return the place, noise and label of each cell that has runs."""
    methods = {label: place for place, label in enumerate(group.labels)}
    noises = {noise.point: place for place, noise in enumerate(group.noises)}
    return [((methods[label], noises[noise.point]), noise, label) for noise, label, _ in group.cells()]


def links(groups: Sequence[Group], results: Path) -> dict[str, str]:
    """Return the address of each run's folder, or of the pack it lies in, as seen from the page."""
    store = Store(results)
    found = {}
    for record in (record for group in groups for record in group.records):
        inside = record.path.relative_to(store.root.parent) if record.path.is_dir() else Path("runs.tar.gz")
        found[record.spec.identity] = quote((Path("..") / inside).as_posix())
    return found


def _setting(group: Group) -> dict[str, Any]:
    labels = group.method_labels
    return {
        "name": printable(group.name),
        "dataset": printable(group.dataset),
        "title": printable(group.title),
        "recipe": printable(group.recipe),
        "runs": len(group.records),
        "methods": [
            {"name": printable(group.shown(label)), "label": printable(label), "oracle": labels[label].oracle,
             "older": label not in group.current}
            for label in group.labels
        ],
        "noises": [
            {"label": noise.label, "kind": noise.kind, "rate": noise.rate or 0.0, "slug": printable(noise.slug)}
            for noise in group.noises
        ],
        "classes": [printable(name) for name in group.records[0].classes],
    }  # fmt: skip
