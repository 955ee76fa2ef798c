"""The trackers there are. It imports none of their libraries, for lists and help."""

import importlib.util
from typing import Annotated, NamedTuple

from pydantic import field_validator

from bench.errors import UsageError, unknown
from bench.options import Commas, Options, option

PANEL = "Experiment trackers"


class TrackerKind(NamedTuple):
    """A tracker: what it writes and where, its module here, and what must be installed."""

    words: str
    module: str
    packages: tuple[str, ...]
    extra: str


TRACKERS = {
    "tensorboard": TrackerKind(
        "event files in RESULTS/tracking/tensorboard, for `tensorboard --logdir` of that folder",
        "tensorboard_tracker",
        ("tensorboard",),
        "tensorboard",
    ),
    "mlflow": TrackerKind(
        "the data base RESULTS/tracking/mlflow/mlflow.db, or the server of MLFLOW_TRACKING_URI",
        "mlflow_tracker",
        ("mlflow", "sqlalchemy"),
        "mlflow",
    ),
    "wandb": TrackerKind(
        "offline runs in RESULTS/tracking/wandb, for `wandb sync`; WANDB_MODE=online sends them at once",
        "wandb_tracker",
        ("wandb",),
        "wandb",
    ),
}


class Track(Options):
    """Which trackers are told of a grid."""

    track: Annotated[list[str], Commas] = option(
        [],
        "Log epochs, metrics and pictures of each run: tensorboard, mlflow, wandb.",
        PANEL,
        "NAME,…",
        unset="none",
    )

    @field_validator("track")
    @classmethod
    def _known(cls, track: list[str]) -> list[str]:
        for name in track:
            if name not in TRACKERS:
                raise unknown("tracker", name, TRACKERS)
        if len(set(track)) < len(track):
            raise ValueError("names a tracker twice")
        return track

    def check(self) -> None:
        """Check that the libraries are installed.

        Raises:
            UsageError: one is not.
        """
        for name in self.track:
            kind = TRACKERS[name]
            if missing := [each for each in kind.packages if importlib.util.find_spec(each) is None]:
                raise UsageError(
                    f"--track {name}: {' and '.join(missing)} cannot be imported; "
                    f"pip install 'uncertainty-bench[{kind.extra}]' brings it"
                )
