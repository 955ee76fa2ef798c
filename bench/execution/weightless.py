"""Finished runs that were asked for with their weights and were stored without."""

from bench.execution.context import Context
from bench.grid.cell_state import Cell
from bench.spec import RunSpec
from bench.store.file_sources import WEIGHTS


def without_weights(grid: list[Cell], context: Context) -> str:
    """Return a line on finished runs that lack the weights that are wanted, or no text.

    Such runs are left as they are: to train them again is for the user to decide.
    """
    if not context.keep_weights:
        return ""
    lacking = [
        cell
        for cell in grid
        if isinstance(cell, RunSpec)
        and context.is_finished(cell)
        and WEIGHTS not in context.store.files(cell).names()
    ]
    if not lacking:
        return ""
    first = lacking[0].title + (f" and {len(lacking) - 1} more" if len(lacking) > 1 else "")
    return (
        f"{len(lacking)} of {len(grid)} runs are finished and have no {WEIGHTS} here ({first}); they are not "
        f"trained again: pass --force with --keep-weights to do that, or merge a pack that has their weights"
    )
