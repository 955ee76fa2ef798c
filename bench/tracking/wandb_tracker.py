"""Runs as Weights & Biases shows them; offline, unless the user's environment says otherwise."""

import os
from pathlib import Path
from typing import Any

import wandb

from bench.tracking.tracker_interface import TrackedRun, Tracker

PROJECT = "uncertainty-bench"
DIGITS = 16  # of an identity, in the names of folders


class WandbTracker(Tracker):
    """Writes offline runs; parts of one run that were written by several processes share its id."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.runs: dict[str, Any] = {}  # by identity

    def begin(self, run: TrackedRun) -> None:
        """Open a run under its identity."""
        self.runs[run.identity] = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.identity[:DIGITS],
            name=run.title,
            dir=self.folder,
            config=dict(run.settings),
            reinit="create_new",
            resume="allow",
            settings=wandb.Settings(
                mode=os.environ.get("WANDB_MODE", "offline"),
                console="off",
                silent=True,
                disable_git=True,
                save_code=False,
                x_disable_stats=True,
            ),
        )

    def epoch(self, run: TrackedRun, epoch: int, values: dict[str, float]) -> None:
        """Log the values at their epoch."""
        self.runs[run.identity].log({f"epoch/{name}": value for name, value in values.items()}, step=epoch)

    def end(self, run: TrackedRun, metrics: dict[str, float], pictures: list[Path]) -> None:
        """Log metrics and pictures as the run's summary, and finish it."""
        ours = self.runs.pop(run.identity)
        ours.log({f"pictures/{path.stem}": wandb.Image(str(path)) for path in pictures}, step=run.told)
        ours.summary.update(metrics)
        ours.finish()

    def close(self) -> None:
        """Finish the open runs as interrupted ones."""
        while self.runs:
            self.runs.popitem()[1].finish(exit_code=1)
