"""What a finished run leaves, and the files that it is written as."""

import hashlib
import json
from dataclasses import dataclass, field

import pandas as pd

from bench.evaluation.predictions import LabelledPredictions
from bench.files import checksums
from bench.spec import UNHASHED, StoredSpec
from bench.store import plugin_sources
from bench.store.csv_columns import to_csv
from bench.store.file_sources import SOURCES, WEIGHTS, json_bytes
from bench.store.prediction_files import to_parquet
from bench.store.record_models import Cost, Environment, Metrics, RunRecord, StatedNoise


@dataclass(frozen=True)
class Assessment:
    """What a trained method predicts, and the metrics of that."""

    metrics: Metrics
    metrics_version: int
    curves: pd.DataFrame  # accuracy after rejecting 0, 1, … 99 %: columns `rejected` and the scores' names
    test: LabelledPredictions
    train: LabelledPredictions | None  # None: imported without them


@dataclass(frozen=True)
class Outcome:
    """Everything a finished run leaves."""

    spec: StoredSpec
    classes: list[str]
    manifest: StatedNoise
    epochs: pd.DataFrame  # the log, one row an epoch
    assessment: Assessment
    environment: Environment
    cost: Cost
    remarks: list[str] = field(default_factory=list)  # of the method, about this training
    sources: dict[str, bytes] = field(default_factory=dict)  # files of its plugins, by place
    weights: bytes | None = None  # content of their file, if they are kept

    @property
    def digest(self) -> str:
        """Hash of labels, log and predictions, whatever the versions of the files' formats."""
        # Where a file of labels lies is no part of the outcome: its content counts.
        noise = self.manifest.model_dump(mode="json", exclude_unset=True, exclude=UNHASHED["noise"])
        content = hashlib.sha256(json.dumps(noise, sort_keys=True).encode())
        content.update(to_csv(self.epochs))
        for predictions in filter(None, (self.assessment.test, self.assessment.train)):
            for name, column in predictions.table().items():
                content.update(name.encode() + column.tobytes())
        return content.hexdigest()

    def files(self) -> dict[str, bytes]:
        """Return the files of the run's folder, their checksums among them."""
        assessment = self.assessment
        record = RunRecord(
            identity=self.spec.identity,
            classes=self.classes,
            metrics_version=assessment.metrics_version,
            metrics=assessment.metrics,
            environment=self.environment,
            cost=self.cost,
            outcome=self.digest,
            remarks=self.remarks,
        )
        files = {
            "spec.json": json_bytes(self.spec.model_dump(mode="json")),
            "manifest.json": json_bytes(self.manifest.entries()),
            "epochs.csv": to_csv(self.epochs),
            "curves.csv": to_csv(assessment.curves),
            "record.json": json_bytes(record.entries()),
            "test.parquet": to_parquet(assessment.test),
        }
        if assessment.train is not None:
            files["train.parquet"] = to_parquet(assessment.train)
        if self.sources:
            files[SOURCES] = plugin_sources.written(self.sources)
        if self.weights is not None:
            files[WEIGHTS] = self.weights
        return files | {checksums.NAME: checksums.written(checksums.of(files))}
