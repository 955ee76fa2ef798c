"""Predictions as Parquet files, with the labels of their samples."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bench.evaluation.predictions import Predictions
from bench.files import checksums

PREDICTIONS = ("test.parquet", "train.parquet")


def predictions_frame(predictions: Predictions, **columns: np.ndarray) -> pd.DataFrame:
    """Return predictions as a table: label columns, `uncertainty`, `logit_0` …, `feature_0` ….

    Logits that are log-probabilities are named so: `log_probability_0` ….
    """
    frame = {**columns, "uncertainty": predictions.uncertainty}
    name = "log_probability" if predictions.normalised else "logit"
    frame |= {f"{name}_{k}": column for k, column in enumerate(predictions.logits.T)}
    if predictions.features is not None:
        frame |= {f"feature_{k}": column for k, column in enumerate(predictions.features.T)}
    return pd.DataFrame(frame)


def read_predictions(folder: Path, part: Literal["test", "train"]) -> tuple[Predictions, pd.DataFrame]:
    """Return a run's stored predictions, and the table's label columns.

    Raises:
        FileNotFoundError: they are not here.
        ValueError: their file is not as it was written.
    """
    checksums.check(folder, [f"{part}.parquet"])
    frame = pd.read_parquet(folder / f"{part}.parquet")
    logits = frame.filter(regex=r"^(logit|log_probability)_\d+$")
    features = frame.filter(regex=r"^feature_\d+$")
    labels = frame.drop(columns=[*logits, *features, "uncertainty"])
    found = features.to_numpy() if len(features.columns) else None
    uncertainty, normalised = frame["uncertainty"].to_numpy(), "log_probability_0" in logits
    return Predictions(logits.to_numpy(copy=True), uncertainty, found, normalised), labels
