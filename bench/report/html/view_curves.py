"""Curves of the page, means over seeds: accuracy by rejection, and training by epoch."""

from typing import Any

import numpy as np

from bench.evaluation.score_names import SCORE_NAMES
from bench.report.figures.rejection import SHOWN
from bench.report.figures.training_curves import PANELS, has
from bench.report.figures.training_uncertainty import NAMES
from bench.report.grouping import Group
from bench.report.html.json_blocks import short
from bench.report.html.view_settings import Place, places
from bench.store.csv_columns import Columns
from bench.store.record import Record

POINTS = 100  # of a curve, at most
MANY_CELLS = 500  # with more, curves have a quarter of the points and two scores
FEW_SCORES = ("own", "msp")
LOGGED = {**{name: list(told) for name, told in PANELS.items()}, **{
    name: [f"mean uncertainty in training, {words}", False] for name, words in NAMES.items()
}}  # fmt: skip


def rejection(group: Group) -> dict[str, Any]:
    """Return accuracy by rejected part for each cell and score: means and deviations over seeds."""
    cells = places(group)
    is_large = len(cells) > MANY_CELLS
    step, scores = (4, FEW_SCORES) if is_large else (1, SCORE_NAMES)
    rejected = None
    curves = []
    for at, noise, label in cells:
        found = [record.curves for record in group.cell(label, noise)]
        shown = np.flatnonzero(found[0]["rejected"] <= SHOWN)[::step]
        rejected = found[0]["rejected"][shown]
        curves += [[*at, score, *_band([each[score] for each in found], shown)] for score in scores]
    return {
        "rejected": [] if rejected is None else [short(float(x)) for x in rejected],
        "curves": [curve for curve in curves if curve[3]],
        "left_out": f"Curves of {len(cells)} cells: every fourth point, scores own and msp." if is_large else "",
    }


def training(group: Group) -> dict[str, Any]:
    """Return each logged quantity by epoch for each cell that was trained here, seeds averaged."""
    curves: list[Any] = []
    for at, noise, label in places(group):
        curves += _logged(at, group.cell(label, noise))
    names = [name for name in LOGGED if any(curve[2] == name for curve in curves)]
    return {"panels": {name: LOGGED[name] for name in names}, "curves": curves}


def _logged(at: Place, cell: list[Record]) -> list[Any]:
    logs = [record.epochs for record in cell]
    made = []
    for name in LOGGED:
        if known := [log for log in logs if has(log, name)]:
            shown = _thinned(known[0])
            made.append(
                [*at, name, known[0]["epoch"][shown].tolist(), *_band([log[name] for log in known], shown)]
            )
    return made


def _thinned(log: Columns) -> np.ndarray:
    """Return about a hundred places of a log, the first and the last among them."""
    count = len(log["epoch"])
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))


def _band(runs: list[np.ndarray], shown: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    """Return means and deviations at the places to show; of one run no deviations."""
    values = np.stack([run.astype(float)[shown] for run in runs])
    if not np.isfinite(values).any():
        return [], []
    std = values.std(axis=0, ddof=1) if len(values) > 1 else np.array([])
    return [short(float(x), 5) for x in values.mean(axis=0)], [short(float(x), 3) for x in std]
