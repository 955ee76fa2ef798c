"""The function `bench.tune`; its arguments are the options of the command line."""

import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal

import pandas as pd

from bench.commands.grid_session import make_context
from bench.commands.progress_line import showing_progress
from bench.commands.python import Number, Several, known_arguments_only, listed, of_model, warn_of_failures
from bench.commands.tuning_session import make_tuning, records_of, trials_frame
from bench.commands.tuning_session import tune as run_tuning
from bench.execution.machines import Machines
from bench.execution.observer import Observer
from bench.grid.cell_state import Cell
from bench.grid.search_space import Search, Searched
from bench.options import PathLike, path_of
from bench.plugins.plugin_folders import plugin_folders
from bench.tracking.names import Track
from bench.tracking.tracking import tracking
from bench.validation import validated


@known_arguments_only
def tune(
    *,
    budget: int | str = 10,
    search: Literal["grid", "random"] = "grid",
    metric: str = "accuracy",
    tune_seeds: int | str | Iterable[int | str] = 0,
    search_seed: int | str = 0,
    methods: Several | None = None,
    datasets: Several = "digits",
    noise: Number | Iterable[Number] = "0,0.1,0.2,0.3",
    seeds: int | str | Iterable[int | str] = 0,
    set: dict[str, dict[str, Any]] = {},  # noqa: B006 - it is not changed
    preset: str | None = None,
    epochs: int | str | None = None,
    relabel: str | None = None,
    relabel_from: int | str | None = None,
    held_out: Number = 0.1,
    noise_seed: int | str | None = None,
    device: str = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    jobs: int | str | None = 0,
    runs_per_gpu: int | str = 1,
    threads: int | str = 1,
    max_minutes: Number | None = None,
    checkpoint_minutes: Number = 5.0,
    executor: Literal["local", "ray", "slurm"] = "local",
    address: str | None = None,
    slurm: dict[str, Any] = {},  # noqa: B006
    track: Several = (),
    results: PathLike = "results",
    data_root: PathLike | None = None,
    download: bool = False,
    keep_weights: bool = False,
    plugins: PathLike | Iterable[PathLike] = (),
    progress: bool | None = None,
) -> pd.DataFrame:
    """Choose settings on a held-out part, the same number for each method, and test the winners.

    The test set is not read in the search. The search and its winners are kept in the results
    folder, whose report has them as the tables `tuning` and `tuning-trials`.

    Args:
        budget: configurations of each method, its defaults being one of them.
        search: all combinations of what `set` lists, or a random part of them.
        metric: what is best on the held-out part wins, such as `scores.own.aurc`.
        tune_seeds: seeds that each configuration is tried with.
        search_seed: seed of a random search.
        methods: names of the methods; None runs all.
        datasets: names of the data sets.
        noise: label noise, such as 0.3 (symmetric) or `pair:0.3`; `bench list noise` has the kinds.
        seeds: seeds of the winners on the test set, such as 3, `[0, 1]` or `"0-4"`.
        set: hyper-parameters: `{"rul": {"mix": [2, 3]}}`; also of data sets, `recipe` and
            `relabel`. A list is searched, in a random search also a range such as
            `{"low": 0.01, "high": 1.0, "log": True}`.
        preset: changes to the recipe by their name, such as `quick`.
        epochs: epochs of training; None takes the recipe's.
        relabel: `on` or `off` for all methods; None takes each method's own.
        relabel_from: first epoch that relabels, from 1; None takes the recipe's.
        held_out: part of the noisy training set to set aside and to choose by, above 0.
        noise_seed: seed of the label noise; None takes the run's seed.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; auto is CUDA if there is a GPU, else the
            CPU.
        precision: number type of the nets; auto is bfloat16 where the hardware has it.
        jobs: runs at a time, each a process of its own; 0: one after the other in this process;
            None or `auto`: one a core or GPU. With more than 0 a script must guard its own code by
            `if __name__ == "__main__":`.
        runs_per_gpu: runs that share a GPU if `jobs` is auto.
        threads: CPU threads of each run.
        max_minutes: stop at a checkpoint within so many minutes; None: no limit.
        checkpoint_minutes: time between checkpoints; 0 writes one after every epoch.
        executor: who runs the runs: this machine, a Ray cluster or Slurm.
        address: of a Ray cluster, such as `10.0.0.1:6379`; None starts Ray on this machine.
        slurm: parameters of submitit's AutoExecutor, such as `{"timeout_min": 600}`.
        track: names of experiment trackers to log to: `tensorboard`, `mlflow`, `wandb`.
        results: folder of the store; runs that are finished there are not run again.
        data_root: where data sets are; None takes the environment variable BENCH_DATA, else `data`.
        download: fetch data sets that are missing.
        keep_weights: store the trained weights of each run, for `predict`.
        plugins: a folder or several that hold `methods/` or `datasets/` of their own, besides those
            that the environment variable BENCH_PLUGINS names.
        progress: show a progress bar on the standard error output; None shows it in a terminal or a
            notebook only.

    Returns:
        One row for each configuration: `held_out` is its mean metric there, `test` that of a
        winner (`won`) on the test set.

    Raises:
        UsageError: an unknown argument or name, or a value that does not fit.

    Warns:
        UserWarning: runs that failed, with their reasons; such a configuration cannot win.
    """
    given = locals()
    request = validated(Searched, of_model(Searched, given), "argument")
    how = validated(Search, of_model(Search, given), "argument")
    machines = validated(Machines, of_model(Machines, given), "argument")
    trackers = validated(Track, {"track": track}, "argument")
    trackers.check()
    folders = plugin_folders(path_of(folder, "plugins") for folder in listed(plugins))
    place = path_of(results, "results")
    context = make_context(place, data_root, folders, machines, download=download, keep_weights=keep_weights)
    tuning = make_tuning(request, how, context, machines)

    def watching(grid: list[Cell]) -> AbstractContextManager[Observer]:
        shown = showing_progress(progress, grid, context)
        return tracking(trackers.track, context.store, warnings.warn, shown)

    study, reports = run_tuning(tuning, watching)
    warn_of_failures(reports)
    return trials_frame(study, records_of(place))
