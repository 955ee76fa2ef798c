"""Finished runs that tests copy, change and compare."""

import json
import shutil

import pandas as pd
from harness import checksummed

GRID = {"methods": ["dummy", "baseline"], "noise": [0, 0.3], "seeds": [0, 1]}


def tables_of(results, bench):
    assert bench("report", "--results", results)[0] == 0
    folder = results / "report"
    page = (folder / "README.md").read_text()
    runs = pd.read_csv(folder / "runs.csv").sort_values("path", ignore_index=True)
    return page, {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}, runs


def copy(results, target, *parts):
    """Copy those runs of a results folder whose path holds one of the parts."""
    for path in (results / "runs").rglob("record.json"):
        if any(part in str(path.parent) for part in parts):
            shutil.copytree(path.parent, target / path.parent.relative_to(results))
    return target


def edit(store, cell, **changes):
    """Change entries of a run's record, with checksums that fit."""
    path = store.path(cell) / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    checksummed(path.parent)


def content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
