"""Runs as TensorBoard shows them: a folder of event files each."""

from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from bench.tracking.tracker_interface import TrackedRun, Tracker


class TensorBoardTracker(Tracker):
    """Writes event files; values of an epoch that was logged twice count once."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.writers: dict[str, SummaryWriter] = {}  # by identity

    def begin(self, run: TrackedRun) -> None:
        """Open a writer; readers drop what another one wrote of the epochs that are to come."""
        place = str(self.folder / run.place)
        self.writers[run.identity] = SummaryWriter(place, purge_step=run.told + 1, flush_secs=5)
        if not run.told:
            lines = "\n".join(f"    {name}: {value}" for name, value in run.settings.items())
            self.writers[run.identity].add_text("settings", lines)

    def epoch(self, run: TrackedRun, epoch: int, values: dict[str, float]) -> None:
        """Write each value as a scalar."""
        writer = self.writers[run.identity]
        for name, value in values.items():
            writer.add_scalar(f"epoch/{name}", value, epoch)
        writer.flush()

    def end(self, run: TrackedRun, metrics: dict[str, float], pictures: list[Path]) -> None:
        """Write metrics and pictures at the last epoch."""
        writer = self.writers.pop(run.identity)
        with writer:
            for name, value in metrics.items():
                writer.add_scalar(f"result/{name.replace('.', '/')}", value, run.told)
            for path in pictures:
                with Image.open(path) as image:
                    writer.add_image(path.stem, np.asarray(image.convert("RGB")), run.told, dataformats="HWC")

    def close(self) -> None:
        """Close all writers."""
        while self.writers:
            self.writers.popitem()[1].close()
