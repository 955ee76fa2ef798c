"""Runs as MLflow shows them: in a data base of the results folder, or on a server."""

import logging
import os
import time
from pathlib import Path

from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.tracking import MlflowClient

from bench.tracking.tracker_interface import TrackedRun, Tracker

EXPERIMENT, IDENTITY = "uncertainty-bench", "bench.identity"
MOST_LETTERS = 6000  # of a parameter


class MlflowTracker(Tracker):
    """Logs to MLFLOW_TRACKING_URI where it is set, else to a data base in the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("mlflow.store.db.utils", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        server = os.environ.get("MLFLOW_TRACKING_URI")
        self.client = MlflowClient(server or f"sqlite:///{folder / 'mlflow.db'}")
        self.experiment = self._experiment(None if server else (folder / "artifacts").as_uri())
        self.runs: dict[str, str] = {}  # MLflow's ids, by identity

    def begin(self, run: TrackedRun) -> None:
        """Open a run, or go on with the one that was begun."""
        if run.told and (begun := self._unfinished(run.identity)):
            self.runs[run.identity] = begun
            return
        made = self.client.create_run(self.experiment, run_name=run.title, tags={IDENTITY: run.identity})
        self.runs[run.identity] = made.info.run_id
        params = [Param(name, str(value)[:MOST_LETTERS]) for name, value in run.settings.items()]
        self.client.log_batch(made.info.run_id, params=params, tags=[RunTag("bench.folder", run.place)])

    def epoch(self, run: TrackedRun, epoch: int, values: dict[str, float]) -> None:
        """Log each value at its epoch."""
        self._log(run, {f"epoch/{name}": value for name, value in values.items()}, epoch)

    def end(self, run: TrackedRun, metrics: dict[str, float], pictures: list[Path]) -> None:
        """Log metrics and pictures, and mark the run as finished."""
        self._log(run, metrics, run.told)
        ours = self.runs.pop(run.identity)
        for path in pictures:
            self.client.log_artifact(ours, str(path), "pictures")
        self.client.set_terminated(ours)

    def close(self) -> None:
        """Mark the open runs as killed."""
        while self.runs:
            self.client.set_terminated(self.runs.popitem()[1], RunStatus.to_string(RunStatus.KILLED))

    def _log(self, run: TrackedRun, values: dict[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self.client.log_batch(self.runs[run.identity], metrics=metrics)

    def _experiment(self, artifacts: str | None) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        return found.experiment_id if found else self.client.create_experiment(EXPERIMENT, artifacts)

    def _unfinished(self, identity: str) -> str | None:
        asked = f"tags.`{IDENTITY}` = '{identity}' and attributes.status != 'FINISHED'"
        found = self.client.search_runs([self.experiment], asked, max_results=1)
        if not found:
            return None
        begun: str = found[0].info.run_id
        self.client.update_run(begun, RunStatus.to_string(RunStatus.RUNNING))
        return begun
