"""The function `bench.run`; its arguments are the options of the command line."""

import os
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from typing import Any, Literal, ParamSpec, TypeVar

import pandas as pd

from bench.commands.grid_session import grid_of, make_context
from bench.commands.progress_line import showing_progress
from bench.commands.stored_frames import load_results
from bench.errors import unknown
from bench.escaping import printable
from bench.execution.machines import Machines
from bench.execution.observer import CellReport
from bench.execution.start import run_grid
from bench.execution.weightless import without_weights
from bench.grid.cell_state import CellState
from bench.grid.request import Request
from bench.options import Options, PathLike, path_of
from bench.plugins.plugin_folders import plugin_folders
from bench.spec import RunSpec
from bench.store import grid_status as status
from bench.tracking.names import Track
from bench.tracking.tracking import tracking
from bench.validation import validated

Several = str | Iterable[str]
Number = int | float | str
P = ParamSpec("P")
Result = TypeVar("Result")


def known_arguments_only(function: Callable[P, Result]) -> Callable[P, Result]:
    """Have an unknown argument named with the nearest known one, as an unknown option is."""
    known = signature(function).parameters

    @wraps(function)
    def checked(*given: P.args, **named: P.kwargs) -> Result:
        for name in named:
            if name not in known:
                raise unknown("argument", name, known)
        return function(*given, **named)

    return checked


@known_arguments_only
def run(
    *,
    methods: Several | None = None,
    datasets: Several = "digits",
    noise: Number | Iterable[Number] = "0,0.1,0.2,0.3",
    seeds: int | str | Iterable[int | str] = 0,
    set: dict[str, dict[str, Any]] = {},  # noqa: B006 - it is not changed
    recipes: dict[str, dict[str, Any]] = {},  # noqa: B006
    recipe: Several | None = None,
    preset: str | None = None,
    epochs: int | str | None = None,
    relabel: Several | None = None,
    relabel_from: int | str | None = None,
    held_out: Number = 0.0,
    evaluate: Literal["test", "held-out"] = "test",
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
    plugins: PathLike | Iterable[PathLike] = (),
    force: bool = False,
    keep_weights: bool = False,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Run a grid and return its finished runs, one row each, as `load_results` does.

    A list may be given as a list, as text with commas or as a single value: `noise=[0, 0.3]`,
    `noise="0,0.3"`, `noise=0.3`.

    Args:
        methods: names of the methods; None runs all.
        datasets: names of the data sets.
        noise: label noise, such as 0.3 (symmetric) or `pair:0.3`; `bench list noise` has the kinds.
        seeds: seeds, such as 3, `[0, 1]` or `"0-4"`; each is a run of its own.
        set: hyper-parameters: `{"rul": {"mix": 3}}`; also of data sets, `recipe` and `relabel`. For
            a method or `relabel`, a list of values runs each.
        recipes: changes to the recipe by a name for them; each is run.
        recipe: which of these to run; None runs all.
        preset: changes to the recipe by their name, such as `quick`.
        epochs: epochs of training; None takes the recipe's.
        relabel: `on`, `off` or both, for all methods; None takes each method's own.
        relabel_from: first epoch that relabels, from 1; None takes the recipe's.
        held_out: part of the noisy training set to set aside, from 0 to below 1.
        evaluate: the images to evaluate on.
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
        plugins: a folder or several that hold `methods/` or `datasets/` of their own, besides those
            that the environment variable BENCH_PLUGINS names.
        force: run again what is finished.
        keep_weights: store the trained weights of each run, for `predict`.
        progress: show a progress bar on the standard error output; None shows it in a terminal or a
            notebook only.

    Raises:
        UsageError: an unknown argument or name, or a value that does not fit.

    Warns:
        UserWarning: cells that failed, with their reasons; the other cells are run and stored. Also
            what a plugin changed of its process, such as the working directory; it is put back.
    """
    given = locals()
    request = validated(Request, of_model(Request, given), "argument")
    machines = validated(Machines, of_model(Machines, given), "argument")
    trackers = validated(Track, {"track": track}, "argument")
    trackers.check()
    folders = plugin_folders(path_of(folder, "plugins") for folder in listed(plugins))
    place = path_of(results, "results")
    context = make_context(
        place, data_root, folders, machines, download=download, force=force, keep_weights=keep_weights
    )
    grid, context = grid_of(request, context, machines)
    status.remember(context.store, grid)
    if lacking := without_weights(grid, context):
        warnings.warn(lacking, stacklevel=3)
    shown = showing_progress(progress, grid, context)
    with tracking(trackers.track, context.store, warnings.warn, shown) as observer:
        reports = run_grid(machines, grid, context, observer)
    warn_of_failures(reports)
    wanted = {cell.identity for cell in grid if isinstance(cell, RunSpec)}
    found = load_results(results)
    return found[found["identity"].isin(wanted)].reset_index(drop=True) if len(found) else found


def of_model(model: type[Options], given: dict[str, Any]) -> dict[str, Any]:
    """Return those of the arguments that are a model's fields."""
    return {name: value for name, value in given.items() if name in model.model_fields}


def listed(plugins: PathLike | Iterable[PathLike]) -> list[PathLike]:
    """Return folders given as a list, or a single one."""
    return [plugins] if isinstance(plugins, str | os.PathLike) else list(plugins)


def warn_of_failures(reports: list[CellReport]) -> None:
    """Warn of cells that failed, and of what plugins changed of their process."""
    failed = [
        printable(f"{report.title}: {report.detail}") for report in reports if report.status == CellState.FAILED
    ]
    if failed:
        warnings.warn(f"{len(failed)} of {len(reports)} cells failed: {'; '.join(failed)}", stacklevel=4)
    for line in dict.fromkeys(line for report in reports for line in report.notes):
        warnings.warn(line, stacklevel=4)
