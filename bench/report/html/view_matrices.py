"""Confusion matrices of the page: counts of all seeds of a cell."""

from typing import Any

import numpy as np

from bench.report.grouping import SHOWN_CLASSES, Group
from bench.report.html.view_settings import places
from bench.report.summaries import entry

MOST = 3_000_000  # entries of all matrices of a setting


def confusion(group: Group) -> dict[str, Any]:
    """Return counts by true and predicted class of each cell, and what had to be left out."""
    cells, size = places(group), len(group.records[0].classes) ** 2
    if not group.has_few_classes and size * len(cells) > MOST / 10:
        return {
            "cells": [],
            "left_out": f"More than {SHOWN_CLASSES} classes in {len(cells)} cells are too many here.",
        }
    kept = cells[: max(1, MOST // size)]
    told = f"Confusion matrices of the first {len(kept)} of {len(cells)} cells are here."
    found = []
    for at, noise, label in kept:
        known = [matrix for record in group.cell(label, noise) if (matrix := entry(record, "confusion"))]
        if known:
            found.append([*at, np.sum(known, axis=0).tolist(), len(known)])
    return {"cells": found, "left_out": told if len(kept) < len(cells) else ""}
