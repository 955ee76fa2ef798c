"""The functions of the package that read a results folder; all but one return data frames."""

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pandas as pd

from bench.errors import BenchError, UsageError, one_line
from bench.escaping import printable
from bench.options import PathLike, path_of, refuse_empty, split_list
from bench.report import comparison
from bench.report.frames import curves_frame, epochs_frame, frame
from bench.report.results import load_records
from bench.report.selection import Selection
from bench.store.file_sources import RunFiles
from bench.store.plugin_sources import read_sources
from bench.store.prediction_files import read_predictions
from bench.store.record import Record, read_record
from bench.store.store import Store
from bench.validation import validated


def load_results(results: PathLike = "results") -> pd.DataFrame:
    """Return all finished runs of a results folder, one row each.

    Columns tell what was run (`setting` is the name of the tables that it stands in, `method.mix` a
    hyper-parameter, `recipe.epochs` an entry of the recipe), its metrics (`scores.own.aurc`, …, as
    fractions) and what it cost.

    Raises:
        BenchError: there is no such folder, or its name is empty.

    Warns:
        UserWarning: folders in the store that cannot be read as runs.
    """
    records, folder = _records(results)
    return frame(records, folder)


def load_curves(results: PathLike = "results") -> pd.DataFrame:
    """Return the rejection curves of all runs, one row per run, score and rejected part.

    Columns: `identity`, `setting`, `dataset`, `method`, `label`, `noise` and `seed` tell the run;
    `score` names what the images were rejected by, `rejected` is their part (0–1), `accuracy` that
    of the others (0–1).

    Raises:
        BenchError: there is no such folder, or its name is empty.

    Warns:
        UserWarning: folders in the store that cannot be read as runs.
    """
    return curves_frame(_records(results)[0])


def load_epochs(results: PathLike = "results") -> pd.DataFrame:
    """Return the logs of all runs, one row per run and epoch.

    Columns: those that tell the run, as in `load_curves`; then `epoch` (from 1), losses, accuracies
    (0–1), and NaN where a run does not log a thing.

    Raises:
        BenchError: there is no such folder, or its name is empty.

    Warns:
        UserWarning: folders in the store that cannot be read as runs.
    """
    return epochs_frame(_records(results)[0])


def load_predictions(results: PathLike, identity: str, part: Literal["test", "train"] = "test") -> pd.DataFrame:
    """Return the stored predictions of a run, one row per image.

    Args:
        results: folder of the store; its runs may be packed.
        identity: of the run, as `load_results` has it, or its first 8 digits or more.
        part: of the data: the evaluated images, or those trained on.

    Returns:
        `uncertainty`, `logit_0` … (or `log_probability_0` …), and for the evaluated images `label`
        and `feature_0` …, for those trained on `index` (place in the data set) and the labels
        `true`, `given` and `current` (after relabelling).

    Raises:
        UsageError: there is no such part, or no run, or more than one, of this identity.
        BenchError: there is no such folder, or the predictions are not in it: a pack has those of
            the test set if it was made with `--predictions`, and none of the training set.
    """
    if part not in ("test", "train"):
        raise UsageError(f"part: must be test or train, got {part!r}")
    record = _run(results, identity)
    try:
        return pd.DataFrame(read_predictions(record.files, part).table())
    except FileNotFoundError:
        hint = (
            "bench pack takes those of the test set along with --predictions"
            if part == "test"
            else ("a pack never has those of the training set")
        )
        raise BenchError(f"{record.files} has no {part}.parquet here: {hint}") from None
    except (OSError, ValueError) as error:
        raise BenchError(f"{record.files}: {one_line(error)}") from None


def load_sources(results: PathLike, identity: str) -> dict[str, str]:
    """Return the source of a run's plugins as text, by places such as `methods/my_idea.py`.

    Plugins of the harness itself are not in it, nor are those of runs of earlier versions. Nothing
    here executes the text.

    Args:
        results: folder of the store; its runs may be packed.
        identity: of the run, as `load_results` has it, or its first 8 digits or more.

    Raises:
        UsageError: there is no run, or more than one, of this identity.
        BenchError: there is no such folder, or the text is not as it was written.
    """
    record = _run(results, identity)
    try:
        return read_sources(record.files)
    except (OSError, ValueError) as error:
        raise BenchError(f"{record.files}: {one_line(error)}") from None


def compare(
    *,
    results: PathLike = "results",
    datasets: str | Iterable[str] = (),
    methods: str | Iterable[str] = (),
    noise: str | float | Iterable[str | float] = (),
    setting: str | None = None,
    metric: str = "accuracy",
    against: str | None = None,
) -> pd.DataFrame:
    """Return paired differences of stored runs, one row for each pair of methods and each noise.

    Columns `setting`, `dataset` and `noise` are those of `load_results`; `method` and `against` are
    row labels, as its column `label` is.

    Args:
        results: folder of the store.
        datasets: names to compare, as a list or as text with commas; all if none is given.
        methods: the same for methods; row labels of methods fit, too.
        noise: points of the noise axis, such as 0.3 or `pair:0.3`; all if none is given.
        setting: the name of one setting, where runs have several recipes.
        metric: a metric's dotted name, as `load_results` has it.
        against: the row label that every other is compared with; every pair if not given.

    Raises:
        UsageError: an unknown name, or nothing to compare.
    """
    refuse_empty(metric, "metric")
    refuse_empty(against, "against")
    folder = path_of(results, "results")
    wanted = {"datasets": datasets, "methods": methods, "noise": noise}
    given = {name: each if isinstance(each, str) else split_list(each) for name, each in wanted.items()}
    selection = validated(Selection, given | {"setting": setting}, "argument")
    compared = comparison.load(folder, selection, metric, against)
    for problem in compared.problems:
        warnings.warn(printable(problem), stacklevel=2)
    return compared.frame()


def _store(results: PathLike) -> Store:
    folder = path_of(results, "results")
    if not folder.is_dir():
        raise BenchError(f"there is no results folder {results}")
    return Store(folder)


def _records(results: PathLike) -> tuple[list[Record], Path]:
    """Return the runs of a results folder, and its path; warn of what is none."""
    store = _store(results)
    records, problems = load_records(store)
    for problem in problems:
        warnings.warn(printable(problem), stacklevel=3)
    return records, store.results


def _run(results: PathLike, identity: str) -> Record:
    """Return the run whose identity begins so.

    Raises:
        UsageError: there is none, or more than one.
        BenchError: there is no such folder, or the run cannot be read.
    """
    if not re.fullmatch("[0-9a-f]{8,64}", identity):
        raise UsageError(f"identity: must be 8 to 64 digits 0-9a-f, as load_results has it, got {identity!r:.80}")
    store, found = _store(results), dict[str, Record]()
    runs: list[RunFiles] = [run for run in store.runs() if run.path.name.endswith(f"-{identity[:8]}")]
    for run in runs:
        record = read_record(run)
        if record.spec.identity.startswith(identity):
            found.setdefault(record.spec.identity, record)
    if len(found) != 1:
        seen = "no run" if not found else f"{len(found)} runs"
        raise UsageError(f"{results} has {seen} of the identity {identity}; load_results lists them")
    return next(iter(found.values()))
