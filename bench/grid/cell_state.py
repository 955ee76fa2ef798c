"""A cell of the grid, a run or one that cannot be made, and what becomes of it."""

from enum import StrEnum

from bench.recipe import Frozen
from bench.spec import RunSpec


class BrokenCell(Frozen):
    """A cell of the grid whose plugin cannot be loaded, and the reason."""

    title: str
    reason: str


Cell = RunSpec | BrokenCell


class CellState(StrEnum):
    """What becomes of a cell of a grid; the values are the words that users see."""

    # before it is run
    TO_RUN = "to run"
    CANNOT_RUN = "cannot run"  # a rehearsal of it failed
    LEFT = "left"  # asked for, and not begun
    # while it is run
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # goes on from its checkpoint, if there is one
    CLAIMED = "claimed"  # another process works on it
    # how it ended
    DONE = "done"
    FINISHED = "finished"  # before; it is not run again
    DECLINED = "declined"  # by the method, with a reason
    FAILED = "failed"
    STOPPED = "stopped"  # out of time, at a checkpoint or not begun
    STARVED = "starved"  # out of memory; tried again with fewer runs beside it
