"""What post-hoc scores get of a run: stored predictions, and features from its kept weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import DataError, one_line
from bench.evaluation.predictions import LabelledPredictions
from bench.plugins.registry import Registry
from bench.store.file_sources import WEIGHTS
from bench.store.prediction_files import read_predictions
from bench.store.record import Record
from bench.store.store import Store

if TYPE_CHECKING:
    from bench.plugins.score import Training


@dataclass(frozen=True)
class Parts:
    """The predictions of one run, as far as they are here."""

    record: Record
    store: Store
    registry: Registry
    data_root: Path

    def test(self) -> LabelledPredictions:
        """Return those of the evaluated images.

        Raises:
            DataError: they are not here or are damaged.
        """
        return self._read("test")

    def training(self, needs: tuple[str, ...]) -> "Training | None":
        """Return those of the training images, if a score needs them and they are here.

        Features that are needed and not stored are made with the run's weights, if they were kept.

        Raises:
            DataError: a file is damaged, or the weights or the data set cannot be used.
        """
        from bench.plugins.score import Training

        if not {"training", "training-features"} & {*needs}:
            return None
        stored = self._read("train") if "train.parquet" in self.record.files.names() else None
        wants_features = "training-features" in needs and (stored is None or stored.predictions.features is None)
        if wants_features and WEIGHTS in self.record.files.names():
            stored = self._made_anew()
        return None if stored is None else Training(stored.predictions, stored.columns["given"])

    def _read(self, part: str) -> LabelledPredictions:
        try:
            return read_predictions(self.record.files, "test" if part == "test" else "train")
        except FileNotFoundError:
            raise DataError(f"its {part} predictions are not here: they stay where the run was made") from None
        except (OSError, ValueError) as error:
            raise DataError(one_line(error)) from None

    def _made_anew(self) -> LabelledPredictions:
        from bench.execution.context import Context
        from bench.execution.trained import load_trained, training_part

        context = Context(self.registry, self.store, self.data_root)
        return training_part(load_trained(self.record, context))
