"""What tests of the harness share: the dummy plugins, small grids, and the real command line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from commandline import Command

from bench.evaluation.evaluate import Evaluation, evaluate
from bench.evaluation.metrics import VERSION
from bench.evaluation.predictions import LabelledPredictions, Predictions
from bench.execution.context import Context
from bench.execution.local import LocalExecutor
from bench.execution.observer import CellReport, Observer
from bench.files import checksums
from bench.grid.cells import cells
from bench.grid.pictures import Pictures
from bench.grid.request import Request
from bench.plugins.method import Task
from bench.plugins.registry import Registry
from bench.recipe import Weights
from bench.report.pages import Report, write_report
from bench.report.sample_pictures import Samples
from bench.spec import RunSpec
from bench.store.file_sources import Folder
from bench.store.record import Record
from bench.store.record_models import Cost, Environment, Metrics, NoiseManifest
from bench.store.store import Store
from bench.validation import validated
from bench.version import PROTOCOL

PLUGINS = Path(__file__).parent / "example_plugins"
DUMMY = (PLUGINS / "methods" / "dummy.py").read_text()
TASK = Task(num_classes=3, image_shape=(1, 4, 4), train_size=60, epochs=4, noise_rate=None)
TINY = {"methods": ["dummy"], "datasets": ["tiny"], "noise": [0.3], "device": "cpu", "precision": "float32"}


def grid(*folders: Path, **content: object) -> list:
    return cells(validated(Request, TINY | content, "option"), Registry([PLUGINS, *folders]), Path("data"))


def spec(**content: object) -> RunSpec:
    (cell,) = grid(**content)
    return cell


def run(results: Path, *folders: Path, force: bool = False, **content: object) -> list[CellReport]:
    registry = Registry([PLUGINS, *folders])
    context = Context(registry, Store(results), Path("data"), force=force)
    return LocalExecutor(context, Observer()).run(grid(*folders, **content))


METRICS = {"samples": 60, "misclassified": 30, "accuracy": 0.5}
MANIFEST = {"samples": 60, "flips": 0, "realised_rate": 0.0, "transitions": [], "sha256": 64 * "0"}


def record(cell: RunSpec, **fields: Any) -> Record:
    """A record that no run made, of the fields given and of empty ones."""
    tables = {name: fields.pop(name, pd.DataFrame()) for name in ("epochs", "curves")}
    frames = {f"{name}_csv": frame.to_csv(index=False).encode() for name, frame in tables.items()}
    noise = cell.noise.model_dump(mode="json", exclude_none=True)
    models = {
        "manifest": NoiseManifest.model_validate(noise | MANIFEST | fields.pop("manifest", {})),
        "metrics": metrics(**fields.pop("metrics", {})),
        "environment": Environment.model_construct(),
        "cost": Cost.model_validate({"started": "2026-01-01", "seconds": 1.0} | fields.pop("cost", {})),
    }
    path = fields.pop("path", cell.folder)
    plain = {"metrics_version": VERSION, "outcome": "", "classes": ["a", "b", "c"]}
    return Record(Folder(path), cell, **models, **plain | fields, **frames)


def elsewhere(made: Record, folder: str, **method: Any) -> Record:
    """The record with the same files under another folder, as another user has them."""
    moved, spec = {"location": {"data_root": folder}}, made.spec
    weights = Weights(path=f"{folder}/weights.pt", source="0123456789ab")
    changes = {
        "recipe": spec.recipe.model_copy(update={"pretrained": weights}),
        "dataset": spec.dataset.model_copy(update={"version": "1", **moved}),
        "method": spec.method.model_copy(update=moved | method),
    }
    return replace(made, spec=spec.model_copy(update=changes))


def of_older_protocol(made: Record, **entries: Any) -> Record:
    """The record as a run of the protocol before this version's, of other metrics."""
    spec = made.spec.model_copy(update={"protocol": PROTOCOL - 1})
    return replace(made, spec=spec, metrics=metrics(**entries))


def without(made: Record, *names: str, **entries: Any) -> Record:
    """The record without some metrics, and with others."""
    changed = made.metrics.entries() | entries
    return replace(made, metrics=Metrics.model_validate({k: v for k, v in changed.items() if k not in names}))


def metrics(**entries: Any) -> Metrics:
    scores = {"own": {}, "msp": {}} | entries.pop("scores", {})
    return Metrics.model_validate(METRICS | entries | {"scores": scores})


def evaluation_of(
    test: Predictions,
    labels: np.ndarray,
    train: Predictions,
    given: np.ndarray,
    true: np.ndarray,
    human_entropy: np.ndarray | None = None,
) -> Evaluation:
    """Metrics and curves of predictions on an evaluated and on a training set."""
    people = {} if human_entropy is None else {"human_entropy": human_entropy}
    return evaluate(
        LabelledPredictions(test, {"label": labels} | people),
        LabelledPredictions(train, {"given": given, "true": true}),
    )


def checksummed(folder: Path) -> None:
    """Write the checksums of a folder's files anew, as if a run had written them so."""
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    written = checksums.written(checksums.of({path.name: path.read_bytes() for path in paths}))
    (folder / checksums.NAME).write_bytes(written)


def samples(*folders: Path) -> Samples:
    return Samples(Registry([PLUGINS, *folders]), Path("data"))


def report(results: Path, *folders: Path, **pictures: Any) -> Report:
    return write_report(results, samples(*folders), Pictures(**pictures))


def plugin(folder: Path, name: str, source: str, kind: str = "methods") -> Path:
    (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / kind / f"{name}.py").write_text(source)
    return folder


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line, `run` and `tune` with `--jobs 0` unless another is given."""
    jobs = ("--jobs", "0") if arguments[:1] in (("run",), ("tune",)) and "--jobs" not in arguments else ()
    given = os.environ | {"COLUMNS": "80", "OMP_NUM_THREADS": "1"} | environment
    with TemporaryDirectory() as folder:
        command = Command(Path(folder) / "said", [*arguments, *jobs], environment=given)
        try:
            return subprocess.CompletedProcess(command.arguments, command.wait(), command.out, command.err)
        finally:
            command.end()


def from_nothing(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bench` in a new interpreter, which has imported nothing before."""
    command = [sys.executable, "-m", "bench", *arguments]
    given = os.environ | {"COLUMNS": "80", "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(command, capture_output=True, text=True, env=given, timeout=300)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Let nobody read a file or folder; root is a plain user meanwhile."""
    mode = path.stat().st_mode
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Give a folder to another user and let others read it; root is a plain user meanwhile."""
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
